//! `[cybereason]`: how the simulated Cybereason behaves where nobody outside knows, and what is wrong with it.

use std::time::Duration;

use serde::Deserialize;

use super::{Share, Span, values::parse_span};

/// `[cybereason]`: how the simulated Cybereason behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CybereasonFaults {
    /// The version that the console tells.
    pub version: String,
    /// Whether the user has a second factor.
    pub totp: bool,
    /// Whether the page that wants the code is one redirect away from the login.
    pub totp_late: bool,
    /// How the user's password stands.
    pub password: PasswordState,
    /// What the user may do.
    pub role: Role,
    /// How a missing role is answered.
    pub missing_role: MissingRole,
    /// Whether an analyst may isolate.
    pub analyst_isolates: bool,
    /// How a request without a session is answered.
    pub lost_session: LostSession,
    /// Whether a login fails with 500 and a text that quotes its form.
    pub quotes_form: bool,
    /// How long a session lasts.
    pub session_life: Span,
    /// A session is dead after so many calls; 0: it is not.
    pub session_calls: u64,
    /// So many calls a second are answered, and more refused with 429; 0: any number.
    pub rate: u64,
    /// Whether a 429 of `rate` has `Retry-After`.
    pub retry_after: bool,
    /// What `offset` counts.
    pub offset: Counting,
    /// How several filters go together.
    pub filters: Combining,
    /// Fields and operators that filters do not know here, those of queries among them.
    pub unknown_filters: Vec<String>,
    /// Whether `Equals` tells capitals apart.
    pub case_sensitive: bool,
    /// Whether machines are called by their full names.
    pub full_names: bool,
    /// The most sensors in one answer.
    #[serde(deserialize_with = "super::values::at_least_one")]
    pub page_size: usize,
    /// `totalResults` is one more in each answer.
    pub growing_total: bool,
    /// Whether `hasMoreResults` is told.
    pub tells_more: bool,
    /// Whether `hasMoreResults` is always true, and the last sensors come again and again.
    pub endless: bool,
    /// Whether a request to isolate needs `malopId`.
    pub malop_id: MalopId,
    /// The word for a sensor that is offline; empty: it is left out.
    pub offline_answer: String,
    /// What comes of a request to isolate once it is done.
    pub isolation_answer: IsolationAnswer,
    /// What becomes of an id that no sensor has.
    pub unknown_sensor: UnknownSensor,
    /// What is different of single sensors; the first that fits holds.
    pub sensor: Vec<SensorFault>,
    /// What isolated hosts may still reach.
    pub rule: Vec<RuleFault>,
    /// Whether those rules may be read.
    pub rules_readable: bool,
    /// The MalOps; some are made up if there are none here.
    pub malop: Vec<MalopFault>,
    /// So many more are made up, a second apart, each with an address of its own.
    pub malops: u32,
    /// The connections; some are made up if there are none here.
    pub connection: Vec<ConnectionFault>,
    /// The most rows in an answer to a query.
    #[serde(deserialize_with = "super::values::at_least_one")]
    pub row_limit: usize,
    /// So many queries are answered in part.
    pub partial: u64,
    /// So many servers have no part in any answer to a query.
    pub failed_servers: u64,
    /// Whether values come in odd forms: `null`, with a NUL at their end, as numbers.
    pub odd_values: bool,
    /// What a direction does that was guessed.
    pub guessed_direction: Guessed,
    /// Whether queries can be paged: then their answers have a token.
    pub pagination: bool,
    /// Whether the newer list of MalOps is there, `mmng/v2/malops`.
    pub managed_malops: bool,
    /// Whether the list of reputations is there.
    pub reputations_list: bool,
}

impl Default for CybereasonFaults {
    fn default() -> Self {
        Self {
            version: "23.2.110".to_owned(),
            totp: false,
            totp_late: false,
            password: PasswordState::Good,
            role: Role::Admin,
            missing_role: MissingRole::Forbidden,
            analyst_isolates: false,
            lost_session: LostSession::Redirect,
            quotes_form: false,
            session_life: Span(parse_span("8h").unwrap_or_default()),
            session_calls: 0,
            rate: 20,
            retry_after: true,
            offset: Counting::Pages,
            filters: Combining::All,
            unknown_filters: Vec::new(),
            case_sensitive: true,
            full_names: false,
            page_size: 1_000,
            growing_total: false,
            tells_more: true,
            endless: false,
            malop_id: MalopId::Optional,
            offline_answer: "Disconnected".to_owned(),
            isolation_answer: IsolationAnswer::Words,
            unknown_sensor: UnknownSensor::LeftOut,
            sensor: Vec::new(),
            rule: Vec::new(),
            rules_readable: true,
            malop: Vec::new(),
            malops: 0,
            connection: Vec::new(),
            row_limit: 10_000,
            partial: 0,
            failed_servers: 0,
            odd_values: false,
            guessed_direction: Guessed::Known,
            pagination: false,
            managed_malops: true,
            reputations_list: false,
        }
    }
}

/// How the user's password stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordState {
    /// Good.
    Good,
    /// It has to be renewed.
    Expired,
}

/// What the user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Investigate, and nothing about sensors.
    Analyst,
    /// Sensors, and nothing else.
    SensorAdmin,
}

/// How a missing role is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingRole {
    /// 403.
    Forbidden,
    /// As if there were no session.
    LoginPage,
}

/// How a request without a session is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostSession {
    /// It is sent to the login page.
    Redirect,
    /// The login page comes in its place, with 200.
    Page,
}

/// What `offset` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// Pages.
    Pages,
    /// Rows.
    Rows,
}

/// How several filters go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combining {
    /// All have to fit.
    All,
    /// One has to.
    Any,
}

/// Whether a request to isolate needs `malopId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MalopId {
    /// It does not.
    Optional,
    /// It is refused without one.
    Required,
}

/// What comes of a request to isolate once it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsolationAnswer {
    /// A word for each sensor.
    Words,
    /// 204.
    NoContent,
    /// 200 and nothing.
    Empty,
    /// 200 and a text that is no data.
    Text,
    /// A redirect to another place.
    Elsewhere,
}

/// What becomes of an id that no sensor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownSensor {
    /// The answer leaves it out.
    LeftOut,
    /// It is called `UnknownProbe`.
    Told,
    /// If none of a request's has, 204.
    NoContent,
    /// If none of a request's has, 400 and `NO_MATCHING_SENSORS`.
    NoMatch,
}

/// What a direction does in a filter that was guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guessed {
    /// It is one of the console's.
    Known,
    /// Nothing has it.
    Ignored,
    /// The query fails.
    Refused,
}

/// `[[cybereason.sensor]]`: what is different of single sensors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SensorFault {
    /// Its status, in place of what follows from the fleet.
    pub status: Option<SensorStatus>,
    /// The word that every request for it earns; empty: it is left out. It is done for `Succeeded` and for the words that
    /// say it is under way.
    pub answer: Option<String>,
    /// Only so many requests earn that word; then the usual one.
    pub times: Option<u32>,
    /// Ids or names; all if neither these nor a share is given.
    pub hosts: Vec<String>,
    /// A share of the hosts, chosen by `seed`.
    pub share: Option<Share>,
    /// What chooses the share.
    pub seed: u64,
}

/// A sensor's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensorStatus {
    /// The console is in touch with it.
    Online,
    /// It is not.
    Offline,
    /// It is not, and has not been for long.
    Stale,
    /// It has been put away.
    Archived,
}

/// `[[cybereason.rule]]`: what isolated hosts may still reach.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleFault {
    /// An address.
    pub address: String,
    /// A domain.
    pub domain: String,
    /// A port; 0: any.
    pub port: u16,
    /// `ALL`, `INCOMING` or `OUTGOING`.
    pub direction: String,
    /// Whether it forbids.
    pub blocking: bool,
}

/// What a MalOp was made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A connection to an address on the blocklist.
    #[default]
    BlocklistedAddress,
    /// A connection to a domain on the blocklist.
    BlocklistedDomain,
    /// A connection to a hostile domain.
    SuspiciousDomain,
    /// Something else.
    Other,
}

/// `[[cybereason.malop]]`: a MalOp.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MalopFault {
    /// Its id; made up if none is given.
    pub id: String,
    /// What it was made for.
    pub decision: Decision,
    /// The names of its causes.
    pub names: Vec<String>,
    /// How many causes it has, if its answer does not tell all of them.
    pub causes: Option<u64>,
    /// The type of its causes, if it is another one than follows.
    pub cause_type: String,
    /// What people have said of it: `UNREAD`, `TODO`, `OPEN`, `REOPEN`, `FP` or `CLOSED`.
    pub status: String,
    /// Names of its machines; the first host of the fleet if there are none.
    pub machines: Vec<String>,
    /// Whether it is one of the antivirus: queries do not know it, the lists of MalOps do.
    pub epp: bool,
    /// The sensor that the newer list tells for its first machine; empty: its own.
    pub stray_sensor: String,
    /// Whether its names stand only in the elements that are its causes.
    pub unnamed: bool,
    /// How long ago it was made.
    pub created: Option<Span>,
    /// How long ago it was last changed; an hour if not given.
    pub updated: Option<Span>,
}

/// `[[cybereason.connection]]`: a connection that somebody made.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionFault {
    /// `OUTGOING`, `OUTGOING_GUESSED` or `INCOMING`.
    pub direction: String,
    /// The domain that it was made for.
    pub domain: String,
    /// The address that it was made to.
    pub address: String,
    /// What is thought of both: `blacklist`, `malware`, `suspicious`, `sinkholed`, `unresolved`, `indifferent` and so on.
    pub classification: String,
    /// How long ago.
    pub ago: Span,
}

impl Default for ConnectionFault {
    fn default() -> Self {
        Self {
            direction: "OUTGOING".to_owned(),
            domain: String::new(),
            address: String::new(),
            classification: "indifferent".to_owned(),
            ago: Span(Duration::from_secs(3_600)),
        }
    }
}
