//! `-o human`: a line a target as it settles.
//!
//! The outcome, the target as written, the host that it is, and why it did not succeed or what the console calls its
//! state. Lines are data and are never cut to the terminal's width.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use super::{
    Reporter,
    clean::clean,
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
        let (target, host) = (clean(&result.target), host(result));
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
    parts.map(clean).collect::<Vec<Cow<'_, str>>>().join(" ")
}

/// Why it did not succeed, or the state in the console's word.
fn detail(result: &TargetResult, waits: bool) -> String {
    let state = result.state.as_deref().unwrap_or_default();
    if result.outcome.is_success(waits) {
        return clean(state).into_owned();
    }
    let reason = result.reason.as_ref().map_or(phrases::meaning(result.outcome), |failure| failure.text.as_str());
    let mut detail = clean(reason).into_owned();
    let last_seen = result.last_seen.as_deref().unwrap_or_default();
    let facts = [("state", state), ("last seen", last_seen)];
    // The reason may tell them already.
    let facts = facts.into_iter().filter(|(_, fact)| !fact.is_empty() && !reason.contains(fact));
    let facts: Vec<String> = facts.map(|(name, fact)| format!("{name} {}", clean(fact))).collect();
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
        let mut text = format!("candidate: {}", clean(candidate.id.as_str()));
        for (word, part) in [("", &candidate.name), ("last seen ", &candidate.last_seen)] {
            if let Some(part) = part {
                text.push_str("  ");
                text.push_str(word);
                text.push_str(&clean(part));
            }
        }
        text
    });
    let duplicates = result.duplicates.iter().map(move |duplicate| {
        format!("named again at {} as {}", place(duplicate.file.as_deref(), duplicate.line), clean(&duplicate.target))
    });
    mend.into_iter().chain(candidates).chain(duplicates)
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
            RunEventKind::Throttled { .. } | RunEventKind::CancelRequested | RunEventKind::RunFinished(_) => {
                self.write_out()?;
            }
            RunEventKind::BatchStarted { .. }
            | RunEventKind::AttemptFailed { .. }
            | RunEventKind::TargetAccepted(_) => {}
        }
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        self.write_out()
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::{
        domain::{failure::FailureKind, outcome::Ending},
        reporters::testing::{Script, Shared, bad_day, failed, header, play, result},
    };

    fn lines(waits: bool, colour: bool, results: Vec<TargetResult>) -> String {
        let mut script = Script::new(RunHeader { waits, ..header() });
        for result in results {
            script.settle(result);
        }
        let out = Shared::default();
        play(&mut Human::new(out.clone(), colour), &script.finish(Ending::Completed));
        out.text()
    }

    #[test]
    fn a_line_a_target_and_nothing_hostile_in_it() {
        let text = lines(false, false, bad_day());
        assert!(!text.chars().any(|c| c != '\n' && super::super::clean::is_hostile(c)), "{text:?}");
        assert_snapshot!(text, @r#"
        confirmed    web01            0a1b2c3d-0000-4000-8000-000000000001  isolated
        already      10.0.0.2         0a1b2c3d-0000-4000-8000-000000000001  isolated
                     named again at line 9 of standard input as WEB02
        unresolved   db01                                                   2 hosts are named so
                     written at hosts.txt:7
                     candidate: 0a1b2c3d-0000-4000-8000-00000000000a  db01.corp.example  last seen 2026-11-21T09:00:00Z
                     candidate: 0a1b2c3d-0000-4000-8000-00000000000b
        failed       端末01           =cmd()\u{1b}[2J\n\u{202e}exe."txt\u{9b} 0a1b2c3d-0000-4000-8000-000000000001  the console said: "no\u{7}", HTTP 403 (state pending\tstart, last seen 2026-11-22T03:14:00Z)
        "#);
    }

    #[test]
    fn colour_marks_the_outcome_and_changes_no_word() {
        let (plain, painted) = (lines(false, false, bad_day()), lines(false, true, bad_day()));
        assert!(painted.starts_with("\u{1b}[32mconfirmed\u{1b}[0m    web01"), "{painted:?}");
        let mut bare = painted;
        for code in ["\u{1b}[32m", "\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m"] {
            bare = bare.replace(code, "");
        }
        assert_eq!(bare, plain);
    }

    #[test]
    fn an_unconfirmed_host_tells_its_last_state_and_when_it_was_seen() {
        let told = |text: &str| TargetResult {
            state: Some("pending_start".into()),
            last_seen: Some("2026-11-22T03:14:00Z".into()),
            ..failed("web01", Outcome::Unconfirmed, FailureKind::NotConfirmed, text)
        };
        let text = lines(
            true,
            false,
            vec![
                told("the wait of 10 min ended"),
                told("the wait ended in pending_start, last seen 2026-11-22T03:14:00Z"),
                result("web03", Outcome::Accepted),
            ],
        );
        assert_snapshot!(text, @r"
        unconfirmed  web01            0a1b2c3d-0000-4000-8000-000000000001  the wait of 10 min ended (state pending_start, last seen 2026-11-22T03:14:00Z)
        unconfirmed  web01            0a1b2c3d-0000-4000-8000-000000000001  the wait ended in pending_start, last seen 2026-11-22T03:14:00Z
        accepted     web03            0a1b2c3d-0000-4000-8000-000000000001  the console took the request, and the state has not been read since
        ");
    }

    #[test]
    fn lines_in_quick_succession_are_written_together_and_none_is_kept_back() {
        let out = Shared::default();
        let mut human = Human::new(out.clone(), false);
        let mut script = Script::new(header());
        for _ in 0..3 {
            script.settle(result("web01", Outcome::Confirmed));
        }
        play(&mut human, &script.take());
        assert_eq!(out.take().lines().count(), 1);
        human.tick().unwrap();
        assert_eq!(out.take().lines().count(), 2);
        script.at(50);
        script.settle(result("web01", Outcome::Confirmed));
        play(&mut human, &script.take());
        assert_eq!(out.take().lines().count(), 1);
        for _ in 0..10_000 {
            script.settle(result("web01", Outcome::Confirmed));
        }
        play(&mut human, &script.take());
        assert!(human.held.len() < ROOM);
        play(&mut human, &script.finish(Ending::Interrupted));
        assert_eq!(out.take().lines().count(), 10_000);
    }
}
