//! `edrctl expire`.

use std::collections::BTreeSet;

use clap::Args;

use super::{
    act,
    blocklist::{self, Deed, Prefixes, Wanted},
    prepare,
    rollout::RolloutArgs,
    session::{Opening, Session, overrides},
};
use crate::{
    cli::{
        args::{ConsentArgs, FirewallArgs, firewall},
        context::Context,
        error::CommandError,
        signals,
    },
    clock,
    config::Overrides,
    domain::{
        action::{ActionKind, Thing},
        indicator::Indicator,
        outcome::ExitCode,
    },
    reporters::{clean::clean, words},
    vendors::{TakesBack, VendorName, Wishes},
};

/// Take out of firewalls what was put in for a time that has come; for cron
///
/// What is due stands in the journals and in the mark that every object of ours carries, so that a lost journal loses
/// nothing. Only what carries the mark is taken out, and nothing that a later run wants to stay. Exit code 0 where nothing
/// is due.
#[derive(Debug, Args)]
pub(crate) struct ExpireArgs {
    /// The firewall [default: every one that the configuration speaks of]
    #[arg(long, value_name = "V", help_heading = "Console", value_parser = firewall())]
    vendor: Option<VendorName>,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Look and print the plan; send nothing that changes anything
    #[arg(long, help_heading = "Consent")]
    dry_run: bool,
    #[command(flatten)]
    console: FirewallArgs,
}

/// Runs it. A firewall that fails does not keep the next one waiting.
pub(crate) async fn run(args: ExpireArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let loaded = context.configuration(Overrides::default())?;
    let configured = loaded.consoles();
    let is_wanted = |vendor: &VendorName| args.vendor.map_or(configured.contains(vendor), |wanted| wanted == *vendor);
    let vendors: Vec<VendorName> = VendorName::that_act_on(Thing::Indicator).filter(is_wanted).collect();
    if vendors.is_empty() {
        return Err(CommandError::text(ExitCode::Config, "no firewall is configured")
            .hint("`config.example.toml` shows the section of each"));
    }
    let mut worst = Ok(ExitCode::Success);
    for vendor in vendors {
        let ended = expire(vendor, &args, context).await;
        let failed = !matches!(ended, Ok(ExitCode::Success));
        if failed && matches!(worst, Ok(ExitCode::Success)) {
            worst = ended;
        }
    }
    worst
}

async fn expire(vendor: VendorName, args: &ExpireArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let now = clock::now();
    let (address, part, due) = due(vendor, args, now, context).await?;
    if due.is_empty() {
        context.ui.tell(&format!("nothing is due at {}", clean(&address)));
        return Ok(ExitCode::Success);
    }
    let deed = Deed {
        kind: ActionKind::Unblock,
        vendor,
        run: act::run_id()?,
        wanted: due.into_iter().map(Wanted::of).collect(),
        expires: None,
        takes_back: Some(TakesBack::Due(now)),
        max_new: None,
        prefixes: Prefixes::default(),
        console: args.console.clone().into(),
        consent: args.consent,
        dry_run: args.dry_run,
        comment: Some("expired".to_owned()),
        ticket: None,
        profile: None,
        address: Some(address),
        part,
        reading: (Vec::new(), Vec::new()),
        rollout: RolloutArgs::default(),
    };
    blocklist::run(deed, context).await
}

/// What is due, by the firewall's own marks and by the journals, and where.
async fn due(
    vendor: VendorName,
    args: &ExpireArgs,
    now: jiff::Timestamp,
    context: &Context,
) -> Result<(String, Option<String>, BTreeSet<Indicator>), CommandError> {
    let (cancel, _guard) = signals::catch()?;
    let loaded = context.configuration(overrides(vendor, args.console.concurrency))?;
    let opening = Opening {
        vendor,
        simulate: None,
        faults: None,
        concurrency: args.console.concurrency,
        max_wait: args.console.max_wait,
        uses_reserve: true,
        wishes: Wishes::default(),
    };
    let mut session = Session::open(opening, Some(&loaded), context).await?;
    let mut tell = prepare::teller(context);
    let asked = session.console.ask(&cancel, &mut tell, |vendor| async move { vendor.kept().await }).await;
    let kept = asked.map_err(|halt| prepare::failed(&session, halt))?;
    let (address, part) = (session.address.clone(), session.part.clone());
    session.close().await;
    let is_due = |at: Option<jiff::Timestamp>| at.is_some_and(|at| at <= now);
    let marked: BTreeSet<Indicator> = kept
        .iter()
        .filter(|kept| is_due(kept.expires))
        .filter_map(|kept| Indicator::parse(kept.id.as_str()).ok().map(|parsed| parsed.indicator))
        .collect();
    let mut unread = 0_u64;
    let mut on_unread = |run: &crate::domain::id::RunId, error: &crate::journal::JournalError| {
        unread += 1;
        context.ui.warn(&format!("{run}: {error}"));
    };
    let pending = blocklist::pending(&context.journals()?, vendor, (&address, part.as_deref()), &mut on_unread)?;
    // What a later run wants to stay has a later mark, and is no longer this journal's to take out.
    let lasting: BTreeSet<Indicator> = kept
        .iter()
        .filter(|kept| !is_due(kept.expires))
        .filter_map(|kept| Indicator::parse(kept.id.as_str()).ok().map(|parsed| parsed.indicator))
        .collect();
    let journalled: BTreeSet<Indicator> =
        pending.into_iter().filter(|pending| pending.expires <= now).map(|pending| pending.indicator).collect();
    let lost = marked.iter().filter(|indicator| !journalled.contains(*indicator)).count() as u64;
    if lost > 0 {
        let known = words::count(lost, "indicator is", "indicators are");
        context.ui.tell(&format!("{known} due by the firewall's marks alone: no journal here knows of it"));
    }
    let due = marked.into_iter().chain(journalled.into_iter().filter(|indicator| !lasting.contains(indicator)));
    Ok((address, part, due.collect()))
}
