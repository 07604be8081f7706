//! The closing table: counts by outcome, failures by reason, what it took, and the command to type next.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use super::{
    Reporter,
    clean::clean_to,
    groups::Groups,
    hints::{Invocation, STATUS, hints},
    paint::{self, FAINT, STRONG, WARN, paint},
    phrases,
    timeline::Waited,
    words::{count, duration, number, pad, things},
};
use crate::{
    domain::{
        action::{ActionKind, Thing},
        failure::FailureKind,
        outcome::{Ending, Outcome},
    },
    engine::event::{RunEvent, RunEventKind, RunHeader},
};

/// Groups of failures that are shown.
const SHOWN: usize = 10;
/// Words for a state that are told apart; consoles have about five.
const STATES: usize = 20;
/// The columns of a count: a million with its commas.
const COUNT: usize = 9;
/// The columns of the longest outcome.
const WORD: usize = 11;

/// Tells at the end of a run what came of it.
#[derive(Debug)]
pub struct Summary<W> {
    out: W,
    colour: bool,
    invocation: Invocation,
    header: Option<Arc<RunHeader>>,
    groups: Groups,
    /// What a `status` run read, in the console's words; the totals know only outcomes.
    states: BTreeMap<String, u64>,
    waited: Waited,
}

impl<W: Write + Send> Summary<W> {
    /// Makes one that writes to `out`; `invocation` is what the next command has to repeat.
    pub fn new(out: W, colour: bool, invocation: Invocation) -> Self {
        Self {
            out,
            colour,
            invocation,
            header: None,
            groups: Groups::default(),
            states: BTreeMap::new(),
            waited: Waited::default(),
        }
    }

    fn text(&self, header: &RunHeader, ending: &Ending, event: &RunEvent) -> String {
        let stats = &event.stats;
        let mut lines = vec![String::new(), paint(&phrases::subject(header), STRONG, self.colour)];
        for (outcome, number_of) in stats.settled.present() {
            let label = paint(phrases::label(outcome), paint::outcome(outcome), self.colour);
            lines.push(format!("  {:>COUNT$}  {label}", number(number_of)));
        }
        if stats.settled.total() == 0 {
            lines.push("  nothing to do".to_owned());
        }
        lines.extend(self.states());
        lines.extend(self.reasons());
        if let Some(why) = phrases::stopped(ending) {
            lines.push(paint(&format!("stopped early: {why}"), WARN, self.colour));
        }
        lines.extend(self.cost(header, event));
        if header.simulated {
            let text = match ActionKind::from_word(header.action).map(ActionKind::lands_on) {
                Some(Thing::Indicator) => "rehearsal: the firewall was simulated, no real one was touched",
                _ => "rehearsal: the console was simulated, no real host was touched",
            };
            lines.push(paint(text, STRONG, self.colour));
        }
        lines.extend(self.next(header, ending, event));
        lines.push(String::new());
        lines.join("\n")
    }

    fn states(&self) -> Vec<String> {
        let title = (!self.states.is_empty()).then(|| "by state:".to_owned());
        let states = self.states.iter().map(|(state, n)| format!("  {:>COUNT$}  {state}", number(*n)));
        title.into_iter().chain(states).collect()
    }

    fn reasons(&self) -> Vec<String> {
        let groups = self.groups.biggest();
        let mut lines = Vec::new();
        if !groups.is_empty() {
            lines.push("not succeeded, by reason:".to_owned());
        }
        for group in groups.iter().take(SHOWN) {
            let label = pad(phrases::label(group.outcome), WORD);
            let label = paint(&label, paint::outcome(group.outcome), self.colour);
            lines.push(format!("  {:>COUNT$}  {label}  {}", number(group.count), group.text));
            let shown = u64::try_from(group.examples.len()).unwrap_or(u64::MAX);
            let more = match group.count.saturating_sub(shown) {
                0 => String::new(),
                more => format!(" and {} more", number(more)),
            };
            let examples = format!("{:indent$}{}{more}", "", group.examples.join(", "), indent = COUNT + WORD + 6);
            lines.push(paint(&examples, FAINT, self.colour));
        }
        if groups.len() > SHOWN {
            let (rest, of) = (groups.iter().skip(SHOWN), groups.len() - SHOWN);
            let hidden: u64 = rest.map(|group| group.count).sum();
            let reasons = count(u64::try_from(of).unwrap_or(u64::MAX), "more reason", "more reasons");
            lines.push(format!("  {:>COUNT$}  for {reasons}", number(hidden)));
        }
        lines
    }

    fn cost(&self, header: &RunHeader, event: &RunEvent) -> Vec<String> {
        let requests = count(event.stats.requests, "request", "requests");
        if header.dry_run {
            let planned = things(event.stats.settled.get(Outcome::NotSent), header.action);
            return vec![format!("dry run: {planned} to {}; nothing was sent but {requests} to read", header.verb())];
        }
        let tally = phrases::tally(&event.stats.settled, header, event.stats.total);
        let mut lines = vec![format!("{tally} in {} with {requests}", duration(event.elapsed))];
        if !self.waited.total().is_zero() {
            lines.push(format!("{} of it went by waiting for the console's quota", duration(self.waited.total())));
        }
        if header.action != STATUS && !self.invocation.keeps_no_journal {
            lines.push(format!("run {}", header.run));
        }
        lines
    }

    fn next(&self, header: &RunHeader, ending: &Ending, event: &RunEvent) -> Vec<String> {
        let hints = hints(header, ending, &event.stats.settled, &self.invocation);
        let line = |hint: &super::hints::Hint| {
            // The words behind `#` may be pasted along: a shell takes them for a comment.
            let why = paint(&format!("# {}", hint.why), FAINT, self.colour);
            format!("{} {}  {why}", paint("next:", STRONG, self.colour), hint.command)
        };
        hints.iter().map(line).collect()
    }
}

impl<W: Write + Send> Reporter for Summary<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.waited.hear(event);
        match (&event.kind, &self.header) {
            (RunEventKind::RunStarted(header), _) => self.header = Some(Arc::clone(header)),
            (RunEventKind::TargetSettled(result), Some(header)) => {
                let planned = result.reason.as_ref().is_some_and(|reason| reason.kind == FailureKind::DryRun);
                if !result.outcome.is_success(header.waits) && !planned {
                    self.groups.add(result);
                }
                if let Some(state) = result.state.as_deref().filter(|_| header.action == STATUS) {
                    let state = clean_to(state, 40);
                    let known = self.states.len() < STATES || self.states.contains_key(&state);
                    *self.states.entry(if known { state } else { "other states".to_owned() }).or_default() += 1;
                }
            }
            (RunEventKind::RunFinished(ending), Some(header)) => {
                let text = self.text(header, ending, event);
                self.out.write_all(text.as_bytes())?;
                self.out.flush()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
