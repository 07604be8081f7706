//! When a run halts by itself: as soon as so many targets have failed.

use std::{fmt, str::FromStr};

use crate::domain::share::{Share, ShareError};

/// What becomes of requests under way when a run halts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HaltHow {
    /// They are awaited.
    #[default]
    Soon,
    /// They are given up, and are in doubt.
    Now,
}

impl HaltHow {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Soon => "soon",
            Self::Now => "now",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Soon, Self::Now].into_iter().find(|how| how.word() == word)
    }
}

/// When a run is to halt, as written: `fail=5%`, `fail=10,now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaltAt {
    /// As soon as so many have failed.
    pub fail: Share,
    /// And what becomes of the rest.
    pub how: HaltHow,
}

impl HaltAt {
    /// What that comes to with so many targets.
    pub fn rule(self, targets: u64) -> HaltRule {
        HaltRule { failures: self.fail.of(targets).max(1), how: self.how }
    }
}

/// When a run halts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaltRule {
    /// As soon as so many have failed.
    pub failures: u64,
    /// And what becomes of the rest.
    pub how: HaltHow,
}

/// A text does not say when to halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HaltError {
    /// It has another form.
    #[error("`fail=N` or `fail=P%` is wanted, and behind it `,soon` or `,now` if you like")]
    Form,
    /// What stands behind `fail=` is no share.
    #[error(transparent)]
    Share(#[from] ShareError),
}

impl FromStr for HaltAt {
    type Err = HaltError;

    fn from_str(text: &str) -> Result<Self, HaltError> {
        let (fail, how) = match text.split_once(',') {
            None => (text, HaltHow::default()),
            Some((fail, how)) => (fail, HaltHow::from_word(how.trim()).ok_or(HaltError::Form)?),
        };
        let fail = fail.trim().strip_prefix("fail=").ok_or(HaltError::Form)?.parse()?;
        Ok(Self { fail, how })
    }
}

impl fmt::Display for HaltAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fail={},{}", self.fail, self.how.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_share_and_soon_unless_it_says_now() {
        for (text, targets, failures, how) in [
            ("fail=10", 100, 10, HaltHow::Soon),
            ("fail=5%", 100, 5, HaltHow::Soon),
            ("fail=5%,soon", 10, 1, HaltHow::Soon),
            ("fail=1,now", 10, 1, HaltHow::Now),
            ("fail=50%", 0, 1, HaltHow::Soon),
        ] {
            let at: HaltAt = text.parse().unwrap();
            assert_eq!(at.rule(targets), HaltRule { failures, how }, "{text} of {targets}");
            assert_eq!(at.to_string().parse(), Ok(at));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "5", "fail", "fail=", "fail=0", "fail=5%,later", "fail=5%,soon,now", "ok=5", "fail=101%"] {
            assert!(text.parse::<HaltAt>().is_err(), "{text}");
        }
    }
}
