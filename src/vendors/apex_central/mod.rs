//! Trend Micro Apex Central, Automation API version 1, on premises and as a Service.
//!
//! Login: there is none. Every request carries a token of its own, signed with the API key of an application that an
//! administrator has made under Automation API Access Settings. The token ages from the second in which it was signed, so
//! that is done here, after everything else has been waited for.
//!
//! Oddities, each of which this module must be right about:
//! - The signature is over the bytes that are sent, and not over the console's name. Nothing is built twice.
//! - The result code decides; HTTP 200 says nothing, and the same code may come with another status.
//! - The answer to a change shows the agent as it was before. Its state is never read; which agent it is for, always.
//! - A success with an empty list means that nothing was done.
//! - All selectors of a change are optional, and one without any might mean every agent: it cannot be built here.
//! - There are no pages: one answer lists every agent, with its state and what it can do.
//! - Whether filters mind the case of letters is not documented: an id is sent in the console's own spelling.
//! - A console may ignore a filter that it does not know, so whatever comes back is compared with what was asked for.
//! - One machine may be there once for each product, and names are cut off at fifteen characters.

use std::{
    collections::BTreeMap,
    fmt,
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

pub use self::auth::Signer;
use self::{
    answers::Refusal,
    auth::SigningClock,
    requests::{Draft, Sought},
};
use crate::{
    clock,
    domain::{
        action::{Action, ActionKind, Observed, Target, Thing},
        failure::FailureKind,
        guid,
        selector::{IdForm, is_unprintable},
    },
    http::{self, Client, HeaderValue, Request, Response, Url, header},
    secret::Secret,
    vendors::{
        Advice, Again, Answer, Capabilities, Capability, Completion, Cursor, Driver, Hidden, Inventory, Meta, Page,
        Repeat, Reply, Takes, Tenant, Vendor, VendorError,
    },
};

mod answers;
mod auth;
mod codes;
pub mod config;
mod loose;
mod requests;
mod wire;

/// The console's name for people.
const CONSOLE: &str = "Trend Micro Apex Central";

/// What is known of it before any of its settings are.
pub(super) const DRIVER: Driver = Driver {
    word: config::NAME,
    console: CONSOLE,
    acts_on: Thing::Host,
    id_form,
    section: || Box::new(config::ApexSection::default()),
    takes: Takes { product: true, cut_names: true, ..Takes::NOTHING },
    advice: Advice {
        secret: "API key",
        address_keys: "`url`",
        address_example: "https://apex.corp.example",
        of: |kind| match kind {
            FailureKind::CredentialsRefused | FailureKind::Forbidden => Some(
                "application id and key are in the console under Administration, Settings, Automation API Access Settings",
            ),
            FailureKind::ClockSkew => Some("set both clocks by the same time server"),
            FailureKind::Altered => Some("give the console's own address, not that of a proxy that rewrites requests"),
            FailureKind::Certificate => {
                Some("a console with a certificate of its own is trusted by `ca_file` or `certificate_sha256`")
            }
            _ => None,
        },
    },
};

/// An Apex Central console, as one application sees it.
pub struct ApexCentral {
    client: Client,
    base: Url,
    signer: Signer,
    hidden: Hidden,
    clock: SigningClock,
    product: Option<String>,
    /// Whether the console has been seen to ignore the filter by id.
    ignores_ids: AtomicBool,
    capabilities: Capabilities,
}

/// Who asks, and how.
#[derive(Clone)]
pub struct Application {
    /// The Application ID.
    pub id: String,
    /// Its API key.
    pub key: Secret,
    /// Whether requests may be signed for the console's clock where it differs from ours.
    pub corrects_clock: bool,
    /// The product whose agents are meant; any, if `None`.
    pub product: Option<String>,
}

impl fmt::Debug for Application {
    /// Without the id: whoever swaps it with the key must not find the key in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("corrects_clock", &self.corrects_clock)
            .field("product", &self.product)
            .finish_non_exhaustive()
    }
}

impl ApexCentral {
    /// Makes the console's client. `base` has no path: a proxy that adds one changes what was signed.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the product is not written like one.
    pub fn new(
        client: Client,
        base: Url,
        application: Application,
        max_in_flight: NonZeroUsize,
    ) -> Result<Self, VendorError> {
        if application.product.as_deref().is_some_and(|product| !requests::is_product(product)) {
            let text = "a product is a constant of the console, as in `SLF_PRODUCT_OFFICESCAN_CE`: letters, digits, `_`, \
                        `.` and `-`, at most 64 of them";
            return Err(VendorError::stops_run(FailureKind::BadRequest, text));
        }
        let one = Capability {
            max_batch: NonZeroUsize::MIN,
            completion: Completion::Observed,
            repeat: Repeat::Safe,
            ends_by_itself: None,
            recalls: false,
        };
        let capabilities = Capabilities {
            console: CONSOLE,
            actions: BTreeMap::from([(ActionKind::Isolate, one.clone()), (ActionKind::Unisolate, one)]),
            max_observe: MOST_OBSERVED,
            max_find: 0,
            finds_ids: false,
            looks_ahead: false,
            looks_first: false,
            inventory: Inventory::Whole,
            max_in_flight,
        };
        Ok(Self {
            client,
            base,
            signer: Signer::new(&application.id, &application.key),
            hidden: Hidden::new([application.key.expose(), &application.id]),
            clock: SigningClock::new(application.corrects_clock),
            product: application.product,
            ignores_ids: AtomicBool::new(false),
            capabilities,
        })
    }

    /// Asks one thing; no error that comes of it quotes our credentials.
    async fn ask<T>(
        &self,
        draft: Draft,
        judge: impl FnOnce(&Response) -> Result<T, Refusal>,
    ) -> Result<(T, Option<i64>), VendorError> {
        self.exchange(draft, judge).await.map_err(|error| error.without(&self.hidden))
    }

    /// Signs a draft, sends it and judges the answer; also measures how far the console's clock is ahead of ours.
    async fn exchange<T>(
        &self,
        draft: Draft,
        judge: impl FnOnce(&Response) -> Result<T, Refusal>,
    ) -> Result<(T, Option<i64>), VendorError> {
        let changes = draft.body.is_some();
        let limit = draft.limit;
        let stamp = self.clock.stamp();
        let request = self.signed(draft, stamp.iat)?;
        let response = http::send_up_to(&self.client, request, limit)
            .await
            .map_err(|error| answers::judge_silence(&error, changes))?;
        let ahead = stamp.console_ahead(&response.headers, clock::now());
        match judge(&response) {
            Ok(value) => Ok((value, ahead)),
            Err(Refusal::TooOld) => Err(self.clock.expired(stamp, ahead)),
            Err(Refusal::Error(error)) => Err(error),
        }
    }

    /// Makes the request and signs what it has become: the target is read off the very URL that is sent.
    fn signed(&self, draft: Draft, iat: i64) -> Result<Request, VendorError> {
        let Draft { method, url, body, .. } = draft;
        let mut request = Request::new(method, url);
        let target = target(request.url());
        let token = self.signer.token(request.method(), &target, &[], body.as_deref().unwrap_or_default(), iat)?;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, token);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }
}

/// Path and query, as they stand in the request's first line.
fn target(url: &Url) -> std::borrow::Cow<'_, str> {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()).into(),
        None => url.path().into(),
    }
}

impl fmt::Debug for ApexCentral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApexCentral").field("base", &requests::console_address(&self.base)).finish_non_exhaustive()
    }
}

/// The console says nothing beside its answers: no id of the request, no quota.
fn answer<T>(value: T) -> Answer<T> {
    Answer { value, meta: Meta::default() }
}

#[async_trait]
impl Vendor for ApexCentral {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Answer<Tenant>, VendorError> {
        let draft = requests::servers(&self.base);
        let (tenant, ahead) = self.ask(draft, |response| requests::judge_servers(&self.base, response)).await?;
        Ok(answer(Tenant { clock_skew: ahead, ..tenant }))
    }

    async fn submit(&self, action: &Action, targets: &[Target]) -> Result<Answer<Vec<Reply>>, VendorError> {
        let id = &only(targets)?.id;
        let draft = requests::submit(&self.base, action, id)?;
        let (ack, _) = self.ask(draft, |response| requests::judge_submit(id, response)).await?;
        Ok(answer(vec![Ok(ack)]))
    }

    async fn list(&self, cursor: Option<&Cursor>) -> Result<Answer<Page>, VendorError> {
        if cursor.is_some() {
            return Err(VendorError::new(FailureKind::Internal, "the list of agents has one page", Again::Never));
        }
        let product = self.product.as_deref();
        let draft = requests::agents(&self.base, product);
        let (page, _) = self.ask(draft, |response| requests::judge_agents(product, response)).await?;
        Ok(answer(page))
    }

    async fn observe(&self, targets: &[Target]) -> Result<Answer<Vec<Observed>>, VendorError> {
        if (2..=MOST_OBSERVED).contains(&targets.len()) {
            // One list tells of all of them; asked for singly, each would cost a request.
            let draft = requests::agents(&self.base, None);
            let (seen, _) = self.ask(draft, |response| requests::judge_several(targets, response)).await?;
            return Ok(answer(seen));
        }
        let id = &only(targets)?.id;
        let by_id = requests::can_be_asked_for(id) && !self.ignores_ids.load(Ordering::Relaxed);
        let draft = if by_id { requests::agent(&self.base, id) } else { requests::agents(&self.base, None) };
        match self.ask(draft, |response| requests::judge_agent(id, by_id, response)).await?.0 {
            Sought::Known(observed) => Ok(answer(vec![observed])),
            Sought::Unfiltered => {
                self.ignores_ids.store(true, Ordering::Relaxed);
                let text =
                    "the console was asked for one agent and answered for others; the whole list is asked for next";
                Err(VendorError::new(FailureKind::Protocol, text, Again::Backoff))
            }
        }
    }
}

/// How many agents one question may be about: as many as one list tells of, within reason.
const MOST_OBSERVED: usize = 1_000;

/// The console takes agents singly, and says so in its capabilities.
fn only(targets: &[Target]) -> Result<&Target, VendorError> {
    match targets {
        [target] => Ok(target),
        _ => Err(VendorError::new(FailureKind::Internal, "one host at a time", Again::Never)),
    }
}

/// The shape of ids in some of the vendor's examples, beside the usual one.
const REVERSED: guid::Shape = [12, 8, 4, 4, 4];

/// The longest text that is taken for an id.
const LONGEST_ID: usize = 128;

/// The agents that an answer lists, if it is a good list. Public so that the benchmark measures this and no copy of it.
pub fn agents_of(response: &Response) -> Option<Page> {
    requests::judge_agents(None, response).ok()
}

/// Tells an `entity_id` from a name or an address.
///
/// Ids are opaque to everyone but the console. Nearly all are GUIDs in one of two shapes; anything else is an id where it
/// is said to be one.
pub fn id_form(text: &str) -> IdForm {
    let canonical = || text.bytes().any(|b| b.is_ascii_uppercase()).then(|| text.to_ascii_lowercase().into());
    match guid::form(text, &[guid::USUAL, REVERSED]) {
        IdForm::NotAnId if may_be_an_id(text) => IdForm::IfSaid(canonical()),
        IdForm::Damaged(how) if may_be_an_id(text) => IdForm::DamagedUnlessSaid(how, canonical()),
        form => form,
    }
}

fn may_be_an_id(text: &str) -> bool {
    !text.is_empty()
        && text.chars().nth(LONGEST_ID).is_none()
        && !text.chars().any(|c| c.is_whitespace() || is_unprintable(c))
}

#[cfg(test)]
mod tests;
