//! Where lines go: a file that is locked, keeps room ahead of itself and is synced.
//!
//! A trait, so that tests can fail where a disk seldom does.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use super::{folder::RunPaths, verify::Seal};

/// What the writer needs of a file.
pub(super) trait Sink: Send + 'static {
    /// Takes room on the disk from byte `from` to byte `to`, which lie behind the end, without moving the end.
    /// A file system that cannot is no error.
    fn reserve(&mut self, from: u64, to: u64) -> io::Result<()>;
    /// Adds bytes at the end, all or an error.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Waits until everything that was added is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `length` and gives back the room behind it.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Puts the seal beside the file, whole or not at all.
    fn seal(&mut self, seal: &Seal) -> io::Result<()>;
}

/// A journal's file.
#[derive(Debug)]
pub(super) struct FileSink {
    file: File,
    paths: RunPaths,
    length: u64,
    limit: Option<u64>,
}

impl FileSink {
    /// Takes a file that is open for appending and `length` bytes long. `limit`: how large it may become.
    pub(super) fn new(file: File, paths: RunPaths, length: u64, limit: Option<u64>) -> Self {
        Self { file, paths, length, limit }
    }

    /// Fails before the system would: past the limit it does not answer with an error but ends the process.
    fn within_limit(&self, to: u64) -> io::Result<()> {
        match self.limit {
            Some(limit) if to > limit => Err(io::ErrorKind::FileTooLarge.into()),
            _ => Ok(()),
        }
    }
}

impl Sink for FileSink {
    fn reserve(&mut self, from: u64, to: u64) -> io::Result<()> {
        self.within_limit(to)?;
        reserve(&self.file, from, to)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.length.saturating_add(bytes.len() as u64);
        self.within_limit(end)?;
        self.file.write_all(bytes)?;
        self.length = end;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }

    fn seal(&mut self, seal: &Seal) -> io::Result<()> {
        let paths = &self.paths;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        private(&mut options);
        let mut file = options.open(&paths.seal_draft)?;
        file.write_all(&seal.text())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&paths.seal_draft, &paths.seal)?;
        sync_folder(&paths.folder)
    }
}

/// Makes a file that is created through these options its owner's alone.
pub(super) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _: &mut OpenOptions = options;
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn reserve(file: &File, from: u64, to: u64) -> io::Result<()> {
    use rustix::{
        fs::{FallocateFlags, fallocate},
        io::{Errno, retry_on_intr},
    };
    match retry_on_intr(|| fallocate(file, FallocateFlags::KEEP_SIZE, from, to.saturating_sub(from))) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        done => Ok(done?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn reserve(_file: &File, _from: u64, _to: u64) -> io::Result<()> {
    Ok(())
}

/// How large a file this process may write.
pub(super) fn size_limit() -> Option<u64> {
    #[cfg(unix)]
    return rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    #[cfg(not(unix))]
    None
}
