//! One event to several reporters.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{Reporter, clean::clean};
use crate::{
    domain::outcome::RunStats,
    engine::event::{Listener, RunEvent},
};

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

/// The engine's listener: what a reporter cannot show is never the engine's concern.
impl Listener for Fanout {
    fn on_event(&mut self, event: &RunEvent) {
        self.each(|reporter| reporter.on_event(event));
    }

    fn tick(&mut self, _stats: &RunStats, _elapsed: Duration) {
        self.each(|reporter| reporter.tick());
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
mod tests;
