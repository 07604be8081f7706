//! The consoles that this version can speak to, each as data: its words, its section of the configuration, its options.
//!
//! This is the one list of consoles. Whoever adds one writes its [`Driver`] in its own folder and names it here; no other
//! module asks which console it has before it.

use std::{any::Any, fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{Vendor, VendorError, apex_central, cisco, cybereason, fortigate, kaspersky};
use crate::{
    domain::{action::Thing, failure::FailureKind, id::RunId, selector::IdForm},
    http::{self, Client, ClientError, ClientOptions, Trust, Url},
    secret::{Lookup, Origin, Secret},
    settings::{Section, SettingError},
};

/// What is known of a console before any of its settings are.
#[derive(Debug)]
pub struct Driver {
    /// The word for it: `--vendor`, the section of the configuration, results.
    pub word: &'static str,
    /// Its name for people.
    pub console: &'static str,
    /// What it acts on.
    pub acts_on: Thing,
    /// How its ids are told from names and addresses.
    pub id_form: fn(&str) -> IdForm,
    /// Its empty section of the configuration.
    pub section: fn() -> Box<dyn ConsoleSection>,
    /// The options that it has a use for.
    pub takes: Takes,
    /// What its people need to be told beside a failure.
    pub advice: Advice,
}

/// Says what is wrong with a text that is to be an id.
pub type IdCheck = fn(&str) -> Result<(), &'static str>;

/// Options that not every console has a use for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Takes {
    /// A code that ends the isolation at the host itself.
    pub unlock_code: bool,
    /// The product whose agents are meant.
    pub product: bool,
    /// Names cut off at fifteen characters.
    pub cut_names: bool,
    /// The commands about event streams.
    pub event_streams: bool,
    /// Groups of hosts as targets.
    pub groups: bool,
    /// The hosts of a detection as targets: how an id of one is told, in words if it is none.
    pub detections: Option<IdCheck>,
    /// Requests for hosts that it has lost touch with.
    pub offline: bool,
    /// The commands about hostile connections.
    pub indicators: bool,
    /// Nothing that asks for the state of a host: it keeps none. Whether a host was cut off before a run is known from earlier
    /// runs only.
    pub keeps_no_state: bool,
}

impl Takes {
    /// None of them.
    pub const NOTHING: Self = Self {
        unlock_code: false,
        product: false,
        cut_names: false,
        event_streams: false,
        groups: false,
        detections: None,
        offline: false,
        indicators: false,
        keeps_no_state: false,
    };
}

/// What to do about a failure, in the words of one console.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// What its secret is called: `API key`.
    pub secret: &'static str,
    /// The keys that say where the console is: `` `url` ``.
    pub address_keys: &'static str,
    /// An address as it should be.
    pub address_example: &'static str,
    /// What else may be wrong, by kind of failure.
    pub of: fn(FailureKind) -> Option<&'static str>,
}

/// A console's section of the configuration.
pub trait ConsoleSection: Section + fmt::Debug + Send + Sync {
    /// Completes the section with its defaults and reads its secrets.
    ///
    /// # Errors
    ///
    /// [`SettingError`] if something is missing or contradicts itself, or a secret cannot be read.
    fn complete(&self, lookup: Lookup<'_>) -> Result<Box<dyn Ready>, SettingError>;

    /// Whether anything in it was set.
    fn is_set(&self) -> bool;

    /// Where else the console is known to be: what must stay reachable.
    fn also_at(&self) -> Vec<Url> {
        Vec::new()
    }

    /// Where the console is, as far as the section says so; nothing else has to be set for that.
    ///
    /// # Errors
    ///
    /// [`SettingError`] if it does not say, or contradicts itself.
    fn url(&self) -> Result<Url, SettingError>;

    /// A copy.
    fn boxed(&self) -> Box<dyn ConsoleSection>;
}

impl Clone for Box<dyn ConsoleSection> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// A console's settings, whole.
pub trait Ready: Any + fmt::Debug + Send + Sync {
    /// How it is reached.
    fn link(&self) -> &Link;

    /// The part of what is at its address that is worked in, in words, where there are several. Runs are told apart by it.
    fn part(&self) -> Option<String> {
        None
    }

    /// As whom it is spoken to, where one address serves several tenants. It is told to nobody.
    fn account(&self) -> Option<&str> {
        None
    }

    /// What to do about a failure, where that depends on how the console is reached.
    fn advice(&self) -> Option<&'static Advice> {
        None
    }

    /// Opens the console over a client that was made for its link.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the settings cannot be used after all.
    fn open(&self, client: Client, wishes: Wishes) -> Result<Arc<dyn Vendor>, VendorError>;

    /// Opens the console over clients that are made as these options say; one is enough for most.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if there can be no client, or the settings cannot be used after all.
    fn open_with(&self, options: &ClientOptions, wishes: Wishes) -> Result<Arc<dyn Vendor>, OpenError> {
        Ok(self.open(http::client(options)?, wishes)?)
    }
}

/// Why a console cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There can be no client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] VendorError),
}

/// How a console is reached.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its address, as requests are built on it.
    pub url: Url,
    /// Its address as people know it, without credentials.
    pub address: String,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Requests in flight.
    pub concurrency: NonZeroUsize,
    /// Where the secret was read from.
    pub credentials_from: Origin,
    /// What the user must be told on every run.
    pub warnings: Vec<String>,
}

/// What a command wants of a console beyond its configuration.
#[derive(Debug, Default)]
pub struct Wishes {
    /// The code that ends an isolation at the host.
    pub unlock_code: Option<Secret>,
    /// The product whose agents are meant.
    pub product: Option<String>,
    /// The run, for a console that names work after it.
    pub errand: Option<Errand>,
    /// The detection that hosts are acted on for, for a console that keeps it with the request.
    pub detection: Option<String>,
}

/// A run, as far as a console has to know it that names work after whoever asks.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The run's name.
    pub run: RunId,
    /// When it began.
    pub begun: Timestamp,
    /// The task that hosts are to carry out, if it is not their isolation.
    pub task: Option<Arc<kaspersky::Task>>,
    /// When what the run does is due to be taken back, for a console that keeps that with it.
    pub expires: Option<Timestamp>,
    /// What alone may be taken back, where it is known whose it is.
    pub takes_back: Option<TakesBack>,
}

/// What alone may be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakesBack {
    /// What this run has done, and no other run has asked for since.
    Run(RunId),
    /// What was due by then.
    Due(Timestamp),
    /// No more than the time that a run has given to what was there before it.
    Time {
        /// The run.
        of: RunId,
        /// The earlier run, whose time holds again.
        to: RunId,
    },
}

/// The consoles that this version can speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VendorName {
    /// Cisco Secure Endpoint.
    Cisco,
    /// Trend Micro Apex Central.
    Apex,
    /// Kaspersky Security Center.
    Kaspersky,
    /// Cybereason EDR.
    Cybereason,
    /// A FortiGate firewall.
    Fortigate,
}

impl VendorName {
    /// Every console, in the order in which help shows them.
    pub const ALL: [Self; 5] = [Self::Cisco, Self::Apex, Self::Kaspersky, Self::Cybereason, Self::Fortigate];

    /// What is known of it.
    pub const fn driver(self) -> &'static Driver {
        match self {
            Self::Cisco => &cisco::DRIVER,
            Self::Apex => &apex_central::DRIVER,
            Self::Kaspersky => &kaspersky::DRIVER,
            Self::Cybereason => &cybereason::DRIVER,
            Self::Fortigate => &fortigate::DRIVER,
        }
    }

    /// The word for it: `--vendor`, the section of the configuration, results.
    pub const fn word(self) -> &'static str {
        self.driver().word
    }

    /// What it acts on.
    pub const fn acts_on(self) -> Thing {
        self.driver().acts_on
    }

    /// The consoles that act on this, in the order in which help shows them.
    pub fn that_act_on(thing: Thing) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |vendor| vendor.acts_on() == thing)
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.word() == word)
    }

    /// Its name for people.
    pub const fn console(self) -> &'static str {
        self.driver().console
    }

    /// How this console's ids are told from names and addresses.
    pub const fn id_form(self) -> fn(&str) -> IdForm {
        self.driver().id_form
    }
}

impl fmt::Display for VendorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
