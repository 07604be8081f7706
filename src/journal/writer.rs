//! Appends to a journal: one thread writes, syncs and wakes whoever waits.
//!
//! Whatever has gathered while a sync was under way goes to the disk together and is synced once (group commit): with
//! a hundred requests in flight a sync costs each of them a hundredth.
//!
//! A full disk is noticed before a request is sent, not after. An intent is taken only once there is room on the disk
//! for it and for a reserve behind it. When there is none, intents are refused while answers are still taken: their
//! room is what was reserved. After a failed write or sync, where nothing can be relied on any more, everything is
//! refused.

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, OnceLock, mpsc},
    task::{Context, Poll},
    thread,
};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    chain::Chain,
    error::{JournalError, JournalFailed},
    record::Record,
    sink::Sink,
    verify::Seal,
};
use crate::{clock, domain::id::RunId};

/// Room is taken in steps of this many bytes, so that it is seldom asked for.
const STEP: u64 = 128 * 1024;
/// What an answer takes for one target, generously.
const ROOM_FOR_A_REPLY: u64 = 512;
/// A group is cut here, so that waiters of a flood are woken in between.
const GROUP_BYTES: usize = 1 << 20;

/// How a journal is written.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Bytes of room that must be left behind an intent: what the answers of all requests in flight may take, and the
    /// end of the run. A kilobyte for each target in flight is generous.
    pub reserve: u64,
    /// For tests: the process aborts once it has written and synced this many lines, before anybody is told of the
    /// last of them. Lines are then synced one by one. The lines of the plan count; before its last line, the run does
    /// not exist yet.
    pub crash_after: Option<u64>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { reserve: 64 * 1024, crash_after: None }
    }
}

/// A run's journal, open for writing and locked.
///
/// Lines are on disk in the order in which they were appended: whoever waits for a line has waited for all before it.
#[derive(Debug)]
pub struct Journal {
    run: RunId,
    path: PathBuf,
    orders: Option<mpsc::Sender<Order>>,
    ended: Option<oneshot::Receiver<()>>,
    thread: Option<thread::JoinHandle<()>>,
    failure: Arc<OnceLock<JournalFailed>>,
}

/// One line to write, and whom to tell.
#[derive(Debug)]
struct Order {
    at: Timestamp,
    record: Record,
    told: oneshot::Sender<Result<(), JournalFailed>>,
}

/// Where a journal stands when its writing begins.
#[derive(Debug)]
pub(super) struct Position {
    pub(super) chain: Chain,
    pub(super) lines: u64,
    pub(super) length: u64,
    /// Lines that this process has written before.
    pub(super) ours: u64,
}

impl Journal {
    /// Starts the thread that writes.
    pub(super) fn start<S: Sink>(
        run: RunId,
        path: PathBuf,
        sink: S,
        position: Position,
        options: &WriterOptions,
        crash: fn() -> !,
    ) -> Result<Self, JournalError> {
        let (orders, received) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let failure = Arc::new(OnceLock::new());
        let writer = Writer {
            sink,
            path: path.clone(),
            reserved: position.length,
            position,
            options: options.clone(),
            crash,
            failure: Arc::clone(&failure),
            full: false,
            broken: false,
            buffer: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                writer.run(&received);
                // Nobody listens when the journal was dropped.
                end.send(()).ok();
            })
            .map_err(|error| JournalError::io("start the thread that writes", &path, error))?;
        Ok(Self { run, path, orders: Some(orders), ended: Some(ended), thread: Some(thread), failure })
    }

    /// The run's name.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record, as of now. It is on disk once the returned future says so; it gets there without being polled.
    pub fn append(&self, record: Record) -> Synced {
        self.append_at(clock::now(), record)
    }

    /// Appends a record, as of a time of day that was told elsewhere, too.
    pub fn append_at(&self, at: Timestamp, record: Record) -> Synced {
        let (told, synced) = oneshot::channel();
        // If the thread is gone, the order is dropped with its sender, and that is what the waiter hears.
        if let Some(orders) = &self.orders {
            orders.send(Order { at, record, told }).ok();
        }
        Synced(synced)
    }

    /// Why the journal takes intents, or anything, no more.
    pub fn failure(&self) -> Option<JournalFailed> {
        self.failure.get().cloned()
    }

    /// Writes what is queued, gives back the room that was reserved, and unlocks the file.
    ///
    /// # Errors
    ///
    /// The failure that the journal has met at any time since it was opened.
    pub async fn close(mut self) -> Result<(), JournalFailed> {
        self.orders = None;
        if let Some(ended) = self.ended.take()
            && ended.await.is_err()
        {
            self.failure.get_or_init(|| JournalFailed::new(JournalError::WriterGone));
        }
        self.failure().map_or(Ok(()), Err)
    }
}

impl Drop for Journal {
    /// Waits for what is queued: a process that returns from `main` next would lose it.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            self.failure.get_or_init(|| JournalFailed::new(JournalError::WriterGone));
        }
    }
}

/// Resolves once a record is on disk.
#[derive(Debug)]
pub struct Synced(oneshot::Receiver<Result<(), JournalFailed>>);

impl Synced {
    /// Waits without a runtime. Not for asynchronous code: it panics there.
    ///
    /// # Errors
    ///
    /// The record is not on disk.
    pub fn wait(self) -> Result<(), JournalFailed> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(JournalFailed::new(JournalError::WriterGone)))
    }
}

impl Future for Synced {
    type Output = Result<(), JournalFailed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|told| told.unwrap_or_else(|_| Err(JournalFailed::new(JournalError::WriterGone))))
    }
}

/// The thread's state.
struct Writer<S> {
    sink: S,
    path: PathBuf,
    position: Position,
    /// How far room has been taken.
    reserved: u64,
    options: WriterOptions,
    crash: fn() -> !,
    failure: Arc<OnceLock<JournalFailed>>,
    /// There is no room for another intent.
    full: bool,
    /// A write or a sync has failed.
    broken: bool,
    buffer: Vec<u8>,
}

impl<S: Sink> Writer<S> {
    fn run(mut self, orders: &mpsc::Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            self.group(first, orders);
        }
        self.release();
    }

    /// Writes one order and those that have gathered behind it, syncs once, and tells everybody.
    fn group(&mut self, first: Order, orders: &mpsc::Receiver<Order>) {
        let before = self.position.chain.clone();
        let mut told = Vec::new();
        let mut ends = false;
        let mut next = Some(first);
        self.buffer.clear();
        while let Some(order) = next.take() {
            match self.take(order.at, &order.record) {
                Ok(()) => {
                    ends = matches!(order.record, Record::End(_));
                    told.push(order.told);
                }
                Err(failed) => tell(order.told, Err(failed)),
            }
            // An end is synced at once: it is sealed with nothing behind it.
            if self.buffer.len() < GROUP_BYTES && self.options.crash_after.is_none() && !ends {
                next = orders.try_recv().ok();
            }
        }
        if told.is_empty() {
            return;
        }
        if let Err(error) = self.commit(told.len() as u64) {
            self.position.chain = before;
            self.undo();
            self.broken = true;
            let failed = self.fail(JournalError::io("write", &self.path, error));
            told.into_iter().for_each(|told| tell(told, Err(failed.clone())));
            return;
        }
        if ends {
            self.release();
            if let Err(error) = self.sink.seal(&Seal::new(self.position.lines, &self.position.chain)) {
                self.fail(JournalError::io("seal", &self.path, error));
            }
        }
        told.into_iter().for_each(|told| tell(told, Ok(())));
    }

    /// Adds one line to the group, or says why not.
    fn take(&mut self, at: Timestamp, record: &Record) -> Result<(), JournalFailed> {
        if self.broken {
            return Err(self.known_failure());
        }
        if let Record::Intent(intent) = record {
            let replies = ROOM_FOR_A_REPLY.saturating_mul(intent.targets.len() as u64);
            self.make_room(self.options.reserve.saturating_add(replies))?;
        }
        self.position.chain.push(at, record, &mut self.buffer).map_err(|error| {
            let failed = JournalFailed::new(JournalError::Encode(error));
            self.failure.get_or_init(|| failed.clone());
            failed
        })
    }

    /// Sees to it that so many bytes are on hand behind the lines that are about to be written.
    fn make_room(&mut self, bytes: u64) -> Result<(), JournalFailed> {
        if self.full {
            return Err(self.known_failure());
        }
        let needed = self.position.length.saturating_add(self.buffer.len() as u64).saturating_add(bytes);
        if needed <= self.reserved {
            return Ok(());
        }
        // Where a whole step does not fit, what is needed still may.
        for to in [needed.div_ceil(STEP).saturating_mul(STEP), needed] {
            match self.sink.reserve(self.reserved, to) {
                Ok(()) => {
                    self.reserved = to;
                    return Ok(());
                }
                Err(error) if to == needed => {
                    self.full = true;
                    return Err(self.fail(JournalError::io("keep room for", &self.path, error)));
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn commit(&mut self, lines: u64) -> io::Result<()> {
        self.sink.write(&self.buffer)?;
        self.sink.sync()?;
        self.position.lines += lines;
        self.position.ours += lines;
        self.position.length += self.buffer.len() as u64;
        if self.options.crash_after == Some(self.position.ours) {
            (self.crash)();
        }
        Ok(())
    }

    /// Takes back a write that nobody was told of. If even that fails, the reader finds a torn line or, at worst, lines
    /// that were not told; a resumption is right with either.
    fn undo(&mut self) {
        if let Err(error) = self.sink.truncate(self.position.length).and_then(|()| self.sink.sync()) {
            tracing::warn!(%error, "a failed write to the journal could not be taken back");
        }
    }

    /// Gives back the room behind the last line. It is only room: that it is kept harms nothing.
    fn release(&mut self) {
        if self.reserved > self.position.length {
            match self.sink.truncate(self.position.length) {
                Ok(()) => self.reserved = self.position.length,
                Err(error) => tracing::warn!(%error, "room behind the journal could not be given back"),
            }
        }
    }

    /// Remembers the first failure, and returns this one.
    fn fail(&self, error: JournalError) -> JournalFailed {
        let failed = JournalFailed::new(error);
        self.failure.get_or_init(|| failed.clone());
        failed
    }

    fn known_failure(&self) -> JournalFailed {
        self.failure.get().cloned().unwrap_or_else(|| JournalFailed::new(JournalError::WriterGone))
    }
}

fn tell(waiter: oneshot::Sender<Result<(), JournalFailed>>, what: Result<(), JournalFailed>) {
    // Not everybody waits.
    waiter.send(what).ok();
}
