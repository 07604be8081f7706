//! `edrctl rerun`.

use std::collections::HashSet;

use clap::Args;

use super::{
    act,
    back::{self, BackArgs, OnlyArgs, Reading},
    blocklist::{self, Deed, Prefixes, Wanted},
    replayed, rollout, runs,
    unlock_code::UnlockCodeArgs,
};
use crate::{
    cli::{args::line_of_text, context::Context, error::CommandError, protection::AllowArgs, signals},
    domain::{
        action::{ActionKind, Thing},
        id::RunId,
        outcome::{ExitCode, Outcome},
    },
    journal::{FOR, Replay, StateFolder, TargetReplay},
    reporters::{clean::clean, words},
    vendors::{Repeat, VendorName},
};

/// Do again what did not succeed in a run, and nothing else
///
/// What failed, was not confirmed, refused, not found or not sent is planned anew, as a run of its own that names the first. What is
/// in doubt is looked at before. What succeeded is not touched, neither in the run nor in one that did it again. Exit code 0 where
/// nothing is left.
#[derive(Clone, Debug, Args)]
pub(crate) struct RerunArgs {
    /// A run's name, a unique prefix of it, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    #[command(flatten)]
    back: BackArgs,
    #[command(flatten)]
    only: OnlyArgs,
    #[command(flatten)]
    unlock_code: UnlockCodeArgs,
    /// Why, in words [default: that of the run]
    #[arg(long, help_heading = "Run", value_name = "TEXT", value_parser = line_of_text)]
    comment: Option<String>,
    /// Why, as the number of a ticket [default: that of the run]
    #[arg(long, help_heading = "Run", value_name = "ID", value_parser = line_of_text)]
    ticket: Option<String>,
}

/// Runs it.
pub(crate) async fn run(args: RerunArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let journals = context.journals()?;
    let name = runs::find(&journals, &args.run)?;
    let (replay, is_live) = back::read_whole(&journals, &name)?;
    let kind = replayed::kind_of(&replay)?;
    back::check_over(&replay, is_live, "done again")?;
    refuse_derived(&replay, context)?;
    if args.back.rollout.spread_by().is_none() && rollout::was_spread(&replay) {
        let text = format!(
            "run {name} went in waves or had a limit of failures, and this would act on all that is left at once"
        );
        return Err(CommandError::text(ExitCode::Refused, format!("{text}; nothing was sent")).hint(format!(
            "say how it is to go (`--waves 1,25%,100%`, `--halt fail=5%`; `--waves 100%` is all at once); `{}` goes on with waves that \
             have not had their turn",
            context.typed(&["resume", name.as_str()])
        )));
    }
    let reruns = reruns_of(&journals, &name)?;
    let action = replay.header.action.clone();
    let incomplete = blocklist::is_incomplete(&replay.header);
    blocklist::tell_incomplete(&replay.header, context);
    let (pieces, rest) = args.only.parts(replay)?;
    let mut ended = Vec::new();
    let mut waiting = Vec::new();
    for replay in pieces.iter().map(|piece| &piece.replay) {
        let undone = back::undone_by(&journals, &name, (&replay.header.vendor, &replay.header.console))?;
        if let Err(refused) = back::refuse_undone(&name, undone, context) {
            if pieces.len() == 1 {
                return Err(refused);
            }
            ended.push(Err(refused.context(format!("at {}", clean(&replay.header.console)))));
            continue;
        }
        let here = |other: &&Replay| {
            (&other.header.vendor, &other.header.console) == (&replay.header.vendor, &replay.header.console)
        };
        let left = back::left_of(replay, reruns.iter().filter(here));
        if !left.is_empty() {
            waiting.push((replay, left));
        }
    }
    back::check_count(args.back.consent, waiting.len(), "`--only`")?;
    back::check_document(waiting.len(), ", or name one console with `--only`", context)?;
    let several = waiting.len() > 1;
    // Whoever interrupts means all of them, and not only the console that is being asked.
    let (_cancel, _guard) = signals::catch()?;
    let again = context.typed(&["rerun", name.as_str()]);
    for (begun, (replay, left)) in (1..).zip(&waiting) {
        if several {
            context.ui.tell(&format!("{}, of {}:", replay.header.vendor, clean(&replay.header.console)));
        }
        let one = args.clone();
        let result = match (back::of_hosts(replay), kind.lands_on()) {
            (Err(error), _) => Err(error),
            (Ok(vendor), Thing::Host) => hosts(one, replay, left, kind, vendor, context).await,
            (Ok(vendor), Thing::Indicator) => indicators(one, replay, left, kind, vendor, context).await,
        };
        let stops = matches!(result, Ok(ExitCode::Stopped)) || signals::heard();
        ended.push(result);
        if stops && several {
            let not_begun = waiting.iter().skip(begun).map(|(replay, left)| (*replay, left.len()));
            return back::stopped(ended, not_begun, &again, context);
        }
    }
    if !rest.is_empty() {
        let targets = words::count(rest.len() as u64, "target was", "targets were");
        context.ui.warn(&format!(
            "{targets} in no console, or in several: `edrctl {} --vendor auto` asks again where they are",
            kind.word()
        ));
        ended.push(Ok(ExitCode::SomeFailed));
    } else if ended.is_empty() {
        let targets = pieces.iter().map(|piece| piece.replay.targets.len() as u64).sum();
        let things = words::things(targets, &action);
        let or_again = if reruns.is_empty() { "" } else { " or in one that did it again" };
        context.ui.tell(&format!("nothing is left of run {name}: {things}, and all succeeded in it{or_again}"));
    }
    Ok(blocklist::exit_of(back::together(ended, context)?, incomplete))
}

/// A target that is left, and how it ended last.
type Left<'a> = (&'a TargetReplay, Outcome);

/// Runs that come from another are done again by doing that again: they know what is still to be taken back.
fn refuse_derived(replay: &Replay, context: &Context) -> Result<(), CommandError> {
    let header = &replay.header;
    let name = &header.run;
    if let Some(first) = header.options.get(back::UNDOES).and_then(serde_json::Value::as_str) {
        let text = format!("run {name} is itself the undo of run {first}; nothing was sent");
        return Err(CommandError::text(ExitCode::Refused, text)
            .hint(format!("`{}` again takes back what is left of it", context.typed(&["undo", first]))));
    }
    if header.options.contains_key(back::EXPIRED) {
        let text = format!("run {name} put back what was due; nothing was sent");
        let again = context.typed(&["expire"]);
        return Err(CommandError::text(ExitCode::Refused, text).hint(format!("`{again}` again puts back what is left")));
    }
    Ok(())
}

/// The runs that did a run again, and those that did these again; the oldest first.
fn reruns_of(journals: &StateFolder, run: &RunId) -> Result<Vec<Replay>, CommandError> {
    let mut family: HashSet<String> = HashSet::from([run.as_str().to_owned()]);
    let mut reruns = Vec::new();
    // One is always younger than what it does again.
    for entry in journals.runs()?.into_iter().rev() {
        let Ok(summary) = entry.summary else { continue };
        let first = summary.header.options.get(back::RERUNS).and_then(serde_json::Value::as_str);
        if first.is_some_and(|first| family.contains(first)) {
            if journals.is_live(&entry.run)? {
                let text = format!("run {}, which does it again, is still under way; nothing was sent", entry.run);
                return Err(CommandError::text(ExitCode::Refused, text).hint("interrupt it, or wait for its end"));
            }
            family.insert(entry.run.as_str().to_owned());
            let here = (summary.header.vendor.as_str(), summary.header.console.as_str());
            // What was taken back of it is as if it had not been done.
            if back::undone_by(journals, &entry.run, here)?.is_none() {
                reruns.push(journals.replay(&entry.run)?);
            }
        }
    }
    Ok(reruns)
}

async fn hosts(
    args: RerunArgs,
    replay: &Replay,
    left: &[Left<'_>],
    kind: ActionKind,
    vendor: VendorName,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let header = &replay.header;
    let reading = Reading::of_record(replay);
    let unlock_code = args.unlock_code.read(vendor, context)?;
    if unlock_code.is_none() && header.options.contains_key("unlock_code") {
        return Err(CommandError::text(ExitCode::Usage, "this run set an unlock code, and a journal never keeps one")
            .hint("give it again with `--unlock-code=env:NAME`, `file:PATH` or `prompt`"));
    }
    // What leaves no state behind may have been done, and a second time can do harm.
    let again = if kind == ActionKind::Task { Repeat::Unsafe } else { Repeat::Safe };
    let mut back = back::done_again(replay, left, kind, again, vendor.id_form());
    back.says.push(format!("again, of run {}: what succeeded is left", header.run));
    let task = replayed::task_of(replay)?;
    let lasts = header.options.get(FOR).and_then(serde_json::Value::as_u64).map(std::time::Duration::from_secs);
    let mut deed = back::deed(kind, vendor, back, &args.back);
    deed.unlock_code = unlock_code;
    deed.all_agents = reading.all_agents;
    deed.lasts = lasts;
    deed.queue_offline |= header.options.contains_key(act::QUEUE_OFFLINE);
    deed.crowd.allow_rotation |= header.options.contains_key(act::ROTATION);
    deed.crowd.require_console |= header.options.contains_key(act::ATTENDED);
    if let Some(task) = task {
        deed.errand = Some(act::Errand { task: task.into(), print: false });
        deed.own_name = Some("ksc-task");
    }
    let comment = args.comment.or_else(|| header.comment.clone());
    let ticket = args.ticket.or_else(|| header.ticket.clone());
    let mut change = args.back.change((comment, ticket), AllowArgs::of_record(&header.options)?, Some(&reading));
    // Whoever wanted proof wants it still.
    change.wait.wait = change.wait.wait.or(header.waits.map(std::time::Duration::from_secs));
    let own = context.about(&header.run, header.profile.as_deref());
    act::run(deed, change, &own).await
}

async fn indicators(
    args: RerunArgs,
    replay: &Replay,
    left: &[Left<'_>],
    kind: ActionKind,
    vendor: VendorName,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    args.back.check_for_firewall()?;
    let header = &replay.header;
    let deed = Deed {
        kind,
        vendor,
        run: act::run_id()?,
        wanted: left.iter().map(|(target, _)| again(target)).collect(),
        // What is missing is missing still.
        incomplete: blocklist::is_incomplete(header),
        expires: blocklist::expiry_of(replay)?,
        takes_back: blocklist::takes_back_of(replay)?,
        // So many were agreed to when the run was planned.
        max_new: Some(u64::MAX),
        prefixes: Prefixes::default(),
        console: args.back.console.into(),
        consent: args.back.consent,
        dry_run: args.back.dry_run,
        comment: args.comment.or_else(|| header.comment.clone()),
        ticket: args.ticket.or_else(|| header.ticket.clone()),
        profile: header.profile.clone(),
        address: Some(header.console.clone()),
        part: blocklist::part_of(replay).map(str::to_owned),
        rollout: args.back.rollout.clone(),
        frees: false,
        paper: None,
        reading: (Vec::new(), Vec::new()),
    };
    blocklist::run(deed, context).await
}

/// An indicator as it was written, at the place where it was written.
fn again(target: &TargetReplay) -> Wanted {
    let record = &target.record;
    Wanted { file: record.f.clone(), line: record.l, ..Wanted::of_text(&record.t) }
}
