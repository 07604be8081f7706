//! Interrupts from outside: the first drains, the second abandons, a third ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::CommandError;
use crate::{
    domain::outcome::ExitCode,
    engine::cancel::{Cancel, Urgency},
};

/// Whether anybody has interrupted this process.
static HEARD: AtomicBool = AtomicBool::new(false);

/// Whether anybody has interrupted this process: a command that is made of several runs is over then, whichever of them heard of it.
pub(crate) fn heard() -> bool {
    HEARD.load(Ordering::SeqCst)
}

/// Catches Ctrl-C, `kill` and a closing terminal for as long as the returned guard lives.
pub(crate) fn catch() -> Result<(Cancel, Guard), CommandError> {
    let catch =
        |kind| signal(kind).map_err(|error| CommandError::new(ExitCode::Internal, error).context("catch interrupts"));
    let (mut interrupt, mut terminate, mut hang_up): (Signal, Signal, Signal) =
        (catch(SignalKind::interrupt())?, catch(SignalKind::terminate())?, catch(SignalKind::hangup())?);
    let cancel = Cancel::new();
    let raise = cancel.clone();
    let task = tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            // Before whoever waits for this one ends, and others ask.
            HEARD.store(true, Ordering::SeqCst);
            if raise.urgency() == Urgency::Abandon {
                // Somebody asks a third time: the journal is whole at every moment, so nothing is lost by ending here.
                std::process::abort();
            }
            raise.interrupt();
        }
    });
    Ok((cancel, Guard(task)))
}

/// Stops catching when it is dropped.
pub(crate) struct Guard(tokio::task::JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}
