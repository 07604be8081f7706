//! What it costs that every intent is on the disk before it is sent.

use std::path::Path;

use anyhow::Result;

use crate::{
    Asked,
    process::{Took, ratio, run, seconds},
    room::Room,
    row::Row,
    simulated::Simulated,
};

pub(crate) const WHAT: &str = "2,000 hosts, 40 ms latency";
const MEASURE: &str = "throughput, journal on disk ÷ journal in /dev/shm";
const MUST: f64 = 0.9;
const HOSTS: u32 = 2_000;
const PAIRS: usize = 7;

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    if !Path::new("/dev/shm").is_dir() {
        return Ok(vec![Row::not_measured(WHAT, MEASURE, "≥ 0.9", "mount -t tmpfs tmpfs /dev/shm")]);
    }
    let room = Room::new()?;
    let memory = tempfile::Builder::new().prefix("edrctl-bench-").tempdir_in("/dev/shm")?;
    let fleet = room.fleet(HOSTS)?;
    let targets = room.guids("targets.txt", HOSTS)?;
    let once = |state: &Path| -> Result<Took> {
        let console = Simulated::start(&room, &fleet, "40ms")?;
        let mut command = room.edrctl(["isolate", "--vendor", "cisco", "--yes", "--config"]);
        command.arg(&console.config).arg("--state-dir").arg(state).arg(&targets);
        let took = run(&mut command, &room.at("errors.txt"))?;
        console.stop()?;
        Ok(took)
    };
    let (mut on_disk, mut in_memory) = (Vec::new(), Vec::new());
    for n in 0..PAIRS {
        on_disk.push(once(&room.at(&format!("state-{n}")))?);
        in_memory.push(once(&memory.path().join(format!("state-{n}")))?);
    }
    let (seen, span) = ratio(&in_memory, &on_disk);
    let rate = |runs: &[Took]| f64::from(HOSTS) / seconds(runs);
    let facts = format!("{:.0}/s to {:.0}/s; {span}", rate(&on_disk), rate(&in_memory));
    Ok(vec![Row::at_least(WHAT, MEASURE, seen, MUST, &facts)])
}
