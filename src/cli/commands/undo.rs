//! `edrctl undo`.

use clap::Args;

use super::{
    act,
    back::{self, BackArgs, OnlyArgs},
    blocklist::{self, Deed, Prefixes, Wanted},
    runs,
    unlock_code::UnlockCodeArgs,
};
use crate::{
    cli::{args::line_of_text, context::Context, error::CommandError, protection::AllowArgs, signals},
    clock,
    domain::{
        action::{ActionKind, Thing},
        id::RunId,
        outcome::{ExitCode, Outcome},
    },
    journal::{Header, LATEST, Replay, StateFolder, touch},
    reporters::{clean::clean, words},
    vendors::{TakesBack, VendorName},
};

/// Take back exactly what a run has changed
///
/// Hosts that it isolated are put back, hosts that it put back are isolated again, indicators go out of a firewall or in again.
/// What was so before the run is left, what was taken back since is not touched, and so is what a later run wants so. It is
/// itself a run, with a journal of its own, and can be undone.
#[derive(Clone, Debug, Args)]
pub(crate) struct UndoArgs {
    /// A run's name, a unique prefix of it, or `latest`: the last one that has not taken something back itself
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    #[command(flatten)]
    back: BackArgs,
    #[command(flatten)]
    only: OnlyArgs,
    #[command(flatten)]
    allowed: AllowArgs,
    #[command(flatten)]
    unlock_code: UnlockCodeArgs,
    /// Why, in words: kept in the journal, and by the console with each host where it has room for them
    #[arg(long, help_heading = "Run", value_name = "TEXT", value_parser = line_of_text)]
    comment: Option<String>,
    /// Why, as the number of a ticket: for the journal
    #[arg(long, help_heading = "Run", value_name = "ID", value_parser = line_of_text)]
    ticket: Option<String>,
}

/// Runs it.
pub(crate) async fn run(args: UndoArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let journals = context.journals()?;
    let name = find(&journals, &args.run, context)?;
    let (replay, is_live) = back::read_whole(&journals, &name)?;
    let kind = ActionKind::from_word(&replay.header.action);
    let Some((kind, opposite)) = kind.and_then(|kind| Some((kind, kind.undone_by()?))) else {
        let text = format!("run {name} does `{}`, and nothing takes that back; nothing was sent", replay.header.action);
        return Err(CommandError::text(ExitCode::Refused, text));
    };
    back::check_over(&replay, is_live, "taken back")?;
    let (pieces, _) = args.only.parts(replay)?;
    back::check_count(args.back.consent, pieces.len(), "`--only`")?;
    back::check_document(pieces.len(), ", or name one console with `--only`", context)?;
    let mut ended = Vec::with_capacity(pieces.len());
    // Whoever interrupts means all of them, and not only the console that is being asked.
    let (_cancel, _guard) = signals::catch()?;
    let again = context.typed(&["undo", name.as_str()]);
    for (begun, replay) in (1..).zip(pieces.iter().map(|piece| &piece.replay)) {
        if pieces.len() > 1 {
            context.ui.tell(&format!("{}, of {}:", replay.header.vendor, clean(&replay.header.console)));
        }
        let one = args.clone();
        let result = match (back::of_hosts(replay), kind.lands_on()) {
            (Err(error), _) => Err(error),
            (Ok(vendor), Thing::Host) => undo_hosts(one, &journals, replay, (kind, opposite), vendor, context).await,
            (Ok(vendor), Thing::Indicator) => {
                undo_indicators(one, &journals, replay, (kind, opposite), vendor, context).await
            }
        };
        let stops = matches!(result, Ok(ExitCode::Stopped)) || signals::heard();
        ended.push(result);
        if stops && pieces.len() > 1 {
            let touched =
                |replay: &Replay| replay.targets.iter().filter(|target| touch(target, kind).is_some()).count();
            let not_begun = pieces.iter().skip(begun).map(|piece| (&piece.replay, touched(&piece.replay)));
            return back::stopped(ended, not_begun, &again, context);
        }
    }
    if ended.is_empty() {
        context.ui.tell(&format!("there is nothing to take back of run {name}: it reached no host"));
    }
    back::together(ended, context)
}

/// Finds the run. The latest is the last one that is no taking back itself: `expire` runs by itself, and who types `undo` once more
/// does not mean to cut hosts off again.
fn find(journals: &StateFolder, wanted: &str, context: &Context) -> Result<RunId, CommandError> {
    let name = runs::find(journals, wanted)?;
    if wanted != LATEST {
        return Ok(name);
    }
    let no_way_back = |header: &Header| !back::takes_back(header);
    journals.newest(no_way_back)?.ok_or_else(|| {
        let text = "every run here has taken something back itself; nothing was sent";
        let undo = context.typed(&["undo", name.as_str()]);
        CommandError::text(ExitCode::Refused, text).hint(format!("name the run that is meant: `{undo}`"))
    })
}

async fn undo_hosts(
    args: UndoArgs,
    journals: &StateFolder,
    replay: &Replay,
    (kind, opposite): (ActionKind, ActionKind),
    vendor: VendorName,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let header = &replay.header;
    let name = &header.run;
    let (mut taken, history) = back::taken_back(journals, replay, kind, vendor)?;
    history.must_be_whole(context)?;
    if taken.hosts.is_empty() {
        let why = if taken.says.is_empty() { String::new() } else { format!(" ({})", taken.says.join("; ")) };
        context.ui.tell(&format!("there is nothing to take back of run {name}{why}"));
        return Ok(ExitCode::Success);
    }
    taken.says.insert(
        0,
        format!("takes back run {name}: {} of {} by {}", header.action, clock::rfc3339(replay.started), header.user),
    );
    if !replay.ended {
        let not_sent = replay.targets.iter().filter(|target| target.outcome() == Outcome::NotSent);
        let not_sent = not_sent.count() as u64;
        if not_sent > 0 {
            let hosts = words::hosts(not_sent);
            context.ui.tell(&format!(
                "run {name} stopped before {hosts}; once it is taken back, `edrctl resume` does not go on with them"
            ));
        }
    }
    let comment = args.comment.or_else(|| Some(format!("undo of run {name}")));
    let ticket = args.ticket.or_else(|| header.ticket.clone());
    let own = context.about(name, header.profile.as_deref());
    let mut deed = back::deed(opposite, vendor, taken, &args.back);
    deed.unlock_code = args.unlock_code.read(vendor, context)?;
    deed.queue_offline |= header.options.contains_key(act::QUEUE_OFFLINE);
    act::run(deed, args.back.change((comment, ticket), args.allowed, None), &own).await
}

async fn undo_indicators(
    args: UndoArgs,
    journals: &StateFolder,
    replay: &Replay,
    (kind, opposite): (ActionKind, ActionKind),
    vendor: VendorName,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    args.back.check_for_firewall()?;
    let header = &replay.header;
    let name = &header.run;
    let changed = blocklist::undone_of(replay, kind);
    let retimed = if kind == ActionKind::Block { blocklist::retimed_of(journals, replay)? } else { Default::default() };
    let (retimed, unknown) = retimed;
    if unknown > 0 {
        let indicators = words::count(unknown, "indicator keeps", "indicators keep");
        context
            .ui
            .warn(&format!("{indicators} the time that run {name} gave: no journal here knows of an earlier one"));
    }
    if changed.is_empty() && retimed.is_empty() {
        context.ui.tell(&format!("run {name} has changed nothing, so there is nothing to take back"));
        return Ok(ExitCode::Success);
    }
    let mut consent = args.back.consent;
    let parts = retimed.len() + usize::from(!changed.is_empty());
    back::check_document(parts, "", context)?;
    if let Some(expected) = consent.expect_count.filter(|_| parts > 1) {
        // The number is that of all of them.
        let found = (changed.len() + retimed.values().map(Vec::len).sum::<usize>()) as u64;
        if found != expected {
            let text = format!("{expected} indicators expected, and {found} are to be taken back; nothing was sent");
            return Err(CommandError::text(ExitCode::Refused, text));
        }
        consent.expect_count = None;
        consent.yes = true;
    }
    let deed = |kind, wanted: &[String], expires, takes_back: Option<TakesBack>| -> Result<Deed, CommandError> {
        let cuts_off = kind == ActionKind::Block && takes_back.is_none();
        Ok(Deed {
            kind,
            vendor,
            run: act::run_id()?,
            wanted: wanted.iter().map(|text| Wanted::of_text(text)).collect(),
            incomplete: false,
            expires,
            takes_back,
            // It was in before, so there is no question of how many or how wide.
            max_new: Some(u64::MAX),
            prefixes: Prefixes { max_prefix: 0, max_prefix6: 0 },
            console: args.back.console.clone().into(),
            consent,
            dry_run: args.back.dry_run,
            comment: args.comment.clone().or_else(|| Some(format!("undo of run {name}"))),
            ticket: args.ticket.clone().or_else(|| header.ticket.clone()),
            profile: header.profile.clone(),
            address: Some(header.console.clone()),
            part: blocklist::part_of(replay).map(str::to_owned),
            reading: (Vec::new(), Vec::new()),
            rollout: args.back.rollout.clone(),
            // What takes an `unblock` back cuts off.
            frees: !cuts_off,
            paper: None,
        })
    };
    // Whose mark it has left: where it has put a time back, that of the run whose time it was.
    let of = match blocklist::takes_back_of(replay)? {
        Some(TakesBack::Time { to, .. }) => to,
        _ => name.clone(),
    };
    let own = context.about(name, None);
    let mut ended = Vec::new();
    if !changed.is_empty() {
        let takes_back = (opposite == ActionKind::Unblock).then(|| TakesBack::Run(name.clone()));
        ended.push(blocklist::run(deed(opposite, &changed, None, takes_back)?, &own).await?);
    }
    // What was blocked before it stays blocked, for the time that held before.
    for ((earlier, expires), wanted) in &retimed {
        if ended.contains(&ExitCode::Stopped) {
            break;
        }
        let takes_back = TakesBack::Time { of: of.clone(), to: earlier.clone() };
        ended.push(blocklist::run(deed(ActionKind::Block, wanted, *expires, Some(takes_back))?, &own).await?);
    }
    let first = ended.first().copied().unwrap_or(ExitCode::Success);
    Ok(if ended.iter().all(|exit| *exit == first) { first } else { ExitCode::SomeFailed })
}
