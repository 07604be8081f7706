//! The published JSON shapes, each with its version.
//!
//! Scripts read these. Within a schema number fields may be added; none goes away and none changes its meaning.

use std::time::Duration;

use serde::Serialize;

use crate::{
    clock::rfc3339,
    domain::outcome::{Counts, Ending, Outcome, RunStats},
    engine::event::{Candidate, Duplicate, RunHeader, TargetResult},
};

/// The schema of one target's result.
pub const RESULT: &str = "edrctl.result/1";

/// The schema of a whole run in one document.
pub const RUN: &str = "edrctl.run/1";

/// How one target ended: a line of `-o jsonl`, an entry of `-o json`.
#[derive(Debug, Serialize)]
pub struct ResultV1<'a> {
    /// [`RESULT`].
    pub schema: &'static str,
    /// The run's name.
    pub run: &'a str,
    /// The console's word.
    pub vendor: &'a str,
    /// The command's word.
    pub action: &'a str,
    /// The target as written.
    pub target: &'a str,
    /// The file it was read from; null for standard input.
    pub file: Option<&'a str>,
    /// Its line, from 1.
    pub line: u32,
    /// The host, if the target named exactly one.
    pub host: Option<HostV1<'a>>,
    /// One of the nine words.
    pub outcome: &'static str,
    /// The console's word for the host's state, where it was read.
    pub state: Option<&'a str>,
    /// How often it was sent.
    pub attempts: u32,
    /// What the console gave for the request: `incident:4711 task:192`; absent where it gives nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<&'a str>,
    /// Why it did not succeed; null on success.
    pub reason: Option<&'a str>,
    /// The class of the reason, for scripts to branch on; null on success.
    pub reason_code: Option<&'static str>,
    /// When the console last heard of the host, as it writes it.
    pub last_seen: Option<&'a str>,
    /// Hosts that fit, where the target named none or several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<CandidateV1<'a>>,
    /// Further lines that named the same host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<DuplicateV1<'a>>,
    /// What else there is to know of how the host was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'a str>,
    /// The wave that it belongs to, from 1; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wave: Option<u16>,
    /// Whether the console was the embedded simulator.
    pub simulated: bool,
    /// When it was first sent, RFC 3339 in UTC.
    pub started: String,
    /// When it ended.
    pub finished: String,
}

/// A host.
#[derive(Debug, Serialize)]
pub struct HostV1<'a> {
    /// The console's id of it.
    pub id: &'a str,
    /// Its name, if known.
    pub name: Option<&'a str>,
}

/// A host that fits an unresolved target.
#[derive(Debug, Serialize)]
pub struct CandidateV1<'a> {
    /// The console's id of it.
    pub id: &'a str,
    /// Its name, if known.
    pub name: Option<&'a str>,
    /// When the console last heard of it, as it writes it.
    pub last_seen: Option<&'a str>,
    /// The product whose agent it is, where one machine may have several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<&'a str>,
    /// The console's word for its state, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'a str>,
    /// The word of its console, in a run over several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<&'a str>,
}

/// A further line that named the same host.
#[derive(Debug, Serialize)]
pub struct DuplicateV1<'a> {
    /// The target as written there.
    pub target: &'a str,
    /// The file; null for standard input.
    pub file: Option<&'a str>,
    /// The line, from 1.
    pub line: u32,
}

impl<'a> From<(&'a RunHeader, &'a TargetResult)> for ResultV1<'a> {
    fn from((header, result): (&'a RunHeader, &'a TargetResult)) -> Self {
        let reason = result.reason.as_ref().filter(|_| !result.outcome.is_success(header.waits));
        Self {
            schema: RESULT,
            run: header.run.as_str(),
            vendor: result.vendor.unwrap_or(header.vendor),
            action: header.action,
            target: &result.target,
            file: result.file.as_deref(),
            line: result.line,
            host: result.host.as_ref().map(|id| HostV1 { id: id.as_str(), name: result.name.as_deref() }),
            outcome: result.outcome.word(),
            state: result.state.as_deref(),
            attempts: result.attempts,
            ticket: result.ticket.as_deref(),
            reason: reason.map(|failure| failure.text.as_str()),
            reason_code: reason.map(|failure| failure.kind.word()),
            last_seen: result.last_seen.as_deref(),
            candidates: result.candidates.iter().map(CandidateV1::from).collect(),
            duplicates: result.duplicates.iter().map(DuplicateV1::from).collect(),
            note: result.note.as_deref(),
            wave: result.wave,
            simulated: header.simulated,
            started: rfc3339(result.started),
            finished: rfc3339(result.finished),
        }
    }
}

impl<'a> From<&'a Candidate> for CandidateV1<'a> {
    fn from(candidate: &'a Candidate) -> Self {
        Self {
            id: candidate.id.as_str(),
            name: candidate.name.as_deref(),
            last_seen: candidate.last_seen.as_deref(),
            product: candidate.product.as_deref(),
            state: candidate.state.as_deref(),
            vendor: candidate.vendor.as_deref(),
        }
    }
}

impl<'a> From<&'a Duplicate> for DuplicateV1<'a> {
    fn from(duplicate: &'a Duplicate) -> Self {
        Self { target: &duplicate.target, file: duplicate.file.as_deref(), line: duplicate.line }
    }
}

/// What a run is: the beginning of the document of `-o json`, before its `results`.
#[derive(Debug, Serialize)]
pub struct RunV1<'a> {
    /// [`RUN`].
    pub schema: &'static str,
    /// The run's name.
    pub run: &'a str,
    /// The console's word.
    pub vendor: &'a str,
    /// The console's address, without credentials.
    pub console: &'a str,
    /// The command's word.
    pub action: &'a str,
    /// Whether proof was asked for, so that `accepted` is no success.
    pub waits: bool,
    /// Whether the console was the embedded simulator.
    pub simulated: bool,
    /// Whether this goes on with an earlier run.
    pub resumed: bool,
    /// Hosts in the run.
    pub targets: u64,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
}

impl<'a> From<&'a RunHeader> for RunV1<'a> {
    fn from(header: &'a RunHeader) -> Self {
        Self {
            schema: RUN,
            run: header.run.as_str(),
            vendor: header.vendor,
            console: &header.console,
            action: header.action,
            waits: header.waits,
            simulated: header.simulated,
            resumed: header.resumed,
            targets: header.targets,
            started: rfc3339(header.started),
        }
    }
}

/// How a run ended: the `summary` of `-o json`, after its `results`.
#[derive(Debug, Serialize)]
pub struct SummaryV1<'a> {
    /// How it ended: `completed`, `interrupted`, …
    pub ending: &'static str,
    /// Why it stopped early, in words; null if it did not, or if the word says all.
    pub ending_reason: Option<&'a str>,
    /// Hosts in the run.
    pub total: u64,
    /// Hosts that ended in success.
    pub succeeded: u64,
    /// Hosts that did not.
    pub not_succeeded: u64,
    /// Hosts by outcome, every word of the nine.
    pub outcomes: CountsV1,
    /// Requests sent, of every kind.
    pub requests: u64,
    /// Requests left in the console's quota, as it last said.
    pub quota_left: Option<u64>,
    /// How long it took.
    pub elapsed_ms: u64,
    /// How much of that the console made it wait.
    pub throttled_ms: u64,
    /// When it ended, RFC 3339 in UTC.
    pub finished: String,
}

/// Hosts by outcome.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are the nine words, told in `domain::outcome::Outcome`")]
pub struct CountsV1 {
    pub confirmed: u64,
    pub already: u64,
    pub accepted: u64,
    pub unconfirmed: u64,
    pub failed: u64,
    pub unresolved: u64,
    pub refused: u64,
    pub in_doubt: u64,
    pub not_sent: u64,
}

impl From<&Counts> for CountsV1 {
    fn from(counts: &Counts) -> Self {
        Self {
            confirmed: counts.get(Outcome::Confirmed),
            already: counts.get(Outcome::Already),
            accepted: counts.get(Outcome::Accepted),
            unconfirmed: counts.get(Outcome::Unconfirmed),
            failed: counts.get(Outcome::Failed),
            unresolved: counts.get(Outcome::Unresolved),
            refused: counts.get(Outcome::Refused),
            in_doubt: counts.get(Outcome::InDoubt),
            not_sent: counts.get(Outcome::NotSent),
        }
    }
}

/// What a run's end is made of.
#[derive(Debug)]
pub(super) struct End<'a> {
    pub(super) waits: bool,
    pub(super) ending: &'a Ending,
    pub(super) stats: &'a RunStats,
    pub(super) elapsed: Duration,
    pub(super) throttled: Duration,
    pub(super) at: jiff::Timestamp,
}

impl<'a> From<End<'a>> for SummaryV1<'a> {
    fn from(end: End<'a>) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let succeeded = end.stats.settled.successes(end.waits);
        Self {
            ending: end.ending.word(),
            ending_reason: match end.ending {
                Ending::Completed | Ending::Interrupted | Ending::QuotaWait(_) => None,
                Ending::NoRoom(text)
                | Ending::TableFull(text)
                | Ending::FolderFailed(text)
                | Ending::Halted(text)
                | Ending::CredentialsLost(text)
                | Ending::CertificateLost(text)
                | Ending::ConsoleLost(text)
                | Ending::JournalFailed(text) => Some(text),
            },
            total: end.stats.total,
            succeeded,
            not_succeeded: end.stats.total.saturating_sub(succeeded),
            outcomes: CountsV1::from(&end.stats.settled),
            requests: end.stats.requests,
            quota_left: end.stats.quota_left,
            elapsed_ms: millis(end.elapsed),
            throttled_ms: millis(end.throttled),
            finished: rfc3339(end.at),
        }
    }
}
