//! Events in a file, one a line, that is put away when it is large or old enough.
//!
//! # What is kept
//!
//! A batch is added with one write and one sync. When that fails, on a full disk for one, the file is cut back to where it
//! stood, before anything else is written there: a line is there whole or not at all.
//!
//! The active file keeps its name, so that `tail -F` follows it. Finished, it is called after the time at which it was
//! begun, `events.20261122T031502Z.jsonl`, and is compressed if asked for. A batch is never divided between files, so
//! one batch may exceed the size. Size and age are looked at when a batch arrives; in a quiet hour nothing is renamed.
//!
//! # Where it stands
//!
//! A batch is on the disk before the stream has written down that it was kept. If the program ends in between, the batch
//! was not acknowledged, comes again, and must not be there twice. So at the next start what lies behind the [`Position`] is
//! looked at: its lines stay, and those that come again are not written a second time. Nothing is cut, for
//! another stream may have written there meanwhile, and nothing of theirs comes again. Only a last line without an end goes,
//! once the line comes that it is the beginning of.
//!
//! The position stays until that is done, so that another crash finds the same tail. The length alone does not say of which
//! file, for the active file has the same name before and after it was put away. So a position names the file by what it
//! *will* be called once it is finished; that name is settled when a file is begun, and never given twice:
//!
//! - A finished file of that name exists: the active one was begun afterwards, and all of it is the tail.
//! - None exists: it is the active file, and the tail is what lies behind the length.
//! - Finished files exist that are newer still: the position is older than one batch, out of a backup perhaps, and tells
//!   nothing.
//!
//! Where somebody else takes the active file away (`logrotate`), no finished file of ours tells of it. Then a note beside
//! the file does, which is written before the first line goes into the new one. If that happens between a crash and the
//! first batch after it, and there is another crash then, that batch may be in both files.
//!
//! Two streams never write one file: it is locked.

mod archive;
mod disk;
mod names;
mod tail;
mod writer;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::task::JoinHandle;

use self::{
    archive::{Archive, Keeper},
    disk::{Disk, RealDisk},
    names::Names,
    writer::{Appended, Writer},
};
use super::{Kept, Position, Sink, SinkError, Then};
use crate::stream::{envelope::Format, event::ConsoleEvent};

/// The memory of more lines than this, in bytes, is not kept.
const SPARE: usize = 2 * 1024 * 1024;

/// What a file of events is to be.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// The active file.
    pub path: PathBuf,
    /// How a line looks.
    pub format: Format,
    /// The file is put away before it would exceed this.
    pub max_bytes: Option<u64>,
    /// The file is put away once it was begun so long ago.
    pub max_age: Option<Duration>,
    /// How many finished files stay; at least one does.
    pub keep: Option<usize>,
    /// What is done with finished files.
    pub compress: Compress,
}

/// What is done with finished files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    /// They stay as they are.
    #[default]
    None,
    /// They are compressed, in the form that every tool reads.
    Gzip,
    /// They are compressed, in the form that takes less time and less room.
    Zstd,
}

impl FileOptions {
    /// A file that grows for ever.
    pub const fn new(path: PathBuf) -> Self {
        let format = Format::Raw;
        Self { path, format, max_bytes: None, max_age: None, keep: None, compress: Compress::None }
    }
}

/// Keeps events in a file.
#[derive(Debug)]
pub struct FileSink {
    name: String,
    format: Format,
    /// Held only by the thread that writes, never across an await.
    writer: Arc<Mutex<Writer>>,
    position: Option<Position>,
    /// Lines were handed to the writer, and nobody has heard yet what became of them.
    working: Option<JoinHandle<Worked>>,
    /// The memory of the last batch's lines, for the next one: new memory for each is what other threads have not given back
    /// yet, many times over.
    spare: Vec<u8>,
    keeper: Option<Keeper>,
    archive: Option<Archive>,
    /// For people, and not told yet.
    notes: Vec<String>,
}

/// What became of lines, and their memory.
type Worked = Result<(Appended, Vec<u8>), SinkError>;

impl FileSink {
    /// A sink for this file. Nothing is opened before [`Sink::begin`].
    ///
    /// # Errors
    ///
    /// [`SinkError`] if the path names no file.
    pub fn new(options: FileOptions) -> Result<Self, SinkError> {
        Self::on(options, Arc::new(RealDisk))
    }

    fn on(options: FileOptions, disk: Arc<dyn Disk>) -> Result<Self, SinkError> {
        let no_file = || SinkError { text: format!("`{}` names no file", options.path.display()), then: Then::Stop };
        let names = Names::new(&options.path).ok_or_else(no_file)?;
        Ok(Self {
            name: format!("file {}", absolute(&options.path).display()),
            format: options.format,
            position: None,
            working: None,
            spare: Vec::new(),
            keeper: Some(Keeper {
                names: names.clone(),
                disk: Arc::clone(&disk),
                compress: options.compress,
                keep: options.keep,
            }),
            archive: None,
            notes: Vec::new(),
            writer: Arc::new(Mutex::new(Writer::new(options, names, disk))),
        })
    }

    /// Has finished files looked after.
    fn wake(&self) {
        if let Some(archive) = &self.archive {
            archive.wake();
        }
    }

    /// Runs something with the writer on a thread that may block.
    fn with_writer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, SinkError> + Send + 'static,
    ) -> JoinHandle<Result<T, SinkError>> {
        let writer = Arc::clone(&self.writer);
        tokio::task::spawn_blocking(move || {
            // What the writer knows of its file is set before and after each step, so a panic leaves nothing half told.
            work(&mut writer.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }
}

/// The same path from whatever folder it is named, and however: a position is found by it.
///
/// The last part stays as it is. It may be a link, and the file behind it another one tomorrow.
pub fn absolute(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

fn stop(name: &str, error: &dyn std::error::Error) -> SinkError {
    SinkError { text: format!("{name}: {error}"), then: Then::Stop }
}

#[async_trait]
impl Sink for FileSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&mut self, position: Option<&Position>) -> Result<(), SinkError> {
        let position = position.cloned();
        let begun = self.with_writer(move |writer| writer.begin(position.as_ref())).await;
        self.position = Some(begun.unwrap_or_else(|error| Err(stop(&self.name, &error)))?);
        if let Some(keeper) = self.keeper.take() {
            self.archive = Some(Archive::start(keeper).map_err(|error: io::Error| stop(&self.name, &error))?);
        }
        Ok(())
    }

    async fn keep(&mut self, batch: &[ConsoleEvent]) -> Result<Kept, SinkError> {
        let mut lines = std::mem::take(&mut self.spare);
        lines.clear();
        lines.reserve_exact(batch.iter().map(|event| event.body.len() + 1).sum());
        for event in batch {
            self.format.write_line(event, &mut lines);
        }
        if !lines.is_empty() {
            // A call that was dropped while it waited is carried out all the same, and taken back here.
            let mut undo = None;
            if let Some(dropped) = &mut self.working {
                // Whatever it says: after a failure there is nothing to take back.
                drop(dropped.await);
                undo = self.position.clone();
                self.wake();
            }
            let working = self.with_writer(move |writer| {
                if let Some(position) = undo {
                    writer.undo(&position);
                }
                Ok((writer.append(&lines)?, lines))
            });
            let done = self.working.insert(working).await;
            self.working = None;
            let (appended, lines) = done.unwrap_or_else(|error| Err(stop(&self.name, &error)))?;
            let Appended { position, rotated, notes } = appended;
            self.position = Some(position);
            self.notes.extend(notes);
            if lines.capacity() <= SPARE {
                self.spare = lines;
            }
            if rotated {
                self.wake();
            }
        }
        Ok(Kept::default())
    }

    fn position(&self) -> Option<Position> {
        self.position.clone()
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        if let Some(mut archive) = self.archive.take() {
            let finished = tokio::task::spawn_blocking(move || archive.finish()).await;
            finished.map_err(|error| stop(&self.name, &error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
