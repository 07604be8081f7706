//! A row a target, with the columns and the care of `-o csv`.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::story::Story;
use crate::{
    domain::outcome::RunStats,
    engine::event::{RunEvent, RunEventKind},
    reporters::{Reporter as _, csv::Csv},
};

/// Writes the rows.
pub(super) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Csv::new(Vec::with_capacity(1 << 16));
    let event = |kind| RunEvent { at: story.last_at, elapsed: story.took(), stats: RunStats::default(), kind };
    rows.on_event(&event(RunEventKind::RunStarted(Arc::clone(&story.header))))?;
    for row in &story.rows {
        rows.on_event(&event(RunEventKind::TargetSettled(Arc::clone(row))))?;
    }
    out.write_all(&rows.into_inner())
}
