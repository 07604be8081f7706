//! One event as a syslog message (RFC 5424).
//!
//! The header's severity comes from the event's, its time and host name from the event's fields, and its message id is the
//! number of the event's type. There is no structured data: its names would need a registered number. The message is the
//! event's JSON, exactly; it begins with a byte order mark if it has more than ASCII in it, as the standard wants it of
//! UTF-8, and without one if it has not, for many receivers then fail to see the JSON.

use crate::{
    clock,
    stream::{
        envelope::{Format, host_of, time_of},
        event::{ConsoleEvent, Fields},
    },
};

/// The longest host name that a header takes.
const LONGEST_HOST: usize = 255;

/// What stands where nothing is known.
const NIL: &str = "-";

/// What stands at the end of a message that was cut.
const CUT: &[u8] = b"[cut]";

/// Adds the event's message.
pub(super) fn write(event: &ConsoleEvent, format: Format, facility: u8, to: &mut Vec<u8>) {
    let fields = event.fields();
    let fields = fields.as_ref();
    let priority = u16::from(facility.min(23)) * 8 + u16::from(severity(fields));
    let time = fields.and_then(time_of).map_or_else(|| NIL.to_owned(), clock::rfc3339);
    let host = fields.and_then(host_of).filter(|host| is_host(host)).unwrap_or(NIL);
    let kind = fields.and_then(|fields| fields.event_type_id).map_or_else(|| NIL.to_owned(), |id| id.to_string());
    to.extend_from_slice(format!("<{priority}>1 {time} {host} edrctl - {kind} - ").as_bytes());
    let from = to.len();
    format.write(event, to);
    if !to.get(from..).unwrap_or_default().is_ascii() {
        to.splice(from..from, "\u{feff}".bytes());
    }
}

/// The standard's number for a severity.
fn severity(fields: Option<&Fields<'_>>) -> u8 {
    const NUMBERS: [(&str, u8); 4] = [("critical", 2), ("high", 3), ("medium", 4), ("low", 5)];
    const INFORMATIONAL: u8 = 6;
    let word = fields.and_then(|fields| fields.severity.as_deref()).unwrap_or_default();
    NUMBERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map_or(INFORMATIONAL, |(_, number)| *number)
}

/// Whether a name can stand in a header, which parts its fields by blanks.
fn is_host(name: &str) -> bool {
    name.len() <= LONGEST_HOST && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Cuts a message to this many bytes, between two characters, with a mark at its end.
pub(super) fn cut(message: &mut Vec<u8>, most: usize) {
    if message.len() <= most {
        return;
    }
    let mut end = most.saturating_sub(CUT.len());
    // A byte that goes on with a character is not where the next one begins.
    while message.get(end).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) && end > 0 {
        end -= 1;
    }
    message.truncate(end);
    message.extend_from_slice(CUT);
}

#[cfg(test)]
mod tests;
