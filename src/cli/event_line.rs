//! One console event as a person reads it: one line, nothing in it that a terminal would obey.

use crate::{
    reporters::{
        clean::{clean, clean_to},
        paint::{FAINT, STRONG, WARN, paint},
        words::pad,
    },
    stream::event::{ConsoleEvent, EventId},
};

/// No text of an event is longer than this in a line; JSON has the whole of it.
const LONGEST: usize = 200;

/// The columns of the severities.
const SEVERITY: usize = 8;

/// The columns that most host names take.
const HOST: usize = 24;

/// Time, severity, host, kind, what was detected, and in which file.
pub(crate) fn line(event: &ConsoleEvent, colour: bool) -> String {
    let Some(fields) = event.fields() else { return unreadable(event) };
    let time = fields.time().map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(|text| clean_to(text, LONGEST));
    let severity = text(fields.severity.as_deref());
    let style = match severity.as_deref().map(str::to_lowercase).as_deref() {
        Some("high" | "critical") => STRONG,
        Some("medium") => WARN,
        _ => FAINT,
    };
    let severity = pad(severity.as_deref().unwrap_or("-"), SEVERITY);
    let computer = fields.computer.as_ref();
    let host = text(computer.and_then(|computer| computer.hostname.as_deref()))
        .or_else(|| text(fields.connector_guid.as_deref()))
        .unwrap_or_else(|| "-".to_owned());
    let kind = text(fields.event_type.as_deref())
        .or_else(|| fields.event_type_id.map(|id| id.to_string()))
        .unwrap_or_else(|| "-".to_owned());
    let mut line = format!("{time}  {}  {}  {kind}", paint(&severity, style, colour), pad(&host, HOST));
    if let Some(detection) = text(fields.detection.as_deref()) {
        line.push_str("  ");
        line.push_str(&detection);
    }
    let file = fields.file.as_ref();
    let name = text(file.and_then(|file| file.file_path.as_deref().or(file.file_name.as_deref())));
    if let Some(name) = name {
        line.push_str("  ");
        line.push_str(&name);
    }
    line
}

/// A body that is no JSON object is shown as what it is.
fn unreadable(event: &ConsoleEvent) -> String {
    let id = match event.id {
        EventId::Number(id, _) => id.to_string(),
        EventId::Digest(_) => "-".to_owned(),
    };
    let head: String = String::from_utf8_lossy(event.body.get(..400).unwrap_or(&event.body)).into_owned();
    let bytes = event.body.len();
    format!("no JSON object ({bytes} bytes, id {id}): {}", clean(&head).chars().take(LONGEST).collect::<String>())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::reporters::clean::is_hostile;

    fn of(body: &str) -> String {
        line(&ConsoleEvent::new(Bytes::copy_from_slice(body.as_bytes())), false)
    }

    #[test]
    fn a_detection_is_one_readable_line() {
        let body = r#"{"id":1,"timestamp":1717010000,"timestamp_nanoseconds":619000000,"event_type":"Threat Detected",
            "severity":"High","detection":"W32.Example.RET","computer":{"hostname":"FIN-LT-014.corp.example"},
            "file":{"file_name":"a.exe","file_path":"C:\\Temp\\a.exe"}}"#;
        assert_eq!(
            of(body),
            "2024-05-29T19:13:20Z  High      FIN-LT-014.corp.example   Threat Detected  W32.Example.RET  C:\\Temp\\a.exe"
        );
    }

    #[test]
    fn an_event_that_says_little_is_a_line_all_the_same() {
        assert_eq!(of("{}"), "-  -         -                         -");
        assert_eq!(
            of(r#"{"event_type_id":553648202,"connector_guid":"3f1c2d94"}"#).trim_end(),
            "-  -         3f1c2d94                  553648202"
        );
        assert_eq!(of("oops\u{1b}[2J"), "no JSON object (8 bytes, id -): oops\\u{1b}[2J");
    }

    proptest! {
        #[test]
        fn nothing_hostile_is_in_a_line(text in any::<String>()) {
            let body = serde_json::json!({
                "severity": text, "event_type": text, "detection": text,
                "computer": {"hostname": text}, "file": {"file_path": text},
            });
            let line = of(&body.to_string());
            prop_assert!(!line.chars().any(is_hostile), "{line}");
            prop_assert!(!of(&text).chars().any(is_hostile));
        }
    }
}
