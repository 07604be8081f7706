//! What comes before a run, for every command that has targets: read them, prove the console, resolve and check.

use std::{
    collections::HashSet,
    io,
    num::NonZeroUsize,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use super::{session::Session, survey};
use crate::{
    cli::{
        args::{ByChoice, ConsoleArgs, TargetArgs},
        context::Context,
        error::{CommandError, before_the_first_action},
        select::{self, Form, Selected, Sources},
        ui::Ui,
    },
    clock,
    domain::{
        duration,
        failure::FailureKind,
        host::{Host, HostId},
        outcome::ExitCode,
        selector::{Entry, IdForm, Named, Selector, SelectorKind},
    },
    engine::{
        cancel::Cancel,
        console::{Halt, Notice},
        event::Throttle,
        plan::{self, Survey, Wish},
        resolve::{Cutting, Rules},
        roster::Roster,
    },
    reporters::{clean::clean, words},
    vendors::{Group, Inventory, Preflight, Room, Taken, Tenant, VendorName},
};

/// Reads the targets; none at all is a refusal.
pub(crate) fn targets(args: &TargetArgs, vendor: VendorName, context: &Context) -> Result<Selected, CommandError> {
    let selected = read(&sources(args), vendor.id_form(), context)?;
    if selected.entries.is_empty() && args.groups.is_empty() && args.malops.is_empty() {
        return Err(no_target(vendor));
    }
    Ok(selected)
}

/// Nothing was named.
pub(crate) fn no_target(vendor: VendorName) -> CommandError {
    CommandError::text(ExitCode::Refused, "there is no target; nothing was sent")
        .hint(format!("a target file has one host a line; `edrctl hosts --vendor {vendor}` lists the console's hosts"))
}

/// What every target is, if the command line says so.
pub(crate) fn kind_said(args: &TargetArgs) -> Option<SelectorKind> {
    args.by.map(|by| match by {
        ByChoice::Id => SelectorKind::Id,
        ByChoice::Host => SelectorKind::Name,
        ByChoice::Ip => SelectorKind::Ip,
        ByChoice::Mac => SelectorKind::Mac,
    })
}

/// Where the targets stand, and how.
pub(crate) fn sources(args: &TargetArgs) -> Sources {
    let form = match (&args.column, args.field.as_slice()) {
        (Some(column), _) => Form::Column(column.clone()),
        (None, []) => Form::Lines,
        (None, pointers) => Form::Field(pointers.to_vec()),
    };
    let by = kind_said(args);
    Sources { files: args.files.clone(), form, by, skip_invalid: args.skip_invalid, verbatim: false }
}

/// Reads what sources name, and tells what was left out and what was there twice.
pub(crate) fn read(
    sources: &Sources,
    id_form: fn(&str) -> IdForm,
    context: &Context,
) -> Result<Selected, CommandError> {
    let from_terminal = sources.files.iter().any(|file| file.as_os_str() == "-") && context.ui.stdin_is_terminal;
    if from_terminal {
        context.ui.tell("reading targets from the terminal, one a line; Ctrl-D ends");
    }
    let waits = sources.files.iter().any(|file| file.as_os_str() == "-") && !from_terminal;
    let patience = waits.then(|| tell_of_waiting(context.ui));
    let selected = select::read(sources, &mut io::stdin().lock(), id_form)?;
    drop(patience);
    if selected.skipped.total > 0 {
        context.ui.warn(&format!(
            "{} left out by `--skip-invalid`:",
            words::count(selected.skipped.total, "malformed line", "malformed lines")
        ));
        for line in &selected.skipped.shown {
            context.ui.warn(&line.to_string());
        }
    }
    if selected.duplicate_count() > 0 {
        let lines = words::count(selected.duplicate_count() as u64, "line names", "lines name");
        let each = if sources.verbatim { "each" } else { "each host" };
        context.ui.tell(&format!("{lines} a target that another line has named; {each} is acted on once"));
    }
    Ok(selected)
}

/// Refuses to queue where nothing is ever refused for being offline.
pub(crate) fn check_offline(vendor: VendorName, queue_offline: bool) -> Result<(), CommandError> {
    if queue_offline && !vendor.driver().takes.offline {
        let text =
            format!("{} takes requests for hosts that are offline, so `--queue-offline` has no use", vendor.console());
        return Err(CommandError::text(ExitCode::Usage, text));
    }
    Ok(())
}

/// The one MalOp that hosts are acted on for, if nothing else is.
pub(crate) fn only_detection(args: &TargetArgs) -> Option<String> {
    match args.malops.as_slice() {
        [id] if args.files.is_empty() && args.groups.is_empty() => Some(id.clone()),
        _ => None,
    }
}

/// Where hosts come from that no file names.
#[derive(Clone, Copy, Debug)]
enum Crowd<'a> {
    Group(&'a str),
    Malop(&'a str),
}

impl Crowd<'_> {
    fn word(self) -> String {
        match self {
            Self::Group(name) => format!("group {}", clean(name)),
            Self::Malop(id) => format!("MalOp {}", clean(id)),
        }
    }

    /// A host of it that nothing can be asked for.
    fn unusable(self, host: &Host, why: &str) -> CommandError {
        let name =
            host.name.as_deref().map_or_else(|| "without a name".to_owned(), |name| format!("`{}`", clean(name)));
        CommandError::text(
            ExitCode::Refused,
            format!(
                "{}: the console tells the host {name} with an id that cannot be used, `{}`: {why}; nothing was sent",
                self.word(),
                clean(host.id.as_str())
            ),
        )
        .hint("a list of the other hosts can be acted on; this one has to be seen to in the console")
    }

    fn nobody(self, vendor: VendorName) -> CommandError {
        match self {
            Self::Group(name) => CommandError::text(
                ExitCode::Refused,
                format!("no host is in a group `{}`; nothing was sent", clean(name)),
            )
            .hint(format!("`edrctl hosts --vendor {vendor} -o csv` shows the group of each host")),
            Self::Malop(id) => CommandError::text(
                ExitCode::Refused,
                format!("the console knows no machine of a MalOp `{}`; nothing was sent", clean(id)),
            )
            .hint("MalOps of the last 365 days are known by their ids, as the console's address line shows them behind `malop/`"),
        }
    }
}

/// What a console has of a crowd.
#[derive(Debug)]
enum Found {
    Groups(Vec<Group>),
    Hosts(Vec<Host>),
}

/// Every crowd that is wanted, if this console has such.
fn crowds<'a>(args: &'a TargetArgs, vendor: VendorName) -> Result<Vec<Crowd<'a>>, CommandError> {
    let takes = vendor.driver().takes;
    if !args.groups.is_empty() && !takes.groups {
        let text = format!("{} is not asked for groups of hosts, so `--group` has nothing to take", vendor.console());
        return Err(CommandError::text(ExitCode::Usage, text));
    }
    if let Some(first) = args.malops.first() {
        let Some(check) = takes.detections else {
            let text = format!("{} has no MalOps, so `--malop` has nothing to take", vendor.console());
            return Err(CommandError::text(ExitCode::Usage, text));
        };
        let bad = args.malops.iter().find_map(|id| check(id).err().map(|why| (id, why)));
        if let Some((id, why)) = bad {
            return Err(CommandError::text(ExitCode::Usage, format!("`{}` is no MalOp: {why}", clean(id))));
        }
        debug_assert!(!first.is_empty(), "an empty id is none");
    }
    let groups = args.groups.iter().map(|name| Crowd::Group(name));
    Ok(groups.chain(args.malops.iter().map(|id| Crowd::Malop(id))).collect())
}

/// Adds the hosts of groups and of MalOps to the targets, each by its id.
pub(crate) async fn add_groups(
    selected: &mut Selected,
    args: &TargetArgs,
    session: &mut Session,
    cancel: &Cancel,
    context: &Context,
) -> Result<(), CommandError> {
    let vendor = session.vendor;
    let crowds = crowds(args, vendor)?;
    let mut known: HashSet<HostId> = HashSet::new();
    known.extend(selected.entries.iter().filter_map(|entry| match entry.selector.named() {
        Named::Id(id) => Some(HostId::new(Arc::clone(id))),
        _ => None,
    }));
    for crowd in crowds {
        let mut tell = teller(context);
        let (Crowd::Group(name) | Crowd::Malop(name)) = crowd;
        let name: Arc<str> = name.into();
        let of_group = matches!(crowd, Crowd::Group(_));
        let asked = session.console.ask(cancel, &mut tell, move |vendor| {
            let name = Arc::clone(&name);
            async move {
                if of_group {
                    vendor.group(&name).await.map(|answer| answer.map(Found::Groups))
                } else {
                    vendor.detection(&name).await.map(|answer| answer.map(Found::Hosts))
                }
            }
        });
        let hosts = asked.await.map_err(|halt| failed(session, halt))?;
        let hosts = match (crowd, hosts) {
            (Crowd::Group(name), Found::Groups(found)) => the_group(name, found, vendor)?.hosts,
            (_, Found::Groups(_)) => Vec::new(),
            (_, Found::Hosts(hosts)) => hosts,
        };
        if hosts.is_empty() {
            return Err(crowd.nobody(vendor));
        }
        context.ui.tell(&format!("{}: {}", crowd.word(), words::hosts(hosts.len() as u64)));
        let file = u16::try_from(selected.files.len()).map_err(|_| {
            CommandError::text(ExitCode::Usage, "there are more files and groups than can be kept apart")
        })?;
        selected.files.push(Some(crowd.word().into()));
        for (line, host) in (1_u32..).zip(hosts) {
            let selector = Selector::parse(host.id.as_str(), Some(SelectorKind::Id), vendor.id_form());
            match selector {
                Ok(selector) if known.insert(host.id.clone()) => {
                    selected.entries.push(Entry { selector, file, line });
                }
                Ok(_) => {}
                // Whoever isolates the machines of a MalOp must not take a part of them for all.
                Err(why) => return Err(crowd.unusable(&host, &why.to_string())),
            }
        }
    }
    Ok(())
}

/// The one group that is meant; several of one name are different groups, and none is taken.
fn the_group(written: &str, mut found: Vec<Group>, vendor: VendorName) -> Result<Group, CommandError> {
    let written = clean(written);
    let refused = |text: String| CommandError::text(ExitCode::Refused, text);
    match found.pop() {
        None => {
            let text = format!("no host is in a group `{written}`; nothing was sent");
            Err(refused(text).hint(format!("`edrctl hosts --vendor {vendor} -o csv` shows the group of each host")))
        }
        Some(group) if found.is_empty() && group.number.is_some() => Ok(group),
        Some(group) if found.is_empty() => Err(refused(format!(
            "the console does not tell the number of the group `{written}`, and names of groups repeat: nobody can say that \
             its {} are in one; nothing was sent",
            words::hosts(group.hosts.len() as u64)
        ))),
        Some(group) => {
            found.push(group);
            let mut text =
                format!("{} groups are called `{written}`, and none is taken; nothing was sent", found.len());
            for group in found.iter().take(MOST_SHOWN) {
                let number = group.number.map_or_else(|| "no number told".to_owned(), |number| format!("id:{number}"));
                let hosts = words::hosts(group.hosts.len() as u64);
                text.push_str(&format!("\n  {number}  {}  {hosts}", clean(&group.name)));
            }
            if found.len() > MOST_SHOWN {
                text.push_str(&format!("\n  and {} more", found.len() - MOST_SHOWN));
            }
            Err(refused(text).hint("name one by its number, as in `--group id:7`, or by its name with those above it"))
        }
    }
}

/// Groups that are shown where a name fits several.
const MOST_SHOWN: usize = 20;

/// So long nobody is told that everything waits for the end of standard input: most pipes are done by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells that targets are still being read, unless what it returns is dropped before.
fn tell_of_waiting(ui: Ui) -> mpsc::Sender<()> {
    let (ends, end) = mpsc::channel();
    // Reading holds this thread. If another cannot be had, there is no hint.
    drop(thread::Builder::new().spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            ui.tell("still reading targets from standard input; nothing is sent before it ends");
        }
    }));
    ends
}

/// What else than equality names a host here.
pub(crate) fn rules(vendor: VendorName, args: &TargetArgs, all_agents: bool) -> Result<Rules, CommandError> {
    let cut_names = match (vendor.driver().takes.cut_names, args.netbios) {
        (true, true) => Cutting::Taken,
        (true, false) => Cutting::Shown,
        (false, false) => Cutting::Ignored,
        (false, true) => {
            return Err(CommandError::text(
                ExitCode::Usage,
                format!("{} keeps names whole, so there is nothing for `--netbios` to do", vendor.console()),
            ));
        }
    };
    Ok(Rules { cut_names, all_agents })
}

/// What has to be repeated to read the same targets again.
pub(crate) fn reading(args: &TargetArgs, console: &ConsoleArgs) -> (Vec<String>, Vec<String>) {
    let mut reading = Vec::new();
    let fields = args.field.iter().map(|field| ("--field", field));
    let column = args.column.iter().map(|column| ("--column", column));
    let product = console.product.iter().map(|product| ("--product", product));
    for (flag, value) in column.chain(fields).chain(product) {
        reading.extend([flag.to_owned(), value.clone()]);
    }
    if let Some(by) = args.by {
        let word = match by {
            ByChoice::Id => "id",
            ByChoice::Host => "host",
            ByChoice::Ip => "ip",
            ByChoice::Mac => "mac",
        };
        reading.extend(["--by".to_owned(), word.to_owned()]);
    }
    for (given, flag) in [(args.skip_invalid, "--skip-invalid"), (args.netbios, "--netbios")] {
        if given {
            reading.push(flag.to_owned());
        }
    }
    for group in &args.groups {
        reading.extend(["--group".to_owned(), group.clone()]);
    }
    for malop in &args.malops {
        reading.extend(["--malop".to_owned(), malop.clone()]);
    }
    (reading, args.files.iter().map(|file| file.display().to_string()).collect())
}

/// Tells what happens while the console is asked before a run.
pub(crate) fn teller(context: &Context) -> impl FnMut(Notice) + Send {
    let ui = context.ui;
    move |notice| match notice {
        Notice::Waiting { wait, why } => {
            let why = match why {
                Throttle::Quota => "the console's quota is spent but for its reserve",
                Throttle::Refused => "the console refused: too many requests",
            };
            ui.tell(&format!("{why}; waiting {}", duration::format(wait)));
        }
        Notice::Retrying { attempt, failure, .. } => {
            if ui.verbose > 0 {
                ui.tell(&format!("try {attempt} failed: {failure}; trying again"));
            }
        }
        Notice::Mended(failure) => ui.warn(&failure.text),
        Notice::Extracting { questions, names, upto } => {
            let upto = clock::rfc3339(upto);
            ui.tell(&format!(
                "asked {questions} times, {} so far, now at {upto}",
                words::count(names, "name", "names")
            ));
        }
        Notice::Listed { hosts, total } => {
            if ui.verbose > 0 {
                let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
                ui.tell(&format!("read {hosts}{of} hosts of the inventory"));
            }
        }
    }
}

/// Proves address, certificate and credentials before anything else.
pub(crate) async fn prove(session: &mut Session, cancel: &Cancel, context: &Context) -> Result<Tenant, CommandError> {
    let mut tell = teller(context);
    let checked = session.console.check(cancel, &mut tell).await;
    let address = session.address.clone();
    match checked {
        Ok(tenant) => Ok(tenant),
        // A proxy in front of the console may let only some paths through; the list of hosts proves as much.
        Err(Halt::Failed(failure)) if is_about_the_path(failure.kind) => {
            match session.console.page(None, cancel, &mut tell).await {
                Ok(_) => Ok(Tenant { console: address, detail: None, clock_skew: None }),
                Err(halt) => Err(failed(session, halt)),
            }
        }
        Err(halt) => Err(failed(session, halt)),
    }
}

/// The same, where a plan comes next: reading an inventory that comes in one answer proves as much, and so does the look
/// ahead of a run, if there is one.
pub(crate) async fn prove_before_plan(
    session: &mut Session,
    looks_ahead: bool,
    cancel: &Cancel,
    context: &Context,
) -> Result<(), CommandError> {
    let capabilities = session.console.vendor.capabilities();
    match capabilities.inventory {
        Inventory::Whole => Ok(()),
        Inventory::Pages(_) if looks_ahead && capabilities.looks_ahead => Ok(()),
        Inventory::Pages(_) => prove(session, cancel, context).await.map(drop),
    }
}

/// Whether something answered, and may answer another path better.
const fn is_about_the_path(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::NotFound
            | FailureKind::NotCapable
            | FailureKind::BadRequest
            | FailureKind::Gateway
            | FailureKind::Protocol
    )
}

/// What a run asks of a console that keeps only so much accepted work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// Whether the run waits for proof.
    pub(crate) waits: bool,
    /// Whether earlier work may be pushed out.
    pub(crate) allow_rotation: bool,
    /// Whether nothing is sent while nobody is there to carry it out.
    pub(crate) require_console: bool,
    /// Hosts that are to be acted on.
    pub(crate) to_act: usize,
    /// Whether something is added, and not only taken out.
    pub(crate) adds: bool,
}

/// Asks what would keep requests from being carried out. A console that knows nothing of that is not asked. `more`: so many
/// are to be sent, if there has to be room for them. What would make it harmful to add something stops nobody from taking
/// something out.
pub(crate) async fn look_ahead(
    session: &mut Session,
    more: Option<usize>,
    adds: bool,
    cancel: &Cancel,
    context: &Context,
) -> Result<Preflight, CommandError> {
    if !session.console.vendor.capabilities().looks_ahead {
        return Ok(Preflight::default());
    }
    let mut tell = teller(context);
    let asked = session.console.ask(cancel, &mut tell, |vendor| async move { vendor.preflight(more).await }).await;
    let preflight = asked.map_err(|halt| failed(session, halt))?;
    if let Some(harm) = preflight.harmful.as_ref().filter(|_| !adds) {
        context.ui.warn(&harm.text);
    }
    match preflight.refusal.as_ref().or(preflight.harmful.as_ref().filter(|_| adds)) {
        Some(refusal) => Err(CommandError::text(ExitCode::Refused, format!("{refusal}; nothing was sent"))),
        None => Ok(preflight),
    }
}

/// Tells what would keep requests from being carried out, and refuses what would push out others. How many may be
/// outstanding, if that is bounded; and what is to be told with the plan.
pub(crate) async fn preflight(
    session: &mut Session,
    demand: Demand,
    cancel: &Cancel,
    context: &Context,
) -> Result<(Option<NonZeroUsize>, Vec<String>), CommandError> {
    if (demand.allow_rotation || demand.require_console) && !session.console.vendor.capabilities().looks_ahead {
        let text = format!(
            "{} keeps no tasks that could be pushed out, so `--allow-rotation` and `--require-console` have no use",
            session.vendor.console()
        );
        return Err(CommandError::text(ExitCode::Usage, text));
    }
    // Whoever lets older ones go need not know how many those are.
    let more = (!demand.allow_rotation).then_some(demand.to_act);
    let preflight = look_ahead(session, more, demand.adds, cancel, context).await?;
    for warning in &preflight.warnings {
        context.ui.warn(warning);
    }
    let unattended = match preflight.attended {
        Some(true) => None,
        Some(false) => Some("nobody is connected to the console who carries tasks out"),
        None => Some("the console does not say whether anybody is connected who carries tasks out"),
    };
    if let Some(why) = unattended.filter(|_| demand.require_console) {
        let text = format!("{why}, and `--require-console` was given; nothing was sent");
        return Err(CommandError::text(ExitCode::Refused, text));
    }
    match preflight.room {
        Some(Room { limit, taken: Some(taken) }) => Ok((fit(demand, limit, taken, context)?, preflight.notes)),
        Some(Room { limit, taken: None }) => Err(CommandError::text(
            ExitCode::Refused,
            format!(
                "the tasks that the console has could not be counted, and it keeps {limit}: {} more might push out others \
                 that are not done; nothing was sent",
                demand.to_act
            ),
        )
        .hint("`--allow-rotation` says that older tasks may go, done or not")),
        None => Ok((None, preflight.notes)),
    }
}

/// Whether the console has room for a run, and for how much of it at a time.
fn fit(demand: Demand, limit: usize, taken: Taken, context: &Context) -> Result<Option<NonZeroUsize>, CommandError> {
    let Taken { all, open, spare } = taken;
    let pushed_out = (all + demand.to_act).saturating_sub(limit);
    if pushed_out == 0 {
        return Ok(None);
    }
    let tasks = |count: usize| words::count(count as u64, "task", "tasks");
    let numbers =
        format!("{} would be added to {all} that the console has, and it keeps {limit}", tasks(demand.to_act));
    if demand.to_act <= limit && pushed_out <= spare {
        context.ui.warn(&format!(
            "{numbers}: the oldest {pushed_out}, which are done, are pushed out and can be seen no more"
        ));
        return Ok(None);
    }
    // With proof of each, no more are sent than there is room for.
    if let Some(wave) = NonZeroUsize::new(limit.min(WAVE)).filter(|_| demand.waits && open == 0) {
        context.ui.tell(&format!("{numbers}; so at most {wave} at a time are left to be done"));
        return Ok(Some(wave));
    }
    let refused = |why: String| CommandError::text(ExitCode::Refused, format!("{numbers}: {why}; nothing was sent"));
    Err(if open > 0 {
        let are = if open == 1 { "is" } else { "are" };
        refused(format!("{open} of those {are} not known to be done, and would be pushed out")).hint(
            "wait until they are done, split the list, or say with `--allow-rotation` that older tasks may go, done or not",
        )
    } else if demand.to_act > limit {
        refused("they would push out each other, done or not".to_owned()).hint(
            "`--wait` sends them in waves that do not push each other out; `--allow-rotation` says that older tasks may go",
        )
    } else {
        refused("earlier ones of this run would be pushed out, done or not".to_owned())
            .hint("`--wait` sends them in waves; `--allow-rotation` says that older tasks may go")
    })
}

/// Tasks that are left to be done at a time, where the console keeps only so many.
const WAVE: usize = 50;

/// Puts a halt before the first action into words.
pub(crate) fn failed(session: &Session, halt: Halt) -> CommandError {
    let what = format!("ask {} at {}", session.console.vendor.capabilities().console, session.address);
    before_the_first_action(halt, &what, session.vendor, &session.key_from)
}

/// Resolves and checks the targets.
pub(crate) async fn plan(
    session: &mut Session,
    selected: Selected,
    wish: Wish<'_>,
    cancel: &Cancel,
    context: &Context,
) -> Result<(Roster, Survey), CommandError> {
    let duplicates = selected.duplicates();
    let Selected { entries, files, .. } = selected;
    let mut roster = Roster::new(&entries, files, duplicates);
    let mut tell = teller(context);
    let survey = match plan::plan(&mut session.console, &entries, &mut roster, wish, cancel, &mut tell).await {
        Ok(survey) => survey,
        Err(halt) => return Err(failed(session, halt)),
    };
    survey::tell(&survey, context);
    Ok((roster, survey))
}

/// One target by its id, as if it had been written.
pub(crate) fn entry_of(id: &str, vendor: VendorName) -> Option<Entry> {
    let selector = crate::domain::selector::Selector::parse(id, Some(SelectorKind::Id), vendor.id_form()).ok()?;
    Some(Entry { selector, file: 0, line: 0 })
}

/// Shares a text.
pub(crate) fn shared(text: &str) -> Arc<str> {
    text.into()
}
