//! Event streams: which there are, what each wants to hear, and the events that the fleet's isolations make.
//!
//! No timer runs for a host. What will come is kept in the order of its time, and one task sleeps until the first.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use rustls::ServerConfig;
use tokio::{sync::Notify, time::Instant};

use crate::simulator::{
    SimulatorError,
    amqp::{Broker, Queue, QueueCounts, Source},
    faults::{Faults, StreamFaults},
    guid::Guid,
    reachable,
    truth::{Outlook, Truth},
};

mod bodies;
mod event_types;
mod feed;
mod rest;

use bodies::{About, Bodies, LATER, OUTCOMES, Outcome};
pub(super) use event_types::ALL as EVENT_TYPES;
use event_types::EventType;

/// The event streams of a simulated console, and the broker that serves them.
#[derive(Debug)]
pub struct Streams {
    broker: Broker,
    address: SocketAddr,
    faults: StreamFaults,
    truth: Arc<Truth>,
    bodies: Arc<Bodies>,
    started: Instant,
    inner: Mutex<Inner>,
    /// Wakes the task that tells what is due.
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Inner {
    next_id: u64,
    streams: BTreeMap<u64, Stream>,
    due: BinaryHeap<Reverse<Due>>,
    /// When each host that is off the network came to be so.
    isolated: HashMap<u32, Instant>,
    outcomes: u64,
    /// How many detections the rate has brought.
    paced: u64,
}

/// One stream.
#[derive(Debug)]
struct Stream {
    name: String,
    /// Empty for all.
    event_types: BTreeSet<u32>,
    /// Empty for all.
    groups: BTreeSet<Guid>,
    queue: Arc<Queue>,
}

/// Something that will happen to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    guid: Guid,
    number: u32,
    kind: u32,
    /// Void if there were more requests for the host by then; for unlocking alone.
    requests: Option<u32>,
}

/// What somebody wants of a new stream.
#[derive(Clone, Debug, Default)]
pub struct NewStream {
    /// Its name.
    pub name: String,
    /// The types of events; all if empty.
    pub event_types: Vec<u32>,
    /// The ids of groups; all if empty.
    pub group_guids: Vec<String>,
}

/// What a consumer of a stream needs.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamAccess {
    /// The stream's id.
    pub id: u64,
    /// Who the consumer is.
    pub user_name: String,
    /// Its password.
    pub password: String,
    /// What it reads.
    pub queue_name: String,
}

impl fmt::Debug for StreamAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamAccess").field("id", &self.id).field("user_name", &self.user_name).finish_non_exhaustive()
    }
}

/// Why a stream cannot be as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It needs a name.
    #[error("Name can't be blank")]
    NoName,
    /// Another has the name.
    #[error("Name has already been taken")]
    NameTaken,
    /// There are as many as there may be.
    #[error("Maximum number of event streams reached")]
    TooMany,
    /// A type of event that the console does not have.
    #[error("Unknown event type: {0}")]
    UnknownType(String),
    /// A group that the console does not have.
    #[error("Unknown group: {0}")]
    UnknownGroup(String),
    /// The system gives no random numbers.
    #[error("No password could be made")]
    NoPassword,
}

impl Streams {
    /// Listens for consumers at a port of its own.
    pub(in crate::simulator) async fn start(
        listen: SocketAddr,
        tls: &ServerConfig,
        faults: &Faults,
        truth: Arc<Truth>,
        base_url: String,
    ) -> Result<Arc<Self>, SimulatorError> {
        let listen = SocketAddr::new(listen.ip(), 0);
        let broker = Broker::start(listen, tls, faults);
        let broker = broker.await.map_err(|source: io::Error| SimulatorError::Listen { listen, source })?;
        let bodies = Bodies::new(Arc::clone(&truth), base_url, faults.streams.rate, faults.streams.odd_events);
        // A stream of yesterday's console is not taken for one of today's.
        let next_id = 1000 + u64::from(getrandom::u32()? % 900_000);
        let streams = Arc::new(Self {
            address: reachable(broker.address()),
            broker,
            faults: faults.streams.clone(),
            truth,
            bodies: Arc::new(bodies),
            started: Instant::now(),
            inner: Mutex::new(Inner { next_id, ..Inner::default() }),
            wake: Arc::default(),
        });
        feed::start(&streams);
        Ok(streams)
    }

    /// Where the broker listens.
    pub const fn amqp_address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a stream, and fills it with the backlog of the faults file.
    ///
    /// # Errors
    ///
    /// [`StreamError`], as the console would refuse it.
    pub fn create(&self, wanted: &NewStream) -> Result<StreamAccess, StreamError> {
        let event_types = wanted.event_types.iter().copied().map(known_type).collect::<Result<_, _>>()?;
        let groups = wanted.group_guids.iter().map(|text| self.known_group(text)).collect::<Result<_, _>>()?;
        let mut inner = self.lock();
        inner.check_name(&wanted.name, None)?;
        if inner.streams.len() >= self.faults.limit {
            return Err(StreamError::TooMany);
        }
        let id = inner.next_id;
        let user_name = format!("{id}-{}", hexadecimal(20)?);
        let password = hexadecimal(self.faults.password_length)?;
        let queue_name = format!("event_stream_{id}");
        let queue = Arc::new(Queue::new(
            queue_name.clone(),
            user_name.clone(),
            password.clone(),
            wanted.name.clone(),
            self.faults.ttl.0,
            Arc::clone(&self.bodies) as Arc<_>,
        ));
        let stream = Stream { name: wanted.name.clone(), event_types, groups, queue };
        self.fill(&stream, 0, self.faults.backlog.into());
        self.broker.add(&stream.queue);
        inner.next_id += 1;
        inner.streams.insert(id, stream);
        Ok(StreamAccess { id, user_name, password, queue_name })
    }

    /// Puts an event with this body into a stream, whatever the stream wants to hear; whether there is such a stream.
    pub fn publish(&self, id: u64, body: impl Into<Bytes>) -> bool {
        let content = self.bodies.foreign(body.into());
        let queue = self.queue(id);
        if let Some(queue) = &queue {
            queue.publish([Source::Ready(Arc::new(content))]);
        }
        queue.is_some()
    }

    /// What became of a stream's events.
    pub fn counts(&self, id: u64) -> Option<QueueCounts> {
        self.queue(id).map(|queue| queue.counts())
    }

    /// The bodies that wait in a stream, in the order in which they would be delivered; all stay where they are.
    pub fn peek(&self, id: u64) -> Vec<Bytes> {
        self.queue(id).map(|queue| queue.peek()).unwrap_or_default()
    }

    /// The ids of the streams that there are.
    pub fn ids(&self) -> Vec<u64> {
        self.lock().streams.keys().copied().collect()
    }

    /// Deletes a stream: its consumers are cancelled, and its credentials are good for nothing; whether there was one.
    pub fn delete(&self, id: u64) -> bool {
        let stream = self.lock().streams.remove(&id);
        if let Some(stream) = &stream {
            self.broker.remove(&stream.queue);
        }
        stream.is_some()
    }

    /// Closes every consumer's connection with this code.
    pub fn close_connections(&self, code: u16, text: &str) {
        self.broker.close_all(code, text);
    }

    /// Cuts every consumer's connection, without the end that TLS asks for.
    pub fn cut_connections(&self) {
        self.broker.cut_all();
    }

    /// How many connections consumers have now.
    pub fn connections(&self) -> usize {
        self.broker.connections()
    }

    /// How many connections consumers ever made, refused ones included.
    pub fn connections_made(&self) -> u64 {
        self.broker.accepted()
    }

    /// A host was asked to change: tells of it once it has.
    pub(super) fn changed(&self, guid: Guid, isolate: bool) {
        let Some(outlook) = self.truth.outlook(guid, isolate) else { return };
        let Outlook { number, requests, settles, unlocks } = outlook;
        let mut inner = self.lock();
        if let Some((at, success)) = settles {
            let kind = match (isolate, success) {
                (true, true) => event_types::START_SUCCESS,
                (true, false) => event_types::START_FAILURE,
                (false, true) => event_types::STOP_SUCCESS,
                (false, false) => event_types::STOP_FAILURE,
            };
            inner.due.push(Reverse(Due { at, guid, number, kind, requests: None }));
        }
        if let Some(at) = unlocks {
            let kind = event_types::STOP_SUCCESS;
            inner.due.push(Reverse(Due { at, guid, number, kind, requests: Some(requests) }));
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// Takes no new consumer, and closes the connections that there are.
    pub(in crate::simulator) async fn stop(&self) {
        self.broker.stop().await;
    }

    /// Tells what is due; when the next thing is.
    fn tell(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut inner = self.lock();
        while inner.due.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(due)) = inner.due.pop() else { break };
            self.tell_one(&mut inner, &due);
        }
        let next = inner.due.peek().map(|Reverse(due)| due.at);
        [next, self.pace(&mut inner, now)].into_iter().flatten().min()
    }

    fn tell_one(&self, inner: &mut Inner, due: &Due) {
        let isolate = due.kind == event_types::START_SUCCESS;
        if let Some(requests) = due.requests
            && self.truth.outlook(due.guid, false).is_none_or(|outlook| outlook.requests != requests)
        {
            return;
        }
        let lasted = match due.kind {
            event_types::STOP_SUCCESS => {
                let since = inner.isolated.remove(&due.number).unwrap_or(self.started);
                Some(due.at.saturating_duration_since(since))
            }
            _ => None,
        };
        if isolate {
            inner.isolated.insert(due.number, due.at);
        }
        let about = About { host: due.number, kind: due.kind };
        let group = self.group(about.host);
        let mut wanting = inner.streams.values().filter(|stream| stream.wants(about.kind, group)).peekable();
        if wanting.peek().is_none() {
            return;
        }
        let content = Arc::new(self.bodies.outcome(OUTCOMES + inner.outcomes, &Outcome { about, lasted }));
        for stream in wanting {
            stream.queue.publish([Source::Ready(Arc::clone(&content))]);
        }
        inner.outcomes += 1;
    }

    /// Brings the detections that the rate has made due; when the next one is.
    fn pace(&self, inner: &mut Inner, now: Instant) -> Option<Instant> {
        let rate = u64::from(self.faults.rate);
        if rate == 0 {
            return None;
        }
        let passed = now.saturating_duration_since(self.started);
        let due = u64::try_from(passed.as_nanos() * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX);
        let (first, count) = (LATER + inner.paced, due.saturating_sub(inner.paced));
        for stream in inner.streams.values() {
            let fit = (first..first + count).filter(|number| self.fits(stream, *number));
            stream.queue.publish(fit.map(Source::MadeUp));
        }
        inner.paced = inner.paced.max(due);
        // One wake-up for several, where they come close together.
        let next = Duration::from_nanos((inner.paced + 1).saturating_mul(1_000_000_000) / rate);
        Some((self.started + next).max(now + Duration::from_millis(10)))
    }

    /// Fills a new stream with detections that it wants to hear of, as far as there are any.
    fn fill(&self, stream: &Stream, first: u64, count: u64) {
        if count == 0 {
            return;
        }
        // Some kind of detection, and some group, may never come.
        let tried = first..first.saturating_add(count.saturating_mul(200)).min(LATER);
        let fit = tried.filter(|number| self.fits(stream, *number));
        stream.queue.publish(fit.take(usize::try_from(count).unwrap_or(usize::MAX)).map(Source::MadeUp));
    }

    fn fits(&self, stream: &Stream, number: u64) -> bool {
        if let Some(about) = self.bodies.about(number) {
            let all = stream.groups.is_empty();
            return stream.wants_type(about.kind) && (all || stream.groups.contains(&self.group(about.host)));
        }
        false
    }

    fn group(&self, host: u32) -> Guid {
        self.truth.lock().fleet.group(host).guid
    }

    fn known_group(&self, text: &str) -> Result<Guid, StreamError> {
        let unknown = || StreamError::UnknownGroup(text.to_owned());
        let guid = Guid::parse(text).ok_or_else(unknown)?;
        let inner = self.truth.lock();
        let known = inner.fleet.all_groups().any(|group| group.guid == guid);
        known.then_some(guid).ok_or_else(unknown)
    }

    fn queue(&self, id: u64) -> Option<Arc<Queue>> {
        self.lock().streams.get(&id).map(|stream| Arc::clone(&stream.queue))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // A fault may have deleted one.
        inner.streams.retain(|_, stream| !stream.queue.is_deleted());
        inner
    }
}

impl Inner {
    /// Whether a stream may have this name.
    fn check_name(&self, name: &str, own: Option<u64>) -> Result<(), StreamError> {
        if name.trim().is_empty() {
            return Err(StreamError::NoName);
        }
        let taken = self.streams.iter().any(|(id, stream)| Some(*id) != own && stream.name == name);
        if taken { Err(StreamError::NameTaken) } else { Ok(()) }
    }
}

impl Stream {
    fn wants(&self, kind: u32, group: Guid) -> bool {
        self.wants_type(kind) && (self.groups.is_empty() || self.groups.contains(&group))
    }

    fn wants_type(&self, kind: u32) -> bool {
        self.event_types.is_empty() || self.event_types.contains(&kind)
    }
}

fn known_type(id: u32) -> Result<u32, StreamError> {
    EventType::find(id).map(|kind| kind.id).ok_or_else(|| StreamError::UnknownType(id.to_string()))
}

/// So many random hexadecimal digits.
fn hexadecimal(digits: usize) -> Result<String, StreamError> {
    let mut bytes = vec![0; digits.div_ceil(2)];
    getrandom::fill(&mut bytes).map_err(|_| StreamError::NoPassword)?;
    let mut text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    Ok(text)
}
