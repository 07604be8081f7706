//! What clients asked of the simulated console, counted.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::faults::Endpoint;

/// Counts of what clients asked.
#[derive(Debug, Default)]
pub struct Stats {
    requests: Mutex<BTreeMap<(Box<str>, Endpoint), u64>>,
    answers: Mutex<BTreeMap<u16, u64>>,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
    connections: AtomicU64,
    calls: Mutex<BTreeMap<Box<str>, u64>>,
    logons: AtomicU64,
    logons_refused: AtomicU64,
}

impl Stats {
    /// How many requests had this method and were for this.
    pub fn requests(&self, method: &str, endpoint: Endpoint) -> u64 {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.get(&(method.into(), endpoint)).copied().unwrap_or_default()
    }

    /// How many requests there were, of every kind.
    pub fn total(&self) -> u64 {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// How many requests were answered with this status.
    pub fn answered(&self, status: u16) -> u64 {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&status).copied().unwrap_or_default()
    }

    /// How many requests were refused with 429.
    pub fn throttled(&self) -> u64 {
        self.answered(429)
    }

    /// How many requests are under way now.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The most requests that were under way at one time.
    pub fn most_in_flight(&self) -> u64 {
        self.most_in_flight.load(Ordering::Relaxed)
    }

    /// How many connections were made.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// How often a method of the Security Center was called, such as `HostGroup.FindHosts`.
    pub fn calls(&self, method: &str) -> u64 {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(method).copied().unwrap_or_default()
    }

    /// How many logons were accepted, where a console has sessions.
    pub fn logons(&self) -> u64 {
        self.logons.load(Ordering::Relaxed)
    }

    /// How many logons were refused, where a console has sessions.
    pub fn logons_refused(&self) -> u64 {
        self.logons_refused.load(Ordering::Relaxed)
    }

    /// Counts a connection, and gives it its number.
    pub(super) fn connected(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn called(&self, method: &str) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(method.into()).or_default() += 1;
    }

    pub(super) fn logged_on(&self, accepted: bool) {
        let count = if accepted { &self.logons } else { &self.logons_refused };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answer(&self, status: u16) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
    }

    /// Counts a request; it is under way until the guard is dropped.
    pub(super) fn begin(&self, method: &str, endpoint: Endpoint) -> UnderWay<'_> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((method.into(), endpoint)).or_default() += 1;
        drop(requests);
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        UnderWay(self)
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct UnderWay<'a>(&'a Stats);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
