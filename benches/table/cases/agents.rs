//! What a list of twenty thousand agents costs, which Apex Central sends in one piece.

use anyhow::Result;

use crate::{
    Asked,
    part::{self, Part},
    process::{Took, run},
    room::Room,
    row::Row,
    simulated::{Simulated, Which},
};

pub(crate) const WHAT: &str = "Apex Central: 20,000 agents in the list";
const AGENTS: u32 = 20_000;
const MUST_MS: f64 = 150.0;
const MUST_MIB: f64 = 60.0;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    let room = Room::new()?;
    let fleet = room.agents(AGENTS)?;
    let targets = room.guids("targets.txt", 10)?;
    let console = Simulated::start_as(Which::Apex, &room, &fleet, "0s")?;
    let once = |arguments: &[&str]| -> Result<Took> {
        let mut command = room.edrctl(arguments.iter().copied());
        command.arg("--config").arg(&console.config);
        run(&mut command, &room.at("errors.txt"))
    };
    let target = targets.display().to_string();
    let status = once(&["status", "--vendor", "apex", &target])?;
    let hosts = once(&["hosts", "--vendor", "apex", "-o", "csv"])?;
    console.stop()?;
    let row = |measure: &str, took: Took| {
        let facts = format!("in {:.2} s", took.wall.as_secs_f64());
        Row::at_most(WHAT, measure, took.peak_mib, MUST_MIB, "MiB", &facts)
    };
    let read = part::measure(Part::Read(AGENTS))?.as_secs_f64() * 1_000.0;
    Ok(vec![
        Row::at_most(WHAT, "time to read the answer", read, MUST_MS, "ms", "median of 21"),
        row("peak memory of `status`, 10 targets", status),
        row("peak memory of `hosts -o csv`", hosts),
    ])
}
