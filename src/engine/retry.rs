//! What follows a failed try: pure, failure and number of the try in, next step out.

use std::time::Duration;

use super::limits::Limits;
use crate::vendors::Again;

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This is the end of it.
    GiveUp,
    /// Try again after a wait.
    After(Duration),
    /// Everything waits for the console, then try again; this try does not count.
    Pause(Option<Duration>),
    /// Look how the host stands, then decide.
    Look,
}

/// Decides. `attempt` is the number of the try that failed, from 1; `jitter` is a random number from 0 to 1.
pub fn next(again: Again, attempt: u32, limits: &Limits, jitter: f64) -> Next {
    match again {
        Again::Never => Next::GiveUp,
        Again::Throttled(wait) => Next::Pause(wait),
        Again::InDoubt | Again::Look => Next::Look,
        Again::AtOnce | Again::Backoff if attempt >= limits.max_attempts => Next::GiveUp,
        Again::AtOnce => Next::After(Duration::ZERO),
        Again::Backoff => Next::After(backoff(attempt, limits, jitter)),
    }
}

/// Exponential, capped, with full jitter, and never quite nothing.
pub fn backoff(attempt: u32, limits: &Limits, jitter: f64) -> Duration {
    let ceiling = limits.backoff_first.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(limits.backoff_most);
    let least = limits.backoff_first / 10;
    ceiling.mul_f64(jitter.clamp(0.0, 1.0)).max(least)
}

/// A random number from 0 to 1.
pub fn jitter() -> f64 {
    // Without randomness there is still a wait, only a less varied one.
    let bits = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
