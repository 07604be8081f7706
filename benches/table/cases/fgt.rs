//! FortiGate: how much sooner a list is blocked than by a script that calls a public library for one indicator after the
//! other.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    Asked,
    process::{Took, median, run, seconds},
    room::Room,
    row::Row,
    simulated::{Simulated, Which},
};

pub(crate) const WHAT: &str = "FortiGate over REST: 1,000 indicators, 20 ms latency, default settings";
const MEASURE: &str = "wall time, sequential script (Python `fortigate-api`) ÷ edrctl";
const MUST: f64 = 10.0;
const INDICATORS: u32 = 1_000;
/// The script is nearly linear in its list: a part of it, less its start, tells the whole.
const SAMPLE: u32 = 100;
const ROUNDS: usize = 3;

pub(crate) fn measure(asked: &Asked) -> Result<Vec<Row>> {
    let Some(python) = python("fortigate_api") else {
        let how = "python3 -m venv target/fgt-venv && target/fgt-venv/bin/pip install fortigate-api";
        return Ok(vec![Row::not_measured(WHAT, MEASURE, "≥ 10", how)]);
    };
    let sample = if asked.all { INDICATORS } else { SAMPLE };
    let room = Room::new()?;
    let fleet = room.file("fleet.txt", "")?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..ROUNDS {
        let console = Simulated::start_as(Which::Fortigate, &room, &fleet, "20ms")?;
        let list = list(&room, INDICATORS)?;
        let mut command = room.edrctl(["block", "--vendor", "fortigate", "--yes", "--max-new", "1000", "--config"]);
        command.arg(&console.config).arg("--state-dir").arg(room.at(&format!("state-{n}"))).arg(&list);
        let our = run(&mut command, &room.at("errors.txt"))?;
        console.stop()?;

        let console = Simulated::start_as(Which::Fortigate, &room, &fleet, "20ms")?;
        let begin = script(&python, &room, &console, 0)?;
        let part = script(&python, &room, &console, sample)?;
        console.stop()?;
        let each = part.wall.saturating_sub(begin.wall).as_secs_f64() / f64::from(sample);
        let whole = begin.wall.as_secs_f64() + each * f64::from(INDICATORS);
        ratios.push(whole / our.wall.as_secs_f64());
        ours.push(our);
        theirs.push(Took { wall: Duration::from_secs_f64(whole), ..part });
    }
    let how = if asked.all { "all of them asked".to_owned() } else { format!("scaled up from {sample}") };
    let facts = format!("{:.1} s, {how}, to {:.2} s; {ROUNDS} pairs", seconds(&theirs), seconds(&ours));
    Ok(vec![Row::at_least(WHAT, MEASURE, median(ratios), MUST, &facts)])
}

/// So many public addresses, one a line.
fn list(room: &Room, count: u32) -> Result<PathBuf> {
    room.file("list.txt", &addresses(count).join("\n"))
}

/// So many public addresses that no rule refuses.
pub(super) fn addresses(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("45.77.{}.{}", n / 250, n % 250 + 1)).collect()
}

/// A Python that has this library: the one of the environment that the tests make, or the one in the path.
pub(super) fn python(library: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fgt-venv/bin/python3");
    let has = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-c", &format!("import {library}")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    [own, PathBuf::from("python3")].into_iter().find(|python| has(python))
}

fn script(python: &Path, room: &Room, console: &Simulated, count: u32) -> Result<Took> {
    let list = list(room, count)?;
    let text: toml::Table = std::fs::read_to_string(&console.config)?.parse()?;
    let section = text.get("fortigate").and_then(toml::Value::as_table).context("no section")?;
    let value = |key: &str| section.get(key).and_then(toml::Value::as_str).with_context(|| format!("no `{key}`"));
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/fgt_bulk.py")).arg(list);
    command.env("FGT_URL", value("url")?).env("FGT_TOKEN", value("token")?).env("FGT_GROUP", value("group")?);
    command.env("CA_FILE", &console.ca).current_dir(room.path());
    run(&mut command, &room.at("errors.txt"))
}
