//! The bytes of a record.
//!
//! `length`, `checksum of the length`, `payload`, `checksum of the payload`, `end mark`; numbers are little-endian. The
//! length has a checksum of its own, so that a damaged one is not taken for a record that was torn off. The mark is never
//! zero: a record whose end the file system has only made room for does not have it.

use std::{collections::BTreeMap, io};

use flate2::Crc;

use crate::stream::{event::EventId, sinks::Position};

/// The first bytes of the file.
pub(super) const HEADER: &[u8; 16] = b"edrctl ledger 1\n";

/// The bytes before the payload.
pub(super) const BEFORE: usize = 8;

/// The bytes behind the payload.
pub(super) const BEHIND: usize = 5;

/// No payload is longer than this.
pub(super) const LONGEST: usize = 64 * 1024 * 1024;

pub(super) const MARK: u8 = 0xa5;

/// A number without the mark of its body: of former versions, which read no others.
const NUMBER: u8 = 1;
const DIGEST: u8 = 2;
const POSITIONS: u8 = 3;
const MARKED: u8 = 4;

/// The checksum of some bytes.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Appends a record.
pub(super) fn encode(ids: &[EventId], positions: &BTreeMap<String, Position>, buffer: &mut Vec<u8>) -> io::Result<()> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; BEFORE]);
    for id in ids {
        match id {
            EventId::Number(number, 0) => {
                buffer.push(NUMBER);
                buffer.extend_from_slice(&number.to_le_bytes());
            }
            EventId::Number(number, mark) => {
                buffer.push(MARKED);
                buffer.extend_from_slice(&number.to_le_bytes());
                buffer.extend_from_slice(&mark.to_le_bytes());
            }
            EventId::Digest(digest) => {
                buffer.push(DIGEST);
                buffer.extend_from_slice(digest);
            }
        }
    }
    buffer.push(POSITIONS);
    serde_json::to_writer(&mut *buffer, positions)?;
    let payload = buffer.get(start + BEFORE..).unwrap_or_default();
    let length = u32::try_from(payload.len()).ok().filter(|length| *length as usize <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("the record is too long"))?.to_le_bytes();
    let sum = checksum(payload);
    for (to, from) in buffer.iter_mut().skip(start).zip(length.into_iter().chain(checksum(&length).to_le_bytes())) {
        *to = from;
    }
    buffer.extend_from_slice(&sum.to_le_bytes());
    buffer.push(MARK);
    Ok(())
}

/// Reads a payload: every id in its order, and the positions. `None` if it is not one.
pub(super) fn decode(mut payload: &[u8], mut id: impl FnMut(EventId)) -> Option<BTreeMap<String, Position>> {
    loop {
        let (kind, rest) = payload.split_first()?;
        payload = match *kind {
            NUMBER => {
                let (number, rest) = rest.split_first_chunk()?;
                id(EventId::Number(u64::from_le_bytes(*number), 0));
                rest
            }
            MARKED => {
                let (number, rest) = rest.split_first_chunk()?;
                let (mark, rest) = rest.split_first_chunk()?;
                id(EventId::Number(u64::from_le_bytes(*number), u64::from_le_bytes(*mark)));
                rest
            }
            DIGEST => {
                let (digest, rest) = rest.split_first_chunk()?;
                id(EventId::Digest(*digest));
                rest
            }
            POSITIONS => return serde_json::from_slice(rest).ok(),
            _ => return None,
        };
    }
}
