//! Numbers, plurals and durations as people read them.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::action::{ActionKind, Thing};

/// A number with its noun: `1 host`, `2 hosts`, `1,000 hosts`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// A number of hosts: `1 host`, `2 hosts`.
pub fn hosts(n: u64) -> String {
    count(n, "host", "hosts")
}

/// A number of what an action lands on: `1 host`, `2 indicators`. What is no action of ours lands on hosts.
pub fn things(n: u64, action: &str) -> String {
    let thing = ActionKind::from_word(action).map_or(Thing::Host, ActionKind::lands_on);
    count(n, thing.word(), thing.words())
}

/// A number with its thousands apart: `1,000,000`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share of a whole in per cent, rounded down so that 100 % means all.
pub fn percent(part: u64, whole: u64) -> u64 {
    let share = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(100).min(100)
}

/// A duration in its two biggest units: `0.4 s`, `42 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(time: Duration) -> String {
    if time < Duration::from_secs(10) && time.subsec_millis() != 0 {
        return format!("{:.1} s", time.as_secs_f64());
    }
    let seconds = time.as_secs() + u64::from(time.subsec_millis() >= 500);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        small => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(minutes, "min", seconds % 60, "s"),
        3600..172_800 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// What is left of a wait, in whole seconds and never less than there is.
pub fn countdown(left: Duration) -> String {
    duration(Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)))
}

/// The columns that a text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to at most `columns`, with an ellipsis where something is missing.
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let mut cut = String::new();
    let mut taken = 0;
    for c in text.chars() {
        taken += c.width().unwrap_or_default();
        if taken > room {
            break;
        }
        cut.push(c);
    }
    // Some sequences are wider than their characters one by one.
    while width(&cut) > room {
        cut.pop();
    }
    cut.push('…');
    cut
}

/// The text with blanks behind it, up to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(width(text));
    format!("{text}{:blanks$}", "")
}

#[cfg(test)]
mod tests;
