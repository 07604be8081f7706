//! Reads a journal back, a line at a time, and checks every line on the way.
//!
//! A last line without a newline is what a crash leaves: it is told as torn and not read. Any other damage is an error,
//! and nothing behind it is read.

use std::{
    io::{self, BufRead, Read},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    chain::Chain,
    error::{Holder, JournalError},
    record::{FORMAT, Header, Record, Resumed},
    verify::Seal,
    words,
};

/// A line longer than this was not written by us; without a limit, a wrong file could fill the memory.
const MAX_LINE: u64 = 1 << 30;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u64,
    /// When it was written down.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
}

/// The fields that every line has.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(deserialize_with = "words::time::deserialize")]
    at: Timestamp,
    #[serde(rename = "type", borrow)]
    kind: &'a str,
}

/// Reads and checks a journal.
#[derive(Debug)]
pub(super) struct Reader<R> {
    input: R,
    path: PathBuf,
    seal: Option<Seal>,
    chain: Chain,
    lines: u64,
    length: u64,
    torn: bool,
    buffer: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Begins before the first line. The seal, if there is one, is checked on the way; it has to be read before the
    /// journal is, because a run under way writes them in the other order.
    pub(super) fn new(input: R, path: &Path, seal: Option<Seal>) -> Self {
        Self {
            input,
            path: path.to_owned(),
            seal,
            chain: Chain::new(),
            lines: 0,
            length: 0,
            torn: false,
            buffer: Vec::new(),
        }
    }

    /// The next line; `None` at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, JournalError> {
        self.buffer.clear();
        (&mut self.input)
            .take(MAX_LINE)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|error| JournalError::io("read", &self.path, error))?;
        let read = self.buffer.len() as u64;
        if self.buffer.pop_if(|last| *last == b'\n').is_none() {
            return self.end(read);
        }
        let number = self.lines + 1;
        let damaged = |what: &str| JournalError::damaged(&self.path, number, what);
        let line = self.buffer.as_slice();
        if number == 1
            && let Some(found) = newer_version(line)
        {
            return Err(JournalError::Version { path: self.path.clone(), found });
        }
        self.chain.check(line).map_err(damaged)?;
        let (at, record) = decode(line).map_err(|what| damaged(&what))?;
        if matches!(record, Record::Run(_)) != (number == 1) {
            return Err(damaged("is not in its place: a run's first line, and no other, says what the run is"));
        }
        if let Some(seal) = &self.seal
            && seal.lines == number
            && seal.last != self.chain.last()
        {
            return Err(damaged("is not the one with which the run ended"));
        }
        self.lines = number;
        self.length += read;
        Ok(Some(Line { number, at, record }))
    }

    fn end(&mut self, rest: u64) -> Result<Option<Line>, JournalError> {
        let damaged = |line: u64, what: String| JournalError::damaged(&self.path, line, what);
        if rest >= MAX_LINE {
            return Err(damaged(self.lines + 1, "is too long to be a journal's".to_owned()));
        }
        self.torn = rest > 0;
        match &self.seal {
            Some(seal) if self.lines < seal.lines => {
                Err(damaged(self.lines + 1, format!("is missing: there were {} when the run ended", seal.lines)))
            }
            _ if self.lines == 0 => Err(damaged(1, "is missing: a journal begins with what the run is".to_owned())),
            _ => Ok(None),
        }
    }

    /// How many whole lines were read.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }

    /// How many bytes they have.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Whether half a line follows them; known at the end.
    pub(super) const fn torn(&self) -> bool {
        self.torn
    }

    /// Whether the last line is vouched for; known at the end.
    pub(super) fn sealed(&self) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.lines == self.lines)
    }

    /// What the next line would have to follow.
    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }
}

/// Reads the content of a line whose sums were checked. The error says what is wrong with it, and quotes nothing.
pub(super) fn decode(line: &[u8]) -> Result<(Timestamp, Record), String> {
    let unread = |error: serde_json::Error| format!("does not read as a record, from its column {}", error.column());
    let envelope: Envelope<'_> = serde_json::from_slice(line).map_err(unread)?;
    let record = Record::read(envelope.kind, line)
        .ok_or_else(|| "is of a kind that this version does not know".to_owned())?
        .map_err(unread)?;
    Ok((envelope.at, record))
}

/// The version of the format, if it is newer than ours. Nothing else of such a line can be relied on.
fn newer_version(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"{\"v\":")?.split(|byte| !byte.is_ascii_digit()).next()?;
    let version: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (version > u64::from(FORMAT)).then_some(version)
}

/// The process that last began to work on a journal. Nothing is checked: it is for a message, while another writes.
pub(super) fn holder(mut input: impl BufRead) -> io::Result<Option<Holder>> {
    /// Where the word for a line's kind stands, at the latest.
    const KIND_WITHIN: usize = 160;
    const RESUMED: &[u8] = b"\"type\":\"resumed\"";
    let mut holder = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut input).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(holder);
        }
        if holder.is_none() {
            let Ok(header) = serde_json::from_slice::<Header>(&line) else { return Ok(None) };
            holder = Some(Holder { user: header.user, host: header.host, pid: header.pid });
        } else if line.get(..KIND_WITHIN).is_some_and(|head| head.windows(RESUMED.len()).any(|part| part == RESUMED))
            && let Ok(resumed) = serde_json::from_slice::<Resumed>(&line)
        {
            holder = Some(Holder { user: resumed.user, host: resumed.host, pid: resumed.pid });
        }
    }
}
