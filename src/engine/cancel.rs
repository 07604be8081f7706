//! Interrupts: the first drains, the second abandons.

use std::sync::Arc;

use tokio::sync::watch;

/// How urgently a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Nobody interrupted.
    None,
    /// Nothing more is sent; what is under way is awaited.
    Drain,
    /// What is under way is given up, in doubt.
    Abandon,
}

/// The interrupts of one command: heard by whoever works, raised by whoever catches signals.
#[derive(Clone, Debug)]
pub struct Cancel {
    level: Arc<watch::Sender<Urgency>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// Nobody has interrupted yet.
    pub fn new() -> Self {
        Self { level: Arc::new(watch::Sender::new(Urgency::None)) }
    }

    /// One more interrupt. Returns how urgent it is now.
    pub fn interrupt(&self) -> Urgency {
        self.level.send_modify(|level| {
            *level = if *level == Urgency::None { Urgency::Drain } else { Urgency::Abandon };
        });
        self.urgency()
    }

    /// How urgent it is now.
    pub fn urgency(&self) -> Urgency {
        *self.level.borrow()
    }

    /// Waits for the first interrupt.
    pub async fn requested(&self) {
        self.beyond(Urgency::None).await;
    }

    /// Waits until it is more urgent than `level`.
    pub async fn beyond(&self, level: Urgency) {
        let mut receiver = self.level.subscribe();
        // The sender lives in `self`, so this waits for ever rather than fail.
        if receiver.wait_for(|now| *now > level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
