//! The `[safety]` section: the hosts that are never touched, and how many a run may touch at all.
//!
//! It fails closed: a list that cannot be read, an entry that covers no host, a list without entries are errors.

use std::{
    fs,
    num::NonZeroU64,
    path::{Path, PathBuf},
};

use super::error::ConfigError;
use crate::{
    domain::protect::Pattern,
    secret::Origin,
    settings::{Base, Given, Section, Setting, SettingError},
};

/// The section as far as it has been set.
#[derive(Clone, Debug, Default)]
pub(super) struct SafetySection {
    /// One list for every layer that has one: a stronger layer adds to the list and cannot take from it.
    protected: Vec<ProtectedList>,
    max_targets: Option<Setting<u64>>,
}

#[derive(Clone, Debug)]
struct ProtectedList {
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
        &["protected", "max_targets"]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "protected" => {
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
                self.protected.push(ProtectedList { entries, origin });
            }
            "max_targets" => self.max_targets = Some(given.whole(1..=u64::MAX)?),
            _ => return Err(given.unknown()),
        }
        Ok(())
    }
}

/// What a run may not do.
#[derive(Clone, Debug, Default)]
pub struct SafetyConfig {
    /// The hosts that are never touched.
    pub protected: Vec<Protected>,
    /// How many hosts a run may touch.
    pub max_targets: Option<NonZeroU64>,
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
        let mut protected = Vec::new();
        for list in &self.protected {
            for (entry, index) in list.entries.iter().zip(1..) {
                let origin = &list.origin;
                match entry {
                    Entry::Text(text) => {
                        let pattern = Pattern::parse(text).map_err(|source| ConfigError::Protected {
                            origin: origin.clone(),
                            entry: index,
                            source,
                        })?;
                        protected.push(Protected { pattern, origin: origin.clone() });
                    }
                    Entry::File(path) => read_list(path, &mut protected)?,
                }
            }
        }
        let max_targets = self.max_targets.as_ref().and_then(|setting| NonZeroU64::new(setting.value));
        Ok(SafetyConfig { protected, max_targets })
    }
}

/// Reads a list of one entry a line; `#` begins a comment.
fn read_list(path: &Path, protected: &mut Vec<Protected>) -> Result<(), ConfigError> {
    let bytes = fs::read(path).map_err(|source| ConfigError::ReadProtected { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|_| ConfigError::NotText { path: path.to_owned() })?;
    let before = protected.len();
    for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let text = text.trim();
        // Within a word `#` begins no comment; the pattern's reader complains of it.
        let comment = text.find(" #").or_else(|| text.find("\t#"));
        let text = comment.and_then(|at| text.get(..at)).unwrap_or(text).trim_end();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let pattern = Pattern::parse(text).map_err(|source| ConfigError::ProtectedLine {
            path: path.to_owned(),
            line,
            source,
        })?;
        let origin = Origin::Line { path: path.into(), line };
        protected.push(Protected { pattern, origin });
    }
    if protected.len() == before { Err(ConfigError::ProtectsNothing { path: path.to_owned() }) } else { Ok(()) }
}
