//! Goes on with a run over several consoles: each console's part as if it were a run of its own, in the one journal.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use super::{
    change::{go, named},
    consoles::{self, Consoles, Doors, Purpose},
};
use crate::{
    cli::{
        commands::{
            act, back,
            prepare::{self, Demand},
            radius::Radius,
            resume::{self, ResumeArgs},
        },
        confirm::{self, Question},
        context::Context,
        error::CommandError,
        protection::{self, AllowArgs},
        signals,
    },
    config::Overrides,
    domain::{
        action::{Action, ActionKind},
        outcome::{Counts, Ending, ExitCode},
    },
    engine::{
        Purpose as RunPurpose, Resumed, Run,
        fleet::{self, Joint},
        plan::Survey,
        rollout::Rollout,
        roster::Roster,
    },
    journal::{Apart, Journal, Need, Piece, Record, Replay, Resumed as ResumedRecord},
    reporters::words,
    vendors::{Errand, VendorName},
};

/// One console's part of a journal.
struct Part {
    vendor: VendorName,
    piece: Piece,
}

impl Part {
    fn left(&self, waits: bool, need: Need) -> usize {
        self.piece.replay.targets.iter().filter(|target| target.needs(waits) == need).count()
    }

    fn has_left(&self, waits: bool) -> bool {
        self.piece.replay.targets.iter().any(|target| target.needs(waits) != Need::Nothing)
    }
}

/// The parts of a journal that have something left, and how what is in none of them ended.
fn take_apart(replay: Replay, waits: bool) -> Result<(Vec<Part>, Counts), CommandError> {
    let unknown =
        |word: &str| CommandError::text(ExitCode::Journal, format!("this version does not know the console `{word}`"));
    let mut before = Counts::default();
    let Apart { pieces, rest } = replay.apart();
    rest.iter().for_each(|target| before.add(target.outcome()));
    let mut parts = Vec::new();
    for piece in pieces {
        let word = &piece.replay.header.vendor;
        let part = Part { vendor: VendorName::from_word(word).ok_or_else(|| unknown(word))?, piece };
        if part.has_left(waits) {
            parts.push(part);
        } else {
            part.piece.replay.targets.iter().for_each(|target| before.add(target.outcome()));
        }
    }
    parts.sort_by_key(|part| part.vendor);
    Ok((parts, before))
}

/// Refuses what only one console has a use for.
fn refuse_special(args: &ResumeArgs) -> Result<(), CommandError> {
    args.unlock_code.refuse_for_all()?;
    if args.stream.is_some() { Err(consoles::special("--stream")) } else { Ok(()) }
}

/// Runs it.
pub(in crate::cli::commands) async fn resume(
    args: ResumeArgs,
    journal: Journal,
    replay: Replay,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    refuse_special(&args)?;
    let kind = resume::kind_of(&replay)?;
    let wait = args.wait.wait.or(replay.header.waits.map(Duration::from_secs));
    let waits = wait.is_some();
    let mut header = resume::header_of(&replay, waits, true)?;
    let (counts, of_run) = (replay.counts(), replay.header.clone());
    let (started, next_batch) = (replay.started, replay.next_batch);
    let (parts, before) = take_apart(replay, waits)?;
    if parts.is_empty() {
        context.ui.tell(&format!("nothing is left to do for run {}", of_run.run));
        return Ok(Ending::Completed.exit(&counts, waits, true));
    }
    let (cancel, _guard) = signals::catch()?;
    let mut context_of_run = Context::new(context.global.clone());
    if context_of_run.global.profile.is_none() {
        context_of_run.global.profile.clone_from(&of_run.profile);
    }
    let vendors: Vec<VendorName> = parts.iter().map(|part| part.vendor).collect();
    let loaded = context_of_run.configuration(Overrides::default())?;
    let loaded = consoles::with_concurrency(loaded, &vendors, args.concurrency, &context_of_run)?;
    let safety = loaded.safety()?;
    let allowed = AllowArgs::of_record(&of_run.options)?;
    let protection = protection::gather(&loaded, &safety, &allowed, kind).await;
    let purpose = Purpose {
        concurrency: args.concurrency,
        max_wait: args.max_wait,
        uses_reserve: kind == ActionKind::Unisolate,
        errand: Some(Errand { run: of_run.run.clone(), begun: started, task: None, expires: None, takes_back: None }),
    };
    let mut fleets = Vec::new();
    for part in &parts {
        fleets.push((part.vendor, resume::simulated_fleet(&part.piece.replay, kind)?));
    }
    let mut consoles = Consoles::open(fleets, &purpose, &loaded, context).await?;
    check_addresses(&consoles, &parts)?;
    let journals = context.journals()?;
    consoles.join(Some(&journals), &of_run.run, context);
    consoles.prove(&cancel, context).await?;

    let mut rosters = Vec::new();
    let mut says = Vec::new();
    // What may still be sent, in all consoles: for the limits and the question.
    let mut left_in_all = Roster::default();
    let radius = Radius::new(&safety, args.max_targets);
    for (Part { vendor, piece }, session) in parts.iter().zip(&mut consoles.sessions) {
        let mut roster = resume::roster_of(&piece.replay);
        resume::check_protected(
            session,
            &piece.replay,
            &mut roster,
            waits,
            kind,
            &protection,
            *vendor,
            &cancel,
            context,
        )
        .await?;
        // The journal is locked, so whoever begins a run from here on sees this one.
        let opposed = tokio::task::block_in_place(|| back::opposed(&journals, &piece.replay, waits))?;
        resume::settle_opposed(&piece.replay, &mut roster, waits, &opposed);
        let left = resume::left_to_act(&piece.replay, &roster, waits);
        let to_act = left.to_act().count();
        if to_act > 0 {
            let demand = Demand { waits, allow_rotation: false, require_console: false, to_act, adds: true };
            let (ahead, notes) = prepare::preflight(session, demand, &cancel, context).await?;
            let looks_ahead = session.console.vendor.capabilities().looks_ahead;
            let began_with = of_run.options.get(act::WAVE).and_then(serde_json::Value::as_u64);
            let began_with = began_with.and_then(|wave| NonZeroUsize::new(usize::try_from(wave).ok()?));
            session.console.limits.outstanding = ahead.or(began_with.filter(|_| looks_ahead));
            let things = words::things(to_act as u64, kind.word());
            says.push(format!("{vendor}: {things} to {}: {}", kind.word(), named(&left)));
            says.extend(notes.into_iter().map(|note| format!("{vendor}: {note}")));
            if !of_run.simulated {
                let of_part = (to_act as u64, &Survey::default());
                radius.check_percent(session, (kind, kind.word()), of_part, &cancel, context).await?;
            }
            copy(&left, &mut left_in_all);
        }
        rosters.push(roster);
    }
    if of_run.simulated {
        header.console = consoles.address();
    }
    let sum = |need: Need| parts.iter().map(|part| part.left(waits, need)).sum::<usize>();
    let (to_send, to_look, to_poll) = (sum(Need::Send), sum(Need::Look), sum(Need::Poll));
    if to_send + to_look > 0 && !of_run.simulated {
        context.ui.tell(&format!(
            "run {}: {to_send} not sent yet, {to_look} to be looked at, {to_poll} to be confirmed",
            of_run.run
        ));
        radius.check_count(left_in_all.to_act().count() as u64, kind.word(), context)?;
        confirm::expect(args.consent, &left_in_all, kind.word())?;
        let question = Question {
            verb: kind.word(),
            says: &says,
            console_name: header.console_name,
            address: &header.console,
            profile: loaded.profile(),
            roster: &left_in_all,
            survey: Survey::default(),
        };
        confirm::ask(args.consent, &question, &context.ui, &cancel).await?;
    }
    let resumed = ResumedRecord {
        user: act::user(),
        host: act::machine(),
        pid: std::process::id(),
        waits: wait.map(act::whole_seconds),
    };
    journal.append(Record::Resumed(resumed)).await?;
    let mut reporters = context.ui.reporters(context.ui.setup(context.invocation(Vec::new(), Vec::new())));
    let header = Arc::new(header);
    let action = Action { kind, comment: of_run.comment.clone() };
    let mut doors = Doors::default();
    let mut at_work = Vec::new();
    for ((Part { vendor, piece }, session), roster) in parts.into_iter().zip(consoles.sessions).zip(rosters) {
        doors.keep(&session.console.vendor, session.simulator);
        let standings: Vec<(u32, Resumed)> =
            (0_u32..).zip(&piece.replay.targets).map(|(n, target)| (n, resume::standing(target, waits))).collect();
        let run = Run {
            header: Arc::clone(&header),
            purpose: RunPurpose::Act(action.clone()),
            console: session.console,
            roster,
            standings,
            wait,
            first_batch: 0,
            rollout: Rollout::default(),
            news: None,
        };
        at_work.push(fleet::Part { vendor: vendor.word(), run, numbers: piece.numbers });
    }
    let joint = Joint { header, parts: at_work, aside: Vec::new(), before, first_batch: next_batch };
    Ok(go(joint, Some(journal), cancel, &mut reporters, doors, Some(kind), context).await)
}

/// Every console has to be the one that the run began with.
fn check_addresses(consoles: &Consoles, parts: &[Part]) -> Result<(), CommandError> {
    let mut pairs = consoles.sessions.iter().zip(parts);
    let elsewhere = pairs.find_map(|(session, part)| {
        let head = &part.piece.replay.header;
        (!head.simulated && head.console != session.address).then_some((session, &head.console))
    });
    match elsewhere {
        None => Ok(()),
        Some((session, began)) => Err(CommandError::text(
            ExitCode::Refused,
            format!(
                "this run belongs to {began} for {}, and the configuration speaks to {}; nothing was sent",
                session.vendor, session.address
            ),
        )
        .hint("choose the run's own configuration with `--config` or `--profile`")),
    }
}

fn copy(from: &Roster, to: &mut Roster) {
    for n in 0..from.len() {
        let Some(item) = from.item(n) else { continue };
        let detail = from.detail(n).cloned().unwrap_or_default();
        to.push(Arc::clone(&item.written), from.file(n).cloned(), item.line, item.host.clone(), detail);
    }
}
