//! Events that a sink will never take: written to a file of their own, with the reason, and then out of the way.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{envelope, event::ConsoleEvent};
use crate::clock;

/// The version of a line.
const SCHEMA: &str = "edrctl.dead_letter/1";

/// The file of refused events. It is made when the first one is refused.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    path: PathBuf,
    /// Held only by the thread that writes, never across an await.
    file: Arc<Mutex<Option<File>>>,
}

/// Why an event could not be put down.
#[derive(Debug, thiserror::Error)]
#[error("write the dead-letter file `{}`", .path.display())]
pub struct DeadLetterError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    time: String,
    sink: &'a str,
    reason: &'a str,
    id: String,
    /// The body, exactly but for line breaks between its parts; null if it is no JSON.
    body: Option<&'a RawValue>,
    /// The body where it is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl DeadLetters {
    /// Takes the file's path. Nothing is opened yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: Arc::default() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts events down, each with its reason, and waits until they are on the disk. After an error, none of them is
    /// there, or the whole of it comes again.
    ///
    /// # Errors
    ///
    /// [`DeadLetterError`] if they are not on the disk: then they must not be acknowledged.
    pub async fn put(&self, sink: &str, refused: &[(&ConsoleEvent, &str)]) -> Result<(), DeadLetterError> {
        if refused.is_empty() {
            return Ok(());
        }
        let lines = lines(sink, refused).map_err(|source| self.failed(source))?;
        let (path, file) = (self.path.clone(), Arc::clone(&self.file));
        let written = tokio::task::spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            append(&mut file, &path, &lines)
        });
        written.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> DeadLetterError {
        DeadLetterError { path: self.path.clone(), source }
    }
}

fn lines(sink: &str, refused: &[(&ConsoleEvent, &str)]) -> io::Result<Vec<u8>> {
    let time = clock::rfc3339(clock::now());
    let mut lines = Vec::new();
    for (event, reason) in refused {
        let body = envelope::json(&event.body);
        let line = Line {
            schema: SCHEMA,
            time: time.clone(),
            sink,
            reason,
            id: envelope::id_text(&event.id),
            body,
            body_base64: body.is_none().then(|| STANDARD.encode(&event.body)),
        };
        let from = lines.len();
        serde_json::to_writer(&mut lines, &line)?;
        envelope::on_one_line(&mut lines, from);
        lines.push(b'\n');
    }
    Ok(lines)
}

fn append(open: &mut Option<File>, path: &Path, lines: &[u8]) -> io::Result<()> {
    let file = match open.take() {
        Some(file) => open.insert(file),
        None => open.insert(open_private(path)?),
    };
    let before = file.metadata()?.len();
    let written = add(file, before, lines);
    if written.is_err() {
        // The next call opens it again. What stays there torn is closed with a line end then.
        drop(file.set_len(before));
        *open = None;
    }
    written
}

fn add(file: &mut File, length: u64, lines: &[u8]) -> io::Result<()> {
    if let Some(last) = length.checked_sub(1) {
        let mut byte = [0];
        file.seek(SeekFrom::Start(last))?;
        file.read_exact(&mut byte)?;
        if byte != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(lines)?;
    file.sync_data()
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bytes::Bytes;

    use super::*;

    #[tokio::test]
    async fn a_refused_event_is_put_down_whole_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let letters = DeadLetters::new(folder.path().join("dead.jsonl"));
        letters.put("splunk", &[]).await.unwrap();
        assert!(!letters.path().exists());
        let good = ConsoleEvent::new(Bytes::from_static(b"{\n\"id\":7312450098812341999}"));
        let odd = ConsoleEvent::new(Bytes::from_static(b"\xff\n"));
        letters.put("splunk", &[(&good, "no \"event\" field"), (&odd, "no JSON")]).await.unwrap();
        let text = fs::read_to_string(letters.path()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!((&lines[0]["sink"], &lines[0]["reason"]), (&"splunk".into(), &"no \"event\" field".into()));
        assert_eq!(lines[0]["id"], "7312450098812341999");
        assert_eq!(lines[0]["body"]["id"], 7_312_450_098_812_341_999_u64);
        assert_eq!(lines[1]["body_base64"], "/wo=");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(letters.path()).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_torn_line_does_not_run_into_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let letters = DeadLetters::new(folder.path().join("dead.jsonl"));
        fs::write(letters.path(), "{\"half").unwrap();
        let event = ConsoleEvent::new(Bytes::from_static(b"{\"id\":1}"));
        letters.put("elastic", &[(&event, "why")]).await.unwrap();
        let text = fs::read_to_string(letters.path()).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((text.lines().count(), &last["reason"]), (2, &"why".into()));
    }

    #[tokio::test]
    async fn what_cannot_be_put_down_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let letters = DeadLetters::new(folder.path().join("none/dead.jsonl"));
        let event = ConsoleEvent::new(Bytes::from_static(b"{\"id\":1}"));
        let error = letters.put("elastic", &[(&event, "why")]).await.unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
    }
}
