//! A run whole and checked, with what happened on the way: what a report is made of.
//!
//! A replay knows where every target stands in the end, and not since when, nor what lay between. A witness hears each
//! line, and sees after it how the targets stand by it, so that it needs no rules of its own.

use std::{io::BufRead, path::Path};

use super::{
    error::JournalError,
    reader::{Line, Reader},
    record::Record,
    resume::{Fold, Replay},
    verify::{Seal, Verified},
};

/// Somebody who hears a journal while it is read.
pub trait Witness {
    /// Hears a line.
    fn hear(&mut self, line: &Line);

    /// Sees what the run has come to by that line.
    fn see(&mut self, so_far: &Replay);
}

/// A run as its journal tells it, and what vouches for that.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The run.
    pub replay: Replay,
    /// How its journal stands.
    pub verified: Verified,
    /// The SHA-256 of the last line, in hex. Each line holds that of the one before, so it stands for all of them.
    pub digest: String,
}

pub(super) fn account(
    input: impl BufRead,
    path: &Path,
    seal: Option<Seal>,
    witness: &mut dyn Witness,
) -> Result<Account, JournalError> {
    let mut reader = Reader::new(input, path, seal);
    let mut fold = Fold::default();
    let mut ended = false;
    while let Some(line) = reader.next_line()? {
        let number = line.number;
        ended = matches!(line.record, Record::End(_));
        witness.hear(&line);
        fold.take(line).map_err(|what| JournalError::damaged(path, number, what))?;
        if let Some(so_far) = fold.so_far() {
            witness.see(so_far);
        }
    }
    let replay = fold.finish().map_err(|what| JournalError::damaged(path, reader.lines(), what))?;
    let verified = Verified { lines: reader.lines(), torn: reader.torn(), ended, sealed: reader.sealed() };
    Ok(Account { replay, verified, digest: reader.chain().last() })
}
