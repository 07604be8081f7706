//! Whole processes: how long they take, and the most memory that they held.
//!
//! The system counts the memory of a new process from before it became another program, so this process must stay
//! small itself: files are streamed, and what programs print goes to `/dev/null`.

use std::{
    fs::File,
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use wait4::Wait4;

/// What one process took.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    pub(crate) wall: Duration,
    pub(crate) peak_mib: f64,
    /// Time that processors worked for it, in the program and in the system.
    pub(crate) cpu: Duration,
}

/// Runs a program to its end, with nothing on its standard input; `errors` keeps its standard error.
pub(crate) fn run(command: &mut Command, errors: &Path) -> Result<Took> {
    run_with(command, Stdio::null(), errors, 0)
}

/// The same, with its standard output going somewhere and ending with this exit code.
pub(crate) fn run_with(command: &mut Command, out: Stdio, errors: &Path, code: i32) -> Result<Took> {
    let file = File::create(errors)?;
    command.stdin(Stdio::null()).stdout(out).stderr(file);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("start {}", command.get_program().display()))?;
    let ended = child.wait4()?;
    let wall = begun.elapsed();
    if ended.status.code() != Some(code) {
        let said = std::fs::read_to_string(errors)?;
        bail!("{} ended with {}: {said}", command.get_program().display(), ended.status);
    }
    let cpu = ended.rusage.utime + ended.rusage.stime;
    Ok(Took { wall, peak_mib: ended.rusage.maxrss as f64 / (1024.0 * 1024.0), cpu })
}

/// The first line that a program prints, if it is installed.
pub(crate) fn first_line(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().map(ToOwned::to_owned)
}

/// A process that serves, and ends with this value at the latest.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("start {}", command.get_program().display()))?;
        Ok(Self(child))
    }

    /// Waits for the first text on its standard output.
    pub(crate) fn ready(&mut self) -> Result<()> {
        let out = self.0.stdout.as_mut().context("its standard output is not read")?;
        ensure!(out.read(&mut [0; 1024])? > 0, "it ended before it was ready");
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.interrupt()?;
        self.0.wait()?;
        Ok(())
    }

    fn interrupt(&self) -> Result<()> {
        let id = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw).context("its number")?;
        Ok(rustix::process::kill_process(id, rustix::process::Signal::INT)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` it is gone already; otherwise it is ended here, whatever else went wrong.
        if matches!(self.0.try_wait(), Ok(None)) && self.interrupt().is_ok() {
            drop(self.0.wait());
        }
    }
}

/// The middle of some figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The ratios `a ÷ b` of runs in turns: their median, and the span of all.
pub(crate) fn ratio(a: &[Took], b: &[Took]) -> (f64, String) {
    let ratios: Vec<f64> = a.iter().zip(b).map(|(a, b)| a.wall.as_secs_f64() / b.wall.as_secs_f64()).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    (median(ratios.iter().copied()), format!("{least:.2} to {most:.2} in {} pairs", ratios.len()))
}

/// The median time of some runs, in seconds.
pub(crate) fn seconds(runs: &[Took]) -> f64 {
    median(runs.iter().map(|run| run.wall.as_secs_f64()))
}
