//! Files with indicators, packed as the task wants them: in one ZIP archive, in base64.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::archive::{self, ArchiveError};

/// How much the hosts take. A file that is too large ends the task there, so it is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IocLimits {
    /// Bytes of one file. The vendor says 2 MB, and not which; this is the smaller one.
    pub file: u64,
    /// Bytes of all of them.
    pub total: u64,
    /// Characters of the archive in base64. How long an incident may be is not documented.
    pub encoded: usize,
}

impl Default for IocLimits {
    fn default() -> Self {
        Self { file: 2_000_000, total: 10_000_000, encoded: 14 * 1024 * 1024 }
    }
}

/// Files with indicators, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IocFiles {
    encoded: Box<str>,
    names: Vec<String>,
}

/// Why files with indicators cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum IocError {
    /// A file or folder cannot be read.
    #[error("read `{}`", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No indicators.
    #[error("there is no file with the ending `.ioc` or `.xml`")]
    Nothing,
    /// Not a file of indicators.
    #[error("`{}` has neither the ending `.ioc` nor `.xml`, and the host would pass it over", .0.display())]
    Ending(PathBuf),
    /// A way out of the folder.
    #[error("`{}` is a link to another file; links in a folder are not followed: name the file itself", .0.display())]
    Link(PathBuf),
    /// Among others.
    #[error("`{}` is an archive; it is given alone, as it is sent as it is", .0.display())]
    ArchiveAmongOthers(PathBuf),
    /// A name that cannot be written.
    #[error("the name of `{}` is no text", .0.display())]
    Name(PathBuf),
    /// Two of one name.
    #[error("two files are called `{0}`, and in the archive there can be one")]
    Twice(String),
    /// Empty.
    #[error("`{0}` is empty")]
    Empty(String),
    /// Too large.
    #[error("`{name}` has {length} bytes; a host takes files of {most} bytes at the most")]
    FileTooLarge {
        /// Which.
        name: String,
        /// How large.
        length: u64,
        /// How large it may be.
        most: u64,
    },
    /// Too large together.
    #[error("the files have {length} bytes together; a host takes {most} at the most")]
    TooLarge {
        /// How large.
        length: u64,
        /// How large they may be.
        most: u64,
    },
    /// Too long for an incident.
    #[error("the archive has {length} characters in base64; at most {most} are sent")]
    TooLong {
        /// How long.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// Not base64.
    #[error("`ioc` is no base64; it takes a ZIP archive in base64, not a path")]
    NotBase64,
    /// The archive cannot be sent.
    #[error("the archive cannot be used")]
    Archive(#[from] ArchiveError),
}

impl IocFiles {
    /// Reads files, folders, or one archive that is ready. Of a folder, the files with the right ending are taken, without
    /// those in folders below. The order in which they are named does not matter.
    ///
    /// # Errors
    ///
    /// [`IocError`] if they cannot be read, or the host would refuse them.
    pub fn from_paths(paths: &[PathBuf], limits: &IocLimits) -> Result<Self, IocError> {
        if let [archive] = paths
            && has_ending(archive, &["zip"])
            && archive.is_file()
        {
            return Self::from_archive(&content(archive, limits.total)?, limits);
        }
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                files.extend(of_folder(path)?);
            } else if has_ending(path, &["zip"]) {
                return Err(IocError::ArchiveAmongOthers(path.clone()));
            } else if has_ending(path, &ENDINGS) {
                files.push(path.clone());
            } else {
                return Err(IocError::Ending(path.clone()));
            }
        }
        let mut read = Vec::new();
        for path in files {
            let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| IocError::Name(path.clone()))?;
            read.push((name.to_owned(), content(&path, limits.file)?));
        }
        Self::from_contents(read, limits)
    }

    /// Packs files that were read already: names and contents.
    ///
    /// # Errors
    ///
    /// [`IocError`] if the host would refuse them.
    pub fn from_contents(mut files: Vec<(String, Vec<u8>)>, limits: &IocLimits) -> Result<Self, IocError> {
        files.sort_unstable();
        let entries: Vec<archive::Entry> = files
            .iter()
            .map(|(name, content)| archive::Entry { name: name.clone(), length: content.len() as u64 })
            .collect();
        check(&entries, limits)?;
        let archive = archive::pack(&files)?;
        // Whatever the names are, the archive is held to what others' archives are held to.
        archive::entries(&archive)?;
        Self::encode(&archive, entries, limits)
    }

    /// Takes an archive that is ready, as it is.
    ///
    /// # Errors
    ///
    /// [`IocError`] if the host would refuse it, or it is not what it says.
    pub fn from_archive(archive: &[u8], limits: &IocLimits) -> Result<Self, IocError> {
        let entries = archive::entries(archive)?;
        check(&entries, limits)?;
        Self::encode(archive, entries, limits)
    }

    /// Takes an archive in base64.
    pub(super) fn from_base64(text: &str, limits: &IocLimits) -> Result<Self, IocError> {
        within(text.len(), limits)?;
        let archive = BASE64_STANDARD.decode(text).map_err(|_| IocError::NotBase64)?;
        Self::from_archive(&archive, limits)
    }

    fn encode(archive: &[u8], entries: Vec<archive::Entry>, limits: &IocLimits) -> Result<Self, IocError> {
        let encoded = BASE64_STANDARD.encode(archive);
        within(encoded.len(), limits)?;
        Ok(Self { encoded: encoded.into(), names: entries.into_iter().map(|entry| entry.name).collect() })
    }

    /// The archive in base64, without line ends.
    pub fn encoded(&self) -> &str {
        &self.encoded
    }

    /// The names of the files.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// `a.ioc`, or `12 files`.
    pub(super) fn described(&self) -> String {
        match self.names.as_slice() {
            [name] => format!("`{name}`"),
            names => format!("{} files", names.len()),
        }
    }
}

/// The endings of files that a host reads.
const ENDINGS: [&str; 2] = ["ioc", "xml"];

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, IocError> {
    let unread = |source| IocError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let path = entry.path();
        if !has_ending(&path, &ENDINGS) {
            continue;
        }
        let kind = entry.file_type().map_err(unread)?;
        // Whoever has written into the folder would choose which file of this machine is sent.
        if kind.is_symlink() {
            return Err(IocError::Link(path));
        }
        if kind.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

/// Reads a file, but not much more of it than may be sent.
fn content(path: &Path, most: u64) -> Result<Vec<u8>, IocError> {
    use io::Read as _;
    let unread = |source| IocError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unread)?;
    let length = file.metadata().map_err(unread)?.len();
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > most {
        let length = length.max(bytes.len() as u64);
        return Err(IocError::FileTooLarge { name: path.display().to_string(), length, most });
    }
    Ok(bytes)
}

fn within(length: usize, limits: &IocLimits) -> Result<(), IocError> {
    if length > limits.encoded { Err(IocError::TooLong { length, most: limits.encoded }) } else { Ok(()) }
}

fn check(entries: &[archive::Entry], limits: &IocLimits) -> Result<(), IocError> {
    if entries.is_empty() {
        return Err(IocError::Nothing);
    }
    let mut names = HashSet::new();
    for archive::Entry { name, length } in entries {
        if !has_ending(Path::new(name), &ENDINGS) {
            return Err(IocError::Ending(PathBuf::from(name)));
        }
        if *length == 0 {
            return Err(IocError::Empty(name.clone()));
        }
        if *length > limits.file {
            return Err(IocError::FileTooLarge { name: name.clone(), length: *length, most: limits.file });
        }
        // Windows takes two names that differ in capitals for one.
        if !names.insert(name.to_lowercase()) {
            return Err(IocError::Twice(name.clone()));
        }
    }
    let length = entries.iter().map(|entry| entry.length).sum();
    if length > limits.total { Err(IocError::TooLarge { length, most: limits.total }) } else { Ok(()) }
}
