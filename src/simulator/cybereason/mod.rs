//! Cybereason EDR, its REST API, as its guide shows it and its published clients use it.
//!
//! There is no 401: whoever is not signed in is sent to the login page, with a new cookie that is nobody's. An isolation is
//! answered with a word for each sensor, and what becomes of it is seen in the sensor.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
};

use async_trait::async_trait;
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
};
use serde_json::Value;
use url::form_urlencoded;

use super::{
    Credentials,
    faults::{CybereasonFaults, Deed, Endpoint, Faults, LostSession, MissingRole, Role, Rule},
    payload::Payload,
    server::{Cutter, Simulated},
    stats::Stats,
    transfer::{self, wait},
    truth::Truth,
};

mod inbox;
mod isolate;
mod paging;
mod reply;
mod search;
mod sensors;
mod sessions;
mod totp;
mod world;

use inbox::Reputation;
use reply::Reply;
use sessions::{Door, Sessions};
use world::World;

/// The longest body that is read.
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// The simulated console's logic.
#[derive(Debug)]
pub(super) struct Cybereason {
    credentials: Credentials,
    /// The key of the second factor.
    key: [u8; 20],
    faults: Faults,
    truth: Arc<Truth>,
    stats: Arc<Stats>,
    world: World,
    sessions: Mutex<Sessions>,
    reputations: Mutex<Vec<Reputation>>,
    earned: Mutex<isolate::Earned>,
    /// The second that is counted, and how many calls it has had.
    paced: Mutex<(u64, u64)>,
    partial: AtomicU64,
    grown: AtomicU64,
    inserted: AtomicBool,
    removed: AtomicBool,
}

/// Every path behind `/rest/` that is served: with what method, and by what role beside that of an administrator.
const PATHS: [(&str, &str, Endpoint, Option<Role>); 15] = [
    ("POST", "sensors/query", Endpoint::Sensors, Some(Role::SensorAdmin)),
    ("POST", "monitor/global/commands/isolate", Endpoint::IsolateSensors, Some(Role::SensorAdmin)),
    ("POST", "monitor/global/commands/un-isolate", Endpoint::ReleaseSensors, Some(Role::SensorAdmin)),
    ("POST", "visualsearch/query/simple", Endpoint::Search, Some(Role::Analyst)),
    ("POST", "crimes/unified", Endpoint::Malops, Some(Role::Analyst)),
    ("POST", "detection/inbox", Endpoint::Malops, Some(Role::Analyst)),
    ("POST", "mmng/v2/malops", Endpoint::Malops, Some(Role::Analyst)),
    ("GET", "settings/isolation-rule", Endpoint::IsolationRules, Some(Role::SensorAdmin)),
    ("POST", "classification/update", Endpoint::Reputations, None),
    ("POST", "classification/reputations/list", Endpoint::Reputations, None),
    ("GET", "classification/download", Endpoint::Reputations, None),
    ("GET", "users/current", Endpoint::ServerInfo, Some(Role::Admin)),
    ("GET", "monitor/global/server/version/all", Endpoint::ServerInfo, Some(Role::Admin)),
    ("GET", "monitor/global/reg-server/status", Endpoint::ServerInfo, Some(Role::Admin)),
    ("GET", "translate/features/all", Endpoint::ServerInfo, Some(Role::Admin)),
];

/// A request's head, read.
struct Route {
    method: String,
    path: String,
    endpoint: Endpoint,
}

impl Route {
    fn read(request: &Request<Incoming>) -> Self {
        let path = request.uri().path();
        let method = request.method().as_str().to_owned();
        let known =
            |rest: &str| PATHS.iter().find(|(_, known, ..)| *known == rest).map(|(_, _, endpoint, _)| *endpoint);
        let endpoint = match path {
            "/login.html" => Endpoint::Logon,
            "/" if method == "POST" => Endpoint::Logon,
            "/logout" => Endpoint::Session,
            _ => path.strip_prefix("/rest/").and_then(known).unwrap_or(Endpoint::Other),
        };
        Self { method, path: path.to_owned(), endpoint }
    }
}

#[async_trait]
impl Simulated for Cybereason {
    fn stats(&self) -> &Stats {
        &self.stats
    }

    async fn answer(&self, request: Request<Incoming>, cutter: &Arc<Cutter>) -> Option<Response<Payload>> {
        let route = Route::read(&request);
        let _under_way = self.stats.begin(&route.method, route.endpoint);
        self.stats.called(route.path.trim_start_matches('/'));
        let (head, body) = request.into_parts();
        // A client that breaks off its own body is gone, and gets no answer.
        let body = Limited::new(body, LONGEST_BODY).collect().await.map(http_body_util::Collected::to_bytes).ok();
        wait(self.faults.latency.0).await;
        let rule = self.rule(&route, body.as_ref());
        let deed = rule.map(|rule| &rule.deed);
        let instead = match deed {
            Some(Deed::Status(status)) => Some(Reply::status(status.number(), "")),
            Some(Deed::Html(status)) => Some(Reply::html(status.number())),
            Some(Deed::Redirect(location)) => Some(Reply::redirect(location.as_str())),
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
                self.sessions().close();
                None
            }
            Some(Deed::EndSession) => {
                self.sessions().end(&head.headers);
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
            None => self.judge(&route, &head.headers, body.as_ref()),
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

impl Cybereason {
    pub(super) fn new(
        credentials: Credentials,
        faults: Faults,
        truth: Arc<Truth>,
        stats: Arc<Stats>,
    ) -> Result<Self, getrandom::Error> {
        let mut key = [0; 20];
        getrandom::fill(&mut key)?;
        let world = World::new(&faults.cybereason, &truth);
        let partial = AtomicU64::new(faults.cybereason.partial);
        Ok(Self {
            credentials,
            key,
            faults,
            truth,
            stats,
            world,
            sessions: Mutex::default(),
            reputations: Mutex::default(),
            earned: Mutex::default(),
            paced: Mutex::default(),
            partial,
            grown: AtomicU64::new(0),
            inserted: AtomicBool::new(false),
            removed: AtomicBool::new(false),
        })
    }

    const fn settings(&self) -> &CybereasonFaults {
        &self.faults.cybereason
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reputations(&self) -> MutexGuard<'_, Vec<Reputation>> {
        self.reputations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn earned(&self) -> MutexGuard<'_, isolate::Earned> {
        self.earned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every session.
    pub(super) fn end_sessions(&self) {
        self.sessions().end_all();
    }

    /// What a client has to be told beyond address, credentials and trust.
    pub(super) fn settings_of_client(&self) -> Vec<(&'static str, toml::Value)> {
        if self.settings().totp { vec![("totp_secret", totp::shown(self.key).into())] } else { Vec::new() }
    }

    fn door(&self) -> Door<'_> {
        Door {
            credentials: &self.credentials,
            settings: self.settings(),
            key: self.key,
            now: self.truth.elapsed(),
            clock: self.truth.now().as_second(),
        }
    }

    /// The rule that holds for a request; one for hosts looks at the first that is named.
    fn rule(&self, route: &Route, body: Option<&Bytes>) -> Option<&Rule> {
        if !self.truth.script.has_rules() {
            return None;
        }
        let guid = body.filter(|_| matches!(route.endpoint, Endpoint::IsolateSensors | Endpoint::ReleaseSensors));
        let guid = guid.and_then(|body| {
            let body: Value = serde_json::from_slice(body).ok()?;
            let id = body.pointer("/pylumIds/0")?.as_str()?.to_owned();
            let inner = self.truth.lock();
            Some(inner.fleet.guid(inner.fleet.find_text(&id)?))
        });
        self.truth.script.fault(&route.method, route.endpoint, guid)
    }

    /// Decides: who are you, what do you want, and may you have it.
    fn judge(&self, route: &Route, headers: &HeaderMap, body: Option<&Bytes>) -> Reply {
        let Some(body) = body else { return Reply::status(413, "") };
        match (route.method.as_str(), route.path.as_str()) {
            ("GET", "/login.html") => return self.sessions().turned_away(Reply::login_page(), self.door()),
            ("POST", "/login.html") if self.settings().quotes_form => return Reply::quoting(body),
            ("POST", "/login.html") => return self.form(headers, body, false),
            ("POST", "/") => return self.form(headers, body, true),
            ("GET", "/logout") => {
                self.sessions().end(headers);
                return Reply::redirect("/login.html");
            }
            ("GET", "/") if self.sessions().wants_code(headers) => return Reply::code_page(),
            ("GET", "/") => return Reply::console_page(),
            _ => {}
        }
        let Some(path) = route.path.strip_prefix("/rest/") else { return Reply::html(404) };
        if !self.is_in_time() {
            let mut reply = Reply::status(429, "");
            if self.settings().retry_after {
                reply.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            return reply;
        }
        if !self.sessions().enter(headers, self.door()) {
            return self.lost();
        }
        let Some((method, _, _, role)) = PATHS.iter().find(|(_, known, ..)| *known == path) else {
            return Reply::status(404, "");
        };
        if *method != route.method {
            return Reply::status(405, "");
        }
        let mine = self.settings().role;
        let isolates = mine == Role::Analyst && self.settings().analyst_isolates && path.contains("/commands/");
        if mine != Role::Admin && !isolates && *role != Some(Role::Admin) && *role != Some(mine) {
            return match self.settings().missing_role {
                MissingRole::Forbidden => Reply::status(403, "{\"message\":\"Access is denied\"}"),
                MissingRole::LoginPage => self.lost(),
            };
        }
        if path == "settings/isolation-rule" && !self.settings().rules_readable {
            return Reply::status(403, "");
        }
        let Some(body) = self::body(route, headers, body) else { return Reply::status(400, "") };
        self.call(path, &body)
    }

    fn call(&self, path: &str, body: &Value) -> Reply {
        match path {
            "sensors/query" => self.sensors(body),
            "monitor/global/commands/isolate" => self.isolate(body, true),
            "monitor/global/commands/un-isolate" => self.isolate(body, false),
            "visualsearch/query/simple" => self.search(body, false),
            "crimes/unified" => self.search(body, true),
            "detection/inbox" => self.inbox(body),
            "mmng/v2/malops" => self.managed_malops(body),
            "settings/isolation-rule" => self.isolation_rules(),
            "classification/update" => self.set_reputations(body),
            "classification/reputations/list" => self.list_reputations(),
            "classification/download" => Reply::status(200, "key,reputation,prevent execution,comment\n"),
            _ => self.about(path),
        }
    }

    fn form(&self, headers: &HeaderMap, body: &Bytes, second: bool) -> Reply {
        let fields: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let mut sessions = self.sessions();
        let judged = if second {
            sessions.second_factor(headers, &fields, self.door())
        } else {
            sessions.sign_in(&fields, self.door())
        };
        drop(sessions);
        if let Some(signed_in) = judged.signed_in {
            self.stats.logged_on(signed_in);
        }
        judged.reply
    }

    /// Whoever is not signed in.
    fn lost(&self) -> Reply {
        let reply = match self.settings().lost_session {
            LostSession::Redirect => Reply::redirect("/login.html"),
            LostSession::Page => Reply::login_page(),
        };
        self.sessions().turned_away(reply, self.door())
    }

    /// Whether one more call fits into this second.
    fn is_in_time(&self) -> bool {
        let rate = self.settings().rate;
        let second = self.truth.elapsed().as_secs();
        let mut paced = self.paced.lock().unwrap_or_else(PoisonError::into_inner);
        if paced.0 != second {
            *paced = (second, 0);
        }
        paced.1 += 1;
        rate == 0 || paced.1 <= rate
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

/// The body of a call: JSON, and said to be.
fn body(route: &Route, headers: &HeaderMap, body: &Bytes) -> Option<Value> {
    if route.method == "GET" {
        return Some(Value::Null);
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json");
    serde_json::from_slice(body).ok().filter(|_| is_json)
}
