//! Lines as they are written.

use bytes::Bytes;

use super::*;

fn event(body: &'static [u8]) -> ConsoleEvent {
    ConsoleEvent::new(Bytes::from_static(body))
}

fn line(format: Format, body: &'static [u8]) -> String {
    let mut line = Vec::new();
    format.write_line(&event(body), &mut line);
    let line = String::from_utf8(line).unwrap();
    assert_eq!(line.matches(['\n', '\r']).count(), 1, "{line:?}");
    line
}

#[test]
fn a_body_of_json_is_written_as_it_came() {
    let body = br#"{ "id":18446744073709551615, "n": 1.10e400, "t":"a\nb" }"#;
    assert_eq!(line(Format::Raw, body).as_bytes().strip_suffix(b"\n").unwrap(), body);
}

#[test]
fn line_breaks_between_the_parts_become_blanks_and_numbers_stay() {
    let written = line(Format::Raw, b"\n{\r\n \"id\": 7312450098812341999,\n \"t\": \"a\\nb\"\r}\n");
    assert_eq!(written, "{   \"id\": 7312450098812341999,  \"t\": \"a\\nb\" }\n");
}

#[test]
fn a_body_that_is_no_json_is_written_as_base64() {
    for body in [&b"no json\n at all"[..], b"", b"\xff\xfe", b"{\"a\":\"\n\"}", b"{} {}"] {
        let written: serde_json::Value = serde_json::from_str(&line(Format::Raw, body)).unwrap();
        assert_eq!(written["edrctl"], "raw");
        assert_eq!(STANDARD.decode(written["base64"].as_str().unwrap()).unwrap(), body);
    }
}

#[test]
fn the_envelope_has_the_common_fields_and_the_exact_body() {
    let body = br#"{"id":7312450098812341999,"timestamp":1717010000,"timestamp_nanoseconds":619000000,
        "event_type":"Threat Detected","event_type_id":1090519054,"detection":"W32.X","severity":"Medium",
        "group_guids":["g1","g2"],"computer":{"connector_guid":"c1","hostname":"FIN-LT-014"},
        "file":{"file_name":"a.exe","file_path":"\\\\?\\C:\\a.exe","identity":{"sha256":"AB01"}},"x":1.0}"#;
    let written = line(Format::Event, body);
    let value: serde_json::Value = serde_json::from_str(&written).unwrap();
    let same: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!(value["body"], same);
    assert!(written.contains("\"id\":7312450098812341999,"), "{written}");
    let mut rest = value;
    rest.as_object_mut().unwrap().remove("body");
    assert_eq!(
        rest,
        serde_json::json!({
            "schema": "edrctl.event/1", "id": "7312450098812341999", "time": "2024-05-29T19:13:20.619Z",
            "type": "Threat Detected", "type_id": 1_090_519_054, "severity": "Medium",
            "host": {"id": "c1", "name": "FIN-LT-014"}, "groups": ["g1", "g2"], "detection": "W32.X",
            "file": {"name": "a.exe", "path": "\\\\?\\C:\\a.exe", "sha256": "ab01"},
        })
    );
}

#[test]
fn the_envelope_of_a_body_that_is_no_json_carries_it_as_base64() {
    let value: serde_json::Value = serde_json::from_str(&line(Format::Event, b"\xff\n")).unwrap();
    assert_eq!(value["body"], serde_json::Value::Null);
    assert_eq!(value["body_base64"], "/wo=");
    assert!(value["id"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn a_time_that_no_clock_shows_is_no_time() {
    for body in [&br#"{"timestamp":9223372036854775807}"#[..], br#"{"id":1}"#] {
        let value: serde_json::Value = serde_json::from_str(&line(Format::Event, body)).unwrap();
        assert_eq!(value["time"], serde_json::Value::Null);
    }
    let odd = event(br#"{"timestamp":5,"timestamp_nanoseconds":-1}"#);
    assert_eq!(time_of(&odd.fields().unwrap()), Timestamp::new(5, 0).ok());
}
