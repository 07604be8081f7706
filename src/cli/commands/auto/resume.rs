//! Goes on with a run over several consoles: each console's part as if it were a run of its own, in the one journal.
//!
//! Whoever resumes wants what can be done done: a console that cannot be asked keeps its part as it is, and the others go on.

use std::{sync::Arc, time::Duration};

use super::{
    change::{go, named},
    consoles::{self, Consoles, Doors, Purpose},
};
use crate::{
    cli::{
        commands::{
            back,
            prepare::{self, Demand},
            radius::Radius,
            replayed,
            resume::ResumeArgs,
            session::Session,
        },
        confirm::{self, Question},
        context::Context,
        error::CommandError,
        protection::{self, AllowArgs},
        signals,
    },
    config::{Loaded, Overrides},
    domain::{
        action::{Action, ActionKind},
        outcome::{Counts, Ending, ExitCode},
    },
    engine::{
        Purpose as RunPurpose, Resumed, Run,
        cancel::{Cancel, Urgency},
        fleet::{self, Joint},
        plan::{Protection, Survey},
        rollout::Rollout,
        roster::Roster,
    },
    journal::{Apart, Journal, Need, Piece, Replay, StateFolder},
    reporters::{clean::clean, words},
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

/// Leaves the parts that were taken back since as they are; a run of which nothing else is left is refused.
fn leave_undone(
    journals: &StateFolder,
    parts: Vec<Part>,
    before: &mut Counts,
    context: &Context,
) -> Result<Vec<Part>, CommandError> {
    let (mut left, mut last) = (Vec::new(), None);
    for part in parts {
        let header = &part.piece.replay.header;
        let here = (header.vendor.as_str(), header.console.as_str());
        match tokio::task::block_in_place(|| back::undone_by(journals, &header.run, here))? {
            None => left.push(part),
            Some(by) => {
                context.ui.warn(&format!(
                    "{}: what was done there was taken back by run {by}, so its part stays as it is",
                    part.vendor
                ));
                part.piece.replay.targets.iter().for_each(|target| before.add(target.outcome()));
                last = Some((header.run.clone(), by));
            }
        }
    }
    match last {
        Some((run, by)) if left.is_empty() => back::refuse_undone(&run, Some(by), context).map(|()| left),
        _ => Ok(left),
    }
}

/// Refuses what only one console has a use for.
fn refuse_special(args: &ResumeArgs) -> Result<(), CommandError> {
    args.unlock_code.refuse_for_all()?;
    if args.stream.is_some() { Err(consoles::special("--stream")) } else { Ok(()) }
}

/// A console that cannot be asked now. Its part of the run stays as it is.
struct Absent {
    vendor: VendorName,
    counts: Counts,
    error: CommandError,
}

impl Absent {
    fn ending(&self) -> Ending {
        let why = self.error.cause();
        match self.error.exit() {
            ExitCode::Config => Ending::CredentialsLost(why),
            ExitCode::Stopped => Ending::Halted(why),
            _ => Ending::ConsoleLost(why),
        }
    }
}

/// Whether an error says that one console cannot be asked, and nothing of the others. What stops without a signal has
/// spent its quota.
fn is_of_one(exit: ExitCode, cancel: &Cancel) -> bool {
    matches!(exit, ExitCode::Console | ExitCode::Config)
        || (exit == ExitCode::Stopped && cancel.urgency() == Urgency::None)
}

/// A part whose console has been asked.
struct Reached {
    part: Part,
    session: Session,
    roster: Roster,
    /// What may still be sent.
    left: Roster,
    /// What the look ahead says.
    notes: Vec<String>,
}

/// What every part is gone on with by.
struct Again<'a> {
    kind: ActionKind,
    waits: bool,
    purpose: &'a Purpose,
    loaded: &'a Loaded,
    protection: &'a Protection,
    journals: &'a StateFolder,
    cancel: &'a Cancel,
    context: &'a Context,
}

impl Again<'_> {
    /// Asks a part's console what the part still needs.
    async fn reach(&self, part: Part) -> Result<Reached, (Part, CommandError)> {
        let mut consoles = match self.open(&part).await {
            Ok(consoles) => consoles,
            Err(error) => return Err((part, error)),
        };
        match self.look(&part, &mut consoles).await {
            Ok((roster, left, notes)) => {
                let Some(session) = consoles.sessions.pop() else {
                    let none = CommandError::text(ExitCode::Internal, "no session was opened");
                    return Err((part, none));
                };
                Ok(Reached { part, session, roster, left, notes })
            }
            Err(error) => {
                consoles.close().await;
                Err((part, error))
            }
        }
    }

    async fn open(&self, part: &Part) -> Result<Consoles, CommandError> {
        let fleet = replayed::simulated_fleet(&part.piece.replay, self.kind)?;
        let only = vec![(part.vendor, fleet)];
        let mut consoles = Consoles::open(only, self.purpose, self.loaded, self.context).await?;
        consoles.join(Some(self.journals), &part.piece.replay.header.run, self.context);
        Ok(consoles)
    }

    async fn look(
        &self,
        Part { vendor, piece }: &Part,
        consoles: &mut Consoles,
    ) -> Result<(Roster, Roster, Vec<String>), CommandError> {
        let Self { kind, waits, cancel, context, .. } = *self;
        let (replay, head) = (&piece.replay, &piece.replay.header);
        let mut roster = replayed::roster_of(replay);
        let mut notes = Vec::new();
        let mut left = Roster::default();
        for session in &mut consoles.sessions {
            if !head.simulated && head.console != session.address {
                return Err(replayed::elsewhere(&head.console, &format!(" for {vendor}"), &session.address));
            }
            prepare::prove(session, cancel, context).await?;
            replayed::check_protected(
                session,
                replay,
                &mut roster,
                waits,
                kind,
                self.protection,
                *vendor,
                cancel,
                context,
            )
            .await?;
            // The journal is locked, so whoever begins a run from here on sees this one.
            let opposed = tokio::task::block_in_place(|| back::opposed(self.journals, replay, waits))?;
            replayed::settle_opposed(replay, &mut roster, waits, &opposed);
            left = replayed::left_to_act(replay, &roster, waits);
            let to_act = left.to_act().count();
            if to_act == 0 {
                continue;
            }
            let demand = Demand { waits, allow_rotation: false, require_console: false, to_act, adds: true };
            let (ahead, more) = prepare::preflight(session, demand, cancel, context).await?;
            let looks_ahead = session.console.vendor.capabilities().looks_ahead;
            session.console.limits.outstanding = ahead.or(replayed::wave_of(head).filter(|_| looks_ahead));
            notes = more;
        }
        Ok((roster, left, notes))
    }
}

/// Runs it.
pub(in crate::cli::commands) async fn resume(
    args: ResumeArgs,
    journal: Journal,
    replay: Replay,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    refuse_special(&args)?;
    let kind = replayed::kind_of(&replay)?;
    let wait = args.wait.wait.or(replay.header.waits.map(Duration::from_secs));
    let waits = wait.is_some();
    let mut header = replayed::header_of(&replay, waits, true)?;
    let (counts, of_run) = (replay.counts(), replay.header.clone());
    let (started, next_batch) = (replay.started, replay.next_batch);
    let (parts, mut before) = take_apart(replay, waits)?;
    let journals = context.journals()?;
    let parts = leave_undone(&journals, parts, &mut before, context)?;
    if parts.is_empty() {
        context.ui.tell(&format!("nothing is left to do for run {}", of_run.run));
        return Ok(Ending::Completed.exit(&counts, waits, true));
    }
    let (cancel, _guard) = signals::catch()?;
    let vendors: Vec<VendorName> = parts.iter().map(|part| part.vendor).collect();
    let of_profile = back::context_of(context, of_run.profile.as_deref());
    let loaded = of_profile.configuration(Overrides::default())?;
    let loaded = consoles::with_concurrency(loaded, &vendors, args.concurrency, &of_profile)?;
    let safety = loaded.safety()?;
    let allowed = AllowArgs::of_record(&of_run.options)?;
    let protection = protection::gather(&loaded, &safety, &allowed, kind).await;
    let purpose = Purpose {
        concurrency: args.concurrency,
        max_wait: args.max_wait,
        uses_reserve: kind == ActionKind::Unisolate,
        errand: Some(Errand { run: of_run.run.clone(), begun: started, task: None, expires: None, takes_back: None }),
    };
    let again = Again {
        kind,
        waits,
        purpose: &purpose,
        loaded: &loaded,
        protection: &protection,
        journals: &journals,
        cancel: &cancel,
        context,
    };
    let (mut reached, absent) = reach_all(&again, parts).await?;
    for Absent { vendor, counts, error } in &absent {
        let hosts = words::count(counts.total(), "host stays as it is", "hosts stay as they are");
        context.ui.warn(&format!("{vendor} cannot be asked now, so {hosts} there: {}", clean(&error.cause())));
        for (outcome, count) in counts.present() {
            before.add_many(outcome, count);
        }
    }

    let mut says = Vec::new();
    // What may still be sent, in all consoles: for the limits and the question.
    let mut left_in_all = Roster::default();
    let radius = Radius::new(&safety, args.max_targets);
    for Reached { part, session, left, notes, .. } in &mut reached {
        let to_act = left.to_act().count();
        if to_act == 0 {
            continue;
        }
        let things = words::things(to_act as u64, kind.word());
        says.push(format!("{}: {things} to {}: {}", part.vendor, kind.word(), named(left)));
        says.extend(notes.iter().map(|note| format!("{}: {note}", part.vendor)));
        if !of_run.simulated {
            let of_part = (to_act as u64, &Survey::default());
            radius.check_percent(session, (kind, kind.word()), of_part, &cancel, context).await?;
        }
        copy(left, &mut left_in_all);
    }
    if of_run.simulated {
        let each = reached.iter().map(|reached| format!("{} {}", reached.part.vendor, reached.session.address));
        header.console = each.collect::<Vec<_>>().join(", ");
    }
    says.extend(back::says_due(&of_run));
    let sum = |need: Need| reached.iter().map(|reached| reached.part.left(waits, need)).sum::<usize>();
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
    journal.append(replayed::resumption(&journals, wait)?).await?;
    let mut reporters = context.ui.reporters(context.ui.setup(context.invocation(Vec::new(), Vec::new())));
    let header = Arc::new(header);
    let action = Action { kind, comment: of_run.comment.clone() };
    let mut doors = Doors::default();
    let mut at_work = Vec::new();
    for Reached { part: Part { vendor, piece }, session, roster, .. } in reached {
        doors.keep(&session.console.vendor, session.simulator);
        let standings: Vec<(u32, Resumed)> =
            (0_u32..).zip(&piece.replay.targets).map(|(n, target)| (n, replayed::standing(target, waits))).collect();
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
    let absent = absent.iter().map(|absent| (absent.vendor.word(), absent.ending())).collect();
    let joint = Joint { header, parts: at_work, aside: Vec::new(), before, absent, first_batch: next_batch };
    Ok(go(joint, Some(journal), cancel, &mut reporters, doors, Some(kind), context).await)
}

/// Asks every part's console. One that cannot be asked is put aside, unless all are so.
async fn reach_all(again: &Again<'_>, parts: Vec<Part>) -> Result<(Vec<Reached>, Vec<Absent>), CommandError> {
    let mut reached: Vec<Reached> = Vec::new();
    let mut absent: Vec<Absent> = Vec::new();
    let mut failed = None;
    for part in parts {
        match again.reach(part).await {
            Ok(found) => reached.push(found),
            Err((part, error)) if is_of_one(error.exit(), again.cancel) => {
                absent.push(Absent { vendor: part.vendor, counts: part.piece.replay.counts(), error });
            }
            Err((_, error)) => {
                failed = Some(error);
                break;
            }
        }
    }
    if failed.is_none() && reached.is_empty() && !absent.is_empty() {
        failed = Some(absent.swap_remove(0).error);
    }
    match failed {
        None => Ok((reached, absent)),
        Some(error) => {
            Consoles { sessions: reached.into_iter().map(|reached| reached.session).collect() }.close().await;
            Err(error)
        }
    }
}

fn copy(from: &Roster, to: &mut Roster) {
    for n in 0..from.len() {
        let Some(item) = from.item(n) else { continue };
        let detail = from.detail(n).cloned().unwrap_or_default();
        to.push(Arc::clone(&item.written), from.file(n).cloned(), item.line, item.host.clone(), detail);
    }
}
