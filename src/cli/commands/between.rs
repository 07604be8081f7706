//! What has to agree between two waves: a command that ends well, or the person at the terminal.

use std::{
    fmt, io,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::{
    cli::confirm,
    engine::{
        event::{RunHeader, Wave},
        rollout::{Gate, Interval},
    },
    reporters::{clean::clean, words},
};

/// What a command between waves has of our environment, beside what is said of the waves: where programs and files are, and how
/// to speak. Whatever else there is may be a secret.
const PASSED_ON: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PWD",
    "TMPDIR",
    "TZ",
    "LANG",
    "LC_ALL",
    "TERM",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "EDRCTL_CONFIG",
    "EDRCTL_PROFILE",
    "EDRCTL_STATE_DIR",
];

/// A line for the shell, which has to end well.
pub(super) struct ByCommand {
    line: String,
    header: Arc<RunHeader>,
}

impl fmt::Debug for ByCommand {
    /// Its arguments are the user's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByCommand").finish_non_exhaustive()
    }
}

impl ByCommand {
    pub(super) const fn new(line: String, header: Arc<RunHeader>) -> Self {
        Self { line, header }
    }

    fn command(&self, interval: &Interval) -> io::Result<Command> {
        let Interval { ended, counts, so_far, waits, next } = interval;
        let number = |wave: Option<Wave>| wave.map_or(next.number - 1, |wave| wave.number);
        let succeeded = counts.successes(*waits);
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&self.line);
        command.env_clear();
        command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("EDRCTL_WAVE_RUN", self.header.run.as_str());
        command.env("EDRCTL_WAVE_VENDOR", self.header.vendor);
        command.env("EDRCTL_WAVE_ACTION", self.header.action);
        for (name, value) in [
            ("EDRCTL_WAVE_ENDED", u64::from(number(*ended))),
            ("EDRCTL_WAVE_NEXT", u64::from(next.number)),
            ("EDRCTL_WAVE_OF", u64::from(next.of)),
            ("EDRCTL_WAVE_SUCCEEDED", succeeded),
            ("EDRCTL_WAVE_NOT_SUCCEEDED", counts.total() - succeeded),
            ("EDRCTL_WAVE_NEXT_TARGETS", next.targets),
            ("EDRCTL_WAVE_RUN_SUCCEEDED", so_far.successes(*waits)),
            ("EDRCTL_WAVE_RUN_TARGETS", self.header.targets),
        ] {
            command.env(name, value.to_string());
        }
        // Standard output is data. The terminal's keys are ours: whatever the command is to ask, it does without.
        command.stdin(Stdio::null());
        command.stdout(Stdio::from(io::stderr().as_fd().try_clone_to_owned()?));
        command.process_group(0);
        Ok(command)
    }
}

/// Ends a command, and what it has started, that nobody waits for any more.
struct Ends(Arc<Mutex<Option<Pid>>>);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(pid) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Whoever has gone by now needs no signal.
            kill_process_group(pid, Signal::TERM).unwrap_or_default();
        }
    }
}

#[async_trait]
impl Gate for ByCommand {
    fn asks(&self) -> bool {
        false
    }

    async fn pass(&self, interval: &Interval) -> Result<(), String> {
        let ended = match self.command(interval).and_then(|mut command| command.spawn()) {
            Err(error) => Err(error),
            Ok(mut child) => {
                let pid = Pid::from_child(&child);
                let running = Arc::new(Mutex::new(Some(pid)));
                let ends = Ends(Arc::clone(&running));
                let waited = tokio::task::spawn_blocking(move || {
                    // It is not reaped before it is crossed out, so that its number cannot be somebody else's by then.
                    let ended = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
                    *running.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    ended.map_err(io::Error::from)?;
                    child.wait()
                });
                let ended = waited.await.map_err(io::Error::other).and_then(|ended| ended);
                drop(ends);
                ended
            }
        };
        judge(ended, interval.next.number)
    }
}

fn judge(ended: io::Result<ExitStatus>, next: u32) -> Result<(), String> {
    let why = match ended {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => match status.code() {
            Some(code) => format!("ended with exit code {code}"),
            None => "was ended by a signal".to_owned(),
        },
        Err(error) => format!("could not be run ({error})"),
    };
    Err(format!("the command before wave {next} {why}"))
}

/// The person at the terminal.
#[derive(Debug)]
pub(super) struct ByAsking {
    action: &'static str,
}

impl ByAsking {
    pub(super) const fn new(action: &'static str) -> Self {
        Self { action }
    }

    fn question(&self, interval: &Interval) -> String {
        let Interval { ended, counts, so_far: _, waits, next } = interval;
        let succeeded = counts.successes(*waits);
        let all = counts.total();
        let before = ended.map(|wave| format!("{succeeded} of {all} in wave {} succeeded. ", wave.number));
        let things = words::things(next.targets, self.action);
        let (number, of) = (next.number, next.of);
        clean(&format!("{}Begin wave {number} of {of} with {things}? [y/N] ", before.unwrap_or_default())).into_owned()
    }
}

#[async_trait]
impl Gate for ByAsking {
    fn asks(&self) -> bool {
        true
    }

    async fn pass(&self, interval: &Interval) -> Result<(), String> {
        if confirm::says_yes(self.question(interval)).await {
            Ok(())
        } else {
            Err(format!("wave {} was declined", interval.next.number))
        }
    }
}
