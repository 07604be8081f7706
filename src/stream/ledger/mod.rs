//! What was kept, proof against a crash: the ids of the last events, and how far the sinks had come.
//!
//! One append-only file. Each commit is one record with its length and checksums, on the disk before it counts. A record that
//! is not whole is the last one of a crash, and is cut off; any other damage is an error, because a position that went back
//! unseen would make a sink forget what was acknowledged. When the file has grown to several windows it is written anew.
//!
//! Not the events themselves: those are in the sinks.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use self::{
    read::Read,
    record::{HEADER, encode},
    window::Window,
};
use super::{event::EventId, sinks::Position};

mod read;
mod record;
mod window;

/// How many ids are remembered, at the most; at the least it is half of them.
pub const WINDOW: usize = 262_144;

/// The file is written anew when it is longer than this many windows.
const WINDOWS: u64 = 4;

/// A file shorter than this is never written anew.
const SHORT: u64 = 64 * 1024;

/// So many ids are in one record at the most when it is written anew.
const PART: usize = 1024;

/// What was kept.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    length: u64,
    /// The length at which it is written anew.
    full: u64,
    window: Window,
    positions: BTreeMap<String, Position>,
    /// Whether a commit has failed half-way, so that what the file holds is not known.
    broken: bool,
    buffer: Vec<u8>,
    /// Held for as long as this lives; beside the file, because that one changes its place.
    _lock: File,
}

impl Ledger {
    /// Opens the file, or makes it. `window` is the number of ids that are remembered.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if somebody else has it open, it cannot be read, or it is damaged.
    pub fn open(path: &Path, window: usize) -> Result<Self, LedgerError> {
        let io = |what| move |source| LedgerError::Io { what, path: path.to_owned(), source };
        let lock = lock(path)?;
        let mut file = open(path).map_err(io("open"))?;
        let mut seen = Read { window: Window::new(window), positions: BTreeMap::new(), end: 0 };
        if !read::all(&mut file, &mut seen).map_err(io("read"))? {
            return Err(LedgerError::Damaged { path: path.to_owned(), at: seen.end });
        }
        let Read { window: ids, positions, mut end } = seen;
        if file.metadata().map_err(io("read"))?.len() != end {
            file.set_len(end).map_err(io("cut"))?;
        }
        if end == 0 {
            file.write_all(HEADER).map_err(io("write"))?;
            end = HEADER.len() as u64;
        }
        file.sync_all().map_err(io("sync"))?;
        sync_folder(path).map_err(io("sync the folder of"))?;
        let full = (window as u64).saturating_mul(WINDOWS * 17).max(SHORT);
        let path = path.to_owned();
        let buffer = Vec::new();
        Ok(Self { path, file, length: end, full, window: ids, positions, broken: false, buffer, _lock: lock })
    }

    /// Whether this event was kept, as far as is remembered.
    pub fn has(&self, id: &EventId) -> bool {
        self.window.has(id)
    }

    /// Whether its number was kept, with whatever body.
    pub fn has_number(&self, id: &EventId) -> bool {
        self.window.has_number(id)
    }

    /// Removes the file and what belongs to it.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if somebody has it open, or something of it is still there.
    pub fn remove(path: &Path) -> Result<(), LedgerError> {
        let _lock = lock(path)?;
        for path in [beside(path, ".new"), path.to_owned(), beside(path, ".lock")] {
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(LedgerError::Io { what: "remove", path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Remembers these events and positions. When it returns, they are on the disk.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if they are not, or if an earlier commit has failed: then nothing more can be committed.
    pub fn commit(&mut self, ids: &[EventId], positions: &BTreeMap<String, Position>) -> Result<(), LedgerError> {
        if self.broken {
            return Err(LedgerError::Broken { path: self.path.clone() });
        }
        // It stays so if an error leaves this function: the end of the file is then not known.
        self.broken = true;
        self.buffer.clear();
        encode(ids, positions, &mut self.buffer).map_err(|source| self.failed("encode a record of", source))?;
        self.file.write_all(&self.buffer).map_err(|source| self.failed("write", source))?;
        self.file.sync_data().map_err(|source| self.failed("sync", source))?;
        self.length += self.buffer.len() as u64;
        for id in ids {
            self.window.insert(*id);
        }
        self.positions.clone_from(positions);
        if self.length > self.full {
            self.compact()?;
        }
        self.broken = false;
        Ok(())
    }

    /// How far the sinks had come at the last commit.
    pub const fn positions(&self) -> &BTreeMap<String, Position> {
        &self.positions
    }

    /// Writes what is remembered to a new file, which takes the place of the old one.
    fn compact(&mut self) -> Result<(), LedgerError> {
        let new = beside(&self.path, ".new");
        // What a crash has left there may have been made by somebody else, for other eyes.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.failed("write anew", error)),
            _ => {}
        }
        let made = private(OpenOptions::new().create_new(true).write(true)).open(&new);
        let written = made.and_then(|file| self.write_down(file)).and_then(|length| {
            fs::rename(&new, &self.path)?;
            sync_folder(&self.path)?;
            Ok(length)
        });
        self.length = written.map_err(|source| self.failed("write anew", source))?;
        self.file = open(&self.path).map_err(|source| self.failed("open", source))?;
        // What is remembered may by itself be long; it is not written anew at every commit for that.
        self.full = self.full.max(self.length * 2);
        Ok(())
    }

    /// Writes what is remembered, a part at a time: in one piece it would be held twice. Returns how long it is.
    fn write_down(&mut self, mut file: File) -> io::Result<u64> {
        file.write_all(HEADER)?;
        let mut length = HEADER.len() as u64;
        let mut part = Vec::with_capacity(PART);
        for mut ids in self.window.generations() {
            // Also where there are no ids: the positions are in every record.
            loop {
                part.clear();
                part.extend(ids.by_ref().take(PART));
                self.buffer.clear();
                encode(&part, &self.positions, &mut self.buffer)?;
                file.write_all(&self.buffer)?;
                length += self.buffer.len() as u64;
                if part.len() < PART {
                    break;
                }
            }
        }
        file.sync_all()?;
        Ok(length)
    }

    fn failed(&self, what: &'static str, source: io::Error) -> LedgerError {
        LedgerError::Io { what, path: self.path.clone(), source }
    }
}

fn open(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().create(true).read(true).append(true)).open(path)
}

/// For the owner's eyes only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn lock(path: &Path) -> Result<File, LedgerError> {
    let io = |source| LedgerError::Io { what: "lock", path: path.to_owned(), source };
    let file = private(OpenOptions::new().create(true).truncate(false).write(true)).open(beside(path, ".lock"));
    let file = file.map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// A new name is on the disk only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Why nothing can be remembered.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process has it.
    #[error("`{}` is in use: another consumer of this stream runs on this machine", .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The disk, or its permissions.
    #[error("{what} `{}`", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It is not what was written.
    #[error("`{}` is damaged at byte {at}; it says which events were kept, so it is not guessed at", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Up to where it is whole.
        at: u64,
    },
    /// An earlier commit has failed.
    #[error("`{}` could not be written before, and is not written behind that", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
}

impl LedgerError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { path, .. } => Some(format!(
                "to begin a new one: `mv '{0}' '{0}.damaged'`; no event is lost by that, but those that were kept and come again \
                 are kept twice",
                path.display()
            )),
            Self::Locked { .. } | Self::Io { .. } | Self::Broken { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
