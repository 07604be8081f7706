//! Listens, speaks TLS and HTTP, and cuts connections when it is told to.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{payload::Payload, stats::Stats};

/// How long a client may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long requests under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// A console's logic, as the server needs it.
#[async_trait]
pub(super) trait Simulated: Send + Sync {
    /// Where requests and connections are counted.
    fn stats(&self) -> &Stats;

    /// Whether a connection has one request under way at the most: HTTP/1.1 alone.
    fn one_at_a_time(&self) -> bool {
        false
    }

    /// Answers one request; `None` if the connection is being cut in place of an answer.
    async fn answer(&self, request: Request<Incoming>, cutter: &Arc<Cutter>) -> Option<Response<Payload>>;
}

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    stopping: CancellationToken,
    abandoned: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    pub(super) async fn start(listen: SocketAddr, tls: Arc<ServerConfig>) -> io::Result<(Self, Accepting)> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let server = Self {
            address,
            stopping: CancellationToken::new(),
            abandoned: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let accepting = Accepting { listener, acceptor: TlsAcceptor::from(tls) };
        Ok((server, accepting))
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves this console from now on.
    pub(super) fn serve(&self, accepting: Accepting, console: Arc<dyn Simulated>) {
        let connection = Connection {
            acceptor: accepting.acceptor,
            console,
            stopping: self.stopping.clone(),
            abandoned: self.abandoned.clone(),
        };
        let tasks = self.tasks.clone();
        self.tasks.spawn(accept(accepting.listener, connection, tasks));
    }

    /// Takes no new connection, lets requests under way end, then cuts what is left.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            self.abandoned.cancel();
            self.tasks.wait().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.abandoned.cancel();
    }
}

/// A bound server that does not serve yet.
pub(super) struct Accepting {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

async fn accept(listener: TcpListener, connection: Connection, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = connection.stopping.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let number = connection.console.stats().connected();
                tasks.spawn(connection.clone().run(stream, number));
            }
            // Out of file descriptors, most likely: the next try must not spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Connection {
    acceptor: TlsAcceptor,
    console: Arc<dyn Simulated>,
    stopping: CancellationToken,
    abandoned: CancellationToken,
}

impl Connection {
    /// Serves one connection to its end. How it ends is the client's affair: a simulator has nobody to tell.
    async fn run(self, stream: TcpStream, number: u64) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let cutter = Arc::new(Cutter { number, ..Cutter::default() });
        let stream = Cuttable { stream, cutter: Arc::clone(&cutter) };
        let handshake = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream));
        let stream = tokio::select! {
            stream = handshake => stream,
            () = self.stopping.cancelled() => return,
        };
        let Ok(Ok(stream)) = stream else { return };
        let (console, knife) = (Arc::clone(&self.console), Arc::clone(&cutter));
        let service = service_fn(move |request| answer(Arc::clone(&console), request, Arc::clone(&knife)));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        if self.console.one_at_a_time() {
            builder = builder.http1_only();
        }
        builder.http1().timer(TokioTimer::new());
        builder.http2().timer(TokioTimer::new());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut told = false;
        loop {
            tokio::select! {
                _ended = connection.as_mut() => return,
                () = cutter.token.cancelled() => return,
                () = self.abandoned.cancelled() => return,
                () = self.stopping.cancelled(), if !told => {
                    told = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

async fn answer(
    console: Arc<dyn Simulated>,
    request: Request<Incoming>,
    cutter: Arc<Cutter>,
) -> Result<Response<Payload>, io::Error> {
    match console.answer(request, &cutter).await {
        Some(response) => Ok(response),
        // The connection is being cut: this future must not end before that.
        None => std::future::pending().await,
    }
}

/// Cuts one connection.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// The number of the connection, from 1: a logon may be good for one connection alone.
    number: u64,
    token: CancellationToken,
    reset: AtomicBool,
}

impl Cutter {
    /// The number of the connection; no other of this console ever has it.
    pub(super) const fn connection(&self) -> u64 {
        self.number
    }

    /// Cuts the connection, with everything that is under way on it.
    pub(super) fn cut(&self, reset: bool) {
        self.reset.store(reset, Ordering::Relaxed);
        self.token.cancel();
    }
}

/// A connection that can end with a reset.
struct Cuttable {
    stream: TcpStream,
    cutter: Arc<Cutter>,
}

impl Drop for Cuttable {
    fn drop(&mut self) {
        if self.cutter.reset.load(Ordering::Relaxed) && self.stream.set_zero_linger().is_err() {
            // The connection is closed without a reset then, which is a cut as well.
            self.cutter.reset.store(false, Ordering::Relaxed);
        }
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
