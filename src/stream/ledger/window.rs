//! The ids that are remembered, in two generations: when the young one is full it is the old one, and the old one is
//! forgotten. That costs no order to keep, and a few bytes an id.

use std::{collections::HashSet, mem};

use crate::stream::event::EventId;

#[derive(Debug)]
pub(super) struct Window {
    most: usize,
    young: Generation,
    old: Generation,
}

/// Numbers are kept apart: they are half as long as digests, and nearly all ids are numbers.
#[derive(Debug, Default)]
struct Generation {
    numbers: HashSet<u64>,
    digests: HashSet<[u8; 16]>,
}

impl Window {
    pub(super) fn new(ids: usize) -> Self {
        Self { most: (ids / 2).max(1), young: Generation::default(), old: Generation::default() }
    }

    pub(super) fn has(&self, id: &EventId) -> bool {
        self.young.has(id) || self.old.has(id)
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
        self.numbers.len() + self.digests.len()
    }

    fn has(&self, id: &EventId) -> bool {
        match id {
            EventId::Number(number) => self.numbers.contains(number),
            EventId::Digest(digest) => self.digests.contains(digest),
        }
    }

    fn insert(&mut self, id: EventId) {
        match id {
            EventId::Number(number) => self.numbers.insert(number),
            EventId::Digest(digest) => self.digests.insert(digest),
        };
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.digests.clear();
    }

    fn ids(&self) -> impl Iterator<Item = EventId> {
        let numbers = self.numbers.iter().copied().map(EventId::Number);
        numbers.chain(self.digests.iter().copied().map(EventId::Digest))
    }
}
