//! `-o human`: a line a target as it settles.
//!
//! The outcome, the target as written, the host that it is, and why it did not succeed or what the console calls its
//! state. Lines are data and are never cut to the terminal's width.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use super::{
    Reporter,
    clean::{clean, clean_to},
    paint::{self, FAINT, paint},
    phrases,
    words::{pad, width},
};
use crate::{
    domain::outcome::Outcome,
    engine::event::{RunEvent, RunEventKind, RunHeader, TargetResult},
};

/// How long a line may wait for more, so that a terminal is not redrawn for every one of a million.
const HOLD: Duration = Duration::from_millis(50);
/// How much may wait.
const ROOM: usize = 32 * 1024;
/// The column of targets grows to what it has seen, and no further than this.
const WIDEST: usize = 40;
/// No text of a console is longer than this here; JSON has the whole of it.
const LONGEST: usize = 400;
/// It begins with the longest name that Windows gives a host.
const NARROWEST: usize = 15;

/// Writes a line for every target that settles.
#[derive(Debug)]
pub struct Human<W> {
    out: W,
    colour: bool,
    header: Option<Arc<RunHeader>>,
    held: String,
    written: Option<Duration>,
    targets: usize,
    hosts: usize,
}

impl<W: Write + Send> Human<W> {
    /// Makes one that writes to `out`.
    pub const fn new(out: W, colour: bool) -> Self {
        Self { out, colour, header: None, held: String::new(), written: None, targets: NARROWEST, hosts: 0 }
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        self.out.write_all(held.as_bytes())?;
        self.out.flush()
    }

    fn settled(&mut self, result: &TargetResult, waits: bool) {
        let (target, host) = (clean_to(&result.target, LONGEST), host(result));
        self.targets = self.targets.max(width(&target).min(WIDEST));
        self.hosts = self.hosts.max(width(&host).min(WIDEST));
        let outcome = paint(result.outcome.word(), paint::outcome(result.outcome), self.colour);
        let blanks = " ".repeat(WORD.saturating_sub(width(result.outcome.word())));
        let mut line = format!(
            "{outcome}{blanks}  {}  {}  {}",
            pad(&target, self.targets),
            pad(&host, self.hosts),
            detail(result, waits)
        );
        line.truncate(line.trim_end().len());
        self.held.push_str(&line);
        self.held.push('\n');
        for further in further(result) {
            let line = format!("{:WORD$}  {further}", "");
            self.held.push_str(&paint(&line, FAINT, self.colour));
            self.held.push('\n');
        }
    }
}

/// The columns of the longest outcome.
const WORD: usize = 11;

/// The host's name and id, without what the target says already.
fn host(result: &TargetResult) -> String {
    let parts = [result.name.as_deref(), result.host.as_ref().map(|id| id.as_str())];
    let parts = parts.into_iter().flatten().filter(|part| !part.eq_ignore_ascii_case(&result.target));
    parts.map(|part| clean_to(part, LONGEST)).collect::<Vec<_>>().join(" ")
}

/// Why it did not succeed, or the state in the console's word.
fn detail(result: &TargetResult, waits: bool) -> String {
    let state = result.state.as_deref().unwrap_or_default();
    if result.outcome.is_success(waits) {
        return clean_to(state, LONGEST);
    }
    let reason = result.reason.as_ref().map_or(phrases::meaning(result.outcome), |failure| failure.text.as_str());
    let mut detail = clean_to(reason, LONGEST);
    let last_seen = result.last_seen.as_deref().unwrap_or_default();
    let facts = [("state", state), ("last seen", last_seen)];
    // The reason may tell them already.
    let facts = facts.into_iter().filter(|(_, fact)| !fact.is_empty() && !reason.contains(fact));
    let facts: Vec<String> = facts.map(|(name, fact)| format!("{name} {}", clean_to(fact, LONGEST))).collect();
    if !facts.is_empty() {
        detail.push_str(&format!(" ({})", facts.join(", ")));
    }
    detail
}

/// What belongs to a target and not onto its line: where to mend it, whom it may mean, who else named it.
fn further(result: &TargetResult) -> impl Iterator<Item = String> + '_ {
    let place = |file: Option<&str>, line: u32| match file {
        Some(file) => format!("{}:{line}", clean(file)),
        None => format!("line {line} of standard input"),
    };
    let mend = (result.outcome == Outcome::Unresolved)
        .then(|| format!("written at {}", place(result.file.as_deref(), result.line)));
    let candidates = result.candidates.iter().map(|candidate| {
        let console = candidate.vendor.as_deref().map(|word| format!("{}  ", clean(word))).unwrap_or_default();
        let mut text = format!("candidate: {console}{}", clean(candidate.id.as_str()));
        let parts = [
            ("", &candidate.name),
            ("", &candidate.product),
            ("", &candidate.state),
            ("last seen ", &candidate.last_seen),
        ];
        for (word, part) in parts {
            if let Some(part) = part {
                text.push_str("  ");
                text.push_str(word);
                text.push_str(&clean_to(part, LONGEST));
            }
        }
        text
    });
    let duplicates = result.duplicates.iter().map(move |duplicate| {
        format!("named again at {} as {}", place(duplicate.file.as_deref(), duplicate.line), clean(&duplicate.target))
    });
    let note = result.note.as_deref().map(|note| format!("note: {}", clean(note)));
    mend.into_iter().chain(note).chain(candidates).chain(duplicates)
}

impl<W: Write + Send> Reporter for Human<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        match &event.kind {
            RunEventKind::RunStarted(header) => self.header = Some(Arc::clone(header)),
            RunEventKind::TargetSettled(result) => {
                let waits = self.header.as_ref().is_some_and(|header| header.waits);
                self.settled(result, waits);
                let due = self.written.is_none_or(|written| event.elapsed >= written + HOLD);
                if due || self.held.len() >= ROOM {
                    self.written = Some(event.elapsed);
                    self.write_out()?;
                }
            }
            RunEventKind::Throttled { .. }
            | RunEventKind::CancelRequested
            | RunEventKind::WaveStarted(_)
            | RunEventKind::WaveEnded { .. }
            | RunEventKind::BetweenWaves(_)
            | RunEventKind::Halted { .. }
            | RunEventKind::RunFinished(_) => {
                self.write_out()?;
            }
            RunEventKind::BatchStarted { .. }
            | RunEventKind::AttemptFailed { .. }
            | RunEventKind::Mended { .. }
            | RunEventKind::HearingLost { .. }
            | RunEventKind::HearingBack
            | RunEventKind::TargetAccepted(_) => {}
        }
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        self.write_out()
    }
}

#[cfg(test)]
mod tests;
