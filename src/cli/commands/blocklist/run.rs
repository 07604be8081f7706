//! One run on indicators: vet, look, hold against limits, ask, journal, act.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    Guard, Wanted,
    guard::unreadable,
    memory::{EXPIRES, INCOMPLETE, PART, TAKES_BACK, exit_of, part_of, takes_back_record},
};
use crate::{
    cli::{
        args::{ConsentArgs, ConsoleArgs},
        commands::{
            act,
            plan::{self, Paper},
            prepare,
            radius::Radius,
            rollout::{self, RolloutArgs},
            session::{Opening, Session, overrides},
        },
        confirm::{self, Question},
        context::Context,
        error::CommandError,
        signals,
    },
    clock,
    config::Loaded,
    domain::{
        action::{Action, ActionKind, Target},
        host::HostId,
        id::RunId,
        indicator::Indicator,
        outcome::{ExitCode, Outcome},
    },
    engine::{
        Purpose, Run,
        cancel::Cancel,
        event::RunHeader,
        plan::{NOTHING, States, Survey, Wish, look_up},
        resolve::Rules,
        roster::{Detail, Roster},
    },
    journal::{Header, Replay},
    reporters::{clean::clean, hints::Invocation, words},
    simulator::Fleet,
    vendors::{Errand, TakesBack, Unit, Vacancies, VendorName, Wishes},
};

/// What a run on indicators does.
pub(crate) struct Deed {
    /// In or out.
    pub(crate) kind: ActionKind,
    /// The firewall.
    pub(crate) vendor: VendorName,
    /// The run.
    pub(crate) run: RunId,
    /// The targets.
    pub(crate) wanted: Vec<Wanted>,
    /// Whether the list that they are from says of itself that some are missing.
    pub(crate) incomplete: bool,
    /// When what is put in is due to go.
    pub(crate) expires: Option<Timestamp>,
    /// What alone may be taken out.
    pub(crate) takes_back: Option<TakesBack>,
    /// How many new objects there may be, and whether the user said so.
    pub(crate) max_new: Option<u64>,
    /// How wide networks may be.
    pub(crate) prefixes: super::Prefixes,
    /// How the firewall is spoken to.
    pub(crate) console: ConsoleArgs,
    /// How consent is given.
    pub(crate) consent: ConsentArgs,
    /// Whether the plan is all that is wanted.
    pub(crate) dry_run: bool,
    /// Why.
    pub(crate) comment: Option<String>,
    /// The ticket.
    pub(crate) ticket: Option<String>,
    /// The configuration's profile, where it is not the command line's to say.
    pub(crate) profile: Option<String>,
    /// The firewall's address that it has to be.
    pub(crate) address: Option<String>,
    /// The part of it that it has to be.
    pub(crate) part: Option<String>,
    /// How the targets are read again, and from which files.
    pub(crate) reading: (Vec<String>, Vec<String>),
    /// How it is spread over time.
    pub(crate) rollout: RolloutArgs,
    /// Whether it takes an earlier run back, which nobody has to agree to.
    pub(crate) frees: bool,
    /// The plan that it is written to, or comes from.
    pub(crate) paper: Option<Paper>,
}

/// New objects in one run, unless the user says otherwise.
pub(crate) const MAX_NEW: u64 = 50;

/// Runs it. Of a list that is not whole, all may be done, and more may be hostile.
pub(crate) async fn run(deed: Deed, context: &Context) -> Result<ExitCode, CommandError> {
    let incomplete = deed.incomplete;
    Ok(exit_of(go(deed, context).await?, incomplete))
}

async fn go(mut deed: Deed, context: &Context) -> Result<ExitCode, CommandError> {
    let (kind, vendor, begun) = (deed.kind, deed.vendor, clock::now());
    let word = kind.word();
    let mut own = Context::new(context.global.clone());
    if own.global.profile.is_none() {
        own.global.profile.clone_from(&deed.profile);
    }
    let loaded = own.configuration(overrides(vendor, deed.console.concurrency))?;
    let safety = loaded.safety()?;
    if !deed.frees {
        let asked = plan::Asked { kind, dry_run: deed.dry_run, simulated: deed.console.simulate, several: false };
        plan::check_leave(deed.paper.as_mut(), &safety, asked)?;
    }
    let applied = deed.paper.as_ref().and_then(Paper::applied);
    let guard = match kind {
        ActionKind::Block => Some(Guard::new(&loaded, &safety, deed.prefixes, vendor, deed.console.simulate).await?),
        // What must stay reachable may always be taken out.
        _ => None,
    };
    let mut roster = roster_of(&deed.wanted, guard.as_ref());
    let journals = if deed.dry_run { None } else { Some(context.journals_to_write(loaded.run().state_dir)?) };
    let (cancel, _guard) = signals::catch()?;
    let opening = Opening {
        vendor,
        simulate: deed.console.simulate.then(|| Fleet::of_size(1)),
        faults: deed.console.faults.as_deref(),
        concurrency: deed.console.concurrency,
        max_wait: deed.console.max_wait,
        uses_reserve: kind == ActionKind::Unblock,
        wishes: Wishes {
            errand: Some(Errand {
                run: deed.run.clone(),
                begun,
                task: None,
                expires: deed.expires,
                takes_back: deed.takes_back.clone(),
            }),
            ..Wishes::default()
        },
    };
    let mut session = Session::open(opening, Some(&loaded), context).await?;
    session.join(journals.as_ref(), &deed.run, context);
    if let Some(address) = deed.address.as_ref().filter(|address| **address != session.address) {
        return Err(elsewhere(address, &session.address));
    }
    if let (Some(wanted), Some(found)) = (&deed.part, &session.part)
        && wanted != found
    {
        return Err(elsewhere(wanted, found));
    }
    if let Some(applied) = applied {
        applied.check_console(&session, &loaded)?;
    }
    let _alone = session.alone(journals.as_ref(), &cancel, context).await?;
    if deed.console.simulate && kind == ActionKind::Unblock {
        seed(&session, &deed.wanted).await?;
    }
    let preflight = prepare::look_ahead(&mut session, None, kind == ActionKind::Block, &cancel, context).await?;
    if kind == ActionKind::Block {
        preflight.warnings.iter().for_each(|warning| context.ui.warn(warning));
        preflight.notes.iter().for_each(|note| context.ui.tell(note));
    }
    let asks = context.ui.can_ask() && !deed.consent.yes && deed.consent.expect_count.is_none();
    let survey = look(&mut session, &mut roster, kind, &cancel, context).await?;
    if let Some(applied) = applied {
        roster = applied.hold(roster, session.simulator.is_some())?;
    }
    let to_act = roster.to_act().count() as u64;
    let radius = Radius::new(&safety, deed.rollout.max_targets);
    radius.check(&mut session, (kind, word), (&roster, &survey), &cancel, context).await?;
    let planned = deed.rollout.plan(&mut roster)?;
    if kind == ActionKind::Block {
        check_new(to_act, deed.max_new)?;
        check_vacancies(&roster, deed.max_new.is_some(), &preflight.vacancies)?;
    }
    confirm::expect(deed.consent, &roster, word)?;
    let header = Arc::new(RunHeader {
        run: deed.run.clone(),
        vendor: vendor.word(),
        console_name: session.console.vendor.capabilities().console,
        console: session.address.clone(),
        action: word,
        waits: false,
        simulated: session.simulator.is_some(),
        resumed: false,
        dry_run: deed.dry_run,
        targets: u64::from(roster.len()),
        started: begun,
    });
    let (reading, files) = deed.reading.clone();
    let nothing_to_do = to_act == 0;
    let refused = nothing_to_do && !roster.is_empty() && act::all_protected(&roster);
    let invocation = Invocation { keeps_no_journal: refused, ..context.invocation(reading, files) };
    let mut reporters = context.ui.reporters(context.ui.setup(invocation));
    if deed.dry_run || refused {
        planned.says().iter().for_each(|says| context.ui.tell(says));
        if let Some(draft) = deed.paper.as_ref().and_then(Paper::draft) {
            let (account, part, id_form) = (session.account.clone(), session.part.clone(), vendor.id_form());
            let record = record_of(&deed, &header, &loaded, part.as_deref());
            let requests = session.console.requests;
            session.close().await;
            let sheet = plan::Sheet { kind, header: &header, record: &record, account, part, id_form, roster: &roster };
            return draft.write(&sheet, context, || {
                act::tell_plan(&header, &roster, word, requests, &mut reporters);
            });
        }
        let counts = act::tell_plan(&header, &roster, word, session.console.requests, &mut reporters);
        session.close().await;
        return if refused {
            Err(CommandError::text(ExitCode::Refused, "every indicator is refused by a rule; nothing was sent"))
        } else {
            Ok(act::dry_run_exit(&counts))
        };
    }
    if !nothing_to_do && !deed.console.simulate {
        let of_plan = applied.map(plan::Applied::says).unwrap_or_default();
        let says: Vec<String> =
            of_plan.into_iter().chain(says(&deed, asks, preflight.of_domains)).chain(planned.says()).collect();
        let question = Question {
            verb: word,
            says: &says,
            console_name: header.console_name,
            address: &header.console,
            profile: loaded.profile(),
            roster: &roster,
            survey,
        };
        confirm::ask(deed.consent, &question, &context.ui, &cancel).await?;
        // A question may stand for hours.
        applied.map(plan::Applied::check_age).transpose()?;
    }
    let Some(journals) = journals else { return Ok(ExitCode::Internal) };
    let mut record = record_of(&deed, &header, &loaded, session.part.as_deref());
    planned.keep(&mut record.options);
    if let Some(applied) = applied {
        applied.record(&mut record);
    }
    let (journal, roster) = act::create_journal(journals, record, roster, context, session.concurrency.get()).await?;
    let console = Arc::clone(&session.console.vendor);
    let rollout = planned.rollout(&header, rollout::asks(deed.consent, context));
    let run = Run {
        header,
        purpose: Purpose::Act(Action { kind, comment: deed.comment }),
        console: session.console,
        roster,
        standings: Vec::new(),
        wait: None,
        first_batch: 0,
        rollout,
        news: None,
    };
    let report = run.go(Some(journal), cancel, &mut reporters).await;
    console.close().await;
    if let Some(simulator) = session.simulator {
        simulator.stop().await;
    }
    Ok(report.exit)
}

/// The targets as they stand before the firewall is asked: what is refused by a rule has ended already.
fn roster_of(wanted: &[Wanted], guard: Option<&Guard>) -> Roster {
    let mut roster = Roster::default();
    for target in wanted {
        let host = target.found.as_ref().ok().map(|indicator| HostId::new(indicator.canonical()));
        let note = target.narrowed.then(|| "of what was written only the host is taken: all of it is meant".into());
        let detail = Detail { duplicates: target.duplicates.clone(), note, ..Detail::default() };
        roster.push(Arc::clone(&target.written), target.file.clone(), target.line, host, detail);
        let refusal = match guard {
            Some(guard) => guard.refusal(&target.found),
            None => target.found.as_ref().err().map(|error| unreadable(*error)),
        };
        if let Some(refusal) = refusal {
            roster.settle(roster.len() - 1, Outcome::Refused, Some(refusal));
        }
    }
    roster
}

/// Asks the firewall how the targets stand.
async fn look(
    session: &mut Session,
    roster: &mut Roster,
    kind: ActionKind,
    cancel: &Cancel,
    context: &Context,
) -> Result<Survey, CommandError> {
    let wish = Wish {
        kind: Some(kind),
        // The guard has held every target against the list, and knows domains from names of hosts.
        protection: &NOTHING,
        states: States::Incidentally,
        rules: Rules::default(),
        follows: false,
        keeps_hosts: false,
        product: None,
        queues: true,
    };
    let mut tell = prepare::teller(context);
    let id_form = session.vendor.id_form();
    look_up(&mut session.console, id_form, roster, wish, cancel, &mut tell)
        .await
        .map_err(|halt| prepare::failed(session, halt))
}

/// The targets of a run that is gone on with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again<'a> {
    /// In or out.
    pub(crate) kind: ActionKind,
    /// Those that nothing was sent for.
    pub(crate) to_send: &'a [u32],
    /// Those of which nobody knows what came of it: they are looked at whatever the rules say, and not sent against them.
    pub(crate) in_doubt: &'a [u32],
}

/// Fails if a run was in another part of what is at that address than the configuration speaks of.
pub(crate) fn check_part(replay: &Replay, session: &Session) -> Result<(), CommandError> {
    match (part_of(replay), &session.part) {
        (Some(wanted), Some(found)) if wanted != found && !replay.header.simulated => Err(elsewhere(wanted, found)),
        _ => Ok(()),
    }
}

/// Holds the targets of a run that is gone on with against the rules and the firewall again: both may have changed.
pub(crate) async fn check_again(
    session: &mut Session,
    loaded: &Loaded,
    replay: &Replay,
    roster: &mut Roster,
    again: Again<'_>,
    cancel: &Cancel,
    context: &Context,
) -> Result<(), CommandError> {
    let safety = loaded.safety()?;
    let Again { kind, to_send: numbers, in_doubt } = again;
    let guard = match kind {
        ActionKind::Block => {
            // How wide networks may be was decided when the run was planned.
            let prefixes = super::Prefixes { max_prefix: 0, max_prefix6: 0 };
            Some(Guard::new(loaded, &safety, prefixes, session.vendor, replay.header.simulated).await?)
        }
        _ => None,
    };
    let wanted_of = |numbers: &[u32]| -> Vec<Wanted> {
        let targets = numbers.iter().filter_map(|n| replay.targets.get(*n as usize));
        targets.map(|target| Wanted::of_text(target.record.id.as_deref().unwrap_or_default())).collect()
    };
    if let Some(guard) = &guard {
        for (n, wanted) in in_doubt.iter().zip(wanted_of(in_doubt)) {
            roster.detail_mut(*n).barred = guard.refusal(&wanted.found).map(Box::new);
        }
    }
    let wanted = wanted_of(numbers);
    let mut checked = roster_of(&wanted, guard.as_ref());
    look(session, &mut checked, kind, cancel, context).await?;
    for (place, n) in (0_u32..).zip(numbers.iter().copied()) {
        if let Some(settled) = checked.detail(place).and_then(|detail| detail.settled.clone()) {
            roster.detail_mut(n).before = checked.detail(place).and_then(|detail| detail.before.clone());
            roster.settle(n, settled.outcome, settled.reason);
        }
    }
    Ok(())
}

/// Puts the targets into a simulated firewall, so that there is something to take out.
async fn seed(session: &Session, wanted: &[Wanted]) -> Result<(), CommandError> {
    let vendor = &session.console.vendor;
    let action = Action { kind: ActionKind::Block, comment: None };
    let most = vendor.capabilities().actions.get(&ActionKind::Block).map_or(1, |block| block.max_batch.get());
    let targets: Vec<Target> = wanted
        .iter()
        .filter_map(|target| target.found.as_ref().ok())
        .map(|indicator: &Indicator| Target { id: HostId::new(indicator.canonical()), name: None, ticket: None })
        .collect();
    for part in targets.chunks(most) {
        vendor
            .submit(&action, part)
            .await
            .map_err(|error| CommandError::text(ExitCode::Console, error).context("fill the simulated firewall"))?;
    }
    Ok(())
}

fn check_new(to_act: u64, max_new: Option<u64>) -> Result<(), CommandError> {
    let max = max_new.unwrap_or(MAX_NEW);
    if to_act <= max {
        return Ok(());
    }
    Err(CommandError::text(
        ExitCode::Refused,
        format!("{} to block, and a run puts in at most {max}; nothing was sent", words::things(to_act, "block")),
    )
    .hint(format!("if all of them are meant: `--max-new {to_act}`")))
}

/// Whether there is room for what is to be put in. Whoever says how many there may be has thought of a limit of ours, and not of
/// one that is not ours.
fn check_vacancies(roster: &Roster, is_lifted: bool, vacancies: &[Vacancies]) -> Result<(), CommandError> {
    for room in vacancies.iter().filter(|room| room.is_fixed || !is_lifted) {
        let (mut targets, mut more) = (0_u64, 0_usize);
        for indicator in roster.to_act().filter_map(|n| Indicator::parse(roster.item(n)?.host.as_ref()?.as_str()).ok())
        {
            let indicator = indicator.indicator;
            if !room.kinds.contains(&indicator.kind()) {
                continue;
            }
            targets += 1;
            more += match room.unit {
                Unit::Targets => 1,
                Unit::Bytes => indicator.canonical().len() + 1,
            };
        }
        let Vacancies { limit, taken, what, by, .. } = room;
        if targets == 0 || taken.saturating_add(more) <= *limit {
            continue;
        }
        let error = CommandError::text(
            ExitCode::Refused,
            format!(
                "{} would be added to {taken} {what}, and {by} allows {limit}; nothing was sent",
                words::things(targets, "block")
            ),
        );
        return Err(if room.is_fixed {
            error.hint("take out what is no longer needed, or block less at once")
        } else {
            error.hint(
                "take out what is no longer needed, raise `max_members` in `[fortigate]`, or say how many with `--max-new`",
            )
        });
    }
    Ok(())
}

/// What the question says beside the numbers.
fn says(deed: &Deed, asks: bool, of_domains: Option<&str>) -> Vec<String> {
    let mut says = Vec::new();
    if !asks {
        return says;
    }
    if let Some(at) = deed.expires {
        says.push(format!("due to be taken out again at {}", clock::rfc3339(at)));
    }
    let is_domain = |target: &&Wanted| matches!(target.found, Ok(Indicator::Domain(_)));
    if deed.kind == ActionKind::Block && deed.wanted.iter().any(|target| is_domain(&target)) {
        says.extend(of_domains.map(ToOwned::to_owned));
    }
    says
}

fn elsewhere(wanted: &str, found: &str) -> CommandError {
    CommandError::text(
        ExitCode::Refused,
        format!(
            "this run belongs to {}, and the configuration speaks to {}; nothing was sent",
            clean(wanted),
            clean(found)
        ),
    )
    .hint("choose the run's own configuration with `--config` or `--profile`")
}

fn record_of(deed: &Deed, header: &RunHeader, loaded: &Loaded, part: Option<&str>) -> Header {
    let mut options = BTreeMap::new();
    if let Some(part) = part {
        options.insert(PART.to_owned(), part.into());
    }
    if let Some(at) = deed.expires {
        options.insert(EXPIRES.to_owned(), clock::rfc3339(at).into());
    }
    if let Some(takes_back) = &deed.takes_back {
        options.insert(TAKES_BACK.to_owned(), takes_back_record(takes_back));
    }
    if deed.incomplete {
        options.insert(INCOMPLETE.to_owned(), true.into());
    }
    Header {
        run: deed.run.clone(),
        tool: concat!("edrctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        action: header.action.to_owned(),
        vendor: header.vendor.to_owned(),
        console: header.console.clone(),
        consoles: BTreeMap::new(),
        profile: loaded.profile().map(ToOwned::to_owned),
        user: act::user(),
        host: act::machine(),
        pid: std::process::id(),
        comment: deed.comment.clone(),
        ticket: deed.ticket.clone(),
        waits: None,
        simulated: header.simulated,
        options,
        turn: None,
        targets: 0,
    }
}
