//! One column of a CSV or TSV file with a header.
//!
//! Only the wanted cell of a row is kept. Rows are told by the line on which they begin. A row with more cells than the
//! header is malformed, because its cells may have moved and the wrong host would be named; one that ends early is not, as
//! long as the column is there: spreadsheets drop empty cells at the end.

use super::{
    bad_line::BadReason,
    cells::{Cells, End, KEEP},
    error::SelectError,
    gather::Gather,
};
use crate::domain::selector::same_name;

/// The most that is read of a header.
const MAX_HEADER: usize = 64 * 1024;

/// Cuts blocks of text into rows, and takes the wanted column out of them.
pub(super) struct Columns<'c> {
    wanted: &'c str,
    stage: Stage,
    /// How many lines have ended.
    ended: u32,
    after_cr: bool,
}

enum Stage {
    Header { raw: Vec<u8>, quoted: bool, opened: u32, delimiter: Option<u8> },
    Rows { cells: Cells, layout: Layout, row: Row },
}

/// What the header told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    delimiter: u8,
    column: usize,
    columns: usize,
}

/// The row that is being read.
#[derive(Default)]
struct Row {
    /// The line on which it begins; 0 before its first byte.
    begins: u32,
    cells: usize,
    /// Cells up to the last that is not empty.
    filled: usize,
    /// The line of a quote that closed in the middle of a cell.
    stray: Option<u32>,
    /// The wanted cell, and how long it was before it was cut.
    target: Option<(Vec<u8>, u64)>,
}

impl<'c> Columns<'c> {
    pub(super) const fn new(wanted: &'c str) -> Self {
        Self {
            wanted,
            stage: Stage::Header { raw: Vec::new(), quoted: false, opened: 0, delimiter: None },
            ended: 0,
            after_cr: false,
        }
    }

    /// Takes the next block.
    pub(super) fn feed(&mut self, block: &[u8], gather: &mut Gather) -> Result<(), SelectError> {
        for byte in block {
            let follows_cr = std::mem::replace(&mut self.after_cr, *byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => self.push(b'\n', gather)?,
                byte => self.push(*byte, gather)?,
            }
        }
        Ok(())
    }

    /// Takes the last row, if nothing ended it.
    pub(super) fn finish(&mut self, gather: &mut Gather) -> Result<(), SelectError> {
        match &self.stage {
            Stage::Header { raw, .. } if raw.trim_ascii().is_empty() => Ok(()),
            Stage::Header { quoted: true, opened, .. } => Err(SelectError::OpenQuote { file: None, line: *opened }),
            Stage::Rows { cells, .. } if cells.in_quotes() => {
                Err(SelectError::OpenQuote { file: None, line: cells.opened })
            }
            Stage::Rows { row, .. } if row.begins == 0 => Ok(()),
            Stage::Header { .. } | Stage::Rows { .. } => self.push(b'\n', gather),
        }
    }

    fn push(&mut self, byte: u8, gather: &mut Gather) -> Result<(), SelectError> {
        let line = self.ended.checked_add(1).ok_or(SelectError::TooManyLines { file: None })?;
        if byte == b'\n' {
            self.ended = line;
        }
        match &mut self.stage {
            Stage::Header { raw, quoted, opened, delimiter } => {
                if byte != b'\n' || *quoted {
                    if byte == b'"' {
                        *quoted = !*quoted;
                        *opened = line;
                    }
                    raw.push(byte);
                    if raw.len() > MAX_HEADER {
                        return Err(SelectError::LongHeader { file: None, limit: MAX_HEADER });
                    }
                } else if let Some(told) = told_delimiter(raw).filter(|_| delimiter.is_none()) {
                    *delimiter = Some(told);
                    raw.clear();
                } else if raw.trim_ascii().is_empty() {
                    raw.clear();
                } else {
                    let layout = find(raw, *delimiter, self.wanted)?;
                    self.stage = Stage::Rows { cells: Cells::new(layout.delimiter), layout, row: Row::default() };
                }
            }
            Stage::Rows { cells, layout, row } => {
                if row.begins == 0 {
                    row.begins = line;
                }
                if let Some(end) = cells.push(byte, line) {
                    row.take(cells, *layout);
                    if end == End::Row {
                        std::mem::take(row).settle(*layout, line, gather)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Row {
    /// Takes the cell that has just ended.
    fn take(&mut self, cells: &mut Cells, layout: Layout) {
        self.cells += 1;
        if cells.bytes > 0 && !cells.text.trim_ascii().is_empty() {
            self.filled = self.cells;
        }
        if cells.stray {
            self.stray = Some(cells.opened);
        }
        if self.cells == layout.column + 1 {
            self.target = Some((cells.text.clone(), cells.bytes));
        }
        cells.reset();
    }

    /// Hands on the target of a row that has ended on `line`.
    fn settle(self, layout: Layout, line: u32, gather: &mut Gather) -> Result<(), SelectError> {
        let (bytes, length) = self.target.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        let Layout { column, columns, .. } = layout;
        let cells = self.filled;
        let reason = if let Some(opened) = self.stray {
            if line != self.begins {
                // Rows may have been taken for text: leaving out this one would leave them out unseen.
                return Err(SelectError::OpenQuote { file: None, line: opened });
            }
            BadReason::StrayQuote
        } else if cells == 0 {
            return Ok(());
        } else if cells > columns {
            BadReason::LongRow { cells, columns }
        } else if self.cells <= column {
            BadReason::ShortRow { cells: self.cells, columns }
        } else if length > KEEP as u64 {
            BadReason::LongCell(length)
        } else if std::str::from_utf8(&bytes).is_err() {
            BadReason::NotUtf8
        } else if text.is_empty() {
            BadReason::EmptyCell
        } else {
            return gather.target(self.begins, unguarded(text));
        };
        gather.bad(self.begins, text, || reason);
        Ok(())
    }
}

/// Takes off the apostrophe with which our own CSV output keeps a cell from being a formula.
fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(cell)
}

/// The delimiter in a line `sep=;`, with which spreadsheets begin some files.
fn told_delimiter(line: &[u8]) -> Option<u8> {
    match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', told @ (b',' | b';' | b'\t' | b'|')] => Some(*told),
        _ => None,
    }
}

/// Finds the column in the header, and with it the delimiter.
fn find(header: &[u8], told: Option<u8>, wanted: &str) -> Result<Layout, SelectError> {
    let mut candidates: Vec<(u8, Vec<String>)> = match told {
        Some(delimiter) => vec![(delimiter, split(header, delimiter))],
        None => [b',', b';', b'\t'].into_iter().map(|delimiter| (delimiter, split(header, delimiter))).collect(),
    };
    candidates.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    let wanted = wanted.trim();
    for (delimiter, names) in &candidates {
        let positions = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, name)| fits(name)).map(|(position, _)| position).collect()
        };
        let exact = positions(&|name| name == wanted);
        let fitting = if exact.is_empty() { positions(&|name| same_name(name, wanted)) } else { exact };
        match fitting.as_slice() {
            [] => {}
            [column] => return Ok(Layout { delimiter: *delimiter, column: *column, columns: names.len() }),
            several => {
                let count = several.len();
                return Err(SelectError::AmbiguousColumn { file: None, column: wanted.to_owned(), count });
            }
        }
    }
    let columns = candidates.into_iter().next().map(|(_, names)| names).unwrap_or_default();
    let likeness = |name: &&String| strsim::jaro_winkler(&name.to_lowercase(), &wanted.to_lowercase());
    let near = columns.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|name| likeness(name) > 0.8);
    Err(SelectError::NoColumn { file: None, column: wanted.to_owned(), near: near.cloned(), columns })
}

fn split(header: &[u8], delimiter: u8) -> Vec<String> {
    let mut cells = Cells::new(delimiter);
    let mut names = Vec::new();
    for byte in header.iter().chain(b"\n") {
        if cells.push(*byte, 1).is_some() {
            names.push(String::from_utf8_lossy(&cells.text).trim().to_owned());
            cells.reset();
        }
    }
    names
}
