//! Cisco Secure Endpoint (formerly AMP for Endpoints), REST API version 1.
//!
//! Login: HTTP Basic with the "3rd Party API Client ID" and its API key on every request; there is no session. The key
//! needs the scope "Read & Write". Version 3 of the API has no isolation, so its credentials are of no use here.
//!
//! Oddities, each of which this module must be right about:
//! - PUT and DELETE only queue a request, and the state in their answer may be the one from before it. It is never read.
//! - 409 says "it is so already" and "it is changing" alike; only a look tells them apart.
//! - `hostname[]` may match more or less than equality does, so names are resolved over the whole inventory.
//! - The external address of a computer is its gateway's: many computers share it, so it never names one.
//! - An unknown query parameter or body key is refused with 400: nothing is added "to be helpful".
//! - The quota counts every request, errors included; its headers have two spellings.

use std::{collections::BTreeMap, fmt, num::NonZeroUsize, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    domain::{
        action::{Action, ActionKind, Observed, Target, Thing},
        failure::FailureKind,
        guid,
        host::{Host, HostId},
        selector::{IdForm, Named, Selector},
    },
    http::{self, Client, HeaderValue, Request, Response, Url, header},
    secret::Secret,
    vendors::{
        Advice, Again, Answer, Capabilities, Capability, Completion, Cursor, Driver, Hidden, Inventory, Page, Repeat,
        Reply, Takes, Tenant, Vendor, VendorError, streams::EventStreams,
    },
};

mod requests;
mod streams;
mod wire;

/// The console's name for people.
const CONSOLE: &str = "Cisco Secure Endpoint";

/// What is known of it before any of its settings are.
pub(super) const DRIVER: Driver = Driver {
    word: config::NAME,
    console: CONSOLE,
    acts_on: Thing::Host,
    id_form,
    section: || Box::new(config::CiscoSection::default()),
    takes: Takes { unlock_code: true, event_streams: true, ..Takes::NOTHING },
    advice: Advice {
        secret: "API key",
        address_keys: "`region` or `base_url`",
        address_example: "https://api.eu.amp.cisco.com",
        of: |kind| match kind {
            FailureKind::CredentialsRefused => Some("a key of one region is not known in another"),
            FailureKind::Forbidden => Some("make one with the scope \"Read & Write\" in the console"),
            _ => None,
        },
    },
};

/// A Secure Endpoint console, as one API client sees it.
pub struct Cisco {
    client: Client,
    base: Url,
    authorization: HeaderValue,
    unlock_code: Option<Secret>,
    hidden: Hidden,
    capabilities: Capabilities,
}

impl Cisco {
    /// Makes the console's client. `base` has no `/v1`; a path before it, as a reverse proxy has, is kept.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the credentials cannot be put into a header.
    pub fn new(
        client: Client,
        base: Url,
        client_id: &str,
        api_key: &Secret,
        unlock_code: Option<Secret>,
        max_in_flight: NonZeroUsize,
    ) -> Result<Self, VendorError> {
        let pair = zeroize::Zeroizing::new(format!("{client_id}:{}", api_key.expose()));
        let encoded = zeroize::Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
        let basic = zeroize::Zeroizing::new(format!("Basic {}", *encoded));
        let mut authorization = HeaderValue::from_str(&basic).map_err(|_| {
            VendorError::stops_run(FailureKind::CredentialsRefused, "the credentials do not fit into a header")
        })?;
        authorization.set_sensitive(true);
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
            max_observe: 1,
            max_find: 0,
            finds_ids: true,
            looks_ahead: false,
            looks_first: false,
            inventory: Inventory::Pages(NonZeroUsize::new(requests::PAGE_SIZE).unwrap_or(NonZeroUsize::MIN)),
            max_in_flight,
        };
        let code = unlock_code.as_ref().map(Secret::expose);
        let hidden = Hidden::new([api_key.expose(), client_id, &encoded].into_iter().chain(code));
        Ok(Self { client, base, authorization, unlock_code, hidden, capabilities })
    }

    async fn send(&self, draft: requests::Draft, changes: bool) -> Result<Response, VendorError> {
        let mut request = Request::new(draft.method, draft.url);
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = draft.body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        http::send(&self.client, request).await.map_err(|error| requests::judge_silence(&error, changes))
    }

    /// Asks what changes nothing.
    async fn ask<T>(
        &self,
        draft: requests::Draft,
        judge: impl FnOnce(&Response) -> Result<T, VendorError>,
    ) -> Result<Answer<T>, VendorError> {
        self.exchange(draft, false, judge).await
    }

    /// Sends a draft and judges the answer, keeping what came beside it on both paths; no error that comes of it quotes our credentials.
    async fn exchange<T>(
        &self,
        draft: requests::Draft,
        changes: bool,
        judge: impl FnOnce(&Response) -> Result<T, VendorError>,
    ) -> Result<Answer<T>, VendorError> {
        let response = self.send(draft, changes).await.map_err(|error| error.without(&self.hidden))?;
        let mut meta = requests::meta(&response.headers);
        meta.request_id = meta.request_id.map(|id| self.hidden.scrub(&id).into());
        match judge(&response) {
            Ok(value) => Ok(Answer { value, meta }),
            Err(error) => Err(error.with_meta(meta).without(&self.hidden)),
        }
    }
}

impl fmt::Debug for Cisco {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cisco").field("base", &requests::console_address(&self.base)).finish_non_exhaustive()
    }
}

#[async_trait]
impl Vendor for Cisco {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Answer<Tenant>, VendorError> {
        let draft = requests::version(&self.base);
        let answer = self.ask(draft, |response| requests::judge_version(&self.base, response)).await?;
        Ok(answer.map(|tenant| Tenant { detail: tenant.detail.map(|detail| self.hidden.scrub(&detail)), ..tenant }))
    }

    async fn submit(&self, action: &Action, targets: &[Target]) -> Result<Answer<Vec<Reply>>, VendorError> {
        let target = only(targets)?;
        let unlock_code = self.unlock_code.as_ref().map(Secret::expose);
        let draft = requests::submit(&self.base, action, &target.id, unlock_code)?;
        let answer = self.exchange(draft, true, requests::judge_submit).await?;
        Ok(answer.map(|ack| vec![Ok(ack)]))
    }

    async fn list(&self, cursor: Option<&Cursor>) -> Result<Answer<Page>, VendorError> {
        let draft = requests::computers(&self.base, cursor)?;
        self.ask(draft, |response| requests::judge_computers(&self.base, response)).await
    }

    async fn find(&self, selectors: &[Selector]) -> Result<Answer<Vec<Host>>, VendorError> {
        let [selector] = selectors else {
            return Err(VendorError::new(FailureKind::Internal, "one host at a time", Again::Never));
        };
        let Named::Id(id) = selector.named() else { return Err(VendorError::unsupported("find a host by its name")) };
        let draft = requests::computer(&self.base, &HostId::new(Arc::clone(id)))?;
        Ok(self.ask(draft, requests::judge_computer).await?.map(|host| host.into_iter().collect()))
    }

    async fn observe(&self, targets: &[Target]) -> Result<Answer<Vec<Observed>>, VendorError> {
        let draft = requests::isolation(&self.base, &only(targets)?.id)?;
        Ok(self.ask(draft, requests::judge_isolation).await?.map(|observed| vec![observed]))
    }

    fn streams(&self) -> Option<&dyn EventStreams> {
        Some(self)
    }
}

/// The console takes computers singly, and says so in its capabilities.
fn only(targets: &[Target]) -> Result<&Target, VendorError> {
    match targets {
        [target] => Ok(target),
        _ => Err(VendorError::new(FailureKind::Internal, "one host at a time", Again::Never)),
    }
}

pub mod config;

/// Tells a connector GUID from a name or an address: 8-4-4-4-12 hexadecimal digits in either case.
pub fn id_form(text: &str) -> IdForm {
    guid::form(text, &[guid::USUAL])
}

#[cfg(test)]
mod id_tests;
#[cfg(test)]
mod tests;
