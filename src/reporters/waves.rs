//! A run in waves, in lines on standard error: which one begins, how it ended, what holds up the next, why the run halts.

use std::io::{self, Write};

use super::{
    Reporter,
    clean::clean_to,
    phrases,
    words::{count, duration, number, things},
};
use crate::{
    domain::outcome::Counts,
    engine::event::{Between, RunEvent, RunEventKind},
};

/// A command's name may be long.
const LONGEST: usize = 400;

/// Writes a line for every turn that a run in waves takes.
#[derive(Debug)]
pub(super) struct Waves<W> {
    out: W,
    action: &'static str,
}

impl<W: Write + Send> Waves<W> {
    /// Makes one that writes to `out`.
    pub(super) const fn new(out: W) -> Self {
        Self { out, action: "" }
    }
}

fn told(counts: &Counts) -> String {
    let parts: Vec<String> =
        counts.present().map(|(outcome, of)| format!("{} {}", number(of), phrases::label(outcome))).collect();
    parts.join(", ")
}

impl<W: Write + Send> Reporter for Waves<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        let line = match &event.kind {
            RunEventKind::RunStarted(header) => {
                self.action = header.action;
                return Ok(());
            }
            RunEventKind::WaveStarted(wave) => {
                format!("wave {} of {}: {}", wave.number, wave.of, things(wave.targets, self.action))
            }
            RunEventKind::WaveEnded { wave, counts } => {
                format!("wave {} of {} is over: {}", wave.number, wave.of, told(counts))
            }
            RunEventKind::BetweenWaves(Between::Pause { wait, until }) => {
                format!("pausing {} (until {until:.0}) before the next wave", duration(*wait))
            }
            RunEventKind::BetweenWaves(Between::Gate { asks: false }) => "running the command between waves".to_owned(),
            // The question speaks for itself.
            RunEventKind::BetweenWaves(Between::Gate { asks: true }) => return Ok(()),
            RunEventKind::Halted { why, abandons } => {
                let rest = match (event.stats.in_flight, abandons) {
                    (0, _) => String::new(),
                    (n, false) => format!("; waiting for {} under way", count(n, "request", "requests")),
                    (n, true) => format!("; {} under way given up", count(n, "request", "requests")),
                };
                format!("halted: {}: nothing more is sent{rest}", clean_to(why, LONGEST))
            }
            _ => return Ok(()),
        };
        self.out.write_all(format!("{line}\n").as_bytes())?;
        self.out.flush()
    }

    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use insta::assert_snapshot;

    use super::*;
    use crate::{
        domain::outcome::Outcome,
        engine::event::Wave,
        reporters::testing::{Script, Shared, header, play, start},
    };

    #[test]
    fn every_turn_is_a_line_and_cannot_move_the_cursor() {
        let wave = Wave { number: 1, of: 3, targets: 2 };
        let mut counts = Counts::default();
        counts.add(Outcome::Confirmed);
        counts.add(Outcome::InDoubt);
        let mut script = Script::new(header());
        script.tell(RunEventKind::WaveStarted(wave));
        script.tell(RunEventKind::WaveEnded { wave, counts });
        let (wait, until) = (Duration::from_secs(300), start());
        script.tell(RunEventKind::BetweenWaves(Between::Pause { wait, until }));
        script.tell(RunEventKind::BetweenWaves(Between::Gate { asks: false }));
        script.tell(RunEventKind::BetweenWaves(Between::Gate { asks: true }));
        script.tell(RunEventKind::Halted { why: "it\u{1b}[2J failed".to_owned(), abandons: false });
        script.stats.in_flight = 3;
        script.tell(RunEventKind::Halted { why: "2 of 3".to_owned(), abandons: false });
        script.tell(RunEventKind::Halted { why: "2 of 3".to_owned(), abandons: true });
        let out = Shared::default();
        play(&mut Waves::new(out.clone()), &script.take());
        assert_snapshot!(out.text(), @r"
        wave 1 of 3: 2 hosts
        wave 1 of 3 is over: 1 confirmed, 1 in doubt
        pausing 5 min (until 2026-11-22T03:15:02Z) before the next wave
        running the command between waves
        halted: it\u{1b}[2J failed: nothing more is sent
        halted: 2 of 3: nothing more is sent; waiting for 3 requests under way
        halted: 2 of 3: nothing more is sent; 3 requests under way given up
        ");
    }
}
