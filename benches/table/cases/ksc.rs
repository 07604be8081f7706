//! Kaspersky Security Center: how near a run comes to what latency and connections allow, and how many requests names cost.

use std::{fmt::Write as _, time::Duration};

use anyhow::Result;

use crate::{
    Asked,
    process::{median, run},
    room::Room,
    row::Row,
    simulated::{Simulated, Which},
};

pub(crate) const WHAT: &str = "Security Center: 1,000 hosts, 20 ms latency, 16 connections";
const NAMES: &str = "Security Center: 10,000 display names resolved";
const HOSTS: u32 = 1_000;
const NAMED: u32 = 10_000;
const LATENCY: Duration = Duration::from_millis(20);
const CONNECTIONS: u32 = 16;
const MUST: f64 = 1.15;
const MUST_REQUESTS: f64 = 100.0;
const ROUNDS: usize = 5;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    let room = Room::new()?;
    let fleet = room.fleet(HOSTS)?;
    let targets = room.guids("targets.txt", HOSTS)?;
    let (mut ratios, mut walls, mut requests) = (Vec::new(), Vec::new(), 0);
    for n in 0..ROUNDS {
        let console = Simulated::start_as(Which::Kaspersky, &room, &fleet, "20ms")?;
        let mut command = room.edrctl(["isolate", "--vendor", "kaspersky", "--yes", "--allow-rotation", "--config"]);
        command.arg(&console.config).arg("--state-dir").arg(room.at(&format!("state-{n}"))).arg(&targets);
        let took = run(&mut command, &room.at("errors.txt"))?;
        requests = console.stop()?;
        // Two for each host, and whatever else was asked.
        let ideal = LATENCY.as_secs_f64() * requests as f64 / f64::from(CONNECTIONS);
        ratios.push(took.wall.as_secs_f64() / ideal);
        walls.push(took.wall.as_secs_f64());
    }
    let (least, most) = (fold(&ratios, f64::min), fold(&ratios, f64::max));
    let facts = format!("{:.2} s, {requests} requests; {least:.2} to {most:.2} in {ROUNDS} runs", median(walls));
    let near = Row::at_most(WHAT, "wall time ÷ (requests × latency ÷ connections)", median(ratios), MUST, "", &facts);
    Ok(vec![near, names()?])
}

fn fold(values: &[f64], by: fn(f64, f64) -> f64) -> f64 {
    values.iter().copied().reduce(by).unwrap_or_default()
}

/// A dry run resolves every name and sends nothing else but what proves the credentials.
fn names() -> Result<Row> {
    let room = Room::new()?;
    let (mut fleet, mut targets) = (String::from("hostname,display_name\n"), String::new());
    for n in 0..NAMED {
        writeln!(fleet, "pc-{n:05}.corp.example,DESK-{n:05}")?;
        writeln!(targets, "DESK-{n:05}")?;
    }
    let (fleet, targets) = (room.file("fleet.csv", &fleet)?, room.file("targets.txt", &targets)?);
    let console = Simulated::start_as(Which::Kaspersky, &room, &fleet, "0s")?;
    let mut command = room.edrctl(["isolate", "--vendor", "kaspersky", "--dry-run", "--allow-rotation", "--config"]);
    command.arg(&console.config).arg("--state-dir").arg(room.at("state")).arg(&targets);
    run(&mut command, &room.at("errors.txt"))?;
    let requests = console.stop()?;
    Ok(Row::at_most(NAMES, "requests sent, all of a dry run", requests as f64, MUST_REQUESTS, "", "a fleet of 10,000"))
}
