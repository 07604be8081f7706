//! Messages as they go over the wire.

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
