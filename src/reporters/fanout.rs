//! One event to several reporters.

use std::io::{self, Write};

use super::{Reporter, clean::clean};
use crate::engine::event::RunEvent;

/// Hands every event to every reporter, and goes on without those that fail.
///
/// A closed pipe is how a reader says that it has seen enough (`edrctl … | head`): that reporter ends without a word. Any
/// other failure is told once.
pub struct Fanout {
    reporters: Vec<(&'static str, Box<dyn Reporter>)>,
    warnings: Box<dyn Write + Send>,
    lost: bool,
}

impl std::fmt::Debug for Fanout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.reporters.iter().map(|(name, _)| name).collect();
        f.debug_struct("Fanout").field("reporters", &names).field("lost", &self.lost).finish_non_exhaustive()
    }
}

impl Fanout {
    /// Makes one without reporters; `warnings` is where the failure of a reporter is told.
    pub fn new(warnings: Box<dyn Write + Send>) -> Self {
        Self { reporters: Vec::new(), warnings, lost: false }
    }

    /// Adds a reporter; `name` stands for it in a warning: `the NAME output failed`.
    pub fn push(&mut self, name: &'static str, reporter: impl Reporter + 'static) {
        self.reporters.push((name, Box::new(reporter)));
    }

    /// Whether a reporter failed for another reason than a closed pipe, so that some output is not whole.
    pub const fn lost_output(&self) -> bool {
        self.lost
    }

    fn each(&mut self, mut deed: impl FnMut(&mut dyn Reporter) -> io::Result<()>) {
        let mut failures = Vec::new();
        self.reporters.retain_mut(|(name, reporter)| match deed(reporter.as_mut()) {
            Ok(()) => true,
            Err(error) => {
                failures.push((*name, error));
                false
            }
        });
        for (name, error) in failures {
            if error.kind() == io::ErrorKind::BrokenPipe {
                continue;
            }
            self.lost = true;
            let told = error.to_string();
            let line = format!("warning: the {name} output failed and ends here; the run goes on: {}\n", clean(&told));
            // Where warnings cannot be written there is nobody left to tell; `lost_output` still says it.
            if self.warnings.write_all(line.as_bytes()).and_then(|()| self.warnings.flush()).is_err() {
                self.warnings = Box::new(io::sink());
            }
        }
    }
}

impl Reporter for Fanout {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.each(|reporter| reporter.on_event(event));
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        self.each(|reporter| reporter.tick());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::testing::{Shared, cancelled};

    struct Failing(io::ErrorKind);

    impl Reporter for Failing {
        fn on_event(&mut self, _event: &RunEvent) -> io::Result<()> {
            Err(io::Error::new(self.0, "no \u{1b}[2Jroom"))
        }

        fn tick(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Counting(Shared);

    impl Reporter for Counting {
        fn on_event(&mut self, _event: &RunEvent) -> io::Result<()> {
            self.0.write_all(b"event ")
        }

        fn tick(&mut self) -> io::Result<()> {
            self.0.write_all(b"tick ")
        }
    }

    #[test]
    fn a_failing_reporter_is_dropped_with_one_warning_and_the_others_go_on() {
        let (warnings, heard) = (Shared::default(), Shared::default());
        let mut fanout = Fanout::new(Box::new(warnings.clone()));
        fanout.push("csv", Failing(io::ErrorKind::StorageFull));
        fanout.push("other", Counting(heard.clone()));
        for _ in 0..3 {
            fanout.on_event(&cancelled()).unwrap();
        }
        fanout.tick().unwrap();
        assert_eq!(
            warnings.text(),
            "warning: the csv output failed and ends here; the run goes on: no \\u{1b}[2Jroom\n"
        );
        assert_eq!(heard.text(), "event event event tick ");
        assert!(fanout.lost_output());
    }

    #[test]
    fn a_closed_pipe_ends_a_reporter_without_a_word() {
        let warnings = Shared::default();
        let mut fanout = Fanout::new(Box::new(warnings.clone()));
        fanout.push("human", Failing(io::ErrorKind::BrokenPipe));
        fanout.on_event(&cancelled()).unwrap();
        assert_eq!(warnings.text(), "");
        assert!(!fanout.lost_output());
        assert!(fanout.reporters.is_empty());
    }

    #[test]
    fn warnings_that_cannot_be_written_do_not_stop_the_run() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("closed"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut fanout = Fanout::new(Box::new(Closed));
        fanout.push("csv", Failing(io::ErrorKind::StorageFull));
        fanout.on_event(&cancelled()).unwrap();
        assert!(fanout.lost_output());
    }
}
