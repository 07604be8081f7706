//! Durations as people write them, and as they are shown: `30s`, `1h30m`; `1h 05m`.

use std::time::Duration;

/// The units, largest first, with the milliseconds in each.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration: whole numbers, each with its unit, the larger unit first.
///
/// `2s`, `10m`, `4h`, `7d` and `250ms` are read, and so are `1h30m` and `1h 30m`. A number without a unit is not: three
/// people read it as three durations.
///
/// # Errors
///
/// [`DurationError`] says what is wrong with the text.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut total = 0_u64;
    let mut allowed = UNITS.as_slice();
    while !rest.is_empty() {
        let (digits, tail) = split(rest, |c| c.is_ascii_digit());
        let (unit, tail) = split(tail, |c| c.is_alphabetic());
        if digits.is_empty() {
            return Err(DurationError::NotADuration);
        }
        if unit.is_empty() {
            // `1.5h` and `-2s` stop here too, and have units: they are wrong in another way.
            return Err(if tail.is_empty() { DurationError::NoUnit } else { DurationError::NotADuration });
        }
        let Some(place) = allowed.iter().position(|(name, _)| *name == unit) else {
            let known = UNITS.iter().any(|(name, _)| *name == unit);
            return Err(if known { DurationError::Order } else { DurationError::BadUnit });
        };
        let (used, smaller) = allowed.split_at(place + 1);
        let millis = used.last().map_or(0, |(_, millis)| *millis);
        allowed = smaller;
        let number: u64 = digits.parse().map_err(|_| DurationError::TooLong)?;
        let part = number.checked_mul(millis).ok_or(DurationError::TooLong)?;
        total = total.checked_add(part).ok_or(DurationError::TooLong)?;
        rest = tail.strip_prefix(' ').unwrap_or(tail);
    }
    Ok(Duration::from_millis(total))
}

/// Shows a duration with its two largest units, or with one below a minute: `1h 05m`, `3m 20s`, `42s`, `250ms`.
///
/// What is smaller is cut off. Below a millisecond nothing but zero is shown as zero.
pub fn format(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two = |large: u64, large_unit: char, small: u64, small_unit: char| {
        if small == 0 { format!("{large}{large_unit}") } else { format!("{large}{large_unit} {small:02}{small_unit}") }
    };
    match seconds {
        86_400.. => two(seconds / 86_400, 'd', seconds % 86_400 / 3_600, 'h'),
        3_600.. => two(seconds / 3_600, 'h', seconds % 3_600 / 60, 'm'),
        60.. => two(seconds / 60, 'm', seconds % 60, 's'),
        1.. => format!("{seconds}s"),
        0 if duration.is_zero() => "0s".to_owned(),
        0 => format!("{}ms", duration.subsec_millis().max(1)),
    }
}

/// Splits a text where its first characters stop being of one sort.
fn split(text: &str, sort: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !sort(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// What is wrong with a text that should be a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing is there.
    #[error("no duration is given")]
    Empty,
    /// Not a row of numbers and units.
    #[error("not a duration; it is written like `30s`, `10m` or `1h30m`")]
    NotADuration,
    /// A number alone.
    #[error("a duration needs a unit: `ms`, `s`, `m`, `h` or `d`")]
    NoUnit,
    /// A unit that is none.
    #[error("not a unit of time; the units are `ms`, `s`, `m`, `h` and `d`")]
    BadUnit,
    /// `30m1h`, `1h1h`.
    #[error("each unit comes once, the larger before the smaller")]
    Order,
    /// More than can be counted.
    #[error("too long a duration")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(text: &str) -> Option<f64> {
        parse(text).ok().map(|duration| duration.as_secs_f64())
    }

    #[test]
    fn each_unit_is_read() {
        assert_eq!(seconds("250ms"), Some(0.25));
        assert_eq!(seconds("2s"), Some(2.0));
        assert_eq!(seconds("10m"), Some(600.0));
        assert_eq!(seconds("4h"), Some(14_400.0));
        assert_eq!(seconds("7d"), Some(604_800.0));
        assert_eq!(seconds("0s"), Some(0.0));
    }

    #[test]
    fn units_add_up_with_or_without_a_blank() {
        assert_eq!(seconds("1h30m"), Some(5_400.0));
        assert_eq!(seconds("1h 05m"), Some(3_900.0));
        assert_eq!(seconds("1d2h3m4s5ms"), Some(93_784.005));
        assert_eq!(seconds(" 5s "), Some(5.0));
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        assert_eq!(parse(""), Err(DurationError::Empty));
        assert_eq!(parse("  "), Err(DurationError::Empty));
        assert_eq!(parse("30"), Err(DurationError::NoUnit));
        assert_eq!(parse("1h30"), Err(DurationError::NoUnit));
        assert_eq!(parse("30x"), Err(DurationError::BadUnit));
        assert_eq!(parse("30S"), Err(DurationError::BadUnit));
        assert_eq!(parse("30m1h"), Err(DurationError::Order));
        assert_eq!(parse("1h1h"), Err(DurationError::Order));
        assert_eq!(parse("1.5h"), Err(DurationError::NotADuration));
        assert_eq!(parse("-2s"), Err(DurationError::NotADuration));
        assert_eq!(parse("s"), Err(DurationError::NotADuration));
        assert_eq!(parse("1h  2m"), Err(DurationError::NotADuration));
        assert_eq!(parse("99999999999999999999s"), Err(DurationError::TooLong));
        assert_eq!(parse("18446744073709551615d"), Err(DurationError::TooLong));
        assert_eq!(parse("18446744073709551615ms1ms"), Err(DurationError::Order));
        assert_eq!(parse("18446744073709551s999ms"), Err(DurationError::TooLong));
    }

    #[test]
    fn durations_are_shown_with_two_units() {
        let show = |millis| format(Duration::from_millis(millis));
        assert_eq!(show(0), "0s");
        assert_eq!(show(250), "250ms");
        assert_eq!(show(42_999), "42s");
        assert_eq!(show(60_000), "1m");
        assert_eq!(show(200_000), "3m 20s");
        assert_eq!(show(3_900_000), "1h 05m");
        assert_eq!(show(93_600_000), "1d 02h");
        assert_eq!(format(Duration::from_nanos(1)), "1ms");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same_words(millis in 0_u64..10_000_000_000) {
            let shown = format(Duration::from_millis(millis));
            let read = parse(&shown).unwrap();
            prop_assert!(read <= Duration::from_millis(millis));
            prop_assert_eq!(format(read), shown);
        }

        #[test]
        fn whatever_text_reads_can_be_shown_and_read_again(text in "\\PC{0,12}|[0-9dhms. ]{0,24}") {
            if let Ok(duration) = parse(&text) {
                prop_assert!(parse(&format(duration)).is_ok());
            }
        }
    }
}
