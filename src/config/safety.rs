//! The `[safety]` section: the hosts that are never touched, the indicators that are never blocked, and how many of either a
//! run may touch at all.
//!
//! It fails closed: a list that cannot be read, an entry that covers no host, a list without entries are errors.

use std::{
    fs,
    num::NonZeroU64,
    path::{Path, PathBuf},
};

use super::error::ConfigError;
use crate::{
    domain::{protect::Pattern, vetting::Exception},
    secret::Origin,
    settings::{Base, Given, Section, Setting, SettingError},
};

/// The section as far as it has been set.
#[derive(Clone, Debug, Default)]
pub(super) struct SafetySection {
    /// One list for every layer that has one: a stronger layer adds to the list and cannot take from it.
    protected: Vec<List>,
    /// The same for what is never blocked.
    never_block: Vec<List>,
    max_targets: Option<Setting<u64>>,
    max_percent: Option<Setting<u64>>,
    /// The same again: whoever agrees has to be in the list of every layer that has one.
    require_approval: Vec<PathBuf>,
}

#[derive(Clone, Debug)]
struct List {
    entries: Vec<Entry>,
    origin: Origin,
}

#[derive(Clone, Debug)]
enum Entry {
    Text(String),
    File(PathBuf),
}

impl Section for SafetySection {
    fn name(&self) -> &'static str {
        "safety"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["protected", "never_block", "max_targets", "max_percent", "require_approval"]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "protected" => self.protected.push(list(given)?),
            "never_block" => self.never_block.push(list(given)?),
            "max_targets" => self.max_targets = Some(given.whole(1..=u64::MAX)?),
            "max_percent" => self.max_percent = Some(given.whole(1..=100)?),
            "require_approval" => self.require_approval.push(given.path()?.value),
            _ => return Err(given.unknown()),
        }
        Ok(())
    }
}

/// Reads one list.
fn list(given: Given<'_>) -> Result<List, SettingError> {
    let base: &Base = given.base;
    let Setting { value: texts, origin, .. } = given.list()?;
    let entries = texts.into_iter().map(|text| match text.trim().strip_prefix('@') {
        None => Ok(Entry::Text(text)),
        Some(path) => base.path(path.trim()).map(Entry::File).ok_or_else(|| SettingError::Wrong {
            origin: origin.clone(),
            expected: "a list whose every `@` is followed by a path".to_owned(),
        }),
    });
    let entries = entries.collect::<Result<_, _>>()?;
    Ok(List { entries, origin })
}

/// What a run may not do.
#[derive(Clone, Debug, Default)]
pub struct SafetyConfig {
    /// The hosts that are never touched.
    pub protected: Vec<Protected>,
    /// What is never blocked, beside what never is anywhere.
    pub never_block: Vec<Exception>,
    /// How many hosts a run may touch.
    pub max_targets: Option<NonZeroU64>,
    /// How many of a hundred of the console's hosts a run may touch.
    pub max_percent: Option<NonZeroU64>,
    /// Files of the public keys of those who have to agree before anything is cut off: one of each file.
    pub require_approval: Vec<PathBuf>,
}

impl SafetyConfig {
    /// Whether hosts have to be looked up before they can be compared with the list.
    pub fn needs_inventory(&self) -> bool {
        self.protected.iter().any(|entry| entry.pattern.needs_inventory())
    }
}

/// One entry of the protected list, and where it stands, to be told with every refusal.
#[derive(Clone, Debug)]
pub struct Protected {
    /// The hosts that it covers.
    pub pattern: Pattern,
    /// Where it stands.
    pub origin: Origin,
}

impl SafetySection {
    /// Reads the lists.
    pub(super) fn complete(&self) -> Result<SafetyConfig, ConfigError> {
        let protected = read_all(
            (&self.protected, "the protected list"),
            |text, origin| Pattern::parse(text).map(|pattern| Protected { pattern, origin: origin.clone() }),
            |wrong| match wrong {
                Wrong::Entry { origin, entry, source } => ConfigError::Protected { origin, entry, source },
                Wrong::Line { path, line, source } => ConfigError::ProtectedLine { path, line, source },
            },
        )?;
        let never_block = read_all(
            (&self.never_block, "the list of what is never blocked"),
            |text, origin| Exception::parse(text, &format!("{origin}")),
            |wrong| match wrong {
                Wrong::Entry { origin, entry, source } => ConfigError::NeverBlock { origin, entry, source },
                Wrong::Line { path, line, source } => ConfigError::NeverBlockLine { path, line, source },
            },
        )?;
        let max_targets = self.max_targets.as_ref().and_then(|setting| NonZeroU64::new(setting.value));
        let max_percent = self.max_percent.as_ref().and_then(|setting| NonZeroU64::new(setting.value));
        let require_approval = self.require_approval.clone();
        Ok(SafetyConfig { protected, never_block, max_targets, max_percent, require_approval })
    }
}

/// An entry that is wrong, and where it stands.
enum Wrong<E> {
    Entry { origin: Origin, entry: usize, source: E },
    Line { path: PathBuf, line: usize, source: E },
}

/// Reads the entries of lists, and of the files that they name.
fn read_all<T, E>(
    (lists, name): (&[List], &'static str),
    parse: impl Fn(&str, &Origin) -> Result<T, E>,
    wrong: impl Fn(Wrong<E>) -> ConfigError,
) -> Result<Vec<T>, ConfigError> {
    let mut read = Vec::new();
    for list in lists {
        for (entry, index) in list.entries.iter().zip(1..) {
            let origin = &list.origin;
            match entry {
                Entry::Text(text) => read.push(
                    parse(text, origin)
                        .map_err(|source| wrong(Wrong::Entry { origin: origin.clone(), entry: index, source }))?,
                ),
                Entry::File(path) => read_list((path, name), &mut read, &parse, &wrong)?,
            }
        }
    }
    Ok(read)
}

/// Reads a list of one entry a line; `#` begins a comment.
fn read_list<T, E>(
    (path, list): (&Path, &'static str),
    read: &mut Vec<T>,
    parse: &impl Fn(&str, &Origin) -> Result<T, E>,
    wrong: &impl Fn(Wrong<E>) -> ConfigError,
) -> Result<(), ConfigError> {
    let bytes = fs::read(path).map_err(|source| ConfigError::ReadProtected { list, path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|_| ConfigError::NotText { path: path.to_owned() })?;
    let before = read.len();
    for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let text = text.trim();
        // Within a word `#` begins no comment; the entry's reader complains of it.
        let comment = text.find(" #").or_else(|| text.find("\t#"));
        let text = comment.and_then(|at| text.get(..at)).unwrap_or(text).trim_end();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let origin = Origin::Line { path: path.into(), line };
        let entry =
            parse(text, &origin).map_err(|source| wrong(Wrong::Line { path: path.to_owned(), line, source }))?;
        read.push(entry);
    }
    if read.len() == before { Err(ConfigError::ProtectsNothing { list, path: path.to_owned() }) } else { Ok(()) }
}
