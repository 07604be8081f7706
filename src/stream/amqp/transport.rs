//! The bytes below AMQP: one socket, TLS unless it is a test on this machine, and the means to cut it off.
//!
//! lapin wants to dial by itself; here it is handed a connection that stands. It has no TLS of its own in this program, so
//! that trust is judged in one place.

use std::{
    io,
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use async_rs::{
    Tokio,
    traits::{Executor, Reactor, RuntimeKit},
    util::{DummyIO, Task},
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    time::sleep,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::compat::Compat;

/// One connection to a broker.
#[derive(Debug)]
pub(super) struct Io {
    stream: Stream,
    progress: Progress,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How far the first words of a connection have come. Some brokers only hang up on credentials that they refuse.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

const SILENT: u8 = 0;
const GREETED: u8 = 1;
const ANSWERED: u8 = 2;
const HEARD: u8 = 3;

impl Progress {
    /// Whether the broker spoke, was sent the credentials, and never spoke again.
    pub(super) fn ends_at_credentials(&self) -> bool {
        self.0.load(Ordering::Relaxed) == ANSWERED
    }

    fn step(&self, from: u8, to: u8) {
        if self.0.load(Ordering::Relaxed) == from {
            self.0.store(to, Ordering::Relaxed);
        }
    }

    fn read(&self) {
        self.step(ANSWERED, HEARD);
        self.step(SILENT, GREETED);
    }

    fn written(&self) {
        self.step(GREETED, ANSWERED);
    }
}

/// Shuts a socket down when it is dropped: whoever waits on it ends, in whatever thread.
#[derive(Debug)]
pub(super) struct Fuse(std::net::TcpStream);

impl Drop for Fuse {
    fn drop(&mut self) {
        // An error says that it is down already.
        drop(self.0.shutdown(Shutdown::Both));
    }
}

/// Each further address of a name is tried so much later, whether or not the ones before it have answered: a route that
/// swallows packets must not use up the time of the others.
const HEAD_START: Duration = Duration::from_millis(100);

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut tries = FuturesUnordered::new();
    let mut later = Duration::ZERO;
    for address in lookup_host((host, port)).await? {
        tries.push(async move {
            sleep(later).await;
            TcpStream::connect(address).await
        });
        later += HEAD_START;
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    while let Some(tried) = tries.next().await {
        match tried {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Dials, without a word to the broker yet.
pub(super) async fn dial(host: &str, port: u16) -> io::Result<(TcpStream, Fuse)> {
    let tcp = connect(host, port).await?;
    tcp.set_nodelay(true)?;
    let tcp = tcp.into_std()?;
    let fuse = Fuse(tcp.try_clone()?);
    Ok((TcpStream::from_std(tcp)?, fuse))
}

impl Io {
    pub(super) fn plain(tcp: TcpStream) -> Self {
        Self { stream: Stream::Plain(tcp), progress: Progress::default() }
    }

    pub(super) async fn tls(host: &str, tcp: TcpStream, config: Arc<rustls::ClientConfig>) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, tcp).await?;
        Ok(Self { stream: Stream::Tls(Box::new(stream)), progress: Progress::default() })
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        };
        if buffer.filled().len() > before {
            this.progress.read();
        }
        read
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        };
        if matches!(written, Poll::Ready(Ok(count)) if count > 0) {
            this.progress.written();
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// The runtime as lapin sees it: tokio, but for connections, which are ours.
#[derive(Clone, Debug)]
pub(super) struct Kit(Tokio);

impl Kit {
    pub(super) fn current() -> Self {
        Self(Tokio::current())
    }
}

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        self.0.block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(&self, future: F) -> Task<Self::Task<T>> {
        self.0.spawn(future)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(&self, work: F) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(work)
    }
}

impl Reactor for Kit {
    type TcpStream = Compat<Io>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl futures_io::AsyncRead + futures_io::AsyncWrite + Send + Unpin + 'static> {
        Err::<DummyIO, _>(dials())
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.0.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl futures::Stream<Item = Instant> + Send + 'static {
        self.0.interval(time)
    }

    fn tcp_connect_addr(&self, _: SocketAddr) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(dials()))
    }
}

fn dials() -> io::Error {
    io::Error::other("a connection is made before lapin is asked")
}
