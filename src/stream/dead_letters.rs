//! Events that a sink will never take: one JSON object a line, with the reason.
//!
//! The body is a text exactly as it came, or base64 where it is no text. After a crash an event may stand here twice.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::event::ConsoleEvent;
use crate::clock;

/// Where events go that a sink refuses for good. The file is made when the first one does.
#[derive(Debug)]
pub struct DeadLetters {
    path: PathBuf,
    file: Option<File>,
}

/// One event that was refused.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetter<'a> {
    /// The sink.
    pub sink: &'a str,
    /// Its reason.
    pub reason: &'a str,
    /// The event.
    pub event: &'a ConsoleEvent,
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    sink: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl DeadLetters {
    /// Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes these events down. When it returns, they are on the disk.
    ///
    /// # Errors
    ///
    /// When they are not.
    pub fn write(&mut self, letters: &[DeadLetter<'_>]) -> io::Result<()> {
        let mut lines = Vec::new();
        for letter in letters {
            let body = std::str::from_utf8(&letter.event.body).ok();
            let body_base64 = body.is_none().then(|| STANDARD.encode(&letter.event.body));
            let at = clock::rfc3339(clock::now());
            let line = Line { at, sink: letter.sink, reason: letter.reason, body, body_base64 };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        // A file that failed once is opened anew: then a line that was torn is ended.
        let mut file = match self.file.take() {
            Some(file) => file,
            None => open(&self.path)?,
        };
        file.write_all(&lines)?;
        file.sync_data()?;
        self.file = Some(file);
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    if file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.sync_all()?;
    if let Some(folder) = path.parent().filter(|folder| cfg!(unix) && !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_refused_event_is_kept_exactly_with_its_reason_behind_a_line_that_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.jsonl");
        std::fs::write(&path, "{\"at\":\"20").unwrap();
        let text = ConsoleEvent::new(Bytes::from_static(b"{\"id\": 1,\n \"a\":\"\x1b[2J\"}"));
        let bytes = ConsoleEvent::new(Bytes::from_static(b"\xff\xfe"));
        let letters = [
            DeadLetter { sink: "http", reason: "400 too long", event: &text },
            DeadLetter { sink: "http", reason: "no text", event: &bytes },
        ];
        DeadLetters::new(&path).write(&letters).unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 3);
        let first: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
        assert_eq!(first["body"].as_str().unwrap().as_bytes(), text.body);
        assert_eq!((first["sink"].as_str(), first["reason"].as_str()), (Some("http"), Some("400 too long")));
        let second: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
        assert_eq!(second["body_base64"], "//4=");
    }
}
