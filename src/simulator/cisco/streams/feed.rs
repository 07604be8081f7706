//! The one task that tells of events when their time comes.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::Streams;

/// How long it sleeps when nothing is due; it is woken when something is added.
const LONG: Duration = Duration::from_secs(3600);

/// Runs until the streams are gone.
pub(super) fn start(streams: &Arc<Streams>) {
    let (weak, wake) = (Arc::downgrade(streams), Arc::clone(&streams.wake));
    tokio::spawn(async move {
        loop {
            let Some(streams) = weak.upgrade() else { return };
            let next = streams.tell().unwrap_or_else(|| Instant::now() + LONG);
            drop(streams);
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    });
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}
