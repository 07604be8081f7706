//! The targets of a run: compact for the million, with more for the few that need it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::event::{Candidate, Duplicate};
use crate::domain::{
    failure::Failure,
    host::{Host, HostId, HostState},
    outcome::Outcome,
    selector::Entry,
};

/// The targets of a run, numbered from 0 in the order in which they were written.
#[derive(Debug, Default)]
pub struct Roster {
    files: Vec<Option<Arc<str>>>,
    items: Vec<Item>,
    details: HashMap<u32, Box<Detail>>,
    /// Targets that the console does not know. They may be a million, and have one thing to say in common.
    missing: HashSet<u32>,
    missing_detail: Detail,
}

/// One target.
#[derive(Debug)]
pub struct Item {
    /// The target as written.
    pub written: Arc<str>,
    /// The host; `None` while and where it is not resolved.
    pub host: Option<HostId>,
    /// The line, from 1.
    pub line: u32,
    file: u16,
    /// The wave that it goes in, from 1; 0 for none.
    wave: u16,
}

/// What is known of a target beside its id.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// The host's name.
    pub name: Option<Arc<str>>,
    /// Its state before the run.
    pub before: Option<HostState>,
    /// When the console last heard of it, as the console writes it.
    pub last_seen: Option<Arc<str>>,
    /// The hosts that fit, where none was taken.
    pub candidates: Vec<Candidate>,
    /// Further lines that named the same host.
    pub duplicates: Vec<Duplicate>,
    /// How it ended before anything was sent.
    pub settled: Option<Settlement>,
    /// What else the user must know of how the host was found.
    pub note: Option<Arc<str>>,
    /// It was on its way before the run, and whoever waits for proof waits for it without sending anything.
    pub follows: bool,
    /// The host as the inventory has it, where somebody asked for it to be kept.
    pub host: Option<Box<Host>>,
    /// It is in doubt and may be looked at, but for this reason it is not sent again.
    pub barred: Option<Box<Failure>>,
    /// It is protected, for this reason, and the allowance of this number lets it through.
    pub allowed: Option<Box<(usize, Failure)>>,
}

/// How a target ended before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The outcome.
    pub outcome: Outcome,
    /// Why, unless it is a success.
    pub reason: Option<Failure>,
}

impl Roster {
    /// Makes a roster of what was read: `duplicates` holds further lines of the entry with that number.
    pub fn new(
        entries: &[Entry],
        files: Vec<Option<Arc<str>>>,
        duplicates: impl IntoIterator<Item = (u32, Vec<Duplicate>)>,
    ) -> Self {
        let items = entries
            .iter()
            .map(|entry| {
                let host = match entry.selector.named() {
                    crate::domain::selector::Named::Id(id) => Some(HostId::new(Arc::clone(id))),
                    _ => None,
                };
                Item {
                    written: Arc::clone(entry.selector.written()),
                    host,
                    line: entry.line,
                    file: entry.file,
                    wave: 0,
                }
            })
            .collect();
        let mut roster = Self { files, items, ..Self::default() };
        for (n, duplicates) in duplicates {
            roster.detail_mut(n).duplicates = duplicates;
        }
        roster
    }

    /// Adds one target as it was journalled.
    pub fn push(&mut self, written: Arc<str>, file: Option<Arc<str>>, line: u32, host: Option<HostId>, detail: Detail) {
        let known = self.files.iter().rposition(|known| *known == file);
        let file = known.unwrap_or_else(|| {
            self.files.push(file);
            self.files.len() - 1
        });
        let n = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.items.push(Item { written, host, line, file: u16::try_from(file).unwrap_or(u16::MAX), wave: 0 });
        let plain = detail.name.is_none()
            && detail.before.is_none()
            && detail.candidates.is_empty()
            && detail.duplicates.is_empty()
            && detail.settled.is_none()
            && detail.note.is_none()
            && detail.barred.is_none()
            && !detail.follows;
        if !plain {
            self.details.insert(n, Box::new(detail));
        }
    }

    /// How many targets there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// One target.
    pub fn item(&self, n: u32) -> Option<&Item> {
        self.items.get(n as usize)
    }

    /// What is known of a target beside its id.
    pub fn detail(&self, n: u32) -> Option<&Detail> {
        let own = self.details.get(&n).map(Box::as_ref);
        own.or_else(|| self.missing.contains(&n).then_some(&self.missing_detail))
    }

    /// The same, to be filled in.
    pub fn detail_mut(&mut self, n: u32) -> &mut Detail {
        let common = self.missing.remove(&n).then(|| self.missing_detail.clone());
        self.details.entry(n).or_insert_with(|| Box::new(common.unwrap_or_default()))
    }

    /// The file that a target was read from; `None` for standard input.
    pub fn file(&self, n: u32) -> Option<&Arc<str>> {
        self.items.get(n as usize).and_then(|item| self.files.get(usize::from(item.file))?.as_ref())
    }

    /// The wave that a target goes in, from 1; 0 for none.
    pub fn wave(&self, n: u32) -> u16 {
        self.items.get(n as usize).map_or(0, |item| item.wave)
    }

    /// Gives a target its wave.
    pub fn set_wave(&mut self, n: u32, wave: u16) {
        if let Some(item) = self.items.get_mut(n as usize) {
            item.wave = wave;
        }
    }

    /// Takes what the inventory says of a target's host.
    pub fn resolve(&mut self, n: u32, host: &Host) {
        // The console is sent its own spelling of an id, whatever the user's was.
        if let Some(item) = self.items.get_mut(n as usize)
            && item.host.as_ref().is_none_or(|id| id.as_str() != host.id.as_str())
        {
            item.host = Some(host.id.clone());
        }
        let detail = self.detail_mut(n);
        detail.name = host.name.as_deref().map(Into::into);
        detail.before.clone_from(&host.state);
        detail.last_seen = host.last_seen.as_deref().map(Into::into);
        detail.note = host.caution.as_deref().map(Into::into).or(detail.note.take());
    }

    /// Adds one more target that is written like target `n`; returns its number.
    pub fn also(&mut self, n: u32) -> Option<u32> {
        let item = self.items.get(n as usize)?;
        let again = Item { written: Arc::clone(&item.written), host: None, line: item.line, file: item.file, wave: 0 };
        let number = self.len();
        self.items.push(again);
        Some(number)
    }

    /// Ends a target before anything is sent.
    pub fn settle(&mut self, n: u32, outcome: Outcome, reason: Option<Failure>) {
        self.detail_mut(n).settled = Some(Settlement { outcome, reason });
    }

    /// Ends a target before anything is sent, because the console does not know it; `reason` is the same for all of them.
    pub fn settle_missing(&mut self, n: u32, reason: impl FnOnce() -> Failure) {
        if self.missing_detail.settled.is_none() {
            self.missing_detail.settled = Some(Settlement { outcome: Outcome::Unresolved, reason: Some(reason()) });
        }
        if self.details.contains_key(&n) {
            self.detail_mut(n).settled = self.missing_detail.settled.clone();
        } else {
            self.missing.insert(n);
        }
    }

    /// Folds targets that turned out to be the same host into the first of them; returns how many were folded.
    pub fn fold_same_hosts(&mut self) -> usize {
        let mut first_of: HashMap<HostId, u32> = HashMap::new();
        let mut folded: HashMap<u32, u32> = HashMap::new();
        for (n, item) in (0_u32..).zip(&self.items) {
            if let Some(id) = &item.host {
                match first_of.get(id) {
                    Some(first) => {
                        folded.insert(n, *first);
                    }
                    None => {
                        first_of.insert(id.clone(), n);
                    }
                }
            }
        }
        drop(first_of);
        if folded.is_empty() {
            return 0;
        }
        let mut order: Vec<(u32, u32)> = folded.iter().map(|(n, first)| (*n, *first)).collect();
        order.sort_unstable();
        for (n, first) in order {
            let Some(item) = self.items.get(n as usize) else { continue };
            let also = Duplicate { target: Arc::clone(&item.written), file: self.file(n).cloned(), line: item.line };
            let mut lines = self.details.remove(&n).map(|detail| detail.duplicates).unwrap_or_default();
            let duplicates = &mut self.detail_mut(first).duplicates;
            duplicates.push(also);
            duplicates.append(&mut lines);
        }
        // The numbers close up over what was folded away.
        let mut details = std::mem::take(&mut self.details);
        let missing = std::mem::take(&mut self.missing);
        let still_missing = &mut self.missing;
        let mut next = 0_u32;
        let mut n = 0_u32;
        let closed = &mut self.details;
        self.items.retain(|_| {
            let keep = !folded.contains_key(&n);
            if keep {
                if let Some(detail) = details.remove(&n) {
                    closed.insert(next, detail);
                }
                if missing.contains(&n) {
                    still_missing.insert(next);
                }
                next += 1;
            }
            n += 1;
            keep
        });
        folded.len()
    }

    /// The numbers of the targets that are still to be acted on.
    pub fn to_act(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).filter(|n| self.detail(*n).is_none_or(|detail| detail.settled.is_none() && !detail.follows))
    }

    /// How many targets were on their way before the run, and are only waited for.
    pub fn following(&self) -> u64 {
        self.details.values().filter(|detail| detail.follows && detail.settled.is_none()).count() as u64
    }

    /// How many targets were resolved to a host: an id is its own host until the console says that it has none.
    pub fn resolved(&self) -> u64 {
        let is_unknown = |n| {
            let settled = self.detail(n).and_then(|detail| detail.settled.as_ref());
            settled.is_some_and(|settled| settled.outcome == Outcome::Unresolved)
        };
        (0_u32..).zip(&self.items).filter(|(n, item)| item.host.is_some() && !is_unknown(*n)).count() as u64
    }

    /// How many targets ended in an outcome before anything was sent.
    pub fn settled_as(&self, outcome: Outcome) -> u64 {
        let settled = |detail: &Detail| detail.settled.as_ref().is_some_and(|settled| settled.outcome == outcome);
        let own = self.details.values().filter(|detail| settled(detail)).count() as u64;
        if settled(&self.missing_detail) { own + self.missing.len() as u64 } else { own }
    }

    /// How many lines named a host that another line had named before.
    pub fn duplicate_lines(&self) -> u64 {
        self.details.values().map(|detail| detail.duplicates.len() as u64).sum()
    }
}
