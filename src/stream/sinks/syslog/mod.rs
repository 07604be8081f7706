//! Events to a syslog receiver: over TCP or TLS with counted octets (RFC 6587, RFC 5425), or over UDP (RFC 5426).
//!
//! # What kept means here
//!
//! Syslog has no acknowledgement. A batch is kept once its last byte was handed to the connection and flushed: the
//! system may hold it for a moment still, and a receiver that dies with it has lost it. Two things make that seldom. A
//! receiver that has closed the connection is noticed before a batch is written, and after any broken connection the
//! batch before the one at hand is sent once more. So a receiver may see a batch twice; an event's id tells. Who must
//! not lose a line to a crash of the receiver adds a file sink.
//!
//! Over UDP nothing is known at all. A datagram that exceeds the limit is cut, with a mark at its end.
//!
//! A receiver that does not read holds the batch back, and with it the acknowledgements.

mod connection;
mod message;

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::FutureExt as _;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UdpSocket,
    time::timeout,
};

use self::connection::{Stream, connect, connect_udp};
use super::{Kept, Position, Sink, SinkError, Then};
use crate::stream::{
    envelope::Format,
    event::ConsoleEvent,
    place::{Place, Transport},
};

/// The facility `local0`.
pub const LOCAL0: u8 = 16;

/// The longest datagram, if nothing else is said: what common receivers take.
pub const DATAGRAM: usize = 8192;

/// Where a syslog receiver is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct SyslogOptions {
    /// A name or an address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub link: Link,
    /// What the message is.
    pub format: Format,
    /// The facility, up to 23.
    pub facility: u8,
    /// The time for a connection, and the time within which the receiver must take something.
    pub timeout: Duration,
}

/// How a syslog receiver is spoken to.
#[derive(Clone, Debug)]
pub enum Link {
    /// In the clear.
    Tcp,
    /// Encrypted; this says what is trusted.
    Tls(Arc<ClientConfig>),
    /// In datagrams of at most this many bytes.
    Udp(usize),
}

/// Sends events to a syslog receiver.
#[derive(Debug)]
pub struct SyslogSink {
    name: String,
    options: SyslogOptions,
    open: Option<Open>,
    /// The batch before the one at hand, as it was sent. It goes again after a broken connection.
    last: Vec<u8>,
    /// The last batch may not have arrived whole.
    doubtful: bool,
}

#[derive(Debug)]
enum Open {
    Stream(Stream),
    Datagrams(UdpSocket),
}

impl SyslogSink {
    /// A sink for this receiver. Nothing is connected before [`Sink::begin`].
    pub fn new(options: SyslogOptions) -> Self {
        let transport = match options.link {
            Link::Tcp => Transport::Tcp,
            Link::Tls(_) => Transport::Tls,
            Link::Udp(_) => Transport::Udp,
        };
        let name = Place::Syslog { transport, host: options.host.clone(), port: options.port }.to_string();
        Self { name, options, open: None, last: Vec::new(), doubtful: false }
    }

    fn again(&self, error: &io::Error) -> SinkError {
        // The name does not match the certificate, or it is not trusted: no wait helps with that.
        let certificate = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let stop = matches!(certificate, Some(rustls::Error::InvalidCertificate(_)));
        let then = if stop || error.kind() == io::ErrorKind::InvalidInput { Then::Stop } else { Then::Again(None) };
        SinkError { text: format!("send to {}: {error}", self.name), then }
    }

    async fn open(&self) -> io::Result<Open> {
        let SyslogOptions { host, port, timeout, .. } = &self.options;
        Ok(match &self.options.link {
            Link::Tcp => Open::Stream(connect(host, *port, None, *timeout).await?),
            Link::Tls(config) => Open::Stream(connect(host, *port, Some(config), *timeout).await?),
            Link::Udp(_) => Open::Datagrams(connect_udp(host, *port, *timeout).await?),
        })
    }

    async fn send(&mut self, messages: &[Vec<u8>]) -> io::Result<()> {
        let open = match self.open.take() {
            Some(Open::Stream(mut stream)) => {
                if is_gone(&mut stream) {
                    self.doubtful = true;
                    self.open().await?
                } else {
                    Open::Stream(stream)
                }
            }
            Some(open) => open,
            None => self.open().await?,
        };
        match open {
            Open::Datagrams(socket) => {
                for message in messages {
                    socket.send(message).await?;
                }
                self.open = Some(Open::Datagrams(socket));
            }
            Open::Stream(mut stream) => {
                let frames = frames(messages);
                let doubtful = std::mem::replace(&mut self.doubtful, true);
                if doubtful {
                    write(&mut stream, &self.last, self.options.timeout).await?;
                }
                write(&mut stream, &frames, self.options.timeout).await?;
                self.last = frames;
                self.doubtful = false;
                self.open = Some(Open::Stream(stream));
            }
        }
        Ok(())
    }
}

/// Each message with its length before it.
fn frames(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut frames = Vec::with_capacity(messages.iter().map(|message| message.len() + 8).sum());
    for message in messages {
        frames.extend_from_slice(message.len().to_string().as_bytes());
        frames.push(b' ');
        frames.extend_from_slice(message);
    }
    frames
}

/// Whether the receiver has closed the connection. What it says otherwise is of no meaning.
fn is_gone(stream: &mut Stream) -> bool {
    let mut said = [0; 512];
    loop {
        match stream.read(&mut said).now_or_never() {
            None => return false,
            Some(Ok(0) | Err(_)) => return true,
            Some(Ok(_)) => {}
        }
    }
}

/// Writes all of it. However slowly the receiver reads, it must take something within the limit.
async fn write(stream: &mut Stream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the receiver takes nothing");
    while !bytes.is_empty() {
        let size = timeout(limit, stream.write(bytes)).await.map_err(late)??;
        if size == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(size..).unwrap_or_default();
    }
    timeout(limit, stream.flush()).await.map_err(late)?
}

#[async_trait]
impl Sink for SyslogSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&mut self, _: Option<&Position>) -> Result<(), SinkError> {
        // A wrong name or certificate is told before the first event is taken.
        self.open = Some(self.open().await.map_err(|error| self.again(&error))?);
        Ok(())
    }

    async fn keep(&mut self, batch: &[ConsoleEvent]) -> Result<Kept, SinkError> {
        if batch.is_empty() {
            return Ok(Kept::default());
        }
        let most = if let Link::Udp(most) = self.options.link { most } else { usize::MAX };
        let messages: Vec<Vec<u8>> = batch
            .iter()
            .map(|event| {
                let mut message = Vec::with_capacity(event.body.len() + 128);
                message::write(event, self.options.format, self.options.facility, &mut message);
                message::cut(&mut message, most);
                message
            })
            .collect();
        self.send(&messages).await.map_err(|error| self.again(&error))?;
        Ok(Kept::default())
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        if let Some(Open::Stream(mut stream)) = self.open.take() {
            let closed = timeout(self.options.timeout, stream.shutdown()).await;
            closed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| self.again(&error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
