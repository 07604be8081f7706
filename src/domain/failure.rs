//! What went wrong, as told and journalled.

use std::fmt;

use super::vetting::Refusal;

/// The class of a failure: what a script may branch on, and what the summary groups by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// The console knows no such host.
    NotFound,
    /// Several hosts fit, and none is taken.
    Ambiguous,
    /// The console or the host cannot do this: policy, operating system, version.
    NotCapable,
    /// The console has lost touch with the host, and nobody knows whether a request would wait for it.
    Offline,
    /// A rule of ours protects the host.
    Protected,
    /// Another run does the opposite to it now, has done so since, or wants it as it is.
    OtherRun,
    /// The host of this id is called otherwise than when its run was journalled.
    Renamed,
    /// The console says that the request itself is wrong.
    BadRequest,
    /// The console contradicts the request, and a look did not settle it.
    Conflict,
    /// The console refused the credentials.
    CredentialsRefused,
    /// The password is right, and has to be changed before it is good for anything.
    PasswordExpired,
    /// The console wants a second factor that it was not given, or refused the one it was.
    SecondFactor,
    /// The console took the credentials, and does not know the session that it gave for them.
    SessionLost,
    /// The credentials are good and may not do this.
    Forbidden,
    /// The console said: slower.
    Throttled,
    /// The console failed, in its own words.
    ServerError,
    /// Something before the console failed or answered in its place.
    Gateway,
    /// No connection could be made.
    Unreachable,
    /// The certificate is not the one to be trusted.
    Certificate,
    /// No answer in time.
    Timeout,
    /// The connection was cut before the answer was whole.
    Cut,
    /// The answer cannot be understood.
    Protocol,
    /// The state was reached and then lost again, or never came.
    Fallback,
    /// The host's agent could not carry a task out.
    TaskFailed,
    /// The wait ended first.
    NotConfirmed,
    /// The run stopped before.
    Stopped,
    /// A dry run sends nothing.
    DryRun,
    /// The journal could not record it.
    Journal,
    /// This console cannot be asked that.
    Unsupported,
    /// The console's clock and ours differ by too much for a signed request.
    ClockSkew,
    /// The console received other bytes than were signed.
    Altered,
    /// The console took the request and did nothing.
    NothingDone,
    /// Another console manages the host.
    ManagedElsewhere,
    /// The console cannot reach the server that manages the host.
    ManagerUnreachable,
    /// The console answered for another host than was asked.
    WrongHost,
    /// An indicator that must not be blocked.
    Vetted(Refusal),
    /// What is there under our name is somebody else's.
    NotOurs,
    /// The firewall's table has no room for another entry.
    TableFull,
    /// What is written on this machine in place of a console cannot be written, or not be trusted.
    FolderFailed,
    /// Another program is writing there.
    FolderBusy,
    /// What lets traffic through would let more through.
    UnsafePolicy,
    /// A bug of ours.
    Internal,
}

impl FailureKind {
    /// Every kind, for reading words back and for tests.
    pub const ALL: [Self; 58] = [
        Self::NotFound,
        Self::Ambiguous,
        Self::NotCapable,
        Self::Offline,
        Self::Protected,
        Self::OtherRun,
        Self::Renamed,
        Self::BadRequest,
        Self::Conflict,
        Self::CredentialsRefused,
        Self::PasswordExpired,
        Self::SecondFactor,
        Self::SessionLost,
        Self::Forbidden,
        Self::Throttled,
        Self::ServerError,
        Self::Gateway,
        Self::Unreachable,
        Self::Certificate,
        Self::Timeout,
        Self::Cut,
        Self::Protocol,
        Self::Fallback,
        Self::TaskFailed,
        Self::NotConfirmed,
        Self::Stopped,
        Self::DryRun,
        Self::Journal,
        Self::Unsupported,
        Self::ClockSkew,
        Self::Altered,
        Self::NothingDone,
        Self::ManagedElsewhere,
        Self::ManagerUnreachable,
        Self::WrongHost,
        Self::Vetted(Refusal::BadIndicator),
        Self::Vetted(Refusal::Unspecified),
        Self::Vetted(Refusal::Loopback),
        Self::Vetted(Refusal::LinkLocal),
        Self::Vetted(Refusal::Private),
        Self::Vetted(Refusal::Multicast),
        Self::Vetted(Refusal::Reserved),
        Self::Vetted(Refusal::Documentation),
        Self::Vetted(Refusal::PublicResolver),
        Self::Vetted(Refusal::OwnConsole),
        Self::Vetted(Refusal::OwnResolver),
        Self::Vetted(Refusal::OwnGateway),
        Self::Vetted(Refusal::NeverBlock),
        Self::Vetted(Refusal::PrefixTooWide),
        Self::Vetted(Refusal::PublicSuffix),
        Self::Vetted(Refusal::SpecialDomain),
        Self::Vetted(Refusal::VendorDomain),
        Self::NotOurs,
        Self::TableFull,
        Self::FolderFailed,
        Self::FolderBusy,
        Self::UnsafePolicy,
        Self::Internal,
    ];

    /// The word for it in results (`reason_code`) and in the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::NotCapable => "not_capable",
            Self::Offline => "offline",
            Self::Protected => "protected",
            Self::OtherRun => "other_run",
            Self::Renamed => "renamed",
            Self::BadRequest => "bad_request",
            Self::Conflict => "conflict",
            Self::CredentialsRefused => "credentials_refused",
            Self::PasswordExpired => "password_expired",
            Self::SecondFactor => "second_factor",
            Self::SessionLost => "session_lost",
            Self::Forbidden => "forbidden",
            Self::Throttled => "throttled",
            Self::ServerError => "server_error",
            Self::Gateway => "gateway",
            Self::Unreachable => "unreachable",
            Self::Certificate => "certificate",
            Self::Timeout => "timeout",
            Self::Cut => "cut",
            Self::Protocol => "protocol",
            Self::Fallback => "fallback",
            Self::TaskFailed => "task_failed",
            Self::NotConfirmed => "not_confirmed",
            Self::Stopped => "stopped",
            Self::DryRun => "dry_run",
            Self::Journal => "journal",
            Self::Unsupported => "unsupported",
            Self::ClockSkew => "clock_skew",
            Self::Altered => "altered",
            Self::NothingDone => "nothing_done",
            Self::ManagedElsewhere => "managed_elsewhere",
            Self::ManagerUnreachable => "manager_unreachable",
            Self::WrongHost => "wrong_host",
            Self::Vetted(refusal) => refusal.word(),
            Self::NotOurs => "not_ours",
            Self::TableFull => "table_full",
            Self::FolderFailed => "folder_failed",
            Self::FolderBusy => "folder_busy",
            Self::UnsafePolicy => "unsafe_policy",
            Self::Internal => "internal",
        }
    }

    /// Whether it is a rule of ours that forbids it.
    pub const fn is_a_rule(self) -> bool {
        matches!(self, Self::Protected | Self::Vetted(_))
    }

    /// Whether it is the console's no to whoever asks, whatever is asked.
    pub const fn is_about_us(self) -> bool {
        matches!(
            self,
            Self::CredentialsRefused | Self::PasswordExpired | Self::SecondFactor | Self::SessionLost | Self::Forbidden
        )
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One failure: its class and the words that say what to do next.
///
/// The words may quote a console and so may be hostile: whoever shows them on a terminal cleans them first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class.
    pub kind: FailureKind,
    /// The words, a lower-case fragment without a full stop.
    pub text: String,
}

impl Failure {
    /// Makes a failure.
    pub fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
