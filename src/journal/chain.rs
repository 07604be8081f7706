//! The hash that ties a line to the one before it.
//!
//! ```text
//! {"v":1,"prev":"<64 hex>","at":"<RFC 3339>","type":"…", … ,"sum":"<16 hex>"}
//! ```
//!
//! `prev` is the SHA-256 of the line before, without its newline; of the first line it is zeros. `sum` begins the
//! SHA-256 of everything before `,"sum"`: the last line has no successor that would vouch for it, so each vouches for
//! itself. One pass over a line serves both.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::clock;

const HEAD: &[u8] = b"{\"v\":1,\"prev\":\"";
const SUM: &[u8] = b",\"sum\":\"";
const SUM_DIGITS: usize = 16;
const CLOSE: &[u8] = b"\"}";
const TAIL: usize = SUM.len() + SUM_DIGITS + CLOSE.len();

/// The hash of the last line, to which the next one is tied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    prev: [u8; 32],
}

impl Chain {
    /// Before the first line.
    pub(super) const fn new() -> Self {
        Self { prev: [0; 32] }
    }

    /// The hash of the last line, in hex.
    pub(super) fn last(&self) -> String {
        let mut hex = Vec::with_capacity(64);
        push_hex(&mut hex, &self.prev);
        hex.into_iter().map(char::from).collect()
    }

    /// Adds one line, newline included, to `out`. After an error neither has changed. The record is one that is written
    /// as an object that is not empty.
    pub(super) fn push(
        &mut self,
        at: Timestamp,
        record: &impl Serialize,
        out: &mut Vec<u8>,
    ) -> Result<(), serde_json::Error> {
        let start = out.len();
        out.extend_from_slice(HEAD);
        push_hex(out, &self.prev);
        out.extend_from_slice(b"\",\"at\":\"");
        out.extend_from_slice(clock::rfc3339(at).as_bytes());
        out.push(b'"');
        let body = out.len();
        if let Err(error) = serde_json::to_writer(&mut *out, record) {
            out.truncate(start);
            return Err(error);
        }
        // The record is an object of its own: its braces give way, so that its fields go on where ours end.
        if let Some(brace) = out.get_mut(body) {
            *brace = b',';
        }
        out.pop();
        let mut hash = Sha256::new();
        hash.update(out.get(start..).unwrap_or_default());
        let sum: [u8; 32] = hash.clone().finalize().into();
        let tail = out.len();
        out.extend_from_slice(SUM);
        push_hex(out, sum.get(..SUM_DIGITS / 2).unwrap_or_default());
        out.extend_from_slice(CLOSE);
        hash.update(out.get(tail..).unwrap_or_default());
        self.prev = hash.finalize().into();
        out.push(b'\n');
        Ok(())
    }

    /// Checks the next line, without its newline, and goes on to it. The error says what is wrong with it.
    pub(super) fn check(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let (hash, prev) = own_sum(line)?;
        let mut expected = Vec::with_capacity(64);
        push_hex(&mut expected, &self.prev);
        if prev != expected {
            return Err("does not follow the line before it: lines were removed, added, moved or edited");
        }
        self.prev = hash;
        Ok(())
    }
}

/// Checks a line by its own sum alone: whether it is as it was written, not whether it is where it was written.
pub(super) fn check_alone(line: &[u8]) -> Result<(), &'static str> {
    own_sum(line).map(|_| ())
}

/// The hash of a line that its own sum vouches for, and the hash that it says the line before it has.
fn own_sum(line: &[u8]) -> Result<([u8; 32], &[u8]), &'static str> {
    const FORM: &str = "does not have the form of a journal's line";
    let (body, tail) = line.split_at_checked(line.len().wrapping_sub(TAIL)).ok_or(FORM)?;
    let written = tail.strip_prefix(SUM).and_then(|rest| rest.strip_suffix(CLOSE)).ok_or(FORM)?;
    let prev = body.strip_prefix(HEAD).and_then(|rest| rest.get(..64)).ok_or(FORM)?;
    let mut hash = Sha256::new();
    hash.update(body);
    let sum: [u8; 32] = hash.clone().finalize().into();
    let mut expected = Vec::with_capacity(SUM_DIGITS);
    push_hex(&mut expected, sum.get(..SUM_DIGITS / 2).unwrap_or_default());
    if written != expected {
        return Err("was edited: its sum does not match its content");
    }
    hash.update(tail);
    Ok((hash.finalize().into(), prev))
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
        }
    }
}
