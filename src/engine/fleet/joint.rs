//! Runs the parts of one run side by side.

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicU8};

use futures::future::join_all;

use super::board::{Board, Ear};
use crate::{
    domain::outcome::{Counts, Ending, ExitCode, Outcome, RunStats},
    engine::{
        cancel::Cancel,
        dispatcher::Dispatcher,
        event::{Listener, RunHeader, TargetResult},
        recorder::{Recorder, Share},
        run::{Report, Resumed, Run},
    },
    journal::{End, Journal, Record},
};

/// One console's part of a run.
#[derive(Debug)]
pub struct Part {
    /// The console's word.
    pub vendor: &'static str,
    /// The part as a run of its own; its targets and requests are numbered from 0.
    pub run: Run,
    /// The numbers that its targets have in the whole, in its own order.
    pub numbers: Vec<u32>,
}

/// A run over several consoles.
#[derive(Debug)]
pub struct Joint {
    /// What the whole is, for listeners.
    pub header: Arc<RunHeader>,
    /// The parts, one a console.
    pub parts: Vec<Part>,
    /// Targets that no console has: they are told first.
    pub aside: Vec<Arc<TargetResult>>,
    /// Targets of an earlier part of the run that are in no part of this: they are counted and not told again.
    pub before: Counts,
    /// Consoles whose parts stay as they are this time, by their words, with why. Their targets are counted in `before`.
    pub absent: Vec<(&'static str, Ending)>,
    /// The number of the first request.
    pub first_batch: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct JointReport {
    /// What came of the whole.
    pub report: Report,
    /// How each console's part ended, by its word.
    pub parts: Vec<(&'static str, Ending)>,
}

impl Joint {
    /// Runs to the end: a console that is lost ends its own part, and the others go on. The journal, if there is one, is
    /// closed and sealed.
    pub async fn go(self, journal: Option<Journal>, cancel: Cancel, listener: &mut dyn Listener) -> JointReport {
        let Self { header, parts, aside, before, absent, first_batch } = self;
        let journal = journal.map(Arc::new);
        let own = RunStats { total: header.targets, settled: before, ..RunStats::default() };
        let board = Mutex::new(Board::new(own, parts.iter().map(stats_at_first).collect(), listener));
        lock(&board).begin(Arc::clone(&header), aside);
        let interrupted = Arc::new(AtomicU8::new(0));
        let count = parts.len() as u64;
        let mut ears = Vec::new();
        let mut runs = Vec::new();
        for (place, part) in parts.into_iter().enumerate() {
            let numbers: Arc<[u32]> = part.numbers.into();
            let share = journal.as_ref().map(|journal| Share {
                journal: Arc::clone(journal),
                numbers: Arc::clone(&numbers),
                first_batch: first_batch + place as u64,
                parts: count,
                interrupted: Arc::clone(&interrupted),
            });
            ears.push(Ear { board: &board, place, vendor: part.vendor, numbers });
            runs.push((part.run, Recorder::shared(share)));
        }
        let words: Vec<&'static str> = ears.iter().map(|ear| ear.vendor).collect();
        let dispatchers = runs
            .into_iter()
            .zip(&mut ears)
            .map(|((run, recorder), ear)| Dispatcher::new(run, recorder, cancel.clone(), ear).run());
        // One task for all of them: events come in one order, and nothing is told from two places at once.
        let reports: Vec<(&'static str, Report)> = words.into_iter().zip(join_all(dispatchers).await).collect();
        drop(ears);
        let counts = lock(&board).stats().settled;
        let endings: Vec<(&'static str, Ending)> =
            reports.iter().map(|(vendor, report)| (*vendor, report.ending.clone())).chain(absent).collect();
        let mut ending = merged(&endings);
        let mut exit = exit_of(&ending, &reports, &counts, header.waits);
        let stopped_by = reports.iter().find_map(|(_, report)| report.stopped_by.clone());
        if let Some(journal) = journal {
            let end = End::new(&ending, counts, exit.number());
            let written = journal.append(Record::End(end)).await;
            let closed = match Arc::try_unwrap(journal) {
                Ok(journal) => journal.close().await,
                // Every part has put it down by now. Were it otherwise, the last one's end would close it.
                Err(journal) => journal.failure().map_or(Ok(()), Err),
            };
            if let Err(failed) = written.and(closed)
                && !matches!(ending, Ending::JournalFailed(_))
            {
                ending = Ending::JournalFailed(failed.to_string());
                exit = ExitCode::Journal;
            }
        }
        lock(&board).finish(ending.clone());
        JointReport { report: Report { ending, counts, exit, stopped_by }, parts: endings }
    }
}

fn lock<'b, 'l>(board: &'b Mutex<Board<'l>>) -> std::sync::MutexGuard<'b, Board<'l>> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The totals of a part before it has told any.
fn stats_at_first(part: &Part) -> RunStats {
    let mut stats = RunStats { requests: part.run.console.requests, ..RunStats::default() };
    for (_, standing) in &part.run.standings {
        match standing {
            Resumed::Settled(outcome) => stats.settled.add(*outcome),
            Resumed::Accepted { .. } => stats.settled.add(Outcome::Accepted),
            Resumed::Unsent { .. } | Resumed::InDoubt { .. } | Resumed::Awaiting { .. } => {}
        }
    }
    stats
}

/// Why the whole ended: the gravest reason of any part, with its console.
fn merged(endings: &[(&'static str, Ending)]) -> Ending {
    let rank = |ending: &Ending| match ending {
        Ending::Completed => 0,
        Ending::Interrupted => 2,
        Ending::JournalFailed(_) => 3,
        _ => 1,
    };
    let gravest = endings.iter().rev().max_by_key(|(_, ending)| rank(ending));
    let Some((vendor, ending)) = gravest else { return Ending::Completed };
    let of = |text: &str| format!("{vendor}: {text}");
    match ending {
        Ending::NoRoom(text) => Ending::NoRoom(of(text)),
        Ending::TableFull(text) => Ending::TableFull(of(text)),
        Ending::FolderFailed(text) => Ending::FolderFailed(of(text)),
        Ending::CredentialsLost(text) => Ending::CredentialsLost(of(text)),
        Ending::CertificateLost(text) => Ending::CertificateLost(of(text)),
        Ending::ConsoleLost(text) => Ending::ConsoleLost(of(text)),
        other => other.clone(),
    }
}

fn exit_of(ending: &Ending, reports: &[(&'static str, Report)], counts: &Counts, waits: bool) -> ExitCode {
    // Nothing was changed only if no part has changed anything.
    let touched = !reports.iter().all(|(_, report)| report.exit == ExitCode::Console);
    ending.exit(counts, waits, touched)
}
