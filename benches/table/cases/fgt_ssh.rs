//! FortiGate over SSH: how much sooner a list is blocked than by a script that types line by line through a public library.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result};

use super::fgt::{addresses, python};
use crate::{
    Asked,
    process::{Took, median, run, seconds},
    room::Room,
    row::Row,
    simulated::{Simulated, Which},
};

pub(crate) const WHAT: &str = "FortiGate over SSH, in one session: 1,000 indicators, 20 ms latency, default settings";
const MEASURE: &str = "wall time, line by line (Python `netmiko`) ÷ edrctl";
const MUST: f64 = 5.0;
const INDICATORS: u32 = 1_000;
/// The script is linear in its list: a part of it, less its start, tells the whole.
const SAMPLE: u32 = 50;
const ROUNDS: usize = 3;

pub(crate) fn measure(asked: &Asked) -> Result<Vec<Row>> {
    let Some(python) = python("netmiko") else {
        let how = "python3 -m venv target/fgt-venv && target/fgt-venv/bin/pip install netmiko";
        return Ok(vec![Row::not_measured(WHAT, MEASURE, "≥ 5", how)]);
    };
    let sample = if asked.all { INDICATORS } else { SAMPLE };
    let room = Room::new()?;
    let fleet = room.file("fleet.txt", "")?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..ROUNDS {
        let console = Simulated::start_as(Which::Fortigate, &room, &fleet, "20ms")?;
        let list = room.file("list.txt", &addresses(INDICATORS).join("\n"))?;
        let mut command = room.edrctl(["block", "--vendor", "fortigate", "--yes", "--max-new", "1000", "--config"]);
        command.arg(&console.config).arg("--state-dir").arg(room.at(&format!("state-{n}"))).arg(&list);
        command.env("EDRCTL_FORTIGATE_TRANSPORT", "ssh");
        let our = run(&mut command, &room.at("errors.txt"))?;
        console.stop()?;

        let console = Simulated::start_as(Which::Fortigate, &room, &fleet, "20ms")?;
        let begin = script(&python, &room, &console, 1)?;
        let part = script(&python, &room, &console, sample + 1)?;
        console.stop()?;
        let each = part.wall.saturating_sub(begin.wall).as_secs_f64() / f64::from(sample);
        let whole = begin.wall.as_secs_f64() + each * f64::from(INDICATORS);
        ratios.push(whole / our.wall.as_secs_f64());
        ours.push(our);
        theirs.push(Took { wall: Duration::from_secs_f64(whole), ..part });
    }
    let how = if asked.all { "all of them typed".to_owned() } else { format!("scaled up from {sample}") };
    let facts = format!("{:.1} s, {how}, to {:.2} s; {ROUNDS} pairs", seconds(&theirs), seconds(&ours));
    Ok(vec![Row::at_least(WHAT, MEASURE, median(ratios), MUST, &facts)])
}

fn script(python: &Path, room: &Room, console: &Simulated, count: u32) -> Result<Took> {
    let text: toml::Table = fs::read_to_string(&console.config)?.parse()?;
    let section = text.get("fortigate").and_then(toml::Value::as_table).context("no section")?;
    let value = |key: &str| section.get(key).and_then(toml::Value::as_str).with_context(|| format!("no `{key}`"));
    let port = section.get("ssh_port").and_then(toml::Value::as_integer).context("no port")?;
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/fgt_netmiko.py")).args(addresses(count));
    command.env("FGT_HOST", value("ssh_host")?).env("FGT_PORT", port.to_string());
    command.env("FGT_USER", value("ssh_user")?).env("FGT_PASSWORD", value("ssh_password")?);
    command.env("FGT_GROUP", value("group")?).current_dir(room.path());
    run(&mut command, &room.at("errors.txt"))
}
