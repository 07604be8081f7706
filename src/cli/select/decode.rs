//! Bytes to UTF-8, a block at a time.
//!
//! What cannot be decoded is passed on as bytes that are not UTF-8 either, so that it is reported with its line. What is
//! no text at all stops the reading: a list that was meant to be read must not end up half read.

use std::io::{self, Read};

use super::error::NotText;

/// How much is read at a time. Every block but the last is full, so that nothing depends on how a pipe is cut.
const BLOCK: usize = 64 * 1024;

/// Why there is no further block.
#[derive(Debug)]
pub(super) enum DecodeError {
    Io(io::Error),
    NotText(NotText),
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
}

/// Turns a stream of bytes into blocks of UTF-8.
pub(super) struct Decoder<'a> {
    input: &'a mut dyn Read,
    raw: Box<[u8]>,
    text: Vec<u8>,
    encoding: Option<Encoding>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    /// The first byte of a unit that the end of a block cut in two.
    odd: Option<u8>,
    ended: bool,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(input: &'a mut dyn Read) -> Self {
        Self::with_block(input, BLOCK)
    }

    fn with_block(input: &'a mut dyn Read, block: usize) -> Self {
        Self {
            input,
            raw: vec![0; block].into_boxed_slice(),
            text: Vec::new(),
            encoding: None,
            high: None,
            odd: None,
            ended: false,
        }
    }

    /// The next block of text; `None` at the end.
    pub(super) fn next_block(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        if self.ended {
            return Ok(None);
        }
        let length = self.fill().map_err(DecodeError::Io)?;
        self.ended = length < self.raw.len();
        let mut bytes = self.raw.get(..length).unwrap_or_default();
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => {
                let (encoding, mark) = sniff(bytes)?;
                bytes = bytes.get(mark..).unwrap_or_default();
                *self.encoding.insert(encoding)
            }
        };
        let text = match encoding {
            Encoding::Utf8 => bytes,
            Encoding::Utf16(unit) => {
                self.text.clear();
                transcode(bytes, unit, &mut self.odd, &mut self.high, &mut self.text);
                if self.ended && (self.odd.is_some() || self.high.is_some()) {
                    self.text.push(LOST);
                }
                &self.text
            }
        };
        match not_text(text) {
            Some(what) => Err(DecodeError::NotText(what)),
            None => Ok(Some(text)),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut length = 0;
        while let Some(room) = self.raw.get_mut(length..).filter(|room| !room.is_empty()) {
            match self.input.read(room) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }
}

/// A byte that no UTF-8 has: it stands for what could not be decoded.
const LOST: u8 = 0xff;

/// Tells the encoding from the first bytes, and how many of them are the mark.
fn sniff(bytes: &[u8]) -> Result<(Encoding, usize), DecodeError> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let what = if starts(b"PK\x03\x04") || starts(b"\xd0\xcf\x11\xe0") {
        NotText::Spreadsheet
    } else if starts(b"\x1f\x8b") || starts(b"BZh") || starts(b"\xfd7zXZ\0") || starts(b"\x28\xb5\x2f\xfd") {
        NotText::Compressed
    } else if starts(b"-----BEGIN ") {
        NotText::Pem
    } else {
        return Ok(if starts(b"\xef\xbb\xbf") {
            (Encoding::Utf8, 3)
        } else if starts(b"\xff\xfe") {
            (Encoding::Utf16(u16::from_le_bytes), 2)
        } else if starts(b"\xfe\xff") {
            (Encoding::Utf16(u16::from_be_bytes), 2)
        } else {
            (Encoding::Utf8, 0)
        });
    };
    Err(DecodeError::NotText(what))
}

fn transcode(bytes: &[u8], unit: fn([u8; 2]) -> u16, odd: &mut Option<u8>, high: &mut Option<u16>, text: &mut Vec<u8>) {
    let mut bytes = bytes.iter().copied();
    while let Some(first) = odd.take().or_else(|| bytes.next()) {
        let Some(second) = bytes.next() else {
            *odd = Some(first);
            return;
        };
        let unit = unit([first, second]);
        if let Some(before) = high.take() {
            if let Some(Ok(c)) = char::decode_utf16([before, unit]).next() {
                push(c, text);
                continue;
            }
            text.push(LOST);
        }
        match unit {
            0xd800..=0xdbff => *high = Some(unit),
            _ => match char::from_u32(unit.into()) {
                Some(c) => push(c, text),
                None => text.push(LOST),
            },
        }
    }
}

fn push(c: char, text: &mut Vec<u8>) {
    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// What a block is if it is no text: it has a zero byte, or every tenth character is a control character.
fn not_text(text: &[u8]) -> Option<NotText> {
    if let Some(at) = text.iter().position(|b| *b == 0) {
        // In UTF-16 every other byte of plain Latin text is zero.
        let near = text.get(at.saturating_sub(8)..).unwrap_or_default();
        let near = near.get(..near.len().min(32)).unwrap_or_default();
        let zeros = |parity: usize| near.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
        let (even, odd) = (zeros(0), zeros(1));
        let wide = near.len() >= 4 && (even == 0) != (odd == 0) && even + odd >= near.len().div_ceil(4);
        return Some(if wide { NotText::WideWithoutMark } else { NotText::Binary });
    }
    let control = |b: &&u8| matches!(**b, 0x01..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f);
    let controls = text.iter().filter(control).count();
    (controls >= 4 && controls * 10 > text.len()).then_some(NotText::Binary)
}

#[cfg(test)]
mod tests;
