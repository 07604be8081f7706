//! A command that tells a secret: `pass show x`.

use std::{
    fmt, io,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{SecretError, read_some};

/// How often a command that has closed its output is asked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A command whose first line of output is a secret.
#[derive(Clone)]
pub struct SecretCommand {
    program: String,
    arguments: Vec<String>,
    name: String,
}

impl SecretCommand {
    /// A line for the shell.
    pub fn shell(line: &str) -> Self {
        Self { program: "sh".to_owned(), arguments: vec!["-c".to_owned(), line.to_owned()], name: name_in(line) }
    }

    /// A program and its arguments, run without a shell.
    pub fn program(program: &str, arguments: Vec<String>) -> Self {
        Self { program: program.to_owned(), arguments, name: program.to_owned() }
    }

    /// The command's name: its arguments may hold a secret of their own.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs it and takes what it prints.
    ///
    /// It gets no standard input, which may hold the targets, and its standard error is dropped, which may quote what it
    /// reads.
    pub(super) fn run(&self, limit: Duration) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let cannot = |source| SecretError::Command { name: self.name.clone(), source };
        let started = Instant::now();
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(cannot)?;
        let printed = self.printed(&mut child, limit).and_then(|printed| {
            let status = self.ended(&mut child, started, limit)?;
            if status.success() {
                Ok(printed)
            } else {
                Err(SecretError::CommandFailed { name: self.name.clone(), code: status.code() })
            }
        });
        if printed.is_err() {
            // What went wrong first is what is told; a child that cannot be ended either adds nothing to it.
            drop(child.kill().and_then(|()| child.wait()));
        }
        printed
    }

    /// Reads its output on a thread of its own, because a pipe cannot be read with a time limit.
    fn printed(&self, child: &mut Child, limit: Duration) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let cannot = |source| SecretError::Command { name: self.name.clone(), source };
        let Some(mut output) = child.stdout.take() else { return Err(cannot(io::ErrorKind::BrokenPipe.into())) };
        let (tell, told) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("secret-command".to_owned())
            .spawn(move || {
                // What goes beyond a secret is read and dropped, or the command would fail on a closed pipe.
                let read =
                    read_some(&mut output).and_then(|bytes| io::copy(&mut output, &mut io::sink()).map(|_| bytes));
                // Nobody listens any more once the time is up.
                drop(tell.send(read));
            })
            .map_err(cannot)?;
        match told.recv_timeout(limit) {
            Ok(read) => read.map_err(cannot),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(self.timed_out(limit)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(cannot(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Waits for the end of a command that has closed its output, which nearly always has ended by then.
    fn ended(&self, child: &mut Child, started: Instant, limit: Duration) -> Result<ExitStatus, SecretError> {
        loop {
            let cannot = |source| SecretError::Command { name: self.name.clone(), source };
            if let Some(status) = child.try_wait().map_err(cannot)? {
                return Ok(status);
            }
            if started.elapsed() >= limit {
                return Err(self.timed_out(limit));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn timed_out(&self, limit: Duration) -> SecretError {
        SecretError::CommandTimedOut { name: self.name.clone(), limit }
    }
}

impl fmt::Debug for SecretCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretCommand").field(&self.name).finish()
    }
}

/// The name of the command in a line for the shell, if it can be told without a shell's rules; else the shell's.
///
/// `TOKEN=abc vault read` is `vault`: what is set in front of a command may be a secret.
fn name_in(line: &str) -> String {
    let plain = |word: &str, also: &[char]| word.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(&c));
    for word in line.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) if plain(name, &['_']) && plain(value, &['.', '_', '-', '/', ':', '+', '@', '%']) => {}
            Some(_) => break,
            None if plain(word, &['.', '_', '-', '/', '+', '~']) => return word.to_owned(),
            None => break,
        }
    }
    "sh".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_line_is_named_by_its_command_and_nothing_else() {
        for (line, name) in [
            ("pass show edr/key", "pass"),
            ("  /usr/bin/pass show x", "/usr/bin/pass"),
            ("TOKEN=hunter2 vault read x", "vault"),
            ("TOKEN='hunter2 x' vault read x", "sh"),
            ("TOKEN=\"a hunter2\" vault", "sh"),
            ("$(hunter2)", "sh"),
            ("\"hunter2\"", "sh"),
            ("", "sh"),
        ] {
            let command = SecretCommand::shell(line);
            assert_eq!(command.name(), name, "{line}");
            assert!(!format!("{command:?}").contains("hunter2"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_does_not_end_is_ended() {
        let error = SecretCommand::shell("exec tail -f /dev/null").run(Duration::ZERO).unwrap_err();
        assert!(matches!(error, SecretError::CommandTimedOut { ref name, .. } if name == "exec"), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_closes_its_output_and_goes_on_is_ended() {
        let command = SecretCommand::shell("exec tail -f /dev/null >/dev/null");
        let mut child = Command::new("sh")
            .args(["-c", "exec tail -f /dev/null >/dev/null"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ended = command.ended(&mut child, Instant::now(), Duration::ZERO);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(ended, Err(SecretError::CommandTimedOut { .. })), "{ended:?}");
    }
}
