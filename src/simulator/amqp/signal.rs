//! What others tell a connection: that there is something to deliver, or that it must end.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

/// How a connection must end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// With a close, and its code and text.
    Close(u16, String),
    /// At once, and without a word.
    Cut,
}

/// Wakes one connection. A wake-up before it waits is not lost.
#[derive(Debug, Default)]
pub(super) struct Signal {
    notify: Notify,
    orders: Mutex<VecDeque<Order>>,
}

impl Signal {
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }

    pub(super) fn order(&self, order: Order) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
        self.wake();
    }

    pub(super) fn next_order(&self) -> Option<Order> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) async fn woken(&self) {
        self.notify.notified().await;
    }
}
