//! A file in memory, and badly behaved where a test says so.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::yield_now;

use super::{Kept, Position, Sink, SinkError, Then};
use crate::stream::event::ConsoleEvent;

/// A file; clones are the same one. Its length is the number of its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryFile {
    state: Arc<Mutex<State>>,
    name: String,
    positions: bool,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Bytes>,
    acts: VecDeque<Act>,
    whole: usize,
    begun: Vec<Option<Position>>,
    batches: Vec<usize>,
    closed: usize,
}

/// How the next batch goes.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// So many lines are written, and then it fails.
    Fail(usize, Then),
    /// The event in this place is refused for good.
    Refuse(usize),
    /// It never comes to an end.
    Hang,
    /// It goes as it should.
    Well,
}

impl MemoryFile {
    /// A sink with positions.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), positions: true, ..Self::default() }
    }

    /// A sink that does not know where it stands, like a socket.
    pub(crate) fn without_positions(name: &str) -> Self {
        Self { positions: false, ..Self::new(name) }
    }

    pub(crate) fn script(self, acts: impl IntoIterator<Item = Act>) -> Self {
        self.lock().acts.extend(acts);
        self
    }

    pub(crate) fn lines(&self) -> Vec<Bytes> {
        self.lock().lines.clone()
    }

    pub(crate) fn begun(&self) -> Vec<Option<Position>> {
        self.lock().begun.clone()
    }

    pub(crate) fn batches(&self) -> Vec<usize> {
        self.lock().batches.clone()
    }

    pub(crate) fn closed(&self) -> usize {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[async_trait]
impl Sink for MemoryFile {
    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&mut self, position: Option<&Position>) -> Result<(), SinkError> {
        yield_now().await;
        let mut state = self.lock();
        state.begun.push(position.cloned());
        if self.positions {
            let length = position.map_or(0, |position| position.length) as usize;
            assert!(length <= state.lines.len(), "what was acknowledged is not there");
            state.lines.truncate(length);
        }
        state.whole = state.lines.len();
        Ok(())
    }

    async fn keep(&mut self, batch: &[ConsoleEvent]) -> Result<Kept, SinkError> {
        let act = self.lock().acts.pop_front().unwrap_or(Act::Well);
        let mut kept = Kept::default();
        {
            let mut state = self.lock();
            let whole = state.whole;
            state.lines.truncate(whole);
            state.batches.push(batch.len());
        }
        for (place, event) in batch.iter().enumerate() {
            yield_now().await;
            match act {
                Act::Fail(after, then) if after == place => {
                    return Err(SinkError { text: "failed by script".to_owned(), then });
                }
                Act::Refuse(refused) if refused == place => kept.refused.push((place, "not wanted".to_owned())),
                Act::Hang => std::future::pending().await,
                _ => self.lock().lines.push(event.body.clone()),
            }
        }
        yield_now().await;
        let mut state = self.lock();
        state.whole = state.lines.len();
        Ok(kept)
    }

    fn position(&self) -> Option<Position> {
        let length = self.lock().whole as u64;
        self.positions.then(|| Position { file: self.name.clone(), length })
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        self.lock().closed += 1;
        Ok(())
    }
}
