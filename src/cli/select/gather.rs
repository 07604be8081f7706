//! Keeps each selector once, and remembers compactly what was left out.
//!
//! A run may have a million targets: an entry is a selector and six bytes, and the index that finds duplicates holds four
//! bytes a slot and is gone when the reading is done.

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

use super::{
    bad_line::{BadLine, BadReason, Look, listing, shown},
    error::SelectError,
};
use crate::{
    domain::selector::{Entry, IdForm, Selector, SelectorKind},
    engine::event::Duplicate,
};

/// How many malformed lines are kept; all are counted.
const SHOWN: usize = 10;

/// Everything that the sources named.
#[derive(Debug)]
pub struct Selected {
    /// The targets, each once, in the order in which they were first read.
    pub entries: Vec<Entry>,
    /// The names of the files; `None` for standard input.
    pub files: Vec<Option<Arc<str>>>,
    /// The malformed lines that `--skip-invalid` left out.
    pub skipped: Skipped,
    /// Whether a list says of itself that some of it is missing.
    pub incomplete: bool,
    /// Ordered by entry, then as read.
    repeats: Vec<Repeat>,
}

/// Malformed lines: all counted, the first kept.
#[derive(Debug, Default)]
pub struct Skipped {
    /// The first of them.
    pub shown: Vec<BadLine>,
    /// How many there are.
    pub total: u64,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&listing(&self.shown, self.total))
    }
}

/// A further line that names what an entry names.
#[derive(Debug)]
struct Repeat {
    /// As written there, if not as in the entry.
    written: Option<Arc<str>>,
    entry: u32,
    line: u32,
    file: u16,
}

impl Selected {
    /// Targets that are known from elsewhere; none of them twice.
    pub fn known(entries: Vec<Entry>, files: Vec<Option<Arc<str>>>) -> Self {
        Self { entries, files, skipped: Skipped::default(), incomplete: false, repeats: Vec::new() }
    }

    /// The name of the file that an entry was read from; `None` for standard input.
    pub fn file_of(&self, entry: &Entry) -> Option<&Arc<str>> {
        self.files.get(usize::from(entry.file)).and_then(Option::as_ref)
    }

    /// How many lines repeat an earlier one.
    pub const fn duplicate_count(&self) -> usize {
        self.repeats.len()
    }

    /// The further lines of every entry that has some, by the entry's number.
    pub fn duplicates(&self) -> Vec<(u32, Vec<Duplicate>)> {
        let mut numbers: Vec<u32> = self.repeats.iter().map(|repeat| repeat.entry).collect();
        numbers.dedup();
        numbers.into_iter().map(|n| (n, self.duplicates_of(n as usize))).collect()
    }

    /// The further lines that name the same as the entry at `index`, as read.
    pub fn duplicates_of(&self, index: usize) -> Vec<Duplicate> {
        let Some(entry) = self.entries.get(index) else { return Vec::new() };
        let from = self.repeats.partition_point(|repeat| (repeat.entry as usize) < index);
        let repeats = self.repeats.iter().skip(from).take_while(|repeat| repeat.entry as usize == index);
        let duplicate = |repeat: &Repeat| Duplicate {
            target: Arc::clone(repeat.written.as_ref().unwrap_or_else(|| entry.selector.written())),
            file: self.files.get(usize::from(repeat.file)).cloned().flatten(),
            line: repeat.line,
        };
        repeats.map(duplicate).collect()
    }
}

/// Collects what the forms read.
pub(super) struct Gather {
    by: Option<SelectorKind>,
    id_form: fn(&str) -> IdForm,
    /// Whether a target is a whole line, and not a cell or a field.
    whole_lines: bool,
    /// Whether a target is taken as it is, and judged elsewhere.
    verbatim: bool,
    entries: Vec<Entry>,
    index: Index,
    repeats: Vec<Repeat>,
    files: Vec<Option<Arc<str>>>,
    bad: Skipped,
    incomplete: bool,
}

impl Gather {
    pub(super) fn new(
        by: Option<SelectorKind>,
        id_form: fn(&str) -> IdForm,
        whole_lines: bool,
        verbatim: bool,
    ) -> Self {
        Self {
            by,
            verbatim,
            id_form,
            whole_lines,
            entries: Vec::new(),
            index: Index::default(),
            repeats: Vec::new(),
            files: Vec::new(),
            bad: Skipped::default(),
            incomplete: false,
        }
    }

    /// Whether targets are taken as they are: indicators are.
    pub(super) const fn takes_verbatim(&self) -> bool {
        self.verbatim
    }

    /// Keeps in mind that a list says of itself that it is not whole.
    pub(super) fn misses_some(&mut self) {
        self.incomplete = true;
    }

    /// Begins a source; what is told from now on is of it.
    pub(super) fn begin(&mut self, name: Option<Arc<str>>) {
        self.files.push(name);
    }

    /// Takes the text of one target, or what is wrong with it.
    pub(super) fn target(&mut self, line: u32, text: &str) -> Result<(), SelectError> {
        if self.verbatim && !text.is_empty() {
            return self.keep(Selector::verbatim(text), line);
        }
        match Selector::parse(text, self.by, self.id_form) {
            Ok(selector) => self.keep(selector, line),
            Err(error) => {
                let look = Look::of_target(text, self.whole_lines);
                self.note(line, text, look, || error.into());
                Ok(())
            }
        }
    }

    /// Counts a line that is malformed before it comes to a target.
    pub(super) fn bad(&mut self, line: u32, text: &str, reason: impl FnOnce() -> BadReason) {
        self.note(line, text, Look::of(text), reason);
    }

    fn note(&mut self, line: u32, text: &str, look: Look, reason: impl FnOnce() -> BadReason) {
        self.bad.total += 1;
        if self.bad.shown.len() < SHOWN {
            let file = self.files.last().cloned().flatten();
            self.bad.shown.push(BadLine { file, line, text: shown(text), reason: reason(), look });
        }
    }

    fn keep(&mut self, selector: Selector, line: u32) -> Result<(), SelectError> {
        let file = self.files.len().saturating_sub(1);
        let file = u16::try_from(file).map_err(|_| SelectError::TooManyFiles { count: file + 1 })?;
        match self.index.find_or_add(&selector, &self.entries)? {
            None => self.entries.push(Entry { selector, line, file }),
            Some(entry) => {
                let first = self.entries.get(entry as usize).map(|first| first.selector.written());
                let same = first.is_some_and(|first| first == selector.written());
                let written = (!same).then(|| Arc::clone(selector.written()));
                self.repeats.push(Repeat { written, entry, line, file });
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self, skip_invalid: bool) -> Result<Selected, SelectError> {
        if self.bad.total > 0 && !skip_invalid {
            return Err(SelectError::Malformed { shown: self.bad.shown, total: self.bad.total });
        }
        self.repeats.sort_by_key(|repeat| repeat.entry);
        Ok(Selected {
            entries: self.entries,
            files: self.files,
            skipped: self.bad,
            incomplete: self.incomplete,
            repeats: self.repeats,
        })
    }
}

/// An open-addressing table of entry numbers: a `HashMap` would hold every selector, or its hash, a second time.
#[derive(Default)]
struct Index {
    slots: Vec<u32>,
    hasher: RandomState,
}

/// A slot that holds no entry.
const FREE: u32 = u32::MAX;

impl Index {
    /// The entry that names the same as `selector`; where there is none, the next entry's number is put down for it.
    fn find_or_add(&mut self, selector: &Selector, entries: &[Entry]) -> Result<Option<u32>, SelectError> {
        let next = u32::try_from(entries.len()).ok().filter(|next| *next != FREE);
        let next = next.ok_or(SelectError::TooManyTargets)?;
        if entries.len() * 2 >= self.slots.len() {
            self.grow(entries);
        }
        let mut at = self.home(selector);
        loop {
            let Some(slot) = self.slots.get_mut(at) else {
                at = 0;
                continue;
            };
            match entries.get(*slot as usize) {
                None => {
                    *slot = next;
                    return Ok(None);
                }
                Some(entry) if entry.selector.names_same(selector) => return Ok(Some(*slot)),
                Some(_) => at += 1,
            }
        }
    }

    fn home(&self, selector: &Selector) -> usize {
        let mut hasher = self.hasher.build_hasher();
        selector.hash_named(&mut hasher);
        // The number of slots is a power of two; the cut to it keeps the hash's low bits.
        hasher.finish() as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self, entries: &[Entry]) {
        let size = (self.slots.len() * 2).max(64);
        // The old slots go first, so that both are never held at once.
        self.slots = Vec::new();
        self.slots = vec![FREE; size];
        for (number, entry) in (0_u32..).zip(entries) {
            let mut at = self.home(&entry.selector);
            while let Some(slot) = self.slots.get_mut(at % size) {
                if *slot == FREE {
                    *slot = number;
                    break;
                }
                at += 1;
            }
        }
    }
}
