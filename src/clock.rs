//! The time of day, or the one that a test has set.
//!
//! Durations are measured with `tokio::time::Instant`, so that a test can pause them; only what people read is a
//! [`Timestamp`].

use jiff::Timestamp;

/// The environment variable with which a test sets the time of day, in RFC 3339.
const FIXED: &str = "__EDRCTL_NOW";

/// The time of day, cut to milliseconds.
pub fn now() -> Timestamp {
    static FIXED_NOW: std::sync::OnceLock<Option<Timestamp>> = std::sync::OnceLock::new();
    let fixed = FIXED_NOW.get_or_init(|| std::env::var(FIXED).ok().and_then(|text| text.parse().ok()));
    let now = fixed.unwrap_or_else(Timestamp::now);
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T03:15:02.120Z`.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}
