//! What every command has at hand: the terminal, the environment, the configuration when it is asked for.

use std::path::PathBuf;

use super::{args::GlobalArgs, error::CommandError, ui::Ui};
use crate::{
    config::{self, Environment, Folders, Loaded, Overrides},
    domain::{id::RunId, outcome::ExitCode},
    journal::{LATEST, StateFolder, WriterOptions},
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
    /// The run that the command line means, where it may have said `latest`.
    meant: Option<RunId>,
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
        Self { global, ui, environment, folders: Folders::of_platform(), meant: None }
    }

    /// The same for a command that comes from this run: whatever is to be typed next names it, because by then another may be the
    /// latest.
    pub(crate) fn about(&self, run: &RunId, profile: Option<&str>) -> Self {
        let mut own = Self::new(self.global.clone());
        own.takes_profile(profile);
        own.meant = Some(run.clone());
        own
    }

    /// Speaks to the consoles of a profile, unless the command line names one.
    pub(crate) fn takes_profile(&mut self, profile: Option<&str>) {
        if self.global.profile.is_none() {
            self.global.profile = profile.map(str::to_owned);
        }
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
        let mut typed: Vec<String> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        if let Some(run) = &self.meant {
            name_run(&mut typed, run);
        }
        Invocation { globals, reading, files, typed, ..Invocation::default() }
    }

    /// A command to type next, as a shell takes it: with what was said of the configuration and of the journals.
    pub(crate) fn typed(&self, words: &[&str]) -> String {
        self.invocation(Vec::new(), Vec::new()).command(words)
    }
}

/// Puts a run's name in the place of `latest`, also where that was left out.
fn name_run(typed: &mut Vec<String>, run: &RunId) {
    let is_command = |word: &String| matches!(word.as_str(), "undo" | "rerun");
    let Some(command) = typed.iter().position(is_command) else { return };
    if typed.iter().any(|word| word.len() > 1 && run.as_str().starts_with(word.as_str())) {
        return;
    }
    match typed.iter().skip(command).position(|word| word == LATEST) {
        Some(place) => {
            if let Some(word) = typed.get_mut(command + place) {
                *word = run.to_string();
            }
        }
        None => typed.insert(command + 1, run.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_next_names_the_run() {
        let run = RunId::parse("20261128-101112-abcdef").unwrap();
        for (typed, named) in [
            ("undo latest --dry-run", "undo 20261128-101112-abcdef --dry-run"),
            ("--config c undo --dry-run", "--config c undo 20261128-101112-abcdef --dry-run"),
            ("rerun 20261128-1 --dry-run", "rerun 20261128-1 --dry-run"),
            ("isolate --vendor cisco latest", "isolate --vendor cisco latest"),
        ] {
            let mut words: Vec<String> = typed.split(' ').map(str::to_owned).collect();
            name_run(&mut words, &run);
            assert_eq!(words.join(" "), named);
        }
    }
}
