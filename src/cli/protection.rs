//! What is protected in a run: the list of the configuration, and what is around this machine; less what somebody has allowed,
//! host by host.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::Value;

use super::{args::line_of_text, error::CommandError, surroundings::Surroundings};
use crate::{
    config::{Loaded, SafetyConfig},
    domain::{action::ActionKind, outcome::ExitCode},
    engine::plan::{Allowance, Guarded, Protection},
};

/// Where the journal keeps the hosts that were allowed although they are protected, and why.
const ALLOWED: &str = "allow_protected";
const REASON: &str = "allow_reason";

/// Which protected hosts are acted on all the same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct AllowArgs {
    /// Act on this host although it is protected: its id, or its name as the console keeps it. Once for each host; there is
    /// no way to say it for all
    #[arg(long, value_name = "HOST", requires = "reason", value_parser = one_host)]
    pub(crate) allow_protected: Vec<String>,
    /// Why: kept in the journal
    #[arg(long, value_name = "TEXT", requires = "allow_protected", value_parser = reason)]
    pub(crate) reason: Option<String>,
}

/// A reason that says something.
fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it says nothing".to_owned()) } else { line_of_text(text) }
}

/// One host and no pattern.
pub(crate) fn one_host(text: &str) -> Result<String, String> {
    let text = line_of_text(text)?;
    match text.trim() {
        "" => Err("a host is named by its id or its name".to_owned()),
        text if text.contains(['*', '?']) => Err("one host is allowed at a time, without `*`".to_owned()),
        text if text.contains('/') => Err("a host is named by its id or its name, not by its network".to_owned()),
        text => Ok(text.to_owned()),
    }
}

impl AllowArgs {
    /// What the journal keeps of it.
    pub(crate) fn record(&self, options: &mut BTreeMap<String, Value>) {
        if !self.allow_protected.is_empty() {
            options.insert(ALLOWED.to_owned(), self.allow_protected.clone().into());
            options.insert(REASON.to_owned(), self.reason.clone().unwrap_or_default().into());
        }
    }

    /// What a journal has kept of it.
    ///
    /// # Errors
    ///
    /// [`CommandError`] if the journal says it in a way that this version does not understand.
    pub(crate) fn of_record(options: &BTreeMap<String, Value>) -> Result<Self, CommandError> {
        let Some(kept) = options.get(ALLOWED) else { return Ok(Self::default()) };
        let hosts =
            kept.as_array().and_then(|hosts| hosts.iter().map(|host| host.as_str().map(str::to_owned)).collect());
        let damaged = || CommandError::text(ExitCode::Journal, format!("the journal's `{ALLOWED}` cannot be read"));
        let reason = options.get(REASON).and_then(Value::as_str).map(str::to_owned);
        Ok(Self { allow_protected: hosts.ok_or_else(damaged)?, reason })
    }
}

/// Gathers what is protected from an action on hosts.
pub(crate) async fn gather(
    loaded: &Loaded,
    safety: &SafetyConfig,
    allowed: &AllowArgs,
    kind: ActionKind,
) -> Protection {
    let listed = safety.protected.iter();
    let mut guarded: Vec<Guarded> =
        listed.map(|listed| Guarded { pattern: listed.pattern.clone(), built_in: None }).collect();
    // To be put back does no harm to anything around this machine.
    if kind != ActionKind::Unisolate {
        guarded.extend(Surroundings::look(loaded).await.guarded());
    }
    let allowed = allowed.allow_protected.iter().map(|host| Allowance { host: host.as_str().into() }).collect();
    Protection { guarded, allowed }
}
