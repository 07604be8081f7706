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
mod tests {
    use bytes::Bytes;

    use super::*;

    fn message(body: &'static str) -> String {
        let mut message = Vec::new();
        write(&ConsoleEvent::new(Bytes::from_static(body.as_bytes())), Format::Raw, 16, &mut message);
        String::from_utf8(message).unwrap()
    }

    #[test]
    fn the_header_tells_what_the_event_tells() {
        let body = r#"{"id":1,"timestamp":1717010000,"timestamp_nanoseconds":619000000,"event_type_id":1090519054,"severity":"High","computer":{"hostname":"FIN-LT-014.corp.example"}}"#;
        let head = "<131>1 2024-05-29T19:13:20.619Z FIN-LT-014.corp.example edrctl - 1090519054 - ";
        assert_eq!(message(body), format!("{head}{body}"));
    }

    #[test]
    fn a_severity_becomes_the_standard_s() {
        for (word, number) in [("Critical", 130), ("medium", 132), ("Low", 133), ("Strange", 134)] {
            let event = ConsoleEvent::new(Bytes::from(format!("{{\"severity\":\"{word}\"}}")));
            let mut message = Vec::new();
            write(&event, Format::Raw, 16, &mut message);
            let head = String::from_utf8(message).unwrap();
            assert!(head.starts_with(&format!("<{number}>1 - - edrctl - - - ")), "{head}");
        }
    }

    #[test]
    fn a_hostile_host_name_does_not_reach_the_header() {
        for name in ["a b", "a\\nb", "hést", "x\\u0000", &"n".repeat(256), ""] {
            let event = ConsoleEvent::new(Bytes::from(format!("{{\"computer\":{{\"hostname\":\"{name}\"}}}}")));
            let mut message = Vec::new();
            write(&event, Format::Raw, 16, &mut message);
            assert!(message.starts_with(b"<134>1 - - edrctl - - - "), "{name}");
        }
    }

    #[test]
    fn only_more_than_ascii_has_a_byte_order_mark() {
        assert!(message("{\"a\":\"ü\"}").ends_with(" - \u{feff}{\"a\":\"ü\"}"));
        assert!(message("{\"a\":\"u\"}").ends_with(" - {\"a\":\"u\"}"));
        assert!(message("no json\n").ends_with(" - {\"edrctl\":\"raw\",\"base64\":\"bm8ganNvbgo=\"}"));
    }

    #[test]
    fn a_message_is_cut_between_characters_with_a_mark() {
        let whole = "0123456789üüü".as_bytes().to_vec();
        for (most, left) in [(16, "0123456789üüü"), (15, "0123456789[cut]"), (14, "012345678[cut]")] {
            let mut message = whole.clone();
            cut(&mut message, most);
            assert_eq!(String::from_utf8(message).unwrap(), left);
        }
        let mut message = "üüüüüüüü".as_bytes().to_vec();
        cut(&mut message, 12);
        assert_eq!(String::from_utf8(message).unwrap(), "üüü[cut]");
    }
}
