use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const THREAT: &str = r#"{"id":6533241145273614339,"event_type":"Threat Detected","event_type_id":1090519054,"severity":"High",
    "detection":"W32.Ransom.RET","connector_guid":"3F1C2D94-7B60-4E2A-9A55-0C8E7D41B2F6",
    "group_guids":["5e0b9a1c-2f44-4f0e-8d1b-6a7c8e9f0011"],
    "computer":{"hostname":"FIN-LT-014.corp.example","user":"rosa@corp.example"},
    "file":{"file_name":"a.exe","file_path":"\\\\?\\C:\\Temp\\a.exe","identity":{"sha256":"AB010000000000000000000000000000000000000000000000000000000000FF","md5":"cd020000000000000000000000000000"}}}"#;

fn wants(filter: &str, body: &str) -> bool {
    let filter = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    judged(&filter, body) == Judged::Wanted
}

fn judged(filter: &Filter, body: &str) -> Judged {
    filter.judge(&ConsoleEvent::new(Bytes::copy_from_slice(body.as_bytes())))
}

fn judge(filter: &str, body: &str) -> Judged {
    judged(&Filter::parse(filter).unwrap(), body)
}

#[test]
fn every_field_is_compared_in_any_case_and_with_stars() {
    for filter in [
        "severity = high",
        "severity >= medium",
        "severity>=HIGH",
        "severity < critical",
        "type = 1090519054",
        "type = 'threat detected'",
        "host = fin-lt-014",
        "host = FIN-LT-014.corp.example",
        "host = *.corp.example",
        "host = fin-*",
        "id = 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6",
        "group = 5E0B9A1C-2f44-4f0e-8d1b-6a7c8e9f0011",
        "hash = ab010000000000000000000000000000000000000000000000000000000000ff",
        "hash = CD02*",
        "detection = *ransom*",
        "file = A.EXE",
        "file = *temp*",
        "user = rosa@*",
        "severity == high and host = fin-* and not type = 1",
        "(severity = low or severity = high) and hash != 00*",
        "not (severity = low or host = web*)",
    ] {
        assert!(wants(filter, THREAT), "{filter}");
    }
    for filter in [
        "severity > high",
        "severity = low",
        "severity <= medium",
        "host = lt-014",
        "host = fin",
        "type = 109051905",
        "hash = *ab",
        "severity = high and host = web*",
        "not severity = high",
        "id != 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6",
    ] {
        assert!(!wants(filter, THREAT), "{filter}");
    }
}

#[test]
fn what_an_event_does_not_have_fits_nothing_but_unequal() {
    assert_eq!(judge("severity >= low", "{}"), Judged::Unwanted);
    assert_eq!(judge("host = *", "{}"), Judged::Unwanted);
    assert!(wants("host != web01", "{}"));
    assert!(wants("not host = web01", r#"{"computer":null}"#));
}

#[test]
fn what_cannot_be_read_is_never_unwanted() {
    for body in ["", "no json", "[]", "7", "{\"severity\":\"Low\"", "{} {}"] {
        for filter in ["severity >= low", "host = *", "host != web01", "not host = web01"] {
            assert_eq!(judge(filter, body), Judged::Unreadable, "{filter} {body}");
        }
    }
    for (filter, body, judged) in [
        ("severity >= high", r#"{"severity":{}}"#, Judged::Unreadable),
        ("not severity >= high", r#"{"severity":{}}"#, Judged::Unreadable),
        ("severity != high", r#"{"severity":3}"#, Judged::Unreadable),
        ("severity >= high", r#"{"severity":"Severe"}"#, Judged::Unreadable),
        ("severity = low", r#"{"severity":"Severe"}"#, Judged::Unreadable),
        ("severity >= high or host = a", r#"{"severity":{},"computer":{"hostname":"a"}}"#, Judged::Wanted),
        ("severity >= high and host = a", r#"{"severity":{},"computer":{"hostname":"b"}}"#, Judged::Unwanted),
        ("severity >= high and host = a", r#"{"severity":"High","computer":"b"}"#, Judged::Unreadable),
        ("severity >= high", r#"{"severity":"Low","computer":"b"}"#, Judged::Unwanted),
        ("file = a*", r#"{"file":{"file_name":7,"file_path":"abc"}}"#, Judged::Wanted),
        ("file = a*", r#"{"file":{"file_name":7,"file_path":"b"}}"#, Judged::Unreadable),
        ("group = 5e0b*", r#"{"group_guids":[null,"5E0B9a1c"]}"#, Judged::Wanted),
        ("type = 553648202", r#"{"event_type_id":"553648202"}"#, Judged::Wanted),
    ] {
        assert_eq!(judge(filter, body), judged, "{filter} {body}");
    }
}

#[test]
fn a_name_of_a_file_hides_nothing() {
    for odd in
        [r#""file":{"file_name":"\ud800.exe"}"#, r#""file":{"disposition":3}"#, r#""file":"x""#, r#""severity":"Low""#]
    {
        let body = format!(r#"{{"severity":"High",{odd}}}"#);
        assert!(wants("severity >= high", &body), "{body}");
    }
    let bytes = b"\xef\xbb\xbf{\"computer\":{\"hostname\":\"w\xff\"},\"severity\":\"High\"}";
    let event = ConsoleEvent::new(Bytes::from_static(bytes));
    assert_eq!(Filter::parse("severity >= high and host = w?").unwrap().judge(&event), Judged::Unwanted);
    assert_eq!(Filter::parse("severity >= high and host = w*").unwrap().judge(&event), Judged::Wanted);
}

#[test]
fn names_of_types_are_known_to_the_console_only() {
    let filter = Filter::parse("type = 'Threat Detected' or not (type = 553648202 or type != scan*)").unwrap();
    assert_eq!(filter.type_names(), ["threat detected"]);
}

#[test]
fn and_binds_closer_than_or() {
    assert!(wants("severity = high or severity = low and host = nobody", THREAT));
    assert!(!wants("(severity = high or severity = low) and host = nobody", THREAT));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (filter, told) in [
        ("", "the filter breaks off"),
        ("severity", "the filter breaks off"),
        ("severity >=", "the filter breaks off"),
        ("severity >= high and", "the filter breaks off"),
        ("(severity >= high", "the filter breaks off"),
        ("severity >= high)", "`)` at character 17"),
        ("severity high", "`high` at character 10 compares nothing"),
        ("sevrity = high", "`sevrity` at character 1 is no field"),
        ("severity >= hihg", "`hihg` at character 13 is no severity"),
        ("host > web01", "at character 8 has no order"),
        ("host = 'web01", "the quote at character 8 does not end"),
        ("host = )", "`)` at character 8"),
        ("severity = high host = web", "`host` at character 17"),
        ("severity >= h*", "`h*` at character 13 is no one severity"),
        ("severity = x*", "`x*` at character 12 is no severity"),
        ("group = Servers", "`servers` at character 9 is no GUID"),
        ("group = Serv*", "`serv*` at character 9 is no GUID"),
        ("id != web01", "`web01` at character 7 is no GUID"),
        ("hash = xyz", "`xyz` at character 8 is no hash"),
        ("hash = ab01", "`ab01` at character 8 is no hash"),
        ("hash = xy*", "`xy*` at character 8 is no hash"),
    ] {
        let error = Filter::parse(filter).unwrap_err().to_string();
        assert!(error.contains(told), "{filter}: {error}");
    }
    let deep = format!("{}severity = low{}", "(".repeat(100), ")".repeat(100));
    assert_eq!(Filter::parse(&deep), Err(FilterError::TooLong));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", body in "\\PC{0,80}") {
        if let Ok(filter) = Filter::parse(&text) {
            filter.judge(&ConsoleEvent::new(Bytes::from(body)));
        }
    }

    #[test]
    fn not_turns_it_round(value in "[a-z*]{1,6}") {
        let plain = format!("host = {value}");
        let (a, b) = (wants(&plain, THREAT), wants(&format!("not {plain}"), THREAT));
        prop_assert_ne!(a, b);
        prop_assert_eq!(b, wants(&format!("host != {value}"), THREAT));
    }
}
