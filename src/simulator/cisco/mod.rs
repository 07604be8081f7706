//! Cisco Secure Endpoint, API v1, as its documentation and its published clients show it.
//!
//! Strict: a parameter or a key that the console does not know is refused, every request counts against the quota, and
//! an accepted request says nothing of what the host will do. Event streams are served by a broker beside it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
};
use tokio::time::Instant;

use super::{
    Credentials, SimulatorError,
    faults::{Deed, Endpoint, ErrorBody, Faults, Rule},
    guid::{Guid, mix},
    payload::Payload,
    server::{Cutter, Simulated},
    stats::Stats,
    transfer::{self, wait},
    truth::Truth,
};
use crate::domain::host::Isolation;

mod computers;
mod envelope;
mod isolation;
mod quota;
mod refusal;
mod route;
pub(super) mod streams;

use envelope::{Links, Metadata, Reply};
use quota::{Quota, Reading};
use refusal::Refusal;
use route::Route;
use streams::Streams;

/// The longest body that is read.
const LONGEST_BODY: usize = 64 * 1024;

/// The simulated console's logic.
#[derive(Debug)]
pub(super) struct Cisco {
    base_url: String,
    /// The `Authorization` header that is let in.
    authorization: String,
    revoked: AtomicBool,
    faults: Faults,
    truth: Arc<Truth>,
    stats: Arc<Stats>,
    streams: Arc<Streams>,
    quota: Mutex<Quota>,
    ids: AtomicU64,
    id_seed: u64,
    inserted: AtomicBool,
    removed: AtomicBool,
}

impl Cisco {
    pub(super) fn new(
        base_url: String,
        credentials: &Credentials,
        faults: Faults,
        truth: Arc<Truth>,
        stats: Arc<Stats>,
        streams: Arc<Streams>,
    ) -> Result<Self, SimulatorError> {
        let pair = format!("{}:{}", credentials.client_id, credentials.api_key);
        Ok(Self {
            base_url,
            authorization: STANDARD.encode(pair),
            revoked: AtomicBool::new(false),
            faults,
            truth,
            stats,
            streams,
            quota: Mutex::default(),
            ids: AtomicU64::new(0),
            id_seed: getrandom::u64()?,
            inserted: AtomicBool::new(false),
            removed: AtomicBool::new(false),
        })
    }

    /// Decides: who are you, may you ask at all, and what then.
    fn judge(&self, route: &Route, headers: &HeaderMap, body: Option<&Bytes>, deed: Option<&Deed>) -> (Reply, Reading) {
        let form = self.faults.answers.error_body;
        let (result, reading) = if self.lets_in(headers) {
            let reading = self.take();
            let result = if reading.allowed { self.act(route, headers, body, deed) } else { Err(Refusal::OverQuota) };
            (result, reading)
        } else {
            // Nobody's quota can be charged for this.
            let quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
            (Err(Refusal::UnknownCredentials), quota.read(&self.faults.quota, Instant::now()))
        };
        let reply = result.unwrap_or_else(|refusal| self.refuse(&refusal, route, form, reading));
        (reply, reading)
    }

    fn refuse(&self, refusal: &Refusal, route: &Route, form: ErrorBody, reading: Reading) -> Reply {
        let status = refusal.status(self.faults.answers.unknown_guid.number());
        let mut reply = Reply::error(status, &refusal.detail(), &route.own, form);
        match refusal {
            Refusal::WrongMethod(allowed) => {
                reply.headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Refusal::OverQuota if self.faults.quota.retry_after => {
                reply.headers.insert(header::RETRY_AFTER, reading.seconds().into());
            }
            _ => {}
        }
        reply
    }

    fn act(
        &self,
        route: &Route,
        headers: &HeaderMap,
        body: Option<&Bytes>,
        deed: Option<&Deed>,
    ) -> Result<Reply, Refusal> {
        let body = body.ok_or(Refusal::TooLong)?;
        match (route.endpoint, route.method.as_str()) {
            (Endpoint::Version, "GET") => {
                Refusal::of_unexpected(route, &[])?;
                let links = Links { own: &route.own, prev: None, next: None };
                Ok(Reply::data(Metadata { links, results: None }, serde_json::Map::new()))
            }
            (Endpoint::Computers, "GET") => {
                let foreign = match deed {
                    Some(Deed::NextLink(base)) => Some(base.as_str()),
                    _ => None,
                };
                self.list(route, foreign)
            }
            (Endpoint::Computer, "GET") => self.tell(route),
            (Endpoint::Groups, "GET") => self.groups(route),
            (Endpoint::Isolation, "OPTIONS") => self.possible(route),
            (Endpoint::Isolation, "GET") => self.standing(route),
            (Endpoint::Isolation, "PUT") => self.change(route, body, true),
            (Endpoint::Isolation, "DELETE") => self.change(route, body, false),
            (Endpoint::Isolation, _) => Err(Refusal::WrongMethod("OPTIONS, GET, PUT, DELETE")),
            (Endpoint::EventStreams, _) => {
                let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
                self.event_streams(route, body, kind)
            }
            (Endpoint::EventTypes, "GET") => Self::event_types(route),
            (Endpoint::Other, _) => Err(Refusal::NoSuchPath),
            _ => Err(Refusal::WrongMethod("GET")),
        }
    }

    fn take(&self) -> Reading {
        let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        quota.take(&self.faults.quota, Instant::now())
    }

    fn lets_in(&self, headers: &HeaderMap) -> bool {
        if self.revoked.load(Ordering::Relaxed) {
            return false;
        }
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, given)) = given.and_then(|value| value.split_once(' ')) else {
            return false;
        };
        let given = given.trim().as_bytes();
        let wanted = self.authorization.as_bytes();
        // Looks at every byte, so that the time it takes tells nothing.
        let differing = given.iter().zip(wanted).fold(0, |sum, (a, b)| sum | (a ^ b));
        scheme.eq_ignore_ascii_case("basic") && given.len() == wanted.len() && differing == 0
    }

    /// The inventory changes while it is being read, if the faults say so.
    fn change_after_page(&self, page: u64) {
        let listing = &self.faults.listing;
        if listing.insert_after_page == Some(page) && !self.inserted.swap(true, Ordering::Relaxed) {
            self.truth.insert_first();
        }
        if listing.remove_after_page == Some(page) && !self.removed.swap(true, Ordering::Relaxed) {
            self.truth.remove_first();
        }
    }

    /// Makes the answer that goes over the wire, or what a fault leaves of it.
    fn send(
        &self,
        mut reply: Reply,
        reading: Option<Reading>,
        asked: &HeaderMap,
        rule: Option<&Rule>,
        cutter: &Arc<Cutter>,
    ) -> Response<Payload> {
        self.stats.answer(reply.status.as_u16());
        let deed = rule.map(|rule| &rule.deed);
        if deed == Some(&Deed::Garbage) {
            reply.body = transfer::garbage(&reply.body);
        }
        // A gateway knows neither the console's headers nor its quota.
        if !reply.is_page() || self.faults.answers.error_body == ErrorBody::Html {
            reply.dress(&self.request_id());
            if let Some(reading) = reading {
                reading.write(&self.faults.quota, self.truth.now(), &mut reply.headers);
            }
        } else {
            reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.kind));
        }
        if self.faults.gzip {
            transfer::compress(&mut reply.body, &mut reply.headers, asked);
        }
        let payload = transfer::payload(reply.body, deed, cutter);
        let mut response = Response::new(payload);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    fn request_id(&self) -> String {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        Guid::of_number(mix(self.id_seed) ^ number).to_string()
    }
}

#[async_trait]
impl Simulated for Cisco {
    fn stats(&self) -> &Stats {
        &self.stats
    }

    async fn answer(&self, request: Request<Incoming>, cutter: &Arc<Cutter>) -> Option<Response<Payload>> {
        let route = Route::read(&request, &self.base_url);
        let _under_way = self.stats.begin(&route.method, route.endpoint);
        let (head, body) = request.into_parts();
        // A client that breaks off its own body is gone, and gets no answer.
        let body = Limited::new(body, LONGEST_BODY).collect().await.map(http_body_util::Collected::to_bytes).ok();
        wait(self.faults.latency.0).await;
        let rule = self.truth.script.fault(&route.method, route.endpoint, route.guid);
        let deed = rule.map(|rule| &rule.deed);
        let before = match deed {
            Some(Deed::Status(status)) => {
                let detail = "The request could not be processed";
                let reading = self.take();
                Some((Reply::error(status.number(), detail, &route.own, self.faults.answers.error_body), Some(reading)))
            }
            Some(Deed::Html(status)) => {
                let status = StatusCode::from_u16(status.number()).unwrap_or(StatusCode::BAD_GATEWAY);
                Some((Reply::page(status), None))
            }
            Some(Deed::Redirect(location)) => Some((Reply::redirect(location.as_str()), None)),
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
                self.revoked.store(true, Ordering::Relaxed);
                None
            }
            _ => None,
        };
        let (reply, reading) = match before {
            Some((mut reply, reading)) => {
                if let Some(span) = rule.and_then(|rule| rule.retry_after) {
                    reply.headers.insert(header::RETRY_AFTER, span.0.as_secs().into());
                }
                (reply, reading)
            }
            None => {
                let (reply, reading) = self.judge(&route, &head.headers, body.as_ref(), deed);
                (reply, Some(reading))
            }
        };
        match deed {
            Some(Deed::CutAfter) => {
                cutter.cut(false);
                None
            }
            Some(Deed::SilenceAfter) => std::future::pending().await,
            _ => Some(self.send(reply, reading, &head.headers, rule, cutter)),
        }
    }
}

/// The console's word for a state.
const fn word(state: Isolation) -> &'static str {
    match state {
        Isolation::Isolating => "pending_start",
        Isolation::Isolated => "isolated",
        Isolation::Releasing => "pending_stop",
        Isolation::NotIsolated
        | Isolation::NotTold
        | Isolation::Blocked
        | Isolation::NotBlocked
        | Isolation::Unknown => "not_isolated",
    }
}
