//! The fields that events have in common, each read by itself.
//!
//! A console passes on what hosts send it, and whoever has broken into a host chooses names of files there. So one field
//! that is odd must not hide the others: what cannot be read is noted by its name, and everything else is still known.
//! Texts are read as far as they go, with U+FFFD for what is no character; the first of equal keys counts.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields that events have in common. What a kind of event adds stays in its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Seconds since 1970.
    pub timestamp: Option<i64>,
    /// The rest of the second.
    pub timestamp_nanoseconds: Option<i64>,
    /// The kind in words. Words change over the years.
    pub event_type: Option<Cow<'a, str>>,
    /// The kind as a number. It does not change.
    pub event_type_id: Option<i64>,
    /// What was detected.
    pub detection: Option<Cow<'a, str>>,
    /// `Low`, `Medium`, `High` or `Critical`; none on events that only inform.
    pub severity: Option<Cow<'a, str>>,
    /// The host's id.
    pub connector_guid: Option<Cow<'a, str>>,
    /// The ids of its groups.
    pub group_guids: Option<Vec<Cow<'a, str>>>,
    /// The host.
    pub computer: Option<Computer<'a>>,
    /// The file that it is about.
    pub file: Option<File<'a>>,
    /// What the agent could not do, in the console's words; on events that tell of a failure.
    pub error: Option<Cow<'a, str>>,
    /// The fields that are there and cannot be read.
    pub unreadable: Vec<&'static str>,
}

/// The host of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Computer<'a> {
    /// Its id, in older events only here.
    pub connector_guid: Option<Cow<'a, str>>,
    /// Its name.
    pub hostname: Option<Cow<'a, str>>,
    /// Who was signed in.
    pub user: Option<Cow<'a, str>>,
}

/// The file of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File<'a> {
    /// Its name.
    pub file_name: Option<Cow<'a, str>>,
    /// Its path, in one of many spellings.
    pub file_path: Option<Cow<'a, str>>,
    /// Its hashes, in either case.
    pub identity: Option<Identity<'a>>,
}

/// A file's hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// SHA-256.
    pub sha256: Option<Cow<'a, str>>,
    /// SHA-1.
    pub sha1: Option<Cow<'a, str>>,
    /// MD5.
    pub md5: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    /// Reads a body; `None` if it is no JSON object.
    pub(super) fn of(body: &'a [u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match std::str::from_utf8(body) {
            Ok(text) => Self::read(text),
            Err(_) => Fields::read(&String::from_utf8_lossy(body)).map(Fields::into_owned),
        }
    }

    fn read(text: &'a str) -> Option<Self> {
        let mut odd = Odd(Vec::new());
        let [
            timestamp,
            timestamp_nanoseconds,
            event_type,
            event_type_id,
            detection,
            severity,
            connector_guid,
            group_guids,
            computer,
            file,
            error,
        ] = members(
            text,
            &[
                "timestamp",
                "timestamp_nanoseconds",
                "event_type",
                "event_type_id",
                "detection",
                "severity",
                "connector_guid",
                "group_guids",
                "computer",
                "file",
                "error",
            ],
        )?;
        let mut fields = Self {
            timestamp: odd.read("timestamp", timestamp, seconds),
            timestamp_nanoseconds: odd.read("timestamp_nanoseconds", timestamp_nanoseconds, whole),
            event_type: odd.read("event_type", event_type, text_of),
            event_type_id: odd.read("event_type_id", event_type_id, whole),
            detection: odd.read("detection", detection, text_of),
            severity: odd.read("severity", severity, text_of),
            connector_guid: odd.read("connector_guid", connector_guid, text_of),
            group_guids: group_guids.and_then(|groups| odd.groups(groups)),
            computer: None,
            file: None,
            error: None,
            unreadable: Vec::new(),
        };
        let parts = |part| members(part, &["connector_guid", "hostname", "user"]);
        if let Some([guid, hostname, user]) = odd.read("computer", computer, parts) {
            fields.computer = Some(Computer {
                connector_guid: odd.read("computer.connector_guid", guid, text_of),
                hostname: odd.read("computer.hostname", hostname, text_of),
                user: odd.read("computer.user", user, text_of),
            });
        }
        let parts = |part| members(part, &["file_name", "file_path", "identity"]);
        if let Some([name, path, identity]) = odd.read("file", file, parts) {
            let hashes = |part| members(part, &["sha256", "sha1", "md5"]);
            fields.file = Some(File {
                file_name: odd.read("file.file_name", name, text_of),
                file_path: odd.read("file.file_path", path, text_of),
                identity: odd.read("file.identity", identity, hashes).map(|[sha256, sha1, md5]| Identity {
                    sha256: odd.read("file.identity.sha256", sha256, text_of),
                    sha1: odd.read("file.identity.sha1", sha1, text_of),
                    md5: odd.read("file.identity.md5", md5, text_of),
                }),
            });
        }
        if let Some([description]) = odd.read("error", error, |part| members(part, &["description"])) {
            fields.error = odd.read("error.description", description, text_of).filter(|text| !text.is_empty());
        }
        fields.unreadable = odd.0;
        Some(fields)
    }

    /// When it happened, by the console's clock, as far as it says so.
    pub fn time(&self) -> Option<Timestamp> {
        let nanoseconds = self.timestamp_nanoseconds.and_then(|part| i32::try_from(part).ok());
        Timestamp::new(self.timestamp?, nanoseconds.filter(|part| (0..1_000_000_000).contains(part)).unwrap_or(0)).ok()
    }

    fn into_owned(self) -> Fields<'static> {
        Fields {
            timestamp: self.timestamp,
            timestamp_nanoseconds: self.timestamp_nanoseconds,
            event_type: owned(self.event_type),
            event_type_id: self.event_type_id,
            detection: owned(self.detection),
            severity: owned(self.severity),
            connector_guid: owned(self.connector_guid),
            group_guids: self.group_guids.map(|groups| groups.into_iter().filter_map(|one| owned(Some(one))).collect()),
            computer: self.computer.map(|computer| Computer {
                connector_guid: owned(computer.connector_guid),
                hostname: owned(computer.hostname),
                user: owned(computer.user),
            }),
            file: self.file.map(|file| File {
                file_name: owned(file.file_name),
                file_path: owned(file.file_path),
                identity: file.identity.map(|known| Identity {
                    sha256: owned(known.sha256),
                    sha1: owned(known.sha1),
                    md5: owned(known.md5),
                }),
            }),
            error: owned(self.error),
            unreadable: self.unreadable,
        }
    }
}

fn owned(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.into_owned()))
}

/// The names of what is there and cannot be read.
struct Odd(Vec<&'static str>);

impl Odd {
    /// Reads one field; `null` is as good as none.
    fn read<'a, T>(
        &mut self,
        name: &'static str,
        raw: Option<&'a str>,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Option<T> {
        let raw = raw.filter(|raw| *raw != "null")?;
        let value = read(raw);
        if value.is_none() {
            self.0.push(name);
        }
        value
    }

    /// Groups: those of them that can be read. A single one may stand without a list.
    fn groups<'a>(&mut self, raw: &'a str) -> Option<Vec<Cow<'a, str>>> {
        const NAME: &str = "group_guids";
        if raw.starts_with('"') {
            return self.read(NAME, Some(raw), text_of).map(|one| vec![one]);
        }
        let all = self.read(NAME, Some(raw), |raw| serde_json::from_str::<Vec<&'a RawValue>>(raw).ok())?;
        let groups: Vec<Cow<'a, str>> = all.iter().filter_map(|one| text_of(one.get())).collect();
        if groups.len() < all.len() {
            self.0.push(NAME);
        }
        Some(groups)
    }
}

/// A text. What is no character in it becomes U+FFFD.
fn text_of(raw: &str) -> Option<Cow<'_, str>> {
    let inside = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    if let Ok(text) = serde_json::from_str::<String>(raw) {
        return Some(Cow::Owned(text));
    }
    // Half a pair of surrogates: taken as bytes it is three of them that no text has.
    let mut bytes = serde_json::Deserializer::from_str(raw).deserialize_bytes(Bytes).ok()?;
    for at in 0..bytes.len().saturating_sub(2) {
        if let Some([first @ 0xed, second @ 0xa0..=0xbf, third]) = bytes.get_mut(at..at + 3) {
            (*first, *second, *third) = (0xef, 0xbf, 0xbd);
        }
    }
    Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

/// A whole number, or a text of its digits.
fn whole(raw: &str) -> Option<i64> {
    let digits = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    digits.parse().ok().or_else(|| {
        let (whole, zeros) = digits.split_once('.')?;
        zeros.bytes().all(|zero| zero == b'0').then(|| whole.parse().ok())?
    })
}

/// Seconds; what a fraction has besides is left out.
fn seconds(raw: &str) -> Option<i64> {
    whole(raw).or_else(|| {
        let (whole_part, fraction) = raw.trim_matches('"').split_once('.')?;
        fraction.bytes().all(|digit| digit.is_ascii_digit()).then(|| whole_part.parse().ok())?
    })
}

/// The parts of a JSON object that have these names, each as it stands there; `None` if it is none.
fn members<'a, const N: usize>(text: &'a str, names: &[&str; N]) -> Option<[Option<&'a str>; N]> {
    let mut json = serde_json::Deserializer::from_str(text);
    let found = Members(names).deserialize(&mut json).ok()?;
    json.end().ok().map(|()| found)
}

struct Members<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Members<'_, N> {
    type Value = [Option<&'de str>; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Option<&'de str>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(place) = map.next_key_seed(Place(self.0))? {
            match place.and_then(|place| found.get_mut(place)) {
                Some(slot @ None) => *slot = Some(map.next_value::<&RawValue>()?.get()),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// Which of the names a key is. A key that is no text is none of them.
struct Place<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| name.as_bytes() == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &[u8]) -> Fields<'_> {
        Fields::of(body).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(body)))
    }

    #[test]
    fn one_odd_field_hides_no_other() {
        for (odd, unreadable) in [
            (r#""file":{"file_name":"a\ud800b.exe"}"#, vec![]),
            (r#""computer":{"user":"\udfffx"}"#, vec![]),
            (r#""file":{"disposition":3}"#, vec![]),
            (r#""file":"x""#, vec!["file"]),
            (r#""file":{"file_name":["x"],"identity":7}"#, vec!["file.file_name", "file.identity"]),
            (r#""group_guids":"5e0b""#, vec![]),
            (r#""group_guids":[null]"#, vec!["group_guids"]),
            (r#""group_guids":{}"#, vec!["group_guids"]),
            (r#""event_type_id":"553648202""#, vec![]),
            (r#""event_type_id":true"#, vec!["event_type_id"]),
            (r#""timestamp":1717010000.5"#, vec![]),
            (r#""timestamp":"soon""#, vec!["timestamp"]),
            (r#""detection":["x"]"#, vec!["detection"]),
            (r#""severity":"Low""#, vec![]),
            (r#""\ud800":1"#, vec![]),
            (r#""computer":null"#, vec![]),
        ] {
            for body in [format!(r#"{{"severity":"High",{odd}}}"#), format!(r#"{{{odd},"severity":"High"}}"#)] {
                let fields = of(body.as_bytes());
                let first = if body.starts_with(r#"{"severity":"Low""#) { "Low" } else { "High" };
                assert_eq!(fields.severity.as_deref(), Some(first), "{body}");
                assert_eq!(fields.unreadable, unreadable, "{body}");
            }
        }
    }

    #[test]
    fn texts_are_read_as_far_as_they_go() {
        let body =
            br#"{"file":{"file_name":"a\ud800b\u00e4\ud83d\ude00"},"computer":{"hostname":"web-01","user":"r\"o"}}"#;
        let fields = of(body);
        assert_eq!(fields.file.unwrap().file_name.unwrap(), "a\u{fffd}b\u{e4}\u{1f600}");
        assert_eq!(fields.computer.unwrap().user.unwrap(), "r\"o");
        let fields = of(b"{\"severity\":\"High\",\"computer\":{\"hostname\":\"web\xff01\"}}");
        assert_eq!(fields.severity.unwrap(), "High");
        assert_eq!(fields.computer.unwrap().hostname.unwrap(), "web\u{fffd}01");
        assert_eq!(of(b"\xef\xbb\xbf{\"severity\":\"High\"}").severity.unwrap(), "High");
    }

    #[test]
    fn numbers_may_be_texts_of_digits() {
        let fields = of(br#"{"event_type_id":"553648202","timestamp":"1717010000","timestamp_nanoseconds":-1}"#);
        assert_eq!((fields.event_type_id, fields.time()), (Some(553_648_202), Timestamp::new(1_717_010_000, 0).ok()));
        assert_eq!(of(br#"{"event_type_id":553648202.0}"#).event_type_id, Some(553_648_202));
        assert_eq!(of(br#"{"timestamp":1717010000.75}"#).timestamp, Some(1_717_010_000));
        assert_eq!(of(br#"{"timestamp":9223372036854775807}"#).time(), None);
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for body in [&b""[..], b"no", b"[]", b"7", b"{} {}", b"{\"a\":1", b"{\"a\":\"\n\"}"] {
            assert_eq!(Fields::of(body), None);
        }
    }
}
