//! Writes what a run does into its journal; a run that only reads has none.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use crate::journal::{self, How, Journal, Record};

/// A run's journal, or none.
#[derive(Debug)]
pub(super) struct Recorder(Option<Pen>);

#[derive(Debug)]
enum Pen {
    Own(Journal),
    Shared(Share),
}

/// One console's part of a journal that several write.
#[derive(Debug)]
pub(super) struct Share {
    /// The journal.
    pub(super) journal: Arc<Journal>,
    /// The numbers that this part's targets have in the whole.
    pub(super) numbers: Arc<[u32]>,
    /// The first number of a request, and how far apart this part's are: so no two parts give the same.
    pub(super) first_batch: u64,
    /// How many parts there are.
    pub(super) parts: u64,
    /// What the whole has written down of interrupts: each is told to every part, and happened once.
    pub(super) interrupted: Arc<AtomicU8>,
}

impl Share {
    /// The record as the whole has it; `None` for what only the whole can say.
    fn of_the_whole(&self, mut record: Record) -> Option<Record> {
        match &record {
            // The run ends when its last part has.
            Record::End(_) => return None,
            Record::Interrupted(interrupted) => {
                let level = if interrupted.how == How::Abandon { 2 } else { 1 };
                if self.interrupted.fetch_max(level, Ordering::SeqCst) >= level {
                    return None;
                }
            }
            _ => {}
        }
        let number = |n: u32| self.numbers.get(n as usize).copied().unwrap_or(u32::MAX);
        record.renumber(number, |batch| self.first_batch + batch * self.parts);
        Some(record)
    }
}

/// Resolves once a record is on disk; at once where there is no journal.
#[derive(Debug)]
pub(super) struct Synced(Option<journal::Synced>);

impl Synced {
    /// For what has no line of its own.
    pub(super) const fn at_once() -> Self {
        Self(None)
    }

    /// Waits; the journal itself keeps why it failed.
    pub(super) async fn wait(&mut self) -> Result<(), ()> {
        match &mut self.0 {
            None => Ok(()),
            Some(synced) => {
                let written = synced.await;
                self.0 = None;
                written.map_err(drop)
            }
        }
    }
}

impl Recorder {
    pub(super) fn new(journal: Option<Journal>) -> Self {
        Self(journal.map(Pen::Own))
    }

    /// One part of several.
    pub(super) fn shared(share: Option<Share>) -> Self {
        Self(share.map(Pen::Shared))
    }

    fn journal(&self) -> Option<&Journal> {
        match self.0.as_ref()? {
            Pen::Own(journal) => Some(journal),
            Pen::Shared(share) => Some(&share.journal),
        }
    }

    /// Appends what `record` makes, if there is a journal.
    pub(super) fn write(&self, record: impl FnOnce() -> Record) -> Synced {
        Synced(match &self.0 {
            None => None,
            Some(Pen::Own(journal)) => Some(journal.append(record())),
            Some(Pen::Shared(share)) => share.of_the_whole(record()).map(|record| share.journal.append(record)),
        })
    }

    /// Why the journal takes no more, in words.
    pub(super) fn failure(&self) -> String {
        let failed = self.journal().and_then(Journal::failure);
        failed.map_or_else(|| "the journal cannot be written".to_owned(), |failed| failed.to_string())
    }

    /// Writes what is queued and unlocks; a journal that others write, too, is closed by whoever has it whole.
    pub(super) async fn close(&mut self) -> Result<(), String> {
        match self.0.take() {
            None => Ok(()),
            Some(Pen::Own(journal)) => journal.close().await.map_err(|failed| failed.to_string()),
            Some(Pen::Shared(share)) => share.journal.failure().map_or(Ok(()), |failed| Err(failed.to_string())),
        }
    }
}
