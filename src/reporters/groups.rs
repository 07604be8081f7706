//! Failures by reason, in bounded memory.
//!
//! Two hosts failed for the same reason if the outcome, the class and the words are the same once what belongs to one host
//! alone is left out: its names, ids, addresses, times.

use std::{cmp::Reverse, collections::HashMap};

use super::{
    clean::{clean, clean_to},
    phrases,
};
use crate::{
    domain::{failure::FailureKind, outcome::Outcome},
    engine::event::TargetResult,
};

/// Groups that are kept; a console that words every refusal anew must not fill the memory.
const KEPT: usize = 500;
/// Example targets of one group.
const EXAMPLES: usize = 5;
/// The columns of one reason: a gateway's whole web page is none.
const LONGEST: usize = 300;
/// The columns of one example.
const EXAMPLE_COLUMNS: usize = 40;

/// The failures of a run so far.
#[derive(Debug, Default)]
pub struct Groups {
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
pub struct Group {
    /// How they ended.
    pub outcome: Outcome,
    /// The reason, clean.
    pub text: String,
    /// How many they are.
    pub count: u64,
    /// Some of them, clean.
    pub examples: Vec<String>,
    /// When it was first seen, for a steady order.
    order: usize,
}

impl Groups {
    /// Takes in one host that did not succeed.
    pub fn add(&mut self, result: &TargetResult) {
        let words = result.reason.as_ref().map_or(phrases::meaning(result.outcome), |failure| failure.text.as_str());
        let words = clean_to(words, LONGEST);
        let kind = result.reason.as_ref().map(|failure| failure.kind);
        let mut key = Key { outcome: result.outcome, kind, text: Some(common(&words, result)) };
        if self.groups.len() >= KEPT && !self.groups.contains_key(&key) {
            key.text = None;
        }
        let order = self.groups.len();
        let group = self.groups.entry(key.clone()).or_insert_with(|| Group {
            outcome: result.outcome,
            // A reason of one host alone is told in full.
            text: if key.text.is_some() { words } else { "for other reasons".to_owned() },
            count: 0,
            examples: Vec::new(),
            order,
        });
        group.count += 1;
        if let (2, Some(text)) = (group.count, key.text) {
            group.text = text;
        }
        if group.examples.len() < EXAMPLES {
            group.examples.push(clean_to(&result.target, EXAMPLE_COLUMNS));
        }
    }

    /// The groups, biggest first; of equals, the earlier first.
    pub fn biggest(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| (Reverse(group.count), group.order));
        groups
    }
}

/// The words without what belongs to one host alone.
fn common(words: &str, result: &TargetResult) -> String {
    let own = [
        Some(&*result.target),
        result.name.as_deref(),
        result.host.as_ref().map(|id| id.as_str()),
        result.last_seen.as_deref(),
    ];
    let mut own: Vec<_> = own.into_iter().flatten().filter(|part| part.len() > 1).map(clean).collect();
    own.sort_by_key(|part| Reverse(part.len()));
    let mut text = words.to_owned();
    for part in own {
        text = leave_out(&text, &part);
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

/// The text without a part that stands for itself in it: `web1` is not left out of `web10`.
fn leave_out(text: &str, part: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut done = 0;
    for (start, _) in text.match_indices(part) {
        let end = start + part.len();
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        if [before, after].into_iter().flatten().all(|c| !c.is_alphanumeric()) {
            left.push_str(text.get(done..start).unwrap_or_default());
            left.push('…');
            done = end;
        }
    }
    left.push_str(text.get(done..).unwrap_or_default());
    left
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
mod tests;
