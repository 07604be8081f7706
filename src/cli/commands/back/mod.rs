//! Runs that come from earlier runs: `undo`, `rerun` and `expire` for hosts.
//!
//! Each hands a list of hosts over by the ids of a journal, and `act` does the rest, as for any other list. What is known of a
//! host from before is held against what the console says of it, after the plan and before anything is asked or sent.
//!
//! | file | what it does |
//! |---|---|
//! | `history.rs` | the journals of a console, side by side |
//! | `host.rs` | one host, and what is known of it from earlier |
//! | `judge.rs` | is it still that host, and does it have to be looked at first |
//! | `cross.rs` | which hosts another run holds against this one |
//! | `taking.rs` | from an earlier run to what takes it back |
//! | `several.rs` | of a run over several consoles, a run for each |
//! | `due.rs` | what is due, where, and what it says of that |

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;

use super::{act, rollout::RolloutArgs, session::Session};
use crate::{
    cli::{
        args::{
            AnyConsoleArgs, ByChoice, ChangeArgs, ConsentArgs, ConsoleArgs, CrowdArgs, OfflineArgs, TargetArgs,
            WaitArgs,
        },
        context::Context,
        error::CommandError,
        protection::AllowArgs,
        select::Selected,
    },
    domain::{
        action::ActionKind,
        duration,
        id::RunId,
        outcome::ExitCode,
        selector::{Entry, IdForm, Selector, SelectorKind},
    },
    journal::{Header, Lasts, Replay, StateFolder, lasts},
    reporters::clean::clean,
    vendors::VendorName,
};

mod cross;
mod due;
mod history;
mod host;
mod judge;
mod several;
mod taking;

pub(crate) use cross::{Crossed, crossed_now, doubt, foretell_crossed, opposed, overtaken, settle_crossed};
pub(crate) use due::{Due, Place, dues, places, unread};
pub(crate) use history::{History, refuse_undone, undone_by};
pub(crate) use host::{Earlier, Look, is_other_name};
pub(crate) use several::{OnlyArgs, check_count, check_document, stopped, together};
pub(crate) use taking::{done_again, left_of, taken_back};

/// Where a journal keeps which run its run takes back.
pub(crate) const UNDOES: &str = "undoes";
/// Where it keeps which run's targets its run does again.
pub(crate) const RERUNS: &str = "reruns";
/// Where it keeps the runs whose time was over.
pub(crate) const EXPIRED: &str = "expired";
/// Where it keeps how targets were read, so that the same words name the same hosts again.
pub(crate) const READING: &str = "reading";

/// Targets that come from earlier runs.
#[derive(Debug, Default)]
pub(crate) struct Back {
    /// The hosts.
    pub(crate) hosts: Vec<Earlier>,
    /// The console that it has to be.
    pub(crate) console: String,
    /// What the journal is to say of it.
    pub(crate) options: BTreeMap<String, Value>,
    /// What is said before the question.
    pub(crate) says: Vec<String>,
    /// Whether what was done is taken back: then neither the protected list nor a limit keeps a host cut off.
    pub(crate) takes_back: bool,
}

impl Back {
    /// Whether nothing of ours may keep these hosts from being acted on: whoever was cut off by us is put back.
    pub(crate) fn frees(&self, kind: ActionKind) -> bool {
        self.takes_back && kind == ActionKind::Unisolate
    }

    /// The hosts as if they had been read.
    pub(crate) fn selected(&self) -> Selected {
        let mut files: Vec<Option<Arc<str>>> = Vec::new();
        let mut entries = Vec::with_capacity(self.hosts.len());
        for host in &self.hosts {
            let file = files.iter().rposition(|file| *file == host.file).unwrap_or_else(|| {
                files.push(host.file.clone());
                files.len() - 1
            });
            let file = u16::try_from(file).unwrap_or(u16::MAX);
            entries.push(Entry { selector: host.selector.clone(), file, line: host.line });
        }
        Selected::known(entries, files)
    }

    /// Refuses another console than that of the earlier run: its ids say nothing there.
    pub(crate) fn check_console(&self, session: &Session) -> Result<(), CommandError> {
        if session.address == self.console {
            return Ok(());
        }
        let (wanted, found) = (clean(&self.console), clean(&session.address));
        let text = format!("this run belongs to {wanted}, and the configuration speaks to {found}; nothing was sent");
        Err(CommandError::text(ExitCode::Refused, text)
            .hint("choose the run's own configuration with `--config` or `--profile`"))
    }
}

/// What a run that comes from earlier ones may be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BackArgs {
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    /// Look and print the plan; send nothing that changes anything
    #[arg(long, help_heading = "Consent")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) rollout: RolloutArgs,
    #[command(flatten)]
    pub(crate) crowd: CrowdArgs,
    #[command(flatten)]
    pub(crate) offline: OfflineArgs,
    #[command(flatten)]
    pub(crate) console: AnyConsoleArgs,
}

impl BackArgs {
    /// The same for `act`, which reads no files then.
    pub(crate) fn change(
        &self,
        why: (Option<String>, Option<String>),
        allowed: AllowArgs,
        reading: Option<&Reading>,
    ) -> ChangeArgs {
        let (comment, ticket) = why;
        let console: ConsoleArgs = self.console.clone().into();
        ChangeArgs {
            console: ConsoleArgs { product: reading.and_then(|reading| reading.product.clone()), ..console },
            targets: TargetArgs { netbios: reading.is_some_and(|reading| reading.netbios), ..TargetArgs::none() },
            consent: self.consent,
            wait: self.wait,
            rollout: self.rollout.clone(),
            allowed,
            dry_run: self.dry_run,
            comment,
            ticket,
        }
    }

    /// Refuses what only consoles of hosts have a use for.
    pub(crate) fn check_for_firewall(&self) -> Result<(), CommandError> {
        let CrowdArgs { allow_rotation, require_console } = self.crowd;
        let given = [
            ("--wait", self.wait.wait.is_some()),
            ("--allow-rotation", allow_rotation),
            ("--require-console", require_console),
            ("--queue-offline", self.offline.queue_offline),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(CommandError::text(
                ExitCode::Usage,
                format!("this run is a firewall's, which answers at once, so `{option}` has no use"),
            )),
            None => Ok(()),
        }
    }
}

/// How targets were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What each target is, whatever its form.
    pub(crate) by: Option<SelectorKind>,
    /// Whether a name may be the first characters of what was written.
    pub(crate) netbios: bool,
    /// The product whose agents are meant.
    pub(crate) product: Option<String>,
    /// Whether a name stands for every agent that has it.
    pub(crate) all_agents: bool,
}

impl Reading {
    /// As the command line says it.
    pub(crate) fn of(targets: &TargetArgs, console: &ConsoleArgs, all_agents: bool) -> Self {
        let by = targets.by.map(|by| match by {
            ByChoice::Id => SelectorKind::Id,
            ByChoice::Host => SelectorKind::Name,
            ByChoice::Ip => SelectorKind::Ip,
            ByChoice::Mac => SelectorKind::Mac,
        });
        Self { by, netbios: targets.netbios, product: console.product.clone(), all_agents }
    }

    /// What a journal keeps of it; nothing where all is as it is by itself.
    pub(crate) fn record(&self) -> Option<Value> {
        let mut kept = serde_json::Map::new();
        let mut keep = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                kept.insert(key.to_owned(), value);
            }
        };
        keep("by", self.by.map(|by| by.word().into()));
        keep("netbios", self.netbios.then_some(true.into()));
        keep("product", self.product.clone().map(Into::into));
        keep("all_agents", self.all_agents.then_some(true.into()));
        (!kept.is_empty()).then_some(Value::Object(kept))
    }

    /// What a journal has kept of it.
    pub(crate) fn of_record(replay: &Replay) -> Self {
        let Some(kept) = replay.header.options.get(READING) else { return Self::default() };
        let text = |key: &str| kept.get(key).and_then(Value::as_str);
        let given = |key: &str| kept.get(key).and_then(Value::as_bool).unwrap_or_default();
        Self {
            by: text("by").and_then(SelectorKind::from_word),
            netbios: given("netbios"),
            product: text("product").map(str::to_owned),
            all_agents: given("all_agents"),
        }
    }
}

/// The selector of a host whose id a journal has.
pub(crate) fn selector_of(id: &str, written: &Arc<str>, id_form: fn(&str) -> IdForm) -> Option<Selector> {
    let selector = Selector::parse(id, Some(SelectorKind::Id), id_form).ok()?;
    Some(selector.written_as(Arc::clone(written)))
}

/// The console and the action of an earlier run on hosts, if this version knows both.
pub(crate) fn of_hosts(replay: &Replay) -> Result<VendorName, CommandError> {
    VendorName::from_word(&replay.header.vendor).ok_or_else(|| {
        let text = format!("this version does not know the console `{}`", replay.header.vendor);
        CommandError::text(ExitCode::Journal, text)
    })
}

/// Refuses runs that have nothing real behind them, or are not over.
pub(crate) fn check_over(replay: &Replay, is_live: bool, what: &str) -> Result<(), CommandError> {
    let run = &replay.header.run;
    if replay.header.simulated {
        let text = format!("run {run} was a rehearsal, and its simulated console ended with it; nothing was sent");
        return Err(CommandError::text(ExitCode::Refused, text));
    }
    if is_live {
        let text = format!("run {run} is still under way, so it cannot be {what} yet; nothing was sent");
        return Err(CommandError::text(ExitCode::Refused, text).hint("interrupt it, or wait for its end"));
    }
    Ok(())
}

/// Reads a run, and whether it is under way. To ask for that is to hold its lock for a moment, which nobody must run into who wants to
/// go on with it.
pub(crate) fn read_whole(journals: &StateFolder, run: &RunId) -> Result<(Replay, bool), CommandError> {
    let replay = journals.replay(run)?;
    // Where nobody may write, nobody goes on.
    let gate = journals.gate();
    let is_live = journals.is_live(run)?;
    drop(gate);
    Ok((replay, is_live))
}

/// Whether a run that is gone on with puts back what we have cut off.
pub(crate) fn resumes_freeing(replay: &Replay, kind: ActionKind) -> bool {
    kind == ActionKind::Unisolate && takes_back(&replay.header)
}

/// Whether a run takes back what another has done.
pub(crate) fn takes_back(header: &Header) -> bool {
    [UNDOES, EXPIRED, super::blocklist::TAKES_BACK].iter().any(|key| header.options.contains_key(*key))
}

/// A context for a run of the past: its own profile, unless the command line names one.
pub(crate) fn context_of(context: &Context, profile: Option<&str>) -> Context {
    let mut own = Context::new(context.global.clone());
    own.takes_profile(profile);
    own
}

/// A deed on hosts of an earlier run.
pub(crate) fn deed(kind: ActionKind, vendor: VendorName, back: Back, args: &BackArgs) -> act::Deed {
    act::Deed {
        crowd: args.crowd,
        queue_offline: args.offline.queue_offline,
        back: Some(back),
        ..act::Deed::plain(kind, vendor)
    }
}

/// A time as the journal keeps it: never shorter than it was asked for.
pub(crate) const fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + if time.subsec_nanos() > 0 { 1 } else { 0 }
}

/// What is said of a deed that is not to last, before the question.
pub(crate) fn says_lasting(time: Duration) -> String {
    let long = duration::format(time);
    format!("each is due to be put back {long} after it was isolated: `edrctl expire` does it, from cron")
}

/// The same of a run that is gone on with.
pub(crate) fn says_due(header: &Header) -> Option<String> {
    match lasts(header) {
        Lasts::For(time) => Some(says_lasting(time.unsigned_abs())),
        Lasts::Until(_) | Lasts::ForGood => None,
    }
}

/// A run's name as a journal keeps it.
pub(crate) fn record_of(run: &RunId) -> Value {
    run.as_str().into()
}
