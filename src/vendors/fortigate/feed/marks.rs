//! What is kept beside the lists: which lines are ours with whose mark, and how many entries each list had. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    super::objects::{Object, Table, name_of},
    list::{ListFile, Whose},
};
use crate::domain::indicator::{Indicator, IndicatorKind};

/// One mark, as it is kept.
#[derive(Debug, Deserialize, Serialize)]
struct Record<'r> {
    value: &'r str,
    #[serde(borrow)]
    comment: std::borrow::Cow<'r, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    others: Option<usize>,
}

/// One line of ours.
#[derive(Clone, Debug)]
struct Entry {
    indicator: Indicator,
    comment: String,
    /// How many lines of this value are somebody else's, counted when ours is taken out.
    others: usize,
}

/// The marks of all lists, by the text of their lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(BTreeMap<String, Entry>);

impl Marks {
    /// Reads them. `Err` is the number of the line that cannot be read: then nobody knows what is ours.
    pub(super) fn read(text: &[u8]) -> Result<Self, usize> {
        let mut marks = BTreeMap::new();
        for (n, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            let record: Record<'_> = serde_json::from_slice(line).map_err(|_| n + 1)?;
            let parsed = Indicator::parse(record.value).map_err(|_| n + 1)?;
            if parsed.indicator.canonical() != record.value {
                return Err(n + 1);
            }
            let entry = Entry {
                indicator: parsed.indicator,
                comment: record.comment.into_owned(),
                others: record.others.unwrap_or_default(),
            };
            marks.insert(record.value.to_owned(), entry);
        }
        Ok(Self(marks))
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (value, entry) in &self.0 {
            let record = Record {
                value,
                comment: entry.comment.as_str().into(),
                others: (entry.others > 0).then_some(entry.others),
            };
            // Texts are always written.
            text.extend(serde_json::to_vec(&record).unwrap_or_default());
            text.push(b'\n');
        }
        text
    }

    pub(super) fn has(&self, value: &str) -> bool {
        self.0.contains_key(value)
    }

    /// Whose the lines of a value are on a list.
    pub(super) fn whose(&self, file: ListFile, value: &str) -> Whose {
        match self.0.get(value).filter(|entry| entry.indicator.kind() == file.kind()) {
            Some(entry) => Whose::Ours { others: entry.others },
            None => Whose::Others,
        }
    }

    /// Keeps a mark, or gives it another comment.
    pub(super) fn set(&mut self, value: &str, indicator: &Indicator, comment: &str) {
        let others = self.others(value);
        let entry = Entry { indicator: indicator.clone(), comment: comment.to_owned(), others };
        self.0.insert(value.to_owned(), entry);
    }

    /// How many lines of this value are somebody else's, as far as they have been counted.
    pub(super) fn others(&self, value: &str) -> usize {
        self.0.get(value).map_or(0, |entry| entry.others)
    }

    /// Keeps how many lines of a value are somebody else's, because soon none of ours will be among them.
    pub(super) fn set_others(&mut self, value: &str, others: usize) {
        if let Some(entry) = self.0.get_mut(value) {
            entry.others = others;
        }
    }

    pub(super) fn forget(&mut self, value: &str) {
        self.0.remove(value);
    }

    /// As objects of one table.
    pub(super) fn objects(&self, table: Table) -> impl Iterator<Item = Object> {
        self.0.values().filter(move |entry| Table::of(&entry.indicator) == table).map(move |entry| Object {
            table,
            name: name_of(&entry.indicator),
            value: Some(entry.indicator.clone()),
            comment: entry.comment.clone(),
        })
    }

    /// The text and the kind of the lines of these names.
    pub(super) fn of_names<'n>(&self, names: &[&'n str]) -> BTreeMap<&'n str, (String, IndicatorKind)> {
        let wanted: std::collections::HashSet<&str> = names.iter().copied().collect();
        let all = self.0.iter().map(|(value, entry)| (name_of(&entry.indicator), value, entry));
        let found: BTreeMap<String, (String, IndicatorKind)> = all
            .filter(|(name, ..)| wanted.contains(name.as_str()))
            .map(|(name, value, entry)| (name, (value.clone(), entry.indicator.kind())))
            .collect();
        names.iter().filter_map(|name| Some((*name, found.get(*name)?.clone()))).collect()
    }
}

/// How many entries each list had when it was last written here; what was never written is not there.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Counts(BTreeMap<String, usize>);

impl Counts {
    /// Reads them; `None` if they cannot be read: then nobody knows which list has lost lines.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    pub(super) fn of(&self, file: ListFile) -> usize {
        self.0.get(file.name()).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, file: ListFile, entries: usize) {
        self.0.insert(file.name().to_owned(), entries);
    }

    /// Whether a list that has so many entries now has lost what nobody here has taken out: all of them, or three in ten.
    pub(super) fn have_shrunk(&self, file: ListFile, now: usize) -> bool {
        let then = self.of(file);
        then > 0 && (now == 0 || now.saturating_mul(10) < then.saturating_mul(7))
    }
}
