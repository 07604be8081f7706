//! Finds the file, reads it, lays the environment and the command line over it.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use url::Url;
use zeroize::Zeroizing;

use super::{
    env::Environment,
    error::{ConfigError, KeyHome},
    file::{File, RunConfig, Sections},
    safety::SafetyConfig,
};
use crate::{
    secret::{Lookup, Origin},
    settings::{Base, Given, Layer, Raw, SettingError},
    stream::config::StreamSection,
    vendors::{ConsoleSection, Ready, VendorName},
};

/// The largest file that is read; a configuration with a hundred tenants comes to a few thousand bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// The user's folders, as far as the platform has them.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// The user's own.
    pub home: Option<PathBuf>,
    /// The one that holds `config.toml`.
    pub config: Option<PathBuf>,
    /// The one that holds the journals.
    pub state: Option<PathBuf>,
}

impl Folders {
    /// The platform's folders of this user. None where there is no home, as for some services.
    pub fn of_platform() -> Self {
        let Ok(platform) = etcetera::choose_base_strategy() else { return Self::default() };
        let state = platform.state_dir().unwrap_or_else(|| platform.data_dir());
        Self {
            home: Some(platform.home_dir().to_owned()),
            config: Some(platform.config_dir().join("edrctl")),
            state: Some(state.join("edrctl")),
        }
    }
}

/// What the command line says of the configuration.
#[derive(Clone, Default)]
pub struct Overrides {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    settings: Vec<FlagSetting>,
}

#[derive(Clone)]
struct FlagSetting {
    section: &'static str,
    key: &'static str,
    flag: &'static str,
    value: Zeroizing<String>,
}

impl Overrides {
    /// Sets one key, as a flag does. The value is a word, read as whatever the key takes.
    pub fn set(&mut self, section: &'static str, key: &'static str, flag: &'static str, value: impl Into<String>) {
        self.settings.push(FlagSetting { section, key, flag, value: Zeroizing::new(value.into()) });
    }

    fn lay_over(&self, sections: &mut Sections, here: &Base) -> Result<(), ConfigError> {
        for FlagSetting { section, key, flag, value } in &self.settings {
            let origin = Origin::Flag((*flag).to_owned());
            let Some(section) = sections.named(section) else {
                return Err(ConfigError::Unknown { origin, near: None, known: Vec::new() });
            };
            let given = Given { raw: Raw::Word(value.clone()), origin, layer: Layer::Flag, base: here };
            section.set(key, given).map_err(ConfigError::Setting)?;
        }
        Ok(())
    }
}

/// A configuration that has been read and laid over. Its secrets have not been read.
#[derive(Clone, Debug)]
pub struct Loaded {
    sections: Sections,
    environment: Environment,
    home: KeyHome,
    path: Option<PathBuf>,
    warnings: Vec<String>,
}

/// Reads the configuration: the file, then the environment, then the command line.
///
/// # Errors
///
/// [`ConfigError`] if a file that was named is not there, or anything in any layer is wrong.
pub fn load(overrides: &Overrides, environment: &Environment, folders: &Folders) -> Result<Loaded, ConfigError> {
    let here = Base { folder: None, home: folders.home.clone() };
    let profile = match &overrides.profile {
        Some(profile) => Some(profile.clone()),
        None => environment.text("EDRCTL_PROFILE")?,
    };
    let named = overrides.config.clone().or_else(|| environment.get("EDRCTL_CONFIG").map(PathBuf::from));
    let named = named.map(|path| path.to_str().and_then(|text| here.path(text)).unwrap_or(path));
    let default = folders.config.as_ref().map(|folder| folder.join("config.toml"));
    let content = match (&named, &default) {
        (Some(path), _) => Some(Content::read(path)?),
        (None, Some(path)) => match Content::read(path) {
            Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            content => Some(content?),
        },
        (None, None) => None,
    };
    let path = named.or(default);
    let mut home = KeyHome { path: path.clone(), published: false, profile: profile.clone() };
    let mut sections = Sections::default();
    let mut warnings = Vec::new();
    match (content, &path) {
        (Some(content), Some(path)) => {
            let text = content.text(path)?;
            home.published = super::published::is_published(text);
            let folder = path.parent().map(Path::to_owned);
            let base = Base { folder, home: folders.home.clone() };
            let file = File { path, text, base: &base };
            let in_place = file.lay_over(&mut sections, profile.as_deref())?;
            content.check_mode(path, in_place)?;
            warnings.extend(content.warning(path));
        }
        _ => {
            if let Some(name) = profile {
                return Err(ConfigError::UnknownProfile { name, path: None, near: Vec::new() });
            }
        }
    }
    environment.check_names(&sections.all())?;
    for section in sections.all_mut() {
        environment.lay_over(section, &here)?;
    }
    overrides.lay_over(&mut sections, &here)?;
    Ok(Loaded { sections, environment: environment.clone(), home, path, warnings })
}

/// Reads a configuration that stands in memory, with nothing of the user's over it but the command line.
///
/// # Errors
///
/// [`ConfigError`] if anything in it is wrong.
pub fn of_text(text: &str, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    let (path, base) = (Path::new("(in memory)"), Base::default());
    let mut sections = Sections::default();
    File { path, text, base: &base }.lay_over(&mut sections, None)?;
    overrides.lay_over(&mut sections, &base)?;
    let home = KeyHome { path: None, published: false, profile: None };
    Ok(Loaded { sections, environment: Environment::default(), home, path: None, warnings: Vec::new() })
}

impl Loaded {
    /// What is needed to speak to a console. Reads its secrets.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if something is missing or contradicts itself, or a secret cannot be read.
    pub fn console(&self, vendor: VendorName) -> Result<Box<dyn Ready>, ConfigError> {
        let lookup = |name: &str| self.environment.lookup(name);
        let missing = SettingError::Missing { section: vendor.word(), key: "url" };
        let completed = self.sections.console(vendor).ok_or(missing);
        let completed = completed.and_then(|section| section.complete(&lookup));
        completed.map_err(|error| ConfigError::of_section(error, &self.home))
    }

    /// The consoles of which anything was set.
    pub fn consoles(&self) -> Vec<VendorName> {
        let is_set = |vendor: &VendorName| self.sections.console(*vendor).is_some_and(ConsoleSection::is_set);
        VendorName::ALL.into_iter().filter(is_set).collect()
    }

    /// Where a console is, whether or not the rest of its section was set.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if that is not said.
    pub fn console_url(&self, vendor: VendorName) -> Result<Url, ConfigError> {
        let missing = SettingError::Missing { section: vendor.word(), key: "url" };
        let url = self.sections.console(vendor).ok_or(missing).and_then(ConsoleSection::url);
        url.map_err(|error| ConfigError::of_section(error, &self.home))
    }

    /// Every address of a console that its section names.
    pub fn console_urls(&self, vendor: VendorName) -> Vec<Url> {
        let also = self.sections.console(vendor).map(ConsoleSection::also_at).unwrap_or_default();
        self.console_url(vendor).into_iter().chain(also).collect()
    }

    /// What a run may not do. Reads the files of the protected list.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if any of it cannot be read: then nothing may be sent.
    pub fn safety(&self) -> Result<SafetyConfig, ConfigError> {
        self.sections.safety.complete()
    }

    /// What the receivers of events want to know.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if something is missing or contradicts itself, or a secret cannot be read.
    pub fn stream<T>(
        &self,
        read: impl FnOnce(&StreamSection, Lookup<'_>) -> Result<T, SettingError>,
    ) -> Result<T, ConfigError> {
        let lookup = |name: &str| self.environment.lookup(name);
        read(&self.sections.stream, &lookup).map_err(|error| ConfigError::of_section(error, &self.home))
    }

    /// What holds for every run.
    pub fn run(&self) -> RunConfig {
        self.sections.run.complete()
    }

    /// The file that was read, or would have been.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The profile that was chosen.
    pub fn profile(&self) -> Option<&str> {
        self.home.profile.as_deref()
    }

    /// What the user must be told of the file, whatever is done with it.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// A file's bytes, with the mode of the very file that they were read from.
struct Content {
    bytes: Zeroizing<Vec<u8>>,
    mode: Option<u32>,
}

impl Content {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = || -> io::Result<Self> {
            let mut file = fs::File::open(path)?;
            let metadata = file.metadata()?;
            // Room for it from the start: a growing vector would leave copies of a secret behind.
            let size = usize::try_from(metadata.len()).unwrap_or(MAX_BYTES).min(MAX_BYTES);
            let mut bytes = Zeroizing::new(Vec::with_capacity(size.max(16 * 1024) + 64));
            file.by_ref().take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
            Ok(Self { bytes, mode: mode_of(&metadata) })
        };
        let content = read().map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        if content.bytes.len() > MAX_BYTES {
            return Err(ConfigError::TooLarge { path: path.to_owned() });
        }
        Ok(content)
    }

    fn text(&self, path: &Path) -> Result<&str, ConfigError> {
        let text = std::str::from_utf8(&self.bytes).map_err(|_| ConfigError::NotText { path: path.to_owned() })?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    fn check_mode(&self, path: &Path, in_place: bool) -> Result<(), ConfigError> {
        match self.mode.filter(|mode| in_place && mode & 0o044 != 0) {
            Some(mode) => Err(ConfigError::ReadableByOthers { path: path.to_owned(), mode }),
            None => Ok(()),
        }
    }

    /// Whoever can write the file can protect nothing, and can name a command that is run.
    fn warning(&self, path: &Path) -> Option<String> {
        self.mode.filter(|mode| mode & 0o002 != 0).map(|mode| {
            format!("{} can be changed by anybody (mode {mode:04o}); chmod o-w takes that away", path.display())
        })
    }
}

#[cfg(unix)]
fn mode_of(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    Some(metadata.mode() & 0o7777)
}

/// Who may read a file is not told by a mode here.
#[cfg(not(unix))]
fn mode_of(_: &fs::Metadata) -> Option<u32> {
    None
}
