//! Places as they are written.

use super::*;

fn read(text: &str) -> Result<String, PlaceError> {
    text.parse::<Place>().map(|place| place.to_string())
}

#[test]
fn every_kind_of_place_is_read() {
    for (text, place) in [
        ("-", "stdout"),
        ("stdout", "stdout"),
        ("file:/var/log/e.jsonl", "file:/var/log/e.jsonl"),
        ("file:///var/log/e.jsonl", "file:/var/log/e.jsonl"),
        ("events.jsonl", "file:events.jsonl"),
        ("C:\\events.jsonl", "file:C:\\events.jsonl"),
        ("./a:b", "file:./a:b"),
        ("syslog://collector.example", "syslog://collector.example:514"),
        ("syslog://collector.example:443", "syslog://collector.example:443"),
        ("syslog+udp://127.0.0.1:5514/", "syslog+udp://127.0.0.1:5514"),
        ("SYSLOG+TLS://[2001:db8::1]", "syslog+tls://[2001:db8::1]:6514"),
        ("splunk+https://hec.example:8088/", "splunk+https://hec.example:8088/"),
        ("splunk+http://127.0.0.1:8088", "splunk+http://127.0.0.1:8088/"),
        ("elastic+https://es.example:9200/edr-events", "elastic+https://es.example:9200/edr-events"),
        ("elastic+https://gw.example/es/.ds-edr/", "elastic+https://gw.example/es/.ds-edr"),
    ] {
        assert_eq!(read(text).as_deref(), Ok(place), "{text}");
    }
}

#[test]
fn what_is_no_place_is_told_in_words_without_repeating_it() {
    for (text, error) in [
        ("", PlaceError::NoFile),
        ("file:", PlaceError::NoFile),
        ("/var/log/", PlaceError::NoFile),
        ("kafka://hunter2", PlaceError::Scheme),
        ("https://hunter2", PlaceError::Scheme),
        ("syslog:hunter2", PlaceError::Slashes),
        ("syslog://", PlaceError::Syslog),
        ("syslog://host:99999", PlaceError::Syslog),
        ("syslog://host:0", PlaceError::Syslog),
        ("syslog://host/path", PlaceError::Syslog),
        ("syslog://me:hunter2@host", PlaceError::Credentials),
        ("splunk+https://Splunk:hunter2@host:8088", PlaceError::Credentials),
        ("splunk+https://host:8088/?token=hunter2", PlaceError::Credentials),
        ("splunk+http://host:8088", PlaceError::PlainHttp),
        ("splunk+https://", PlaceError::NotAUrl),
        ("elastic+https://es.example:9200", PlaceError::NoIndex),
        ("elastic+https://es.example:9200/Upper", PlaceError::Index),
        ("elastic+https://es.example:9200/_bulk", PlaceError::Index),
        ("elastic+https://es.example:9200/a*", PlaceError::Index),
    ] {
        assert_eq!(read(text), Err(error), "{text}");
        assert!(!error.to_string().contains("hunter2"));
    }
}
