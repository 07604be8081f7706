//! What can go wrong with a journal.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::record::FORMAT;
use crate::domain::id::RunId;

/// A journal that cannot be written, locked, read or trusted.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk, the quota or the permitted size of a file is used up.
    #[error("{doing} `{}`: no room is left for it", .path.display())]
    DiskFull {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file system or its permissions forbid it.
    #[error("{doing} `{}`: not permitted", .path.display())]
    Denied {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system failed in another way.
    #[error("{doing} `{}`", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process works on this run.
    #[error("lock run {run}: {} works on it", holder_text(.holder.as_ref()))]
    Locked {
        /// The run.
        run: RunId,
        /// The process, as far as the journal tells.
        holder: Option<Holder>,
    },
    /// The journal is not as it was written.
    #[error("trust the journal `{}`: {} {what}", .path.display(), place(*.line))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first line that is wrong, from 1; 0 for the last one of a file whose lines were not counted.
        line: u64,
        /// What is wrong with it; follows "line 7".
        what: String,
    },
    /// The journal of a run that has ended is not there any more.
    #[error("find the journal of run {run}: it is gone, and its seal is still there")]
    Lost {
        /// The run.
        run: RunId,
    },
    /// What is kept beside an ended run, to know its last line by, does not read.
    #[error("trust the seal `{}`: it does not have the form of one", .path.display())]
    SealDamaged {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of the program wrote it.
    #[error("read the journal `{}`: its format is version {found}, and this program knows {FORMAT}", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// There is no run at all.
    #[error("find a run: there is none in `{}`", .folder.display())]
    NoRuns {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// There is no such run.
    #[error("find run {wanted:?}: there is none of that name in `{}`", .folder.display())]
    NoSuchRun {
        /// What was asked for.
        wanted: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Several runs begin so.
    #[error("find run {wanted:?}: {} runs begin so: {}", .matches.len(), list(.matches))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The runs, newest first.
        matches: Vec<RunId>,
    },
    /// There is a run of that name already.
    #[error("create run {run}: there is one of that name")]
    Exists {
        /// The name.
        run: RunId,
    },
    /// The plan is not numbered from 0 without a gap. A bug of the caller.
    #[error("write down the plan: target {found} stands in place {expected}")]
    Numbering {
        /// The place.
        expected: u64,
        /// The number found there.
        found: u64,
    },
    /// A record cannot be written as JSON. A bug of ours.
    #[error("write a record as JSON")]
    Encode(#[source] serde_json::Error),
    /// The system gave no random number for a run's name.
    #[error("get a random number from the system")]
    Random(#[source] getrandom::Error),
    /// The thread that writes has ended before its time. A bug of ours.
    #[error("write the journal: its thread has ended")]
    WriterGone,
}

impl JournalError {
    /// Sorts what the system said.
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull { doing, path, source }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied { doing, path, source },
            _ => Self::Io { doing, path, source },
        }
    }

    pub(super) fn damaged(path: &Path, line: u64, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), line, what: what.into() }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::DiskFull { .. } => {
                "nothing was sent that is not in the journal; make room, then go on with `edrctl resume`; a run that has \
                 not begun can also go to another folder with `--state-dir`"
                    .to_owned()
            }
            Self::Denied { .. } => "choose a folder that you may write to with `--state-dir`".to_owned(),
            Self::Io { .. } => "a journal needs a local disk; choose another folder with `--state-dir`".to_owned(),
            Self::Locked { run, .. } => format!("wait until it ends; `edrctl runs show {run}` tells how far it is"),
            Self::Damaged { path, .. } | Self::SealDamaged { path } => format!(
                "nothing is resumed from a journal that cannot be trusted; keep `{}`, and read the true state with \
                 `edrctl status`",
                path.display()
            ),
            Self::Lost { .. } => {
                "put it back from a copy; a run that is taken out of the folder on purpose takes its seal with it"
                    .to_owned()
            }
            Self::Version { .. } => "use the version of edrctl that wrote it, or a newer one".to_owned(),
            Self::NoRuns { .. } => "a run made under another `--state-dir` is only seen there".to_owned(),
            Self::NoSuchRun { .. } | Self::Ambiguous { .. } => "`edrctl runs list` shows every run".to_owned(),
            Self::Exists { .. }
            | Self::Numbering { .. }
            | Self::Encode(_)
            | Self::Random(_)
            | Self::WriterGone => return None,
        })
    }
}

/// The process that holds a run's lock, as its journal tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who started it.
    pub user: String,
    /// On which machine.
    pub host: String,
    /// Its number there.
    pub pid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} of {} on {}", self.pid, self.user.escape_debug(), self.host.escape_debug())
    }
}

fn holder_text(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), ToString::to_string)
}

fn place(line: u64) -> String {
    if line == 0 { "its last line".to_owned() } else { format!("line {line}") }
}

fn list(runs: &[RunId]) -> String {
    const SHOWN: usize = 5;
    let mut text = runs.iter().take(SHOWN).map(RunId::as_str).collect::<Vec<_>>().join(", ");
    if runs.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

/// The journal of a run that is under way took a record no more. Every waiter gets the same cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("record what the run does")]
pub struct JournalFailed {
    #[source]
    cause: Arc<JournalError>,
}

impl JournalFailed {
    pub(super) fn new(cause: JournalError) -> Self {
        Self { cause: Arc::new(cause) }
    }

    /// Why.
    pub fn cause(&self) -> &JournalError {
        &self.cause
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        self.cause.hint()
    }
}
