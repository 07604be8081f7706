//! The ids that are remembered, in two generations: when the young one is full it is the old one, and the old one is
//! forgotten. That costs no order to keep, and a few bytes an id.

use std::{
    collections::{HashMap, HashSet},
    mem,
};

use crate::stream::event::{EventId, Mark};

#[derive(Debug)]
pub(super) struct Window {
    most: usize,
    young: Generation,
    old: Generation,
}

/// Numbers are kept apart: nearly all ids are numbers, and nearly every one has a single body.
#[derive(Debug, Default)]
struct Generation {
    numbers: HashMap<u64, Mark>,
    /// The other bodies of those numbers.
    twins: HashSet<(u64, Mark)>,
    digests: HashSet<[u8; 16]>,
}

impl Window {
    pub(super) fn new(ids: usize) -> Self {
        Self { most: (ids / 2).max(1), young: Generation::default(), old: Generation::default() }
    }

    pub(super) fn has(&self, id: &EventId) -> bool {
        self.young.has(id) || self.old.has(id)
    }

    /// Whether the number is there, with whatever body.
    pub(super) fn has_number(&self, id: &EventId) -> bool {
        let EventId::Number(number, _) = id else { return false };
        self.young.numbers.contains_key(number) || self.old.numbers.contains_key(number)
    }

    pub(super) fn insert(&mut self, id: EventId) {
        if self.young.len() >= self.most {
            mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(id);
    }

    /// The ids of the old generation, then those of the young one: put in again in this order, they come to lie the same.
    pub(super) fn generations(&self) -> [impl Iterator<Item = EventId>; 2] {
        [self.old.ids(), self.young.ids()]
    }
}

impl Generation {
    fn len(&self) -> usize {
        self.numbers.len() + self.twins.len() + self.digests.len()
    }

    fn has(&self, id: &EventId) -> bool {
        match id {
            // A former version has not written down which body it was: then it was this one.
            EventId::Number(number, mark) => {
                self.numbers.get(number).is_some_and(|had| had == mark || *had == 0)
                    || self.twins.contains(&(*number, *mark))
            }
            EventId::Digest(digest) => self.digests.contains(digest),
        }
    }

    fn insert(&mut self, id: EventId) {
        match id {
            EventId::Number(number, mark) => {
                if *self.numbers.entry(number).or_insert(mark) != mark {
                    self.twins.insert((number, mark));
                }
            }
            EventId::Digest(digest) => {
                self.digests.insert(digest);
            }
        }
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.twins.clear();
        self.digests.clear();
    }

    fn ids(&self) -> impl Iterator<Item = EventId> {
        let numbers = self.numbers.iter().map(|(number, mark)| EventId::Number(*number, *mark));
        let twins = self.twins.iter().map(|(number, mark)| EventId::Number(*number, *mark));
        numbers.chain(twins).chain(self.digests.iter().copied().map(EventId::Digest))
    }
}
