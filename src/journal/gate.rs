//! One process at a time decides what a run may do beside others: from its look at their journals until its own is there.

use std::fs::{File, OpenOptions};

use super::{error::JournalError, folder::StateFolder, sink::private};

/// The right to decide; it ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct Gate(#[expect(dead_code, reason = "the open file is the lock")] File);

impl StateFolder {
    /// Waits until nobody else looks at the journals to begin a run, and keeps others from it.
    ///
    /// Blocks, for as long as others need to read the plans of runs under way.
    ///
    /// # Errors
    ///
    /// The folder cannot be written, or its file system knows no locks.
    pub fn gate(&self) -> Result<Gate, JournalError> {
        let path = self.gate_path();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        let file = options.open(&path).map_err(|error| JournalError::io("open", &path, error))?;
        file.lock().map_err(|error| JournalError::io("lock", &path, error))?;
        Ok(Gate(file))
    }
}
