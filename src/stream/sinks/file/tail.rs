//! What lies in a file behind the position that was last written down.
//!
//! It may be the batch that was being written when the program ended, or lines of another stream, or of somebody's editor.
//! Where it stands does not tell which. So nothing is removed for where it stands: whole lines stay, and one that comes
//! again is known by its bytes and not written a second time. A last line without an end is cut only if it is the beginning
//! of a line that is about to be written.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    mem,
    ops::Range,
};

use sha2::{Digest as _, Sha256};

/// So much is looked at. A batch is far shorter, and the one that was not finished comes first.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// So many lines are known.
const MOST_LINES: usize = 1_000_000;

/// The lines behind a position.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Whole lines, by the beginning of their SHA-256, and whether they have come again.
    lines: HashMap<[u8; 16], bool>,
    /// How many have not.
    unclaimed: usize,
    /// Where a last line without an end stands in the active file.
    torn: Option<Range<u64>>,
}

impl Tail {
    /// Adds what stands there in a file: whole lines, and what is left behind the last of them.
    pub(super) fn add(&mut self, file: &File, from: u64, to: u64) -> io::Result<()> {
        let end = whole_lines(file, to)?.max(from);
        if end < to {
            self.torn = Some(end..to);
        }
        let mut reader = file;
        reader.seek(SeekFrom::Start(from))?;
        let mut reader = BufReader::new(reader.take((end - from).min(MOST_BYTES)));
        let mut line = Vec::new();
        while self.lines.len() < MOST_LINES {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 || !line.ends_with(b"\n") {
                break;
            }
            if self.lines.insert(digest(&line), false).is_none() {
                self.unclaimed += 1;
            }
        }
        Ok(())
    }

    /// The same for a file that nothing is added to any more.
    pub(super) fn add_finished(&mut self, file: &File, from: u64, to: u64) -> io::Result<()> {
        self.add(file, from, to)?;
        self.torn = None;
        Ok(())
    }

    /// Nothing lies there.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.torn.is_none()
    }

    /// All of it has come again.
    pub(super) const fn is_claimed(&self) -> bool {
        self.unclaimed == 0 && self.torn.is_none()
    }

    /// How many lines have not come again.
    pub(super) const fn unclaimed(&self) -> usize {
        self.unclaimed
    }

    /// Leaves out of a batch what is in the file already.
    pub(super) fn leave_out(&mut self, lines: &[u8]) -> Vec<u8> {
        let mut left = Vec::with_capacity(lines.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            match self.lines.get_mut(&digest(line)) {
                Some(again) => {
                    if !mem::replace(again, true) {
                        self.unclaimed = self.unclaimed.saturating_sub(1);
                    }
                }
                None => left.extend_from_slice(line),
            }
        }
        left
    }

    /// Where a last line without an end stands.
    pub(super) fn torn(&self) -> Option<Range<u64>> {
        self.torn.clone()
    }

    /// It is dealt with.
    pub(super) fn mended(&mut self) {
        self.torn = None;
    }

    /// Whether the last line is the beginning of one of these.
    pub(super) fn begins_one_of(&self, lines: &[u8], file: &File) -> io::Result<bool> {
        let Some(torn) = self.torn.clone() else { return Ok(false) };
        let size = usize::try_from(torn.end - torn.start).unwrap_or(usize::MAX);
        let mut longer = lines.split_inclusive(|byte| *byte == b'\n').filter(|line| line.len() > size).peekable();
        if longer.peek().is_none() {
            return Ok(false);
        }
        let mut bytes = vec![0; size];
        read_at(file, &mut bytes, torn.start)?;
        Ok(longer.any(|line| line.starts_with(&bytes)))
    }
}

fn digest(line: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(Sha256::digest(line)) {
        *to = from;
    }
    first
}

/// The length up to the end of the last whole line.
pub(super) fn whole_lines(file: &File, length: u64) -> io::Result<u64> {
    let mut chunk = [0; 8192];
    let mut end = length;
    while end > 0 {
        let from = end.saturating_sub(chunk.len() as u64);
        let size = usize::try_from(end - from).unwrap_or(chunk.len());
        let part = chunk.get_mut(..size).unwrap_or_default();
        read_at(file, part, from)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// Whether a line ends at this length, or the file begins there.
pub(super) fn ends_a_line(file: &File, length: u64) -> io::Result<bool> {
    let Some(last) = length.checked_sub(1) else { return Ok(true) };
    let mut byte = [0];
    read_at(file, &mut byte, last)?;
    Ok(byte == *b"\n")
}

/// Reading moves only where is read next: the file is open for appending.
fn read_at(mut file: &File, bytes: &mut [u8], from: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(bytes)
}
