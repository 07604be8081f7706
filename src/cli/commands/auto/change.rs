//! `isolate` and `unisolate` over every console.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use super::{
    consoles::{self, Consoles, Doors, NAME, Purpose},
    resolve,
};
use crate::{
    cli::{
        args::ActArgs,
        commands::{
            act,
            back::{self, Reading},
            plan,
            prepare::{self, Demand},
            radius::Radius,
        },
        confirm::{self, Question},
        context::Context,
        error::CommandError,
        protection, signals,
    },
    clock,
    domain::{
        action::{Action, ActionKind},
        failure::Failure,
        outcome::{Counts, Ending, ExitCode, Outcome},
    },
    engine::{
        Purpose as RunPurpose, Run,
        cancel::Cancel,
        event::{Listener, RunEvent, RunHeader, SEVERAL, TargetResult},
        fleet::{Joint, JointReport, Part, Sorted},
        plan::{States, Survey, Wish},
        resolve::Rules,
        rollout::Rollout,
        roster::Roster,
    },
    journal::{FOR, Header, Journal, JournalError, StateFolder},
    reporters::{clean::clean, words},
    vendors::Errand,
};

/// Hosts that are named for each console before the question.
const NAMED: usize = 8;

/// Runs it.
///
/// `lasts`: for how long hosts are to stay as they are made.
pub(crate) async fn act(
    kind: ActionKind,
    args: ActArgs,
    lasts: Option<std::time::Duration>,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let ActArgs { several, change: args, hearing, crowd, offline, .. } = args;
    let word = kind.word();
    consoles::refuse_special(&args.targets, &args.console)?;
    let special = [
        ("--stream", hearing.stream.is_some()),
        ("--allow-rotation", crowd.allow_rotation),
        ("--require-console", crowd.require_console),
        ("--queue-offline", offline.queue_offline),
    ];
    if let Some((flag, _)) = special.into_iter().find(|(_, given)| *given) {
        return Err(consoles::special(flag));
    }
    if let Some(flag) = args.rollout.spread_by() {
        let text = format!("a run over several consoles is in all of them at once, so `{flag}` cannot be had there");
        return Err(CommandError::text(ExitCode::Usage, text)
            .hint("`edrctl status --vendor auto` tells which console has which host; then one run for each"));
    }
    let (run, begun) = (act::run_id()?, clock::now());
    let wait = args.wait.wait;
    let (loaded, vendors) = consoles::choose(&several, args.console.simulate, args.console.concurrency, context)?;
    let safety = loaded.safety()?;
    let asked = plan::Asked { kind, dry_run: args.dry_run, simulated: args.console.simulate, several: true };
    plan::check_leave(None, &safety, asked)?;
    let selected = resolve::targets(&args.targets, &vendors, context)?;
    let journals = if args.dry_run { None } else { Some(context.journals_to_write(loaded.run().state_dir)?) };
    let (cancel, _guard) = signals::catch()?;
    let purpose = Purpose {
        concurrency: args.console.concurrency,
        max_wait: args.console.max_wait,
        uses_reserve: kind == ActionKind::Unisolate,
        errand: Some(Errand { run: run.clone(), begun, task: None, expires: None, takes_back: None }),
    };
    let said = prepare::kind_said(&args.targets);
    let isolated = kind == ActionKind::Unisolate;
    let vendors = resolve::fleets(vendors, args.console.simulate, &selected.entries, said, isolated)?;
    let mut consoles = Consoles::open(vendors, &purpose, &loaded, context).await?;
    consoles.join(journals.as_ref(), &run, context);
    consoles.prove(&cancel, context).await?;
    let protection = protection::gather(&loaded, &safety, &args.allowed, kind).await;
    let wish = Wish {
        kind: Some(kind),
        protection: &protection,
        states: States::Always,
        rules: Rules::default(),
        follows: wait.is_some() && !args.dry_run,
        keeps_hosts: false,
        product: None,
        queues: false,
    };
    let (mut sorted, surveys) =
        resolve::resolve(&mut consoles, &args.targets, selected, &several.prefer, wish, &cancel, context).await?;
    let mut record = Header {
        run: run.clone(),
        tool: concat!("edrctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        action: word.to_owned(),
        vendor: SEVERAL.to_owned(),
        console: consoles.address(),
        consoles: consoles.addresses(),
        profile: loaded.profile().map(ToOwned::to_owned),
        user: act::user(),
        host: act::machine(),
        pid: std::process::id(),
        comment: args.comment.clone(),
        ticket: args.ticket.clone(),
        waits: wait.map(act::whole_seconds),
        simulated: args.console.simulate,
        options: BTreeMap::new(),
        turn: None,
        targets: 0,
    };
    foretell_crossed(&record, &mut sorted, &words_of(&consoles), context)?;
    let radius = Radius::new(&safety, args.rollout.max_targets);
    radius.check_count(sorted.roster.to_act().count() as u64, word, context)?;
    for (owner, (session, survey)) in consoles.sessions.iter_mut().zip(&surveys).enumerate() {
        let to_act = sorted.part(owner).0.to_act().count() as u64;
        radius.check_percent(session, (kind, word), (to_act, survey), &cancel, context).await?;
    }
    confirm::expect(args.consent, &sorted.roster, word)?;

    let header = Arc::new(RunHeader {
        run: run.clone(),
        vendor: SEVERAL,
        console_name: NAME,
        console: record.console.clone(),
        action: word,
        waits: wait.is_some(),
        simulated: args.console.simulate,
        resumed: false,
        dry_run: args.dry_run,
        targets: u64::from(sorted.roster.len()),
        started: begun,
    });
    let (mut reading, files) = prepare::reading(&args.targets, &args.console);
    for (flag, words) in [("--only", &several.only), ("--prefer", &several.prefer)] {
        if !words.is_empty() {
            let words: Vec<&str> = words.iter().map(|vendor| vendor.word()).collect();
            reading.extend([flag.to_owned(), words.join(",")]);
        }
    }
    let mut reporters = context.ui.reporters(context.ui.setup(context.invocation(reading, files)));
    let nothing_to_do = sorted.roster.to_act().next().is_none();
    let all_protected = nothing_to_do && act::all_protected(&sorted.roster);
    if args.dry_run || all_protected {
        let ahead = look_ahead(&mut consoles, &sorted, wait.is_some(), &cancel, context).await;
        ahead.iter().flatten().for_each(|note| context.ui.tell(note));
        let requests = consoles.sessions.iter().map(|session| session.console.requests).sum();
        let mut named = Named { sorted: &sorted, consoles: &words_of(&consoles), listener: &mut reporters };
        let counts = act::tell_plan(&header, &sorted.roster, word, requests, &mut named);
        consoles.close().await;
        return if all_protected {
            Err(CommandError::text(ExitCode::Refused, "every host is protected; nothing was sent"))
        } else {
            ahead.map(|_| act::dry_run_exit(&counts))
        };
    }
    if !nothing_to_do {
        let mut says = says(&consoles, &sorted, word);
        says.extend(lasts.map(back::says_lasting));
        says.extend(look_ahead(&mut consoles, &sorted, wait.is_some(), &cancel, context).await?);
        if !args.console.simulate {
            let question = Question {
                verb: word,
                says: &says,
                console_name: header.console_name,
                address: &header.console,
                profile: loaded.profile(),
                roster: &sorted.roster,
                survey: Survey { read: true, ..Survey::default() },
            };
            confirm::ask(args.consent, &question, &context.ui, &cancel).await?;
        }
    }

    let Some(journals) = journals else { return Ok(ExitCode::Internal) };
    let options = &mut record.options;
    args.allowed.record(options);
    if let Some(lasts) = lasts {
        options.insert(FOR.to_owned(), back::whole_seconds(lasts).into());
    }
    if let Some(reading) = Reading::of(&args.targets, &args.console, false).record() {
        options.insert(back::READING.to_owned(), reading);
    }
    if let Some(wave) = consoles.sessions.iter().find_map(|session| session.console.limits.outstanding) {
        options.insert(act::WAVE.to_owned(), wave.get().into());
    }
    let (journal, sorted) = create_journal(journals, record, sorted, &consoles, context).await?;
    let action = Action { kind, comment: args.comment };
    let aside = sorted.aside().filter_map(|n| act::planned(&sorted.roster, n, word)).map(Arc::new).collect();
    let mut doors = Doors::default();
    let mut parts = Vec::new();
    for (owner, session) in consoles.sessions.into_iter().enumerate() {
        let (roster, numbers) = sorted.part(owner);
        doors.keep(&session.console.vendor, session.simulator);
        if !roster.is_empty() {
            let run = Run {
                header: Arc::clone(&header),
                purpose: RunPurpose::Act(action.clone()),
                console: session.console,
                roster,
                standings: Vec::new(),
                wait,
                first_batch: 0,
                rollout: Rollout::default(),
                news: None,
            };
            parts.push(Part { vendor: session.vendor.word(), run, numbers });
        }
    }
    drop(sorted);
    let joint = Joint { header, parts, aside, before: Counts::default(), absent: Vec::new(), first_batch: 0 };
    Ok(go(joint, Some(journal), cancel, &mut reporters, doors, Some(kind), context).await)
}

/// Runs the parts to their end, and tells what the summary of the whole leaves out.
pub(super) async fn go(
    joint: Joint,
    journal: Option<Journal>,
    cancel: Cancel,
    reporters: &mut dyn Listener,
    doors: Doors,
    kind: Option<ActionKind>,
    context: &Context,
) -> ExitCode {
    let vendors: Vec<_> = joint.parts.iter().map(|part| Arc::clone(&part.run.console.vendor)).collect();
    let JointReport { report, parts } = joint.go(journal, cancel, reporters).await;
    for (vendor, ending) in &parts {
        let why = match ending {
            Ending::Completed | Ending::Interrupted | Ending::JournalFailed(_) => continue,
            Ending::QuotaWait(wait) => {
                format!("its quota is spent for {}", crate::domain::duration::format(*wait))
            }
            Ending::NoRoom(text)
            | Ending::TableFull(text)
            | Ending::FolderFailed(text)
            | Ending::Halted(text)
            | Ending::CredentialsLost(text)
            | Ending::CertificateLost(text)
            | Ending::ConsoleLost(text) => clean(text).into_owned(),
        };
        context.ui.warn(&format!("nothing more was sent to {vendor}: {why}; what the other consoles have went on"));
    }
    doors.close().await;
    for vendor in kind.iter().flat_map(|_| &vendors) {
        if let Some(kind) = kind {
            act::tell_self_ending(vendor.capabilities(), kind, &report.counts, context);
        }
    }
    report.exit
}

fn words_of(consoles: &Consoles) -> Vec<&'static str> {
    consoles.sessions.iter().map(|session| session.vendor.word()).collect()
}

/// Gives every planned target the word of its console.
struct Named<'a> {
    sorted: &'a Sorted,
    consoles: &'a [&'static str],
    listener: &'a mut dyn Listener,
}

impl Listener for Named<'_> {
    fn on_event(&mut self, event: &RunEvent) {
        use crate::engine::event::RunEventKind::TargetSettled;
        let TargetSettled(result) = &event.kind else { return self.listener.on_event(event) };
        let owner = self.sorted.owners.get(result.n as usize).copied().flatten();
        let vendor = owner.and_then(|owner| self.consoles.get(owner)).copied();
        let result = Arc::new(TargetResult { vendor, ..TargetResult::clone(result) });
        self.listener.on_event(&RunEvent { kind: TargetSettled(result), ..event.clone() });
    }

    fn tick(&mut self, stats: &crate::domain::outcome::RunStats, elapsed: std::time::Duration) {
        self.listener.tick(stats, elapsed);
    }
}

/// Asks every console that is to be sent something what would keep it from being carried out; what is to be told.
async fn look_ahead(
    consoles: &mut Consoles,
    sorted: &Sorted,
    waits: bool,
    cancel: &Cancel,
    context: &Context,
) -> Result<Vec<String>, CommandError> {
    let mut notes = Vec::new();
    for (owner, session) in consoles.sessions.iter_mut().enumerate() {
        let to_act = sorted.part(owner).0.to_act().count();
        if to_act == 0 {
            continue;
        }
        let demand = Demand { waits, allow_rotation: false, require_console: false, to_act, adds: true };
        let (outstanding, more) = prepare::preflight(session, demand, cancel, context).await?;
        let outstanding: Option<NonZeroUsize> = outstanding;
        session.console.limits.outstanding = outstanding;
        notes.extend(more.into_iter().map(|note| format!("{}: {note}", session.vendor)));
    }
    Ok(notes)
}

/// What will be done through each console, for the question.
fn says(consoles: &Consoles, sorted: &Sorted, verb: &str) -> Vec<String> {
    let each = consoles.sessions.iter().enumerate().filter_map(|(owner, session)| {
        let (part, _) = sorted.part(owner);
        let to_act = part.to_act().count();
        (to_act > 0).then(|| {
            let rest = to_act.saturating_sub(NAMED);
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let console = session.console.vendor.capabilities().console;
            let things = words::things(to_act as u64, verb);
            format!("{} ({console}): {things} to {verb}: {}{more}", session.vendor, named(&part))
        })
    });
    each.collect()
}

pub(super) fn named(part: &Roster) -> String {
    let name = |n: u32| {
        let name = part.detail(n).and_then(|detail| detail.name.as_deref());
        name.map(str::to_owned).or_else(|| Some(part.item(n)?.host.as_ref()?.to_string()))
    };
    part.to_act().take(NAMED).filter_map(name).collect::<Vec<_>>().join(", ")
}

/// Of a plan's hosts, those that another run does the opposite to now, by the numbers of their targets.
fn crossed_now(
    journals: &StateFolder,
    header: &Header,
    sorted: &Sorted,
    words: &[&'static str],
) -> Result<Vec<(u32, Failure)>, JournalError> {
    let mut crossed = Vec::new();
    for head in header.heads() {
        let Some(owner) = words.iter().position(|word| *word == head.vendor) else { continue };
        let (part, numbers) = sorted.part(owner);
        let of_part = back::crossed_now(journals, &head, &part)?;
        let held = (0..part.len()).filter_map(|n| {
            let why = of_part.get(part.item(n)?.host.as_ref()?)?;
            Some((*numbers.get(n as usize)?, why.clone()))
        });
        crossed.extend(held);
    }
    Ok(crossed)
}

fn settle_crossed(sorted: &mut Sorted, crossed: Vec<(u32, Failure)>) {
    for (n, why) in crossed {
        sorted.roster.detail_mut(n).follows = false;
        sorted.roster.settle(n, Outcome::Refused, Some(why));
    }
}

/// Tells before anybody is asked which hosts other runs hold.
fn foretell_crossed(
    header: &Header,
    sorted: &mut Sorted,
    words: &[&'static str],
    context: &Context,
) -> Result<(), CommandError> {
    if header.simulated || sorted.roster.is_empty() {
        return Ok(());
    }
    let journals = context.journals()?;
    // Where nobody may write there is no gate, and no run that could be crossed.
    let Ok(_gate) = tokio::task::block_in_place(|| journals.gate()) else { return Ok(()) };
    let crossed = tokio::task::block_in_place(|| crossed_now(&journals, header, sorted, words))?;
    settle_crossed(sorted, crossed);
    for head in header.heads() {
        let Some(owner) = words.iter().position(|word| *word == head.vendor) else { continue };
        let (mut part, numbers) = sorted.part(owner);
        tokio::task::block_in_place(|| back::doubt(&journals, &head, &mut part))?;
        // What was found as it is wanted and is asked all the same has no outcome any more.
        for (local, n) in (0_u32..).zip(numbers) {
            let open = part.detail(local).filter(|detail| detail.settled.is_none()).cloned();
            let was_settled = sorted.roster.detail(n).is_some_and(|detail| detail.settled.is_some());
            if let Some(detail) = open.filter(|_| was_settled) {
                *sorted.roster.detail_mut(n) = detail;
            }
        }
    }
    Ok(())
}

async fn create_journal(
    journals: StateFolder,
    header: Header,
    mut sorted: Sorted,
    consoles: &Consoles,
    context: &Context,
) -> Result<(Journal, Sorted), CommandError> {
    let options = context.writer_options(consoles.in_flight());
    let names = words_of(consoles);
    let words: Vec<Arc<str>> = names.iter().copied().map(Into::into).collect();
    let created = tokio::task::spawn_blocking(move || {
        // Nobody else begins a run between the look at those that are under way and the moment at which this one is.
        let _gate = journals.gate()?;
        let crossed = crossed_now(&journals, &header, &sorted, &names)?;
        settle_crossed(&mut sorted, crossed);
        let targets = (0..sorted.roster.len() as usize).map(|place| {
            let mut record = act::target_record(&sorted.roster, u32::try_from(place).unwrap_or(u32::MAX));
            let owner = sorted.owners.get(place).copied().flatten();
            record.v = owner.and_then(|owner| words.get(owner)).map(Arc::clone);
            record
        });
        Journal::create(&journals, header, targets, &options).map(|journal| (journal, sorted))
    });
    let created = created.await.map_err(|error| CommandError::new(ExitCode::Internal, error))?;
    created.map_err(|error| CommandError::from(error).context("write the journal's plan; nothing was sent"))
}
