//! The folder of the lists: read whole, written whole, by one at a time. Whoever fetches a list in the middle gets the old one
//! or the new one.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use crate::{
    domain::failure::FailureKind,
    vendors::{Again, VendorError},
};

/// Held while anything is written.
const LOCK: &str = ".edrctl-lock";

/// What a web server may read, as long as nobody has said otherwise.
pub(super) const PUBLIC: u32 = 0o644;

/// What is nobody else's business: it has the reasons in it that people have given.
pub(super) const PRIVATE: u32 = 0o600;

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

/// A file's state when it was read: whoever writes it meanwhile changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    seconds: i64,
    nanos: i64,
    mode: u32,
    owner: (u32, u32),
}

/// What was in a file, if there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) text: Vec<u8>,
    stamp: Option<Stamp>,
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> VendorError {
    let text = format!("failed to {doing} {}: {error}", path.display());
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => FailureKind::Forbidden,
        _ => FailureKind::NothingDone,
    };
    VendorError::stops_run(kind, text)
}

impl Folder {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Why nothing can be written here; nothing is written for it.
    pub(super) fn unusable(&self) -> Option<String> {
        let shown = self.0.display();
        match fs::metadata(&self.0) {
            Ok(found) if !found.is_dir() => return Some(format!("{shown} is no folder")),
            Ok(_) => {}
            Err(error) => return Some(format!("the folder {shown} cannot be looked at: {error}")),
        }
        let error = access(&self.0, Access::WRITE_OK | Access::EXEC_OK).err()?;
        Some(format!("the folder {shown} cannot be written to: {}", io::Error::from(error)))
    }

    /// Takes the folder for oneself, or says that somebody else has it.
    pub(super) fn lock(&self) -> Result<File, VendorError> {
        let path = self.0.join(LOCK);
        let opened = OpenOptions::new().create(true).write(true).truncate(false).mode(PRIVATE).open(&path);
        let file = opened.map_err(|error| failed("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                let text = format!("another program is writing the lists in {}", self.0.display());
                Err(VendorError::new(FailureKind::Conflict, text, Again::Backoff))
            }
            Err(TryLockError::Error(error)) => Err(failed("lock", &path, &error)),
        }
    }

    fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => Ok(Some(Stamp {
                inode: found.ino(),
                length: found.len(),
                seconds: found.mtime(),
                nanos: found.mtime_nsec(),
                mode: found.mode() & 0o7777,
                owner: (found.uid(), found.gid()),
            })),
            // A link would be replaced by a file, and what it leads to would stay as it is.
            Ok(_) => Err(io::Error::other("it is no plain file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a file; one that is not there is empty.
    pub(super) fn read(&self, name: &str) -> Result<Content, VendorError> {
        let path = self.0.join(name);
        let wrong = |error: io::Error| failed("read", &path, &error);
        let Some(stamp) = Self::stamp(&path).map_err(wrong)? else { return Ok(Content::default()) };
        let text = fs::read(&path).map_err(wrong)?;
        Ok(Content { text, stamp: Some(stamp) })
    }

    /// Writes a file whole in place of what was read. Whoever holds the lock may do this.
    pub(super) fn replace(&self, name: &str, was: &Content, text: &[u8], mode: u32) -> Result<(), VendorError> {
        let path = self.0.join(name);
        let draft = self.0.join(format!(".{}.edrctl-draft", name.trim_start_matches('.')));
        // Left by somebody who was stopped in the middle; nobody else writes here now.
        drop(fs::remove_file(&draft));
        let written = write(&draft, text, was.stamp.map_or(mode, |stamp| stamp.mode), was.stamp);
        if let Err(error) = written {
            drop(fs::remove_file(&draft));
            return Err(failed("write", &path, &error));
        }
        // Others know nothing of the lock.
        let now = Self::stamp(&path).map_err(|error| failed("look at", &path, &error))?;
        if now != was.stamp {
            drop(fs::remove_file(&draft));
            let text = format!("somebody else has just written {}", path.display());
            return Err(VendorError::new(FailureKind::Conflict, text, Again::Backoff));
        }
        if let Err(error) = fs::rename(&draft, &path) {
            drop(fs::remove_file(&draft));
            return Err(failed("replace", &path, &error));
        }
        File::open(&self.0).and_then(|folder| folder.sync_all()).map_err(|error| {
            let failure = failed("keep", &path, &error).into_failure();
            VendorError::stops_run_in_doubt(failure.kind, failure.text)
        })
    }
}

/// Writes a draft that whoever could read the old file can read.
fn write(draft: &Path, text: &[u8], mode: u32, was: Option<Stamp>) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(PRIVATE).open(draft)?;
    file.write_all(text)?;
    if let Some(was) = was {
        let made = file.metadata()?;
        let same = (made.uid(), made.gid()) == was.owner;
        // To whom everybody may read it, the owner makes no difference.
        if !same && let Err(error) = fchown(&file, Some(was.owner.0), Some(was.owner.1)) {
            let everybody_reads = mode & 0o004 != 0;
            if !everybody_reads {
                return Err(error);
            }
        }
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}
