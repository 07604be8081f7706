//! `edrctl plan`.

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{
    Draft, Paper, act,
    blocklist::{self, IndicatorArgs, Prefixes},
    place::Place,
    rollout::RolloutArgs,
};
use crate::{
    cli::{
        args::{
            ByChoice, ChangeArgs, ConsentArgs, ConsoleArgs, CrowdArgs, LastsArgs, OfflineArgs, RehearsedArgs,
            TargetArgs, WaitArgs, duration, firewall, host_console, line_of_text,
        },
        context::Context,
        error::CommandError,
        protection::AllowArgs,
    },
    domain::{action::ActionKind, outcome::ExitCode, selector::SelectorKind},
    plan_file::Options,
    vendors::VendorName,
};

/// Write down what would be done, to look at it, agree to it and do exactly that later
///
/// Resolves the targets, reads their states, and marks each: to act on, already so, protected, offline, not capable, ambiguous, not
/// found. Nothing is sent that changes anything. `edrctl apply` carries the plan out.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(subcommand)]
    action: PlanAction,
}

#[derive(Debug, Subcommand)]
enum PlanAction {
    Isolate(Box<IsolateArgs>),
    Unisolate(Box<HostArgs>),
    Block(Box<BlockArgs>),
    Unblock(Box<IndicatorPlanArgs>),
}

/// Plan to cut hosts off the network
#[derive(Debug, Args)]
struct IsolateArgs {
    #[command(flatten)]
    hosts: HostArgs,
    #[command(flatten)]
    lasts: LastsArgs,
}

/// Plan to put hosts back
#[derive(Debug, Args)]
struct HostArgs {
    /// The console
    #[arg(long, value_name = "V", help_heading = "Console", value_parser = host_console())]
    vendor: VendorName,
    #[command(flatten)]
    console: ConsoleArgs,
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    allowed: AllowArgs,
    #[command(flatten)]
    crowd: CrowdArgs,
    #[command(flatten)]
    offline: OfflineArgs,
    #[command(flatten)]
    plan: FileArgs,
}

/// Plan to have a firewall drop indicators
#[derive(Debug, Args)]
struct BlockArgs {
    #[command(flatten)]
    indicators: IndicatorPlanArgs,
    #[command(flatten)]
    prefixes: Prefixes,
    /// How many new indicators the run may put in [default: 50]
    #[arg(long, value_name = "N", help_heading = "Safety")]
    max_new: Option<u64>,
    /// Take them out again so long after they were put in; `edrctl expire` does it, from cron
    #[arg(long, visible_alias = "for", value_name = "DURATION", help_heading = "Run", value_parser = duration)]
    expires: Option<Duration>,
}

/// Plan to take indicators out of a firewall again
#[derive(Debug, Args)]
struct IndicatorPlanArgs {
    /// The firewall
    #[arg(long, value_name = "V", help_heading = "Console", value_parser = firewall())]
    vendor: VendorName,
    #[command(flatten)]
    console: RehearsedArgs,
    #[command(flatten)]
    targets: IndicatorArgs,
    #[command(flatten)]
    plan: FileArgs,
}

/// The file, and what goes into every plan.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plan")]
struct FileArgs {
    /// Where the plan goes: a file of yours alone
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Put the plan in the place of a file that is there
    #[arg(long)]
    replace: bool,
    /// Why, in words: for whoever agrees, the journal, and the console where it has room for them
    #[arg(long, value_name = "TEXT", value_parser = line_of_text)]
    comment: Option<String>,
    /// Why, as the number of a ticket
    #[arg(long, value_name = "ID", value_parser = line_of_text)]
    ticket: Option<String>,
    /// Make no plan unless the targets resolve to exactly N
    #[arg(long, value_name = "N")]
    expect_count: Option<u64>,
    /// The most targets that the plan may act on, instead of `max_targets` in `[safety]`
    #[arg(long, value_name = "N", help_heading = "Safety")]
    max_targets: Option<NonZeroU64>,
}

impl FileArgs {
    fn place(&self) -> Result<Place, CommandError> {
        Place::new(&self.out, self.replace)
    }

    const fn consent(&self) -> ConsentArgs {
        ConsentArgs { yes: false, expect_count: self.expect_count }
    }

    fn rollout(&self) -> RolloutArgs {
        RolloutArgs::at_most(self.max_targets)
    }
}

/// Runs it.
pub(crate) async fn run(args: PlanArgs, context: &Context) -> Result<ExitCode, CommandError> {
    match args.action {
        PlanAction::Isolate(args) => {
            let IsolateArgs { hosts, lasts } = *args;
            self::hosts(ActionKind::Isolate, hosts, lasts.lasts, context).await
        }
        PlanAction::Unisolate(args) => hosts(ActionKind::Unisolate, *args, None, context).await,
        PlanAction::Block(args) => {
            let BlockArgs { indicators, prefixes, max_new, expires } = *args;
            let options = Options {
                lasts: whole(expires)?,
                max_new,
                max_prefix: Some(prefixes.max_prefix).filter(|prefix| *prefix < Prefixes::default().max_prefix),
                max_prefix6: Some(prefixes.max_prefix6).filter(|prefix| *prefix < Prefixes::default().max_prefix6),
                ..Options::default()
            };
            self::indicators(ActionKind::Block, indicators, prefixes, options, context).await
        }
        PlanAction::Unblock(args) => {
            indicators(ActionKind::Unblock, *args, Prefixes::default(), Options::default(), context).await
        }
    }
}

/// A time as a plan keeps it; for longer than anything lasts, nothing is planned.
fn whole(time: Option<Duration>) -> Result<Option<u64>, CommandError> {
    match time {
        Some(time) if time.is_zero() || time > crate::cli::args::MOST_LASTING => {
            Err(CommandError::text(ExitCode::Usage, "more than nothing is wanted, and at most ten years"))
        }
        time => Ok(time.map(super::back::whole_seconds)),
    }
}

async fn hosts(
    kind: ActionKind,
    args: HostArgs,
    lasts: Option<Duration>,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let HostArgs { vendor, console, targets, allowed, crowd, offline, plan } = args;
    let options = Options {
        lasts: whole(lasts)?,
        product: console.product.clone(),
        netbios: targets.netbios,
        queue_offline: offline.queue_offline,
        allow_rotation: crowd.allow_rotation,
        require_console: crowd.require_console,
        allow_protected: allowed.allow_protected.clone(),
        allow_reason: allowed.reason.clone(),
        max_targets: plan.max_targets.map(NonZeroU64::get),
        ..Options::default()
    };
    let by = targets.by.map(|by| match by {
        ByChoice::Id => SelectorKind::Id,
        ByChoice::Host => SelectorKind::Name,
        ByChoice::Ip => SelectorKind::Ip,
        ByChoice::Mac => SelectorKind::Mac,
    });
    let draft = Draft {
        place: plan.place()?,
        options,
        by,
        has_crowds: !targets.groups.is_empty() || !targets.malops.is_empty(),
        wants_approval: false,
    };
    let deed = act::Deed {
        crowd,
        lasts,
        queue_offline: offline.queue_offline,
        paper: Some(Paper::Write(Box::new(draft))),
        ..act::Deed::plain(kind, vendor)
    };
    let change = ChangeArgs {
        console,
        targets,
        consent: plan.consent(),
        wait: WaitArgs { wait: None },
        rollout: plan.rollout(),
        allowed,
        dry_run: true,
        comment: plan.comment,
        ticket: plan.ticket,
    };
    act::run(deed, change, context).await
}

async fn indicators(
    kind: ActionKind,
    args: IndicatorPlanArgs,
    prefixes: Prefixes,
    options: Options,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let IndicatorPlanArgs { vendor, console, targets, plan } = args;
    let place = plan.place()?;
    let options = Options { max_targets: plan.max_targets.map(NonZeroU64::get), ..options };
    let max_new = options.max_new;
    let draft = Draft { place, options, by: None, has_crowds: false, wants_approval: false };
    let (wanted, complete) = blocklist::read(&targets, context)?;
    if wanted.is_empty() && !complete {
        return Err(blocklist::nothing_of_some());
    }
    let deed = blocklist::Deed {
        kind,
        vendor,
        run: act::run_id()?,
        wanted,
        // A plan of a list that says that it is not whole is not the whole plan.
        incomplete: !complete,
        expires: None,
        takes_back: None,
        max_new,
        prefixes,
        console: console.into(),
        consent: plan.consent(),
        dry_run: true,
        rollout: plan.rollout(),
        comment: plan.comment,
        ticket: plan.ticket,
        profile: None,
        address: None,
        part: None,
        reading: (Vec::new(), Vec::new()),
        frees: false,
        paper: Some(Paper::Write(Box::new(draft))),
    };
    blocklist::run(deed, context).await
}
