//! A filter never says more than was meant, and never finds less.

use proptest::prelude::*;

use super::*;
use crate::vendors::kaspersky::{container::Container, requests};

/// A second reading of the language, by its grammar: what the filter says to a console.
#[derive(Debug, PartialEq)]
enum Read {
    Any(Vec<Read>),
    All(Vec<Read>),
    Text { attribute: String, pattern: String },
    Number { attribute: String, value: u32 },
    Later { attribute: String, time: String },
}

/// `backslash`: whether a console takes a backslash for an escape. Nobody knows.
struct Reader<'t> {
    rest: &'t str,
    backslash: bool,
}

impl Reader<'_> {
    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn item(&mut self) -> Option<Read> {
        self.take("(")?;
        let read = if self.take("|").is_some() {
            Read::Any(self.items()?)
        } else if self.take("&").is_some() {
            Read::All(self.items()?)
        } else {
            self.comparison()?
        };
        self.take(")")?;
        Some(read)
    }

    fn items(&mut self) -> Option<Vec<Read>> {
        let mut items = Vec::new();
        while self.rest.starts_with('(') {
            items.push(self.item()?);
        }
        (!items.is_empty()).then_some(items)
    }

    fn comparison(&mut self) -> Option<Read> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        let (attribute, rest) = self.rest.split_at(end);
        let attribute = attribute.to_owned();
        self.rest = rest;
        if self.take(" > T\"").is_some() {
            let (time, rest) = self.rest.split_once('"')?;
            let time = time.to_owned();
            self.rest = rest;
            return Some(Read::Later { attribute, time });
        }
        self.take("=")?;
        if self.take("\"").is_some() {
            return Some(Read::Text { attribute, pattern: self.quoted()? });
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit())?;
        let (digits, rest) = self.rest.split_at(end);
        let value = digits.parse().ok()?;
        self.rest = rest;
        Some(Read::Number { attribute, value })
    }

    fn quoted(&mut self) -> Option<String> {
        let mut pattern = String::new();
        loop {
            match self.next()? {
                '"' if self.take("\"").is_some() => pattern.push('"'),
                '"' => return Some(pattern),
                '\\' if self.backslash => pattern.push(self.next()?),
                c => pattern.push(c),
            }
        }
    }
}

fn read(filter: &str, backslash: bool) -> Option<Read> {
    let mut reader = Reader { rest: filter, backslash };
    let read = reader.item()?;
    reader.rest.is_empty().then_some(read)
}

/// `?` is any one character, `*` any, and letters are what they are.
fn fits_pattern(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => {
            fits_pattern(rest, text) || text.split_first().is_some_and(|(_, text)| fits_pattern(pattern, text))
        }
        (Some(('?', rest)), Some((_, text))) => fits_pattern(rest, text),
        (Some((a, rest)), Some((b, text))) => a == b && fits_pattern(rest, text),
        _ => false,
    }
}

fn finds(read: &Read, record: &[(&str, &str)], ip: u32) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    match read {
        Read::Any(items) => items.iter().any(|item| finds(item, record, ip)),
        Read::All(items) => items.iter().all(|item| finds(item, record, ip)),
        Read::Text { attribute, pattern } => {
            record.iter().any(|(key, value)| key == attribute && fits_pattern(&chars(pattern), &chars(value)))
        }
        Read::Number { attribute, value } => attribute == "KLHST_WKS_IP_LONG" && *value == ip,
        Read::Later { .. } => panic!("not about hosts"),
    }
}

fn found(record: &[(&str, &str)]) -> requests::Found {
    let map = record.iter().map(|(key, value)| ((*key).to_owned(), serde_json::Value::from(*value))).collect();
    requests::host(&Container::read(map))
}

#[test]
fn a_batch_is_one_filter() {
    let filter = hosts([
        Wanted::Name("17"),
        Wanted::Name("PC-17"),
        Wanted::Id("5593-x"),
        Wanted::Ip(Ipv4Addr::new(10, 99, 101, 200)),
    ]);
    assert_eq!(
        filter.as_deref(),
        Some(
            "(|(KLHST_WKS_DN=\"17\")(KLHST_WKS_WINHOSTNAME=\"17\")(KLHST_WKS_DNSNAME=\"17\")(KLHST_WKS_FQDN=\"17\")\
             (KLHST_WKS_DN=\"PC-17\")(KLHST_WKS_WINHOSTNAME=\"PC-17\")(KLHST_WKS_DNSNAME=\"PC-17\")(KLHST_WKS_FQDN=\"PC-17\")\
             (KLHST_WKS_DN=\"pc-17\")(KLHST_WKS_WINHOSTNAME=\"pc-17\")(KLHST_WKS_DNSNAME=\"pc-17\")(KLHST_WKS_FQDN=\"pc-17\")\
             (KLHST_WKS_HOSTNAME=\"5593-x\")(KLHST_WKS_IP_LONG=174286280))"
        )
    );
    assert_eq!(hosts([]), None, "an empty filter would be every host");
    for bad in ["", " ", "a\nb", "a\0"] {
        assert_eq!(hosts([Wanted::Name(bad)]), None, "{bad:?}");
        assert_eq!(group(bad), None);
    }
}

#[test]
fn incidents_are_of_one_host_and_not_before_a_second() {
    let at = "2026-01-02T03:04:05.5Z".parse().unwrap();
    assert_eq!(
        incidents(&HostId::new("5593-x"), at).as_deref(),
        Some("(&(KLHST_WKS_HOSTNAME=\"5593-x\")(KLINCDT_ADDED > T\"2026-01-02 03:04:04\"))")
    );
}

#[test]
fn a_name_is_compared_whole_and_in_any_case() {
    let host = found(&[
        ("KLHST_WKS_HOSTNAME", "5593-X"),
        ("KLHST_WKS_DN", "Front desk"),
        ("KLHST_WKS_WINHOSTNAME", "PC-17"),
        ("KLHST_WKS_FQDN", "pc-17.corp.example."),
    ]);
    for name in ["front desk", "pc-17", "PC-17.CORP.example"] {
        assert!(fits(Wanted::Name(name), &host), "{name}");
    }
    for name in ["pc-1", "pc-171", "pc-17.corp", "5593-X", "front?desk"] {
        assert!(!fits(Wanted::Name(name), &host), "{name}");
    }
    assert!(fits(Wanted::Id("5593-x"), &host));
}

proptest! {
    #[test]
    fn no_name_says_anything_but_itself(names in proptest::collection::vec("\\PC{1,20}|[a-c\"*?\\[\\]^\\\\()|&!=<> -]{1,12}", 1..5)) {
        let wanted = || names.iter().map(|name| Wanted::Name(name));
        let Some(filter) = hosts(wanted()) else {
            prop_assert!(names.iter().any(|name| !can_be_asked_for(name)));
            return Ok(());
        };
        for backslash in [false, true] {
            let Some(Read::Any(items)) = read(&filter, backslash) else { panic!("{filter}") };
            let names: Vec<String> = names.iter().flat_map(|name| spellings(name)).collect();
            prop_assert_eq!(items.len(), names.len() * NAMES.len());
            for (at, item) in items.iter().enumerate() {
                let Read::Text { attribute, pattern } = item else { panic!("{item:?}") };
                prop_assert_eq!(attribute, NAMES[at % NAMES.len()]);
                let name = &names[at / NAMES.len()];
                prop_assert_eq!(pattern.chars().count(), name.chars().count());
                prop_assert!(!pattern.contains(['*', '[', ']', '^', '\\']));
            }
        }
    }

    #[test]
    fn every_name_finds_its_own_host_and_the_comparison_keeps_it_alone(
        name in "[a-zA-Z0-9\"*?\\[\\]^\\\\()|& ._-]{1,20}",
        other in "[a-zA-Z0-9\"*?\\[\\]^\\\\()|& ._-]{1,20}",
        attribute in 0_usize..4,
    ) {
        prop_assume!(can_be_asked_for(&name) && can_be_asked_for(&other) && !name.ends_with('.') && !other.ends_with('.'));
        let wanted = Wanted::Name(&name);
        let filter = hosts([wanted]).unwrap();
        let record = [(NAMES[attribute], name.as_str())];
        for backslash in [false, true] {
            prop_assert!(finds(&read(&filter, backslash).unwrap(), &record, 0), "{}", filter);
        }
        prop_assert!(fits(wanted, &found(&record)));
        prop_assert_eq!(fits(wanted, &found(&[(NAMES[attribute], &other)])), same_name(&name, &other));
    }

    #[test]
    fn an_address_is_one_number(bits in 1_u32..) {
        let address = Ipv4Addr::from_bits(bits);
        let filter = hosts([Wanted::Ip(address)]).unwrap();
        prop_assert!(finds(&read(&filter, false).unwrap(), &[], bits));
        prop_assert!(!finds(&read(&filter, false).unwrap(), &[], bits.wrapping_add(1)));
        let map = [("KLHST_WKS_IP_LONG".to_owned(), serde_json::json!({"type": "long", "value": bits}))];
        let host = requests::host(&Container::read(map.into_iter().collect()));
        prop_assert!(fits(Wanted::Ip(address), &host));
    }
}
