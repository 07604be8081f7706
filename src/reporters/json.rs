//! `-o json`: one document for the whole run.
//!
//! The document is written as the run goes, results first and the summary behind them, so that a million results are
//! never held in memory.

use std::{
    io::{self, BufWriter, Write},
    sync::Arc,
};

use super::{
    Reporter,
    json_text::to_line,
    timeline::Waited,
    wire::{End, ResultV1, RunV1, SummaryV1},
};
use crate::engine::event::{RunEvent, RunEventKind, RunHeader};

/// Writes one JSON document, closed when the run ends.
#[derive(Debug)]
pub struct Json<W: Write> {
    out: BufWriter<W>,
    header: Option<Arc<RunHeader>>,
    first: bool,
    waited: Waited,
}

impl<W: Write + Send> Json<W> {
    /// Makes one that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out: BufWriter::with_capacity(64 * 1024, out), header: None, first: true, waited: Waited::default() }
    }
}

impl<W: Write + Send> Reporter for Json<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.waited.hear(event);
        match (&event.kind, &self.header) {
            (RunEventKind::RunStarted(header), _) => {
                let opening = to_line(&RunV1::from(header.as_ref()))?;
                // The object stays open: its results follow, then its summary.
                let opening = opening.strip_suffix('}').unwrap_or(&opening);
                write!(self.out, "{opening},\"results\":[")?;
                self.header = Some(Arc::clone(header));
            }
            (RunEventKind::TargetSettled(result), Some(header)) => {
                let object = to_line(&ResultV1::from((header.as_ref(), result.as_ref())))?;
                let comma = if self.first { "" } else { "," };
                self.first = false;
                write!(self.out, "{comma}\n{object}")?;
            }
            (RunEventKind::RunFinished(ending), Some(header)) => {
                let summary = to_line(&SummaryV1::from(End {
                    waits: header.waits,
                    ending,
                    stats: &event.stats,
                    elapsed: event.elapsed,
                    throttled: self.waited.total(),
                    at: event.at,
                }))?;
                writeln!(self.out, "\n],\"summary\":{summary}}}")?;
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
