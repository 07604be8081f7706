//! The ids that are remembered, in two generations: when the young one is full it is the old one, and the old one is
//! forgotten. That costs no order to keep, and a few bytes an id.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, Hash, RandomState},
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
#[derive(Debug)]
struct Generation {
    numbers: Table<u64>,
    /// The body of each number, by its slot; that of zero, which has none, stands at the end.
    marks: Vec<Mark>,
    /// The other bodies of those numbers.
    twins: HashSet<(u64, Mark)>,
    digests: Table<[u8; 16]>,
}

/// A set that takes its memory once, with its first entry: one that doubles holds everything twice while it does, and up to
/// half of it is never used.
#[derive(Debug)]
struct Table<T> {
    /// Open addressing, a quarter of it free at the least. A free slot holds the default value.
    slots: Vec<T>,
    most: usize,
    count: usize,
    /// Whether the value that stands for a free slot is an entry.
    has_default: bool,
    hasher: RandomState,
}

impl Window {
    pub(super) fn new(ids: usize) -> Self {
        let most = (ids / 2).max(1);
        Self { most, young: Generation::new(most), old: Generation::new(most) }
    }

    pub(super) fn has(&self, id: &EventId) -> bool {
        self.young.has(id) || self.old.has(id)
    }

    /// Whether the number is there, with whatever body.
    pub(super) fn has_number(&self, id: &EventId) -> bool {
        let EventId::Number(number, _) = id else { return false };
        self.young.numbers.has(number) || self.old.numbers.has(number)
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
    fn new(most: usize) -> Self {
        Self { numbers: Table::new(most), marks: Vec::new(), twins: HashSet::new(), digests: Table::new(most) }
    }

    fn len(&self) -> usize {
        self.numbers.count + self.twins.len() + self.digests.count
    }

    fn has(&self, id: &EventId) -> bool {
        match id {
            // A former version has not written down which body it was: then it was this one.
            EventId::Number(number, mark) => {
                self.mark(*number).is_some_and(|had| had == *mark || had == 0) || self.twins.contains(&(*number, *mark))
            }
            EventId::Digest(digest) => self.digests.has(digest),
        }
    }

    fn insert(&mut self, id: EventId) {
        match id {
            EventId::Number(number, mark) => match self.mark(number) {
                Some(had) if had == mark => {}
                Some(_) => drop(self.twins.insert((number, mark))),
                None => {
                    self.numbers.insert(number);
                    if self.marks.is_empty() {
                        self.marks = vec![0; self.numbers.size() + 1];
                    }
                    let slot = self.slot(number);
                    if let Some(place) = self.marks.get_mut(slot) {
                        *place = mark;
                    }
                }
            },
            EventId::Digest(digest) => self.digests.insert(digest),
        }
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.twins.clear();
        self.digests.clear();
    }

    fn ids(&self) -> impl Iterator<Item = EventId> {
        let numbers =
            self.numbers.entries().map(|number| EventId::Number(number, self.mark(number).unwrap_or_default()));
        let twins = self.twins.iter().map(|(number, mark)| EventId::Number(*number, *mark));
        numbers.chain(twins).chain(self.digests.entries().map(EventId::Digest))
    }

    /// Where the body of a number stands that is there.
    fn slot(&self, number: u64) -> usize {
        if number == 0 { self.numbers.size() } else { self.numbers.place(&number) }
    }

    /// The body of a number, if it is there.
    fn mark(&self, number: u64) -> Option<Mark> {
        if self.numbers.has(&number) { self.marks.get(self.slot(number)).copied() } else { None }
    }
}

impl<T: Copy + Default + Eq + Hash> Table<T> {
    /// An empty one. More than `most` entries are never put in.
    fn new(most: usize) -> Self {
        Self { slots: Vec::new(), most, count: 0, has_default: false, hasher: RandomState::new() }
    }

    /// How many slots it has, once it has any.
    const fn size(&self) -> usize {
        self.most + self.most / 3 + 1
    }

    /// The slot that it is in, or that it would be put into. There must be slots; one of them is always free.
    fn place(&self, entry: &T) -> usize {
        let slots = self.slots.len();
        let spread = (u128::from(self.hasher.hash_one(entry)) * slots as u128) >> u64::BITS;
        let mut place = usize::try_from(spread).unwrap_or_default();
        while self.slots[place] != *entry && self.slots[place] != T::default() {
            place = (place + 1) % slots;
        }
        place
    }

    fn has(&self, entry: &T) -> bool {
        if *entry == T::default() {
            return self.has_default;
        }
        !self.slots.is_empty() && self.slots[self.place(entry)] == *entry
    }

    fn insert(&mut self, entry: T) {
        if self.has(&entry) {
            return;
        }
        self.count += 1;
        if entry == T::default() {
            self.has_default = true;
            return;
        }
        if self.slots.is_empty() {
            self.slots = vec![T::default(); self.size()];
        }
        let place = self.place(&entry);
        self.slots[place] = entry;
    }

    /// Empties it, and keeps its memory.
    fn clear(&mut self) {
        self.slots.fill(T::default());
        (self.count, self.has_default) = (0, false);
    }

    fn entries(&self) -> impl Iterator<Item = T> {
        let others = self.slots.iter().copied().filter(|entry| *entry != T::default());
        others.chain(self.has_default.then(T::default))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_table_is_a_set_however_full_it_is_and_takes_its_memory_once() {
        let mut table = Table::new(1000);
        assert!(!table.has(&0) && !table.has(&1) && table.slots.is_empty());
        let mut set = HashSet::new();
        let mut size = None;
        for round in 0..3_u64 {
            // Zero is one of them, and each comes twice.
            for number in (0..1000).chain(0..1000).map(|number| number * (round + 1)) {
                table.insert(number);
                set.insert(number);
            }
            assert_eq!(table.count, 1000);
            assert_eq!(table.entries().collect::<HashSet<u64>>(), set);
            assert!((0..4000).all(|number| table.has(&number) == set.contains(&number)));
            assert_eq!(*size.get_or_insert(table.slots.capacity()), table.slots.capacity());
            table.clear();
            set.clear();
            assert!((0..4000).all(|number| !table.has(&number)));
            assert_eq!((table.count, table.entries().count()), (0, 0));
        }
    }
}
