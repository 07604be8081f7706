//! What a section of the configuration is made of: keys, each set by one layer after the other, the last one winning.
//!
//! A [`Section`] is owned by the module that it configures. It is handed one [`Given`] at a time, which knows where it came
//! from, so that every complaint points at a line, a variable or a flag. No complaint quotes a value: it may be a secret
//! under the wrong key.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;
use zeroize::Zeroizing;

use crate::{
    domain::{
        console_url::{self, UrlError},
        duration::{self, DurationError},
    },
    secret::{Lookup, Origin, Secret, SecretCommand, SecretError, SecretSource},
};

/// One section: a console's, or one of ours.
pub trait Section {
    /// Its name in the file.
    fn name(&self) -> &'static str;

    /// Its keys.
    fn keys(&self) -> &'static [&'static str];

    /// Sets one of its keys, over whatever a weaker layer has set.
    ///
    /// # Errors
    ///
    /// [`SettingError`] if the value is not what the key takes, or the key is none of this section's.
    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError>;

    /// The secrets that have been set, wherever they are read from.
    fn secrets(&self) -> Vec<&Setting<SecretSource>> {
        Vec::new()
    }
}

/// The environment variable that overrides a key: `EDRCTL_CISCO_API_KEY`.
pub fn variable_name(section: &str, key: &str) -> String {
    format!("EDRCTL_{}_{}", section.to_ascii_uppercase(), key.to_ascii_uppercase())
}

/// What a setting may override: each overrides those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The file's own sections.
    File,
    /// The sections of the chosen profile.
    Profile,
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

/// A value that has been read, with where it came from.
#[derive(Clone, Debug)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
    /// What it overrides.
    pub layer: Layer,
}

impl Setting<SecretSource> {
    /// Reads the secret, and tells where it came from.
    ///
    /// # Errors
    ///
    /// [`SettingError::Secret`] with the key that names it.
    pub fn read(
        &self,
        section: &'static str,
        key: &'static str,
        lookup: Lookup<'_>,
    ) -> Result<(Secret, Origin), SettingError> {
        self.value.read(lookup).map_err(|source| SettingError::Secret {
            section,
            key,
            origin: self.origin.clone(),
            source: Box::new(source),
        })
    }
}

/// A value as it was written, before it is known what it should be. Shows nothing of itself.
pub enum Raw {
    /// A text of a file.
    Text(Zeroizing<String>),
    /// A whole number of a file; `None` if it is below zero or beyond counting.
    Whole(Option<u64>),
    /// `true` or `false` of a file.
    Truth(bool),
    /// A list of a file.
    List(Vec<Raw>),
    /// Keys and values in braces of a file.
    Table(Vec<(String, Raw)>),
    /// Something that no key takes: a date, a number with a fraction.
    Other,
    /// A word of the environment or of the command line, which is read as whatever the key takes.
    Word(Zeroizing<String>),
}

/// What paths are relative to.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The folder of the file that the path stands in; `None` for the folder that the program was started in.
    pub folder: Option<PathBuf>,
    /// The user's own folder, for `~`.
    pub home: Option<PathBuf>,
}

impl Base {
    /// Makes a path of a text. `None` if it is empty, or begins with a `~` that cannot be expanded.
    pub fn path(&self, text: &str) -> Option<PathBuf> {
        if text.is_empty() || text.contains('\0') {
            return None;
        }
        if let Some(rest) = text.strip_prefix('~') {
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix(std::path::is_separator)? };
            return self.home.as_ref().map(|home| home.join(rest));
        }
        let path = Path::new(text);
        Some(self.folder.as_ref().map_or_else(|| path.to_owned(), |folder| folder.join(path)))
    }
}

/// One value on its way into a section.
pub struct Given<'a> {
    /// The value as written.
    pub raw: Raw,
    /// Where it stands.
    pub origin: Origin,
    /// What it overrides.
    pub layer: Layer,
    /// What paths in it are relative to.
    pub base: &'a Base,
}

impl Given<'_> {
    /// Keeps a value that was made of this one.
    fn setting<T>(self, value: T) -> Setting<T> {
        Setting { value, origin: self.origin, layer: self.layer }
    }

    /// Complains that this is not what the key takes.
    pub fn expected(self, what: impl Into<String>) -> SettingError {
        SettingError::Wrong { origin: self.origin, expected: what.into() }
    }

    /// Complains that the section has no such key.
    pub fn unknown(self) -> SettingError {
        SettingError::UnknownKey { origin: self.origin }
    }

    fn as_text(&self) -> Option<&str> {
        match &self.raw {
            Raw::Text(text) | Raw::Word(text) => Some(text),
            _ => None,
        }
    }

    /// Reads one of several words.
    ///
    /// # Errors
    ///
    /// [`SettingError`] for anything else; so for every reader below.
    pub fn word<T: Copy>(self, words: &[(&str, T)]) -> Result<Setting<T>, SettingError> {
        let found = self.as_text().and_then(|text| {
            let text = text.trim();
            words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
        });
        match found {
            Some(value) => Ok(self.setting(value)),
            None => {
                let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
                Err(self.expected(format!("one of {}", words.join(", "))))
            }
        }
    }

    /// Reads a line of text without control characters, and without blanks around it.
    pub fn line(self) -> Result<Setting<String>, SettingError> {
        match self.as_text() {
            Some(text) if is_line(text) => {
                let text = text.to_owned();
                Ok(self.setting(text))
            }
            Some(_) => Err(self.expected("a text without line ends, and without blanks around it")),
            None => Err(self.expected("a text in quotes")),
        }
    }

    /// Reads a whole number within bounds.
    pub fn whole(self, bounds: RangeInclusive<u64>) -> Result<Setting<u64>, SettingError> {
        let number = match &self.raw {
            Raw::Whole(number) => *number,
            Raw::Word(word) => word.trim().parse().ok(),
            _ => None,
        };
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Ok(self.setting(number)),
            None if *bounds.end() == u64::MAX => {
                Err(self.expected(format!("a whole number, {} or more", bounds.start())))
            }
            None => Err(self.expected(format!("a whole number from {} to {}", bounds.start(), bounds.end()))),
        }
    }

    /// Reads `true` or `false`.
    pub fn truth(self) -> Result<Setting<bool>, SettingError> {
        let truth = match &self.raw {
            Raw::Truth(truth) => Some(*truth),
            Raw::Word(word) => match word.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => Some(true),
                "false" | "0" | "no" => Some(false),
                _ => None,
            },
            _ => None,
        };
        match truth {
            Some(truth) => Ok(self.setting(truth)),
            None => Err(self.expected("`true` or `false`, without quotes")),
        }
    }

    /// Reads a duration within bounds.
    pub fn duration(self, bounds: RangeInclusive<Duration>) -> Result<Setting<Duration>, SettingError> {
        let Some(text) = self.as_text() else { return Err(self.expected("a duration in quotes, as in \"30s\"")) };
        match duration::parse(text) {
            Ok(duration) if bounds.contains(&duration) => Ok(self.setting(duration)),
            Ok(_) => {
                let (least, most) = (duration::format(*bounds.start()), duration::format(*bounds.end()));
                Err(self.expected(format!("a duration from {least} to {most}")))
            }
            Err(source) => Err(SettingError::Duration { origin: self.origin, source }),
        }
    }

    /// Reads a path.
    pub fn path(self) -> Result<Setting<PathBuf>, SettingError> {
        match self.as_text().and_then(|text| self.base.path(text)) {
            Some(path) => Ok(self.setting(path)),
            None => Err(self.expected("a path in quotes; `~/` in front is the user's own folder")),
        }
    }

    /// Reads a console's address, which `shape` cuts to what that console needs.
    pub fn url(self, shape: impl FnOnce(Url) -> Result<Url, UrlError>) -> Result<Setting<Url>, SettingError> {
        let Some(text) = self.as_text() else { return Err(self.expected("an address in quotes")) };
        match console_url::parse(text).and_then(shape) {
            Ok(url) => Ok(self.setting(url)),
            Err(source) => Err(SettingError::Url { origin: self.origin, source }),
        }
    }

    /// Reads a list of texts. A single text is a list of one; a word is cut at its commas.
    pub fn list(self) -> Result<Setting<Vec<String>>, SettingError> {
        let items: Option<Vec<String>> = match &self.raw {
            Raw::Text(text) => Some(vec![String::clone(text)]),
            Raw::Word(word) => {
                Some(word.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            Raw::List(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
            _ => None,
        };
        match items {
            Some(items) => Ok(self.setting(items)),
            None => Err(self.expected("a list of texts, as in [\"one\", \"two\"]")),
        }
    }

    /// Reads a secret, or where it is to be read from.
    pub fn secret(self) -> Result<Setting<SecretSource>, SettingError> {
        const EXPECTED: &str = "a text in quotes, or one of { env = \"NAME\" }, { file = \"PATH\" }, \
                                { command = \"pass show NAME\" } and { command = [\"pass\", \"show\", \"NAME\"] }";
        let source = match &self.raw {
            Raw::Text(text) | Raw::Word(text) => {
                Some(SecretSource::Literal(Secret::new(text.as_str()), self.origin.clone()))
            }
            Raw::Table(entries) => match entries.as_slice() {
                [(place, raw)] => source_of(place, raw, self.base),
                _ => None,
            },
            _ => None,
        };
        match source {
            Some(source) => Ok(self.setting(source)),
            None => Err(self.expected(EXPECTED)),
        }
    }
}

impl Raw {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && text.trim().len() == text.len() && !text.chars().any(char::is_control)
}

fn source_of(place: &str, raw: &Raw, base: &Base) -> Option<SecretSource> {
    match (place, raw) {
        ("env", raw) => {
            let name = raw.text().filter(|name| is_line(name) && !name.contains('='))?;
            Some(SecretSource::Variable(name.to_owned()))
        }
        ("file", raw) => raw.text().and_then(|text| base.path(text)).map(SecretSource::File),
        ("command", Raw::Text(line)) if !line.trim().is_empty() => {
            Some(SecretSource::Command(SecretCommand::shell(line)))
        }
        ("command", Raw::List(words)) => {
            let words: Vec<String> = words.iter().map(|word| word.text().map(str::to_owned)).collect::<Option<_>>()?;
            let (program, arguments) = words.split_first().filter(|(program, _)| !program.is_empty())?;
            Some(SecretSource::Command(SecretCommand::program(program, arguments.to_vec())))
        }
        _ => None,
    }
}

/// What is wrong with a section, or with one value of it.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// The section has no such key.
    #[error("{origin} is not known")]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
    },
    /// The value is not what the key takes.
    #[error("{origin} must be {expected}")]
    Wrong {
        /// Where it stands.
        origin: Origin,
        /// What the key takes.
        expected: String,
    },
    /// Not a console's address.
    #[error("read the console's address from {origin}")]
    Url {
        /// Where it stands.
        origin: Origin,
        /// Why not.
        source: UrlError,
    },
    /// Not a duration.
    #[error("read a duration from {origin}")]
    Duration {
        /// Where it stands.
        origin: Origin,
        /// Why not.
        source: DurationError,
    },
    /// Nothing sets a key without which nothing goes.
    #[error("`{section}.{key}` is not set")]
    Missing {
        /// The section.
        section: &'static str,
        /// The key.
        key: &'static str,
    },
    /// Nothing says where the console is.
    #[error("neither `{section}.region` nor `{section}.base_url` is set")]
    NoConsole {
        /// The section.
        section: &'static str,
        /// The regions to choose from.
        regions: &'static str,
    },
    /// Two settings say where the console is, and neither overrides the other.
    #[error("{first} and {second} both say where the console is")]
    TwoConsoles {
        /// The one.
        first: Origin,
        /// The other.
        second: Origin,
    },
    /// Two settings cannot both hold.
    #[error("{first} and {second} contradict each other")]
    Contradiction {
        /// The one.
        first: Origin,
        /// The other.
        second: Origin,
    },
    /// A secret cannot be read.
    #[error("read the secret `{section}.{key}`, set by {origin}")]
    Secret {
        /// The section.
        section: &'static str,
        /// The key.
        key: &'static str,
        /// What says where the secret is.
        origin: Origin,
        /// Why not.
        source: Box<SecretError>,
    },
}

#[cfg(test)]
mod tests;
