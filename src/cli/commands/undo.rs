//! `edrctl undo`.

use clap::Args;

use super::{
    act,
    blocklist::{self, Deed, Prefixes, Wanted},
    rollout::RolloutArgs,
    runs,
};
use crate::{
    cli::{
        args::{ConsentArgs, FirewallArgs, line_of_text},
        context::Context,
        error::CommandError,
    },
    domain::{
        action::{ActionKind, Thing},
        outcome::ExitCode,
    },
    vendors::{TakesBack, VendorName},
};

/// Take back exactly what a run has put into a firewall, or taken out of it
///
/// What was so before the run is left, and so is what another run has asked for since. It is itself a run, with a journal of
/// its own.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// A run's name, a unique prefix of it, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Check and print the plan; send nothing that changes anything
    #[arg(long, help_heading = "Consent")]
    dry_run: bool,
    /// Why, in words: kept in the journal
    #[arg(long, help_heading = "Run", value_name = "TEXT", value_parser = line_of_text)]
    comment: Option<String>,
    /// Why, as the number of a ticket: for the journal
    #[arg(long, help_heading = "Run", value_name = "ID", value_parser = line_of_text)]
    ticket: Option<String>,
    #[command(flatten)]
    console: FirewallArgs,
}

/// Runs it.
pub(crate) async fn run(args: UndoArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let journals = context.journals()?;
    let name = runs::find(&journals, &args.run)?;
    let replay = journals.replay(&name)?;
    let header = &replay.header;
    let kind = ActionKind::from_word(&header.action).filter(|kind| kind.lands_on() == Thing::Indicator);
    let vendor = VendorName::from_word(&header.vendor).filter(|vendor| vendor.acts_on() == Thing::Indicator);
    let (Some(kind), Some(vendor)) = (kind, vendor) else {
        return Err(CommandError::text(
            ExitCode::Usage,
            format!("run {name} does `{}`, and only runs that block or unblock are taken back so", header.action),
        )
        .hint("`edrctl unisolate` puts hosts back"));
    };
    if header.simulated {
        return Err(CommandError::text(
            ExitCode::Refused,
            format!("run {name} was a rehearsal, and its simulated firewall ended with it; nothing was sent"),
        ));
    }
    if journals.is_live(&name)? {
        return Err(CommandError::text(ExitCode::Refused, format!("run {name} is still under way; nothing was sent"))
            .hint("interrupt it, or wait for its end"));
    }
    let changed = blocklist::undone_of(&replay, kind);
    if changed.is_empty() {
        context.ui.tell(&format!("run {name} has changed nothing, so there is nothing to take back"));
        return Ok(ExitCode::Success);
    }
    let back = kind.undone_by().unwrap_or(ActionKind::Unblock);
    let deed = Deed {
        kind: back,
        vendor,
        run: act::run_id()?,
        wanted: changed.iter().map(|text| Wanted::of_text(text)).collect(),
        expires: None,
        takes_back: (back == ActionKind::Unblock).then(|| TakesBack::Run(name.clone())),
        // It was in before, so there is no question of how many or how wide.
        max_new: Some(u64::MAX),
        prefixes: Prefixes { max_prefix: 0, max_prefix6: 0 },
        console: args.console.into(),
        consent: args.consent,
        dry_run: args.dry_run,
        comment: args.comment.or_else(|| Some(format!("undo of run {name}"))),
        ticket: args.ticket.or_else(|| header.ticket.clone()),
        profile: header.profile.clone(),
        address: Some(header.console.clone()),
        part: blocklist::part_of(&replay).map(str::to_owned),
        reading: (Vec::new(), Vec::new()),
        rollout: RolloutArgs::default(),
    };
    blocklist::run(deed, context).await
}
