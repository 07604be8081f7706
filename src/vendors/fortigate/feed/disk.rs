//! The folder of the lists: read whole, written whole, by one at a time. Whoever fetches a list in the middle gets the old one
//! or the new one.

use std::{
    ffi::CStr,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        Access, OFlags, XattrFlags, access, fgetxattr, fremovexattr, fsetxattr, lgetxattr, lgetxattr_query, llistxattr,
        llistxattr_query,
    },
    io::Errno,
};

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

/// So much more has to fit than is there.
const PROOF: usize = 4_096;

/// The attribute that is a file's access control list.
const ACCESS_LIST: &CStr = c"system.posix_acl_access";

/// Attributes that the system makes of a file's bytes: those of the old file are wrong for the new one.
const OF_ITS_BYTES: [&CStr; 2] = [c"security.ima", c"security.evm"];

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
    VendorError::stops_run(FailureKind::FolderFailed, text)
}

fn no_plain_file() -> io::Error {
    io::Error::other("it is no plain file")
}

impl Content {
    /// Whether there is such a file.
    pub(super) const fn is_there(&self) -> bool {
        self.stamp.is_some()
    }
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
        let lock = self.0.join(LOCK);
        if let Err(error) = Self::stamp(&lock) {
            return Some(format!("{} cannot be locked: {error}", lock.display()));
        }
        let error = access(&self.0, Access::WRITE_OK | Access::EXEC_OK).err()?;
        Some(format!("the folder {shown} cannot be written to: {}", io::Error::from(error)))
    }

    /// Takes the folder for oneself, or says that somebody else has it.
    pub(super) fn lock(&self) -> Result<File, VendorError> {
        let path = self.0.join(LOCK);
        // A link is not followed to whatever it leads to, and a pipe keeps nobody waiting for its other end.
        let careful = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let open = || {
            Self::stamp(&path)?;
            let file = OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(false)
                .mode(PRIVATE)
                .custom_flags(careful)
                .open(&path)?;
            if file.metadata()?.is_file() { Ok(file) } else { Err(no_plain_file()) }
        };
        let file = open().map_err(|error| failed("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                let text = format!("another program is writing the lists in {}", self.0.display());
                Err(VendorError::new(FailureKind::FolderBusy, text, Again::Backoff))
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
            Ok(_) => Err(no_plain_file()),
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

    /// Proves that a file can be written as it is, and a little more: under another name, which is gone afterwards.
    pub(super) fn prove(&self, name: &str, mode: u32) -> Result<(), VendorError> {
        let path = self.0.join(name);
        let draft = self.0.join(format!(".edrctl-proof-{}", std::process::id()));
        let mut content = self.read(name)?;
        content.text.resize(content.text.len() + PROOF, b'\n');
        drop(fs::remove_file(&draft));
        let written = write(&draft, &content.text, mode, &path, content.stamp);
        let removed = fs::remove_file(&draft);
        written.and(removed).map_err(|error| failed("write", &path, &error))
    }

    /// Writes a file whole in place of what was read. Whoever holds the lock may do this.
    pub(super) fn replace(&self, name: &str, was: &Content, text: &[u8], mode: u32) -> Result<(), VendorError> {
        let path = self.0.join(name);
        let draft = self.0.join(format!(".{}.edrctl-draft", name.trim_start_matches('.')));
        // Left by somebody who was stopped in the middle; nobody else writes here now.
        drop(fs::remove_file(&draft));
        let written = write(&draft, text, mode, &path, was.stamp);
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
fn write(draft: &Path, text: &[u8], mode: u32, old: &Path, was: Option<Stamp>) -> io::Result<()> {
    let mode = was.map_or(mode, |was| was.mode);
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
        keep_attributes(&file, old)?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Gives a draft what else the old file says of who may do what with it. What cannot be kept is not written: its readers could not
/// read it any more.
fn keep_attributes(draft: &File, old: &Path) -> io::Result<()> {
    let names = attribute_names(old)?;
    let names: Vec<&CStr> = names
        .split_inclusive(|byte| *byte == 0)
        .filter_map(|name| CStr::from_bytes_with_nul(name).ok())
        .filter(|name| !OF_ITS_BYTES.contains(name))
        .collect();
    if !names.contains(&ACCESS_LIST) {
        // The folder may have given it one.
        match fremovexattr(draft, ACCESS_LIST) {
            Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for name in names {
        let mut value = vec![0; lgetxattr_query(old, name)?];
        let length = lgetxattr(old, name, value.as_mut_slice())?;
        value.truncate(length);
        let Err(error) = fsetxattr(draft, name, &value, XattrFlags::empty()) else { continue };
        // Some the system gives by itself, and lets nobody set.
        let mut has = vec![0; value.len() + 1];
        let same = fgetxattr(draft, name, has.as_mut_slice()).is_ok_and(|length| has.get(..length) == Some(&value[..]));
        if !same {
            let name = name.to_string_lossy();
            return Err(io::Error::other(format!("its attribute `{name}` cannot be kept: {}", io::Error::from(error))));
        }
    }
    Ok(())
}

fn attribute_names(path: &Path) -> io::Result<Vec<u8>> {
    let size = match llistxattr_query(path) {
        // A file system without attributes.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => 0,
        size => size?,
    };
    let mut names = vec![0; size];
    if size > 0 {
        let length = llistxattr(path, names.as_mut_slice())?;
        names.truncate(length);
    }
    Ok(names)
}
