//! What a long queue weighs.

use anyhow::Result;

use crate::{
    Asked,
    process::Took,
    row::Row,
    stand::{INSTALL, Stand},
};

pub(crate) const WHAT: &str = "1,000,000 events of 1 KB drained to a file";
const MEASURE: &str = "peak memory";
const MUST_MIB: f64 = 40.0;
const EVENTS: u64 = 1_000_000;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    let Some(stand) = Stand::start()? else {
        return Ok(vec![Row::not_measured(WHAT, MEASURE, "≤ 40 MiB", INSTALL)]);
    };
    let few = stand.drained("few", EVENTS / 10)?;
    let most = stand.drained("most", EVENTS)?;
    let Took { wall, peak_mib, .. } = most;
    let facts = format!("in {:.0} s; {:.1} MiB at 100,000 events", wall.as_secs_f64(), few.peak_mib);
    Ok(vec![Row::at_most(WHAT, MEASURE, peak_mib, MUST_MIB, "MiB", &facts)])
}
