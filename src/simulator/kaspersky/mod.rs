//! Kaspersky Security Center, Open API, as its reference shows it and its published clients use it.
//!
//! Nothing here isolates a host. A client writes an incident, and a service beside the console makes a task of it, or
//! does not: the answer to a client says nothing of that. Errors mostly come with 200.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
};
use serde_json::Value;

use super::{
    Credentials,
    faults::{Account, Deed, Faults, KasperskyFaults, Rights, Rule},
    guid::Guid,
    payload::Payload,
    server::{Cutter, Simulated},
    stats::Stats,
    transfer::{self, wait},
    truth::Truth,
};

mod arguments;
mod errors;
mod filter;
mod groups;
mod hosts;
mod incidents;
mod info;
mod logon;
mod reply;
mod route;
mod sessions;
mod statuses;
mod tasks;
mod values;

use arguments::Arguments;
use errors::{Failure, PxgError};
use logon::Door;
use reply::Reply;
use route::{Needs, Route};
use sessions::{Caller, Owner, Sessions};
use values::Params;

/// The longest body that is read: the files of a scan travel in one.
const LONGEST_BODY: usize = 64 * 1024 * 1024;

/// What a call has to tell.
type Answer = Result<Params, Failure>;

/// The simulated console's logic.
#[derive(Debug)]
pub(super) struct Kaspersky {
    faults: Faults,
    truth: Arc<Truth>,
    stats: Arc<Stats>,
    door: Mutex<Door>,
    sessions: Mutex<Sessions>,
}

#[async_trait]
impl Simulated for Kaspersky {
    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn one_at_a_time(&self) -> bool {
        true
    }

    async fn answer(&self, request: Request<Incoming>, cutter: &Arc<Cutter>) -> Option<Response<Payload>> {
        let route = Route::read(&request);
        let _under_way = self.stats.begin(&route.verb, route.endpoint);
        if let Some((method, _)) = route.method {
            self.stats.called(method);
        }
        let (head, body) = request.into_parts();
        // A client that breaks off its own body is gone, and gets no answer.
        let body = Limited::new(body, LONGEST_BODY).collect().await.map(http_body_util::Collected::to_bytes).ok();
        wait(self.faults.latency.0).await;
        let arguments = body.as_ref().and_then(|body| Arguments::read(body));
        let rule = self.rule(&route, arguments.as_ref());
        let deed = rule.map(|rule| &rule.deed);
        let instead = match deed {
            Some(Deed::Status(status)) => Some(Reply::page(status.number())),
            Some(Deed::Html(status)) => Some(Reply::html(status.number())),
            Some(Deed::Redirect(location)) => Some(Reply::redirect(location.as_str())),
            Some(Deed::Error(code)) => Some(Reply::error(&code.into(), self.settings().locdata)),
            Some(Deed::CutBefore) => {
                cutter.cut(false);
                return None;
            }
            Some(Deed::Silence) => return std::future::pending().await,
            Some(Deed::Delay(time)) => {
                wait(time.0).await;
                None
            }
            Some(Deed::Revoke) => {
                self.door().close();
                self.end_sessions();
                None
            }
            Some(Deed::EndSession) => {
                self.end_session_of(&head.headers, cutter.connection());
                None
            }
            _ => None,
        };
        let reply = match instead {
            Some(mut reply) => {
                if let Some(span) = rule.and_then(|rule| rule.retry_after) {
                    reply.headers.insert(header::RETRY_AFTER, span.0.as_secs().into());
                }
                reply
            }
            None => match self.judge(&route, &head.headers, body.as_ref(), arguments, cutter.connection()) {
                Ok(answer) => Reply::json(&Value::Object(answer)),
                Err(failure) => Reply::failure(&failure, self.settings().locdata),
            },
        };
        match deed {
            Some(Deed::CutAfter) => {
                cutter.cut(false);
                None
            }
            Some(Deed::SilenceAfter) => std::future::pending().await,
            _ => Some(self.send(reply, &head.headers, deed, cutter)),
        }
    }
}

impl Kaspersky {
    pub(super) fn new(credentials: Credentials, faults: Faults, truth: Arc<Truth>, stats: Arc<Stats>) -> Self {
        truth.keep_responses(faults.kaspersky.clone());
        let door = Mutex::new(Door::new(credentials, faults.kaspersky.clone()));
        Self { faults, truth, stats, door, sessions: Mutex::default() }
    }

    const fn settings(&self) -> &KasperskyFaults {
        &self.faults.kaspersky
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn has_bare_certificate(&self) -> bool {
        self.faults.kaspersky.bare_certificate
    }

    pub(super) fn unlock(&self) {
        self.door().unlock();
    }

    pub(super) fn end_sessions(&self) {
        self.sessions().end_all();
    }

    /// What a client has to be told beyond address, credentials and trust.
    pub(super) fn settings_of_client(&self) -> Vec<(&'static str, toml::Value)> {
        let mut values = vec![("internal_user", toml::Value::from(self.settings().account == Account::Internal))];
        if self.settings().account == Account::Os {
            values.push(("domain", logon::DOMAIN.into()));
        }
        if !self.settings().virtual_server.is_empty() {
            values.push(("virtual_server", self.settings().virtual_server.as_str().into()));
        }
        values
    }

    fn end_session_of(&self, headers: &HeaderMap, connection: u64) {
        let named = headers.get("x-ksc-session").and_then(|name| name.to_str().ok());
        let owner = named.map_or(Owner::Connection(connection), |name| Owner::Named(name.to_owned()));
        self.sessions().end(&owner);
    }

    /// The rule that holds for a request.
    fn rule(&self, route: &Route, arguments: Option<&Arguments>) -> Option<&Rule> {
        if !self.truth.script.has_rules() {
            return None;
        }
        let guid = arguments.and_then(host_of).map(Guid::of_text);
        self.truth.script.fault(&route.verb, route.endpoint, guid)
    }

    /// Decides: is it a call at all, who calls, and may they.
    fn judge(
        &self,
        route: &Route,
        headers: &HeaderMap,
        body: Option<&Bytes>,
        arguments: Option<Arguments>,
        connection: u64,
    ) -> Answer {
        let status = |status| Err(Failure::Status(status));
        if route.verb != "POST" {
            return status(StatusCode::METHOD_NOT_ALLOWED);
        }
        let Some((method, needs)) = route.method else { return status(StatusCode::NOT_FOUND) };
        if method == "Tasks.GetTaskStatistics2" && !self.settings().statistics2 {
            return status(StatusCode::NOT_FOUND);
        }
        if body.is_none() {
            return status(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let Some(arguments) = arguments.filter(|_| is_json(headers)) else { return status(StatusCode::BAD_REQUEST) };
        if needs == Needs::Credentials {
            return self.log_on(method, headers, connection);
        }
        let (shared, idle) = (self.settings().shared_sessions, self.settings().session_idle.0);
        let caller = self.sessions().enter(headers, connection, shared, idle, self.truth.elapsed())?;
        if self.truth.elapsed() < self.settings().maintenance.0 {
            return Err(PxgError::maintenance().into());
        }
        let may = match (self.settings().rights, needs) {
            (Rights::All, _) | (_, Needs::Session | Needs::Credentials) => true,
            (Rights::Read, needs) => needs == Needs::Read,
            (Rights::None, _) => false,
        };
        if !may {
            return Err(PxgError::access_denied().into());
        }
        self.call(method, &arguments, &caller)
    }

    fn log_on(&self, method: &str, headers: &HeaderMap, connection: u64) -> Answer {
        let judged = self.door().judge(headers);
        self.stats.logged_on(judged.is_ok());
        let sees_hosts = judged?;
        let now = self.truth.elapsed();
        if method == "login" {
            self.sessions().bind(connection, sees_hosts, now);
            return Ok(Params::new());
        }
        let name = self.sessions().start(connection, sees_hosts, now)?;
        Ok(returns(name))
    }

    fn call(&self, method: &str, arguments: &Arguments, caller: &Caller) -> Answer {
        match method {
            "Session.Ping" => Ok(Params::new()),
            "Session.EndSession" => {
                self.sessions().end(&caller.owner);
                Ok(Params::new())
            }
            "HostGroup.FindHosts" => self.find_hosts(arguments, caller),
            "HostGroup.FindHostsAsync" => self.find_hosts_later(arguments, caller),
            "HostGroup.FindHostsAsyncGetAccessor" => self.found_hosts(arguments, caller),
            "HostGroup.FindHostsAsyncCancel" => self.release(arguments, "strRequestId", caller),
            "ChunkAccessor.GetItemsCount" => self.count(arguments, "strAccessor", caller),
            "ChunkAccessor.GetItemsChunk" => self.chunk(arguments, caller),
            "ChunkAccessor.Release" => self.release(arguments, "strAccessor", caller),
            "HostGroup.GetHostInfo" => self.host_info(arguments, caller),
            "HostTagsApi.GetHostTags" => self.host_tags(arguments, caller),
            "HostGroup.FindGroups" => self.find_groups(arguments, caller),
            "HostGroup.GetGroupInfo" => self.group_info(arguments),
            "HostGroup.GetSubgroups" => self.subgroups(arguments),
            "HostGroup.GroupIdGroups" => Ok(returns(groups::ROOT)),
            "HostGroup.GroupIdUnassigned" => Ok(returns(groups::UNASSIGNED)),
            "HostGroup.GroupIdSuper" => Ok(returns(groups::SUPER)),
            "HostGroup.AddIncident" => self.add_incident(arguments, caller),
            "HostGroup.UpdateIncident" => self.update_incident(arguments),
            "HostGroup.DeleteIncident" => self.delete_incident(arguments),
            "HostGroup.FindIncidents" => self.find_incidents(arguments, caller),
            "HostGroup.GetStaticInfo" | "HostGroup.GetRunTimeInfo" => self.static_info(arguments),
            "HostGroup.GetInstanceStatistics" => self.statistics(),
            "ConEvents.IsAnyServiceConsoleAvailable" => self.any_console(),
            "ConEvents.IsServiceConsoleAvailable" => self.console(arguments),
            _ => self.call_of_tasks(method, arguments, caller),
        }
    }

    /// Makes the answer that goes over the wire, or what a fault leaves of it.
    fn send(
        &self,
        mut reply: Reply,
        asked: &HeaderMap,
        deed: Option<&Deed>,
        cutter: &Arc<Cutter>,
    ) -> Response<Payload> {
        self.stats.answer(reply.status.as_u16());
        if deed == Some(&Deed::Garbage) {
            reply.body = transfer::garbage(&reply.body);
        }
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.kind));
        if self.faults.gzip {
            transfer::compress(&mut reply.body, &mut reply.headers, asked);
        }
        let mut response = Response::new(transfer::payload(reply.body, deed, cutter));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }
}

/// A result and nothing else.
fn returns(value: impl Into<Value>) -> Params {
    Params::from_iter([("PxgRetVal".to_owned(), value.into())])
}

/// Several results.
fn results<const N: usize>(values: [(&str, Value); N]) -> Params {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The host that a call is about.
fn host_of(arguments: &Arguments) -> Option<&str> {
    let data = arguments.given("pData").and_then(|data| data.get("KLHST_WKS_HOSTNAME"));
    let direct = || arguments.given("strHostName").or_else(|| arguments.given("szwHostId"));
    data.or_else(direct).and_then(Value::as_str)
}

/// Whether a body is JSON by what is said of it: nothing said is enough.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
    let bare = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    bare.is_none_or(|kind| kind.eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests;
