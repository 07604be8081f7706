//! How much sooner a list is done than by a script that asks for one host after the other.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{
    Asked,
    process::{Took, median, run, seconds},
    room::Room,
    row::Row,
    simulated::Simulated,
};

pub(crate) const WHAT: &str = "1,000 hosts, 50 ms latency, default settings";
const MEASURE: &str = "wall time, sequential script (Python `requests`) ÷ edrctl";
const MUST: f64 = 25.0;
const HOSTS: u32 = 1_000;
/// The script is linear in its hosts: a part of them, less its start, tells the whole.
const SAMPLE: u32 = 200;
const ROUNDS: usize = 3;

pub(crate) fn measure(asked: &Asked) -> Result<Vec<Row>> {
    if !has_requests() {
        return Ok(vec![Row::not_measured(WHAT, MEASURE, "≥ 25", "apt-get install python3-requests")]);
    }
    let sample = if asked.all { HOSTS } else { SAMPLE };
    let room = Room::new()?;
    let fleet = room.fleet(HOSTS)?;
    let targets = room.guids("targets.txt", HOSTS)?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..ROUNDS {
        let console = Simulated::start(&room, &fleet, "50ms")?;
        let mut command = room.edrctl(["isolate", "--vendor", "cisco", "--yes", "--config"]);
        command.arg(&console.config).arg("--state-dir").arg(room.at(&format!("state-{n}"))).arg(&targets);
        let our = run(&mut command, &room.at("errors.txt"))?;
        console.stop()?;

        let console = Simulated::start(&room, &fleet, "50ms")?;
        room.guids("guids.txt", 0)?;
        let begin = script(&room, &console)?;
        room.guids("guids.txt", sample)?;
        let part = script(&room, &console)?;
        console.stop()?;
        let each = part.wall.saturating_sub(begin.wall).as_secs_f64() / f64::from(sample);
        let whole = begin.wall.as_secs_f64() + each * f64::from(HOSTS);
        ratios.push(whole / our.wall.as_secs_f64());
        ours.push(our);
        theirs.push(Took { wall: Duration::from_secs_f64(whole), ..part });
    }
    let how = if asked.all { "all of them asked".to_owned() } else { format!("scaled up from {sample} hosts") };
    let facts = format!("{:.1} s, {how}, to {:.2} s; {ROUNDS} pairs", seconds(&theirs), seconds(&ours));
    Ok(vec![Row::at_least(WHAT, MEASURE, median(ratios), MUST, &facts)])
}

fn has_requests() -> bool {
    let mut command = Command::new("python3");
    command.args(["-c", "import requests"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs the client in `tests/clients`, which asks in the manner of the published one, over `guids.txt`.
fn script(room: &Room, console: &Simulated) -> Result<Took> {
    let access = console.access()?;
    let config = format!(
        "BASE_URL={}/v1/computers/\nAPI_CLIENT_ID={}\nAPI_KEY={}\n",
        access.url, access.client_id, access.api_key
    );
    room.file("config.txt", &config)?;
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/bulk.py")).arg("isolate");
    command.current_dir(room.path()).env("REQUESTS_CA_BUNDLE", &console.ca);
    run(&mut command, &room.at("errors.txt"))
}
