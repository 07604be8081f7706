//! Reads a ledger from its beginning, a record at a time.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read as _},
};

use super::{
    record::{BEFORE, BEHIND, HEADER, LONGEST, MARK, checksum, decode},
    window::Window,
};
use crate::stream::sinks::Position;

/// What was read so far.
pub(super) struct Read {
    pub(super) window: Window,
    pub(super) positions: BTreeMap<String, Position>,
    /// The end of the last whole record.
    pub(super) end: u64,
}

/// Reads all whole records. `false` if it is damaged behind them, and not merely torn.
pub(super) fn all(file: &mut File, seen: &mut Read) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let mut from = BufReader::new(file);
    let mut bytes = Vec::new();
    exactly(&mut from, HEADER.len(), &mut bytes)?;
    if bytes.as_slice() != HEADER {
        // A crash may come before the first line is whole.
        return Ok(length < HEADER.len() as u64 && (HEADER.starts_with(&bytes) || bytes.iter().all(|byte| *byte == 0)));
    }
    seen.end = HEADER.len() as u64;
    loop {
        if exactly(&mut from, BEFORE, &mut bytes)? < BEFORE {
            return Ok(true);
        }
        let Some(payload) = length_of(&bytes) else {
            // Room that a crash has left unwritten is all zeros, to the end.
            return only_zeros(&bytes, &mut from);
        };
        let whole = payload + BEHIND;
        if exactly(&mut from, whole, &mut bytes)? < whole {
            return Ok(true);
        }
        let (payload, behind) = bytes.split_at_checked(payload).unwrap_or_default();
        let (sum, mark) = behind.split_first_chunk().unwrap_or((&[0; 4], &[]));
        let end = seen.end + (BEFORE + whole) as u64;
        if mark != [MARK] || u32::from_le_bytes(*sum) != checksum(payload) {
            // Only the last record can be torn, and then its end is not there.
            return Ok(end == length && mark == [0]);
        }
        let Some(positions) = decode(payload, |id| seen.window.insert(id)) else { return Ok(false) };
        seen.positions = positions;
        seen.end = end;
    }
}

/// Reads so many bytes, or as many as there are.
fn exactly(from: &mut impl io::Read, count: usize, bytes: &mut Vec<u8>) -> io::Result<usize> {
    bytes.clear();
    from.take(count as u64).read_to_end(bytes)
}

/// The length of the payload, if the bytes before it are whole.
fn length_of(before: &[u8]) -> Option<usize> {
    let (length, sum) = before.split_first_chunk::<4>()?;
    if checksum(length).to_le_bytes() != sum {
        return None;
    }
    usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= LONGEST)
}

fn only_zeros(before: &[u8], rest: &mut impl io::BufRead) -> io::Result<bool> {
    if before.iter().any(|byte| *byte != 0) {
        return Ok(false);
    }
    for byte in rest.bytes() {
        if byte? != 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
