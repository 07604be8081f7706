//! Isolation of one host: what is possible, how it stands, begin it, end it.

use std::sync::Arc;

use hyper::body::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::{Cisco, Refusal, computers::metadata, envelope::Reply, route::Route, word};
use crate::{
    domain::host::Isolation,
    simulator::{
        faults::AnswerState,
        guid::Guid,
        truth::{Change, Judged, Look, Truth},
    },
};

/// The longest unlock code.
const LONGEST_CODE: usize = 24;

/// Whose API key this is.
const OPERATOR: &str = "Simulated Operator";

#[derive(Serialize)]
struct Status<'a> {
    available: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unlock_code: Option<&'a str>,
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isolated_by: Option<&'static str>,
}

impl Cisco {
    /// Says what is possible now.
    pub(super) fn possible(&self, route: &Route) -> Result<Reply, Refusal> {
        let look = self.look(route)?;
        match look.state {
            Isolation::NotIsolated if !look.available => Err(Refusal::NotAvailable(405)),
            Isolation::NotIsolated => Ok(Reply::allow("OPTIONS, GET, PUT")),
            Isolation::Isolated => Ok(Reply::allow("OPTIONS, GET, DELETE")),
            _ => Ok(Reply::allow("OPTIONS, GET")),
        }
    }

    /// Says how the host stands.
    pub(super) fn standing(&self, route: &Route) -> Result<Reply, Refusal> {
        Ok(status(route, &self.look(route)?))
    }

    /// Begins or ends the isolation.
    pub(super) fn change(&self, route: &Route, body: &Bytes, isolate: bool) -> Result<Reply, Refusal> {
        Refusal::of_unexpected(route, &["comment", "unlock_code"])?;
        let guid = route.guid.ok_or(Refusal::MalformedGuid)?;
        let asked = Asked::read(route, body, isolate)?;
        if let Some(refused) = self.faults.answers.read_only_key {
            return Err(Refusal::ReadOnlyKey(refused.number()));
        }
        let change = Change { isolate, comment: asked.comment.as_deref(), unlock_code: asked.unlock_code.as_deref() };
        match self.truth.change(guid, change) {
            Judged::Accepted { before, after } => {
                self.streams.changed(guid, isolate);
                let told = match self.faults.answers.isolation_state {
                    AnswerState::Pending => after,
                    AnswerState::Stale => Look { state: before.state, ..after },
                };
                Ok(status(route, &told))
            }
            Judged::Already => Err(Refusal::Already { isolate }),
            Judged::Changing => Err(Refusal::Changing(self.faults.answers.transitional.number())),
            Judged::Unavailable => Err(Refusal::NotAvailable(self.faults.answers.not_available.number())),
            Judged::NoSuchHost => Err(Refusal::NoSuchHost),
        }
    }

    fn look(&self, route: &Route) -> Result<Look, Refusal> {
        Refusal::of_unexpected(route, &[])?;
        let guid: Guid = route.guid.ok_or(Refusal::MalformedGuid)?;
        let inner = self.truth.lock();
        let number = Truth::find(&inner, guid).ok_or(Refusal::NoSuchHost)?;
        Ok(self.truth.look(&inner, number))
    }
}

fn status(route: &Route, look: &Look) -> Reply {
    let off_or_changing = look.state != Isolation::NotIsolated;
    let status = Status {
        available: look.available,
        status: word(look.state),
        unlock_code: look.unlock_code.as_deref(),
        comment: look.comment.as_ref().map(Arc::as_ref),
        isolated_by: off_or_changing.then_some(OPERATOR),
    };
    Reply::data(metadata(route), status)
}

/// What came with a change: in the body, or, as some clients do it, as parameters.
struct Asked {
    comment: Option<String>,
    unlock_code: Option<String>,
}

impl Asked {
    fn read(route: &Route, body: &Bytes, isolate: bool) -> Result<Self, Refusal> {
        let given = |name: &str| route.parameter(name).map(str::to_owned);
        let mut asked = Self { comment: given("comment"), unlock_code: given("unlock_code") };
        if !body.trim_ascii().is_empty() {
            let value = serde_json::from_slice(body).map_err(|_| Refusal::MalformedJson)?;
            let Value::Object(fields) = value else { return Err(Refusal::MalformedJson) };
            for (name, value) in fields {
                let place = match name.as_str() {
                    "comment" => &mut asked.comment,
                    "unlock_code" if isolate => &mut asked.unlock_code,
                    _ => return Err(Refusal::Unexpected(name)),
                };
                match value {
                    Value::String(text) => *place = Some(text),
                    Value::Null => {}
                    _ => return Err(Refusal::NotText(name)),
                }
            }
        }
        let code = asked.unlock_code.take().filter(|code| !code.is_empty());
        match code {
            Some(code) if code.chars().count() > LONGEST_CODE || code.chars().any(char::is_whitespace) => {
                Err(Refusal::BadUnlockCode)
            }
            code => Ok(Self { unlock_code: code.filter(|_| isolate), ..asked }),
        }
    }
}
