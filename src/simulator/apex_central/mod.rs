//! Trend Micro Apex Central, Automation API, as its documents show it and its published clients use it.
//!
//! Strict about tokens: every request is verified over the bytes that were received. An accepted action says nothing of
//! what the agent will do, and its answer shows the agents as they were before. There is no quota and no paging here.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
};
use jiff::Timestamp;

use super::{
    Credentials,
    faults::{Deed, Endpoint, Faults, Rule},
    guid::Guid,
    payload::Payload,
    server::{Cutter, Simulated},
    stats::Stats,
    transfer::{self, wait},
    truth::Truth,
};

mod act;
mod agents;
mod envelope;
mod route;
mod selectors;
mod token;

use envelope::{Code, Reply};
use route::Route;

/// The longest body that is read.
const LONGEST_BODY: usize = 1024 * 1024;

/// The simulated console's logic.
#[derive(Debug)]
pub(super) struct ApexCentral {
    credentials: Credentials,
    disabled: AtomicBool,
    faults: Faults,
    truth: Arc<Truth>,
    stats: Arc<Stats>,
}

#[async_trait]
impl Simulated for ApexCentral {
    fn stats(&self) -> &Stats {
        &self.stats
    }

    async fn answer(&self, request: Request<Incoming>, cutter: &Arc<Cutter>) -> Option<Response<Payload>> {
        let route = Route::read(&request);
        let _under_way = self.stats.begin(&route.method, route.endpoint);
        let (head, body) = request.into_parts();
        // A client that breaks off its own body is gone, and gets no answer.
        let body = Limited::new(body, LONGEST_BODY).collect().await.map(http_body_util::Collected::to_bytes).ok();
        wait(self.faults.latency.0).await;
        let rule = self.rule(&route, body.as_ref());
        let deed = rule.map(|rule| &rule.deed);
        let instead = match deed {
            Some(Deed::Status(status)) => Some(self.failure(status.number())),
            Some(Deed::Code(code)) => Some(Reply::error(Code(code.number()), &self.faults.apex)),
            Some(Deed::Html(status)) => {
                Some(Reply::page(StatusCode::from_u16(status.number()).unwrap_or(StatusCode::BAD_GATEWAY)))
            }
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
                self.disabled.store(true, Ordering::Relaxed);
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
            None => self
                .judge(&route, &head.headers, body.as_ref(), deed)
                .unwrap_or_else(|code| Reply::error(code, &self.faults.apex)),
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

impl ApexCentral {
    pub(super) fn new(credentials: Credentials, faults: Faults, truth: Arc<Truth>, stats: Arc<Stats>) -> Self {
        let disabled = AtomicBool::new(faults.apex.disabled);
        Self { credentials, disabled, faults, truth, stats }
    }

    /// The rule that holds for a request. Only an action's body tells which agent it is for.
    fn rule(&self, route: &Route, body: Option<&Bytes>) -> Option<&Rule> {
        if !self.truth.script.has_rules() {
            return None;
        }
        let number = match (route.endpoint, route.method.as_str()) {
            (Endpoint::Agents, "POST") => body.and_then(|body| self.first_of_body(body)),
            _ => None,
        };
        let guid: Option<Guid> = number.map(|number| self.truth.lock().fleet.guid(number));
        self.truth.script.fault(&route.method, route.endpoint, guid)
    }

    /// Decides: who are you, what do you want, and may you have it.
    fn judge(
        &self,
        route: &Route,
        headers: &HeaderMap,
        body: Option<&Bytes>,
        deed: Option<&Deed>,
    ) -> Result<Reply, Code> {
        let Some(body) = body else { return Ok(Reply::page(StatusCode::PAYLOAD_TOO_LARGE)) };
        let received = token::Received { method: &route.method, target: &route.target, headers, body };
        let measure = token::Measure {
            credentials: &self.credentials,
            disabled: self.disabled.load(Ordering::Relaxed),
            now: self.now(),
            settings: &self.faults.apex,
        };
        token::verify(received, measure)?;
        match (route.endpoint, route.method.as_str()) {
            (Endpoint::Agents, "GET") if !route.second => Ok(self.list(route, deed)),
            (Endpoint::Agents, "POST") if !route.second => self.act(body, deed),
            (Endpoint::Agents, "GET") if self.faults.apex.v2 => Ok(self.second_list()),
            (Endpoint::Servers, "GET") => Ok(self.servers(route)),
            (Endpoint::Agents | Endpoint::Servers, _) if !route.second => Err(Code::WRONG_METHOD),
            _ => Ok(Reply::page(StatusCode::NOT_FOUND)),
        }
    }

    /// A status that somebody chose, in the console's own form.
    fn failure(&self, status: u16) -> Reply {
        let code = match status {
            401 => Code::UNKNOWN_APPLICATION,
            400..=499 => Code::INVALID_PARAMETER,
            _ => Code::INTERNAL,
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Reply::error_with(status, code, &self.faults.apex)
    }

    /// What the console's clock shows.
    fn now(&self) -> Timestamp {
        self.faults.apex.clock_offset.moved(self.truth.now())
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
        reply.dress(self.now());
        if self.faults.gzip {
            transfer::compress(&mut reply.body, &mut reply.headers, asked);
        }
        let mut response = Response::new(transfer::payload(reply.body, deed, cutter));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }
}

#[cfg(test)]
mod tests;
