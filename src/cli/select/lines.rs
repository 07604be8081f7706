//! Text to lines: LF, CRLF and CR end one, `#` begins a comment, and only so much of a line is kept.

use super::error::SelectError;

/// One line that holds anything.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Its number in the file, from 1.
    pub(super) number: u32,
    /// What it holds, without its comment; surrounding blanks may still be there.
    pub(super) text: &'a [u8],
    /// How long the whole line is, in bytes of UTF-8.
    pub(super) bytes: u64,
    /// Whether more than `text` was there.
    pub(super) cut: bool,
}

/// Cuts blocks of text into lines.
pub(super) struct Lines {
    /// How much of a line is kept.
    keep: usize,
    comments: bool,
    kept: Vec<u8>,
    bytes: u64,
    cut: bool,
    in_comment: bool,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    /// How many lines have ended.
    pub(super) ended: u32,
}

impl Lines {
    pub(super) const fn new(keep: usize, comments: bool) -> Self {
        Self { keep, comments, kept: Vec::new(), bytes: 0, cut: false, in_comment: false, after_cr: false, ended: 0 }
    }

    /// Takes the next block and hands on the lines that end in it.
    pub(super) fn feed(
        &mut self,
        block: &[u8],
        each: &mut dyn FnMut(&Line<'_>) -> Result<(), SelectError>,
    ) -> Result<(), SelectError> {
        let mut rest = block;
        if !rest.is_empty() && std::mem::take(&mut self.after_cr) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            let (line, after) = rest.split_at(end);
            self.append(line);
            self.end(each)?;
            rest = match after {
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => &[],
            };
        }
        self.append(rest);
        Ok(())
    }

    /// Hands on the last line, if nothing ended it.
    pub(super) fn finish(
        &mut self,
        each: &mut dyn FnMut(&Line<'_>) -> Result<(), SelectError>,
    ) -> Result<(), SelectError> {
        if self.bytes > 0 { self.end(each) } else { Ok(()) }
    }

    fn append(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        if self.in_comment {
            return;
        }
        let hash = if self.comments { part.iter().position(|b| *b == b'#') } else { None };
        self.in_comment = hash.is_some();
        let mut part = part.get(..hash.unwrap_or(part.len())).unwrap_or_default();
        if self.kept.is_empty() {
            part = part.trim_ascii_start();
        }
        let (kept, lost) = part.split_at(part.len().min(self.keep - self.kept.len()));
        self.kept.extend_from_slice(kept);
        // Blanks between a target and its comment are no part of it, however many they are.
        self.cut |= !lost.trim_ascii().is_empty();
    }

    fn end(&mut self, each: &mut dyn FnMut(&Line<'_>) -> Result<(), SelectError>) -> Result<(), SelectError> {
        self.ended = self.ended.checked_add(1).ok_or(SelectError::TooManyLines { file: None })?;
        let result = if self.kept.is_empty() {
            Ok(())
        } else {
            each(&Line { number: self.ended, text: &self.kept, bytes: self.bytes, cut: self.cut })
        };
        self.kept.clear();
        self.bytes = 0;
        self.cut = false;
        self.in_comment = false;
        result
    }
}

#[cfg(test)]
mod tests;
