//! `[kaspersky]`: how the simulated Security Center behaves where nobody outside knows, and what is wrong with it.

use std::time::Duration;

use serde::Deserialize;

use super::{Offset, Share, Span, values::parse_span};

/// `[kaspersky]`: how the simulated Security Center behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KasperskyFaults {
    /// How far the console's clock is ahead; negative if it is behind.
    pub clock_offset: Offset,
    /// Whether the certificate is the server's own, without any name in it; else `certificate` decides.
    pub bare_certificate: bool,
    /// Whether TLS 1.3 is offered beside 1.2.
    pub tls13: bool,
    /// Whose account the credentials are.
    pub account: Account,
    /// In which form the domain of a Windows account is taken.
    pub domain: DomainForm,
    /// The name of the virtual server that has the hosts; empty: the main server has them.
    pub virtual_server: String,
    /// Whether the account needs a second factor.
    pub mfa: bool,
    /// So many wrong passwords lock the account; 0: it is never locked.
    pub lock_after: u32,
    /// How long a session may be idle.
    pub session_idle: Span,
    /// Whether a session is good on another connection than the one it was started on.
    pub shared_sessions: bool,
    /// What the account may do.
    pub rights: Rights,
    /// How long from the start everything is refused, because the server is under maintenance.
    pub maintenance: Span,
    /// Whether an error tells its text in the language of the server as well.
    pub locdata: bool,
    /// Whether texts are compared without regard to case.
    pub ignore_case: bool,
    /// What an attribute does in a filter that nobody knows.
    pub unknown_attribute: UnknownAttribute,
    /// The longest filter in characters; 0: any length.
    pub filter_limit: usize,
    /// The most rows that one request reads from a result; 0: any number.
    pub chunk_cap: usize,
    /// Whether hosts on which no agent is installed are told without version, system and addresses.
    pub sparse_hosts: bool,
    /// Whether ids of incidents are told as text.
    pub id_as_text: bool,
    /// The longest body of an incident in bytes; 0: any length.
    pub body_limit: usize,
    /// Whether an update has to name the host of the incident.
    pub update_needs_host: bool,
    /// When the service picks an incident up.
    pub pick_up: PickUp,
    /// How long that takes.
    pub pick_up_after: Span,
    /// Whether another update of the same incident makes another task.
    pub picks_up_again: bool,
    /// Whether an incident that was picked up is marked as handled.
    pub marks_handled: bool,
    /// Whether a body needs `responseEventIncident`.
    pub needs_flag: bool,
    /// What a parameter does that a task does not know.
    pub unknown_parameter: UnknownParameter,
    /// What stands at the end of a task's name.
    pub name_ends_with: NameEnd,
    /// Whether the console that picks incidents up is connected.
    pub console_connected: bool,
    /// Whether a connected console is told as available.
    pub console_shown: bool,
    /// So many tasks of responses are kept, and older ones deleted, finished or not; 0: all are kept.
    pub keep_tasks: usize,
    /// How long a host stays isolated by a task; nought: for good.
    pub isolation_expires: Span,
    /// The tag of isolated hosts; empty: none.
    pub isolation_tag: String,
    /// What a task does on a host that is too old, or has no Windows.
    pub unsupported: Unsupported,
    /// Whether the server knows `Tasks.GetTaskStatistics2`.
    pub statistics2: bool,
    /// How single tasks end; the first that fits holds.
    pub result: Vec<TaskResult>,
}

impl Default for KasperskyFaults {
    fn default() -> Self {
        Self {
            clock_offset: Offset::default(),
            bare_certificate: true,
            tls13: false,
            account: Account::Internal,
            domain: DomainForm::Either,
            virtual_server: String::new(),
            mfa: false,
            lock_after: 10,
            session_idle: Span(Duration::from_secs(180)),
            shared_sessions: true,
            rights: Rights::All,
            maintenance: Span::default(),
            locdata: true,
            ignore_case: true,
            unknown_attribute: UnknownAttribute::Refused,
            filter_limit: 0,
            chunk_cap: 0,
            sparse_hosts: true,
            id_as_text: false,
            body_limit: 0,
            update_needs_host: true,
            pick_up: PickUp::Update,
            pick_up_after: Span(Duration::from_secs(1)),
            picks_up_again: false,
            marks_handled: false,
            needs_flag: false,
            unknown_parameter: UnknownParameter::Ignored,
            name_ends_with: NameEnd::Random,
            console_connected: true,
            console_shown: true,
            keep_tasks: 100,
            isolation_expires: Span(parse_span("8h").unwrap_or_default()),
            isolation_tag: String::new(),
            unsupported: Unsupported::Fails,
            statistics2: true,
            result: Vec::new(),
        }
    }
}

/// `[[kaspersky.result]]`: how tasks end on hosts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskResult {
    /// How.
    pub state: TaskEnd,
    /// What the host says of it.
    #[serde(default)]
    pub description: Option<String>,
    /// Only tasks of this type.
    #[serde(default)]
    pub task: Option<String>,
    /// How long it takes, in place of what `[[confirm]]` says.
    #[serde(default)]
    pub after: Option<Span>,
    /// Ids or names; all if neither these nor a share is given.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// A share of the hosts, chosen by `seed`.
    #[serde(default)]
    pub share: Option<Share>,
    /// What chooses the share.
    #[serde(default)]
    pub seed: u64,
}

/// Where a task ends on a host, or where it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEnd {
    /// It does what it should.
    Finished,
    /// The same, with a warning.
    Warning,
    /// It fails.
    Failed,
    /// It is never delivered.
    Pending,
    /// It is delivered and never begins.
    Scheduled,
    /// It never ends.
    Running,
    /// Somebody at the host pauses it.
    Paused,
}

/// Whose account the credentials are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// The server's own: `internal` must say so if it is given.
    Internal,
    /// The operating system's, in the domain `CORP`.
    Os,
}

/// In which form the domain of an account is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainForm {
    /// As it is, or in base64.
    Either,
    /// As it is.
    Raw,
    /// In base64.
    Base64,
}

/// What the account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rights {
    /// Everything.
    All,
    /// Read.
    Read,
    /// Log on.
    None,
}

/// When the service picks an incident up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PickUp {
    /// After an update that says that it is not handled.
    Update,
    /// After it was added.
    Add,
    /// Never.
    Never,
}

/// What an attribute does in a filter that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownAttribute {
    /// The filter is refused.
    Refused,
    /// Nothing has it.
    Absent,
}

/// What a parameter does that a task does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownParameter {
    /// Nothing.
    Ignored,
    /// No task is made.
    NoTask,
}

/// What stands at the end of a task's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameEnd {
    /// Eight hexadecimal digits that say nothing.
    Random,
    /// The number of the incident.
    Incident,
}

/// What a task does on a host that does not support it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsupported {
    /// It fails.
    Fails,
    /// It is never delivered.
    Pending,
}

/// An error of the server's own: `KLSTD 1184`, or `KLSTD 1195 1` with a subcode.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ErrorCode {
    pub(in crate::simulator) module: String,
    pub(in crate::simulator) code: i32,
    pub(in crate::simulator) subcode: i32,
}

impl TryFrom<String> for ErrorCode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "an error is a module, a code and perhaps a subcode, such as \"KLSTD 1195 1\"";
        let mut words = text.split_whitespace();
        let module = words.next().ok_or(WRONG)?.to_owned();
        let code = words.next().and_then(|word| word.parse().ok()).ok_or(WRONG)?;
        let subcode = words.next().map_or(Ok(0), |word| word.parse().map_err(|_| WRONG))?;
        let fits = words.next().is_none() && module.bytes().all(|byte| byte.is_ascii_uppercase());
        if fits { Ok(Self { module, code, subcode }) } else { Err(WRONG) }
    }
}
