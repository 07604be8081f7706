//! One connection: greeting, login, tuning, then deliveries out and methods in, until either side ends it.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use amq_protocol::{
    frame::AMQPFrame,
    protocol::{AMQPClass, connection},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::Instant,
};

use super::{
    Shared,
    channel::{Channel, Delivered},
    frames::{Input, Output},
    methods,
    queue::Queue,
    refusal::Refusal,
    signal::{Order, Signal},
};
use crate::simulator::faults::StreamDeed;

/// How long a client may take to log in.
const LOGIN: Duration = Duration::from_secs(10);

/// How long a client may take to agree to a close, and then to hang up.
const GOODBYE: Duration = Duration::from_secs(2);

/// So many events are sent before what came in is looked at.
const BATCH: usize = 64;

/// No event is added to what waits to be sent above this.
const ENOUGH: usize = 1 << 20;

/// A time that never comes.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Greeting,
    /// Waits for the client's credentials.
    Login,
    /// Waits for the client's limits.
    Tuning,
    /// Waits for the client to name the virtual host.
    Opening,
    Open,
    /// The broker closes, and waits for the client to agree.
    Closing(Instant),
    /// Both have agreed; the client hangs up.
    Closed(Instant),
}

/// How a connection ended, as far as the transport goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// TLS is ended as it should be.
    Orderly,
    /// It is not.
    Cut,
}

/// One connection.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) signal: Arc<Signal>,
    pub(super) output: Output,
    pub(super) phase: Phase,
    /// The queue of the user who logged in.
    pub(super) own: Option<Arc<Queue>>,
    pub(super) channels: BTreeMap<u16, Channel>,
    pub(super) frame_max: u32,
    /// Nought for none.
    pub(super) heartbeat: Duration,
    input: Input,
    began: Instant,
    heard: Instant,
    spoke: Instant,
    /// No delivery before this.
    not_before: Option<Instant>,
    stalled: bool,
    cut: bool,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, signal: Arc<Signal>) -> Self {
        let now = Instant::now();
        let frame_max = shared.faults.frame_max.0;
        Self {
            shared,
            signal,
            output: Output::default(),
            phase: Phase::Greeting,
            own: None,
            channels: BTreeMap::new(),
            frame_max,
            heartbeat: Duration::ZERO,
            input: Input::default(),
            began: now,
            heard: now,
            spoke: now,
            not_before: None,
            stalled: false,
            cut: false,
        }
    }

    /// Serves a connection to its end. How it ends is the client's affair: a simulator has nobody to tell.
    pub(super) async fn run(mut self, stream: impl AsyncRead + AsyncWrite) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let end = self.serve(&mut reader, &mut writer).await.unwrap_or(End::Cut);
        // What was held is for others from now on, whatever the client does with its socket.
        self.channels.clear();
        if end == End::Orderly {
            let ended = async {
                while self.output.is_pending() {
                    self.output.send(&mut writer).await?;
                }
                writer.shutdown().await
            };
            // A client that is gone already needs no goodbye.
            drop(tokio::time::timeout(GOODBYE, ended).await);
        }
    }

    async fn serve(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<End> {
        loop {
            while self.read_one()? {}
            while let Some(order) = self.signal.next_order() {
                match order {
                    Order::Cut => return Ok(End::Cut),
                    Order::Close(code, text) => self.close(&Refusal::connection(code, text))?,
                }
            }
            let more = self.deliver()?;
            // What was delivered before is delivered.
            if self.cut && !self.output.is_pending() {
                return Ok(End::Cut);
            }
            if matches!(self.phase, Phase::Closed(at) if at <= Instant::now()) {
                return Ok(End::Orderly);
            }
            let wake_up = more.into_iter().chain([self.next_timer()]).min().unwrap_or_else(Instant::now);
            tokio::select! {
                read = self.input.fill(reader) => {
                    if read? == 0 {
                        return Ok(End::Orderly);
                    }
                    self.heard = Instant::now();
                }
                sent = self.output.send(writer), if self.output.is_pending() => {
                    sent?;
                    self.spoke = Instant::now();
                }
                () = self.signal.woken() => {}
                () = tokio::time::sleep_until(wake_up) => {}
            }
            if self.is_lost() {
                return Ok(End::Cut);
            }
            self.keep_time()?;
        }
    }

    /// Reads one frame that is there; whether it was.
    fn read_one(&mut self) -> io::Result<bool> {
        if self.stalled || matches!(self.phase, Phase::Closed(_)) {
            // Nobody reads it; but that the client hangs up is seen.
            self.input.discard();
            return Ok(false);
        }
        if self.phase == Phase::Greeting {
            let Some(known) = self.input.greeting() else { return Ok(false) };
            if known {
                methods::start(self)?;
            } else {
                self.output.greet()?;
                self.phase = Phase::Closed(Instant::now());
            }
            return Ok(true);
        }
        let frame = match self.input.next(self.frame_max) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(false),
            Err(_) => {
                // Nothing behind it can be read.
                self.close(&Refusal::connection(501, "a frame that cannot be read"))?;
                self.phase = Phase::Closed(Instant::now());
                return Ok(false);
            }
        };
        if let Phase::Closing(_) = self.phase {
            return self.read_goodbye(&frame).map(|()| true);
        }
        match frame {
            AMQPFrame::Heartbeat => {}
            AMQPFrame::Method(channel, method) => {
                let closing = self.channels.get(&channel).is_some_and(|channel| channel.closing);
                if let Err(refusal) = methods::handle(self, channel, &method, closing)? {
                    self.refuse(channel, &refusal.blame(&method))?;
                }
            }
            // Content: of something that was refused already.
            AMQPFrame::Header(channel, _) | AMQPFrame::Body(channel, _)
                if self.channels.get(&channel).is_some_and(|channel| channel.closing) => {}
            _ => self.close(&Refusal::connection(505, "a frame that nobody asked for"))?,
        }
        Ok(true)
    }

    /// While closing, only the end of it counts.
    fn read_goodbye(&mut self, frame: &AMQPFrame) -> io::Result<()> {
        let AMQPFrame::Method(0, AMQPClass::Connection(method)) = frame else { return Ok(()) };
        match method {
            connection::AMQPMethod::CloseOk(_) => self.phase = Phase::Closed(Instant::now() + GOODBYE),
            connection::AMQPMethod::Close(_) => methods::agree_to_close(self)?,
            _ => {}
        }
        Ok(())
    }

    /// Both have agreed to close: nothing is held any longer, and the client hangs up.
    pub(super) fn closed(&mut self) {
        self.channels.clear();
        self.phase = Phase::Closed(Instant::now() + GOODBYE);
    }

    fn refuse(&mut self, channel: u16, refusal: &Refusal) -> io::Result<()> {
        match self.channels.get_mut(&channel) {
            Some(open) if !refusal.whole => {
                open.end();
                open.closing = true;
                self.output.method(channel, refusal.close())
            }
            _ => self.close(&refusal.clone().of_connection()),
        }
    }

    /// Begins to close the connection.
    fn close(&mut self, refusal: &Refusal) -> io::Result<()> {
        if matches!(self.phase, Phase::Closing(_) | Phase::Closed(_)) {
            return Ok(());
        }
        self.channels.clear();
        self.phase = Phase::Closing(Instant::now() + GOODBYE);
        self.output.method(0, refusal.close())
    }

    /// Delivers what may be delivered; when to look again, if not only when woken.
    fn deliver(&mut self) -> io::Result<Option<Instant>> {
        if self.phase != Phase::Open || self.stalled {
            return Ok(None);
        }
        for (id, channel) in &mut self.channels {
            while let Some(tag) = channel.cancel_deleted() {
                self.output.method(*id, methods::cancel(&tag))?;
            }
        }
        let ids: Vec<u16> = self.channels.keys().copied().collect();
        let mut later = None;
        let mut idle = 0;
        for at in 0..BATCH {
            if let Some(until) = self.not_before.filter(|until| *until > Instant::now()) {
                return Ok(Some(until));
            }
            if ids.is_empty() || self.output.len() >= ENOUGH || self.phase != Phase::Open || self.stalled || self.cut {
                return Ok(None);
            }
            let Some(id) = ids.get(at % ids.len()).copied() else { return Ok(None) };
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            match channel.deliver(id, self.shared.faults.delay.0, &mut self.output, self.frame_max)? {
                Delivered::One(queue, message, place) => {
                    idle = 0;
                    if !self.shared.script.is_quiet()
                        && let Some(deed) = self.shared.script.delivery(&queue.title())
                    {
                        match deed {
                            StreamDeed::Duplicate => queue.repeat(&message),
                            StreamDeed::Delete => queue.delete(),
                            deed => self.go_wrong(id, place, deed)?,
                        }
                    }
                }
                Delivered::NotBefore(due) => {
                    later = [later, Some(due)].into_iter().flatten().min();
                    idle += 1;
                }
                Delivered::Nothing => idle += 1,
            }
            if idle >= ids.len() {
                return Ok(later);
            }
        }
        // There may be more at once.
        Ok(Some(Instant::now()))
    }

    /// What goes wrong with this connection once an event was delivered.
    fn go_wrong(&mut self, channel: u16, place: usize, deed: StreamDeed) -> io::Result<()> {
        match deed {
            StreamDeed::Close(code) => {
                self.close(&Refusal::connection(code.number(), "broker forced connection closure"))?;
            }
            StreamDeed::CloseChannel(code) => {
                self.refuse(channel, &Refusal::channel(code.number(), "broker forced channel closure"))?;
            }
            StreamDeed::Cancel => {
                if let Some(tag) = self.channels.get_mut(&channel).and_then(|channel| channel.cancel_at(place)) {
                    self.output.method(channel, methods::cancel(&tag))?;
                }
            }
            StreamDeed::Cut => self.cut = true,
            StreamDeed::Stall => self.stalled = true,
            StreamDeed::Delay(span) => self.not_before = Some(Instant::now() + span.0),
            // Not about a connection that is open.
            StreamDeed::Duplicate | StreamDeed::Delete | StreamDeed::Refuse | StreamDeed::NoTls => {}
        }
        Ok(())
    }

    /// Whether the client is taken for gone.
    fn is_lost(&self) -> bool {
        let now = Instant::now();
        match self.phase {
            Phase::Greeting | Phase::Login | Phase::Tuning | Phase::Opening => now >= self.began + LOGIN,
            Phase::Open => !self.heartbeat.is_zero() && !self.stalled && now >= self.heard + self.heartbeat * 2,
            Phase::Closing(until) => now >= until,
            Phase::Closed(_) => false,
        }
    }

    /// When something is due even if nobody says anything.
    fn next_timer(&self) -> Instant {
        let now = Instant::now();
        match self.phase {
            Phase::Greeting | Phase::Login | Phase::Tuning | Phase::Opening => self.began + LOGIN,
            Phase::Closing(until) | Phase::Closed(until) => until,
            Phase::Open if self.stalled => now + NEVER,
            Phase::Open => {
                let oldest = self.channels.values().filter_map(Channel::oldest).min();
                let overdue = oldest.map(|oldest| oldest + self.shared.faults.ack_timeout.0);
                let beats = (!self.heartbeat.is_zero()).then(|| self.heard + self.heartbeat * 2);
                let sends = self.sends_heartbeats().then(|| self.spoke + self.heartbeat / 2);
                [overdue, beats, sends].into_iter().flatten().min().unwrap_or(now + NEVER)
            }
        }
    }

    fn sends_heartbeats(&self) -> bool {
        !self.heartbeat.is_zero() && self.shared.faults.send_heartbeats
    }

    /// Sends a heartbeat if it is time, and closes channels that hold an event for too long.
    fn keep_time(&mut self) -> io::Result<()> {
        if self.phase != Phase::Open || self.stalled {
            return Ok(());
        }
        let now = Instant::now();
        if self.sends_heartbeats() && now >= self.spoke + self.heartbeat / 2 {
            self.output.heartbeat()?;
            self.spoke = now;
        }
        let limit = self.shared.faults.ack_timeout.0;
        let late = |channel: &Channel| channel.oldest().is_some_and(|oldest| now >= oldest + limit);
        let late: Vec<u16> =
            self.channels.iter().filter(|(_, channel)| late(channel)).map(|(channel, _)| *channel).collect();
        for channel in late {
            let why = format!("delivery acknowledgement on channel {channel} timed out after {} ms", limit.as_millis());
            self.refuse(channel, &Refusal::channel(406, why))?;
        }
        Ok(())
    }
}
