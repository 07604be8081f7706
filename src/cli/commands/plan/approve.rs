//! `edrctl approve`: a second person's yes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Applied, act, fold, place::Place};
use crate::{
    cli::{confirm, context::Context, error::CommandError, signals, ui},
    domain::outcome::ExitCode,
    plan_file::signature::{self, SigningError},
    reporters::clean::clean,
    secret::Secret,
};

/// Agree to somebody else's plan, by signing it with an SSH key
///
/// Shows the whole plan, asks, and writes PLAN.sig beside it: what `ssh-keygen -Y sign -n edrctl-plan -f KEY PLAN` would write. `edrctl
/// apply` takes it where `--approve-with` or `require_approval` in `[safety]` wants it.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The plan
    #[arg(value_name = "PLAN")]
    file: PathBuf,
    /// Your private key: ed25519, ECDSA or RSA
    #[arg(long, value_name = "FILE", help_heading = "Approval")]
    key: PathBuf,
    /// Where the passphrase of the key is, and never the passphrase itself: `prompt`, `env:NAME` or `file:PATH` [default: prompt]
    #[arg(long, value_name = "SOURCE", help_heading = "Approval")]
    // Not parsed by the command line's own machinery: it would repeat a passphrase in its error.
    passphrase: Option<String>,
    /// Put the approval in the place of one that is there
    #[arg(long, help_heading = "Approval")]
    replace: bool,
    /// Do not ask before the plan is signed
    #[arg(short, long, help_heading = "Consent")]
    yes: bool,
}

/// Where the approval of a plan is.
pub(super) fn signature_path(plan: &Path) -> PathBuf {
    let mut name = plan.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Runs it.
pub(crate) async fn run(args: ApproveArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let applied = Applied::read(&args.file, std::time::Duration::MAX)?;
    let place = Place::new(&signature_path(&args.file), args.replace)?;
    check_other_person(&applied, context)?;
    let passphrase = Source::read(args.passphrase.as_deref())?;
    let key = private_key(&args.key)?;
    // Nobody agrees to a host unseen.
    let text = fold::text(&applied.plan, &applied.digest, applied.vendor.console(), usize::MAX);
    ui::print(text.as_bytes())?;
    let (cancel, _guard) = signals::catch()?;
    // The first lines of a long plan have left the screen by now.
    let question = format!("{}. Approve this plan? [y/N] ", clean(&fold::counts(&applied.plan)));
    confirm::agree(args.yes, "approve a plan", question, &context.ui, &cancel).await?;
    let (signed, approval) = sign(&applied.bytes, &key, passphrase, &args.key, context)?;
    place.fill(signed.as_bytes())?;
    let name = approval.name.as_deref().map(|name| format!("{}, ", clean(name))).unwrap_or_default();
    context.ui.tell(&format!("approved by {name}{}: `{}`", approval.key, place.path().display()));
    Ok(ExitCode::Success)
}

/// Two eyes are not four. It keeps nobody from it who wants to: the key is the proof, and this finds what goes by itself.
fn check_other_person(applied: &Applied, context: &Context) -> Result<(), CommandError> {
    let about = &applied.plan.about;
    if about.uid != super::uid() || about.machine != act::machine() {
        return Ok(());
    }
    let who = format!("uid {} on {}", about.uid, clean(&about.machine));
    if about.uid == 0 {
        // Behind root may be anybody.
        context.ui.warn(&format!("{who} has made this plan, too: it is for a second person to approve it"));
        return Ok(());
    }
    Err(CommandError::text(
        ExitCode::Refused,
        format!("{who} has made this plan, and it takes a second person to approve it; nothing was signed"),
    )
    .hint("somebody else approves it, here or elsewhere: the file can be copied"))
}

/// Where a passphrase comes from.
enum Source {
    Prompt,
    Known(Secret),
}

impl Source {
    /// Whatever is no source may be the passphrase itself, so it is never repeated in an error.
    fn read(text: Option<&str>) -> Result<Self, CommandError> {
        match text.map(|text| text.split_once(':').unwrap_or((text, ""))) {
            None | Some(("prompt", "")) => Ok(Self::Prompt),
            Some(("env", name)) if !name.is_empty() => match std::env::var(name) {
                Ok(value) => Ok(Self::Known(Secret::new(value))),
                Err(_) => Err(CommandError::text(
                    ExitCode::Config,
                    format!("the environment variable `{name}` for the passphrase is not set"),
                )),
            },
            Some(("file", path)) if !path.is_empty() => {
                let text = fs::read_to_string(path).map_err(|error| {
                    CommandError::new(ExitCode::Config, error).context(format!("read the passphrase from `{path}`"))
                })?;
                let text = zeroize::Zeroizing::new(text);
                let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
                Ok(Self::Known(Secret::new(line)))
            }
            _ => Err(CommandError::text(
                ExitCode::Usage,
                "`--passphrase` takes the place of the passphrase, and never the passphrase itself: others can read arguments",
            )
            .hint("use `--passphrase prompt`, `--passphrase env:NAME` or `--passphrase file:PATH`")),
        }
    }
}

/// Reads the key; one that others can read is nobody's.
fn private_key(path: &Path) -> Result<Secret, CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::new(ExitCode::Config, error).context(format!("read the key `{}`", path.display()))
    };
    let file = fs::File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().map_err(failed)?.permissions());
        if mode & 0o077 != 0 {
            let text = format!("others can read the key `{}`, so that nobody knows who signs with it", path.display());
            return Err(CommandError::text(ExitCode::Config, text).hint(format!("`chmod 600 {}`", path.display())));
        }
    }
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::Read::read_to_string(&mut std::io::Read::take(file, 64 * 1024), &mut text).map_err(failed)?;
    Ok(Secret::new(text.as_str()))
}

fn sign(
    bytes: &[u8],
    key: &Secret,
    passphrase: Source,
    path: &Path,
    context: &Context,
) -> Result<(String, signature::Approval), CommandError> {
    let known = if let Source::Known(known) = &passphrase { Some(known) } else { None };
    let signed = match signature::sign(bytes, key, None) {
        Err(SigningError::Locked) if known.is_none() => {
            if !context.ui.can_ask() {
                let text =
                    format!("the key `{}` has a passphrase, and there is no terminal to ask for it", path.display());
                return Err(CommandError::text(ExitCode::Config, text)
                    .hint("`--passphrase env:NAME` or `--passphrase file:PATH` says where it is"));
            }
            let asked = rpassword::prompt_password(format!("Passphrase of {}: ", path.display()));
            let asked =
                asked.map_err(|error| CommandError::new(ExitCode::Usage, error).context("read the passphrase"))?;
            signature::sign(bytes, key, Some(&Secret::new(asked)))
        }
        Err(SigningError::Locked) => signature::sign(bytes, key, known),
        signed => signed,
    };
    signed.map_err(|error| {
        CommandError::new(ExitCode::Config, error)
            .context(format!("the plan cannot be signed with `{}`", path.display()))
    })
}
