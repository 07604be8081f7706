//! How one target ended, how a run ended, and the exit codes that follow.

use std::{fmt, time::Duration};

/// How one target ended: the nine words of the contract, the same in every output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The console reports the state that was asked for.
    Confirmed,
    /// It was in that state, or heading there, before we asked.
    Already,
    /// The console took the request; the state has not been read since.
    Accepted,
    /// The wait ended before the console reported the state.
    Unconfirmed,
    /// The console refused or could not.
    Failed,
    /// No such host, or several.
    Unresolved,
    /// We would not: protected, not capable, over a limit.
    Refused,
    /// Sent, no answer, and a look could not settle it.
    InDoubt,
    /// The run stopped before it.
    NotSent,
}

impl Outcome {
    /// Every outcome, in the order in which summaries show them.
    pub const ALL: [Self; 9] = [
        Self::Confirmed,
        Self::Already,
        Self::Accepted,
        Self::Unconfirmed,
        Self::Failed,
        Self::Unresolved,
        Self::Refused,
        Self::InDoubt,
        Self::NotSent,
    ];

    /// The contract's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Already => "already",
            Self::Accepted => "accepted",
            Self::Unconfirmed => "unconfirmed",
            Self::Failed => "failed",
            Self::Unresolved => "unresolved",
            Self::Refused => "refused",
            Self::InDoubt => "in_doubt",
            Self::NotSent => "not_sent",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// Whether it counts as success; `accepted` does unless the user asked to wait for proof.
    pub const fn is_success(self, waited: bool) -> bool {
        match self {
            Self::Confirmed | Self::Already => true,
            Self::Accepted => !waited,
            Self::Unconfirmed | Self::Failed | Self::Unresolved | Self::Refused | Self::InDoubt | Self::NotSent => {
                false
            }
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How many targets ended in each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; 9]);

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, outcome: Outcome) {
        if let Some(count) = self.0.get_mut(outcome.index()) {
            *count += 1;
        }
    }

    /// Counts `n` more.
    pub fn add_many(&mut self, outcome: Outcome, n: u64) {
        if let Some(count) = self.0.get_mut(outcome.index()) {
            *count += n;
        }
    }

    /// Takes one back: a told `accepted` that was then confirmed.
    pub fn remove(&mut self, outcome: Outcome) {
        if let Some(count) = self.0.get_mut(outcome.index()) {
            *count = count.saturating_sub(1);
        }
    }

    /// How many ended so.
    pub fn get(&self, outcome: Outcome) -> u64 {
        self.0.get(outcome.index()).copied().unwrap_or_default()
    }

    /// How many ended at all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many ended in success.
    pub fn successes(&self, waited: bool) -> u64 {
        Outcome::ALL.into_iter().filter(|outcome| outcome.is_success(waited)).map(|outcome| self.get(outcome)).sum()
    }

    /// The outcomes that occurred, with their counts.
    pub fn present(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        Outcome::ALL.into_iter().map(|outcome| (outcome, self.get(outcome))).filter(|(_, count)| *count > 0)
    }
}

/// The totals of a run so far. A reporter never counts for itself.
#[derive(Clone, Debug, Default)]
pub struct RunStats {
    /// Hosts in the run, each counted once.
    pub total: u64,
    /// Hosts that have settled, by outcome.
    pub settled: Counts,
    /// Hosts whose request the console took and whose state is still awaited.
    pub awaiting: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Requests sent, of every kind.
    pub requests: u64,
    /// Requests left in the console's quota, as it last said.
    pub quota_left: Option<u64>,
    /// How long the rest will take, knowing the quota; `None` while it cannot be told.
    pub eta: Option<Duration>,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every target was carried to its end.
    Completed,
    /// Somebody interrupted it.
    Interrupted,
    /// The console's quota would have made it wait for longer than allowed.
    QuotaWait(Duration),
    /// More requests would have pushed earlier ones out of the console before they were done; the text has the numbers.
    NoRoom(String),
    /// The console has no room for another entry; the text says which table.
    TableFull(String),
    /// What is written on this machine in place of a console cannot be; the text says why.
    FolderFailed(String),
    /// It halted by its own rules: too many failed, or the next wave was not to begin; the text says which.
    Halted(String),
    /// The console stopped taking the credentials; the text says how.
    CredentialsLost(String),
    /// The console's certificate was not the one to be trusted any more.
    CertificateLost(String),
    /// The console did not answer any more.
    ConsoleLost(String),
    /// The journal could not be written; the text says why.
    JournalFailed(String),
}

impl Ending {
    /// The word for it, in results and in the journal.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::QuotaWait(_) => "quota_wait",
            Self::NoRoom(_) => "no_room",
            Self::TableFull(_) => "table_full",
            Self::FolderFailed(_) => "folder_failed",
            Self::Halted(_) => "halted",
            Self::CredentialsLost(_) => "credentials_lost",
            Self::CertificateLost(_) => "certificate_lost",
            Self::ConsoleLost(_) => "console_lost",
            Self::JournalFailed(_) => "journal_failed",
        }
    }

    /// The exit code of a run that ended so. `touched`: whether any request may have changed the console.
    pub fn exit(&self, counts: &Counts, waited: bool, touched: bool) -> ExitCode {
        match self {
            Self::JournalFailed(_) => ExitCode::Journal,
            Self::Completed if counts.successes(waited) == counts.total() => ExitCode::Success,
            Self::Completed => ExitCode::SomeFailed,
            Self::CredentialsLost(_) | Self::CertificateLost(_) | Self::ConsoleLost(_) if !touched => ExitCode::Console,
            Self::FolderFailed(_) if !touched => ExitCode::Refused,
            _ => ExitCode::Stopped,
        }
    }
}

/// The exit codes of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Every target ended in success.
    Success = 0,
    /// A bug.
    Internal = 1,
    /// Wrong usage or a malformed target file; no console was changed.
    Usage = 2,
    /// Configuration or secret missing or wrong; no console was changed.
    Config = 3,
    /// Console unreachable, its certificate or our credentials refused, before the first action.
    Console = 4,
    /// Refused before anything was sent.
    Refused = 5,
    /// The run ended; some targets did not succeed.
    SomeFailed = 6,
    /// The run stopped early and can be resumed.
    Stopped = 7,
    /// The journal cannot be written, locked, read or trusted.
    Journal = 8,
}

impl ExitCode {
    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}
