//! What was wrong on our side and has been put right: told whatever else is shown.

use std::io::{self, Write};

use super::{
    Reporter,
    clean::clean_to,
    paint::{WARN, paint},
};
use crate::engine::event::{RunEvent, RunEventKind};

/// A reason may hold a text of the console.
const LONGEST: usize = 400;

/// Writes a warning for everything that had to be mended.
#[derive(Debug)]
pub struct Warnings<W> {
    out: W,
    colour: bool,
}

impl<W: Write + Send> Warnings<W> {
    /// Makes one that writes to `out`.
    pub const fn new(out: W, colour: bool) -> Self {
        Self { out, colour }
    }
}

impl<W: Write + Send> Reporter for Warnings<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        let RunEventKind::Mended { failure } = &event.kind else { return Ok(()) };
        let label = paint("warning:", WARN, self.colour);
        self.out.write_all(format!("{label} {}\n", clean_to(&failure.text, LONGEST)).as_bytes())?;
        self.out.flush()
    }

    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::failure::{Failure, FailureKind},
        reporters::testing::{Script, Shared, header, play},
    };

    #[test]
    fn what_was_mended_is_a_warning_and_cannot_move_the_cursor() {
        let mut script = Script::new(header());
        let failure = Failure::new(FailureKind::ClockSkew, "the clock\u{1b}[2J is wrong");
        script.tell(RunEventKind::Mended { failure });
        let out = Shared::default();
        play(&mut Warnings::new(out.clone(), false), &script.take());
        assert_eq!(out.text(), "warning: the clock\\u{1b}[2J is wrong\n");
    }
}
