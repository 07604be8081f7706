//! What a million targets weigh.

use anyhow::Result;

use crate::{
    Asked,
    process::{Took, run},
    room::Room,
    row::Row,
    simulated::Simulated,
};

pub(crate) const WHAT: &str = "1,000,000 targets, `--dry-run`, ids only";
const MUST_MIB: f64 = 250.0;
const TARGETS: u32 = 1_000_000;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    let room = Room::new()?;
    let targets = room.guids("guids.txt", TARGETS)?;
    let fleet = room.fleet(20)?;
    let console = Simulated::start(&room, &fleet, "0s")?;
    let mut command = room.edrctl(["isolate", "--vendor", "cisco", "--dry-run", "--config"]);
    command.arg(&console.config).arg(&targets);
    let standing = run(&mut command, &room.at("errors.txt"))?;
    console.stop()?;
    let mut command = room.edrctl(["isolate", "--vendor", "cisco", "--dry-run", "--simulate"]);
    command.arg(&targets);
    let embedded = run(&mut command, &room.at("errors.txt"))?;
    let row = |measure: &str, took: Took| {
        let facts = format!("in {:.1} s", took.wall.as_secs_f64());
        Row::at_most(WHAT, measure, took.peak_mib, MUST_MIB, "MiB", &facts)
    };
    Ok(vec![
        row("peak memory, a console with 20 hosts", standing),
        row("peak memory, `--simulate`: the console and its million hosts are in the same process", embedded),
    ])
}
