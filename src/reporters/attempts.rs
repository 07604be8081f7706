//! `-v`: every failed attempt, and what comes next.

use std::io::{self, Write};

use super::{
    Reporter,
    clean::{clean, clean_to},
    phrases,
};
use crate::engine::event::{RunEvent, RunEventKind};

/// A reason may be a gateway's whole web page.
const LONGEST: usize = 400;

/// Writes a line for every attempt that failed and is not the end of its targets.
#[derive(Debug)]
pub struct Attempts<W> {
    out: W,
}

impl<W: Write + Send> Attempts<W> {
    /// Makes one that writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Reporter for Attempts<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        let RunEventKind::AttemptFailed { target, attempt, failure, next } = &event.kind else { return Ok(()) };
        let (target, reason, next) = (clean(target), clean_to(&failure.text, LONGEST), phrases::next_step(*next));
        self.out.write_all(format!("{target}: attempt {attempt} failed: {reason}; {next}\n").as_bytes())?;
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
        domain::failure::{Failure, FailureKind},
        engine::event::NextStep,
        reporters::testing::{Script, Shared, header, play},
    };

    #[test]
    fn every_failed_attempt_says_what_comes_next() {
        let mut script = Script::new(header());
        for (attempt, next) in [NextStep::Retry(Duration::from_millis(1_500)), NextStep::Look, NextStep::WaitForConsole]
            .into_iter()
            .enumerate()
        {
            script.tell(RunEventKind::AttemptFailed {
                target: "web01\u{1b}[2J".into(),
                attempt: u32::try_from(attempt).unwrap() + 1,
                failure: Failure::new(FailureKind::ServerError, "HTTP 502: \"\r\nbusy\""),
                next,
            });
        }
        let out = Shared::default();
        play(&mut Attempts::new(out.clone()), &script.take());
        assert_snapshot!(out.text(), @r#"
        web01\u{1b}[2J: attempt 1 failed: HTTP 502: "\r\nbusy"; trying again in 1.5 s
        web01\u{1b}[2J: attempt 2 failed: HTTP 502: "\r\nbusy"; asking the console how the host stands
        web01\u{1b}[2J: attempt 3 failed: HTTP 502: "\r\nbusy"; waiting until the console takes requests again
        "#);
    }
}
