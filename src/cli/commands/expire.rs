//! `edrctl expire`.

use std::{collections::BTreeSet, sync::Arc};

use clap::Args;

use super::{
    act,
    back::{self, BackArgs, Place},
    blocklist::{self, Deed, Prefixes, Wanted},
    prepare,
    session::{Opening, Session, overrides},
};
use crate::{
    cli::{context::Context, error::CommandError, protection::AllowArgs, signals},
    clock,
    config::{Loaded, Overrides},
    domain::{
        action::{ActionKind, Thing},
        id::RunId,
        indicator::Indicator,
        outcome::ExitCode,
    },
    journal::JournalError,
    reporters::{clean::clean, words},
    vendors::{TakesBack, VendorName, Wishes},
};

/// Put back hosts and take out indicators whose time is over; for cron
///
/// Hosts are due by the journals: what a run with --for has isolated itself is put back, unless another run wants it longer, or has
/// put it back already. Indicators are due by the journals and by the mark that every object of ours carries. One console that
/// fails does not keep the next one waiting. Exit code 0 where nothing is due; 6 where something could not be done, and the next
/// call tries it again.
#[derive(Debug, Args)]
pub(crate) struct ExpireArgs {
    /// One console only [default: every one that something is due at]
    #[arg(long, value_name = "V", help_heading = "Console")]
    vendor: Option<VendorName>,
    #[command(flatten)]
    back: BackArgs,
}

/// Runs it.
pub(crate) async fn run(args: ExpireArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let loaded = context.configuration(Overrides::default())?;
    let configured = loaded.consoles();
    let is_wanted = |vendor: VendorName| args.vendor.is_none_or(|wanted| wanted == vendor);
    // The profile that is named may lead to the same console as that of the newest run there.
    let is_meant = |place: &Place, vendor: VendorName| {
        let named = context.global.profile.as_ref();
        let leads_there = || loaded.console(vendor).is_ok_and(|ready| ready.link().address == place.console);
        named.is_none_or(|profile| place.profile.as_ref() == Some(profile) || leads_there())
    };
    // Whoever interrupts means all of them, and not only the console that is being asked.
    let (_cancel, _guard) = signals::catch()?;
    let mut ended = Vec::new();
    let now = clock::now();
    let journals = context.journals()?;
    let places = back::places(&journals)?;
    let gone = journals.lost()?;
    let asked = args.vendor.is_some();
    let firewall = |vendor: &VendorName| is_wanted(*vendor) && (asked || configured.contains(vendor));
    let firewalls = VendorName::that_act_on(Thing::Indicator).filter(&firewall).count();
    // Firewalls that the configuration does not lead to: of what is due there, only journals know.
    let elsewhere: Vec<(&Place, VendorName)> = places
        .iter()
        .filter_map(|place| Some((place, place.firewall().filter(|vendor| is_wanted(*vendor))?)))
        .filter(|(place, vendor)| !(firewall(vendor) && leads_to(&loaded, *vendor, place)))
        .collect();
    let is_asked = |place: &&Place| {
        let vendor = place.host_console().filter(|vendor| is_wanted(*vendor));
        vendor.is_some_and(|vendor| is_meant(place, vendor))
    };
    let is_due = |place: &&Place| place.due(now).next().is_some() && is_asked(place);
    let due_elsewhere = elsewhere.iter().filter(|(place, _)| place.due(now).next().is_some()).count();
    let due = places.iter().filter(is_due).count() + firewalls + due_elsewhere;
    back::check_count(args.back.consent, due, "`--vendor` (and `--profile`)")?;
    // Told before it is due: whoever has this in cron must not learn of it when it is to put back hosts.
    let waiting = places.iter().filter(|place| !place.pending.is_empty() && is_asked(place)).count();
    back::check_document(waiting + firewalls, ", or name one console with `--vendor`", context)?;
    for place in &places {
        let Some(vendor) = place.host_console().filter(|vendor| is_wanted(*vendor)) else { continue };
        if signals::heard() {
            break;
        }
        if place.due(now).next().is_none() && !place.unread.is_empty() {
            ended.push(Err(unread(&place.unread, &format!("at {}", clean(&place.console)), context)));
        } else if place.due(now).next().is_none() {
            context.ui.tell(&format!("nothing is due at {}", clean(&place.console)));
        } else if is_meant(place, vendor) {
            ended.push(release(vendor, place, now, &args.back, context).await);
        } else {
            left_by_profile(&words::hosts(place.due(now).count() as u64), place, context);
        }
    }
    for vendor in VendorName::that_act_on(Thing::Indicator).filter(firewall) {
        if signals::heard() {
            break;
        }
        args.back.check_for_firewall().or_else(|error| if asked { Err(error) } else { Ok(()) })?;
        ended.push(expire(vendor, &args.back, context).await);
    }
    for (place, vendor) in elsewhere {
        if signals::heard() {
            break;
        }
        if place.due(now).next().is_none() {
            context.ui.tell(&format!("nothing is due at {}", place.name()));
        } else if is_meant(place, vendor) {
            ended.push(expire_elsewhere(vendor, place, now, &args.back, context).await);
        } else {
            left_by_profile(&words::things(place.due(now).count() as u64, "unblock"), place, context);
        }
    }
    let lost = if places.is_empty() { back::unread(&context.journals()?)? } else { Vec::new() };
    if !lost.is_empty() {
        ended.push(Err(unread(&lost, "there", context)));
    }
    if ended.is_empty() && places.is_empty() && gone.is_empty() && configured.is_empty() {
        return Err(CommandError::text(
            ExitCode::Config,
            "no console is configured, and no journal says that anything is due",
        )
        .hint("`config.example.toml` shows the section of each"));
    }
    if ended.is_empty() && places.is_empty() && gone.is_empty() {
        context.ui.tell("nothing is due");
    }
    mind_gone(&gone, back::together(ended, context), context)
}

/// A journal that is gone may have had something due: whatever could be done is not all.
fn mind_gone(
    gone: &[RunId],
    ended: Result<ExitCode, CommandError>,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    for run in gone {
        context.ui.warn(&JournalError::Lost { run: run.clone() }.to_string());
    }
    let Some(run) = gone.first().filter(|_| matches!(ended, Ok(ExitCode::Success))) else { return ended };
    let journals = words::count(gone.len() as u64, "journal is", "journals are");
    let text = format!("{journals} gone, so nobody knows what those runs have left due");
    let hint = JournalError::Lost { run: run.clone() }.hint();
    Err(hint.into_iter().fold(CommandError::text(ExitCode::Journal, text), CommandError::hint))
}

/// What is said where journals that cannot be read may have had something due.
fn unread(unread: &[(RunId, Arc<JournalError>)], place: &str, context: &Context) -> CommandError {
    for (run, error) in unread {
        context.ui.warn(&format!("{run}: {error}"));
    }
    let runs = words::count(unread.len() as u64, "journal", "journals");
    let text = format!("{runs} cannot be read, so nobody knows what is due {place}; nothing was sent");
    CommandError::text(ExitCode::Journal, text).hint(
        "`edrctl runs verify --all` names what is wrong; a run whose journal and seal are moved out of the folder is asked no more",
    )
}

/// What is said of a place that a profile other than the named one leads to.
fn left_by_profile(things: &str, place: &Place, context: &Context) {
    let profile = place.profile.as_deref();
    let whose = profile.map_or("no profile".to_owned(), |profile| format!("profile `{}`", clean(profile)));
    let address = place.name();
    context
        .ui
        .warn(&format!("{things} due at {address} left: the runs there had {whose}, and `--profile` names another"));
}

/// Whether a configuration leads to a firewall that journals know.
fn leads_to(loaded: &Loaded, vendor: VendorName, place: &Place) -> bool {
    loaded
        .console(vendor)
        .is_ok_and(|ready| ready.link().address == place.console && place.is_in(ready.part().as_deref()))
}

/// Takes out what is due at a firewall that only the profile of its runs leads to; where that does not either, it is told, and the
/// journals' word on how much it is.
async fn expire_elsewhere(
    vendor: VendorName,
    place: &Place,
    now: jiff::Timestamp,
    args: &BackArgs,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let own = back::context_of(context, place.profile.as_deref());
    let due = format!("{} due at {} left", words::things(place.due(now).count() as u64, "unblock"), place.name());
    let loaded =
        own.configuration(overrides(vendor, args.console.concurrency)).map_err(|error| error.context(due.clone()))?;
    let ready = loaded.console(vendor).map_err(|error| CommandError::from(error).context(due.clone()))?;
    if !leads_to(&loaded, vendor, place) {
        let part = ready.part().filter(|_| place.part.is_some());
        let part = part.map(|part| format!(" ({})", clean(&part))).unwrap_or_default();
        let text = format!("{due}: the configuration speaks to {}{part}", clean(&ready.link().address));
        return Err(CommandError::text(ExitCode::Config, text)
            .hint("name the configuration that leads there with `--config` or `--profile`; what is gone from there already is known once it was asked"));
    }
    expire(vendor, args, &own).await
}

/// Puts back the hosts of one console whose time is over.
async fn release(
    vendor: VendorName,
    place: &Place,
    now: jiff::Timestamp,
    args: &BackArgs,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let hosts = words::hosts(place.due(now).count() as u64);
    let address = clean(&place.console);
    if let Some((run, _)) = place.unread.first() {
        for (run, error) in &place.unread {
            context.ui.warn(&format!("{run}: {error}"));
        }
        let text = format!(
            "{hosts} due at {address} left: the journal of run {run} cannot be read, and may say that they are to stay isolated"
        );
        return Err(CommandError::text(ExitCode::Journal, text).hint(
            "`edrctl runs verify --all` names what is wrong; a run whose journal and seal are moved out of the folder is asked no more",
        ));
    }
    let own = back::context_of(context, place.profile.as_deref());
    let due = format!("{hosts} due at {address} left");
    // The address is asked of the configuration first: another console is no failure of this one.
    let loaded =
        own.configuration(overrides(vendor, args.console.concurrency)).map_err(|error| error.context(due.clone()))?;
    let ready = loaded.console(vendor).map_err(|error| CommandError::from(error).context(due.clone()))?;
    if ready.link().address != place.console {
        let text = format!("{due}: the configuration speaks to {}", clean(&ready.link().address));
        return Err(CommandError::text(ExitCode::Config, text)
            .hint("name the configuration that leads there with `--config` or `--profile`"));
    }
    let deed = back::deed(ActionKind::Unisolate, vendor, place.back(vendor, now), args);
    act::run(deed, args.change((Some("expired".to_owned()), None), AllowArgs::default(), None), &own).await
}

async fn expire(vendor: VendorName, args: &BackArgs, context: &Context) -> Result<ExitCode, CommandError> {
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
        incomplete: false,
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
        rollout: args.rollout.clone(),
        frees: true,
        paper: None,
    };
    blocklist::run(deed, context).await
}

/// What is due, by the firewall's own marks and by the journals, and where.
async fn due(
    vendor: VendorName,
    args: &BackArgs,
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
    let longer = journalled.intersection(&lasting).count() as u64;
    if longer > 0 {
        let stay = words::count(longer, "indicator stays", "indicators stay");
        context.ui.tell(&format!("{stay}: due by a journal here, and marked in the firewall to stay longer"));
    }
    let lost = marked.iter().filter(|indicator| !journalled.contains(*indicator)).count() as u64;
    if lost > 0 {
        let known = words::count(lost, "indicator is", "indicators are");
        context.ui.tell(&format!("{known} due by the firewall's marks alone: no journal here knows of it"));
    }
    let due = marked.into_iter().chain(journalled.into_iter().filter(|indicator| !lasting.contains(indicator)));
    Ok((address, part, due.collect()))
}
