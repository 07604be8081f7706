//! Whether somebody else has agreed, where the configuration or the command line wants it.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::{Paper, applied::Applied};
use crate::{
    cli::error::CommandError,
    config::SafetyConfig,
    domain::{action::ActionKind, outcome::ExitCode},
    plan_file::signature::{self, Approval, Signer},
    reporters::hints::quote,
};

/// What somebody is about to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The action.
    pub(crate) kind: ActionKind,
    /// Whether it is only shown.
    pub(crate) dry_run: bool,
    /// Whether it is done to nobody.
    pub(crate) simulated: bool,
    /// Whether it is done through several consoles.
    pub(crate) several: bool,
}

/// Whether it takes something off the network. Who puts something back waits for nobody.
const fn cuts_off(kind: ActionKind) -> bool {
    matches!(kind, ActionKind::Isolate | ActionKind::Block | ActionKind::Task)
}

/// Refuses what nobody has agreed to who has to; keeps who it was.
pub(crate) fn check_leave(paper: Option<&mut Paper>, safety: &SafetyConfig, asked: Asked) -> Result<(), CommandError> {
    let wanted = !safety.require_approval.is_empty() && cuts_off(asked.kind) && !asked.simulated;
    match paper {
        Some(Paper::Write(draft)) => {
            draft.wants_approval = wanted;
            Ok(())
        }
        Some(Paper::Apply(applied)) => {
            let required: Vec<&Path> =
                safety.require_approval.iter().filter(|_| wanted).map(std::path::PathBuf::as_path).collect();
            let given = applied.approve_with.clone();
            let lists: Vec<&Path> = required.into_iter().chain(given.as_deref()).collect();
            applied.approval = approval(applied, &lists)?;
            Ok(())
        }
        None if !wanted || asked.dry_run => Ok(()),
        None => Err(CommandError::text(
            ExitCode::Refused,
            format!(
                "`require_approval` in `[safety]` wants a second person's yes, so `{}` is done by a plan only; nothing was sent",
                asked.kind
            ),
        )
        .hint(match asked.kind {
            ActionKind::Task => "of a task there is no plan: it can be rehearsed with `--simulate` and looked at with `--dry-run`".to_owned(),
            kind if asked.several => format!(
                "a plan is one console's: `edrctl status --vendor auto` tells which has which host, then `edrctl plan {kind} --vendor V` for each"
            ),
            kind => format!(
                "`edrctl plan {kind} ... --out plan.json`, then `edrctl approve plan.json --key FILE` by somebody else, then `edrctl apply plan.json`"
            ),
        })),
    }
}

/// Who has agreed; nobody, if nobody has to.
fn approval(applied: &Applied, lists: &[&Path]) -> Result<Option<Approval>, CommandError> {
    let mut approval = None;
    for list in lists {
        let signers = signers(list)?;
        let signed = read_signature(applied)?;
        let path = super::approve::signature_path(&applied.path);
        let found = signature::verify(&applied.bytes, &signed, &signers).map_err(|error| {
            let text = format!(
                "`{}` is no approval of this plan by a key of `{}`; nothing was sent",
                path.display(),
                list.display()
            );
            CommandError::new(ExitCode::Refused, error).context(text).hint(how_to(applied))
        })?;
        approval = Some(found);
    }
    Ok(approval)
}

/// The keys of those who may agree.
fn signers(path: &Path) -> Result<Vec<Signer>, CommandError> {
    let failed = |error: anyhow::Error| {
        let text = format!("read the keys of those who may approve from `{}`; nothing was sent", path.display());
        CommandError::new(ExitCode::Config, error).context(text)
    };
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(MOST_KEYS).read_to_string(&mut text));
    read.map_err(|error| failed(error.into()))?;
    signature::signers(&text).map_err(|error| {
        failed(error.into()).hint("it has one public key a line, as in `~/.ssh/authorized_keys` without options")
    })
}

/// A list of keys comes to a few kilobytes; what is no list may never end.
const MOST_KEYS: u64 = 1024 * 1024;

/// A signature comes to a few kilobytes, whatever it is of.
const MOST: u64 = 64 * 1024;

fn read_signature(applied: &Applied) -> Result<Vec<u8>, CommandError> {
    let path = super::approve::signature_path(&applied.path);
    let read = fs::File::open(&path).and_then(|file| {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, MOST), &mut bytes).map(|_| bytes)
    });
    read.map_err(|error| {
        let text = format!("nobody has approved `{}`; nothing was sent", applied.path.display());
        CommandError::new(ExitCode::Refused, error).context(text).hint(how_to(applied))
    })
}

fn how_to(applied: &Applied) -> String {
    let path = applied.path.display().to_string();
    format!("somebody else approves it with `edrctl approve {} --key FILE`", quote(&super::as_operand(&path)))
}
