//! Failures by reason, in bounded memory.
//!
//! Two hosts failed for the same reason if the outcome, the class and the words are the same once what belongs to one host
//! alone is left out: its names, ids, addresses, times.

use std::{borrow::Cow, collections::HashMap};

use super::{clean::clean, phrases, words::fit};
use crate::{
    domain::{failure::FailureKind, outcome::Outcome},
    engine::event::TargetResult,
};

/// Groups that are kept; a console that words every refusal anew must not fill the memory.
const KEPT: usize = 500;
/// Example targets of one group.
const EXAMPLES: usize = 5;
/// The columns of one example.
const EXAMPLE_COLUMNS: usize = 40;

/// The failures of a run so far.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<Key, Group>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    outcome: Outcome,
    kind: Option<FailureKind>,
    /// `None`: the reasons beyond those that are kept.
    text: Option<String>,
}

/// Hosts that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// How they ended.
    pub(super) outcome: Outcome,
    /// The reason, clean.
    pub(super) text: String,
    /// How many they are.
    pub(super) count: u64,
    /// Some of them, clean.
    pub(super) examples: Vec<String>,
    /// When it was first seen, for a steady order.
    order: usize,
}

impl Groups {
    /// Takes in one host that did not succeed.
    pub(super) fn add(&mut self, result: &TargetResult) {
        let words = result.reason.as_ref().map_or(phrases::meaning(result.outcome), |failure| failure.text.as_str());
        let kind = result.reason.as_ref().map(|failure| failure.kind);
        let mut key = Key { outcome: result.outcome, kind, text: Some(common(words, result)) };
        if self.groups.len() >= KEPT && !self.groups.contains_key(&key) {
            key.text = None;
        }
        let order = self.groups.len();
        let group = self.groups.entry(key.clone()).or_insert_with(|| Group {
            outcome: result.outcome,
            // A reason of one host alone is told in full.
            text: if key.text.is_some() { clean(words).into_owned() } else { "for other reasons".to_owned() },
            count: 0,
            examples: Vec::new(),
            order,
        });
        group.count += 1;
        if let (2, Some(text)) = (group.count, key.text) {
            group.text = clean(&text).into_owned();
        }
        if group.examples.len() < EXAMPLES {
            group.examples.push(fit(&clean(&result.target), EXAMPLE_COLUMNS));
        }
    }

    /// The groups, biggest first; of equals, the earlier first.
    pub(super) fn biggest(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.count), group.order));
        groups
    }
}

/// The words without what belongs to one host alone.
fn common(words: &str, result: &TargetResult) -> String {
    let own = [Some(&*result.target), result.name.as_deref(), result.host.as_ref().map(|id| id.as_str())];
    let own = own.into_iter().chain([result.state.as_deref(), result.last_seen.as_deref()].map(|_| None));
    let mut text = Cow::Borrowed(words);
    for part in own.flatten().filter(|part| part.len() > 1) {
        if text.contains(part) {
            text = Cow::Owned(text.replace(part, "…"));
        }
    }
    let mut common = String::with_capacity(text.len());
    let mut token = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+') {
            token.push(c);
        } else {
            push_token(&mut common, &mut token);
            common.push(c);
        }
    }
    push_token(&mut common, &mut token);
    common
}

fn push_token(common: &mut String, token: &mut String) {
    let bare = token.trim_end_matches(['.', ':']);
    if is_specific(bare) {
        common.push('…');
        common.extend(token.chars().skip(bare.chars().count()));
    } else {
        common.push_str(token);
    }
    token.clear();
}

/// Whether a token is an id, an address, a time or a long number.
fn is_specific(token: &str) -> bool {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let hex = token.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':'));
    let parts = |separator: char| token.split(separator).count();
    let time = token.contains('T') && parts('-') >= 3 && parts(':') >= 2;
    let address = digits >= 4 && parts('.') == 4 && token.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits > 0 && (hex && token.len() >= 8 || time || address || token.len() >= 5 && digits == token.len())
}

#[cfg(test)]
mod tests {
    use insta::assert_debug_snapshot;

    use super::*;
    use crate::{
        domain::host::HostId,
        reporters::testing::{failed, result},
    };

    #[test]
    fn reasons_that_differ_only_in_the_host_are_one() {
        let mut groups = Groups::default();
        for host in 1..=7 {
            let name = format!("web{host:02}");
            let id = format!("0a1b2c3d-0000-4000-8000-00000000000{host}");
            let text = format!(
                "the console refused {name} ({id}) at 10.0.0.{host}: HTTP 403, request 8f3a9b2c1d0e{host}, at \
                 2026-11-22T03:15:0{host}Z."
            );
            groups.add(&TargetResult {
                host: Some(HostId::new(id.as_str())),
                ..failed(&name, Outcome::Failed, FailureKind::Forbidden, &text)
            });
        }
        groups.add(&failed("web08", Outcome::Failed, FailureKind::Forbidden, "HTTP 403: this key may only read"));
        groups.add(&failed("web09", Outcome::Failed, FailureKind::NotFound, "no host web09"));
        groups.add(&result("web10", Outcome::InDoubt));
        let told: Vec<_> = groups
            .biggest()
            .into_iter()
            .map(|group| (group.count, group.outcome, &group.text, &group.examples))
            .collect();
        assert_debug_snapshot!(told, @r#"
        [
            (
                7,
                Failed,
                "the console refused … (…) at …: HTTP 403, request …, at ….",
                [
                    "web01",
                    "web02",
                    "web03",
                    "web04",
                    "web05",
                ],
            ),
            (
                1,
                Failed,
                "HTTP 403: this key may only read",
                [
                    "web08",
                ],
            ),
            (
                1,
                Failed,
                "no host web09",
                [
                    "web09",
                ],
            ),
            (
                1,
                InDoubt,
                "sent, not answered, and a look could not settle it",
                [
                    "web10",
                ],
            ),
        ]
        "#);
    }

    #[test]
    fn a_status_code_is_no_detail_of_a_host() {
        for (token, specific) in [
            ("403", false),
            ("HTTP", false),
            ("deadbeef", false),
            ("web-01", false),
            ("pending_start", false),
            ("1.2.3", false),
            ("86400", true),
            ("8f3a9b2c", true),
            ("10.0.0.1", true),
            ("00:11:22:33:44:55", true),
            ("2026-11-22T03:15:02.120Z", true),
        ] {
            assert_eq!(is_specific(token), specific, "{token}");
        }
    }

    #[test]
    fn a_console_that_words_every_refusal_anew_does_not_fill_the_memory() {
        let mut groups = Groups::default();
        for host in 0..100_000_u32 {
            let text: String = host.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
            groups.add(&failed("web01", Outcome::Failed, FailureKind::ServerError, &text));
        }
        assert_eq!(groups.groups.len(), KEPT + 1);
        let biggest = groups.biggest();
        assert_eq!(biggest.iter().map(|group| group.count).sum::<u64>(), 100_000);
        assert_eq!(biggest.first().map(|group| group.text.as_str()), Some("for other reasons"));
    }
}
