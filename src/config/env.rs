//! The environment, which overrides the file key by key: `EDRCTL_<SECTION>_<KEY>`.

use std::{collections::BTreeMap, ffi::OsString, fmt};

use zeroize::Zeroizing;

use super::{error::ConfigError, near::near};
use crate::{
    secret::Origin,
    settings::{Base, Given, Layer, Raw, Section, variable_name},
};

/// Variables that begin like a section's and are read by the command that needs them.
const READ_ELSEWHERE: [&str; 1] = ["EDRCTL_CISCO_UNLOCK_CODE"];

/// Other names of variables that override a key.
const OTHER_NAMES: [(&str, &str, &str); 1] = [("EDRCTL_STATE_DIR", "run", "state_dir")];

/// The environment as it was handed in. It holds secrets, so it shows nothing of itself.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// A variable's value. One that is empty counts as not set.
    pub fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    /// A variable as it stands, empty or not: where it is named as the place of a secret, empty is a mistake.
    pub fn lookup(&self, name: &str) -> Option<OsString> {
        self.0.get(name).cloned()
    }

    /// A variable's value as text.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(ConfigError::VariableNotText { name: name.to_owned() }),
            },
        }
    }

    /// Lays the variables of one section over it.
    pub(super) fn lay_over(&self, section: &mut dyn Section, base: &Base) -> Result<(), ConfigError> {
        let name = section.name();
        for key in section.keys() {
            let others = OTHER_NAMES.iter().filter(|(_, of, other)| (*of, *other) == (name, *key));
            let variables =
                std::iter::once(variable_name(name, key)).chain(others.map(|(name, ..)| (*name).to_owned()));
            for variable in variables {
                let Some(text) = self.text(&variable)? else { continue };
                let raw = Raw::Word(Zeroizing::new(text));
                let given = Given { raw, origin: Origin::Variable(variable), layer: Layer::Environment, base };
                section.set(key, given).map_err(ConfigError::Setting)?;
            }
        }
        Ok(())
    }

    /// Complains of a variable that looks like a key's and is none: it was set for a reason, perhaps to protect a host.
    pub(super) fn check_names(&self, sections: &[&dyn Section]) -> Result<(), ConfigError> {
        let known: Vec<String> = sections
            .iter()
            .flat_map(|section| section.keys().iter().map(|key| variable_name(section.name(), key)))
            .chain(READ_ELSEWHERE.iter().map(|name| (*name).to_owned()))
            .collect();
        for name in self.0.keys().filter(|name| self.get(name).is_some()) {
            let Some(rest) = name.strip_prefix("EDRCTL_") else { continue };
            let Some((section, key)) = rest.split_once('_') else { continue };
            if known.contains(name) || OTHER_NAMES.iter().any(|(other, ..)| other == name) {
                continue;
            }
            let meant = sections.iter().find(|known| {
                let known = known.name();
                section.eq_ignore_ascii_case(known)
                    || (known.len() >= 5 && strsim::damerau_levenshtein(&section.to_ascii_lowercase(), known) <= 2)
            });
            let Some(meant) = meant else { continue };
            let near = near(key, meant.keys().iter().copied()).map(|key| variable_name(meant.name(), key));
            return Err(ConfigError::UnknownVariable { name: name.clone(), near });
        }
        Ok(())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("variables", &self.0.len()).finish_non_exhaustive()
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    /// Collects variables; one whose name is not text is none of ours.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let texts =
            variables.into_iter().filter_map(|(name, value)| Some((name.into().into_string().ok()?, value.into())));
        Self(texts.collect())
    }
}
