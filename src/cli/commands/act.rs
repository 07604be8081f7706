//! What `isolate` and `unisolate` have in common: everything but the verb.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    back::{self, Back, Reading},
    found, hearing, ksc_task,
    plan::{self, Paper},
    prepare::{self, Demand},
    radius::Radius,
    rollout,
    session::{Opening, Session, fleet_of, overrides},
};
use crate::{
    cli::{
        args::{ChangeArgs, CrowdArgs},
        confirm::{self, Question},
        context::Context,
        error::CommandError,
        protection, signals,
    },
    clock,
    config::SafetyConfig,
    domain::{
        action::{Action, ActionKind},
        id::RunId,
        outcome::{Counts, ExitCode, Outcome},
    },
    engine::{
        Purpose, Run,
        event::RunHeader,
        plan::{Protection, States, Wish},
        roster::Roster,
    },
    journal::{
        By, CandidateRecord, DuplicateRecord, Header, Journal, JournalError, Settlement, StateFolder, TargetRecord,
        new_run_id,
    },
    reporters::hints::Invocation,
    secret::Secret,
    stream::store::NameOrId,
    vendors::{self, Capabilities, VendorName, Wishes, kaspersky::Task},
};

mod options;
mod shown;

use options::{Options, options};
use shown::tell_left_out;
pub(super) use shown::{all_protected, dry_run_exit, planned, tell_plan};

/// Where the journal keeps the task.
pub(super) const TASK: &str = "task";

/// Where the journal keeps how many tasks may be outstanding, and that older ones may be pushed out.
pub(super) const WAVE: &str = "wave";
pub(super) const ROTATION: &str = "allow_rotation";

/// Where the journal keeps that hosts are sent to that the console has lost touch with, and for which MalOp it is done.
pub(super) const QUEUE_OFFLINE: &str = "queue_offline";
pub(super) const MALOP: &str = "malop";
/// Where it keeps that nothing is sent while nobody is there to carry it out.
pub(super) const ATTENDED: &str = "require_console";

/// For tests: the run's name.
const FIXED_RUN: &str = "__EDRCTL_RUN_ID";

/// A task that hosts are to carry out.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    /// The task.
    pub(crate) task: Arc<Task>,
    /// Whether what would be sent is printed, and nothing is sent.
    pub(crate) print: bool,
}

/// What a changing command does, beyond what every one is told.
#[derive(Debug)]
pub(crate) struct Deed {
    /// The action.
    pub(crate) kind: ActionKind,
    /// The console.
    pub(crate) vendor: VendorName,
    /// The code that ends an isolation at the host.
    pub(crate) unlock_code: Option<Secret>,
    /// Whether a name stands for every agent that has it.
    pub(crate) all_agents: bool,
    /// Whether the hosts that were found are shown before anything is asked or sent.
    pub(crate) shows_hosts: bool,
    /// The event stream that hosts are confirmed by.
    pub(crate) stream: Option<NameOrId>,
    /// What is done at a console that keeps only so much work.
    pub(crate) crowd: CrowdArgs,
    /// Whether hosts are sent to that the console has lost touch with.
    pub(crate) queue_offline: bool,
    /// The task, if the action is one.
    pub(crate) errand: Option<Errand>,
    /// The command's own name, if it is not that of the action.
    pub(crate) own_name: Option<&'static str>,
    /// How long it is to last, if not for good.
    pub(crate) lasts: Option<std::time::Duration>,
    /// The hosts, where they come from an earlier run and not from files.
    pub(crate) back: Option<Back>,
    /// The plan that it is written to, or comes from.
    pub(crate) paper: Option<Paper>,
}

impl Deed {
    /// An action and nothing else.
    pub(crate) const fn plain(kind: ActionKind, vendor: VendorName) -> Self {
        Self {
            kind,
            vendor,
            unlock_code: None,
            all_agents: false,
            shows_hosts: false,
            stream: None,
            crowd: CrowdArgs { allow_rotation: false, require_console: false },
            queue_offline: false,
            errand: None,
            own_name: None,
            lasts: None,
            back: None,
            paper: None,
        }
    }

    /// The word for it, in results and in the journal.
    pub(crate) fn word(&self) -> &'static str {
        match &self.errand {
            Some(errand) if self.kind == ActionKind::Task => errand.task.kind().word(),
            _ => self.kind.word(),
        }
    }
}

/// What is done to hosts, as in "12 hosts to isolate".
pub(super) fn verb(kind: ActionKind, word: &str) -> String {
    if kind == ActionKind::Task { format!("run {word} on") } else { word.to_owned() }
}

/// Runs one changing command.
pub(crate) async fn run(deed: Deed, args: ChangeArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let word = deed.word();
    let verb = verb(deed.kind, word);
    let Deed { kind, vendor, unlock_code, all_agents, shows_hosts, stream, crowd, queue_offline, errand, .. } = deed;
    let Deed { own_name, lasts, back, mut paper, .. } = deed;
    prepare::check_offline(vendor, queue_offline)?;
    let (run, begun) = (run_id()?, clock::now());
    let task = errand.as_ref().map(|errand| Arc::clone(&errand.task));
    let wait = args.rollout.wait(args.wait.wait);
    let loaded = context.configuration(overrides(vendor, args.console.concurrency))?;
    let safety = loaded.safety()?;
    let frees = back.as_ref().is_some_and(|back| back.frees(kind));
    let rules = prepare::rules(vendor, &args.targets, all_agents)?;
    let asked = plan::Asked { kind, dry_run: args.dry_run, simulated: args.console.simulate, several: false };
    plan::check_leave(paper.as_mut(), &safety, asked)?;
    let applied = paper.as_ref().and_then(Paper::applied);
    let mut selected = match (&back, applied) {
        (Some(back), _) => back.selected(),
        (None, Some(applied)) => applied.selected(args.console.simulate)?,
        (None, None) => prepare::targets(&args.targets, vendor, context)?,
    };
    let journals = if args.dry_run { None } else { Some(context.journals_to_write(loaded.run().state_dir)?) };
    let (cancel, _guard) = signals::catch()?;
    let with_unlock_code = unlock_code.is_some();
    let opening = Opening {
        vendor,
        simulate: match applied.filter(|_| args.console.simulate) {
            Some(applied) => Some(applied.fleet()?),
            None => fleet_of(&args.console, &selected.entries, &args.targets.groups, kind == ActionKind::Unisolate)?,
        },
        faults: args.console.faults.as_deref(),
        concurrency: args.console.concurrency,
        max_wait: args.console.max_wait,
        uses_reserve: kind == ActionKind::Unisolate,
        wishes: Wishes {
            unlock_code,
            product: args.console.product.clone(),
            errand: Some(vendors::Errand {
                run: run.clone(),
                begun,
                task: task.clone(),
                expires: None,
                takes_back: None,
            }),
            detection: prepare::only_detection(&args.targets),
        },
    };
    let mut session = Session::open(opening, Some(&loaded), context).await?;
    if let Some(back) = &back {
        back.check_console(&session)?;
    }
    if let Some(applied) = applied {
        applied.check_console(&session, &loaded)?;
    }
    session.join(journals.as_ref(), &run, context);
    let wanted = hearing::find(stream.as_ref(), &session, context, loaded.run().state_dir)?;
    // Whoever only prints what would be sent does not look ahead.
    let prints = errand.as_ref().is_some_and(|errand| errand.print);
    prepare::prove_before_plan(&mut session, !prints, &cancel, context).await?;
    prepare::add_groups(&mut selected, &args.targets, &mut session, &cancel, context).await?;

    let asks =
        context.ui.can_ask() && !args.consent.yes && args.consent.expect_count.is_none() && !args.console.simulate;
    let product = args.console.product.as_deref();
    let states = match args.dry_run || asks || back.is_some() {
        _ if paper.is_some() => States::Each,
        true => States::IfCheap,
        false => States::Incidentally,
    };
    let protection = match frees {
        true => Protection::default(),
        false => protection::gather(&loaded, &safety, &args.allowed, kind).await,
    };
    let wish = Wish {
        kind: Some(kind),
        protection: &protection,
        states,
        rules,
        follows: wait.is_some() && !args.dry_run,
        keeps_hosts: shows_hosts || paper.is_some(),
        product,
        queues: queue_offline,
    };
    let (mut roster, survey) = prepare::plan(&mut session, selected, wish, &cancel, context).await?;
    if let Some(back) = &back {
        back.judge(&mut session, &mut roster, (kind, wait.is_some() && !args.dry_run), &cancel, context).await?;
    }
    let reading_kept = Reading::of(&args.targets, &args.console, all_agents);
    let mut record = Header {
        run: run.clone(),
        tool: concat!("edrctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        action: word.to_owned(),
        vendor: vendor.word().to_owned(),
        console: session.address.clone(),
        consoles: BTreeMap::new(),
        profile: loaded.profile().map(ToOwned::to_owned),
        user: user(),
        host: machine(),
        pid: std::process::id(),
        comment: args.comment.clone(),
        ticket: args.ticket.clone(),
        waits: wait.map(whole_seconds),
        simulated: session.simulator.is_some(),
        options: BTreeMap::new(),
        turn: None,
        targets: 0,
    };
    back::foretell_crossed(&record, &mut roster, context)?;
    if let Some(applied) = applied {
        roster = applied.hold(roster, session.simulator.is_some())?;
    }
    if !frees || args.rollout.max_targets.is_some() {
        // Of what frees hosts, only the limit that is given with it.
        let limits = if frees { SafetyConfig::default() } else { safety };
        let radius = Radius::new(&limits, args.rollout.max_targets);
        radius.check(&mut session, (kind, &verb), (&roster, &survey), &cancel, context).await?;
    }
    let planned = args.rollout.plan(&mut roster)?;
    confirm::expect(args.consent, &roster, word)?;

    if shows_hosts && !context.ui.quiet {
        context.ui.show(&found::table(&roster, kind, &context.ui));
    }
    let header = Arc::new(RunHeader {
        run: run.clone(),
        vendor: vendor.word(),
        console_name: session.console.vendor.capabilities().console,
        console: session.address.clone(),
        action: word,
        waits: wait.is_some(),
        simulated: session.simulator.is_some(),
        resumed: false,
        dry_run: args.dry_run,
        targets: u64::from(roster.len()),
        started: begun,
    });
    let (mut reading, mut files) = prepare::reading(&args.targets, &args.console);
    if paper.is_some() {
        // A plan leads on to itself, and not to its targets once more.
        files.clear();
    }
    if all_agents {
        reading.push("--allow-multiple".to_owned());
    }
    let nothing_to_do = roster.to_act().next().is_none();
    let all_protected = nothing_to_do && all_protected(&roster);
    let invocation = Invocation { own_name, keeps_no_journal: all_protected, ..context.invocation(reading, files) };
    let mut reporters = context.ui.reporters(context.ui.setup(invocation));
    if let (Some(task), true) = (&task, prints) {
        let printed = ksc_task::print(task, &roster, &header.run);
        session.close().await;
        return match printed {
            // Whoever read it has seen enough.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(CommandError::new(ExitCode::Internal, error).context("print what would be sent"))
            }
            _ => Ok(dry_run_exit(&tell_left_out(&roster, &verb, context))),
        };
    }
    let CrowdArgs { allow_rotation, require_console } = crowd;
    let mut says: Vec<String> = task.iter().map(|task| task.describe()).collect();
    says.extend(back.iter().flat_map(|back| back.says.iter().cloned()));
    says.extend(applied.iter().flat_map(|applied| applied.says()));
    says.extend(lasts.map(back::says_lasting));
    let demand =
        Demand { waits: wait.is_some(), allow_rotation, require_console, to_act: roster.to_act().count(), adds: true };
    if args.dry_run || all_protected {
        // A rehearsal that tells less than the run would is none.
        let ahead = if nothing_to_do {
            Ok((None, Vec::new()))
        } else {
            task.iter().for_each(|task| context.ui.tell(&format!("the task {}", task.describe())));
            planned.says().iter().for_each(|says| context.ui.tell(says));
            prepare::preflight(&mut session, demand, &cancel, context).await
        };
        ahead.iter().flat_map(|(_, notes)| notes).for_each(|note| context.ui.tell(note));
        if let Some(draft) = paper.as_ref().and_then(Paper::draft) {
            let (account, part, id_form) = (session.account.clone(), session.part.clone(), vendor.id_form());
            let requests = session.console.requests;
            session.close().await;
            ahead?;
            let sheet = plan::Sheet { kind, header: &header, record: &record, account, part, id_form, roster: &roster };
            return draft.write(&sheet, context, || {
                tell_plan(&header, &roster, &verb, requests, &mut reporters);
            });
        }
        let counts = tell_plan(&header, &roster, &verb, session.console.requests, &mut reporters);
        session.close().await;
        return if all_protected {
            Err(CommandError::text(ExitCode::Refused, "every host is protected; nothing was sent"))
        } else {
            ahead.map(|_| dry_run_exit(&counts))
        };
    }
    if !nothing_to_do {
        let (outstanding, notes) = prepare::preflight(&mut session, demand, &cancel, context).await?;
        session.console.limits.outstanding = outstanding;
        says.extend(notes);
        says.extend(planned.says());
    }
    if !nothing_to_do && !args.console.simulate {
        let question = Question {
            verb: &verb,
            says: &says,
            console_name: header.console_name,
            address: &header.console,
            profile: loaded.profile(),
            roster: &roster,
            survey,
        };
        confirm::ask(args.consent, &question, &context.ui, &cancel).await?;
        // A question may stand for hours.
        applied.map(plan::Applied::check_age).transpose()?;
    }

    let Some(journals) = journals else { return Ok(ExitCode::Internal) };
    record.options = options(Options {
        with_unlock_code,
        task: task.as_deref(),
        wave: session.console.limits.outstanding,
        crowd,
        queue_offline,
        malop: prepare::only_detection(&args.targets),
        lasts,
        reading: reading_kept,
        back,
        allowed: &args.allowed,
        planned: &planned,
    });
    if let Some(applied) = applied {
        applied.record(&mut record);
    }
    let (journal, roster) = create_journal(journals, record, roster, context, session.concurrency.get()).await?;
    let vendor = Arc::clone(&session.console.vendor);
    let mut hearing = hearing::listen(wanted, kind, &mut session, &cancel, context).await;
    let rollout = planned.rollout(&header, rollout::asks(args.consent, context));
    let run = Run {
        header,
        purpose: Purpose::Act(Action { kind, comment: args.comment }),
        console: session.console,
        roster,
        standings: Vec::new(),
        wait,
        first_batch: 0,
        rollout,
        news: hearing.news(),
    };
    let report = run.go(Some(journal), cancel, &mut reporters).await;
    hearing.close().await;
    vendor.close().await;
    tell_self_ending(vendor.capabilities(), kind, &report.counts, context);
    if let Some(simulator) = session.simulator {
        simulator.stop().await;
    }
    Ok(report.exit)
}

/// Says what will end the effect without anybody's doing.
pub(super) fn tell_self_ending(capabilities: &Capabilities, kind: ActionKind, counts: &Counts, context: &Context) {
    let done = [Outcome::Confirmed, Outcome::Accepted, Outcome::Already].map(|outcome| counts.get(outcome));
    let ends = capabilities.actions.get(&kind).and_then(|capability| capability.ends_by_itself);
    if let Some(ends) = ends.filter(|_| done.iter().sum::<u64>() > 0) {
        context.ui.tell(ends);
    }
}

/// A wait as the journal keeps it. One of less than a second is still a wait.
pub(super) fn whole_seconds(wait: std::time::Duration) -> u64 {
    wait.as_secs().max(1)
}

pub(super) async fn create_journal(
    journals: StateFolder,
    header: Header,
    mut roster: Roster,
    context: &Context,
    in_flight: usize,
) -> Result<(Journal, Roster), CommandError> {
    let options = context.writer_options(in_flight);
    let invocation = context.invocation(Vec::new(), Vec::new());
    // A plan of a million targets takes seconds on a disk; the runtime has other things to do.
    let created = tokio::task::spawn_blocking(move || {
        // Nobody else begins a run between the look at those that are under way and the moment at which this one is.
        let _gate = journals.gate()?;
        let crossed = back::crossed_now(&journals, &header, &roster)?;
        if let Some(refusal) = plan::too_late(&journals, &header, &crossed, &invocation)? {
            return Ok(Err(refusal));
        }
        for crossed in [crossed, back::overtaken(&journals, &header, &roster)?] {
            back::settle_crossed(&mut roster, &crossed);
        }
        let targets = (0..roster.len() as usize).map(|n| target_record(&roster, u32::try_from(n).unwrap_or(u32::MAX)));
        Journal::create(&journals, header, targets, &options).map(|journal| Ok((journal, roster)))
    });
    let created = created.await.map_err(|error| CommandError::new(ExitCode::Internal, error))?;
    created.map_err(|error: JournalError| {
        CommandError::from(error).context("write the journal's plan; nothing was sent")
    })?
}

pub(super) fn target_record(roster: &Roster, n: u32) -> TargetRecord {
    let item = roster.item(n);
    let detail = roster.detail(n);
    let settled = detail.and_then(|detail| detail.settled.as_ref()).map(|settled| {
        let mut settlement = Settlement::new(settled.outcome, By::Plan);
        settlement.state = detail.and_then(|detail| detail.before.as_ref()).map(|state| prepare::shared(&state.word));
        settlement.last_seen = detail.and_then(|detail| detail.last_seen.clone());
        if let Some(reason) = &settled.reason {
            settlement = settlement.because(reason);
        }
        Box::new(settlement)
    });
    TargetRecord {
        n,
        t: item.map_or_else(|| prepare::shared(""), |item| Arc::clone(&item.written)),
        f: roster.file(n).cloned(),
        l: item.map_or(0, |item| item.line),
        v: None,
        id: item.and_then(|item| item.host.as_ref()).map(|id| prepare::shared(id.as_str())),
        name: detail.and_then(|detail| detail.name.clone()),
        before: detail.and_then(|detail| detail.before.as_ref()).map(|state| prepare::shared(&state.word)),
        dup: detail
            .map(|detail| {
                let record = |also: &crate::engine::event::Duplicate| DuplicateRecord {
                    t: Arc::clone(&also.target),
                    f: also.file.clone(),
                    l: also.line,
                };
                detail.duplicates.iter().map(record).collect()
            })
            .unwrap_or_default(),
        candidates: detail
            .map(|detail| {
                let record = |candidate: &crate::engine::event::Candidate| CandidateRecord {
                    id: prepare::shared(candidate.id.as_str()),
                    name: candidate.name.clone(),
                    last_seen: candidate.last_seen.clone(),
                    product: candidate.product.clone(),
                    state: candidate.state.clone(),
                    vendor: candidate.vendor.clone(),
                };
                detail.candidates.iter().map(record).collect()
            })
            .unwrap_or_default(),
        settled,
        note: detail.and_then(|detail| detail.note.clone()),
        w: roster.wave(n),
    }
}

pub(super) fn run_id() -> Result<RunId, CommandError> {
    match std::env::var(FIXED_RUN) {
        Ok(name) => RunId::parse(&name).map_err(|error| CommandError::new(ExitCode::Usage, error)),
        Err(_) => Ok(new_run_id()?),
    }
}

/// Who runs this: the name that the environment gives, and the number that it cannot forge.
pub(crate) fn user() -> String {
    let name =
        ["USER", "LOGNAME"].iter().find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()));
    let number = rustix::process::getuid().as_raw();
    name.map_or_else(|| format!("uid {number}"), |name| format!("{name} (uid {number})"))
}

/// The machine this runs on.
pub(crate) fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
