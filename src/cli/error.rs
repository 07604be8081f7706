//! An error as people meet it: a line, its causes, what to do next, and an exit code.

use std::{
    fmt,
    io::{self, Write},
};

use crate::{
    cli::select::SelectError,
    config::ConfigError,
    domain::{
        failure::{Failure, FailureKind},
        outcome::ExitCode,
    },
    engine::console::Halt,
    http::ClientError,
    journal::{JournalError, JournalFailed},
    reporters::{clean::clean, paint},
    stream::store::StoreError,
    vendors::{Advice, VendorName},
};

/// What a command comes to when it does not run to its end.
#[derive(Debug)]
pub(crate) struct CommandError {
    exit: ExitCode,
    error: anyhow::Error,
    hints: Vec<String>,
}

impl CommandError {
    /// Makes an error of a kind.
    pub(crate) fn new(exit: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), hints: Vec::new() }
    }

    /// Makes an error of a kind from words.
    pub(crate) fn text(exit: ExitCode, text: impl fmt::Display) -> Self {
        Self::new(exit, anyhow::anyhow!("{text}"))
    }

    /// Adds what was being done.
    #[must_use]
    pub(crate) fn context(mut self, what: impl fmt::Display + Send + Sync + 'static) -> Self {
        self.error = self.error.context(what);
        self
    }

    /// Adds what to type or do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code.
    pub(crate) const fn exit(&self) -> ExitCode {
        self.exit
    }

    /// What is at the bottom of it, in a line.
    pub(crate) fn cause(&self) -> String {
        self.error.root_cause().to_string()
    }

    /// Writes it for people. Console strings may be in it, so everything is cleaned.
    ///
    /// # Errors
    ///
    /// Whatever the writer says.
    pub(crate) fn write(&self, out: &mut dyn Write, colour: bool) -> io::Result<()> {
        let label = |text: &str| paint::paint(text, paint::STRONG, colour);
        writeln!(out, "{} {}", label("error:"), clean_lines(&self.error.to_string()))?;
        let causes: Vec<String> = self.error.chain().skip(1).map(ToString::to_string).collect();
        if let [cause] = causes.as_slice() {
            writeln!(out, "{} {}", label("caused by:"), clean_lines(cause))?;
        } else if !causes.is_empty() {
            writeln!(out, "{}", label("caused by:"))?;
            for (number, cause) in (1..).zip(&causes) {
                writeln!(out, "  {number}: {}", clean_lines(cause))?;
            }
        }
        for hint in &self.hints {
            writeln!(out, "{} {}", label("hint:"), clean_lines(hint))?;
        }
        Ok(())
    }
}

/// Cleans a text that may have several lines of ours, with whatever stands in each.
fn clean_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(clean).collect();
    lines.join("\n")
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        let hint = error.hint();
        hint.into_iter().fold(Self::new(ExitCode::Config, error), Self::hint)
    }
}

impl From<SelectError> for CommandError {
    fn from(error: SelectError) -> Self {
        let hint = error.hint();
        hint.into_iter().fold(Self::new(ExitCode::Usage, error), Self::hint)
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        Self::new(ExitCode::Config, error)
            .hint("`ca_file` names a file with the console's CA certificate, in PEM or DER form")
    }
}

impl From<JournalError> for CommandError {
    fn from(error: JournalError) -> Self {
        let hint = error.hint();
        hint.into_iter().fold(Self::new(ExitCode::Journal, error), Self::hint)
    }
}

impl From<JournalFailed> for CommandError {
    fn from(error: JournalFailed) -> Self {
        let hint = error.hint();
        hint.into_iter().fold(Self::new(ExitCode::Journal, error), Self::hint)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        // What others can read is a secret in the wrong place; everything else is a disk that says no.
        let exit = match &error {
            StoreError::Exposed { .. } | StoreError::Elsewhere { .. } => ExitCode::Config,
            StoreError::Ambiguous { .. } => ExitCode::Usage,
            StoreError::Io { .. } | StoreError::Damaged { .. } => ExitCode::Journal,
        };
        let hint = error.hint();
        hint.into_iter().fold(Self::new(exit, error), Self::hint)
    }
}

/// Why there is no answer to a question that came before the first action.
pub(crate) fn before_the_first_action(
    halt: Halt,
    what: &str,
    vendor: VendorName,
    (advice, key_from): (&Advice, &str),
) -> CommandError {
    match halt {
        Halt::Interrupted => {
            CommandError::text(ExitCode::Stopped, format!("interrupted while it tried to {what}; nothing was changed"))
        }
        Halt::QuotaWait(wait) => {
            let wait = crate::domain::duration::format(wait);
            CommandError::text(
                ExitCode::Stopped,
                format!(
                    "the console's quota is spent for {wait}, longer than `--max-wait` allows; nothing was changed"
                ),
            )
            .hint(format!("run the same command again in {wait}, or allow the wait with `--max-wait`"))
        }
        Halt::Failed(failure) => {
            let is_ours = failure.kind == FailureKind::FolderFailed;
            let exit = if is_ours { ExitCode::Refused } else { ExitCode::Console };
            let error = CommandError::text(exit, &failure).context(format!("failed to {what}; nothing was changed"));
            match hint_for(&failure, vendor, (advice, key_from)) {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
    }
}

/// What to do about a failure that concerns the console as a whole.
pub(crate) fn hint_for(failure: &Failure, vendor: VendorName, (advice, key_from): (&Advice, &str)) -> Option<String> {
    let (keys, example, secret) = (advice.address_keys, advice.address_example, advice.secret);
    let own = (advice.of)(failure.kind);
    Some(match failure.kind {
        FailureKind::CredentialsRefused => {
            let own = own.map(|own| format!("; {own}")).unwrap_or_default();
            format!("the {secret} was {key_from}{own}. Try it with `edrctl check {vendor}`")
        }
        FailureKind::Forbidden => {
            let own = own.map(|own| format!("; {own}")).unwrap_or_default();
            format!("the {secret} was {key_from}{own}")
        }
        FailureKind::Certificate => {
            let own = own.map(|own| format!("{own}; ")).unwrap_or_default();
            format!("{own}if the console has a private CA, name its certificate with `ca_file` in `[{vendor}]`")
        }
        FailureKind::Unreachable | FailureKind::Timeout | FailureKind::Cut => {
            format!("check {keys} in `[{vendor}]`, the network, and `HTTPS_PROXY`; try it with `edrctl check {vendor}`")
        }
        FailureKind::Gateway | FailureKind::NotFound => {
            format!("check {keys} in `[{vendor}]`: it leads to the API's host, as in `{example}`")
        }
        FailureKind::Protocol => format!(
            "check {keys} in `[{vendor}]`, and whether a proxy in between changes answers; `-vv` traces every exchange"
        ),
        FailureKind::ServerError => "the console has a problem of its own; try again in a minute".to_owned(),
        _ => return own.map(ToOwned::to_owned),
    })
}
