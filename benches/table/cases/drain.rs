//! How fast a queue is drained to a synced file, beside a consumer that keeps nothing, and beside a script.

use anyhow::Result;

use crate::{
    Asked,
    process::{Took, median, ratio, seconds},
    row::Row,
    say,
    stand::{INSTALL, Stand, python},
};

pub(crate) const WHAT: &str = "200,000 events of 1 KB, RabbitMQ, TLS";
const RATE: &str = "events/s, to a synced file, edrctl ÷ bare `lapin` that keeps nothing";
const SCRIPT_RATE: &str = "events/s, to a file, edrctl ÷ Python script (`pika`), which does not sync";
const SCRIPT_CPU: &str = "processor time an event, edrctl ÷ that script";
const MUST: f64 = 0.8;
const MUST_SCRIPT: f64 = 2.0;
const MUST_CPU: f64 = 1.0 / 3.0;
const EVENTS: u64 = 200_000;
const ROUNDS: usize = 3;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    let Some(stand) = Stand::start()? else {
        return Ok(vec![Row::not_measured(WHAT, RATE, "≥ 0.8", INSTALL)]);
    };
    let python = python();
    // Whoever comes first meets a broker that has not warmed up.
    stand.drained("warm", EVENTS / 10)?;
    let (mut ours, mut bare, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..ROUNDS {
        ours.push(stand.drained(&format!("drain-{n}"), EVENTS)?);
        bare.push(stand.bare(EVENTS)?);
        if let Some(python) = python {
            theirs.push(stand.script(python, EVENTS)?);
        }
        say(&format!("  {} of {ROUNDS} rounds", n + 1));
    }
    let rate = |runs: &[Took]| EVENTS as f64 / seconds(runs);
    let (seen, span) = ratio(&bare, &ours);
    let facts = format!("{:.0}/s to {:.0}/s; {span}", rate(&ours), rate(&bare));
    let mut rows = vec![Row::at_least(WHAT, RATE, seen, MUST, &facts)];
    if theirs.is_empty() {
        rows.push(Row::not_measured(WHAT, SCRIPT_RATE, "≥ 2", INSTALL));
        return Ok(rows);
    }
    let (seen, span) = ratio(&theirs, &ours);
    let facts = format!("{:.0}/s to {:.0}/s; {span}", rate(&ours), rate(&theirs));
    rows.push(Row::at_least(WHAT, SCRIPT_RATE, seen, MUST_SCRIPT, &facts));
    let each = |runs: &[Took]| median(runs.iter().map(|run| run.cpu.as_secs_f64() * 1e6 / EVENTS as f64));
    let shares: Vec<f64> =
        ours.iter().zip(&theirs).map(|(our, their)| our.cpu.as_secs_f64() / their.cpu.as_secs_f64()).collect();
    let (least, most) =
        (shares.iter().copied().fold(f64::INFINITY, f64::min), shares.iter().copied().fold(0.0, f64::max));
    let facts = format!(
        "{:.0} µs to {:.0} µs, bare {:.0} µs; {least:.2} to {most:.2} in {} pairs",
        each(&ours),
        each(&theirs),
        each(&bare),
        shares.len()
    );
    rows.push(Row::at_most(WHAT, SCRIPT_CPU, median(shares), MUST_CPU, "", &facts));
    Ok(rows)
}
