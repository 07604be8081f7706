//! Bytes to the cells of a delimited file: quotes, doubled quotes, blanks around them. Only so much of a cell is kept.

use crate::domain::selector::MAX_SELECTOR_BYTES;

/// How much of a cell is kept.
pub(super) const KEEP: usize = MAX_SELECTOR_BYTES + 1;

/// What a byte ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Cell,
    Row,
}

/// Where in a cell the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    Bare,
    Quoted,
    /// After a quote inside a quoted cell: its end, or the first of two.
    Closing,
    After,
}

/// Cuts bytes into cells.
pub(super) struct Cells {
    delimiter: u8,
    at: At,
    /// The cell so far, cut to what is kept.
    pub(super) text: Vec<u8>,
    /// Its length before it was cut.
    pub(super) bytes: u64,
    /// Something followed its closing quote.
    pub(super) stray: bool,
    /// The line on which its quote opened.
    pub(super) opened: u32,
}

impl Cells {
    pub(super) const fn new(delimiter: u8) -> Self {
        Self { delimiter, at: At::Start, text: Vec::new(), bytes: 0, stray: false, opened: 0 }
    }

    /// Whether a quote is open.
    pub(super) fn in_quotes(&self) -> bool {
        self.at == At::Quoted
    }

    /// Takes one byte; line ends are LF here. When a cell has ended it is in `text` until [`reset`](Self::reset).
    pub(super) fn push(&mut self, byte: u8, line: u32) -> Option<End> {
        let blank = matches!(byte, b' ' | b'\t');
        match self.at {
            At::Quoted if byte == b'"' => self.at = At::Closing,
            At::Quoted => self.keep(byte),
            At::Closing if byte == b'"' => {
                self.at = At::Quoted;
                self.keep(byte);
            }
            _ if byte == b'\n' => return Some(End::Row),
            _ if byte == self.delimiter => return Some(End::Cell),
            At::Start if byte == b'"' => {
                self.at = At::Quoted;
                self.opened = line;
            }
            At::Start if blank => {}
            At::Start | At::Bare => {
                self.at = At::Bare;
                self.keep(byte);
            }
            At::Closing | At::After => {
                self.at = At::After;
                self.stray |= !blank;
            }
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        self.bytes += 1;
        if self.text.len() < KEEP {
            self.text.push(byte);
        }
    }

    /// Makes room for the next cell.
    pub(super) fn reset(&mut self) {
        self.at = At::Start;
        self.text.clear();
        self.bytes = 0;
        self.stray = false;
    }
}
