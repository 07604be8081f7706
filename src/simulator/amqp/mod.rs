//! A broker for AMQP 0-9-1 over TLS, as far as a consumer of event streams can tell it from a real one.
//!
//! Every queue has one user, who may only read it. Nobody publishes over the wire: events come from the console that
//! owns the queues. It keeps nothing on disk, and it knows nothing of what an event says.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::faults::{Faults, StreamDeed, StreamFaults};

mod channel;
mod connection;
mod frames;
mod message;
mod methods;
mod queue;
mod refusal;
mod script;
mod signal;

use connection::Connection;
pub(super) use message::{Content, Maker, Source};
pub(super) use queue::Queue;
pub use queue::QueueCounts;
use script::Script;
use signal::{Order, Signal};

/// Where events come from, as deliveries tell it.
const EXCHANGE: &str = "events_api_stream";

/// How long a client may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long connections may take to end when the broker stops.
const GRACE: Duration = Duration::from_secs(2);

/// A broker that runs until it is stopped or dropped.
#[derive(Debug)]
pub(super) struct Broker {
    address: SocketAddr,
    shared: Arc<Shared>,
    stopping: CancellationToken,
    abandoned: CancellationToken,
    tasks: TaskTracker,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    faults: StreamFaults,
    script: Script,
    /// By the names of their users.
    queues: Mutex<HashMap<String, Arc<Queue>>>,
    connections: Mutex<BTreeMap<u64, Arc<Signal>>>,
    accepted: AtomicU64,
}

impl Broker {
    /// Listens, and serves whoever comes.
    pub(super) async fn start(listen: SocketAddr, tls: &ServerConfig, faults: &Faults) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        // The protocols of HTTP are none that a broker speaks.
        let mut tls = tls.clone();
        tls.alpn_protocols.clear();
        let shared = Arc::new(Shared {
            faults: faults.streams.clone(),
            script: Script::new(&faults.stream_rules),
            queues: Mutex::default(),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
        });
        let broker = Self {
            address,
            shared,
            stopping: CancellationToken::new(),
            abandoned: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let accepting = Accepting {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            shared: Arc::clone(&broker.shared),
            stopping: broker.stopping.clone(),
            abandoned: broker.abandoned.clone(),
            tasks: broker.tasks.clone(),
        };
        broker.tasks.spawn(accepting.run());
        Ok(broker)
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves one more queue.
    pub(super) fn add(&self, queue: &Arc<Queue>) {
        self.shared.queues().insert(queue.user().to_owned(), Arc::clone(queue));
    }

    /// Serves a queue no longer: its consumers are cancelled, and its user is gone.
    pub(super) fn remove(&self, queue: &Queue) {
        self.shared.queues().remove(queue.user());
        queue.delete();
    }

    /// How many connections there are now.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections().len()
    }

    /// How many connections there were, refused ones included.
    pub(super) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Closes every connection with this code.
    pub(super) fn close_all(&self, code: u16, text: &str) {
        self.shared.order_all(&Order::Close(code, text.to_owned()));
    }

    /// Cuts every connection, without the end that TLS asks for.
    pub(super) fn cut_all(&self) {
        self.shared.order_all(&Order::Cut);
    }

    /// Takes no new connection, closes those that there are, and cuts what is left.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.close_all(320, "broker forced connection closure with reason 'shutdown'");
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            self.abandoned.cancel();
            self.tasks.wait().await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.abandoned.cancel();
    }
}

impl Shared {
    fn queues(&self) -> MutexGuard<'_, HashMap<String, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Signal>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order_all(&self, order: &Order) {
        for signal in self.connections().values() {
            signal.order(order.clone());
        }
    }

    fn has_queue(&self, name: &str) -> bool {
        self.queues().values().any(|queue| queue.name() == name && !queue.is_deleted())
    }

    /// The queue of whoever these words of `PLAIN` are from.
    fn log_in(&self, response: &[u8]) -> Option<Arc<Queue>> {
        // Whom to act for, who it is, the password; the first is empty as a rule.
        let mut parts = response.splitn(3, |byte| *byte == 0);
        let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
        let user = std::str::from_utf8(user).ok()?;
        self.queues().get(user).filter(|queue| queue.admits(password)).cloned()
    }
}

/// What accepts connections.
struct Accepting {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    stopping: CancellationToken,
    abandoned: CancellationToken,
    tasks: TaskTracker,
}

impl Accepting {
    async fn run(self) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = self.stopping.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => self.take(stream),
                // Out of file descriptors, most likely: the next try must not spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn take(&self, stream: TcpStream) {
        let shared = Arc::clone(&self.shared);
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
        if shared.script.connection(StreamDeed::NoTls, None) {
            return;
        }
        let signal = Arc::new(Signal::default());
        shared.connections().insert(number, Arc::clone(&signal));
        let guard = Listed { shared: Arc::clone(&shared), number };
        let (acceptor, abandoned) = (self.acceptor.clone(), self.abandoned.clone());
        self.tasks.spawn(async move {
            let _guard = guard;
            let served = async {
                if stream.set_nodelay(true).is_err() {
                    return;
                }
                let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
                if let Ok(Ok(stream)) = handshake.await {
                    Connection::new(shared, signal).run(stream).await;
                }
            };
            tokio::select! {
                () = served => {}
                () = abandoned.cancelled() => {}
            }
        });
    }
}

/// A connection in the list of all; leaves it when it ends.
struct Listed {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.shared.connections().remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
