//! The script of a bad day: how the simulated console differs from one that always works.
//!
//! [`Faults::default`] is the good day. What a faults file may say is written in `docs/simulator.md`.

use std::{path::Path, time::Duration};

use serde::Deserialize;

mod apex;
mod cybereason;
mod fortigate;
mod kaspersky;
mod script;
mod streams;
mod values;

pub use apex::{ApexFaults, ErrorContent, ErrorStatus, NoSelector, Offset, SnapshotState, UnknownFilter};
pub use cybereason::{
    Combining, ConnectionFault, Counting, CybereasonFaults, Decision, Guessed, IsolationAnswer, LostSession,
    MalopFault, MalopId, MissingRole, PasswordState, Role, RuleFault, SensorFault, SensorStatus, UnknownSensor,
};
pub use fortigate::{FortigateFaults, GroupPolicy, PeoplesAddress, Profile};
pub use kaspersky::{
    Account, DomainForm, ErrorCode, KasperskyFaults, NameEnd, PickUp, Rights, TaskEnd, TaskResult, UnknownAttribute,
    UnknownParameter, Unsupported,
};
pub(super) use script::{Confirmation, Script};
pub use streams::{Deleted, FrameMax, PortForm, ReplyCode, StreamDeed, StreamFaults, StreamRule, UnknownStream};
pub use values::{
    Address, AnswerState, CertificateKind, ErrorBody, HowConfirmed, Names, NotAvailable, ReadOnly, ResetRounding,
    Share, Span, Spelling, Transitional, UnknownGuid, Verb,
};

/// All switches of the simulated console.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every request waits for this long before it is looked at.
    pub latency: Span,
    /// Whether HTTP/2 is offered beside HTTP/1.1.
    pub http2: bool,
    /// Whether long answers are compressed for clients that ask for it.
    pub gzip: bool,
    /// Who signs the certificate.
    pub certificate: CertificateKind,
    /// How many requests are allowed, and how it is told.
    pub quota: QuotaFaults,
    /// How the inventory is listed.
    pub listing: ListingFaults,
    /// How single requests are answered.
    pub answers: AnswerFaults,
    /// How Apex Central behaves.
    pub apex: ApexFaults,
    /// How the Security Center behaves.
    pub kaspersky: KasperskyFaults,
    /// How the FortiGate behaves.
    pub fortigate: FortigateFaults,
    /// How Cybereason behaves.
    pub cybereason: CybereasonFaults,
    /// How event streams are made and served.
    pub streams: StreamFaults,
    /// Hosts that cannot be isolated; none unless given.
    pub unavailable: Option<Chosen>,
    /// How hosts confirm; the first that fits a host holds, and all others confirm after two seconds.
    pub confirm: Vec<Confirm>,
    /// Requests that go wrong; the first that fits a request holds.
    #[serde(rename = "fault")]
    pub rules: Vec<Rule>,
    /// Deliveries and connections of streams that go wrong; the first that fits holds.
    #[serde(rename = "stream_fault")]
    pub stream_rules: Vec<StreamRule>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency: Span(Duration::ZERO),
            http2: true,
            gzip: true,
            certificate: CertificateKind::Ca,
            quota: QuotaFaults::default(),
            listing: ListingFaults::default(),
            answers: AnswerFaults::default(),
            apex: ApexFaults::default(),
            kaspersky: KasperskyFaults::default(),
            fortigate: FortigateFaults::default(),
            cybereason: CybereasonFaults::default(),
            streams: StreamFaults::default(),
            unavailable: None,
            confirm: Vec::new(),
            rules: Vec::new(),
            stream_rules: Vec::new(),
        }
    }
}

/// `[quota]`: how many requests are allowed, and how it is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaFaults {
    /// Requests in one window.
    #[serde(deserialize_with = "values::at_least_one")]
    pub limit: u64,
    /// The window, from the first request on.
    #[serde(deserialize_with = "values::some_time")]
    pub window: Span,
    /// How the headers are spelt.
    pub headers: Spelling,
    /// How the seconds until the window ends are rounded.
    pub reset: ResetRounding,
    /// Whether a 429 has `Retry-After`.
    pub retry_after: bool,
}

impl Default for QuotaFaults {
    fn default() -> Self {
        Self {
            limit: 3000,
            window: Span(Duration::from_secs(3600)),
            headers: Spelling::Plain,
            reset: ResetRounding::Up,
            retry_after: false,
        }
    }
}

/// `[listing]`: how the inventory is listed.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListingFaults {
    /// The most hosts on one page.
    #[serde(deserialize_with = "values::at_least_one")]
    pub page_size: usize,
    /// How many of the first hosts are registered a second time, under another id.
    pub duplicate_hostnames: u32,
    /// After this page is answered for the first time, a new host stands at the top.
    #[serde(deserialize_with = "values::at_least_one_if_any")]
    pub insert_after_page: Option<u64>,
    /// After this page is answered for the first time, the first host is gone.
    #[serde(deserialize_with = "values::at_least_one_if_any")]
    pub remove_after_page: Option<u64>,
    /// How `hostname[]` is compared.
    pub hostname_match: Names,
}

impl Default for ListingFaults {
    fn default() -> Self {
        Self {
            page_size: 500,
            duplicate_hostnames: 0,
            insert_after_page: None,
            remove_after_page: None,
            hostname_match: Names::Contains,
        }
    }
}

/// `[answers]`: how single requests are answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerFaults {
    /// The state in the answer to an accepted request.
    pub isolation_state: AnswerState,
    /// The answer while the host is changing.
    pub transitional: Transitional,
    /// The answer for a host that cannot be isolated.
    pub not_available: NotAvailable,
    /// The answer for a host that is not there.
    pub unknown_guid: UnknownGuid,
    /// The answer to a change, if the key may only read.
    pub read_only_key: Option<ReadOnly>,
    /// What stands in the body of an error.
    pub error_body: ErrorBody,
}

/// Hosts that a switch is for; all of them if nothing is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chosen {
    /// Ids or names.
    pub hosts: Vec<String>,
    /// A share of the hosts, chosen by `seed`.
    pub share: Option<Share>,
    /// What chooses the share.
    pub seed: u64,
}

/// `[[confirm]]`: how hosts confirm.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Confirm {
    /// How.
    pub how: HowConfirmed,
    /// After what time.
    pub after: Option<Span>,
    /// For [`HowConfirmed::LocalUnlock`]: how long the host stays isolated.
    pub unlock_after: Option<Span>,
    /// Ids or names; all if neither these nor a share is given.
    pub hosts: Vec<String>,
    /// A share of the hosts, chosen by `seed`.
    pub share: Option<Share>,
    /// What chooses the share.
    pub seed: u64,
}

/// `[[fault]]`: requests that go wrong, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What is done to them.
    #[serde(rename = "do")]
    pub deed: Deed,
    /// Only requests with this method.
    pub method: Option<Verb>,
    /// Only requests for this.
    pub endpoint: Option<Endpoint>,
    /// Only requests for these hosts, by id or name.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Count the requests of each host apart.
    #[serde(default)]
    pub per_host: bool,
    /// Only the request with this number, from 1, among those that fit so far.
    #[serde(default, deserialize_with = "values::at_least_one_if_any")]
    pub nth: Option<u64>,
    /// Only requests after so many that fit so far.
    #[serde(default)]
    pub after: u64,
    /// At most so often.
    pub times: Option<u64>,
    /// Only a share of them, chosen by `seed`.
    pub share: Option<Share>,
    /// What chooses the share.
    #[serde(default)]
    pub seed: u64,
    /// Sent as `Retry-After` with `status`, `html`, `redirect` and `code`.
    pub retry_after: Option<Span>,
}

impl Rule {
    /// A rule for every request, to be narrowed.
    pub const fn always(deed: Deed) -> Self {
        Self {
            deed,
            method: None,
            endpoint: None,
            hosts: Vec::new(),
            per_host: false,
            nth: None,
            after: 0,
            times: None,
            share: None,
            seed: 0,
            retry_after: None,
        }
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/v1/version`.
    Version,
    /// `/v1/computers`.
    Computers,
    /// `/v1/computers/{guid}`.
    Computer,
    /// `/v1/computers/{guid}/isolation`.
    Isolation,
    /// `/v1/groups`.
    Groups,
    /// `/v1/event_streams`, and one of them.
    EventStreams,
    /// `/v1/event_types`.
    EventTypes,
    /// Apex Central's `…/AgentResource/ProductAgents`.
    Agents,
    /// Apex Central's `…/ServerResource/ProductServers`.
    Servers,
    /// Security Center's `login` and `Session.StartSession`, Cybereason's `/login.html`.
    Logon,
    /// Security Center's `Session.Ping` and `Session.EndSession`, Cybereason's `/logout`.
    Session,
    /// Security Center's searches for hosts.
    FindHosts,
    /// Security Center's `ChunkAccessor`.
    Chunks,
    /// What Security Center knows of one host, its tags included.
    HostInfo,
    /// Security Center's groups.
    HostGroups,
    /// `HostGroup.AddIncident`.
    AddIncident,
    /// `HostGroup.UpdateIncident`.
    UpdateIncident,
    /// `HostGroup.DeleteIncident`.
    DeleteIncident,
    /// `HostGroup.FindIncidents`.
    FindIncidents,
    /// Security Center's tasks, and how they stand on hosts.
    Tasks,
    /// What Security Center knows of itself and of the consoles that are connected, and Cybereason of itself and its users.
    ServerInfo,
    /// FortiGate's addresses of every kind.
    Addresses,
    /// FortiGate's groups of addresses.
    AddressGroups,
    /// The members of one of those.
    Members,
    /// FortiGate's policies.
    Policies,
    /// FortiGate's beginnings and ends of transactions.
    Transactions,
    /// Who uses an entry of FortiGate's.
    ObjectUsage,
    /// FortiGate's version and serial number.
    UnitStatus,
    /// FortiGate's other tables.
    UnitSettings,
    /// Cybereason's `/rest/sensors/query`.
    Sensors,
    /// Cybereason's `…/commands/isolate`.
    IsolateSensors,
    /// Cybereason's `…/commands/un-isolate`.
    ReleaseSensors,
    /// Cybereason's `/rest/visualsearch/query/simple`.
    Search,
    /// Cybereason's lists of MalOps.
    Malops,
    /// Cybereason's rules for isolated hosts.
    IsolationRules,
    /// Cybereason's own reputations.
    Reputations,
    /// Any other path.
    Other,
}

/// What is done to a request that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Answered with this status in the console's own form; nothing is done.
    Status(Status),
    /// Answered with this status and a page for people, as a gateway does; nothing is done.
    Html(Status),
    /// The connection is cut; nothing is done.
    CutBefore,
    /// Done, and the connection is cut without an answer.
    CutAfter,
    /// Nothing is done and nothing is answered until the client leaves.
    Silence,
    /// Done, and nothing is answered until the client leaves.
    SilenceAfter,
    /// Waits for this long, then goes right.
    Delay(Span),
    /// Done; the body of the answer takes this long.
    SlowBody(Span),
    /// Done; half of the body is sent, then the connection is closed.
    HalfBody,
    /// Done; half of the body is sent, then the connection is reset.
    Reset,
    /// Done; the body is no JSON.
    Garbage,
    /// A listing's link to the next page leads to this address.
    NextLink(Address),
    /// Answered with a redirect to this address; nothing is done.
    Redirect(Address),
    /// From this request on, the credentials are refused.
    Revoke,
    /// Apex Central: answered with this `result_code`; nothing is done.
    Code(Code),
    /// Apex Central: answered as if nothing had matched; nothing is done.
    Nothing,
    /// Apex Central: the answer shows another agent; nothing is done.
    OtherAgent,
    /// Apex Central: done; the answer shows another agent as well.
    ExtraAgent,
    /// Security Center: answered with this error; nothing is done.
    Error(ErrorCode),
    /// Security Center, Cybereason: the session ends before the request is looked at.
    EndSession,
    /// FortiGate: answered with this status and nothing else; nothing is done.
    Bare(Status),
    /// FortiGate: answered with this `error`; nothing is done.
    Cmdb(Code),
}

/// A `result_code` that says that something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i32")]
pub struct Code(i32);

impl Code {
    /// The number.
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl TryFrom<i32> for Code {
    type Error = &'static str;

    fn try_from(number: i32) -> Result<Self, Self::Error> {
        if (-9999..0).contains(&number) { Ok(Self(number)) } else { Err("a code is a number from -9999 to -1") }
    }
}

/// A status of HTTP that says that something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct Status(u16);

impl Status {
    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Status {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Self, Self::Error> {
        if (200..=599).contains(&number) { Ok(Self(number)) } else { Err("a status is a number from 200 to 599") }
    }
}

impl Faults {
    /// Reads a faults file.
    ///
    /// # Errors
    ///
    /// [`FaultsError`] names the line that is wrong.
    pub fn read(path: &Path) -> Result<Self, FaultsError> {
        let text = std::fs::read_to_string(path).map_err(FaultsError::Read)?;
        Self::parse(&text)
    }

    /// Reads the text of a faults file.
    ///
    /// # Errors
    ///
    /// [`FaultsError`] names the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, FaultsError> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count() + 1);
            FaultsError::Wrong { line, what: error.message().trim().to_owned() }
        })
    }
}

/// Faults that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FaultsError {
    /// The file cannot be read.
    #[error("read the faults")]
    Read(#[source] std::io::Error),
    /// A line that means nothing.
    #[error("line {line}: {what}")]
    Wrong {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A host that the fleet does not have.
    #[error("no host of the fleet is called `{0}`")]
    NoSuchHost(String),
    /// More kinds of confirmation than can be kept apart.
    #[error("at most 250 `[[confirm]]` fit")]
    TooMany,
}

#[cfg(test)]
mod tests;
