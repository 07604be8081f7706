//! `-o csv`: a header, then a row a target as it settles.
//!
//! Cells are cleaned, because spreadsheets compute and terminals obey; whoever needs the exact strings takes JSON.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{Reporter, clean::csv_cell, wire::ResultV1};
use crate::engine::event::{RunEvent, RunEventKind, RunHeader};

/// The columns, in order. New ones come at the end.
pub const COLUMNS: [&str; 22] = [
    "run",
    "vendor",
    "action",
    "target",
    "file",
    "line",
    "host_id",
    "host_name",
    "outcome",
    "state",
    "attempts",
    "reason_code",
    "reason",
    "last_seen",
    "simulated",
    "started",
    "finished",
    "candidates",
    "duplicates",
    "schema",
    "note",
    "wave",
];

/// Writes a row for every target that settles.
#[derive(Debug)]
pub struct Csv<W> {
    out: W,
    header: Option<Arc<RunHeader>>,
}

impl<W: Write + Send> Csv<W> {
    /// Makes one that writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, header: None }
    }

    /// What it wrote to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// One row of a CSV file with its line break, every cell cleaned and none the beginning of a formula.
///
/// # Errors
///
/// None in practice: the row is made in memory.
pub fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> io::Result<Vec<u8>> {
    let mut writer = ::csv::WriterBuilder::new().from_writer(Vec::with_capacity(256));
    writer.write_record(cells.into_iter().map(|cell| csv_cell(cell).into_owned())).map_err(io::Error::other)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

fn result_row(result: &ResultV1<'_>) -> io::Result<Vec<u8>> {
    let list = |entries: Vec<String>| entries.join("; ");
    let candidates = result.candidates.iter().map(|candidate| {
        let parts = [
            candidate.vendor,
            Some(candidate.id),
            candidate.name,
            candidate.product,
            candidate.state,
            candidate.last_seen,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let duplicates =
        result.duplicates.iter().map(|line| format!("{}:{} {}", line.file.unwrap_or("stdin"), line.line, line.target));
    row([
        result.run,
        result.vendor,
        result.action,
        result.target,
        result.file.unwrap_or_default(),
        &result.line.to_string(),
        result.host.as_ref().map_or("", |host| host.id),
        result.host.as_ref().and_then(|host| host.name).unwrap_or_default(),
        result.outcome,
        result.state.unwrap_or_default(),
        &result.attempts.to_string(),
        result.reason_code.unwrap_or_default(),
        result.reason.unwrap_or_default(),
        result.last_seen.unwrap_or_default(),
        if result.simulated { "true" } else { "false" },
        &result.started,
        &result.finished,
        &list(candidates.collect()),
        &list(duplicates.collect()),
        result.schema,
        result.note.unwrap_or_default(),
        &result.wave.map(|wave| wave.to_string()).unwrap_or_default(),
    ])
}

impl<W: Write + Send> Reporter for Csv<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        let row = match (&event.kind, &self.header) {
            (RunEventKind::RunStarted(header), _) => {
                self.header = Some(Arc::clone(header));
                row(COLUMNS)?
            }
            (RunEventKind::TargetSettled(result), Some(header)) => {
                result_row(&ResultV1::from((header.as_ref(), result.as_ref())))?
            }
            _ => return Ok(()),
        };
        self.out.write_all(&row)?;
        self.out.flush()
    }

    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::outcome::{Ending, Outcome},
        engine::event::TargetResult,
        reporters::{
            clean::is_hostile,
            testing::{Script, Shared, bad_day, header, play, result},
        },
    };

    fn rows(results: Vec<TargetResult>) -> String {
        let mut script = Script::new(header());
        for result in results {
            script.settle(result);
        }
        let out = Shared::default();
        play(&mut Csv::new(out.clone()), &script.finish(Ending::Completed));
        out.text()
    }

    #[test]
    fn a_header_and_a_row_a_target() {
        assert_snapshot!(rows(bad_day()), @r#"
        run,vendor,action,target,file,line,host_id,host_name,outcome,state,attempts,reason_code,reason,last_seen,simulated,started,finished,candidates,duplicates,schema,note,wave
        20261122-031502-k3f9q2,cisco,isolate,web01,hosts.txt,7,0a1b2c3d-0000-4000-8000-000000000001,web01,confirmed,isolated,1,,,,false,2026-11-22T03:15:02.120Z,2026-11-22T03:15:02.532Z,,,edrctl.result/1,,
        20261122-031502-k3f9q2,cisco,isolate,10.0.0.2,hosts.txt,7,0a1b2c3d-0000-4000-8000-000000000001,10.0.0.2,already,isolated,0,,,,false,2026-11-22T03:15:02.120Z,2026-11-22T03:15:02.532Z,,stdin:9 WEB02,edrctl.result/1,,
        20261122-031502-k3f9q2,cisco,isolate,db01,hosts.txt,7,,,unresolved,,0,ambiguous,2 hosts are named so,,false,2026-11-22T03:15:02.120Z,2026-11-22T03:15:02.532Z,0a1b2c3d-0000-4000-8000-00000000000a db01.corp.example 2026-11-21T09:00:00Z; 0a1b2c3d-0000-4000-8000-00000000000b,,edrctl.result/1,,
        20261122-031502-k3f9q2,cisco,isolate,端末01,hosts.txt,7,0a1b2c3d-0000-4000-8000-000000000001,"'=cmd()\u{1b}[2J\n\u{202e}exe.""txt\u{9b}",failed,pending\tstart,1,forbidden,"the console said: ""no\u{7}"", HTTP 403",2026-11-22T03:14:00Z,false,2026-11-22T03:15:02.120Z,2026-11-22T03:15:02.532Z,,,edrctl.result/1,,
        "#);
    }

    #[test]
    fn a_run_without_targets_has_its_header() {
        assert_eq!(rows(Vec::new()), format!("{}\n", COLUMNS.join(",")));
    }

    proptest! {
        #[test]
        fn every_row_reads_back_with_all_columns_and_no_formula(name in any::<String>()) {
            let text = rows(vec![result(&name, Outcome::Confirmed)]);
            prop_assert!(text.lines().count() == 2 && !text.chars().any(|c| c != '\n' && is_hostile(c)));
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(record.len(), COLUMNS.len());
            prop_assert!(!record.iter().any(|cell| cell.starts_with(['=', '+', '-', '@'])));
        }
    }
}
