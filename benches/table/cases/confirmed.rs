//! How many requests it takes to prove that ten thousand hosts are isolated.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use jiff::Timestamp;

use crate::{Asked, process::run, room::Room, row::Row, simulated::Simulated};

pub(crate) const WHAT: &str = "10,000 hosts confirmed (`--wait`)";
const HOSTS: u32 = 10_000;
/// Hosts in the inventory, those of the run among them.
const FLEETS: [u32; 2] = [10_000, 25_000];
const PAGE: u32 = 500;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    FLEETS.into_iter().map(one).collect()
}

fn one(fleet_size: u32) -> Result<Row> {
    let room = Room::new()?;
    let fleet = room.fleet(fleet_size)?;
    let targets = room.guids("targets.txt", HOSTS)?;
    let console = Simulated::start(&room, &fleet, "0s")?;
    let mut command = room.edrctl(["isolate", "--vendor", "cisco", "--yes", "--wait", "-vv", "--config"]);
    command.arg(&console.config).arg("--state-dir").arg(room.at("state")).arg(&targets);
    let trace = room.at("trace.txt");
    run(&mut command, &trace)?;
    let requests = console.stop()?;
    let polls = polls(&trace)?;
    let pages = u64::from(fleet_size.div_ceil(PAGE));
    let bound = (u64::from(HOSTS) + polls * pages) as f64 * 1.05;
    let measure = format!("requests sent, of a fleet of {fleet_size}");
    let facts = format!("{polls} polls of {pages} pages");
    Ok(Row::at_most(WHAT, &measure, requests as f64, bound.floor(), "", &facts))
}

/// Counts the polls in a trace of every exchange: pages that follow each other are one poll, and at least a second
/// passes between two.
fn polls(trace: &Path) -> Result<u64> {
    let text = fs::read_to_string(trace)?;
    let listings = text.lines().filter(|line| line.contains("path=\"/v1/computers\""));
    let (mut polls, mut last) = (0, None::<Timestamp>);
    for line in listings {
        let at: Timestamp = line.split_whitespace().next().context("a line without a time")?.parse()?;
        if last.is_none_or(|last| at.duration_since(last).as_millis() >= 700) {
            polls += 1;
        }
        last = Some(at);
    }
    Ok(polls)
}
