//! `-o jsonl`: one object a target as it settles, each on its own line and written at once.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{Reporter, json_text::to_line, wire::ResultV1};
use crate::engine::event::{RunEvent, RunEventKind, RunHeader};

/// Writes a line of JSON for every target that settles.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
    header: Option<Arc<RunHeader>>,
}

impl<W: Write + Send> JsonLines<W> {
    /// Makes one that writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, header: None }
    }
}

impl<W: Write + Send> Reporter for JsonLines<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        match (&event.kind, &self.header) {
            (RunEventKind::RunStarted(header), _) => self.header = Some(Arc::clone(header)),
            (RunEventKind::TargetSettled(result), Some(header)) => {
                let mut line = to_line(&ResultV1::from((header.as_ref(), result.as_ref())))?;
                line.push('\n');
                self.out.write_all(line.as_bytes())?;
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
