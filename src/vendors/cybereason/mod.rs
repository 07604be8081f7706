//! Cybereason EDR, its REST API, from 20.1 on, in the cloud and on premises.
//!
//! Login: a form gives a cookie, which is shared by all requests. See `session.rs`.
//!
//! Oddities, each of which this module must be right about:
//! - There is no 401. A dead session is a redirect to the login page, with a new cookie for nobody; whoever follows it reads
//!   a page with 200. A role that is missing may look the same.
//! - Every anonymous request is given a session cookie, so a cookie proves nothing.
//! - An isolation that is answered with 200 has been answered; a word for each sensor says what came of it, and one may be
//!   missing.
//! - A sensor has three ids. `pylumId` is the one that isolates; `<server>:<pylumId>` is taken for it.
//! - One machine leaves a sensor behind for each time it was installed; sensors that were put away are no hosts.
//! - Nobody says whether requests for sensors that are offline are kept.
//! - `offset` counts pages, and one client says rows.
//! - A filter that is not known is answered with 200 and no list.
//! - Texts of `MalOp`s are chosen by attackers.

use std::{collections::BTreeMap, fmt, num::NonZeroUsize, sync::atomic::AtomicBool};

use async_trait::async_trait;

use self::{
    session::{Draft, Sessions},
    totp::Key,
};
use crate::{
    domain::{
        action::{Action, ActionKind, Observed, Target, Thing},
        failure::FailureKind,
        host::Host,
        selector::{IdForm, Selector, is_unprintable},
    },
    http::{Client, Url},
    secret::Secret,
    vendors::{
        Advice, Again, Answer, Capabilities, Capability, Completion, Cursor, Driver, Inventory, Meta, Page, Preflight,
        Repeat, Reply, Takes, Tenant, Vendor, VendorError,
        indicators::{Asked, Connections, Extract, Route},
    },
};

mod answers;
pub mod config;
mod detection;
mod isolate;
mod loose;
mod machines;
mod malops;
mod query;
mod reputation;
mod rules;
mod sensors;
mod session;
mod totp;
mod wire;

/// The console's name for people.
const CONSOLE: &str = "Cybereason";

/// What is known of it before any of its settings are.
pub(super) const DRIVER: Driver = Driver {
    word: config::NAME,
    console: CONSOLE,
    acts_on: Thing::Host,
    id_form,
    section: || Box::new(config::CybereasonSection::default()),
    takes: Takes { detections: Some(detection::check_id), offline: true, indicators: true, ..Takes::NOTHING },
    advice: Advice {
        secret: "password",
        address_keys: "`url`",
        address_example: "https://acme.cybereason.net",
        of: |kind| match kind {
            FailureKind::CredentialsRefused => {
                Some("the same user name and password must work at the console's login page")
            }
            FailureKind::PasswordExpired => Some("renew it at the console's login page, then change the configuration"),
            FailureKind::SecondFactor => Some(
                "`totp_secret` is the key that the console showed once when the second factor was set up; check this \
                 machine's clock as well",
            ),
            FailureKind::SessionLost => Some(
                "something between here and the console may be taking cookies away; try the console with a browser",
            ),
            FailureKind::Forbidden => Some(
                "sensors need the role System Admin (and Sensor Admin L1 where sensors are grouped), investigations \
                 Analyst L1 or higher",
            ),
            FailureKind::Certificate => {
                Some("a console with a certificate of its own is trusted by `ca_file` or `certificate_sha256`")
            }
            _ => None,
        },
    },
};

/// Who asks.
#[derive(Clone)]
pub struct Account {
    /// The user, an address most often.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The key of the second factor.
    pub totp: Option<Key>,
}

impl fmt::Debug for Account {
    /// Without the user: whoever swaps it with the password must not find the password in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("totp", &self.totp.is_some()).finish_non_exhaustive()
    }
}

/// A Cybereason tenant, as one user sees it.
pub struct Cybereason {
    address: String,
    sessions: Sessions,
    capabilities: Capabilities,
    /// The `MalOp` that hosts are acted on for.
    malop: Option<String>,
    /// Whether the console has been seen not to know how to leave sensors out of a list.
    lists_all: AtomicBool,
    /// Whether the console has been seen not to know a direction that it has guessed.
    guesses_nothing: AtomicBool,
    /// Whether it has been seen not to know how to be asked for `MalOp`s up to a moment.
    bounds_nothing: AtomicBool,
    /// Whether the list of sensors has been refused to this user, who may investigate.
    by_machines: AtomicBool,
}

impl fmt::Debug for Cybereason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cybereason").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Hosts in a page of the inventory, and in one request that changes them.
const PAGE: NonZeroUsize = NonZeroUsize::new(sensors::PAGE).expect("more than none");
const BATCH: NonZeroUsize = NonZeroUsize::new(isolate::MOST).expect("more than none");

impl Cybereason {
    /// Makes the console's client; nothing is sent.
    pub fn new(
        client: Client,
        base: Url,
        account: Account,
        max_in_flight: NonZeroUsize,
        malop: Option<String>,
    ) -> Self {
        let many = Capability {
            max_batch: BATCH,
            completion: Completion::Observed,
            repeat: Repeat::Safe,
            ends_by_itself: None,
            recalls: false,
        };
        let capabilities = Capabilities {
            console: CONSOLE,
            actions: BTreeMap::from([(ActionKind::Isolate, many.clone()), (ActionKind::Unisolate, many)]),
            max_observe: sensors::MOST_FOUND,
            max_find: sensors::MOST_FOUND,
            finds_ids: false,
            looks_ahead: true,
            looks_first: true,
            inventory: Inventory::Pages(PAGE),
            max_in_flight,
        };
        Self {
            address: base.origin().ascii_serialization(),
            sessions: Sessions::new(client, base, account),
            capabilities,
            malop,
            lists_all: AtomicBool::new(false),
            guesses_nothing: AtomicBool::new(false),
            bounds_nothing: AtomicBool::new(false),
            by_machines: AtomicBool::new(false),
        }
    }

    /// The console's version, where it tells one.
    async fn version(&self) -> Result<Option<String>, VendorError> {
        let draft = Draft::get("rest/monitor/global/server/version/all");
        let asked = self.sessions.ask(&draft, |response| answers::content::<wire::Version>(response, false)).await;
        match asked {
            Ok(told) => Ok(told.data.and_then(|data| data.version.0)),
            // Not every role may know it; what counts comes next.
            Err(error) if matches!(error.failure().kind, FailureKind::Forbidden | FailureKind::Protocol) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The console says nothing beside its answers: no id of the request, no quota.
fn answer<T>(value: T) -> Answer<T> {
    Answer { value, meta: Meta::default() }
}

#[async_trait]
impl Vendor for Cybereason {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Answer<Tenant>, VendorError> {
        let version = self.version().await?;
        let counted = match self.sessions.ask(&sensors::one()?, sensors::judge).await {
            // An analyst may do with less, and is told so; who may not investigate either is refused as before.
            Err(error) if error.failure().kind == FailureKind::Forbidden && self.may_investigate().await => {
                self.take_other_way(error)?;
                None
            }
            counted => Some(counted?),
        };
        let organization =
            counted.iter().flat_map(|counted| &counted.sensors).find_map(|one| one.organization.as_str());
        let sensors = match &counted {
            Some(counted) => {
                counted.total.map(|total| if total == 1 { "1 sensor".to_owned() } else { format!("{total} sensors") })
            }
            None => Some(machines::NO_LIST.to_owned()),
        };
        let facts = [version.map(|version| format!("version {version}")), organization.map(str::to_owned), sensors];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let detail = (!facts.is_empty()).then(|| facts.join("; "));
        Ok(answer(Tenant { console: self.address.clone(), detail, clock_skew: None }))
    }

    async fn submit(&self, action: &Action, targets: &[Target]) -> Result<Answer<Vec<Reply>>, VendorError> {
        let draft = isolate::submit(action.kind, targets, self.malop.as_deref())?;
        self.sessions.ask(&draft, |response| isolate::judge(targets, response)).await.map(answer)
    }

    async fn list(&self, cursor: Option<&Cursor>) -> Result<Answer<Page>, VendorError> {
        self.page(cursor).await.map(answer)
    }

    async fn observe(&self, targets: &[Target]) -> Result<Answer<Vec<Observed>>, VendorError> {
        if targets.is_empty() || targets.len() > sensors::MOST_FOUND {
            let text = format!("one question is about 1 to {} hosts", sensors::MOST_FOUND);
            return Err(VendorError::new(FailureKind::Internal, text, Again::Never));
        }
        self.look(targets).await.map(answer)
    }

    async fn find(&self, selectors: &[Selector]) -> Result<Answer<Vec<Host>>, VendorError> {
        self.find_hosts(selectors).await.map(answer)
    }

    async fn detection(&self, id: &str) -> Result<Answer<Vec<Host>>, VendorError> {
        detection::check_id(id).map_err(|why| VendorError::new(FailureKind::BadRequest, why, Again::Never))?;
        self.hosts_of_malop(id).await.map(answer)
    }

    async fn preflight(&self, _more: Option<usize>) -> Result<Answer<Preflight>, VendorError> {
        rules::tell(self.sessions.ask(&rules::READ, rules::judge).await).map(answer)
    }

    fn indicators(&self) -> Option<&dyn Connections> {
        Some(self)
    }

    async fn close(&self) {
        self.sessions.close().await;
    }
}

#[async_trait]
impl Connections for Cybereason {
    async fn read(&self, asked: &Asked) -> Result<Answer<Extract>, VendorError> {
        let extract = match asked.route {
            Route::Malops => self.decided(asked).await?,
            Route::Reputation => self.connected_to(asked).await?,
        };
        Ok(answer(extract))
    }
}

/// The longest text that is taken for an id. The host's name is in it, which may be long; a selector holds it with the server's number.
const LONGEST_ID: usize = 900;

/// How every `pylumId` begins.
const PYLUM: &str = "PYLUMCLIENT_";

/// Tells a sensor's id from a name or an address: `PYLUMCLIENT_<organization>_<host>_<MAC>`, or the same behind the server's
/// number and a colon. What isolates is the former.
pub fn id_form(text: &str) -> IdForm {
    let begins = |text: &str, with: &str| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let behind = text.split_once(':').filter(|(server, rest)| {
        server.len() == 24 && server.bytes().all(|byte| byte.is_ascii_hexdigit()) && !rest.is_empty()
    });
    let (id, canonical) = match behind {
        Some((_, id)) => (id, Some(id.into())),
        None => (text, None),
    };
    if is_machine_guid(text) {
        return IdForm::Damaged("this is a machine's guid; sensors are named by `pylumId` or `sensorId`");
    }
    if begins(id, PYLUM) {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
        let parts = id.split('_').filter(|part| !part.is_empty()).count();
        return if id.len() > LONGEST_ID || !id.chars().all(plain) {
            IdForm::Damaged("a sensor's id has only letters, digits, `-`, `.` and `_`, and at most 900 of them")
        } else if parts < 4 || sensors::mac_of(id).is_none() {
            let how = "a sensor's id ends in `_` and the twelve hexadecimal digits of a MAC address";
            IdForm::DamagedUnlessSaid(how, canonical)
        } else {
            IdForm::Id(canonical)
        };
    }
    let may_be =
        !id.is_empty() && id.len() <= LONGEST_ID && !id.chars().any(|c| c.is_whitespace() || is_unprintable(c));
    if may_be { IdForm::IfSaid(canonical) } else { IdForm::NotAnId }
}

/// `-1203040506.1198775089551518743`: what other calls of this API know a machine by.
fn is_machine_guid(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = |part: &str| number(part.strip_prefix('-').unwrap_or(part));
    text.split_once('.').is_some_and(|(first, second)| second.len() >= 16 && unsigned(first) && unsigned(second))
}

#[cfg(test)]
mod tests;
