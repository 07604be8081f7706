//! The records of a journal, and the only types here that know its format.
//!
//! A field that is absent is read as null, false, zero or empty. Fields may be added within a version of the format;
//! none changes its meaning. No type here can hold a credential: they hold the texts that the engine passes, and the
//! engine has none to pass.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{turn::Turn, words};
use crate::domain::{
    failure::{Failure, FailureKind},
    id::RunId,
    outcome::{Counts, Ending, Outcome},
};

/// The version of the format that is written, and the newest that is read.
pub(super) const FORMAT: u32 = 1;

/// One line's content.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// What the run is. The first line, and only the first.
    Run(Box<Header>),
    /// A part of the plan.
    Targets(Targets),
    /// A request is about to be sent.
    Intent(Intent),
    /// A request was answered, or failed.
    Answer(Answer),
    /// A target came to its end.
    Settled(Settled),
    /// Somebody interrupted the run.
    Interrupted(Interrupted),
    /// Somebody goes on with the run.
    Resumed(Resumed),
    /// The run, or its resumption, is over.
    End(End),
}

impl Record {
    /// Gives targets and requests other numbers: a part of a run counts its own from 0.
    pub(crate) fn renumber(&mut self, target: impl Fn(u32) -> u32, batch: impl Fn(u64) -> u64) {
        match self {
            Self::Intent(intent) => {
                intent.batch = batch(intent.batch);
                intent.targets.iter_mut().for_each(|n| *n = target(*n));
            }
            Self::Answer(answer) => {
                answer.batch = batch(answer.batch);
                for reply in &mut answer.replies {
                    let (Reply::Accepted { n, .. }
                    | Reply::Settled { n, .. }
                    | Reply::Again { n, .. }
                    | Reply::Look { n, .. }
                    | Reply::Stopped { n, .. }) = reply;
                    *n = target(*n);
                }
            }
            Self::Settled(settled) => settled.n = target(settled.n),
            Self::Run(_) | Self::Targets(_) | Self::Interrupted(_) | Self::Resumed(_) | Self::End(_) => {}
        }
    }

    /// Reads the record of a kind out of a whole line; `None` for a kind that this version does not know.
    pub(super) fn read(kind: &str, line: &[u8]) -> Option<Result<Self, serde_json::Error>> {
        Some(match kind {
            "run" => serde_json::from_slice(line).map(Self::Run),
            "targets" => serde_json::from_slice(line).map(Self::Targets),
            "intent" => serde_json::from_slice(line).map(Self::Intent),
            "answer" => serde_json::from_slice(line).map(Self::Answer),
            "settled" => serde_json::from_slice(line).map(Self::Settled),
            "interrupted" => serde_json::from_slice(line).map(Self::Interrupted),
            "resumed" => serde_json::from_slice(line).map(Self::Resumed),
            "end" => serde_json::from_slice(line).map(Self::End),
            _ => return None,
        })
    }
}

/// What a run is: who does what to which console, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    #[serde(with = "words::run_id")]
    pub run: RunId,
    /// The program and its version.
    pub tool: String,
    /// The command's word.
    pub action: String,
    /// The console's word.
    pub vendor: String,
    /// The console's address, without credentials.
    pub console: String,
    /// The addresses of the consoles by their words, if the run is one over several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consoles: BTreeMap<String, String>,
    /// The profile of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Who started it.
    pub user: String,
    /// The machine it was started on.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Why, as a number of somebody's ticket system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// For how many seconds it waits for proof; none if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<u64>,
    /// Whether the console is the embedded simulator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// What else a resumption has to know; never a secret, only that there was one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, serde_json::Value>,
    /// Its place among the runs of its folder; [`Journal::create`](super::Journal::create) takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// How many targets the plan has; [`Journal::create`](super::Journal::create) counts them.
    pub targets: u64,
}

/// A part of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Targets {
    /// The targets, numbered without a gap.
    pub list: Vec<TargetRecord>,
}

/// One target of the plan. Its names are short because a run may have a million of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// Its number: its place in the plan, from 0.
    pub n: u32,
    /// The target as written.
    #[serde(with = "words::shared")]
    pub t: Arc<str>,
    /// The file it was read from; none for standard input.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub f: Option<Arc<str>>,
    /// Its line, from 1.
    pub l: u32,
    /// The word of the console that it is asked of, in a run over several; none where no console has it.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub v: Option<Arc<str>>,
    /// The console's id of the host, if it was resolved.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    /// The host's name, if it is known.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// The console's word for the host's state before the run, if it was read.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub before: Option<Arc<str>>,
    /// Further lines that named the same host.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub dup: Box<[DuplicateRecord]>,
    /// Hosts that fit an unresolved target.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub candidates: Box<[CandidateRecord]>,
    /// How it ended, if planning settled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Box<Settlement>>,
    /// What else the user must know of how the host was found.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub note: Option<Arc<str>>,
    /// The wave that it goes in, from 1; 0 for none.
    #[serde(default, skip_serializing_if = "words::is_zero")]
    pub w: u16,
}

/// A further line that named a host of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DuplicateRecord {
    /// The target as written there.
    #[serde(with = "words::shared")]
    pub t: Arc<str>,
    /// The file; none for standard input.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub f: Option<Arc<str>>,
    /// The line, from 1.
    pub l: u32,
}

/// A host that fits an unresolved target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateRecord {
    /// The console's id of it.
    #[serde(with = "words::shared")]
    pub id: Arc<str>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// When the console last heard of it, as the console writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Box<str>>,
    /// The product whose agent it is, where one machine may have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Box<str>>,
    /// The console's word for its state, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<str>>,
    /// The word of its console, in a run over several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Box<str>>,
}

/// How one target ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settlement {
    /// The contract's word.
    #[serde(with = "words::outcome")]
    pub outcome: Outcome,
    /// The console's word for the host's state, where it was read.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub state: Option<Arc<str>>,
    /// When the console last heard of the host, as the console writes it.
    #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Arc<str>>,
    /// The class of the failure; none on success.
    #[serde(default, with = "words::failure_kind", skip_serializing_if = "Option::is_none")]
    pub code: Option<FailureKind>,
    /// The words of the failure; none on success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// How often it was sent.
    #[serde(default)]
    pub attempts: u32,
    /// When it was first sent, or settled without being sent.
    #[serde(default, with = "words::time_option", skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended; read back as the time of the line where it is absent.
    #[serde(default, with = "words::time_option", skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// What the console gave to ask after the work by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Box<str>>,
    /// What settled it.
    pub by: By,
}

impl Settlement {
    /// A settlement of which nothing is known but its outcome and what brought it.
    pub const fn new(outcome: Outcome, by: By) -> Self {
        Self {
            outcome,
            state: None,
            last_seen: None,
            code: None,
            reason: None,
            attempts: 0,
            started: None,
            finished: None,
            ticket: None,
            by,
        }
    }

    /// Adds why it did not succeed.
    #[must_use]
    pub fn because(mut self, failure: &Failure) -> Self {
        self.code = Some(failure.kind);
        self.reason = Some(failure.text.as_str().into());
        self
    }

    /// Why it did not succeed.
    pub fn failure(&self) -> Option<Failure> {
        failure(self.code, self.reason.as_deref())
    }
}

/// What settled a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The answer to its request.
    Answer,
    /// A look at that one host.
    Look,
    /// A poll of many hosts.
    Poll,
    /// An event that the console pushed.
    Stream,
    /// The planning, before anything was sent.
    Plan,
    /// The run's end, which came before the target's.
    End,
}

/// A request is about to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The request's number in the run; one that [`Replay::next_batch`](super::Replay) has not reached yet.
    pub batch: u64,
    /// The number of the try, from 1.
    pub attempt: u32,
    /// The numbers of its targets.
    pub targets: Vec<u32>,
}

/// A request was answered, or failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The request's number in the run.
    pub batch: u64,
    /// The console's own id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Box<str>>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
    /// What it means for each of its targets.
    pub replies: Vec<Reply>,
}

/// What an answer means for one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Reply {
    /// The console took it; the state is still awaited.
    Accepted {
        /// The target.
        n: u32,
        /// What to ask after the work by, where the console gave something.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<Box<str>>,
        /// The console's word for the host's state, where the answer told it.
        #[serde(default, with = "words::shared_option", skip_serializing_if = "Option::is_none")]
        state: Option<Arc<str>>,
    },
    /// It came to its end.
    Settled {
        /// The target.
        n: u32,
        /// How.
        result: Settlement,
    },
    /// Nothing was done; it will be sent again.
    Again {
        /// The target.
        n: u32,
        /// The class of the failure.
        #[serde(default, with = "words::failure_kind", skip_serializing_if = "Option::is_none")]
        code: Option<FailureKind>,
        /// The words of the failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    },
    /// It may have been done: the host has to be looked at.
    Look {
        /// The target.
        n: u32,
        /// The class of the failure.
        #[serde(default, with = "words::failure_kind", skip_serializing_if = "Option::is_none")]
        code: Option<FailureKind>,
        /// The words of the failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    },
    /// Nothing was done, and the run stops for it.
    Stopped {
        /// The target.
        n: u32,
        /// The class of the failure.
        #[serde(default, with = "words::failure_kind", skip_serializing_if = "Option::is_none")]
        code: Option<FailureKind>,
        /// The words of the failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    },
}

impl Reply {
    /// It will be sent again, because of this failure.
    pub fn again(n: u32, failure: &Failure) -> Self {
        Self::Again { n, code: Some(failure.kind), reason: Some(failure.text.as_str().into()) }
    }

    /// It has to be looked at, because of this failure.
    pub fn look(n: u32, failure: &Failure) -> Self {
        Self::Look { n, code: Some(failure.kind), reason: Some(failure.text.as_str().into()) }
    }

    /// The run stops, because of this failure.
    pub fn stopped(n: u32, failure: &Failure) -> Self {
        Self::Stopped { n, code: Some(failure.kind), reason: Some(failure.text.as_str().into()) }
    }

    /// The target.
    pub const fn n(&self) -> u32 {
        match self {
            Self::Accepted { n, .. }
            | Self::Settled { n, .. }
            | Self::Again { n, .. }
            | Self::Look { n, .. }
            | Self::Stopped { n, .. } => *n,
        }
    }

    /// Why it did not succeed.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Accepted { .. } => None,
            Self::Settled { result, .. } => result.failure(),
            Self::Again { code, reason, .. } | Self::Look { code, reason, .. } | Self::Stopped { code, reason, .. } => {
                failure(*code, reason.as_deref())
            }
        }
    }
}

fn failure(code: Option<FailureKind>, reason: Option<&str>) -> Option<Failure> {
    code.map(|kind| Failure::new(kind, reason.unwrap_or_default()))
}

/// A target came to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// The target.
    pub n: u32,
    /// How.
    pub result: Settlement,
}

/// Somebody interrupted the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interrupted {
    /// What became of the requests under way.
    pub how: How,
}

/// What an interruption does to the requests under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// They are awaited.
    Drain,
    /// They are left alone, and are in doubt.
    Abandon,
}

/// Somebody goes on with the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resumed {
    /// Who.
    pub user: String,
    /// On which machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// For how many seconds it waits for proof; none if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<u64>,
    /// Its place among the runs of its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
}

/// The run, or its resumption, is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The word for why.
    pub ending: String,
    /// What there is to add to the word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How many targets ended in each outcome.
    #[serde(default, with = "words::counts")]
    pub counts: Counts,
    /// The exit code.
    pub exit: u8,
}

impl End {
    /// The end of a run.
    pub fn new(ending: &Ending, counts: Counts, exit: u8) -> Self {
        let text = match ending {
            Ending::Completed | Ending::Interrupted => None,
            Ending::QuotaWait(wait) => Some(format!("{} s", wait.as_secs())),
            Ending::NoRoom(text)
            | Ending::TableFull(text)
            | Ending::FolderFailed(text)
            | Ending::Halted(text)
            | Ending::CredentialsLost(text)
            | Ending::CertificateLost(text)
            | Ending::ConsoleLost(text)
            | Ending::JournalFailed(text) => Some(text.clone()),
        };
        Self { ending: ending.word().to_owned(), text, counts, exit }
    }
}
