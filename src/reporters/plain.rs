//! Sparse plain lines, where standard error is no terminal: a log, a pipe, cron's mail.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use super::{
    Reporter, phrases,
    timeline::Timeline,
    words::{count, duration, number, percent},
};
use crate::{
    domain::outcome::RunStats,
    engine::event::{RunEvent, RunEventKind, RunHeader},
};

/// A line at least this often while something happens.
const OFTEN: Duration = Duration::from_secs(10);
/// A line for every further share of the hosts, in per cent.
const STEP: u64 = 10;
/// And never more lines than one in this time, however fast the run is.
const SELDOM: Duration = Duration::from_secs(1);

/// Writes the start, the waits, now and then the counts, and the end.
#[derive(Debug)]
pub struct Plain<W> {
    out: W,
    header: Option<Arc<RunHeader>>,
    timeline: Timeline,
    stats: RunStats,
    told: Duration,
    told_percent: u64,
    waits_until: Duration,
    ends: bool,
}

impl<W: Write + Send> Plain<W> {
    /// Makes one that writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            header: None,
            timeline: Timeline::new(),
            stats: RunStats::default(),
            told: Duration::ZERO,
            told_percent: 0,
            waits_until: Duration::ZERO,
            ends: true,
        }
    }

    /// Leaves the end to a summary on the same stream.
    #[must_use]
    pub const fn without_end(mut self) -> Self {
        self.ends = false;
        self
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        self.out.write_all(format!("{line}\n").as_bytes())?;
        self.out.flush()
    }

    /// The counts, if it is time for them.
    fn advance(&mut self, now: Duration) -> io::Result<()> {
        let settled = self.stats.settled.total();
        let reached = percent(settled, self.stats.total);
        let since = now.saturating_sub(self.told);
        let due = since >= OFTEN || (since >= SELDOM && reached >= self.told_percent + STEP);
        if self.header.is_none() || !due {
            return Ok(());
        }
        self.told = now;
        self.told_percent = reached - reached % STEP;
        let counts: Vec<String> = phrases::counts(&self.stats).into_iter().map(|(_, text)| text).collect();
        let mut line = format!("{} of {} ({reached} %)", number(settled), number(self.stats.total));
        if !counts.is_empty() {
            line.push_str(": ");
            line.push_str(&counts.join(", "));
        }
        if let Some(eta) = phrases::eta(&self.stats) {
            line.push_str("; ");
            line.push_str(&eta);
        }
        self.line(&line)
    }
}

impl<W: Write + Send> Reporter for Plain<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.timeline.hear(event);
        self.stats = event.stats.clone();
        match &event.kind {
            RunEventKind::RunStarted(header) => {
                self.header = Some(Arc::clone(header));
                let again = if header.resumed { ", resumed" } else { "" };
                let run = if header.dry_run { "dry run".to_owned() } else { format!("run {}", header.run) };
                self.line(&format!("{}, {run}{again}", phrases::subject(header)))
            }
            // A wait that moves by less than a second is the same wait.
            RunEventKind::Throttled { wait, .. } if event.elapsed + *wait <= self.waits_until + SELDOM => Ok(()),
            RunEventKind::Throttled { wait, until, why } => {
                self.waits_until = event.elapsed + *wait;
                let eta = phrases::eta(&event.stats).map(|eta| format!("; {eta} in all")).unwrap_or_default();
                let (wait, why) = (duration(*wait), phrases::throttle(*why));
                self.line(&format!("waiting {wait} (until {until:.0}) {why}{eta}"))
            }
            RunEventKind::CancelRequested => {
                let rest = match event.stats.in_flight {
                    0 => String::new(),
                    n => format!("; waiting for {} under way", count(n, "request", "requests")),
                };
                self.line(&format!("interrupted: nothing more is sent{rest}"))
            }
            RunEventKind::RunFinished(ending) => {
                let Some(header) = self.header.take() else { return Ok(()) };
                let dry_run = header.dry_run;
                let tally = phrases::tally(&event.stats.settled, &header, event.stats.total);
                let line = match phrases::stopped(ending) {
                    Some(why) => format!("stopped early after {}: {why}; {tally}", duration(event.elapsed)),
                    None if dry_run => "dry run done: nothing was sent".to_owned(),
                    None => format!("done in {}: {tally}", duration(event.elapsed)),
                };
                if self.ends { self.line(&line) } else { Ok(()) }
            }
            _ => self.advance(event.elapsed),
        }
    }

    fn tick(&mut self) -> io::Result<()> {
        let now = self.timeline.now();
        self.advance(now)
    }
}

#[cfg(test)]
mod tests;
