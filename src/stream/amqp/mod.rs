//! A queue behind AMQP 0-9-1 over TLS.
//!
//! One [`open`](Source::open) is one try: whoever calls waits and tries again. The library's own recovery stays off, as it
//! hides that deliveries were lost sight of.

use std::{collections::VecDeque, fmt, io, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use lapin::{
    Acker, AsyncTcpStream, Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo},
};
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use self::transport::{Fuse, Io, Kit};
use super::source::{Consumer, Delivery, Source, SourceError, SourceErrorKind};
use crate::{
    http::{ClientError, Trust, tls_config},
    secret::Secret,
};

mod judge;
mod transport;

/// The time that one try to connect may take, from the name to the first delivery.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often both sides say that they live. Twice that without a word is a dead connection.
pub const HEARTBEAT: Duration = Duration::from_secs(20);

/// The time that an orderly end may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The library may keep somebody waiting for ever on a connection that has ended in just that moment. It is given so many
/// heartbeats: the broker's silence itself is noticed after two.
const HEARTBEATS: u32 = 4;

/// The longest frame, in bytes; a longer body comes in several. The library makes room for 64 of them a connection, and would
/// follow the broker if nothing were said here: usually to 128 KiB, without a limit to whatever it can count.
const FRAME: u32 = 32 * 1024;

/// A broker that hangs up on the credentials may be going down; one that does it so often refuses them.
const HANG_UPS: u32 = 3;

/// Where the queue is, and how to come to it.
#[derive(Clone, Debug)]
pub struct AmqpOptions {
    /// The broker's name or address.
    pub host: String,
    /// Its port, 443 as a rule.
    pub port: u16,
    /// Who signs in.
    pub user: String,
    /// With what.
    pub password: Secret,
    /// The queue. It is there already; nothing is declared here.
    pub queue: String,
    /// How the broker's certificate is trusted.
    pub trust: Trust,
    /// Whether to be the only consumer, or none.
    pub exclusive: bool,
    /// Without TLS: to a broker on this machine only, for tests.
    pub plain: bool,
    /// The time that one try to connect may take.
    pub connect_timeout: Duration,
    /// How often both sides say that they live.
    pub heartbeat: Duration,
}

/// A queue behind AMQP.
#[derive(Debug)]
pub struct AmqpSource {
    options: AmqpOptions,
    tls: Arc<rustls::ClientConfig>,
    hang_ups: u32,
}

impl AmqpSource {
    /// Prepares; nothing is dialled.
    ///
    /// # Errors
    ///
    /// When a file of certificates cannot be read, or the TLS library cannot be set up.
    pub fn new(options: AmqpOptions) -> Result<Self, ClientError> {
        let tls = Arc::new(tls_config(&options.trust)?);
        Ok(Self { options, tls, hang_ups: 0 })
    }

    async fn transport(&self) -> Result<(Io, Fuse), SourceError> {
        let AmqpOptions { host, port, .. } = &self.options;
        if self.options.plain && !is_this_machine(host) {
            let text = "a broker elsewhere is not spoken to without TLS".to_owned();
            return Err(SourceError { kind: SourceErrorKind::Refused, text });
        }
        let (tcp, fuse) = transport::dial(host, *port).await.map_err(|error| judge::dial(&error, host, *port))?;
        let io = if self.options.plain {
            Io::plain(tcp)
        } else {
            Io::tls(host, tcp, Arc::clone(&self.tls)).await.map_err(|error| judge::handshake(&error))?
        };
        Ok((io, fuse))
    }

    async fn sign_in(&mut self, io: Io) -> Result<Connection, SourceError> {
        let progress = io.progress();
        let once = std::sync::Mutex::new(Some(AsyncTcpStream::Plain(io.compat())));
        let connect = async move |_: AMQPUri, _| {
            let stream = once.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            stream.ok_or_else(|| io::Error::other("this connection has ended").into())
        };
        let properties = ConnectionProperties::default().with_connection_name("edrctl".into());
        let runtime = async_rs::Runtime::new(Kit::current());
        #[expect(clippy::disallowed_methods, reason = "this is the place that dials")]
        let signed_in = Connection::connector(self.uri(), runtime, connect, properties).await;
        match signed_in {
            Ok(connection) => {
                self.hang_ups = 0;
                Ok(connection)
            }
            Err(error) if judge::is_hang_up(&error) && progress.ends_at_credentials() => {
                self.hang_ups += 1;
                Err(judge::hung_up(self.hang_ups >= HANG_UPS))
            }
            Err(error) => Err(judge::sign_in(&error)),
        }
    }

    fn uri(&self) -> AMQPUri {
        let options = &self.options;
        AMQPUri {
            // The transport stands, so this only says that nobody is to wrap it in TLS again.
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: options.user.clone(),
                    password: options.password.expose().to_owned(),
                },
                host: options.host.clone(),
                port: options.port,
            },
            vhost: "/".to_owned(),
            query: AMQPQueryString {
                heartbeat: Some(u16::try_from(options.heartbeat.as_secs()).unwrap_or(u16::MAX)),
                frame_max: Some(FRAME),
                ..AMQPQueryString::default()
            },
        }
    }

    async fn consume(&self, connection: &Connection, prefetch: u16) -> Result<(Channel, lapin::Consumer), SourceError> {
        let queue: ShortString = self.options.queue.as_str().into();
        let channel = connection.create_channel().await.map_err(|error| judge::ended(&error))?;
        channel.queue_declare(queue.clone(), PASSIVE, FieldTable::default()).await.map_err(|e| judge::declare(&e))?;
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(|error| judge::ended(&error))?;
        let options = BasicConsumeOptions { exclusive: self.options.exclusive, ..BasicConsumeOptions::default() };
        let consumer = channel
            .basic_consume(queue, "edrctl".into(), options, FieldTable::default())
            .await
            .map_err(|error| judge::consume(&error))?;
        Ok((channel, consumer))
    }

    async fn try_open(&mut self, prefetch: u16, fuse: &mut Option<Fuse>) -> Result<AmqpConsumer, SourceError> {
        let (io, cut) = self.transport().await?;
        *fuse = Some(cut);
        let connection = self.sign_in(io).await?;
        let (channel, consumer) = self.consume(&connection, prefetch).await?;
        Ok(AmqpConsumer {
            queue: self.options.queue.as_str().into(),
            connection,
            channel,
            consumer,
            taken: VecDeque::with_capacity(usize::from(prefetch)),
            ended: None,
            patience: self.options.heartbeat * HEARTBEATS,
            fuse: fuse.take(),
        })
    }
}

/// What the console's own consumers declare: that the queue is there, and outlives the broker.
const PASSIVE: QueueDeclareOptions =
    QueueDeclareOptions { passive: true, durable: true, exclusive: false, auto_delete: false, nowait: false };

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[async_trait]
impl Source for AmqpSource {
    async fn open(&mut self, prefetch: u16) -> Result<Box<dyn Consumer>, SourceError> {
        let limit = self.options.connect_timeout;
        // Dropped on every way out but the good one: lapin's thread waits on the socket for as long as that is open.
        let mut fuse = None;
        match tokio::time::timeout(limit, self.try_open(prefetch, &mut fuse)).await {
            Ok(consumer) => Ok(Box::new(consumer?)),
            Err(_) => Err(judge::unreachable(format!("no connection within {} s", limit.as_secs()))),
        }
    }
}

/// One connection that consumes.
struct AmqpConsumer {
    queue: ShortString,
    connection: Connection,
    channel: Channel,
    consumer: lapin::Consumer,
    /// The means to acknowledge what was delivered and is not acknowledged yet, oldest first.
    taken: VecDeque<(u64, Acker)>,
    /// What ended it, once something has.
    ended: Option<Over>,
    /// How long an answer of the library is awaited.
    patience: Duration,
    /// Cuts the socket off when this is dropped.
    fuse: Option<Fuse>,
}

/// How deliveries end.
#[derive(Clone, Debug)]
enum Over {
    Failed(SourceError),
    /// Without an error: the broker has called the consumer off, and has not said why.
    CalledOff,
}

impl fmt::Debug for AmqpConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpConsumer").field("queue", &self.queue).field("taken", &self.taken.len()).finish()
    }
}

impl AmqpConsumer {
    fn take(&mut self, next: Option<lapin::Result<lapin::message::Delivery>>) -> Option<Delivery> {
        match next {
            Some(Ok(delivery)) => {
                self.taken.push_back((delivery.delivery_tag, delivery.acker));
                Some(Delivery {
                    tag: delivery.delivery_tag,
                    redelivered: delivery.redelivered,
                    body: Bytes::from(delivery.data),
                })
            }
            Some(Err(error)) => {
                self.ended = Some(Over::Failed(judge::ended(&error)));
                None
            }
            None => {
                self.ended = Some(Over::CalledOff);
                None
            }
        }
    }

    async fn in_time<T>(&self, asked: impl Future<Output = T>) -> Result<T, SourceError> {
        let late = |_| judge::unreachable(format!("no answer within {} s", self.patience.as_secs()));
        tokio::time::timeout(self.patience, asked).await.map_err(late)
    }

    async fn why(&mut self, over: Over) -> SourceError {
        let error = match over {
            Over::Failed(error) => error,
            Over::CalledOff => match self.waiting().await {
                Ok(_) => judge::unreachable("the broker has called the consumer off; the queue is there".to_owned()),
                Err(error) => error,
            },
        };
        self.ended = Some(Over::Failed(error.clone()));
        error
    }
}

#[async_trait]
impl Consumer for AmqpConsumer {
    async fn next(&mut self) -> Result<Delivery, SourceError> {
        loop {
            if let Some(over) = self.ended.clone() {
                return Err(self.why(over).await);
            }
            let next = self.consumer.next().await;
            if let Some(delivery) = self.take(next) {
                return Ok(delivery);
            }
        }
    }

    fn ready(&mut self) -> Option<Delivery> {
        if self.ended.is_some() {
            return None;
        }
        let next = self.consumer.next().now_or_never()?;
        self.take(next)
    }

    async fn acknowledge(&mut self, tag: u64) -> Result<(), SourceError> {
        let mut last = None;
        while self.taken.front().is_some_and(|(taken, _)| *taken <= tag) {
            last = self.taken.pop_front();
        }
        let Some((_, acker)) = last.filter(|(taken, _)| *taken == tag) else {
            return Err(judge::unreachable(format!("delivery {tag} is not one to be acknowledged")));
        };
        match self.in_time(acker.ack(BasicAckOptions { multiple: true })).await? {
            Ok(true) => Ok(()),
            // The channel had ended before. What has ended it is told by the deliveries, if anybody has told.
            Ok(false) => {
                while self.ended.is_none() && self.ready().is_some() {}
                Err(match self.ended.clone() {
                    Some(over) => self.why(over).await,
                    None => judge::unreachable("the connection ended before the acknowledgement".to_owned()),
                })
            }
            Err(error) => Err(judge::ended(&error)),
        }
    }

    async fn waiting(&mut self) -> Result<u64, SourceError> {
        let asked = self.channel.queue_declare(self.queue.clone(), PASSIVE, FieldTable::default());
        let asked = self.in_time(asked).await?;
        Ok(asked.map_err(|error| judge::declare(&error))?.message_count().into())
    }

    async fn close(mut self: Box<Self>) {
        // Nothing depends on it: without these words the broker finds the socket closed, a moment later.
        drop(tokio::time::timeout(CLOSE_TIMEOUT, self.connection.close(200, "done".into())).await);
        self.fuse = None;
    }
}

#[cfg(test)]
mod tests;
