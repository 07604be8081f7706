//! What was wrong and has been got round: told whatever else is shown.

use std::io::{self, Write};

use super::{
    Reporter,
    clean::clean_to,
    paint::{WARN, paint},
};
use crate::engine::event::{RunEvent, RunEventKind};

/// A reason may hold a text of the console.
const LONGEST: usize = 400;

/// Writes a warning for everything that had to be mended, and for news that are missed.
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
        let warning = match &event.kind {
            RunEventKind::Mended { failure } => clean_to(&failure.text, LONGEST),
            RunEventKind::HearingLost { why } => {
                let why = clean_to(why, LONGEST);
                format!("the event stream is not heard: {why}; hosts are confirmed by listings meanwhile")
            }
            RunEventKind::HearingBack => {
                self.out.write_all(b"the event stream is heard again\n")?;
                return self.out.flush();
            }
            _ => return Ok(()),
        };
        let label = paint("warning:", WARN, self.colour);
        self.out.write_all(format!("{label} {warning}\n").as_bytes())?;
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

    #[test]
    fn that_nothing_is_heard_is_a_warning_and_that_it_is_heard_again_is_told() {
        let mut script = Script::new(header());
        script.tell(RunEventKind::HearingLost { why: "the broker\nis gone".to_owned() });
        script.tell(RunEventKind::HearingBack);
        let out = Shared::default();
        play(&mut Warnings::new(out.clone(), false), &script.take());
        assert_eq!(
            out.text(),
            "warning: the event stream is not heard: the broker\\nis gone; hosts are confirmed by listings meanwhile\n\
             the event stream is heard again\n"
        );
    }
}
