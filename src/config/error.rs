//! What can be wrong with a configuration, and what to do about it. Nothing here quotes a value.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    domain::{protect::PatternError, vetting::ExceptionError},
    secret::Origin,
    settings::{SettingError, variable_name},
};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not text.
    #[error("{} is not text in UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The file is far larger than any configuration.
    #[error("{} is too large for a configuration", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file holds a secret that others can read.
    #[error("{} has a secret in it and can be read by others (mode {mode:04o})", path.display())]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file is not TOML. The parser's own words quote the line, so they are not told.
    #[error("{} line {line}, column {column}: not valid TOML", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// A line of the published script's file is no setting.
    #[error("{} line {line}: not a setting like `BASE_URL=…`", path.display())]
    NotASetting {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A setting of the published script's file is there twice.
    #[error("{origin} is set a second time")]
    SetTwice {
        /// The second time.
        origin: Origin,
    },
    /// A key, a section or a setting that does not exist.
    #[error("{origin} is not known")]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// What was probably meant.
        near: Option<String>,
        /// Everything that could stand there.
        known: Vec<String>,
    },
    /// A key that stands outside the section that it belongs to.
    #[error("{origin} stands outside its section")]
    Outside {
        /// Where it stands.
        origin: Origin,
        /// The section that has such a key.
        section: String,
    },
    /// Something other than a section where a section belongs.
    #[error("{origin} must be a section, written `[{section}]`")]
    NotASection {
        /// Where it stands.
        origin: Origin,
        /// The section.
        section: String,
    },
    /// An environment variable that looks like ours and is none.
    #[error("the environment variable `{name}` is not known")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// An environment variable that is not text.
    #[error("the environment variable `{name}` is not text in UTF-8")]
    VariableNotText {
        /// The variable.
        name: String,
    },
    /// No such profile.
    #[error("there is no profile `{}`{}", name.escape_debug(), in_file(path.as_deref()))]
    UnknownProfile {
        /// The profile that was asked for.
        name: String,
        /// The file.
        path: Option<PathBuf>,
        /// Profiles of similar names.
        near: Vec<String>,
    },
    /// A section or one of its values is wrong.
    #[error(transparent)]
    Setting(SettingError),
    /// Nothing sets a key without which nothing goes.
    #[error("`{section}.{key}` is not set")]
    Missing {
        /// The section.
        section: &'static str,
        /// The key.
        key: &'static str,
        /// Where it is best put.
        home: KeyHome,
    },
    /// Nothing says where the console is.
    #[error("neither `{section}.region` nor `{section}.base_url` is set")]
    NoConsole {
        /// The section.
        section: &'static str,
        /// The regions to choose from.
        regions: &'static str,
        /// Where one of the keys is best put.
        home: KeyHome,
    },
    /// A file of the protected list cannot be read.
    #[error("read {list} {}", path.display())]
    ReadProtected {
        /// Which list.
        list: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An entry of the protected list is wrong.
    #[error("read the protected list: entry {entry} of {origin}")]
    Protected {
        /// The list.
        origin: Origin,
        /// The entry, counted from 1.
        entry: usize,
        /// What is wrong.
        source: PatternError,
    },
    /// A line of a protected list's file is wrong.
    #[error("read the protected list: {} line {line}", path.display())]
    ProtectedLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        source: PatternError,
    },
    /// An entry of the list of what is never blocked is wrong.
    #[error("read the list of what is never blocked: entry {entry} of {origin}")]
    NeverBlock {
        /// The list.
        origin: Origin,
        /// The entry, counted from 1.
        entry: usize,
        /// What is wrong.
        source: ExceptionError,
    },
    /// A line of such a list's file is wrong.
    #[error("read the list of what is never blocked: {} line {line}", path.display())]
    NeverBlockLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        source: ExceptionError,
    },
    /// A protected list's file protects nothing.
    #[error("{list} {} has no entry", path.display())]
    ProtectsNothing {
        /// Which list.
        list: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// Where a key that is missing is best put.
#[derive(Clone, Debug, Default)]
pub struct KeyHome {
    /// The file that was read, or would have been.
    pub(super) path: Option<PathBuf>,
    /// Whether it is the published script's, whose names differ.
    pub(super) published: bool,
    /// The profile that was chosen.
    pub(super) profile: Option<String>,
}

impl KeyHome {
    /// The key as it is written there, and the file.
    fn key(&self, section: &str, key: &str) -> String {
        let written = match (self.published, &self.profile) {
            (true, _) => super::published::written_name(key).unwrap_or(key).to_owned(),
            (false, Some(profile)) => format!("profiles.{profile}.{section}.{key}"),
            (false, None) => format!("{section}.{key}"),
        };
        match &self.path {
            Some(path) => format!("`{written}` in {}", path.display()),
            None => format!("`{written}` in a file that `--config` names"),
        }
    }
}

impl ConfigError {
    /// Adds to what a section complains of where a missing key is best put.
    pub(super) fn of_section(error: SettingError, home: &KeyHome) -> Self {
        match error {
            SettingError::Missing { section, key } => Self::Missing { section, key, home: home.clone() },
            SettingError::NoConsole { section, regions } => Self::NoConsole { section, regions, home: home.clone() },
            error => Self::Setting(error),
        }
    }

    /// What to do about it, where that can be told.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("see `config.example.toml` for one that works".to_owned())
            }
            Self::Read { .. } | Self::ReadProtected { .. } | Self::TooLarge { .. } | Self::NotASection { .. } => None,
            Self::NotText { .. } => Some("save the file as UTF-8".to_owned()),
            Self::ReadableByOthers { path, .. } => Some(format!("chmod 600 {}", shell_word(path))),
            Self::Syntax { .. } => Some(
                "a setting is written `key = \"value\"`, with the text in quotes, under its `[section]`".to_owned(),
            ),
            Self::NotASetting { .. } => {
                Some(format!("the settings are {}, one a line", quoted(&super::published::written_names())))
            }
            Self::SetTwice { .. } => Some("keep one of them".to_owned()),
            Self::Unknown { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::Unknown { known, .. } => Some(format!("known here: {}", quoted(known))),
            Self::Outside { section, .. } => Some(format!("put it under `[{section}]`")),
            Self::UnknownVariable { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::UnknownVariable { .. } => Some("unset it".to_owned()),
            Self::VariableNotText { .. } => None,
            Self::UnknownProfile { near, .. } if near.is_empty() => {
                Some("a profile's sections are written `[profiles.NAME.SECTION]`".to_owned())
            }
            Self::UnknownProfile { near, .. } => Some(format!("there is {}", quoted(near))),
            Self::Missing { section, key, home } => {
                Some(format!("set `{}` or {}", variable_name(section, key), home.key(section, key)))
            }
            Self::NoConsole { section, regions, home } => {
                let key = if home.published { "base_url" } else { "region" };
                let variable = variable_name(section, "region");
                let other = variable_name(section, "base_url");
                Some(format!(
                    "set `{variable}` to {regions}, or {}; `{other}` is for another console",
                    home.key(section, key)
                ))
            }
            Self::Setting(SettingError::Secret { source, .. }) => source.hint(),
            Self::Setting(SettingError::TwoConsoles { .. } | SettingError::Contradiction { .. }) => {
                Some("keep one of them".to_owned())
            }
            Self::Setting(_) => None,
            Self::Protected { .. } | Self::ProtectedLine { .. } => {
                Some("an entry is a name with or without `*`, an address, a range like 10.0.0.0/8, or an id".to_owned())
            }
            Self::NeverBlock { .. } | Self::NeverBlockLine { .. } => Some(
                "an entry is an address, a range like 198.18.0.0/15, or a domain, which covers its subdomains"
                    .to_owned(),
            ),
            Self::ProtectsNothing { .. } => {
                Some("fill it, or take it out of `[safety]` if nothing is to be protected".to_owned())
            }
        }
    }
}

fn quoted(words: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref().escape_debug())).collect();
    words.join(", ")
}

fn in_file(path: Option<&Path>) -> String {
    path.map_or_else(|| ", as there is no configuration file".to_owned(), |path| format!(" in {}", path.display()))
}

/// A path as it can be typed into a shell.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '~' | '@' | ':');
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
