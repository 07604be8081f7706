//! The unit over REST.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
};
use serde_json::{Map, Value as Json, json};

use super::{
    firewall::Firewall,
    refusal::Refusal,
    schema::{Kind, Table},
    store::{Op, Store},
};
use crate::simulator::{
    faults::{Deed, Faults, Rule},
    payload::Payload,
    server::{Cutter, Simulated},
    stats::Stats,
    transfer::{self, wait},
    truth::Truth,
};

mod cmdb;
mod envelope;
mod filter;
mod monitor;
mod route;

use cmdb::{No, Place, error, frame_of};
use envelope::{Frame, Reply};
use route::{Route, Target};

/// The longest body that is read.
const LONGEST_BODY: usize = 1024 * 1024;

/// A transaction that a client has begun.
#[derive(Debug)]
struct Transaction {
    ops: Vec<Op>,
    ends: Duration,
    vdom: String,
}

/// The REST face of the unit.
#[derive(Debug)]
pub(in crate::simulator) struct Rest {
    pub(super) firewall: Arc<Firewall>,
    revoked: AtomicBool,
    faults: Faults,
    truth: Arc<Truth>,
    stats: Arc<Stats>,
    transactions: Mutex<BTreeMap<u64, Transaction>>,
}

#[async_trait]
impl Simulated for Rest {
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
        let rule = self.truth.script.fault(&route.method, route.endpoint, None);
        let deed = rule.map(|rule| &rule.deed);
        let instead = match deed {
            Some(Deed::Status(status)) => Some(self.plain(&route, status.number())),
            Some(Deed::Bare(status)) => Some(Reply::bare(status.number())),
            Some(Deed::Cmdb(code)) => Some(self.refused(&route, code.number())),
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
                self.revoked.store(true, Ordering::Relaxed);
                None
            }
            _ => None,
        };
        let reply = match instead {
            Some(reply) => Self::late(reply, rule),
            None => {
                let reply = self.judge(&route, &head.headers, body.as_ref());
                if route.method != "GET" && reply.status.is_success() {
                    wait(self.firewall.settings().commit_takes.0).await;
                }
                reply
            }
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

impl Rest {
    pub(in crate::simulator) fn new(
        firewall: Arc<Firewall>,
        faults: Faults,
        truth: Arc<Truth>,
        stats: Arc<Stats>,
    ) -> Self {
        let (revoked, transactions) = (AtomicBool::default(), Mutex::default());
        Self { firewall, revoked, faults, truth, stats, transactions }
    }

    fn late(mut reply: Reply, rule: Option<&Rule>) -> Reply {
        if let Some(span) = rule.and_then(|rule| rule.retry_after) {
            reply.headers.insert(header::RETRY_AFTER, span.0.as_secs().into());
        }
        reply
    }

    fn plain(&self, route: &Route, status: u16) -> Reply {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let frame = self.frame(route, ("", ""));
        Reply::json(status, &frame.wrap(status, json!({})))
    }

    fn refused(&self, route: &Route, code: i32) -> Reply {
        let refusal = Refusal::bare(code);
        let status = refusal.status(self.firewall.settings());
        let frame = self.frame(route, ("", ""));
        Reply::json(status, &frame.wrap(status, json!({"error": code})))
    }

    fn frame<'a>(&'a self, route: &'a Route, (path, name): (&'a str, &'a str)) -> Frame<'a> {
        let vdom = route.given("vdom").unwrap_or(self.firewall.vdom());
        let revision = self.firewall.store().revision();
        Frame { method: &route.method, vdom, path, name, settings: self.firewall.settings(), revision }
    }

    /// Whether whoever asks may: the token in its header, from an address that is trusted.
    fn is_let_in(&self, route: &Route, headers: &HeaderMap) -> bool {
        let token = &self.firewall.credentials().api_key;
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
        let in_url = route.given("access_token").filter(|_| self.firewall.settings().url_token);
        let known = bearer.or(in_url) == Some(token.as_str());
        known && self.firewall.settings().trusted && !self.revoked.load(Ordering::Relaxed)
    }

    fn judge(&self, route: &Route, headers: &HeaderMap, body: Option<&Bytes>) -> Reply {
        let Some(body) = body else { return Reply::html(413) };
        if !self.is_let_in(route, headers) {
            return Reply::html(401);
        }
        if route.method != "GET" && !self.firewall.may_write() {
            return self.refused(route, Refusal::NO_RIGHT);
        }
        match &route.target {
            Target::Root => self.transaction(route, body),
            Target::Monitor(name) => {
                let frame = self.frame(route, name.split_once('/').unwrap_or((name, "")));
                match self.monitor(name, route, &frame) {
                    Some(answer) => Reply::json(StatusCode::OK, &answer),
                    None => self.plain(route, 404),
                }
            }
            Target::Vdoms { key } => self.vdoms(route, key.as_deref()),
            Target::Cmdb { table, .. } => self.cmdb(*table, route, headers, body),
            Target::Nothing => self.plain(route, 404),
        }
    }

    fn vdoms(&self, route: &Route, key: Option<&str>) -> Reply {
        let frame = self.frame(route, ("system", "vdom"));
        let vdoms = self.firewall.vdoms();
        let shown = vdoms.iter().filter(|name| key.is_none_or(|key| key == **name));
        let results: Vec<Json> = shown.map(|name| json!({"name": name, "q_origin_key": name})).collect();
        if route.method != "GET" {
            return self.plain(route, 405);
        }
        if results.is_empty() {
            return self.refused(route, Refusal::NOT_FOUND);
        }
        Reply::json(StatusCode::OK, &frame.wrap(StatusCode::OK, json!({"results": results})))
    }

    /// A request for a table: in one virtual domain, in all of them, or in a transaction.
    fn cmdb(&self, table: Table, route: &Route, headers: &HeaderMap, body: &Bytes) -> Reply {
        if route.given("global").is_some_and(|value| value == "1") && route.method == "GET" && !table.is_global() {
            let vdoms = self.firewall.vdoms();
            let mut store = self.firewall.store();
            let scopes = vdoms.iter().map(|vdom| self.answer_in(table, route, body, &mut store, vdom, None).1);
            return Reply::json(StatusCode::OK, &Json::Array(scopes.collect()));
        }
        let vdom = route.given("vdom").unwrap_or(self.firewall.vdom()).to_owned();
        let number = headers.get("x-transaction-id").and_then(|value| value.to_str().ok());
        let Some(number) = number else {
            let (status, answer) = self.answer_in(table, route, body, &mut self.firewall.store(), &vdom, None);
            if route.method == "GET"
                && let Target::Cmdb { table: Table::Group, key: Some(key), .. } = &route.target
            {
                self.firewall.group_was_read(key);
            }
            return Reply::json(status, &answer);
        };
        let now = self.truth.elapsed();
        let mut transactions = self.open_transactions();
        let found = number.parse::<u64>().ok().and_then(|number| transactions.get_mut(&number));
        let Some(transaction) = found.filter(|transaction| transaction.ends > now && transaction.vdom == vdom) else {
            return self.plain(route, 400);
        };
        let mut staged = self.firewall.store().clone();
        for op in &transaction.ops {
            // It was judged when it came; what does not hold any more is told at the end.
            drop(staged.apply(op));
        }
        let (status, answer) = self.answer_in(table, route, body, &mut staged, &vdom, Some(&mut transaction.ops));
        Reply::json(status, &answer)
    }

    fn answer_in(
        &self,
        table: Table,
        route: &Route,
        body: &Bytes,
        store: &mut Store,
        vdom: &str,
        staged: Option<&mut Vec<Op>>,
    ) -> (StatusCode, Json) {
        let frame = frame_of(table, route, vdom, self, store.revision());
        if !table.is_global() && !store.has_vdom(vdom) {
            let (status, more) = error(&No::Status(self.firewall.settings().not_found_status), self);
            return (status, frame.wrap(status, more));
        }
        match self.ask(table, route, body, &mut Place { vdom, store, staged }) {
            Ok(more) => (StatusCode::OK, frame.wrap(StatusCode::OK, more)),
            Err(no) => {
                let (status, more) = error(&no, self);
                (status, frame.wrap(status, more))
            }
        }
    }

    fn ask(&self, table: Table, route: &Route, body: &Bytes, place: &mut Place<'_>) -> Result<Json, No> {
        let Target::Cmdb { key, child, member, .. } = &route.target else { return Err(No::Status(404)) };
        let body = || match serde_json::from_slice(body) {
            Ok(Json::Object(object)) => Ok::<Map<String, Json>, No>(object),
            _ => Err(No::Status(424)),
        };
        let (key, method) = (key.as_deref(), route.method.as_str());
        if let (Some(key), Some(child)) = (key, child) {
            let field = table.field(child).filter(|field| matches!(field.kind, Kind::Members(_)));
            let field = field.ok_or(No::Status(404))?;
            if !self.firewall.settings().member_path {
                return Err(No::Status(405));
            }
            return match (method, member.as_deref()) {
                ("GET", member) => Self::read_members(place, table, key, field, member),
                ("POST", None) => self.add_member(place, (table, key), field, &body()?),
                ("DELETE", Some(member)) => self.remove_member(place, (table, key), field, member),
                _ => Err(No::Status(405)),
            };
        }
        match (method, key) {
            ("GET", key) => Self::read_table(place, table, key, route),
            ("POST", None) if !table.is_single() => self.create(place, table, &body()?),
            ("PUT", None) if table.is_single() => self.update(place, table, "", &body()?),
            ("PUT", Some(key)) => self.update(place, table, key, &body()?),
            ("DELETE", Some(key)) => self.delete(place, table, key),
            _ => Err(No::Status(405)),
        }
    }

    fn open_transactions(&self) -> MutexGuard<'_, BTreeMap<u64, Transaction>> {
        self.transactions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins, ends and takes back transactions.
    fn transaction(&self, route: &Route, body: &Bytes) -> Reply {
        if route.method != "POST" {
            return self.plain(route, 405);
        }
        let asked: Json = serde_json::from_slice(body).unwrap_or(Json::Null);
        let now = self.truth.elapsed();
        let frame = self.frame(route, ("", ""));
        let mut transactions = self.open_transactions();
        transactions.retain(|_, transaction| transaction.ends > now);
        let named = asked.get("transaction_id").and_then(Json::as_u64);
        let results = match route.given("action") {
            Some("transaction-start") => {
                let timeout = asked.get("timeout").and_then(Json::as_u64).unwrap_or(60);
                let number = transactions.keys().next_back().map_or(1, |last| last + 1);
                let ends = now + Duration::from_secs(timeout.clamp(1, 3600));
                transactions.insert(number, Transaction { ops: Vec::new(), ends, vdom: frame.vdom.to_owned() });
                json!({"transaction_id": number})
            }
            Some(action @ ("transaction-commit" | "transaction-abort")) => {
                let Some(transaction) = named.and_then(|number| transactions.remove(&number)) else {
                    return self.plain(route, 400);
                };
                if action == "transaction-commit"
                    && let Err(refusal) = self.firewall.apply_all(&transaction.ops)
                {
                    let (status, more) = error(&No::Refused(refusal), self);
                    return Reply::json(status, &frame.wrap(status, more));
                }
                json!({"transaction_id": named})
            }
            _ => return self.plain(route, 424),
        };
        Reply::json(StatusCode::OK, &frame.wrap(StatusCode::OK, json!({"results": results})))
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

#[cfg(test)]
mod tests;
