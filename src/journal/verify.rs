//! Whether a journal is as it was written, and the seal by which the last line of an ended run is known.

use std::{fs, io, io::BufRead, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    chain::Chain,
    error::JournalError,
    reader::Reader,
    record::{FORMAT, Record},
};

/// How long a journal was when its run ended, and its last line. Kept in a file beside it.
///
/// The chain cannot tell that lines are missing at its end; this can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    /// The version of the format.
    pub(super) v: u32,
    /// How many lines there were.
    pub(super) lines: u64,
    /// The SHA-256 of the last one, in hex.
    pub(super) last: String,
}

impl Seal {
    /// Seals a journal of so many lines.
    pub(super) fn new(lines: u64, chain: &Chain) -> Self {
        Self { v: FORMAT, lines, last: chain.last() }
    }

    /// As it is written.
    pub(super) fn text(&self) -> Vec<u8> {
        format!("{{\"v\":{},\"lines\":{},\"last\":\"{}\"}}\n", self.v, self.lines, self.last).into_bytes()
    }

    /// Reads a seal, if there is one.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, JournalError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::io("read", path, error)),
        };
        let damaged = || JournalError::SealDamaged { path: path.to_owned() };
        let seal: Self = serde_json::from_slice(&text).map_err(|_| damaged())?;
        // Only what we would have written is believed: a digit more is an edit, too.
        if seal.text() == text && seal.v == FORMAT { Ok(Some(seal)) } else { Err(damaged()) }
    }
}

/// A journal that is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many lines it has.
    pub lines: u64,
    /// Whether half a line follows them, as a crash leaves it. It is not counted.
    pub torn: bool,
    /// Whether the last line is the run's end.
    pub ended: bool,
    /// Whether the last line is vouched for, so that none can be missing behind it.
    pub sealed: bool,
}

/// Reads a whole journal, a line at a time, and says whether it is as it was written.
pub(super) fn verify(input: impl BufRead, path: &Path, seal: Option<Seal>) -> Result<Verified, JournalError> {
    let sealed_lines = seal.as_ref().map(|seal| seal.lines);
    let mut reader = Reader::new(input, path, seal);
    let mut ended = false;
    let mut planned = 0;
    let mut found = 0;
    while let Some(line) = reader.next_line()? {
        ended = false;
        match line.record {
            Record::Run(header) => planned = header.targets,
            Record::Targets(targets) => found += targets.list.len() as u64,
            Record::End(_) => ended = true,
            _ => {}
        }
    }
    let lines = reader.lines();
    if planned != found {
        return Err(JournalError::damaged(path, lines, format!("ends a plan of {found} targets instead of {planned}")));
    }
    Ok(Verified { lines, torn: reader.torn(), ended, sealed: sealed_lines == Some(lines) })
}
