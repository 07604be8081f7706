//! Event streams: which there are, what each wants to hear, and the broker that serves them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    truth::Truth,
};

mod bodies;
mod event_types;
mod feed;
mod rest;

use bodies::Bodies;
pub(super) use event_types::ALL as EVENT_TYPES;
use event_types::EventType;
use feed::Due;

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

    /// Takes no new consumer, and closes the connections that there are.
    pub(in crate::simulator) async fn stop(&self) {
        self.broker.stop().await;
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
