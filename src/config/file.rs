//! The TOML file: its sections composed of those that modules own, and every mistake in it pointed at.
//!
//! The tree is walked by hand. A derived decoder would be shorter, and would quote a value in its complaints.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::{
    error::ConfigError,
    near::{near, near_ones},
    published,
    safety::SafetySection,
};
use crate::{
    secret::{Origin, SecretSource},
    settings::{Base, Given, Layer, Raw, Section, Setting, SettingError},
    stream::config::StreamSection,
    vendors::{ConsoleSection, VendorName},
};

/// The table that holds the profiles.
const PROFILES: &str = "profiles";

/// Every section of the file.
#[derive(Clone, Debug)]
pub(super) struct Sections {
    pub(super) consoles: Vec<Box<dyn ConsoleSection>>,
    pub(super) safety: SafetySection,
    pub(super) run: RunSection,
    pub(super) stream: StreamSection,
}

impl Default for Sections {
    fn default() -> Self {
        Self {
            consoles: VendorName::ALL.into_iter().map(|vendor| (vendor.driver().section)()).collect(),
            safety: SafetySection::default(),
            run: RunSection::default(),
            stream: StreamSection::default(),
        }
    }
}

impl Sections {
    pub(super) fn all(&self) -> Vec<&dyn Section> {
        let consoles = self.consoles.iter().map(|console| &**console as &dyn Section);
        consoles.chain([&self.safety as &dyn Section, &self.run, &self.stream]).collect()
    }

    pub(super) fn all_mut(&mut self) -> Vec<&mut dyn Section> {
        let consoles = self.consoles.iter_mut().map(|console| &mut **console as &mut dyn Section);
        consoles.chain([&mut self.safety as &mut dyn Section, &mut self.run, &mut self.stream]).collect()
    }

    pub(super) fn named(&mut self, name: &str) -> Option<&mut dyn Section> {
        self.all_mut().into_iter().find(|section| section.name() == name)
    }

    pub(super) fn console(&self, vendor: VendorName) -> Option<&dyn ConsoleSection> {
        self.consoles.iter().map(Box::as_ref).find(|console| console.name() == vendor.word())
    }

    /// Whether a secret itself stands in the file, and not only where it is to be read.
    fn has_secret_in_place(&self) -> bool {
        self.all()
            .iter()
            .flat_map(|section| section.secrets())
            .any(|setting| matches!(&setting.value, SecretSource::Literal(secret, _) if !secret.expose().is_empty()))
    }
}

/// The `[run]` section as far as it has been set.
#[derive(Clone, Debug, Default)]
pub(super) struct RunSection {
    state_dir: Option<Setting<PathBuf>>,
}

impl Section for RunSection {
    fn name(&self) -> &'static str {
        "run"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["state_dir"]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "state_dir" => self.state_dir = Some(given.path()?),
            _ => return Err(given.unknown()),
        }
        Ok(())
    }
}

/// What holds for every run.
#[derive(Clone, Debug, Default)]
pub struct RunConfig {
    /// The folder of the journals, if it is not the platform's.
    pub state_dir: Option<PathBuf>,
}

impl RunSection {
    pub(super) fn complete(&self) -> RunConfig {
        RunConfig { state_dir: self.state_dir.as_ref().map(|setting| setting.value.clone()) }
    }
}

/// A file that has been read, on its way into the sections.
pub(super) struct File<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) base: &'a Base,
}

impl File<'_> {
    /// Lays the file over the sections, the chosen profile last. Tells whether a secret stands in it.
    ///
    /// The profiles that were not chosen are checked all the same: a mistake is better found today.
    pub(super) fn lay_over(&self, sections: &mut Sections, profile: Option<&str>) -> Result<bool, ConfigError> {
        if published::is_published(self.text) {
            return self.lay_published_over(sections, profile);
        }
        let tree = DeTable::parse(self.text).map_err(|error| self.syntax(&error))?;
        let mut in_place = false;
        let mut profiles = None;
        for (name, line, value) in self.entries(tree.get_ref()) {
            if name == PROFILES {
                profiles = Some((line, value));
            } else {
                in_place |= self.section(sections, None, name, line, value)?;
            }
        }
        let mut names = Vec::new();
        if let Some((line, profiles)) = profiles {
            for (name, line, value) in self.entries(self.table(profiles, PROFILES, line, "profiles.NAME.SECTION")?) {
                names.push(name);
                let chosen = profile == Some(name);
                let mut aside = Sections::default();
                let sections = if chosen { &mut *sections } else { &mut aside };
                let written = format!("{PROFILES}.{}", shown(name));
                for (section, line, value) in
                    self.entries(self.table(value, &written, line, &format!("{written}.cisco"))?)
                {
                    in_place |= self.section(sections, Some(&written), section, line, value)?;
                }
            }
        }
        match profile {
            Some(name) if !names.contains(&name) => Err(self.unknown_profile(name, &names)),
            _ => Ok(in_place),
        }
    }

    fn lay_published_over(&self, sections: &mut Sections, profile: Option<&str>) -> Result<bool, ConfigError> {
        if let Some(name) = profile {
            return Err(self.unknown_profile(name, &[]));
        }
        for published::Line { key, origin, value } in published::read(self.text, self.path)? {
            let given = Given { raw: Raw::Text(value), origin, layer: Layer::File, base: self.base };
            let Some(section) = sections.named(published::SECTION) else { continue };
            section.set(key, given).map_err(ConfigError::Setting)?;
        }
        Ok(sections.has_secret_in_place())
    }

    /// Lays one section over; tells whether a secret stands in it.
    fn section(
        &self,
        sections: &mut Sections,
        profile: Option<&str>,
        name: &str,
        line: usize,
        value: &DeValue<'_>,
    ) -> Result<bool, ConfigError> {
        let written = profile.map_or_else(|| shown(name), |profile| format!("{profile}.{}", shown(name)));
        let layer = if profile.is_some() { Layer::Profile } else { Layer::File };
        let Some(section) = sections.named(name) else {
            return Err(self.unknown_section(sections, profile, name, line, value));
        };
        for (key, line, value) in self.entries(self.table(value, &written, line, &written)?) {
            let origin = self.origin(format!("{written}.{}", shown(key)), line);
            if !section.keys().contains(&key) {
                let near = near(key, section.keys().iter().copied()).map(str::to_owned);
                let known = section.keys().iter().map(|key| (*key).to_owned()).collect();
                return Err(ConfigError::Unknown { origin, near, known });
            }
            let given = Given { raw: raw(value), origin, layer, base: self.base };
            section.set(key, given).map_err(ConfigError::Setting)?;
        }
        Ok(sections.has_secret_in_place())
    }

    /// Says what is wrong with a name where a section's belongs.
    fn unknown_section(
        &self,
        sections: &Sections,
        profile: Option<&str>,
        name: &str,
        line: usize,
        value: &DeValue<'_>,
    ) -> ConfigError {
        let place =
            |section: &str| profile.map_or_else(|| section.to_owned(), |profile| format!("{profile}.{section}"));
        let origin = self.origin(place(&shown(name)), line);
        if !matches!(value, DeValue::Table(_)) {
            let owner = sections.all().into_iter().find(|section| section.keys().contains(&name));
            if let Some(owner) = owner {
                return ConfigError::Outside { origin, section: place(owner.name()) };
            }
        }
        let names = sections.all().into_iter().map(Section::name);
        let known: Vec<&str> = names.chain(profile.is_none().then_some(PROFILES)).collect();
        let near = near(name, known.iter().copied()).map(str::to_owned);
        ConfigError::Unknown { origin, near, known: known.into_iter().map(str::to_owned).collect() }
    }

    fn unknown_profile(&self, name: &str, names: &[&str]) -> ConfigError {
        let near = near_ones(name, names).into_iter().map(str::to_owned).collect();
        ConfigError::UnknownProfile { name: name.to_owned(), path: Some(self.path.to_owned()), near }
    }

    /// The entries of a table in the order of the file, each with its line.
    fn entries<'t>(&self, table: &'t DeTable<'_>) -> Vec<(&'t str, usize, &'t DeValue<'t>)> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
            .into_iter()
            .map(|(key, value)| (key.get_ref().as_ref(), self.position(key.span().start).0, value.get_ref()))
            .collect()
    }

    fn table<'t>(
        &self,
        value: &'t DeValue<'t>,
        written: &str,
        line: usize,
        section: &str,
    ) -> Result<&'t DeTable<'t>, ConfigError> {
        value.as_table().ok_or_else(|| ConfigError::NotASection {
            origin: self.origin(written.to_owned(), line),
            section: section.to_owned(),
        })
    }

    fn origin(&self, key: String, line: usize) -> Origin {
        Origin::Key { key, path: self.path.into(), line }
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let (line, column) = self.position(error.span().map_or(0, |span| span.start));
        ConfigError::Syntax { path: self.path.to_owned(), line, column }
    }

    /// The line and the column of a byte, both counted from 1.
    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// A name of the file that may be anything, fit to be shown.
fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(Zeroizing::new(text.as_ref().to_owned())),
        DeValue::Integer(number) => Raw::Whole(u64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Boolean(truth) => Raw::Truth(*truth),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Table(table) => {
            Raw::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), raw(value.get_ref()))).collect())
        }
        DeValue::Float(_) | DeValue::Datetime(_) => Raw::Other,
    }
}
