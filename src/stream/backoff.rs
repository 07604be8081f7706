//! How long to wait before something is tried again: longer each time, and never as long as everybody else.

use std::time::Duration;

/// The shortest wait.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait.
const MOST: Duration = Duration::from_secs(30);

/// Waits that grow, each of them anywhere between the shortest and twice the one before it could have been.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    ceiling: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(FIRST, MOST)
    }
}

impl Backoff {
    /// Waits between these two.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most: most.max(first), ceiling: first }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        self.wait_with(jitter())
    }

    /// All is well again: the next wait is a short one.
    pub const fn reset(&mut self) {
        self.ceiling = self.first;
    }

    fn wait_with(&mut self, jitter: f64) -> Duration {
        self.ceiling = self.ceiling.saturating_mul(2).min(self.most);
        self.first + (self.ceiling - self.first).mul_f64(jitter.clamp(0.0, 1.0))
    }
}

/// A random number from 0 to 1.
fn jitter() -> f64 {
    // Without randomness there is still a wait, only a less varied one.
    let bits = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ceilings(backoff: &mut Backoff, count: usize) -> Vec<u128> {
        (0..count).map(|_| backoff.wait_with(1.0).as_millis()).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_reset() {
        let mut backoff = Backoff::default();
        assert_eq!(ceilings(&mut backoff, 8), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        backoff.reset();
        assert_eq!(ceilings(&mut backoff, 1), [1000]);
    }

    #[test]
    fn the_shortest_wait_is_never_undercut_and_the_longest_never_exceeded() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.wait_with(0.0), FIRST);
        for _ in 0..1000 {
            let wait = backoff.wait();
            assert!((FIRST..=MOST).contains(&wait), "{wait:?}");
        }
    }
}
