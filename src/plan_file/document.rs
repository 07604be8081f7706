//! What a plan says.

use serde::{Deserialize, Serialize};

use crate::domain::{failure::FailureKind, host::Isolation, outcome::Outcome};

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is to be done, where, and who says so.
    pub about: About,
    /// To what, in the order in which it was written.
    pub targets: Vec<Target>,
}

/// What is to be done, where, and who says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// When it was made, RFC 3339.
    pub made: String,
    /// Who made it.
    pub user: String,
    /// The same as a number of that machine.
    pub uid: u32,
    /// The machine it was made on.
    pub machine: String,
    /// The program and its version.
    pub tool: String,
    /// The action's word.
    pub action: String,
    /// The console's word.
    pub vendor: String,
    /// The console's address, without credentials.
    pub console: String,
    /// What tells its tenant from others at the same address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The part of what is at that address, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The profile of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the console was the embedded simulator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Why, as a number of somebody's ticket system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// What else the command line said.
    #[serde(default, skip_serializing_if = "Options::is_plain")]
    pub options: Options,
}

/// What else the command line said, as far as it is part of what is agreed to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// After how many seconds it is due to be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<u64>,
    /// The product whose agents are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Whether a name may be the first characters of what was written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub netbios: bool,
    /// Whether hosts are sent to that the console has lost touch with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub queue_offline: bool,
    /// Whether older tasks may be pushed out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_rotation: bool,
    /// Whether nothing is sent while nobody is there to carry it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_console: bool,
    /// Hosts that are acted on although they are protected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_protected: Vec<String>,
    /// Why they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_reason: Option<String>,
    /// The most targets that may be acted on, instead of the configuration's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_targets: Option<u64>,
    /// The most new indicators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_new: Option<u64>,
    /// How wide IPv4 networks may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_prefix: Option<u8>,
    /// How wide IPv6 networks may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_prefix6: Option<u8>,
}

impl Options {
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// One target of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// As written.
    pub target: String,
    /// What it was read as: `id`, `host`, `ip`, `mac`, `indicator`.
    pub by: String,
    /// The file it was read from; none for standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: u32,
    /// What becomes of it.
    pub mark: Mark,
    /// The console's id of the host, or the indicator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The host's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The MAC addresses of its interfaces, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<String>,
    /// The console's word for its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What that means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub means: Option<State>,
    /// When the console last heard of it, as the console writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Why nothing is done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What else is to be known of how it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Hosts that fit, where none was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Further lines that named the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Also>,
}

impl Target {
    /// Whether the plan says of it that it is, or will be, as it is wanted.
    pub const fn is_good(&self) -> bool {
        matches!(self.mark, Mark::WillAct | Mark::Already)
    }
}

/// Why nothing is done to a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The word of the class, as results have it.
    pub code: String,
    /// In words.
    pub text: String,
}

/// A host that fits what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the console last heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
}

/// A further line that named the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Also {
    /// As written.
    pub target: String,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line.
    pub line: u32,
}

/// What becomes of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It is acted on.
    WillAct,
    /// It is so already, or on its way.
    Already,
    /// A rule of ours protects it.
    Protected,
    /// The console has lost touch with it.
    Offline,
    /// It cannot be acted on.
    NotCapable,
    /// A run that is under way does the opposite to it.
    OtherRun,
    /// Several hosts fit.
    Ambiguous,
    /// No host fits.
    NotFound,
}

impl Mark {
    /// Every mark.
    pub const ALL: [Self; 8] = [
        Self::WillAct,
        Self::Already,
        Self::Protected,
        Self::Offline,
        Self::NotCapable,
        Self::OtherRun,
        Self::Ambiguous,
        Self::NotFound,
    ];

    /// The mark of a target that ended so while the plan was made; `None`: it is still to be acted on.
    pub fn of(settled: Option<(Outcome, Option<FailureKind>)>) -> Self {
        match settled {
            None => Self::WillAct,
            Some((Outcome::Already, _)) => Self::Already,
            Some((Outcome::Unresolved, Some(FailureKind::Ambiguous))) => Self::Ambiguous,
            Some((Outcome::Unresolved, _)) => Self::NotFound,
            Some((_, Some(kind))) if kind.is_a_rule() => Self::Protected,
            Some((_, Some(FailureKind::Offline))) => Self::Offline,
            Some((_, Some(FailureKind::OtherRun))) => Self::OtherRun,
            Some(_) => Self::NotCapable,
        }
    }

    /// How such a target ends where the plan is carried out; `None` where that is to be seen.
    pub const fn outcome(self) -> Option<Outcome> {
        match self {
            Self::WillAct => None,
            Self::Already => Some(Outcome::Already),
            Self::Protected | Self::Offline | Self::NotCapable | Self::OtherRun => Some(Outcome::Refused),
            Self::Ambiguous | Self::NotFound => Some(Outcome::Unresolved),
        }
    }

    /// The mark in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::WillAct => "to act on",
            Self::Already => "already so",
            Self::Protected => "protected",
            Self::Offline => "offline",
            Self::NotCapable => "not capable",
            Self::OtherRun => "in another run",
            Self::Ambiguous => "ambiguous",
            Self::NotFound => "not found",
        }
    }

    /// The class of failure, where the plan does not name one.
    pub const fn failure(self) -> FailureKind {
        match self {
            Self::Protected => FailureKind::Protected,
            Self::Offline => FailureKind::Offline,
            Self::OtherRun => FailureKind::OtherRun,
            Self::Ambiguous => FailureKind::Ambiguous,
            Self::NotFound => FailureKind::NotFound,
            Self::WillAct | Self::Already | Self::NotCapable => FailureKind::NotCapable,
        }
    }
}

/// What a console's word for a state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are those of `Isolation`, which tells what each means")]
pub enum State {
    NotIsolated,
    Isolating,
    Isolated,
    Releasing,
    Blocked,
    NotBlocked,
    Unknown,
    NotTold,
}

impl State {
    const ALL: [(Self, Isolation); 8] = [
        (Self::NotIsolated, Isolation::NotIsolated),
        (Self::Isolating, Isolation::Isolating),
        (Self::Isolated, Isolation::Isolated),
        (Self::Releasing, Isolation::Releasing),
        (Self::Blocked, Isolation::Blocked),
        (Self::NotBlocked, Isolation::NotBlocked),
        (Self::Unknown, Isolation::Unknown),
        (Self::NotTold, Isolation::NotTold),
    ];

    /// As a plan keeps it.
    pub fn of(state: Isolation) -> Self {
        Self::ALL.into_iter().find(|(_, known)| *known == state).map_or(Self::Unknown, |(kept, _)| kept)
    }

    /// As everything else has it.
    pub fn meant(self) -> Isolation {
        Self::ALL.into_iter().find(|(kept, _)| *kept == self).map_or(Isolation::Unknown, |(_, known)| known)
    }
}
