//! What is left of events whose broker and whose consumer are killed again and again.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::{
    Asked,
    rabbit::{EVENT, FIRST},
    row::Row,
    say,
    stand::{INSTALL, Stand},
};

pub(crate) const WHAT: &str = "200,000 events, 20 × `kill -9` of the broker, 20 × of edrctl";
const EVENTS: u64 = 200_000;
/// So many events are in the queue a second time.
const TWICE: u64 = 2_000;
const KILLS: u64 = 20;
/// From one kill to the next, at most: all of them must come before the queue is empty.
const STEP: u32 = 3_000;
/// A broker of a busy machine listens long before it delivers, and the program tries again after half a minute at the latest.
const PATIENCE: Duration = Duration::from_secs(600);

/// One life of the program. It ends with this value at the latest: one that outlives a broken case would try for ever.
struct Life(Child);

impl Drop for Life {
    fn drop(&mut self) {
        // An error says that it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What the program told of one life, in its metrics.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    delivered: u64,
    kept: u64,
    duplicates: u64,
    left_out: u64,
    reconnects: u64,
}

/// What is in the file.
#[derive(Debug, Default)]
struct Found {
    lines: u64,
    lost: u64,
    repeated: u64,
    torn: u64,
}

pub(crate) fn measure(_asked: &Asked) -> Result<Vec<Row>> {
    let Some(mut stand) = Stand::start()? else {
        return Ok(vec![Row::not_measured(WHAT, "events lost", "≤ 0", INSTALL)]);
    };
    stand.fill(0, EVENTS)?;
    stand.fill(0, TWICE)?;
    let file = stand.file("storm");
    let begun = Instant::now();
    let mut told = Vec::new();
    for n in 0..KILLS {
        let (mut life, metrics) = start(&stand, n)?;
        wait_for(&mut life, &file, written(&file) + random())?;
        stand.rabbit.kill();
        let before = written(&file);
        stand.rabbit.restart();
        wait_for(&mut life, &file, before + random())?;
        drop(life);
        let life = read(&metrics)?;
        say(&format!("  {n}: {} events in the file, {life:?}", written(&file)));
        // More often than it was killed where a broker that has just come up hangs up again.
        ensure!(life.reconnects > 0, "the broker was killed in this life, and nobody was told");
        told.push(life);
    }
    let (mut life, metrics) = start(&stand, KILLS)?;
    let ended = life.0.wait()?;
    ensure!(ended.success(), "it ended with {ended}: {}", fs::read_to_string(stand.room.at("errors.txt"))?);
    told.push(read(&metrics)?);
    let took = begun.elapsed();
    let found = look(&file)?;
    let left = stand.rabbit.left(crate::stand::QUEUE);
    let sum = |of: fn(&Told) -> u64| told.iter().map(of).sum::<u64>();
    let (delivered, kept) = (sum(|life| life.delivered), sum(|life| life.kept));
    let duplicates = sum(|life| life.duplicates);
    let uncounted =
        told.iter().map(|life| life.delivered.abs_diff(life.kept + life.duplicates + life.left_out)).sum::<u64>();
    let untold = found.lines.saturating_sub(kept);
    let last = told.last().copied().unwrap_or_default();
    let row = |measure: &str, seen: u64, facts: &str| Row::at_most(WHAT, measure, seen as f64, 0.0, "", facts);
    Ok(vec![
        row(
            "events lost",
            found.lost,
            &format!("{} lines; {left} left in the queue; {:.0} s", found.lines, took.as_secs_f64()),
        ),
        row(
            "lines torn or there twice",
            found.torn + found.repeated,
            &format!("{} torn, {} twice", found.torn, found.repeated),
        ),
        row(
            "deliveries that are told as neither kept nor had before",
            uncounted,
            &format!(
                "{delivered} delivered = {kept} kept + {duplicates} had before, told by {} lives; {untold} lines were kept in \
                 the last second before a kill, and told by none",
                told.len()
            ),
        ),
        row(
            "events published twice and not told as had before",
            TWICE.saturating_sub(last.duplicates),
            &format!("{} told by the last life, {TWICE} published twice", last.duplicates),
        ),
    ])
}

/// Starts one life of the program, with metrics of its own.
fn start(stand: &Stand, n: u64) -> Result<(Life, PathBuf)> {
    let metrics = stand.room.at(&format!("life-{n}.prom"));
    let mut command: Command = stand.stream("storm", &["--metrics", &metrics.display().to_string()])?;
    let errors = File::options().create(true).append(true).open(stand.room.at("errors.txt"))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    Ok((Life(command.spawn()?), metrics))
}

/// How many events are in the file, or nearly.
fn written(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len() / EVENT)
}

fn wait_for(life: &mut Life, file: &Path, events: u64) -> Result<()> {
    let begun = Instant::now();
    while written(file) < events {
        if let Some(ended) = life.0.try_wait()? {
            bail!("it ended with {ended} at {} of {events} events", written(file));
        }
        ensure!(begun.elapsed() < PATIENCE, "{} of {events} events", written(file));
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn random() -> u64 {
    u64::from(getrandom::u32().unwrap_or(STEP / 2) % STEP + 1)
}

fn read(metrics: &Path) -> Result<Told> {
    let text = fs::read_to_string(metrics)?;
    let figure = |name: &str| -> Result<u64> {
        let line = text.lines().find(|line| line.starts_with(&format!("edrctl_stream_{name}{{")));
        let figure =
            line.and_then(|line| line.rsplit(' ').next()).with_context(|| format!("no `{name}` in: {text}"))?;
        Ok(figure.parse()?)
    };
    Ok(Told {
        delivered: figure("delivered_total")?,
        kept: figure("kept_total")?,
        duplicates: figure("duplicates_total")?,
        left_out: figure("filtered_total")? + figure("refused_total")?,
        reconnects: figure("reconnects_total")?,
    })
}

/// Reads the file line by line: an event is there if its line is whole.
fn look(file: &Path) -> Result<Found> {
    #[derive(Deserialize)]
    struct Event {
        id: u64,
    }
    let mut seen = vec![false; usize::try_from(EVENTS)?];
    let mut found = Found::default();
    let mut lines = BufReader::new(File::open(file)?);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        found.lines += 1;
        let event = serde_json::from_str::<Event>(&line).ok().filter(|_| line.ends_with('\n'));
        let place = event.and_then(|event| usize::try_from(event.id.checked_sub(FIRST)?).ok());
        match place.and_then(|place| seen.get_mut(place)) {
            Some(seen) if *seen => found.repeated += 1,
            Some(seen) => *seen = true,
            None => found.torn += 1,
        }
        line.clear();
    }
    found.lost = seen.iter().filter(|seen| !**seen).count() as u64;
    Ok(found)
}
