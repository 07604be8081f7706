//! A number of targets, or a share of them: `10`, `5%`.

use std::{fmt, str::FromStr};

/// So many, or such a part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(u64),
    /// So many hundredths of a per cent, from 1 to 10,000.
    Percent(u32),
}

/// All of it, in hundredths of a per cent.
const WHOLE: u32 = 10_000;

impl Share {
    /// All of it.
    pub const ALL: Self = Self::Percent(WHOLE);

    /// How many that is of a whole: a part of one counts as one, so that no share of something is nothing.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(hundredths) => {
                let part = (u128::from(whole) * u128::from(hundredths)).div_ceil(u128::from(WHOLE));
                u64::try_from(part).unwrap_or(u64::MAX)
            }
        }
    }
}

/// A text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Neither a number nor a per cent.
    #[error("a number such as 10, or a share such as 5% or 2.5%, is wanted")]
    NoShare,
    /// It is nothing.
    #[error("0 is nothing; a number of 1 or more, or a share above 0%, is wanted")]
    Nothing,
    /// It is more than all.
    #[error("there is no more than 100%")]
    TooMuch,
    /// It has a third decimal.
    #[error("a share has two decimals at most")]
    TooFine,
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let text = text.trim();
        let Some(percent) = text.strip_suffix('%') else {
            return match text.parse() {
                Ok(0) => Err(ShareError::Nothing),
                Ok(count) if digits(text) => Ok(Self::Count(count)),
                _ => Err(ShareError::NoShare),
            };
        };
        let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
        if !digits(whole) || !digits(part) {
            return Err(ShareError::NoShare);
        }
        if part.len() > 2 {
            return Err(ShareError::TooFine);
        }
        let whole: u32 = whole.parse().map_err(|_| ShareError::TooMuch)?;
        let part: u32 = format!("{part:0<2}").parse().map_err(|_| ShareError::NoShare)?;
        let hundredths = whole.checked_mul(100).and_then(|whole| whole.checked_add(part));
        match hundredths {
            Some(0) => Err(ShareError::Nothing),
            Some(hundredths) if hundredths <= WHOLE => Ok(Self::Percent(hundredths)),
            _ => Err(ShareError::TooMuch),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(hundredths) if hundredths % 100 == 0 => write!(f, "{}%", hundredths / 100),
            Self::Percent(hundredths) => {
                let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
                write!(f, "{}%", text.trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_and_shares_are_read_and_written() {
        for (text, share) in [
            ("1", Share::Count(1)),
            ("250", Share::Count(250)),
            ("5%", Share::Percent(500)),
            ("2.5%", Share::Percent(250)),
            ("0.01%", Share::Percent(1)),
            ("100%", Share::Percent(10_000)),
        ] {
            assert_eq!(text.parse(), Ok(share), "{text}");
            assert_eq!(share.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_share_is_told_apart() {
        for (text, error) in [
            ("", ShareError::NoShare),
            ("%", ShareError::NoShare),
            ("+5", ShareError::NoShare),
            ("-5%", ShareError::NoShare),
            ("five", ShareError::NoShare),
            ("1.5", ShareError::NoShare),
            ("5.%", ShareError::NoShare),
            ("0", ShareError::Nothing),
            ("0.00%", ShareError::Nothing),
            ("100.01%", ShareError::TooMuch),
            ("99999999999%", ShareError::TooMuch),
            ("1.234%", ShareError::TooFine),
        ] {
            assert_eq!(text.parse::<Share>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_share_of_something_is_never_nothing_and_never_more_than_all(hundredths in 1..=10_000_u32, whole in 1..=u64::MAX) {
            let of = Share::Percent(hundredths).of(whole);
            prop_assert!(of >= 1 && of <= whole);
            prop_assert!(u128::from(of) * 10_000 >= u128::from(whole) * u128::from(hundredths));
        }

        #[test]
        fn reading_never_panics_and_reads_what_is_written(text in any::<String>()) {
            if let Ok(share) = text.parse::<Share>() {
                prop_assert_eq!(share.to_string().parse(), Ok(share));
            }
        }
    }
}
