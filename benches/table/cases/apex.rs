//! How much sooner a list is done at Apex Central than by a script that signs and sends one request after the other, how
//! many requests that takes, and what signing them costs.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{
    Asked,
    part::{self, Part},
    process::{Took, median, run, seconds},
    room::Room,
    row::Row,
    simulated::{Simulated, Which},
};

pub(crate) const WHAT: &str = "Apex Central: 1,000 hosts, 50 ms latency, default settings";
const MEASURE: &str = "wall time, sequential script (Python `requests`, `jwt`) ÷ edrctl";
const MUST: f64 = 25.0;
const HOSTS: u32 = 1_000;
/// The script is linear in its hosts: a part of them, less its start, tells the whole.
const SAMPLE: u32 = 200;
const ROUNDS: usize = 3;
/// The list that everything is checked against, and one for each host.
const REQUESTS: u64 = 1 + HOSTS as u64;
const MUST_PERCENT: f64 = 3.0;

pub(crate) fn measure(asked: &Asked) -> Result<Vec<Row>> {
    let room = Room::new()?;
    let fleet = room.agents(HOSTS)?;
    let targets = room.guids("targets.txt", HOSTS)?;
    let python = python();
    let sample = if asked.all { HOSTS } else { SAMPLE };
    let (mut ours, mut theirs, mut ratios, mut most) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for n in 0..ROUNDS {
        let console = Simulated::start_as(Which::Apex, &room, &fleet, "50ms")?;
        let mut command = room.edrctl(["isolate", "--vendor", "apex", "--yes", "--config"]);
        command.arg(&console.config).arg("--state-dir").arg(room.at(&format!("state-{n}"))).arg(&targets);
        let our = run(&mut command, &room.at("errors.txt"))?;
        most = console.stop()?.max(most);
        ours.push(our);

        let Some(python) = python else { continue };
        let console = Simulated::start_as(Which::Apex, &room, &fleet, "50ms")?;
        room.guids("hosts.txt", 0)?;
        let begin = script(python, &room, &console)?;
        room.guids("hosts.txt", sample)?;
        let part = script(python, &room, &console)?;
        console.stop()?;
        let each = part.wall.saturating_sub(begin.wall).as_secs_f64() / f64::from(sample);
        let whole = begin.wall.as_secs_f64() + each * f64::from(HOSTS);
        ratios.push(whole / our.wall.as_secs_f64());
        theirs.push(Took { wall: Duration::from_secs_f64(whole), ..part });
    }
    let mut rows = Vec::new();
    if python.is_some() {
        let how = if asked.all { "all of them asked".to_owned() } else { format!("scaled up from {sample} hosts") };
        let facts = format!("{:.1} s, {how}, to {:.2} s; {ROUNDS} pairs", seconds(&theirs), seconds(&ours));
        rows.push(Row::at_least(WHAT, MEASURE, median(ratios), MUST, &facts));
    } else {
        rows.push(Row::not_measured(WHAT, MEASURE, "≥ 25", "apt-get install python3-requests python3-jwt"));
    }
    rows.push(Row::at_most(WHAT, "requests sent", most as f64, REQUESTS as f64, "", "one list, one POST a host"));

    let signing = part::measure(Part::Sign(HOSTS))?.as_secs_f64();
    let all = median(ours.iter().map(|run| run.cpu.as_secs_f64()));
    let facts = format!("{:.1} ms of {:.0} ms; median of {ROUNDS} runs", signing * 1_000.0, all * 1_000.0);
    rows.push(Row::at_most(WHAT, "signing, share of CPU time", signing / all * 100.0, MUST_PERCENT, "%", &facts));
    Ok(rows)
}

/// A Python that has what the script needs. One from elsewhere may stand before the system's in the path.
fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import jwt, requests"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// Runs the client in `tests/clients`, which asks in the manner of the published one, over `hosts.txt`.
fn script(python: &str, room: &Room, console: &Simulated) -> Result<Took> {
    let access = console.access()?;
    let config = format!(
        "CONSOLE_URL={}\nAPPLICATION_ID={}\nAPI_KEY={}\n",
        access.url.trim_end_matches('/'),
        access.client_id,
        access.api_key
    );
    room.file("config.txt", &config)?;
    // The console takes ids in any case, the script looks them up as they are written.
    let hosts = fs::read_to_string(room.at("hosts.txt"))?.to_ascii_uppercase();
    room.file("hosts.txt", &hosts)?;
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/apex_bulk.py")).arg("isolate");
    command.current_dir(room.path()).env("REQUESTS_CA_BUNDLE", &console.ca);
    run(&mut command, &room.at("errors.txt"))
}
