//! The unit over SSH: a server with a key of its own, whose every shell is a command line of `cli`.

use std::{
    borrow::Cow,
    collections::HashMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use russh::{
    Channel, ChannelId, MethodKind, Preferred, Pty,
    client::GexParams,
    kex::{
        self,
        dh::groups::{DH_GROUP14, DhGroup},
    },
    keys::{PrivateKey, ssh_key::private::Ed25519Keypair},
    server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Response, Session, VerifiedPublicKey, run_stream},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Instant,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{
    cli::{Piece, Shell},
    firewall::Firewall,
};
use crate::simulator::SimulatorError;

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub(in crate::simulator) struct Ssh {
    address: SocketAddr,
    public_key: String,
    stopping: CancellationToken,
}

impl Ssh {
    pub(in crate::simulator) async fn start(
        listen: SocketAddr,
        firewall: Arc<Firewall>,
        latency: Duration,
    ) -> Result<Self, SimulatorError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        // The comment would be empty, and so it is left out.
        let public_key = key.public_key().to_openssh().unwrap_or_default().trim().to_owned();
        let refused = |source| SimulatorError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let config = Arc::new(config(key, &firewall));
        let stopping = CancellationToken::new();
        let line = Line { firewall, latency, stopping: stopping.clone() };
        tokio::spawn(accept(listener, config, line));
        Ok(Self { address, public_key, stopping })
    }

    pub(in crate::simulator) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host key as `known_hosts` has it: its kind and its digits.
    pub(in crate::simulator) fn public_key(&self) -> &str {
        &self.public_key
    }

    pub(in crate::simulator) fn stop(&self) {
        self.stopping.cancel();
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

fn config(key: PrivateKey, firewall: &Firewall) -> Config {
    let mut offered: Vec<kex::Name> = Preferred::DEFAULT.kex.to_vec();
    if firewall.settings().legacy {
        let extensions = [kex::EXTENSION_SUPPORT_AS_SERVER, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER];
        offered = [&[kex::DH_G14_SHA1][..], &extensions].concat();
    } else {
        offered.push(kex::DH_G14_SHA1);
    }
    Config {
        keys: vec![key],
        auth_rejection_time: Duration::from_millis(50),
        auth_rejection_time_initial: Some(Duration::ZERO),
        inactivity_timeout: Some(firewall.settings().idle.0),
        preferred: Preferred { kex: Cow::Owned(offered), ..Preferred::DEFAULT },
        nodelay: true,
        ..Config::default()
    }
}

/// What every connection needs.
#[derive(Clone, Debug)]
struct Line {
    firewall: Arc<Firewall>,
    latency: Duration,
    stopping: CancellationToken,
}

async fn accept(listener: TcpListener, config: Arc<Config>, line: Line) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = line.stopping.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: the next try must not spin.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let knife = line.stopping.child_token();
        let stream = Breakable { stream, broken: Box::pin(knife.clone().cancelled_owned()) };
        let client = Client { line: line.clone(), knife, channels: HashMap::new() };
        let config = Arc::clone(&config);
        tokio::spawn(async move {
            // How a connection ends is the client's affair: a simulator has nobody to tell.
            if let Ok(session) = run_stream(config, stream, client).await {
                drop(session.await);
            }
        });
    }
}

/// Bytes of a channel, and when they came.
type Typed = (Instant, Vec<u8>);

/// One connection.
struct Client {
    line: Line,
    knife: CancellationToken,
    /// Where the bytes of a channel go, once it has a shell.
    channels: HashMap<ChannelId, mpsc::UnboundedSender<Typed>>,
}

impl Client {
    fn judged(&self, accepted: bool) -> Auth {
        self.line.firewall.logged_in(accepted);
        if accepted { Auth::Accept } else { Auth::reject() }
    }
}

impl Handler for Client {
    type Error = russh::Error;

    /// The smallest group that is allowed: bigger ones take seconds where nothing is optimised.
    async fn lookup_dh_gex_group(&mut self, wanted: &GexParams) -> Result<Option<DhGroup>, Self::Error> {
        let fits = (wanted.min_group_size()..=wanted.max_group_size()).contains(&DH_GROUP14.bit_size());
        Ok(fits.then(|| DH_GROUP14.clone()))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        if self.line.firewall.settings().questions.is_some() {
            let left = [MethodKind::PublicKey, MethodKind::KeyboardInteractive];
            return Ok(Auth::Reject { proceed_with_methods: Some((&left[..]).into()), partial_success: false });
        }
        let known = self.line.firewall.credentials();
        Ok(self.judged(user == known.client_id && password == known.api_key))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(questions) = self.line.firewall.settings().questions.clone() else { return Ok(Auth::reject()) };
        let Some(mut response) = response else {
            let prompts: Vec<(Cow<'static, str>, bool)> =
                questions.into_iter().map(|question| (question.into(), false)).collect();
            return Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() });
        };
        let known = self.line.firewall.credentials();
        let right = response.next().is_some_and(|given| &*given == known.api_key.as_bytes()) && questions.len() == 1;
        let right = right && user == known.client_id;
        Ok(self.judged(right))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let allowed = self.line.firewall.settings().authorized_key.as_deref();
        let allowed = allowed.and_then(|text| russh::keys::PublicKey::from_openssh(text).ok());
        let same = allowed.is_some_and(|allowed| allowed.key_data() == key.public_key.key_data());
        Ok(self.judged(same && user == self.line.firewall.credentials().client_id))
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        self.channels.insert(channel, sender);
        let shell = Shell::new(Arc::clone(&self.line.firewall));
        let desk = Desk { line: self.line.clone(), knife: self.knife.clone(), handle: session.handle(), channel };
        tokio::spawn(desk.serve(shell, receiver));
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        self.line.firewall.received(data);
        let mut shell = Shell::new(Arc::clone(&self.line.firewall));
        let text = String::from_utf8_lossy(data);
        let said: Vec<u8> = text.lines().flat_map(|line| shell.exec(line)).collect();
        session.data(channel, said)?;
        // Whatever was said, this is what the unit ends with.
        session.exit_status_request(channel, 0)?;
        session.eof(channel)?;
        session.close(channel)
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(sender) = self.channels.get(&channel) {
            // A shell that is over reads nothing any more.
            drop(sender.send((Instant::now(), data.to_vec())));
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        Ok(())
    }
}

/// One shell's way to its client.
struct Desk {
    line: Line,
    knife: CancellationToken,
    handle: Handle,
    channel: ChannelId,
}

impl Desk {
    async fn serve(self, mut shell: Shell, mut typed: mpsc::UnboundedReceiver<Typed>) {
        let opening = shell.open();
        if !self.show(opening).await {
            return;
        }
        while let Some((at, bytes)) = typed.recv().await {
            // As on a long line: what was sent together arrives together.
            tokio::time::sleep_until(at + self.line.latency).await;
            let taken = self.line.firewall.received(&bytes);
            let pieces = shell.feed(bytes.get(..taken).unwrap_or(&bytes));
            if taken < bytes.len() {
                self.knife.cancel();
            }
            if !self.show(pieces).await {
                return;
            }
        }
    }

    /// Shows what there is to show; `false` once the shell is over.
    async fn show(&self, pieces: Vec<Piece>) -> bool {
        for piece in pieces {
            match piece {
                Piece::Say(bytes) => {
                    if self.handle.data(self.channel, bytes).await.is_err() {
                        return false;
                    }
                }
                Piece::Wait(time) => tokio::time::sleep(time).await,
                Piece::Cut => {
                    self.knife.cancel();
                    return false;
                }
                Piece::Close => {
                    let told = self.handle.exit_status_request(self.channel, 0).await;
                    // A client that is gone already hears nothing of it.
                    let told = told.and(self.handle.eof(self.channel).await);
                    return told.is_ok() && self.handle.close(self.channel).await.is_err();
                }
            }
        }
        true
    }
}

/// A connection that can break.
struct Breakable {
    stream: TcpStream,
    broken: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Breakable {
    fn whole(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.broken.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionReset.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Breakable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Err(error) = self.whole(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Err(error) = self.whole(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
