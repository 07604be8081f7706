//! Finished files: compressed, and the oldest removed, on a thread of its own, so that the stream does not wait.
//!
//! A file is compressed under a draft's name, synced, renamed, and only then is the plain one removed. Whatever moment the
//! program ends at, the folder holds the plain file, or both, or the whole compressed one; the next start does the rest.

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use flate2::{Compression, write::GzEncoder};
use tracing::warn;

use super::{
    Compress,
    disk::Disk,
    names::{DRAFT, Finished, Form, GZIP, Names, ZSTD, with},
};

/// Bytes that are read or written at once.
const CHUNK: usize = 1 << 16;

/// Looks after finished files.
#[derive(Debug)]
pub(super) struct Archive {
    wake: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Archive {
    /// Starts with what a former run has left behind.
    pub(super) fn start(keeper: Keeper) -> io::Result<Self> {
        let (wake, woken) = mpsc::channel();
        let thread = thread::Builder::new().name("archive".to_owned()).spawn(move || {
            loop {
                // The events are safe in the plain file; the next finished file, or the next start, tries again.
                if let Err(error) = keeper.tidy() {
                    let folder = keeper.names.folder.display();
                    warn!(%error, "finished files in {folder} could not be compressed or removed");
                }
                if woken.recv().is_err() {
                    return;
                }
                while woken.try_recv().is_ok() {}
            }
        })?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    /// Says that another file is finished.
    pub(super) fn wake(&self) {
        if let Some(wake) = &self.wake {
            // The thread only ends when this sender does, or in a panic that was told already.
            wake.send(()).ok();
        }
    }

    /// Waits until what was begun is done. Blocks.
    pub(super) fn finish(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been told on standard error already, and no event depends on it.
            drop(thread.join());
        }
    }
}

/// What is done with finished files.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) names: Names,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) compress: Compress,
    pub(super) keep: Option<usize>,
}

impl Keeper {
    /// Does everything that is left to do.
    pub(super) fn tidy(&self) -> io::Result<()> {
        let files = self.names.list()?;
        for draft in files.iter().filter(|file| file.form == Form::Draft) {
            self.disk.remove(&draft.path)?;
        }
        for plain in files.iter().filter(|file| file.form == Form::Plain) {
            let is_done = |file: &&Finished| file.form == Form::Compressed && file.serial == plain.serial;
            if !files.iter().any(|file| is_done(&file)) {
                let suffix = match self.compress {
                    Compress::None => continue,
                    Compress::Gzip => GZIP,
                    Compress::Zstd => ZSTD,
                };
                self.compress(&plain.path, &with(&plain.path, suffix))?;
            }
            self.disk.remove(&plain.path)?;
            self.disk.sync_folder(&self.names.folder)?;
        }
        self.prune()
    }

    fn compress(&self, plain: &Path, done: &Path) -> io::Result<()> {
        let draft = with(done, DRAFT);
        let written = self.compress_to(plain, &draft);
        if let Err(error) = written {
            // Half of it would only take room. The first error says more than a second one.
            drop(self.disk.remove(&draft));
            return Err(error);
        }
        self.disk.rename(&draft, done)?;
        self.disk.sync_folder(&self.names.folder)
    }

    fn compress_to(&self, plain: &Path, draft: &Path) -> io::Result<()> {
        let mut from = File::open(plain)?;
        let to = OnDisk { disk: self.disk.as_ref(), file: self.disk.open(draft)? };
        let to = io::BufWriter::with_capacity(CHUNK, to);
        let to = match self.compress {
            Compress::Zstd => {
                let mut encoder = zstd::Encoder::new(to, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                // As its own tool does: whoever unpacks it learns of a damage.
                encoder.include_checksum(true)?;
                copy(&mut from, &mut encoder)?;
                encoder.finish()?
            }
            Compress::Gzip | Compress::None => {
                let mut encoder = GzEncoder::new(to, Compression::default());
                copy(&mut from, &mut encoder)?;
                encoder.finish()?
            }
        };
        let to = to.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.disk.sync(&to.file)
    }

    /// Removes the oldest. The newest stays, whatever was asked for: a position may still be about it.
    fn prune(&self) -> io::Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        let files: Vec<Finished> = self.names.list()?;
        let excess = files.len().saturating_sub(keep.max(1));
        for file in files.iter().take(excess) {
            self.disk.remove(&file.path)?;
        }
        if excess > 0 { self.disk.sync_folder(&self.names.folder) } else { Ok(()) }
    }
}

fn copy(from: &mut File, to: &mut impl Write) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let size = from.read(&mut chunk)?;
        if size == 0 {
            return Ok(());
        }
        to.write_all(chunk.get(..size).unwrap_or_default())?;
    }
}

/// Writes through the disk, so that a test can fail there.
struct OnDisk<'a> {
    disk: &'a dyn Disk,
    file: File,
}

impl Write for OnDisk<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.write(&mut self.file, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
