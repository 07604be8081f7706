//! What it costs to start at all.

use anyhow::Result;

use crate::{
    Asked,
    process::{Took, run, seconds},
    room::Room,
    row::Row,
};

pub(crate) const WHAT: &str = "`edrctl --version` and `--help`";
const MUST_MS: f64 = 10.0;
const MUST_MIB: f64 = 12.0;
const RUNS: usize = 31;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    let room = Room::new()?;
    let mut rows = Vec::new();
    for argument in ["--version", "--help"] {
        let once = || run(&mut room.edrctl([argument]), &room.at("errors.txt"));
        once()?;
        let runs = (0..RUNS).map(|_| once()).collect::<Result<Vec<Took>>>()?;
        let case = format!("`edrctl {argument}`");
        let facts = format!("median of {RUNS}");
        rows.push(Row::at_most(&case, "start-up", seconds(&runs) * 1_000.0, MUST_MS, "ms", &facts));
        let peak = runs.iter().map(|run| run.peak_mib).fold(0.0, f64::max);
        rows.push(Row::at_most(&case, "peak memory", peak, MUST_MIB, "MiB", &format!("the most of {RUNS}")));
    }
    Ok(rows)
}
