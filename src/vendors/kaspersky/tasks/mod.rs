//! The nine response tasks as values, each checked here by the vendor's rules: the console checks nothing, and a task that
//! is wrong in one letter is never carried out and never complained of.

use std::fmt;

use serde::Serialize;

mod archive;
mod describe;
mod error;
mod ioc;
mod json;
mod objects;
mod strict;

pub use archive::ArchiveError;
pub use error::TaskError;
pub use ioc::{IocError, IocFiles, IocLimits};
pub use objects::{ScanObject, ScanType};

/// One task for one host; which host is said when its body is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Fetches a file from the host into the console's storage.
    GetFile(FileTask),
    /// Deletes a file.
    DeleteFile {
        /// The file.
        file: FileTask,
        /// Whether folders below are searched, if that is said.
        in_subfolders: Option<bool>,
    },
    /// Puts a file into the host's quarantine.
    QuarantineFile(FileTask),
    /// Looks for indicators of compromise.
    IocScan {
        /// The files with the indicators.
        files: IocFiles,
        /// Whether a host where something is found is isolated.
        isolate: bool,
        /// Whether critical areas are scanned when something is found.
        scan_critical_areas: bool,
        /// Whether what is found is put into quarantine.
        quarantine: bool,
    },
    /// Starts a program.
    StartProcess {
        /// The program.
        executable: FilePath,
        /// Its arguments, in one line.
        arguments: Option<Line>,
        /// The folder that it is started in.
        folder: Option<FilePath>,
    },
    /// Ends a program.
    TerminateProcess {
        /// The program's file.
        file: FileTask,
        /// Whether capitals in its path count.
        case_sensitive: bool,
    },
    /// Cuts the host off the network, or puts it back.
    IsolateHost {
        /// Whether it is cut off.
        on: bool,
    },
    /// Forbids a program to be started.
    PreventExecution {
        /// Its MD5; there is no other form.
        md5: Md5,
        /// Its path.
        path: FilePath,
        /// Whether capitals in its path count.
        case_sensitive: bool,
    },
    /// Scans.
    OnDemandScan(ScanObjects),
}

/// Which of the nine tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskKind {
    /// See [`Task::GetFile`]; so for the others.
    GetFile,
    /// Deletes a file.
    DeleteFile,
    /// Quarantines a file.
    QuarantineFile,
    /// Looks for indicators.
    IocScan,
    /// Starts a program.
    StartProcess,
    /// Ends a program.
    TerminateProcess,
    /// Isolates or releases.
    IsolateHost,
    /// Forbids a program.
    PreventExecution,
    /// Scans.
    OnDemandScan,
}

impl TaskKind {
    /// All nine.
    pub const ALL: [Self; 9] = [
        Self::GetFile,
        Self::DeleteFile,
        Self::QuarantineFile,
        Self::IocScan,
        Self::StartProcess,
        Self::TerminateProcess,
        Self::IsolateHost,
        Self::PreventExecution,
        Self::OnDemandScan,
    ];

    /// The vendor's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::GetFile => "getFile",
            Self::DeleteFile => "deleteFile",
            Self::QuarantineFile => "quarantineFile",
            Self::IocScan => "iocScan",
            Self::StartProcess => "startProcess",
            Self::TerminateProcess => "terminateProcess",
            Self::IsolateHost => "isolateHost",
            Self::PreventExecution => "preventExecution",
            Self::OnDemandScan => "onDemandScan",
        }
    }

    /// The word as it is typed on a command line.
    pub const fn kebab(self) -> &'static str {
        match self {
            Self::GetFile => "get-file",
            Self::DeleteFile => "delete-file",
            Self::QuarantineFile => "quarantine-file",
            Self::IocScan => "ioc-scan",
            Self::StartProcess => "start-process",
            Self::TerminateProcess => "terminate-process",
            Self::IsolateHost => "isolate-host",
            Self::PreventExecution => "prevent-execution",
            Self::OnDemandScan => "on-demand-scan",
        }
    }

    /// Reads either word.
    ///
    /// # Errors
    ///
    /// [`TaskError`] with the word that was probably meant.
    pub fn from_word(word: &str) -> Result<Self, TaskError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == word || kind.kebab() == word)
            .ok_or_else(|| TaskError::unknown_task(word, Self::ALL.map(Self::word)))
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A file by its path and, if they are given, its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTask {
    /// The path.
    pub path: FilePath,
    /// Its MD5.
    pub md5: Option<Md5>,
    /// Its SHA-256.
    pub sha256: Option<Sha256>,
}

impl FileTask {
    /// Reads path and hashes; an empty hash is none.
    ///
    /// # Errors
    ///
    /// [`TaskError`] says which is wrong.
    pub fn new(path: &str, md5: &str, sha256: &str) -> Result<Self, TaskError> {
        let given = |text: &str| !text.is_empty();
        Ok(Self {
            path: FilePath::new("path", path)?,
            md5: Some(md5).filter(|text| given(text)).map(|text| Md5::new("md5hash", text)).transpose()?,
            sha256: Some(sha256).filter(|text| given(text)).map(|text| Sha256::new("sha256hash", text)).transpose()?,
        })
    }
}

/// A path on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FilePath(Box<str>);

impl FilePath {
    /// Takes a path. `key` is what it is called where it was written.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for one that is empty, that begins elsewhere than at a drive or share, or that no file can have: nobody
    /// documents that masks or variables are understood, or that the tasks exist for anything but Windows.
    pub fn new(key: &'static str, text: &str) -> Result<Self, TaskError> {
        if text.trim().is_empty() {
            return Err(TaskError::EmptyPath { key });
        }
        if let Some(bad) = text.chars().find(|c| c.is_control() || matches!(c, '*' | '?' | '"' | '<' | '>' | '|')) {
            return Err(TaskError::BadPath { key, bad });
        }
        if has_variable(text) {
            return Err(TaskError::Variable { key });
        }
        if is_whole(text) { Ok(Self(text.into())) } else { Err(TaskError::NotWhole { key }) }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a path begins at a drive or at a share.
fn is_whole(path: &str) -> bool {
    let is_stroke = |byte: &u8| matches!(byte, b'\\' | b'/');
    match path.as_bytes() {
        [drive, b':', stroke, ..] => drive.is_ascii_alphabetic() && is_stroke(stroke),
        [b'\\', b'\\', host, ..] => !is_stroke(host),
        _ => false,
    }
}

/// Whether something in a path looks like `%TEMP%`.
fn has_variable(path: &str) -> bool {
    let parts: Vec<&str> = path.split('%').collect();
    let inner = parts.get(1..parts.len().saturating_sub(1)).unwrap_or_default();
    inner.iter().any(|name| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || matches!(c, '\\' | '/')))
}

/// A line of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Line(Box<str>);

impl Line {
    /// Takes a line. `key` is what it is called where it was written.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for a text with line ends or other control characters.
    pub fn new(key: &'static str, text: &str) -> Result<Self, TaskError> {
        if text.chars().any(char::is_control) { Err(TaskError::NotALine { key }) } else { Ok(Self(text.into())) }
    }

    /// The line as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An MD5, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Md5(Box<str>);

impl Md5 {
    /// Reads 32 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for anything else.
    pub fn new(key: &'static str, text: &str) -> Result<Self, TaskError> {
        hash(key, text, 32).map(Self)
    }
}

/// A SHA-256, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Sha256(Box<str>);

impl Sha256 {
    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for anything else.
    pub fn new(key: &'static str, text: &str) -> Result<Self, TaskError> {
        hash(key, text, 64).map(Self)
    }
}

fn hash(key: &'static str, text: &str, digits: usize) -> Result<Box<str>, TaskError> {
    if text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase().into());
    }
    Err(TaskError::BadHash { key, digits, found: text.chars().count() })
}

/// What a scan goes over: at least one object that is switched on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ScanObjects(Vec<ScanObject>);

impl ScanObjects {
    /// Takes objects.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if there is none, or all are switched off.
    pub fn new(objects: Vec<ScanObject>) -> Result<Self, TaskError> {
        if objects.is_empty() {
            return Err(TaskError::NothingToScan);
        }
        if objects.iter().any(ScanObject::is_enabled) { Ok(Self(objects)) } else { Err(TaskError::NothingEnabled) }
    }

    /// The objects.
    pub fn as_slice(&self) -> &[ScanObject] {
        &self.0
    }
}

/// The word of whoever asks, which becomes part of the task's name: at most 24 letters, digits, dashes and dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area(Box<str>);

impl Area {
    /// Takes a word.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for one that is too long, or that would not be found again in a name.
    pub fn new(text: &str) -> Result<Self, TaskError> {
        let fits = (1..=24).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        if fits { Ok(Self(text.into())) } else { Err(TaskError::BadArea) }
    }

    /// The word as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Area {
    fn default() -> Self {
        Self("edrctl".into())
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Task {
    /// Which of the nine it is.
    pub const fn kind(&self) -> TaskKind {
        match self {
            Self::GetFile(_) => TaskKind::GetFile,
            Self::DeleteFile { .. } => TaskKind::DeleteFile,
            Self::QuarantineFile(_) => TaskKind::QuarantineFile,
            Self::IocScan { .. } => TaskKind::IocScan,
            Self::StartProcess { .. } => TaskKind::StartProcess,
            Self::TerminateProcess { .. } => TaskKind::TerminateProcess,
            Self::IsolateHost { .. } => TaskKind::IsolateHost,
            Self::PreventExecution { .. } => TaskKind::PreventExecution,
            Self::OnDemandScan(_) => TaskKind::OnDemandScan,
        }
    }

    /// The text of the incident: the same task, host and area always give the same bytes.
    pub fn body(&self, host_id: &str, area: &Area) -> String {
        json::body(self, host_id, area)
    }

    /// The task as it is documented, without a host: what [`Task::from_json`] reads.
    pub fn document(&self) -> String {
        json::body(self, "", &Area::default())
    }

    /// Reads a task as it is documented: `{"task": "isolateHost", "params": {"action": 1}}`.
    ///
    /// `responseEventIncident` and `responseEventIncidentArea` may stand beside it and are not used: who asks is said
    /// elsewhere, as is who is meant, so that a `targetHost` must be empty.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for whatever the vendor's rules refuse, and for keys that it does not have.
    pub fn from_json(text: &str, limits: &IocLimits) -> Result<Self, TaskError> {
        json::read(text, limits)
    }
}

#[cfg(test)]
mod tests;
