use std::{any::Any, fs, path::PathBuf, time::Duration};

use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::protect::Match,
    vendors::{Link, VendorName, cisco::config::CiscoConfig},
};

/// A folder of its own, a file in it, an environment that nobody else has.
struct Room {
    folder: TempDir,
    environment: Vec<(&'static str, &'static str)>,
    overrides: Overrides,
}

const KEYS: &str = "region = \"eu\"\nclient_id = \"abc\"\n";

impl Room {
    /// A room whose file, `config.toml`, only its owner can read.
    fn new(text: &str) -> Self {
        Self::with("config.toml", text.as_bytes(), 0o600)
    }

    fn with(name: &str, content: &[u8], mode: u32) -> Self {
        let mut room = Self::empty();
        let path = room.write(name, content, mode);
        room.overrides.config = Some(path);
        room
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, environment: Vec::new(), overrides: Overrides::default() }
    }

    fn write(&self, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        path
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    fn profile(mut self, name: &str) -> Self {
        self.overrides.profile = Some(name.to_owned());
        self
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        let folders = Folders {
            home: Some(self.folder.path().join("home")),
            config: Some(self.folder.path().join("platform")),
            state: None,
        };
        load(&self.overrides, &self.environment.iter().copied().collect(), &folders)
    }

    /// The error as a user sees it: the chain, then the hint. Paths are cut to what is in the room.
    fn told<T>(&self, result: Result<T, ConfigError>) -> String {
        let Err(error) = result else { panic!("it went well") };
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(next) = cause {
            text.push_str(": ");
            text.push_str(&next.to_string());
            cause = next.source();
        }
        if let Some(hint) = error.hint() {
            text.push_str("\nhint: ");
            text.push_str(&hint);
        }
        let secret = format!("{text} {error:?}").contains("hunter2");
        assert!(!secret, "a secret is told: {text}");
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }

    fn load_error(&self) -> String {
        self.told(self.load())
    }

    fn cisco_error(&self) -> String {
        self.told(cisco(&self.load().unwrap()))
    }
}

/// The section of one console, completed.
fn cisco(loaded: &Loaded) -> Result<CiscoConfig, ConfigError> {
    let ready: Box<dyn Any> = loaded.console(VendorName::Cisco)?;
    Ok(*ready.downcast().unwrap())
}

/// Which certificates are trusted, in a word and with the file if there is one.
fn trust(link: &Link) -> String {
    format!("{:?}", link.trust)
}

mod errors;
mod example;
mod layers;
mod safety_section;
