//! Opens the console that a command speaks to: the real one, or the embedded simulator over the same HTTPS.

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use super::prepare;
use crate::{
    cli::{args::ConsoleArgs, context::Context, error::CommandError},
    config::{self, Loaded, Overrides},
    domain::{
        id::RunId,
        outcome::ExitCode,
        selector::{Entry, Named},
    },
    engine::{
        cancel::Cancel,
        console::{Company, Console, Halt},
        limits::Limits,
    },
    http::{ClientOptions, Trust},
    journal::{Alone, Presence, StateFolder},
    simulator::{self, Faults, Fleet, FleetError, Model, Wanted},
    stream::store,
    vendors::{Advice, OpenError, Vendor, VendorName, Wishes},
};

/// How often it is looked whether another run has ended.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(50);

/// An open console.
pub(crate) struct Session {
    /// The console, with its pace.
    pub(crate) console: Console,
    /// Its word.
    pub(crate) vendor: VendorName,
    /// Its address, without credentials.
    pub(crate) address: String,
    /// The part of what is at that address that is worked in, in words, where there are several.
    pub(crate) part: Option<String>,
    /// What tells its tenant from others at the same address: a digest, so that files may hold it.
    pub(crate) account: Option<String>,
    /// Where the credentials were read from, in words.
    pub(crate) key_from: String,
    /// What to do about its failures.
    pub(crate) advice: &'static Advice,
    /// Which certificates it may present, and whatever else it names, such as the queue of an event stream.
    pub(crate) trust: Trust,
    /// The simulator, if it is one.
    pub(crate) simulator: Option<simulator::Console>,
    /// Requests in flight.
    pub(crate) concurrency: NonZeroUsize,
}

/// What a session is opened for.
pub(crate) struct Opening<'a> {
    /// The console's word.
    pub(crate) vendor: VendorName,
    /// The embedded simulator instead of the real console, with its fleet.
    pub(crate) simulate: Option<Fleet>,
    /// Its faults.
    pub(crate) faults: Option<&'a Path>,
    /// Requests in flight, if the command line says so.
    pub(crate) concurrency: Option<NonZeroUsize>,
    /// The longest wait for the quota.
    pub(crate) max_wait: std::time::Duration,
    /// Whether the reserve of the quota may be used.
    pub(crate) uses_reserve: bool,
    /// What the command wants of the console beyond its configuration.
    pub(crate) wishes: Wishes,
}

/// What the command line says against the configuration.
pub(crate) fn overrides(vendor: VendorName, concurrency: Option<NonZeroUsize>) -> Overrides {
    let mut overrides = Overrides::default();
    if let Some(concurrency) = concurrency {
        overrides.set(vendor.word(), "concurrency", "--concurrency", concurrency.to_string());
    }
    overrides
}

/// Hosts that a rehearsal puts into each group that is named, because nobody says which are in it.
const SIMULATED_IN_GROUP: u32 = 8;

/// The fleet of a rehearsal: the hosts that the targets name, and some in each group.
///
/// Hosts that are to be put back begin isolated.
pub(crate) fn fleet_of(
    args: &ConsoleArgs,
    entries: &[Entry],
    groups: &[String],
    isolated: bool,
) -> Result<Option<Fleet>, CommandError> {
    if !args.simulate {
        return Ok(None);
    }
    let mut fleet = fleet_of_entries(entries, isolated)?;
    for group in groups {
        fleet.add_group(group, SIMULATED_IN_GROUP, isolated).map_err(unmade)?;
    }
    Ok(Some(fleet))
}

/// A fleet of the hosts that targets name.
pub(crate) fn fleet_of_entries(entries: &[Entry], isolated: bool) -> Result<Fleet, CommandError> {
    let wanted = entries.iter().map(|entry| match entry.selector.named() {
        Named::Id(id) => Wanted { id: Some(id), isolated, ..Wanted::default() },
        Named::Name(name) => Wanted { name: Some(name), isolated, ..Wanted::default() },
        Named::Ip(ip) => Wanted { ip: Some(ip), isolated, ..Wanted::default() },
        Named::Mac(mac) => Wanted { mac: Some(mac), isolated, ..Wanted::default() },
    });
    Fleet::of_targets(wanted).map_err(unmade)
}

fn unmade(error: FleetError) -> CommandError {
    CommandError::new(ExitCode::Usage, error).context("make the simulated fleet from the targets")
}

/// Reads a file of faults.
pub(crate) fn faults(path: Option<&Path>) -> Result<Faults, CommandError> {
    match path {
        None => Ok(Faults::default()),
        Some(path) => Faults::read(path).map_err(|error| {
            CommandError::new(ExitCode::Usage, error).hint("`docs/simulator.md` lists every key of a fault file")
        }),
    }
}

impl Session {
    /// Opens the console.
    pub(crate) async fn open(
        opening: Opening<'_>,
        loaded: Option<&Loaded>,
        context: &Context,
    ) -> Result<Self, CommandError> {
        check_wishes(opening.vendor, &opening.wishes)?;
        let vendor = opening.vendor;
        let simulator = match opening.simulate {
            Some(fleet) => Some(simulate(vendor, fleet, opening.faults).await?),
            None => None,
        };
        let (ready, trust) = match (&simulator, loaded) {
            (Some(simulator), _) => {
                let text = simulator.ready_config(Path::new("ca.pem"));
                let loaded = config::of_text(&text, &overrides(vendor, opening.concurrency))?;
                let pem = simulator.ca_pem().to_owned();
                let trust = if simulator.is_pinned() { Trust::OnlyExactly(pem) } else { Trust::Only(pem) };
                (loaded.console(vendor)?, trust)
            }
            (None, Some(loaded)) => {
                let ready = loaded.console(vendor)?;
                let trust = ready.link().trust.clone();
                (ready, trust)
            }
            (None, None) => return Err(CommandError::text(ExitCode::Internal, "the configuration was not read")),
        };
        let link = ready.link().clone();
        for warning in &link.warnings {
            context.ui.warn(warning);
        }
        let options = ClientOptions {
            trust: trust.clone(),
            timeout: link.timeout,
            idle_connections: link.concurrency.get(),
            proxy: simulator.is_none(),
        };
        let console = ready.open_with(&options, opening.wishes).map_err(|error| match error {
            OpenError::Client(error) => CommandError::from(error),
            OpenError::Settings(error) => CommandError::text(ExitCode::Config, error),
        })?;
        let part = ready.part();
        let advice = ready.advice().unwrap_or(&vendor.driver().advice);
        let account = ready.account().map(store::account);
        let key_from = match simulator {
            Some(_) => "made by the simulator".to_owned(),
            None => format!("read from {}", link.credentials_from),
        };
        let concurrency = console.capabilities().max_in_flight;
        let console = self::console(console, concurrency, opening.max_wait, opening.uses_reserve);
        Ok(Self {
            console,
            vendor,
            address: link.address,
            part,
            account,
            key_from,
            advice,
            trust,
            simulator,
            concurrency,
        })
    }

    /// Waits until no other run from here changes the console. A list that several write whole, one after the other, loses what
    /// one of them has put in, and each of them has seen its own there.
    pub(crate) async fn alone(
        &self,
        journals: Option<&StateFolder>,
        cancel: &Cancel,
        context: &Context,
    ) -> Result<Option<Alone>, CommandError> {
        let Some(journals) = journals.filter(|_| self.simulator.is_none()) else { return Ok(None) };
        let mut told = false;
        loop {
            if let Some(alone) = Presence::try_alone(journals, &self.address)? {
                return Ok(Some(alone));
            }
            if !told {
                context.ui.tell(&format!("another run changes {} now; waiting for its end", self.address));
                told = true;
            }
            tokio::select! {
                () = cancel.requested() => return Err(prepare::failed(self, Halt::Interrupted)),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Says that a run is about to work on the console, and learns from now on how many others do.
    pub(crate) fn join(&mut self, journals: Option<&StateFolder>, run: &RunId, context: &Context) {
        let Some(journals) = journals.filter(|_| self.simulator.is_none()) else { return };
        // A quota is a tenant's, and several may be at one address.
        let console = format!("{} {}", self.address, self.account.as_deref().unwrap_or_default());
        match Presence::enter(journals, &console, run, self.concurrency.get() as u64) {
            Ok(presence) => {
                let (others, in_flight) = presence.others();
                self.console.pace.share_with(others, in_flight);
                self.console.company = Some(Company::new(move || presence.others()));
            }
            // Nothing goes wrong for it but the quota's end, and the console tells of that.
            Err(error) => context.ui.warn(&format!("other runs do not see this one, and may spend its quota: {error}")),
        }
    }

    /// Signs out, and ends the simulator, if there is one.
    pub(crate) async fn close(self) {
        self.console.vendor.close().await;
        if let Some(simulator) = self.simulator {
            simulator.stop().await;
        }
    }
}

fn console(
    vendor: Arc<dyn Vendor>,
    concurrency: NonZeroUsize,
    max_wait: std::time::Duration,
    uses_reserve: bool,
) -> Console {
    let mut limits = Limits { max_wait, ..Limits::new(concurrency) };
    let silence = std::env::var(SILENCE).ok().and_then(|millis| millis.parse().ok());
    limits.silence = silence.map_or(limits.silence, std::time::Duration::from_millis);
    Console::new(vendor, limits, uses_reserve)
}

/// For tests: how long the console may be silent before a run stops, in milliseconds.
const SILENCE: &str = "__EDRCTL_SILENCE_MS";

/// Refuses an option that this console has no use for: whoever gave it meant something by it.
fn check_wishes(vendor: VendorName, wishes: &Wishes) -> Result<(), CommandError> {
    if wishes.product.is_some() && !vendor.driver().takes.product {
        return Err(CommandError::text(
            ExitCode::Usage,
            format!("{} has one agent for each host, so `--product` has nothing to choose", vendor.console()),
        ));
    }
    Ok(())
}

pub(crate) async fn simulate(
    vendor: VendorName,
    fleet: Fleet,
    faults_file: Option<&Path>,
) -> Result<simulator::Console, CommandError> {
    let model = Model::from_word(vendor.word());
    let console = model.ok_or_else(|| CommandError::text(ExitCode::Internal, "no simulated console of this name"))?;
    let options = simulator::Options { console, fleet, faults: faults(faults_file)?, ..simulator::Options::default() };
    simulator::start(options)
        .await
        .map_err(|error| CommandError::new(ExitCode::Console, error).context("start the simulated console"))
}
