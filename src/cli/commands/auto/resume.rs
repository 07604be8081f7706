//! Goes on with a run over several consoles: each console's part as if it were a run of its own, in the one journal.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use super::{
    change::{go, named},
    consoles::{self, Consoles, Doors, Purpose},
};
use crate::{
    cli::{
        commands::{
            act,
            prepare::{self, Demand},
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
        fleet::{Joint, Part},
        plan::Survey,
        roster::Roster,
    },
    journal::{Journal, Need, Record, Replay, Resumed as ResumedRecord},
    reporters::words,
    vendors::{Errand, VendorName},
};

/// One console's part of a journal, numbered from 0.
struct Piece {
    vendor: VendorName,
    replay: Replay,
    numbers: Vec<u32>,
}

impl Piece {
    fn left(&self, waits: bool, need: Need) -> usize {
        self.replay.targets.iter().filter(|target| target.needs(waits) == need).count()
    }

    fn has_left(&self, waits: bool) -> bool {
        self.replay.targets.iter().any(|target| target.needs(waits) != Need::Nothing)
    }
}

/// Takes a journal apart; what is in no piece has its outcome.
fn take_apart(replay: &Replay, waits: bool) -> Result<(Vec<Piece>, Counts), CommandError> {
    let unknown =
        |word: &str| CommandError::text(ExitCode::Journal, format!("this version does not know the console `{word}`"));
    let mut pieces: Vec<Piece> = Vec::new();
    let mut before = Counts::default();
    for word in replay.header.consoles.keys() {
        let vendor = VendorName::from_word(word).ok_or_else(|| unknown(word))?;
        pieces.push(Piece { vendor, replay: replay_head(replay), numbers: Vec::new() });
    }
    pieces.sort_by_key(|piece| piece.vendor);
    for target in &replay.targets {
        let Some(word) = target.record.v.as_deref() else {
            before.add(target.outcome());
            continue;
        };
        let piece = pieces.iter_mut().find(|piece| piece.vendor.word() == word).ok_or_else(|| unknown(word))?;
        let mut own = target.clone();
        own.record.n = u32::try_from(piece.numbers.len()).unwrap_or(u32::MAX);
        piece.numbers.push(target.record.n);
        piece.replay.targets.push(own);
    }
    let (left, done): (Vec<Piece>, Vec<Piece>) = pieces.into_iter().partition(|piece| piece.has_left(waits));
    for target in done.iter().flat_map(|piece| &piece.replay.targets) {
        before.add(target.outcome());
    }
    Ok((left, before))
}

/// The journal without its targets.
fn replay_head(replay: &Replay) -> Replay {
    Replay {
        header: replay.header.clone(),
        started: replay.started,
        targets: Vec::new(),
        resumptions: Vec::new(),
        interruptions: Vec::new(),
        ends: Vec::new(),
        ended: replay.ended,
        next_batch: 0,
        lines: replay.lines,
        last_at: replay.last_at,
    }
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
    let (pieces, before) = take_apart(&replay, waits)?;
    if pieces.is_empty() {
        context.ui.tell(&format!("nothing is left to do for run {}", replay.header.run));
        return Ok(Ending::Completed.exit(&replay.counts(), waits, true));
    }
    let (cancel, _guard) = signals::catch()?;
    let mut context_of_run = Context::new(context.global.clone());
    if context_of_run.global.profile.is_none() {
        context_of_run.global.profile.clone_from(&replay.header.profile);
    }
    let vendors: Vec<VendorName> = pieces.iter().map(|piece| piece.vendor).collect();
    let loaded = context_of_run.configuration(Overrides::default())?;
    let loaded = consoles::with_concurrency(loaded, &vendors, args.concurrency, &context_of_run)?;
    let safety = loaded.safety()?;
    let allowed = AllowArgs::of_record(&replay.header.options)?;
    let protection = protection::gather(&loaded, &safety, &allowed, kind).await;
    let purpose = Purpose {
        concurrency: args.concurrency,
        max_wait: args.max_wait,
        uses_reserve: kind == ActionKind::Unisolate,
        errand: Some(Errand {
            run: replay.header.run.clone(),
            begun: replay.started,
            task: None,
            expires: None,
            takes_back: None,
        }),
    };
    let mut fleets = Vec::new();
    for piece in &pieces {
        fleets.push((piece.vendor, resume::simulated_fleet(&piece.replay, kind)?));
    }
    let mut consoles = Consoles::open(fleets, &purpose, &loaded, context).await?;
    check_addresses(&consoles, &replay)?;
    consoles.join(Some(&context.journals()?), &replay.header.run, context);
    consoles.prove(&cancel, context).await?;

    let mut rosters = Vec::new();
    let mut says = Vec::new();
    // What may still be sent, in all consoles: for the limits and the question.
    let mut left_in_all = Roster::default();
    for (piece, session) in pieces.iter().zip(&mut consoles.sessions) {
        let mut roster = resume::roster_of(&piece.replay);
        resume::check_protected(
            session,
            &piece.replay,
            &mut roster,
            waits,
            kind,
            &protection,
            piece.vendor,
            &cancel,
            context,
        )
        .await?;
        let left = resume::left_to_act(&piece.replay, &roster, waits);
        let to_act = left.to_act().count();
        if to_act > 0 {
            let demand = Demand { waits, allow_rotation: false, require_console: false, to_act };
            let (ahead, notes) = prepare::preflight(session, demand, &cancel, context).await?;
            let looks_ahead = session.console.vendor.capabilities().looks_ahead;
            let began_with = replay.header.options.get(act::WAVE).and_then(serde_json::Value::as_u64);
            let began_with = began_with.and_then(|wave| NonZeroUsize::new(usize::try_from(wave).ok()?));
            session.console.limits.outstanding = ahead.or(began_with.filter(|_| looks_ahead));
            let things = words::things(to_act as u64, kind.word());
            says.push(format!("{}: {things} to {}: {}", piece.vendor, kind.word(), named(&left)));
            says.extend(notes.into_iter().map(|note| format!("{}: {note}", piece.vendor)));
            copy(&left, &mut left_in_all);
        }
        rosters.push(roster);
    }
    let mut header = resume::header_of(&replay, waits, true)?;
    if replay.header.simulated {
        header.console = consoles.address();
    }
    let sum = |need: Need| pieces.iter().map(|piece| piece.left(waits, need)).sum::<usize>();
    let (to_send, to_look, to_poll) = (sum(Need::Send), sum(Need::Look), sum(Need::Poll));
    if to_send + to_look > 0 && !replay.header.simulated {
        context.ui.tell(&format!(
            "run {}: {to_send} not sent yet, {to_look} to be looked at, {to_poll} to be confirmed",
            replay.header.run
        ));
        act::check_limits(&left_in_all, safety.max_targets.map(std::num::NonZeroU64::get), kind.word())?;
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
    let action = Action { kind, comment: replay.header.comment.clone() };
    let mut doors = Doors::default();
    let mut parts = Vec::new();
    for ((piece, session), roster) in pieces.into_iter().zip(consoles.sessions).zip(rosters) {
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
            news: None,
        };
        parts.push(Part { vendor: piece.vendor.word(), run, numbers: piece.numbers });
    }
    let joint = Joint { header, parts, aside: Vec::new(), before, first_batch: replay.next_batch };
    Ok(go(joint, Some(journal), cancel, &mut reporters, doors, Some(kind), context).await)
}

/// Every console has to be the one that the run began with.
fn check_addresses(consoles: &Consoles, replay: &Replay) -> Result<(), CommandError> {
    let elsewhere = consoles.sessions.iter().find_map(|session| {
        let began = replay.header.consoles.get(session.vendor.word())?;
        (*began != session.address).then_some((session, began))
    });
    match elsewhere.filter(|_| !replay.header.simulated) {
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
