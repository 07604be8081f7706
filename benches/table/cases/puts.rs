//! How close the whole program, journal and all, comes to a client that only sends.

use std::{fs::File, process::Command};

use anyhow::{Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    Asked,
    mock::{API_KEY, CLIENT_ID, Mock},
    process::{Took, first_line, ratio, run, run_with, seconds},
    room::Room,
    row::Row,
};

pub(crate) const WHAT: &str = "5,000 PUTs, nginx without latency, journal on";
const MEASURE: &str = "requests/s, edrctl ÷ oha, 64 in flight";
const MUST: f64 = 0.7;
const HOSTS: u32 = 5_000;
const PAIRS: usize = 9;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    for (program, argument, install) in
        [("nginx", "-v", "apt-get install nginx"), ("oha", "--version", "cargo install oha --locked")]
    {
        if first_line(program, argument).is_none() {
            return Ok(vec![Row::not_measured(WHAT, MEASURE, "≥ 0.7", install)]);
        }
    }
    let room = Room::new()?;
    let targets = room.guids("guids.txt", HOSTS)?;
    let mock = Mock::start(&room)?;
    let errors = room.at("errors.txt");
    let ours = |n: usize| -> Result<Took> {
        let mut command = room.edrctl(["isolate", "--vendor", "cisco", "--yes", "--concurrency", "64"]);
        command.arg("--config").arg(&mock.config).arg("--state-dir").arg(room.at(&format!("state-{n}"))).arg(&targets);
        run(&mut command, &errors)
    };
    let theirs = || -> Result<Took> {
        let pair = BASE64_STANDARD.encode(format!("{CLIENT_ID}:{API_KEY}"));
        let mut command = Command::new("oha");
        command.args(["-n", &HOSTS.to_string(), "-c", "64", "-m", "PUT", "--no-tui", "--http-version", "1.1"]);
        command.args(["-H", "accept: application/json", "-H", &format!("authorization: Basic {pair}")]);
        command.args(["--output-format", "json"]).arg("--cacert").arg(&mock.ca);
        command.arg(format!("{}/v1/computers/3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6/isolation", mock.url));
        let said = room.at("oha.json");
        let took = run_with(&mut command, File::create(&said)?.into(), &errors, 0)?;
        all_answered(&std::fs::read_to_string(said)?)?;
        Ok(took)
    };
    // The first of each warms the machine up.
    ours(0)?;
    theirs()?;
    let (mut our_runs, mut their_runs) = (Vec::new(), Vec::new());
    for n in 1..=PAIRS {
        our_runs.push(ours(n)?);
        their_runs.push(theirs()?);
    }
    let (seen, span) = ratio(&their_runs, &our_runs);
    let rate = |runs: &[Took]| f64::from(HOSTS) / seconds(runs);
    let facts = format!("{:.0}/s to {:.0}/s; {span}", rate(&our_runs), rate(&their_runs));
    Ok(vec![Row::at_least(WHAT, MEASURE, seen, MUST, &facts)])
}

/// A client that fails fast would be a fast one: oha ends with success whatever came back.
fn all_answered(said: &str) -> Result<()> {
    let said: serde_json::Value = serde_json::from_str(said)?;
    let answered = said.pointer("/statusCodeDistribution/200").and_then(serde_json::Value::as_u64);
    ensure!(answered == Some(u64::from(HOSTS)), "oha was not answered {HOSTS} times with 200: {said}");
    Ok(())
}
