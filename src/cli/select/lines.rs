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
        if std::mem::take(&mut self.after_cr) {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Seen = Vec<(u32, String, u64, bool)>;

    fn lines(blocks: &[&[u8]], keep: usize, comments: bool) -> Seen {
        let mut seen = Vec::new();
        let mut lines = Lines::new(keep, comments);
        let mut each = |line: &Line<'_>| {
            seen.push((line.number, String::from_utf8_lossy(line.text).into_owned(), line.bytes, line.cut));
            Ok(())
        };
        for block in blocks {
            lines.feed(block, &mut each).unwrap();
        }
        lines.finish(&mut each).unwrap();
        seen
    }

    fn texts(text: &str) -> Vec<(u32, String)> {
        lines(&[text.as_bytes()], 100, true).into_iter().map(|(number, text, ..)| (number, text)).collect()
    }

    #[test]
    fn every_line_ending_counts_once() {
        for text in ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc\r", "a\nb\r\n\rc"] {
            let due = [(1, "a".to_owned()), (2, "b".to_owned()), (4, "c".to_owned())];
            assert_eq!(texts(text), due, "{text:?}");
        }
    }

    #[test]
    fn a_comment_begins_anywhere() {
        assert_eq!(texts("# all\na # b\n  \n#\nc#d\n"), [(2, "a ".to_owned()), (5, "c".to_owned())]);
    }

    #[test]
    fn a_long_line_is_cut_and_its_length_told() {
        let long = "x".repeat(5000);
        let text = format!("a\n{long}\nb {}\n{} c\nd{}#{long}\n", " ".repeat(5000), " ".repeat(5000), " ".repeat(5000));
        let seen = lines(&[text.as_bytes()], 10, true);
        let short: Vec<_> =
            seen.iter().map(|(number, text, bytes, cut)| (*number, text.trim(), *bytes, *cut)).collect();
        assert_eq!(
            short,
            [
                (1, "a", 1, false),
                (2, "xxxxxxxxxx", 5000, true),
                (3, "b", 5002, false),
                (4, "c", 5002, false),
                (5, "d", 10002, false)
            ]
        );
    }

    #[test]
    fn more_lines_than_can_be_counted_are_an_error() {
        let mut lines = Lines::new(10, true);
        lines.ended = u32::MAX - 1;
        let mut numbers = Vec::new();
        let mut each = |line: &Line<'_>| {
            numbers.push(line.number);
            Ok(())
        };
        lines.feed(b"a\n", &mut each).unwrap();
        let error = lines.feed(b"b\n", &mut each).unwrap_err();
        assert!(matches!(error, SelectError::TooManyLines { .. }));
        assert_eq!(numbers, [u32::MAX]);
    }

    proptest! {
        #[test]
        fn where_blocks_end_makes_no_difference(text in "[ab#é \t\r\n]{0,60}", cuts in proptest::collection::vec(0_usize..60, 0..6)) {
            let whole = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
            cuts.sort_unstable();
            let mut blocks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                blocks.push(&whole[from..cut]);
                from = cut;
            }
            blocks.push(&whole[from..]);
            for comments in [true, false] {
                prop_assert_eq!(lines(&blocks, 7, comments), lines(&[whole], 7, comments));
            }
        }
    }
}
