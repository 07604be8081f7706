//! `edrctl apply`.

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use clap::Args;

use super::{
    Applied, Paper, act, back,
    blocklist::{self, Prefixes},
    once,
    rollout::RolloutArgs,
    unlock_code::UnlockCodeArgs,
};
use crate::{
    cli::{
        args::{
            ChangeArgs, ConsentArgs, ConsoleArgs, CrowdArgs, HearingArgs, TargetArgs, WaitArgs, concurrency, duration,
        },
        context::Context,
        error::CommandError,
        protection::AllowArgs,
    },
    clock,
    domain::{action::Thing, outcome::ExitCode},
    plan_file::Options,
    reporters::clean::clean,
};

/// Carry out a plan: exactly what it says, or nothing
///
/// Looks at every host of the plan first. Where one is in another state than it was, may be another machine, or is protected by
/// now, nothing is sent, and which it is is told. The same for a plan that was edited, that is too old, that is for another console
/// or that was carried out before. What is sent, journalled and told is what `isolate`, `unisolate`, `block` and `unblock` do.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The plan, as `edrctl plan --out` has written it
    #[arg(value_name = "PLAN")]
    file: PathBuf,
    /// Refuse a plan that is older
    #[arg(long, value_name = "DURATION", help_heading = "Plan", default_value = "1h", value_parser = duration)]
    max_age: Duration,
    /// Refuse a plan that nobody has approved with one of the keys in this file: public keys as ssh-keygen makes them, one a line.
    /// Beside those that `require_approval` in `[safety]` wants
    #[arg(long, value_name = "KEY.pub", help_heading = "Plan")]
    approve_with: Option<PathBuf>,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Check the plan and print what would be done; send nothing that changes anything
    #[arg(long, help_heading = "Consent")]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    hearing: HearingArgs,
    #[command(flatten)]
    rollout: RolloutArgs,
    #[command(flatten)]
    unlock_code: UnlockCodeArgs,
    #[command(flatten)]
    console: SpeechArgs,
}

/// How the console is spoken to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Console")]
struct SpeechArgs {
    /// Rehearse the plan against an embedded simulated console; no real host is touched
    #[arg(long)]
    simulate: bool,
    /// Faults of the simulated console, as a TOML file (docs/simulator.md)
    #[arg(long, value_name = "FILE", requires = "simulate")]
    faults: Option<PathBuf>,
    /// Requests in flight [default: the configuration's]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    concurrency: Option<std::num::NonZeroUsize>,
    /// The longest wait for the console's quota; edrctl stops rather than wait longer (exit code 7)
    #[arg(long, value_name = "DURATION", default_value = "70m", value_parser = duration)]
    max_wait: Duration,
}

impl SpeechArgs {
    fn console(self, product: Option<String>) -> ConsoleArgs {
        let Self { simulate, faults, concurrency, max_wait } = self;
        ConsoleArgs { product, simulate, faults, concurrency, max_wait }
    }
}

/// Runs it.
pub(crate) async fn run(args: ApplyArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let mut applied = Applied::read(&args.file, args.max_age)?;
    applied.check_age()?;
    applied.approve_with.clone_from(&args.approve_with);
    let own = back::context_of(context, applied.plan.about.profile.as_deref());
    // What has been done once is told before what has changed by it.
    if let Some(run) = once::run_of(&own.journals()?, &applied.digest, args.console.simulate)? {
        return Err(once::refuse_again(&run, &context.invocation(Vec::new(), Vec::new())));
    }
    let mut rollout = args.rollout.clone();
    let options = applied.plan.about.options.clone();
    // With `--yes` nobody is shown the plan any more.
    for host in &options.allow_protected {
        let reason = options.allow_reason.as_deref().unwrap_or_default();
        context.ui.warn(&clean(&format!("the plan allows {host} although it is protected, because: {reason}")));
    }
    rollout.max_targets = rollout.max_targets.or(options.max_targets.and_then(NonZeroU64::new));
    match applied.kind.lands_on() {
        Thing::Host => hosts(args, applied, options, rollout, &own).await,
        Thing::Indicator => indicators(args, applied, &options, rollout, &own).await,
    }
}

async fn hosts(
    args: ApplyArgs,
    applied: Applied,
    options: Options,
    rollout: RolloutArgs,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let (kind, vendor) = (applied.kind, applied.vendor);
    let about = &applied.plan.about;
    let Options { lasts, product, netbios, queue_offline, allow_rotation, require_console, .. } = options;
    let change = ChangeArgs {
        console: args.console.console(product),
        targets: TargetArgs { netbios, ..TargetArgs::none() },
        consent: args.consent,
        wait: args.wait,
        rollout,
        allowed: AllowArgs { allow_protected: options.allow_protected, reason: options.allow_reason },
        dry_run: args.dry_run,
        comment: about.comment.clone(),
        ticket: about.ticket.clone(),
    };
    let deed = act::Deed {
        unlock_code: args.unlock_code.read(vendor, context)?,
        stream: args.hearing.stream,
        crowd: CrowdArgs { allow_rotation, require_console },
        lasts: lasts.map(Duration::from_secs),
        queue_offline,
        own_name: Some("apply"),
        paper: Some(Paper::Apply(Box::new(applied))),
        ..act::Deed::plain(kind, vendor)
    };
    act::run(deed, change, context).await
}

async fn indicators(
    args: ApplyArgs,
    applied: Applied,
    options: &Options,
    rollout: RolloutArgs,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    if args.wait.wait.is_some() {
        return Err(CommandError::text(
            ExitCode::Usage,
            "this plan is for a firewall, which answers at once, so `--wait` has no use",
        ));
    }
    args.unlock_code.read(applied.vendor, context)?;
    let about = &applied.plan.about;
    let expires = options.lasts.map(|lasts| clock::now().checked_add(Duration::from_secs(lasts))).transpose();
    let expires = expires.map_err(|error| CommandError::new(ExitCode::Refused, error))?;
    let deed = blocklist::Deed {
        kind: applied.kind,
        vendor: applied.vendor,
        run: act::run_id()?,
        wanted: applied.wanted(),
        incomplete: false,
        expires,
        takes_back: None,
        max_new: options.max_new,
        prefixes: Prefixes {
            max_prefix: options.max_prefix.unwrap_or(Prefixes::default().max_prefix),
            max_prefix6: options.max_prefix6.unwrap_or(Prefixes::default().max_prefix6),
        },
        console: args.console.console(None),
        consent: args.consent,
        dry_run: args.dry_run,
        rollout,
        comment: about.comment.clone(),
        ticket: about.ticket.clone(),
        profile: about.profile.clone(),
        address: None,
        part: None,
        reading: (Vec::new(), Vec::new()),
        frees: false,
        paper: Some(Paper::Apply(Box::new(applied))),
    };
    blocklist::run(deed, context).await
}
