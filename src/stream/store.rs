//! The passwords of event streams, on disk: each is told once, when its stream is made, and nobody can ask again.
//!
//! A stream is one file in `streams/` of the state folder, its owner's alone. It is written whole beside its place, synced,
//! moved there, and the folder is synced: either the password is kept, or [`StreamStore::save`] says that it is not. A file
//! that others can read is not used, because whoever else has read it can take the events away.

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::ledger::{Ledger, LedgerError};
use crate::{clock, secret::Secret};

/// What the files are, and in which form.
const SCHEMA: &str = "edrctl.stream-credentials/1";
const SUFFIX: &str = ".json";
/// More than any such file has.
const LARGEST: u64 = 64 * 1024;
/// What is written to see whether there is room: more than any such file has in earnest.
const ROOM: usize = 8 * 1024;

/// A stream by its name or by its number at the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameOrId {
    /// Its name.
    Name(String),
    /// Its number.
    Id(u64),
}

impl NameOrId {
    /// Whatever is a number is one: a name of digits only has to give way.
    pub fn parse(text: &str) -> Self {
        match text.parse::<u64>() {
            Ok(id) if id.to_string() == text => Self::Id(id),
            _ => Self::Name(text.to_owned()),
        }
    }
}

impl fmt::Display for NameOrId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// What has to be known to take a stream's events.
#[derive(Clone, Debug)]
pub struct StoredStream {
    /// The console's address, without credentials.
    pub console: String,
    /// The stream's number there.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The queue.
    pub queue: String,
    /// Who signs in.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// A file, as it is written.
#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    console: &'a str,
    id: u64,
    name: &'a str,
    host: &'a str,
    port: u16,
    queue: &'a str,
    user: &'a str,
    password: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    /// When, for people who come across it.
    kept: String,
}

/// A file, as it is read.
#[derive(Deserialize)]
struct FileV1 {
    schema: String,
    console: String,
    id: u64,
    name: String,
    host: String,
    port: u16,
    queue: String,
    user: String,
    password: String,
    account: Option<String>,
}

/// The folder that the passwords of event streams are kept in.
#[derive(Clone, Debug)]
pub struct StreamStore {
    folder: PathBuf,
    account: Option<String>,
}

/// What is written of the client that made a stream: a digest tells clients apart, and tells nobody which they are.
pub fn account(client: &str) -> String {
    let digest = Sha256::digest(format!("edrctl event stream of {client}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl StreamStore {
    /// The store in this state folder. Nothing is made before something is kept.
    pub fn at(state: &Path) -> Self {
        Self { folder: state.join("streams"), account: None }
    }

    /// The streams of this account only: one address serves many tenants, and the events of one are not another's. A file
    /// that does not say whose it is belongs to whoever asks.
    #[must_use]
    pub fn of(self, account: Option<String>) -> Self {
        Self { account, ..self }
    }

    /// The file that a stream's password is in, or would be.
    pub fn path(&self, console: &str, id: u64) -> PathBuf {
        self.folder.join(format!("{}{id}{SUFFIX}", prefix(console)))
    }

    /// Proves that a password can be kept: before a stream is made, so that none is made in vain.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not.
    pub fn prove_writable(&self) -> Result<(), StoreError> {
        self.make_folder()?;
        let draft = self.folder.join(format!(".room-{}", std::process::id()));
        let failed = |error| StoreError::io("write", &draft, error);
        let proved = write_private(&draft, &[b' '; ROOM]).map_err(failed);
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => proved.and(Err(failed(error))),
            _ => proved,
        }
    }

    /// Keeps a stream's password. Once this returns it is on the disk, whatever happens then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is not kept.
    pub fn save(&self, stream: &StoredStream) -> Result<(), StoreError> {
        self.make_folder()?;
        let path = self.path(&stream.console, stream.id);
        let draft = draft(&path);
        let failed = |error| StoreError::io("write", &path, error);
        let text = serde_json::to_vec_pretty(&Written {
            schema: SCHEMA,
            console: &stream.console,
            id: stream.id,
            name: &stream.name,
            host: &stream.host,
            port: stream.port,
            queue: &stream.queue,
            user: &stream.user,
            password: stream.password.expose(),
            account: self.account.as_deref(),
            kept: clock::now().to_string(),
        });
        let text = Zeroizing::new(text.map_err(|error| failed(error.into()))?);
        let written = write_private(&draft, &text).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            // Half a file with half a password is of no use; that it cannot be removed changes nothing about that.
            drop(fs::remove_file(&draft));
        }
        written.and_then(|()| sync_folder(&self.folder)).map_err(failed)
    }

    /// Looks for a stream of this console.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if its file cannot be read or others can, or several have the name.
    pub fn find(&self, console: &str, wanted: &NameOrId) -> Result<Option<StoredStream>, StoreError> {
        if let NameOrId::Id(id) = wanted {
            let path = self.path(console, *id);
            if let Some(stream) = read(&path)? {
                self.is_ours(&stream, &id.to_string())?;
                return stream.used().map(Some);
            }
        }
        let name = wanted.to_string();
        let mut damaged = None;
        let mut elsewhere = None;
        let mut found = Vec::new();
        for path in self.files(console)? {
            match read(&path) {
                Ok(Some(stream)) if stream.content.console == console && stream.content.name == name => {
                    match self.is_ours(&stream, &name) {
                        Ok(()) => found.push(stream),
                        Err(error) => elsewhere = Some(error),
                    }
                }
                Ok(_) => {}
                Err(error) => damaged = Some(error),
            }
        }
        match (found.pop(), damaged) {
            (Some(only), _) if found.is_empty() => only.used().map(Some),
            (Some(last), _) => {
                found.push(last);
                let mut ids: Vec<u64> = found.iter().map(|stream| stream.content.id).collect();
                ids.sort_unstable();
                Err(StoreError::Ambiguous { name, ids })
            }
            // The one that does not read may be the one that is looked for.
            (None, Some(error)) => Err(error),
            (None, None) => elsewhere.map_or(Ok(None), Err),
        }
    }

    /// Every stream of this console whose password is here.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a file cannot be read or others can: it may be the one that is looked for.
    pub fn all(&self, console: &str) -> Result<Vec<StoredStream>, StoreError> {
        let mut all = Vec::new();
        for path in self.files(console)? {
            let stream = read(&path)?.filter(|stream| stream.content.console == console);
            if let Some(stream) = stream.filter(|stream| self.is_ours(stream, "").is_ok()) {
                all.push(stream.used()?);
            }
        }
        Ok(all)
    }

    /// Whether a stream's password is here.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is, and cannot be used.
    pub fn keeps(&self, console: &str, id: u64) -> Result<bool, StoreError> {
        match read(&self.path(console, id))? {
            Some(stream) => stream.used().map(|_| true),
            None => Ok(false),
        }
    }

    /// Removes a stream's password; whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is still there.
    pub fn remove(&self, console: &str, id: u64) -> Result<bool, StoreError> {
        let path = self.path(console, id);
        // A process that was killed while it wrote has left this behind.
        match fs::remove_file(draft(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", &draft(&path), error));
            }
            _ => {}
        }
        match fs::remove_file(&path) {
            Ok(()) => sync_folder(&self.folder).map(|()| true).map_err(|error| StoreError::io("remove", &path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io("remove", &path, error)),
        }
    }

    /// Moves what is kept under a number that a new stream has, so that no password is ever written over; where it is then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is still in the way.
    pub fn put_aside(&self, console: &str, id: u64) -> Result<Option<PathBuf>, StoreError> {
        let path = self.path(console, id);
        if !path.exists() {
            return Ok(None);
        }
        let places = (1_u32..).map(|number| path.with_extension(format!("replaced-{number}")));
        let aside = places.into_iter().find(|place| !place.exists()).unwrap_or_else(|| path.with_extension("replaced"));
        let failed = |error| StoreError::io("put aside", &path, error);
        fs::rename(&path, &aside).and_then(|()| sync_folder(&self.folder)).map_err(failed)?;
        Ok(Some(aside))
    }

    fn is_ours(&self, stream: &Stored, name: &str) -> Result<(), StoreError> {
        match (&self.account, &stream.account) {
            (Some(ours), Some(theirs)) if ours != theirs => Err(StoreError::Elsewhere { name: name.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Removes what was remembered of a stream's events, but for what a running `edrctl stream` has, and dead letters.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if something is still there.
    pub fn forget(&self, console: &str, id: u64) -> Result<Remains, StoreError> {
        let mut remains = Remains::default();
        let failed = |error| StoreError::io("read the folder", &self.folder, error);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(remains),
            Err(error) => return Err(failed(error)),
        };
        let prefix = format!("{}{id}.", prefix(console));
        // By its lock as well: that may be all that there is.
        let mut ledgers = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str().filter(|name| name.starts_with(&prefix)) else { continue };
            if let Some(ledger) = [".lock", ".new", ""].iter().find_map(|end| name.strip_suffix(end)) {
                if ledger.ends_with(".ledger") {
                    ledgers.insert(self.folder.join(ledger));
                } else if ledger.ends_with(".dead.jsonl") {
                    remains.dead_letters = Some(self.folder.join(ledger));
                }
            }
        }
        for path in ledgers {
            match Ledger::remove(&path) {
                Ok(()) => {}
                Err(LedgerError::Locked { path }) => remains.in_use.push(path),
                Err(LedgerError::Io { what, path, source }) => return Err(StoreError::Io { what, path, source }),
                Err(error) => return Err(StoreError::io("remove", &path, io::Error::other(error))),
            }
        }
        Ok(remains)
    }

    fn make_folder(&self) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("make the folder", &self.folder, error);
        if self.folder.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed)?;
        // Its own name must outlast a power cut, too.
        self.folder.parent().map_or(Ok(()), sync_folder).map_err(failed)
    }

    /// The files of this console.
    fn files(&self, console: &str) -> Result<Vec<PathBuf>, StoreError> {
        let failed = |error| StoreError::io("read the folder", &self.folder, error);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let prefix = prefix(console);
        let mut files = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(&prefix) && name.ends_with(SUFFIX)) {
                files.push(self.folder.join(name));
            }
        }
        files.sort();
        Ok(files)
    }
}

/// What is still there of a stream that is gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// What a running `edrctl stream` has.
    pub in_use: Vec<PathBuf>,
    /// Events that a sink would never take.
    pub dead_letters: Option<PathBuf>,
}

/// What the files of a console begin with: its host for people, and what tells it from others of that spelling.
fn prefix(console: &str) -> String {
    let host = console.split_once("://").map_or(console, |(_, rest)| rest);
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let host: String = host.chars().take(80).map(plain).collect();
    let digest = Sha256::digest(console.as_bytes());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{host}-{digest}-")
}

/// The file beside it, before it is whole.
fn draft(path: &Path) -> PathBuf {
    path.with_extension("tmp")
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A file that was read, and whether it may be used.
struct Stored {
    content: StoredStream,
    account: Option<String>,
    path: PathBuf,
    mode: u32,
}

impl Stored {
    fn used(self) -> Result<StoredStream, StoreError> {
        if self.mode & 0o077 == 0 { Ok(self.content) } else { Err(StoreError::Exposed { path: self.path }) }
    }
}

/// Reads a file; `None` if there is none.
fn read(path: &Path) -> Result<Option<Stored>, StoreError> {
    let failed = |error| StoreError::io("read", path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.mode();
    // Room for all of it from the start: a growing vector would leave copies of the password behind.
    let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
    file.take(LARGEST).read_to_end(&mut text).map_err(failed)?;
    let content: FileV1 = match serde_json::from_slice(&text) {
        Ok(content) => content,
        Err(_) => return Err(StoreError::Damaged { path: path.to_owned() }),
    };
    let password = Secret::new(content.password);
    if content.schema != SCHEMA || password.expose().is_empty() {
        return Err(StoreError::Damaged { path: path.to_owned() });
    }
    let account = content.account;
    let content = StoredStream {
        console: content.console,
        id: content.id,
        name: content.name,
        host: content.host,
        port: content.port,
        queue: content.queue,
        user: content.user,
        password,
    };
    Ok(Some(Stored { content, account, path: path.to_owned(), mode }))
}

/// Why a password is not kept, or not to be had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk says no.
    #[error("{what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Others can read it.
    #[error("others can read {}, which holds the password of an event stream", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// It is not what was written.
    #[error("{} does not hold the password of an event stream, or not all of it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Its events are another tenant's.
    #[error("the event stream `{name}` was made for another client of this console; its password is not used")]
    Elsewhere {
        /// The name, or the number.
        name: String,
    },
    /// Several streams of this console have the name: of several tenants, or one that was made again.
    #[error("this machine has the passwords of several event streams named `{name}`: {}", list(ids))]
    Ambiguous {
        /// The name.
        name: String,
        /// Their numbers.
        ids: Vec<u64>,
    },
}

fn list(ids: &[u64]) -> String {
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    ids.join(", ")
}

impl StoreError {
    fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => Some("make room or name another folder with `--state-dir DIR`".to_owned()),
            Self::Exposed { path } => Some(format!(
                "`chmod 600 '{}'` if nobody else has read it; or `edrctl streams recreate NAME` for a new password",
                path.display()
            )),
            Self::Damaged { path } => Some(format!(
                "the console does not tell a password twice: `edrctl streams recreate NAME` makes the stream again; \
                 remove '{}' if the stream is gone",
                path.display()
            )),
            Self::Elsewhere { .. } => Some(
                "choose the configuration of that client, such as with `--profile`; `edrctl streams list` shows the streams of this one"
                    .to_owned(),
            ),
            Self::Ambiguous { .. } => Some("name the stream by its number; `edrctl streams list` shows it".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
