//! Interrupts: the first asks for an orderly end, the second for one at once.

use tokio_util::sync::CancellationToken;

/// The interrupts of one command: heard by the pump, raised by whoever catches signals.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    stop: CancellationToken,
    abandon: CancellationToken,
}

impl Cancel {
    /// Nobody has interrupted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more interrupt.
    pub fn interrupt(&self) {
        if self.stop.is_cancelled() {
            self.abandon.cancel();
        }
        self.stop.cancel();
    }

    /// Whether somebody has interrupted.
    pub fn is_requested(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits for the first interrupt.
    pub async fn requested(&self) {
        self.stop.cancelled().await;
    }

    /// Waits for the second interrupt.
    pub async fn abandoned(&self) {
        self.abandon.cancelled().await;
    }
}
