//! `[apex]`: how the simulated Apex Central behaves where its documents leave a choice, and what is wrong with it.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    Span,
    values::{Names, parse_span},
};

/// `[apex]`: how the simulated Apex Central behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApexFaults {
    /// How far the console's clock is ahead; negative if it is behind.
    pub clock_offset: Offset,
    /// How old a token may be.
    pub time_out: Span,
    /// How far ahead of the console's clock a token may be.
    pub future_time_out: Span,
    /// Whether the application is disabled.
    pub disabled: bool,
    /// Whether the claims of a token must be spelt in lower case.
    pub strict_claims: bool,
    /// The status of HTTP that comes with a negative code, those about tokens apart.
    pub error_status: ErrorStatus,
    /// What `result_content` is on an error.
    pub error_content: ErrorContent,
    /// How long a list still tells the state from before an accepted request.
    pub list_lag: Span,
    /// What a parameter does that the list does not know.
    pub unknown_filter: UnknownFilter,
    /// How `host_name` is compared.
    pub host_name_match: Names,
    /// What an action without any selector is for.
    pub no_selector: NoSelector,
    /// Which state the answer to an action tells.
    pub answer_state: SnapshotState,
    /// Whether every host name is cut to the fifteen characters of NetBIOS and written in capitals.
    pub netbios_names: bool,
    /// Whether an agent can only be moved into a folder in which there is an agent already.
    pub folder_must_exist: bool,
    /// Whether the list is also served under `/v2`, in its own form.
    pub v2: bool,
}

impl Default for ApexFaults {
    fn default() -> Self {
        let two_minutes = Span(Duration::from_secs(120));
        Self {
            clock_offset: Offset::default(),
            time_out: two_minutes,
            future_time_out: two_minutes,
            disabled: false,
            strict_claims: false,
            error_status: ErrorStatus::Documented,
            error_content: ErrorContent::Empty,
            list_lag: Span::default(),
            unknown_filter: UnknownFilter::Ignored,
            host_name_match: Names::Exact,
            no_selector: NoSelector::All,
            answer_state: SnapshotState::Before,
            netbios_names: false,
            folder_must_exist: true,
            v2: false,
        }
    }
}

/// A length of time ahead or behind: `90s`, `-2m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset {
    behind: bool,
    by: Duration,
}

impl Offset {
    /// A time of day, moved by this.
    pub(in crate::simulator) fn moved(self, time: jiff::Timestamp) -> jiff::Timestamp {
        let moved = if self.behind { time.checked_sub(self.by) } else { time.checked_add(self.by) };
        moved.unwrap_or(time)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (behind, rest) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
        let by = parse_span(rest).ok_or_else(|| D::Error::custom("an offset is written like 90s or -2m"))?;
        Ok(Self { behind, by })
    }
}

/// The status of HTTP that comes with a negative code, those about tokens apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "StatusWritten")]
pub enum ErrorStatus {
    /// 500 for an internal error, 400 for the rest.
    Documented,
    /// 200.
    Ok,
    /// 400.
    BadRequest,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StatusWritten {
    Number(u16),
    Word(String),
}

impl TryFrom<StatusWritten> for ErrorStatus {
    type Error = &'static str;

    fn try_from(written: StatusWritten) -> Result<Self, Self::Error> {
        match written {
            StatusWritten::Number(200) => Ok(Self::Ok),
            StatusWritten::Number(400) => Ok(Self::BadRequest),
            StatusWritten::Word(word) if word == "documented" => Ok(Self::Documented),
            _ => Err("must be \"documented\", 200 or 400"),
        }
    }
}

/// What `result_content` is on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorContent {
    /// An empty text.
    Empty,
    /// `null`.
    Null,
    /// Not there.
    Absent,
}

/// What a parameter does that the list does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFilter {
    /// Nothing.
    Ignored,
    /// Nothing fits it.
    Empty,
}

/// What an action without any selector is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoSelector {
    /// All agents.
    All,
    /// No agent.
    None,
    /// It is refused.
    Refused,
}

/// Which state the answer to an action tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// The state from before it.
    Before,
    /// The state that it leads to.
    After,
}
