//! `edrctl block`.

use std::time::Duration;

use clap::Args;

use super::{
    act,
    blocklist::{self, Deed, IndicatorArgs, Prefixes},
};
use crate::{
    cli::{
        args::{IndicatorActArgs, duration},
        context::Context,
        error::CommandError,
    },
    clock,
    domain::{action::ActionKind, outcome::ExitCode},
};

/// Have a firewall drop what comes from and goes to indicators
///
/// Each indicator is vetted before anything is sent: private and special addresses, public resolvers, the hosts of the
/// consoles, what `[safety]` protects and wide networks are refused, each with its reason. What is left becomes an address
/// object in one group that a deny policy of yours uses. Everything written is read back.
#[derive(Debug, Args)]
pub(crate) struct BlockArgs {
    #[command(flatten)]
    targets: IndicatorArgs,
    #[command(flatten)]
    act: IndicatorActArgs,
    #[command(flatten)]
    prefixes: Prefixes,
    /// How many new indicators a run may put in [default: 50]
    #[arg(long, value_name = "N", help_heading = "Safety")]
    max_new: Option<u64>,
    /// Take them out again after this long; `edrctl expire` does it, from cron
    #[arg(long, value_name = "DURATION", help_heading = "Run", value_parser = duration)]
    expires: Option<Duration>,
}

/// Runs it.
pub(crate) async fn run(args: BlockArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let wanted = blocklist::read(&args.targets, context)?;
    let mut deed = deed(ActionKind::Block, wanted, args.act, &args.targets)?;
    deed.prefixes = args.prefixes;
    deed.max_new = args.max_new;
    deed.expires = match args.expires {
        Some(after) => Some(due_in(after)?),
        None => None,
    };
    blocklist::run(deed, context).await
}

/// When a time from now is.
fn due_in(after: Duration) -> Result<jiff::Timestamp, CommandError> {
    clock::now()
        .checked_add(after)
        .map_err(|_| CommandError::text(ExitCode::Usage, "`--expires` is longer than time is counted here"))
}

/// What `block` and `unblock` have in common.
pub(super) fn deed(
    kind: ActionKind,
    wanted: Vec<blocklist::Wanted>,
    args: IndicatorActArgs,
    targets: &IndicatorArgs,
) -> Result<Deed, CommandError> {
    Ok(Deed {
        kind,
        vendor: args.vendor,
        run: act::run_id()?,
        wanted,
        expires: None,
        takes_back: None,
        max_new: None,
        prefixes: Prefixes::default(),
        console: args.console.into(),
        consent: args.consent,
        dry_run: args.dry_run,
        comment: args.comment,
        ticket: args.ticket,
        profile: None,
        address: None,
        reading: blocklist::reading(targets),
    })
}
