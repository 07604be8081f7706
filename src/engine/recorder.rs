//! Writes what a run does into its journal; a run that only reads has none.

use crate::journal::{self, Journal, Record};

/// A run's journal, or none.
#[derive(Debug)]
pub(super) struct Recorder(Option<Journal>);

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
    pub(super) const fn new(journal: Option<Journal>) -> Self {
        Self(journal)
    }

    /// Appends what `record` makes, if there is a journal.
    pub(super) fn write(&self, record: impl FnOnce() -> Record) -> Synced {
        Synced(self.0.as_ref().map(|journal| journal.append(record())))
    }

    /// Why the journal takes no more, in words.
    pub(super) fn failure(&self) -> String {
        let failed = self.0.as_ref().and_then(Journal::failure);
        failed.map_or_else(|| "the journal cannot be written".to_owned(), |failed| failed.to_string())
    }

    /// Writes what is queued and unlocks.
    pub(super) async fn close(&mut self) -> Result<(), String> {
        match self.0.take() {
            None => Ok(()),
            Some(journal) => journal.close().await.map_err(|failed| failed.to_string()),
        }
    }
}
