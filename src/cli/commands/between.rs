//! What has to agree between two waves: a command that ends well, or the person at the terminal.

use std::{
    fmt, io,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use async_trait::async_trait;
use rustix::{
    io::retry_on_intr,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid},
};

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

/// How long a command that nobody waits for any more has to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

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

/// A command under way. If nobody waits for it any more, it is ended with all that it has started.
struct Running(Option<Child>);

impl Running {
    /// Waits for it.
    async fn end(mut self) -> io::Result<ExitStatus> {
        let Some(pid) = self.0.as_ref().map(Pid::from_child) else { return Err(io::ErrorKind::NotFound.into()) };
        // It is not reaped here: until then its number, and that of its group, are nobody else's.
        let waited = tokio::task::spawn_blocking(move || {
            retry_on_intr(|| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)).map(drop)
        });
        waited.await.map_err(io::Error::other)??;
        match self.0.take() {
            Some(mut child) => child.wait(),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        let group = Pid::from_child(&child);
        if kill_process_group(group, Signal::TERM).is_err() {
            return;
        }
        // Between two waves nothing is under way that this could hold up.
        for _ in 0..GRACE.as_millis() / LOOK.as_millis() {
            thread::sleep(LOOK);
            let has_ended = matches!(child.try_wait(), Ok(Some(_)));
            // The shell may be gone and what it has started may not. A group with anybody in it keeps its number.
            if has_ended && test_kill_process_group(group).is_err() {
                return;
            }
        }
        // Whoever has gone by now needs no signal.
        kill_process_group(group, Signal::KILL).unwrap_or_default();
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
            Ok(child) => Running(Some(child)).end().await,
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
