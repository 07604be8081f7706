//! The quota: so many requests in a window that begins with the first request.

use std::time::Duration;

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::simulator::faults::{QuotaFaults, ResetRounding, Spelling};

/// How much of the quota is used.
#[derive(Debug, Default)]
pub(super) struct Quota {
    began: Option<Instant>,
    used: u64,
}

/// How the quota stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Whether the request was within the quota.
    pub(super) allowed: bool,
    limit: u64,
    remaining: u64,
    left: Duration,
    seconds: u64,
}

impl Quota {
    /// Counts one request.
    pub(super) fn take(&mut self, rules: &QuotaFaults, now: Instant) -> Reading {
        let running = self.began.is_some_and(|began| now < began + rules.window.0);
        if !running {
            self.began = Some(now);
            self.used = 0;
        }
        self.used += 1;
        Reading { allowed: self.used <= rules.limit, ..self.read(rules, now) }
    }

    /// Looks without counting.
    pub(super) fn read(&self, rules: &QuotaFaults, now: Instant) -> Reading {
        let window = rules.window.0;
        let left = self.began.map_or(window, |began| window.saturating_sub(now - began));
        let left = if left.is_zero() { window } else { left };
        let used = if self.began.is_some_and(|began| now < began + window) { self.used } else { 0 };
        let whole = left.as_secs();
        let seconds = match rules.reset {
            ResetRounding::Up => whole + u64::from(left.subsec_nanos() > 0),
            ResetRounding::Down => whole,
        };
        Reading { allowed: true, limit: rules.limit, remaining: rules.limit.saturating_sub(used), left, seconds }
    }
}

impl Reading {
    /// Writes the reading into the headers of an answer.
    pub(super) fn write(&self, rules: &QuotaFaults, now: Timestamp, headers: &mut HeaderMap) {
        let names = match rules.headers {
            Spelling::Plain => PLAIN,
            Spelling::Hyphenated => HYPHENATED,
            Spelling::Missing => return,
        };
        // Never earlier than the window's end.
        let end = now.checked_add(self.left + Duration::from_millis(999)).unwrap_or(now);
        let date = HeaderValue::try_from(format!("{end:.0}")).unwrap_or(HeaderValue::from_static(""));
        let values = [self.limit.into(), self.remaining.into(), self.seconds.into(), date];
        for (name, value) in names.into_iter().zip(values) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// The seconds that are told.
    pub(super) const fn seconds(&self) -> u64 {
        self.seconds
    }
}

const PLAIN: [&str; 4] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-resetdate"];
const HYPHENATED: [&str; 4] =
    ["x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset", "x-rate-limit-resetdate"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::faults::Span;

    fn rules(reset: ResetRounding) -> QuotaFaults {
        QuotaFaults { limit: 2, window: Span(Duration::from_secs(10)), reset, ..QuotaFaults::default() }
    }

    #[test]
    fn the_window_begins_with_the_first_request_and_is_fixed() {
        let rules = rules(ResetRounding::Up);
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut quota = Quota::default();
        let first = quota.take(&rules, at(0));
        assert!(first.allowed);
        assert_eq!((first.remaining, first.seconds), (1, 10));
        let second = quota.take(&rules, at(3500));
        assert!(second.allowed);
        assert_eq!((second.remaining, second.seconds), (0, 7));
        let third = quota.take(&rules, at(9999));
        assert!(!third.allowed);
        assert_eq!((third.remaining, third.seconds), (0, 1));
        let next_window = quota.take(&rules, at(10_000));
        assert!(next_window.allowed);
        assert_eq!((next_window.remaining, next_window.seconds), (1, 10));
    }

    #[test]
    fn a_window_that_ended_unused_begins_again_with_the_next_request() {
        let rules = rules(ResetRounding::Up);
        let start = Instant::now();
        let mut quota = Quota::default();
        quota.take(&rules, start);
        let later = quota.take(&rules, start + Duration::from_secs(25));
        assert_eq!((later.remaining, later.seconds), (1, 10));
    }

    #[test]
    fn the_reset_can_be_rounded_down_to_nought() {
        let rules = rules(ResetRounding::Down);
        let start = Instant::now();
        let mut quota = Quota::default();
        quota.take(&rules, start);
        assert_eq!(quota.take(&rules, start + Duration::from_millis(9500)).seconds, 0);
    }
}
