//! A console that does as a script tells it, and remembers what it was asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    domain::{
        action::{Action, ActionKind, Observed, Target},
        failure::FailureKind,
        host::{Abilities, Host, HostId, HostState, Isolation},
        id::Ticket,
    },
    vendors::{
        Ack, Again, Answer, Capabilities, Capability, Completion, Cursor, Inventory, Meta, Page, Progress,
        QuotaReading, Recalled, Repeat, Reply, Stage, Tenant, Vendor, VendorError,
    },
};

/// A host to which everything can be done.
const ABLE: Abilities = Abilities { isolate: Some(true), release: Some(true) };

/// The host of a target's number.
pub(crate) fn id(n: u32) -> HostId {
    HostId::new(format!("host-{n}"))
}

/// The number of the target whose host this is.
pub(crate) fn number(id: &HostId) -> u32 {
    id.as_str().strip_prefix("host-").unwrap().parse().unwrap()
}

pub(crate) fn state(isolation: Isolation) -> HostState {
    let word = match isolation {
        Isolation::NotIsolated => "not_isolated",
        Isolation::Isolating => "pending_start",
        Isolation::Isolated => "isolated",
        Isolation::Releasing => "pending_stop",
        Isolation::Blocked => "blocked",
        Isolation::NotBlocked => "not_blocked",
        Isolation::Unknown | Isolation::NotTold => "hibernating",
    };
    HostState { isolation, word: word.into() }
}

pub(crate) fn observed(isolation: Isolation) -> Observed {
    Observed::State { state: state(isolation), able: ABLE, last_seen: Some("yesterday".into()) }
}

pub(crate) fn host(id: HostId, isolation: Isolation) -> Host {
    Host {
        aliases: Box::default(),
        caution: None,
        online: None,
        unable: None,
        id,
        name: None,
        addresses: Vec::new(),
        more_addresses: false,
        macs: Vec::new(),
        state: Some(state(isolation)),
        able: ABLE,
        last_seen: None,
        os: None,
        group: None,
        domain: None,
        product: None,
    }
}

pub(crate) fn accepted() -> Reply {
    Ok(Ack::Accepted(Ticket::default()))
}

pub(crate) fn ticket() -> Ticket {
    Ticket(Some("7".into()))
}

pub(crate) fn error(kind: FailureKind, again: Again) -> VendorError {
    VendorError::new(kind, format!("it says {}", kind.word()), again)
}

/// How the console answers one request.
pub(crate) enum Play<T> {
    /// So, after the usual time.
    Answer(Result<T, VendorError>),
    /// So, after this time.
    After(Duration, Result<T, VendorError>),
    /// With a bug of ours.
    Panic,
    /// Never.
    Silence,
}

type Submits = dyn FnMut(&mut World, ActionKind, &[HostId]) -> Play<Vec<Reply>> + Send;
type Observes = dyn FnMut(&mut World, &[HostId]) -> Play<Vec<Observed>> + Send;
type Polls = dyn FnMut(&mut World, &[HostId]) -> Play<Vec<Progress>> + Send;
type Recalls = dyn FnMut(&mut World, &[HostId]) -> Play<Vec<Recalled>> + Send;
type Lists = dyn FnMut(&mut World, Option<&str>) -> Play<Page> + Send;

/// One request, as it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) what: What,
    pub(crate) at: Instant,
    pub(crate) hosts: Vec<HostId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Submit,
    /// A request that comes with the ticket of an earlier one.
    Finish,
    Poll,
    Recall,
    Observe,
    List,
    Check,
}

/// What is true of the hosts.
#[derive(Debug, Default)]
pub(crate) struct World {
    hosts: BTreeMap<HostId, (Isolation, Instant)>,
    /// How often a request was carried out for a host.
    pub(crate) deeds: BTreeMap<HostId, u32>,
    /// How long a host takes to arrive.
    pub(crate) arrives_after: Duration,
    /// Hosts that never do.
    pub(crate) away: BTreeSet<HostId>,
}

impl World {
    pub(crate) fn set(&mut self, id: &HostId, isolation: Isolation) {
        self.hosts.insert(id.clone(), (isolation, Instant::now()));
    }

    pub(crate) fn get(&self, id: &HostId) -> Isolation {
        let (isolation, since) = self.hosts.get(id).copied().unwrap_or((Isolation::NotIsolated, Instant::now()));
        let arrived = since.elapsed() >= self.arrives_after && !self.away.contains(id);
        match isolation {
            Isolation::Isolating if arrived => Isolation::Isolated,
            Isolation::Releasing if arrived => Isolation::NotIsolated,
            other => other,
        }
    }

    /// How long ago the host was last asked to change.
    pub(crate) fn since(&self, id: &HostId) -> Duration {
        self.hosts.get(id).map_or(Duration::MAX, |(_, since)| since.elapsed())
    }

    /// Carries a request out.
    pub(crate) fn deed(&mut self, kind: ActionKind, id: &HostId) {
        *self.deeds.entry(id.clone()).or_default() += 1;
        self.set(id, if kind == ActionKind::Isolate { Isolation::Isolating } else { Isolation::Releasing });
    }

    /// Takes every request and carries it out.
    /// How the work for a host stands, where it is asked after by a ticket.
    pub(crate) fn progress(&self, id: &HostId) -> Progress {
        let (stage, word) = match self.get(id) {
            Isolation::Isolated => (Stage::Done, "completed"),
            _ => (Stage::UnderWay, "pending"),
        };
        Progress { stage, word: word.into(), said: format!("it is {word}"), ticket: None }
    }

    pub(crate) fn recall(&self, id: &HostId) -> Recalled {
        if self.deeds.contains_key(id) { Recalled::There(ticket()) } else { Recalled::NotThere }
    }

    pub(crate) fn take(&mut self, kind: ActionKind, ids: &[HostId]) -> Play<Vec<Reply>> {
        ids.iter().for_each(|id| self.deed(kind, id));
        Play::Answer(Ok(ids.iter().map(|_| accepted()).collect()))
    }

    pub(crate) fn look(&self, ids: &[HostId]) -> Play<Vec<Observed>> {
        Play::Answer(Ok(ids.iter().map(|id| observed(self.get(id))).collect()))
    }

    /// A page of so many hosts; the cursor is the number of the first.
    pub(crate) fn page(&self, cursor: Option<&str>, size: usize) -> Page {
        let first: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let hosts: Vec<Host> =
            self.hosts.keys().skip(first).take(size).map(|id| host(id.clone(), self.get(id))).collect();
        let end = first + hosts.len();
        let next = (end < self.hosts.len()).then(|| Cursor(end.to_string().into()));
        Page { hosts, next, total: Some(self.hosts.len() as u64) }
    }
}

/// A window of so many requests, anchored at the first.
#[derive(Debug)]
struct Quota {
    limit: u64,
    window: Duration,
    began: Option<Instant>,
    used: u64,
}

struct Inner {
    world: World,
    log: Vec<Call>,
    quota: Option<Quota>,
    submit: Box<Submits>,
    observe: Box<Observes>,
    list: Box<Lists>,
    poll: Box<Polls>,
    recall: Box<Recalls>,
}

pub(crate) struct Fake {
    capabilities: Capabilities,
    latency: Duration,
    inner: Mutex<Inner>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").finish_non_exhaustive()
    }
}

/// The page size that the fake console declares and keeps to.
pub(crate) const PAGE: usize = 10;

impl Fake {
    /// A console on a good day: it takes one host at a time, and every host arrives at once.
    pub(crate) fn new() -> Self {
        Self::with(1, Repeat::Safe, Completion::Observed)
    }

    pub(crate) fn with(max_batch: usize, repeat: Repeat, completion: Completion) -> Self {
        let capability = Capability {
            max_batch: NonZeroUsize::new(max_batch).unwrap(),
            completion,
            repeat,
            ends_by_itself: None,
            recalls: completion == Completion::Polled,
        };
        let capabilities = Capabilities {
            console: "Fake",
            actions: BTreeMap::from([(ActionKind::Isolate, capability.clone()), (ActionKind::Unisolate, capability)]),
            max_observe: 1,
            max_find: 0,
            finds_ids: false,
            looks_ahead: false,
            looks_first: false,
            inventory: Inventory::Pages(NonZeroUsize::new(PAGE).unwrap()),
            max_in_flight: NonZeroUsize::new(8).unwrap(),
        };
        let inner = Inner {
            world: World::default(),
            log: Vec::new(),
            quota: None,
            submit: Box::new(|world, kind, ids| world.take(kind, ids)),
            observe: Box::new(|world, ids| world.look(ids)),
            list: Box::new(|world, cursor| Play::Answer(Ok(world.page(cursor, PAGE)))),
            poll: Box::new(|world, ids| Play::Answer(Ok(ids.iter().map(|id| world.progress(id)).collect()))),
            recall: Box::new(|world, ids| Play::Answer(Ok(ids.iter().map(|id| world.recall(id)).collect()))),
        };
        Self { capabilities, latency: Duration::from_millis(10), inner: Mutex::new(inner) }
    }

    pub(crate) fn on_submit(
        self,
        script: impl FnMut(&mut World, ActionKind, &[HostId]) -> Play<Vec<Reply>> + Send + 'static,
    ) -> Self {
        self.lock().submit = Box::new(script);
        self
    }

    pub(crate) fn on_observe(
        self,
        script: impl FnMut(&mut World, &[HostId]) -> Play<Vec<Observed>> + Send + 'static,
    ) -> Self {
        self.lock().observe = Box::new(script);
        self
    }

    pub(crate) fn on_list(self, script: impl FnMut(&mut World, Option<&str>) -> Play<Page> + Send + 'static) -> Self {
        self.lock().list = Box::new(script);
        self
    }

    pub(crate) fn on_poll(
        self,
        script: impl FnMut(&mut World, &[HostId]) -> Play<Vec<Progress>> + Send + 'static,
    ) -> Self {
        self.lock().poll = Box::new(script);
        self
    }

    pub(crate) fn on_recall(
        self,
        script: impl FnMut(&mut World, &[HostId]) -> Play<Vec<Recalled>> + Send + 'static,
    ) -> Self {
        self.lock().recall = Box::new(script);
        self
    }

    pub(crate) fn with_quota(self, limit: u64, window: Duration) -> Self {
        self.lock().quota = Some(Quota { limit, window, began: None, used: 0 });
        self
    }

    /// A console that lists every host in one answer.
    pub(crate) fn whole(mut self) -> Self {
        self.capabilities.inventory = Inventory::Whole;
        self.on_list(|world, cursor| {
            assert_eq!(cursor, None, "there is one page");
            Play::Answer(Ok(world.page(None, usize::MAX)))
        })
    }

    pub(crate) fn without_looks(mut self) -> Self {
        self.capabilities.max_observe = 0;
        self
    }

    /// So many hosts, on the network, that take so long to arrive where they are sent.
    pub(crate) fn with_hosts(self, hosts: u32, arrives_after: Duration) -> Self {
        {
            let world = &mut self.lock().world;
            world.arrives_after = arrives_after;
            (0..hosts).for_each(|n| world.set(&id(n), Isolation::NotIsolated));
        }
        self
    }

    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn world<T>(&self, read: impl FnOnce(&mut World) -> T) -> T {
        read(&mut self.lock().world)
    }

    pub(crate) fn calls(&self, what: What) -> Vec<Call> {
        self.lock().log.iter().filter(|call| call.what == what).cloned().collect()
    }

    /// Notes the call and counts it; a request above the quota is refused.
    fn enter(&self, what: What, hosts: Vec<HostId>) -> (Meta, Option<VendorError>) {
        let mut inner = self.lock();
        let now = Instant::now();
        inner.log.push(Call { what, at: now, hosts });
        let Some(quota) = &mut inner.quota else { return (Meta::default(), None) };
        if quota.began.is_none_or(|began| now >= began + quota.window) {
            quota.began = Some(now);
            quota.used = 0;
        }
        quota.used += 1;
        let left = quota.began.unwrap_or(now) + quota.window - now;
        let reading = QuotaReading {
            limit: Some(quota.limit),
            remaining: quota.limit.saturating_sub(quota.used),
            reset: Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)),
        };
        let meta = Meta { request_id: None, quota: Some(reading) };
        let refused = (quota.used > quota.limit)
            .then(|| error(FailureKind::Throttled, Again::Throttled(None)).with_meta(meta.clone()));
        (meta, refused)
    }

    async fn play<T>(
        &self,
        what: What,
        hosts: Vec<HostId>,
        script: impl FnOnce(&mut Inner, &[HostId]) -> Play<T>,
    ) -> Result<Answer<T>, VendorError> {
        let (meta, refused) = self.enter(what, hosts.clone());
        let play = match refused {
            Some(error) => Play::Answer(Err(error)),
            None => script(&mut self.lock(), &hosts),
        };
        let (latency, result) = match play {
            Play::Answer(result) => (self.latency, result),
            Play::After(latency, result) => (latency, result),
            // Without the message that a panic prints.
            Play::Panic => std::panic::resume_unwind(Box::new("a bug of ours, played")),
            Play::Silence => std::future::pending().await,
        };
        tokio::time::sleep(latency).await;
        result.map(|value| Answer { value, meta })
    }
}

#[async_trait]
impl Vendor for Fake {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Answer<Tenant>, VendorError> {
        let tenant = || Tenant { console: "https://fake.example".to_owned(), detail: None, clock_skew: None };
        self.play(What::Check, Vec::new(), |_, _| Play::Answer(Ok(tenant()))).await
    }

    async fn submit(&self, action: &Action, targets: &[Target]) -> Result<Answer<Vec<Reply>>, VendorError> {
        let ids = targets.iter().map(|target| target.id.clone()).collect();
        if targets.iter().all(|target| target.ticket.is_some()) {
            let done = |_: &mut Inner, ids: &[HostId]| Play::Answer(Ok(ids.iter().map(|_| accepted()).collect()));
            return self.play(What::Finish, ids, done).await;
        }
        self.play(What::Submit, ids, |inner, ids| (inner.submit)(&mut inner.world, action.kind, ids)).await
    }

    async fn poll(&self, _: &Action, targets: &[Target]) -> Result<Answer<Vec<Progress>>, VendorError> {
        let ids = targets.iter().map(|target| target.id.clone()).collect();
        self.play(What::Poll, ids, |inner, ids| (inner.poll)(&mut inner.world, ids)).await
    }

    async fn recall(&self, _: &Action, targets: &[Target]) -> Result<Answer<Vec<Recalled>>, VendorError> {
        let ids = targets.iter().map(|target| target.id.clone()).collect();
        self.play(What::Recall, ids, |inner, ids| (inner.recall)(&mut inner.world, ids)).await
    }

    async fn list(&self, cursor: Option<&Cursor>) -> Result<Answer<Page>, VendorError> {
        let cursor = cursor.map(|cursor| cursor.0.to_string());
        self.play(What::List, Vec::new(), |inner, _| (inner.list)(&mut inner.world, cursor.as_deref())).await
    }

    async fn observe(&self, targets: &[Target]) -> Result<Answer<Vec<Observed>>, VendorError> {
        let ids = targets.iter().map(|target| target.id.clone()).collect();
        self.play(What::Observe, ids, |inner, ids| (inner.observe)(&mut inner.world, ids)).await
    }
}
