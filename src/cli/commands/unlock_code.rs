//! `--unlock-code`: the code with which a user at the host ends its isolation. A credential, so never an argument.

use std::{io, path::PathBuf};

use clap::Args;

use crate::{
    cli::{context::Context, error::CommandError},
    domain::outcome::ExitCode,
    secret::Secret,
    vendors::VendorName,
};

/// The environment variable that it is taken from if no source is named.
const VARIABLE: &str = "EDRCTL_CISCO_UNLOCK_CODE";

/// The console's own rule: at most so many characters, and no blanks.
const MAX_CHARACTERS: usize = 24;

/// Where the unlock code comes from.
#[derive(Clone, Debug, Args)]
pub(crate) struct UnlockCodeArgs {
    /// Choose the code with which somebody at the host can end its isolation
    ///
    /// SOURCE says where the code is, and is never the code itself: `prompt`, `env:NAME` or `file:PATH`. Without a SOURCE
    /// it is EDRCTL_CISCO_UNLOCK_CODE or, where that is not set, a prompt. Without this option the console makes a code
    /// for each host.
    #[arg(long, help_heading = "Run", value_name = "SOURCE", num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    // Not parsed by the command line's own machinery: it would repeat the code in its error.
    unlock_code: Option<String>,
}

#[derive(Debug)]
enum Source {
    Auto,
    Prompt,
    Variable(String),
    File(PathBuf),
}

/// Whatever is no source may be the code itself, so it is never repeated in an error.
fn source(text: &str) -> Result<Source, CommandError> {
    match text.split_once(':') {
        None if text == "auto" => Ok(Source::Auto),
        None if text == "prompt" => Ok(Source::Prompt),
        Some(("env", name)) if !name.is_empty() => Ok(Source::Variable(name.to_owned())),
        Some(("file", path)) if !path.is_empty() => Ok(Source::File(path.into())),
        _ => Err(CommandError::text(
            ExitCode::Usage,
            "`--unlock-code` takes the place of the code, and never the code itself: others can read arguments",
        )
        .hint("use `--unlock-code=prompt`, `--unlock-code=env:NAME` or `--unlock-code=file:PATH`")),
    }
}

impl UnlockCodeArgs {
    /// Whether one was asked for.
    pub(crate) const fn is_given(&self) -> bool {
        self.unlock_code.is_some()
    }

    /// Refuses one where several consoles are spoken to, of which not all know such a thing.
    pub(crate) fn refuse_for_all(&self) -> Result<(), CommandError> {
        if !self.is_given() {
            return Ok(());
        }
        Err(CommandError::text(
            ExitCode::Usage,
            "not every console knows an unlock code, so `--unlock-code` goes with one of them",
        )
        .hint("isolate those hosts in a run of their own, with `--vendor cisco`"))
    }

    /// Reads and checks the code.
    pub(crate) fn read(&self, vendor: VendorName, context: &Context) -> Result<Option<Secret>, CommandError> {
        let Some(text) = &self.unlock_code else { return Ok(None) };
        if !vendor.driver().takes.unlock_code {
            return Err(CommandError::text(
                ExitCode::Usage,
                format!("{} knows no unlock code, so `--unlock-code` cannot be had there", vendor.console()),
            ));
        }
        let source = &source(text)?;
        let variable = |name: &str| {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            value.map(Secret::new)
        };
        let code = match source {
            Source::Auto => match variable(VARIABLE) {
                Some(code) => code,
                None => prompt(context)?,
            },
            Source::Prompt => prompt(context)?,
            Source::Variable(name) => variable(name).ok_or_else(|| {
                CommandError::text(
                    ExitCode::Config,
                    format!("the environment variable `{name}` for the unlock code is not set"),
                )
            })?,
            Source::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    CommandError::new(ExitCode::Config, error)
                        .context(format!("read the unlock code from `{}`", path.display()))
                })?;
                let text = zeroize::Zeroizing::new(text);
                Secret::new(
                    text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)),
                )
            }
        };
        check(&code)?;
        Ok(Some(code))
    }
}

fn prompt(context: &Context) -> Result<Secret, CommandError> {
    if !context.ui.can_ask() {
        return Err(CommandError::text(ExitCode::Usage, "there is no terminal to ask for the unlock code")
            .hint(format!("set `{VARIABLE}`, or use `--unlock-code=file:PATH`")));
    }
    let ask = |text: &str| {
        rpassword::prompt_password(text)
            .map_err(|error: io::Error| CommandError::new(ExitCode::Usage, error).context("read the unlock code"))
    };
    let code = Secret::new(ask("Unlock code: ")?);
    let again = Secret::new(ask("Once more: ")?);
    if code.expose() == again.expose() {
        Ok(code)
    } else {
        Err(CommandError::text(ExitCode::Usage, "the two unlock codes differ"))
    }
}

/// The console checks the same, but only once the first host is asked for.
fn check(code: &Secret) -> Result<(), CommandError> {
    let code = code.expose();
    let wrong = if code.is_empty() {
        "it is empty"
    } else if code.chars().count() > MAX_CHARACTERS {
        "it is longer than 24 characters"
    } else if code.chars().any(|c| c.is_whitespace() || c.is_control()) {
        "it has a blank or a control character"
    } else {
        return Ok(());
    };
    Err(CommandError::text(ExitCode::Usage, format!("the unlock code cannot be used: {wrong}")))
}
