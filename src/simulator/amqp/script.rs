//! The rules of a bad day for deliveries and connections, with what each has counted.

use std::sync::{Mutex, PoisonError};

use crate::simulator::{
    faults::{StreamDeed, StreamRule},
    guid::mix,
};

/// Rules with their counts.
#[derive(Debug, Default)]
pub(super) struct Script {
    rules: Mutex<Vec<Counted>>,
    /// Whether there is no rule for deliveries, which is what is asked most.
    quiet: bool,
}

#[derive(Debug)]
struct Counted {
    rule: StreamRule,
    seen: u64,
    fired: u64,
}

impl Script {
    pub(super) fn new(rules: &[StreamRule]) -> Self {
        let quiet = rules.iter().all(|rule| rule.deed.is_of_connections());
        let rules = rules.iter().map(|rule| Counted { rule: rule.clone(), seen: 0, fired: 0 }).collect();
        Self { rules: Mutex::new(rules), quiet }
    }

    /// Whether no delivery can go wrong.
    pub(super) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// What goes wrong at this delivery.
    pub(super) fn delivery(&self, stream: &str) -> Option<StreamDeed> {
        self.next(Some(stream), |deed| !deed.is_of_connections())
    }

    /// Whether this happens to a connection: its stream is known once it said who it is.
    pub(super) fn connection(&self, deed: StreamDeed, stream: Option<&str>) -> bool {
        self.next(stream, |other| other == deed).is_some()
    }

    fn next(&self, stream: Option<&str>, wanted: impl Fn(StreamDeed) -> bool) -> Option<StreamDeed> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let mut holding = None;
        for counted in rules.iter_mut() {
            let Counted { rule, seen, fired } = counted;
            let fits = wanted(rule.deed) && rule.stream.as_deref().is_none_or(|wanted| Some(wanted) == stream);
            if !fits {
                continue;
            }
            *seen += 1;
            let fires = rule.nth.is_none_or(|nth| nth == *seen)
                && *seen > rule.after
                && rule.every.is_none_or(|every| (*seen).is_multiple_of(every))
                && rule.times.is_none_or(|times| *fired < times)
                && rule.share.is_none_or(|share| share.includes(mix(mix(rule.seed) ^ *seen)));
            if fires && holding.is_none() {
                *fired += 1;
                holding = Some(rule.deed);
            }
        }
        holding
    }
}
