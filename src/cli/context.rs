//! What every command has at hand: the terminal, the environment, the configuration when it is asked for.

use std::path::PathBuf;

use super::{args::GlobalArgs, error::CommandError, ui::Ui};
use crate::{
    config::{self, Environment, Folders, Loaded, Overrides},
    domain::outcome::ExitCode,
    journal::{StateFolder, WriterOptions},
    reporters::hints::Invocation,
};

/// For tests: the process dies after it has written so many journal lines.
const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";

/// Variables that stand for global options. They are read here and not with the command line, so that one that is empty
/// counts as not set, as all others do.
const CONFIG: &str = "EDRCTL_CONFIG";
const PROFILE: &str = "EDRCTL_PROFILE";
const STATE_DIR: &str = "EDRCTL_STATE_DIR";

/// What every command has at hand.
#[derive(Debug)]
pub(crate) struct Context {
    /// The global options.
    pub(crate) global: GlobalArgs,
    /// The terminal.
    pub(crate) ui: Ui,
    environment: Environment,
    folders: Folders,
}

impl Context {
    /// Looks around once.
    pub(crate) fn new(global: GlobalArgs) -> Self {
        let ui = Ui::new(&global);
        let environment = Environment::of_process();
        let path = |variable: &str| environment.get(variable).map(PathBuf::from);
        let global = GlobalArgs {
            config: global.config.or_else(|| path(CONFIG)),
            // One that is not text is complained of where the configuration is read.
            profile: global.profile.or_else(|| environment.get(PROFILE)?.to_str().map(str::to_owned)),
            state_dir: global.state_dir.or_else(|| path(STATE_DIR)),
            ..global
        };
        Self { global, ui, environment, folders: Folders::of_platform() }
    }

    /// Reads the configuration, with flags over environment over file.
    pub(crate) fn configuration(&self, mut overrides: Overrides) -> Result<Loaded, CommandError> {
        overrides.config.clone_from(&self.global.config);
        overrides.profile.clone_from(&self.global.profile);
        let loaded = config::load(&overrides, &self.environment, &self.folders)?;
        for warning in loaded.warnings() {
            self.ui.warn(warning);
        }
        Ok(loaded)
    }

    /// Where journals live. `configured` is the configuration's word on it.
    pub(crate) fn state_path(&self, configured: Option<PathBuf>) -> Result<PathBuf, CommandError> {
        self.global.state_dir.clone().or(configured).or_else(|| self.folders.state.clone()).ok_or_else(|| {
            CommandError::text(ExitCode::Journal, "there is no folder for the journal: this user has no home")
                .hint("name one with `--state-dir DIR` or `EDRCTL_STATE_DIR`")
        })
    }

    /// The journals, to read.
    pub(crate) fn journals(&self) -> Result<StateFolder, CommandError> {
        Ok(StateFolder::reading(&self.state_path(self.configured_state())?))
    }

    /// A configuration that cannot be read must not keep anybody from reading journals.
    fn configured_state(&self) -> Option<PathBuf> {
        let mut overrides = Overrides::default();
        overrides.config.clone_from(&self.global.config);
        overrides.profile.clone_from(&self.global.profile);
        config::load(&overrides, &self.environment, &self.folders).ok().and_then(|loaded| loaded.run().state_dir)
    }

    /// The journals, to write; made if there are none.
    pub(crate) fn journals_to_write(&self, configured: Option<PathBuf>) -> Result<StateFolder, CommandError> {
        Ok(StateFolder::at(&self.state_path(configured)?)?)
    }

    /// How journals are written; a kilobyte of room for each request in flight.
    pub(crate) fn writer_options(&self, in_flight: usize) -> WriterOptions {
        let crash_after = std::env::var(CRASH_AFTER).ok().and_then(|text| text.parse().ok());
        WriterOptions { reserve: 64 * 1024 + 1024 * in_flight as u64, crash_after }
    }

    /// What the next command has to repeat.
    pub(crate) fn invocation(&self, reading: Vec<String>, files: Vec<String>) -> Invocation {
        let mut globals = Vec::new();
        let mut add = |flag: &str, value: Option<String>| {
            if let Some(value) = value {
                globals.extend([flag.to_owned(), value]);
            }
        };
        let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        // What comes from the environment will be there for the next command, too.
        let typed = |variable: &str, value: Option<String>| value.filter(|_| self.environment.get(variable).is_none());
        add("--config", typed(CONFIG, text(&self.global.config)));
        add("--profile", typed(PROFILE, self.global.profile.clone()));
        add("--state-dir", typed(STATE_DIR, text(&self.global.state_dir)));
        let typed = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        Invocation { globals, reading, files, typed, own_name: None }
    }
}
