//! The consoles that a command speaks to, all at once.
//!
//! A host may live in any of them. One that cannot be asked may be the one that has it, so all are proved before anything is
//! planned, and the first that fails ends the command.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use crate::{
    cli::{
        args::{ConsoleArgs, SeveralArgs, TargetArgs},
        commands::{
            prepare,
            session::{Opening, Session},
        },
        context::Context,
        error::CommandError,
    },
    config::{Loaded, Overrides},
    domain::{action::Thing, outcome::ExitCode},
    engine::cancel::Cancel,
    journal::StateFolder,
    simulator::Fleet,
    vendors::{Errand, Vendor, VendorName, Wishes},
};

/// The name of all of them, for people.
pub(in crate::cli::commands) const NAME: &str = "several consoles";

/// Refuses what says something of several consoles where there is one.
pub(crate) fn refuse_alone(several: &SeveralArgs) -> Result<(), CommandError> {
    let given = [("--only", &several.only), ("--prefer", &several.prefer)];
    match given.into_iter().find(|(_, words)| !words.is_empty()) {
        None => Ok(()),
        Some((flag, _)) => Err(CommandError::text(
            ExitCode::Usage,
            format!("`{flag}` chooses among several consoles, and `--vendor` names one"),
        )
        .hint("`--vendor auto` asks every console that is configured")),
    }
}

/// Refuses the options that not every console has a use for.
pub(super) fn refuse_special(targets: &TargetArgs, console: &ConsoleArgs) -> Result<(), CommandError> {
    let given = [
        ("--product", console.product.is_some()),
        ("--faults", console.faults.is_some()),
        ("--group", !targets.groups.is_empty()),
        ("--malop", !targets.malops.is_empty()),
    ];
    given.into_iter().find(|(_, given)| *given).map_or(Ok(()), |(flag, _)| Err(special(flag)))
}

/// An option that is one console's.
pub(super) fn special(flag: &str) -> CommandError {
    CommandError::text(
        ExitCode::Usage,
        format!("`{flag}` means something to one console only, and `--vendor auto` speaks to all"),
    )
    .hint("do that part in a run of its own, with `--vendor` and the console's word")
}

/// The configuration, and the consoles that are to be asked.
pub(super) fn choose(
    several: &SeveralArgs,
    simulate: bool,
    concurrency: Option<NonZeroUsize>,
    context: &Context,
) -> Result<(Loaded, Vec<VendorName>), CommandError> {
    let loaded = context.configuration(Overrides::default())?;
    let mut vendors: Vec<VendorName> = if simulate {
        VendorName::that_act_on(Thing::Host).collect()
    } else {
        loaded.consoles().into_iter().filter(|vendor| vendor.acts_on() == Thing::Host).collect()
    };
    if !several.only.is_empty() {
        // One that is named and not configured is complained of where it is opened, rather than left out unheard.
        vendors = VendorName::ALL.into_iter().filter(|vendor| several.only.contains(vendor)).collect();
    }
    if vendors.is_empty() {
        return Err(CommandError::text(
            ExitCode::Config,
            "no console that manages hosts is configured; nothing was sent",
        )
        .hint("a section such as `[cisco]` says where a console is; `edrctl check` proves it"));
    }
    if let Some(prefer) = several.prefer.iter().find(|prefer| !vendors.contains(prefer)) {
        let text = format!("`--prefer {prefer}`: that console is not among those that are asked; nothing was sent");
        return Err(CommandError::text(ExitCode::Usage, text));
    }
    Ok((with_concurrency(loaded, &vendors, concurrency, context)?, vendors))
}

/// The configuration again, with what the command line says of each console that is asked.
pub(super) fn with_concurrency(
    loaded: Loaded,
    vendors: &[VendorName],
    concurrency: Option<NonZeroUsize>,
    context: &Context,
) -> Result<Loaded, CommandError> {
    let Some(concurrency) = concurrency else { return Ok(loaded) };
    let mut overrides = Overrides::default();
    for vendor in vendors {
        overrides.set(vendor.word(), "concurrency", "--concurrency", concurrency.to_string());
    }
    context.configuration(overrides)
}

/// What every console is opened for.
#[derive(Clone, Debug)]
pub(super) struct Purpose {
    /// Requests in flight, if the command line says so.
    pub(super) concurrency: Option<NonZeroUsize>,
    /// The longest wait for a quota.
    pub(super) max_wait: std::time::Duration,
    /// Whether the reserve of a quota may be used.
    pub(super) uses_reserve: bool,
    /// The run, for consoles that name work after it.
    pub(super) errand: Option<Errand>,
}

/// Open consoles, in the order in which help shows them.
pub(super) struct Consoles {
    pub(super) sessions: Vec<Session>,
}

impl Consoles {
    /// Opens these.
    pub(super) async fn open(
        vendors: Vec<(VendorName, Option<Fleet>)>,
        purpose: &Purpose,
        loaded: &Loaded,
        context: &Context,
    ) -> Result<Self, CommandError> {
        let mut consoles = Self { sessions: Vec::new() };
        for (vendor, simulate) in vendors {
            let opening = Opening {
                vendor,
                simulate,
                faults: None,
                concurrency: purpose.concurrency,
                max_wait: purpose.max_wait,
                uses_reserve: purpose.uses_reserve,
                wishes: Wishes { errand: purpose.errand.clone(), ..Wishes::default() },
            };
            consoles.sessions.push(Session::open(opening, Some(loaded), context).await?);
        }
        Ok(consoles)
    }

    /// Proves every one of them, before any is asked for a host.
    pub(super) async fn prove(&mut self, cancel: &Cancel, context: &Context) -> Result<(), CommandError> {
        for session in &mut self.sessions {
            let proved = prepare::prove(session, cancel, context).await;
            proved.map_err(|error| {
                error.hint("`--only` names the consoles to ask; hosts of the others are not found then")
            })?;
        }
        Ok(())
    }

    /// Says that a run is about to work on them.
    pub(super) fn join(&mut self, journals: Option<&StateFolder>, run: &crate::domain::id::RunId, context: &Context) {
        self.sessions.iter_mut().for_each(|session| session.join(journals, run, context));
    }

    /// Their addresses by their words.
    pub(super) fn addresses(&self) -> BTreeMap<String, String> {
        self.sessions.iter().map(|session| (session.vendor.word().to_owned(), session.address.clone())).collect()
    }

    /// The same in a line.
    pub(super) fn address(&self) -> String {
        let each = self.sessions.iter().map(|session| format!("{} {}", session.vendor, session.address));
        each.collect::<Vec<_>>().join(", ")
    }

    /// How many requests may be in flight in all of them together.
    pub(super) fn in_flight(&self) -> usize {
        self.sessions.iter().map(|session| session.concurrency.get()).sum()
    }

    /// Signs out everywhere.
    pub(super) async fn close(self) {
        for session in self.sessions {
            session.close().await;
        }
    }
}

/// What is left of sessions whose consoles are working: to sign out once they have.
#[derive(Default)]
pub(super) struct Doors {
    vendors: Vec<Arc<dyn Vendor>>,
    simulators: Vec<crate::simulator::Console>,
}

impl Doors {
    /// Keeps what has to be closed of a session.
    pub(super) fn keep(&mut self, vendor: &Arc<dyn Vendor>, simulator: Option<crate::simulator::Console>) {
        self.vendors.push(Arc::clone(vendor));
        self.simulators.extend(simulator);
    }

    pub(super) async fn close(self) {
        for vendor in self.vendors {
            vendor.close().await;
        }
        for simulator in self.simulators {
            simulator.stop().await;
        }
    }
}
