//! `edrctl resume`.

use std::{sync::Arc, time::Duration};

use clap::Args;

use super::{
    act, auto, back, blocklist, hearing,
    prepare::{self, Demand},
    radius::Radius,
    replayed,
    rollout::{self, Planned},
    runs,
    session::{Opening, Session, overrides},
    streams,
    unlock_code::UnlockCodeArgs,
};
use crate::{
    cli::{
        args::{ConsentArgs, WaitArgs, duration},
        confirm::{self, Question},
        context::Context,
        error::CommandError,
        protection::{self, AllowArgs},
        signals,
    },
    domain::{
        action::{Action, ActionKind, Thing},
        outcome::{Ending, ExitCode},
    },
    engine::{
        Purpose, Resumed, Run,
        event::SEVERAL,
        plan::{Protection, Survey},
    },
    journal::{Journal, JournalError, Need},
    stream::store::NameOrId,
    vendors::{Errand, Wishes},
};

/// Go on with a run that stopped early
///
/// Looks at the console first for every host that was asked for and not answered, then does what is left. A host that
/// has its outcome is left alone, also one that failed.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// A run's name, a unique prefix of it, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    pub(super) run: String,
    #[command(flatten)]
    pub(super) consent: ConsentArgs,
    #[command(flatten)]
    pub(super) wait: WaitArgs,
    /// The most targets that may still be acted on, instead of `max_targets` in `[safety]`
    #[arg(long, value_name = "N", help_heading = "Safety")]
    pub(super) max_targets: Option<std::num::NonZeroU64>,
    /// Confirm hosts by the events of this event stream (its name or number) instead of by listings; for a run that waits
    #[arg(long, value_name = "NAME|ID", help_heading = "Run", value_parser = streams::wanted)]
    pub(super) stream: Option<NameOrId>,
    #[command(flatten)]
    pub(super) unlock_code: UnlockCodeArgs,
    /// Requests in flight [default: the configuration's, or 64]
    #[arg(long, help_heading = "Console", value_name = "N")]
    pub(super) concurrency: Option<std::num::NonZeroUsize>,
    /// The longest wait for the console's quota; edrctl stops rather than wait longer (exit code 7)
    #[arg(long, help_heading = "Console", value_name = "DURATION", default_value = "70m", value_parser = duration)]
    pub(super) max_wait: Duration,
}

/// Runs it.
pub(crate) async fn run(args: ResumeArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let journals = context.journals()?;
    let name = runs::find(&journals, &args.run)?;
    let options = context.writer_options(args.concurrency.map_or(64, std::num::NonZeroUsize::get));
    let folder = journals.clone();
    let asked_to_wait = args.wait.wait.is_some();
    let opened = tokio::task::spawn_blocking(move || {
        // Nobody begins a run against this one from here on: it is under way once its journal is locked.
        let _gate = folder.gate()?;
        let (journal, replay) = Journal::resume(&folder, &name, &options)?;
        let waits = asked_to_wait || replay.header.waits.is_some();
        // Of several consoles, each part is held against the others at its own.
        let (opposed, undone) = match replay.header.is_of_several() {
            true => (back::Crossed::default(), None),
            false => {
                let here = (replay.header.vendor.as_str(), replay.header.console.as_str());
                (back::opposed(&folder, &replay, waits)?, back::undone_by(&folder, &name, here)?)
            }
        };
        Ok::<_, JournalError>((journal, replay, opposed, undone))
    });
    let (journal, replay, opposed, undone) =
        opened.await.map_err(|error| CommandError::new(ExitCode::Internal, error))??;
    back::refuse_undone(&replay.header.run, undone, context)?;
    if replay.header.vendor == SEVERAL {
        return auto::resume(args, journal, replay, context).await;
    }
    let task = replayed::task_of(&replay)?.map(Arc::new);
    let planned = Planned::of(&replay)?;
    let kind = replayed::kind_of(&replay)?;
    let vendor = replayed::vendor_of(&replay)?;
    let wait = args.wait.wait.or(replay.header.waits.map(Duration::from_secs));
    let waits = wait.is_some();
    if args.stream.is_some() && !waits {
        return Err(CommandError::text(
            ExitCode::Usage,
            "`--stream` confirms hosts, and this run does not wait for that",
        )
        .hint("give `--wait`, too"));
    }
    let incomplete = blocklist::is_incomplete(&replay.header);
    blocklist::tell_incomplete(&replay.header, context);
    let need = |wanted: Need| replay.targets.iter().filter(|target| target.needs(waits) == wanted).count();
    let (to_send, to_look, to_poll) = (need(Need::Send), need(Need::Look), need(Need::Poll));
    if to_send + to_look + to_poll == 0 {
        let counts = replay.counts();
        context.ui.tell(&format!("nothing is left to do for run {}", replay.header.run));
        return Ok(blocklist::exit_of(Ending::Completed.exit(&counts, waits, true), incomplete));
    }
    let unlock_code = args.unlock_code.read(vendor, context)?;
    if to_send > 0 && unlock_code.is_none() && replay.header.options.contains_key("unlock_code") {
        return Err(CommandError::text(ExitCode::Usage, "this run set an unlock code, and a journal never keeps one")
            .hint("give it again with `--unlock-code=env:NAME`, `file:PATH` or `prompt`"));
    }
    let (cancel, _guard) = signals::catch()?;
    let loaded = back::context_of(context, replay.header.profile.as_deref())
        .configuration(overrides(vendor, args.concurrency))?;
    let safety = loaded.safety()?;
    let allowed = AllowArgs::of_record(&replay.header.options)?;
    let frees = back::resumes_freeing(&replay, kind);
    let protection = match frees {
        true => Protection::default(),
        false => protection::gather(&loaded, &safety, &allowed, kind).await,
    };
    let opening = Opening {
        vendor,
        simulate: replayed::simulated_fleet(&replay, kind)?,
        faults: None,
        concurrency: args.concurrency,
        max_wait: args.max_wait,
        uses_reserve: kind == ActionKind::Unisolate,
        wishes: Wishes {
            unlock_code,
            errand: Some(Errand {
                run: replay.header.run.clone(),
                begun: replay.started,
                task: task.clone(),
                expires: blocklist::expiry_of(&replay)?,
                takes_back: blocklist::takes_back_of(&replay)?,
            }),
            detection: replay.header.options.get(act::MALOP).and_then(|id| id.as_str().map(str::to_owned)),
            ..Wishes::default()
        },
    };
    let mut session = Session::open(opening, Some(&loaded), context).await?;
    session.join(Some(&journals), &replay.header.run, context);
    if !replay.header.simulated && session.address != replay.header.console {
        return Err(replayed::elsewhere(&replay.header.console, "", &session.address));
    }
    let folder = Some(&journals).filter(|_| kind.lands_on() == Thing::Indicator);
    let _alone = session.alone(folder, &cancel, context).await?;
    blocklist::check_part(&replay, &session)?;
    let wanted = hearing::find(args.stream.as_ref(), &session, context, loaded.run().state_dir)?;
    prepare::prove(&mut session, &cancel, context).await?;
    let mut roster = replayed::roster_of(&replay);
    if kind.lands_on() == Thing::Indicator {
        let numbers = |need: Need| {
            let targets = (0_u32..).zip(&replay.targets).filter(move |(_, target)| target.needs(waits) == need);
            targets.map(|(n, _)| n).collect::<Vec<u32>>()
        };
        let (sent, doubt) = (numbers(Need::Send), numbers(Need::Look));
        let again = blocklist::Again { kind, to_send: &sent, in_doubt: &doubt };
        blocklist::check_again(&mut session, &loaded, &replay, &mut roster, again, &cancel, context).await?;
    } else {
        replayed::check_protected(
            &mut session,
            &replay,
            &mut roster,
            waits,
            kind,
            &protection,
            vendor,
            &cancel,
            context,
        )
        .await?;
    }

    replayed::settle_opposed(&replay, &mut roster, waits, &opposed);
    let mut header = replayed::header_of(&replay, waits, true)?;
    header.console.clone_from(&session.address);
    let standings: Vec<(u32, Resumed)> =
        (0_u32..).zip(&replay.targets).map(|(n, target)| (n, replayed::standing(target, waits))).collect();
    if to_send + to_look > 0 {
        // Others may have sent their own in the meantime, and nobody may be there any more.
        let option = |key: &str| replay.header.options.get(key);
        let demand = Demand {
            waits,
            allow_rotation: option(act::ROTATION).is_some(),
            require_console: option(act::ATTENDED).is_some(),
            to_act: replayed::left_to_act(&replay, &roster, waits).to_act().count(),
            adds: kind != ActionKind::Unblock,
        };
        let (ahead, _) = prepare::preflight(&mut session, demand, &cancel, context).await?;
        session.console.limits.outstanding = ahead.or(replayed::wave_of(&replay.header));
    }
    if to_send + to_look > 0 && !replay.header.simulated {
        context.ui.tell(&format!(
            "run {}: {to_send} not sent yet, {to_look} to be looked at, {to_poll} to be confirmed",
            replay.header.run
        ));
        let left = replayed::left_to_act(&replay, &roster, waits);
        let verb = act::verb(kind, header.action);
        let mut says: Vec<String> = task.iter().map(|task| task.describe()).chain(planned.says_left(&left)).collect();
        says.extend(back::says_due(&replay.header));
        if !frees {
            let radius = Radius::new(&safety, args.max_targets);
            radius.check(&mut session, (kind, &verb), (&left, &Survey::default()), &cancel, context).await?;
        }
        confirm::expect(args.consent, &left, header.action)?;
        let question = Question {
            verb: &verb,
            says: &says,
            console_name: header.console_name,
            address: &header.console,
            profile: loaded.profile(),
            roster: &left,
            survey: Survey::default(),
        };
        confirm::ask(args.consent, &question, &context.ui, &cancel).await?;
    }
    journal.append(replayed::resumption(&journals, wait)?).await?;
    let mut reporters = context.ui.reporters(context.ui.setup(context.invocation(Vec::new(), Vec::new())));
    let action = Action { kind, comment: replay.header.comment.clone() };
    let vendor = Arc::clone(&session.console.vendor);
    let mut hearing = hearing::listen(wanted, kind, &mut session, &cancel, context).await;
    let header = Arc::new(header);
    let rollout = planned.rollout(&header, rollout::asks(args.consent, context));
    let run = Run {
        header,
        purpose: Purpose::Act(action),
        console: session.console,
        roster,
        standings,
        wait,
        first_batch: replay.next_batch,
        rollout,
        news: hearing.news(),
    };
    let report = run.go(Some(journal), cancel, &mut reporters).await;
    hearing.close().await;
    vendor.close().await;
    act::tell_self_ending(vendor.capabilities(), kind, &report.counts, context);
    if let Some(simulator) = session.simulator {
        simulator.stop().await;
    }
    Ok(blocklist::exit_of(report.exit, incomplete))
}
