//! What stops the reading of targets, in words, with the next thing to type.

use std::{fmt, io, sync::Arc};

use crate::domain::selector::{SelectorError, is_unprintable};

/// How many malformed lines are shown; all are counted.
pub(super) const SHOWN: usize = 10;

/// How many characters of a malformed line are shown.
const SHOWN_CHARS: usize = 60;

/// Why the targets could not be read. Nothing has been sent: the exit code is 2.
///
/// `file` is `None` for standard input.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// There is no such file.
    #[error("read {}: there is no such file", place(file.as_ref()))]
    Missing {
        /// The file.
        file: Option<Arc<str>>,
    },
    /// It is a directory.
    #[error("read {}: it is a directory", place(file.as_ref()))]
    Directory {
        /// The directory.
        file: Option<Arc<str>>,
    },
    /// It cannot be opened, or not be read to its end.
    #[error("read {}", place(file.as_ref()))]
    Unreadable {
        /// The file.
        file: Option<Arc<str>>,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Standard input can be read only once.
    #[error("read standard input (`-`) twice")]
    StdinTwice,
    /// The file is no text, or a text that cannot be a list of targets. `--skip-invalid` does not excuse it.
    #[error("read {}: it looks like {what}", place(file.as_ref()))]
    NotText {
        /// The file.
        file: Option<Arc<str>>,
        /// What it looks like.
        what: NotText,
    },
    /// More files than can be numbered.
    #[error("read {count} files: 65536 are the most")]
    TooManyFiles {
        /// How many were named.
        count: usize,
    },
    /// More lines than can be numbered.
    #[error("read {}: it has more than 4294967295 lines", place(file.as_ref()))]
    TooManyLines {
        /// The file.
        file: Option<Arc<str>>,
    },
    /// More targets than can be numbered.
    #[error("read more than 4294967294 targets")]
    TooManyTargets,
    /// The header has no such column.
    #[error("find the column `{}` in {}", shown(column), place(file.as_ref()))]
    NoColumn {
        /// The file.
        file: Option<Arc<str>>,
        /// The column that was asked for.
        column: String,
        /// A column with nearly that name.
        near: Option<String>,
        /// The columns that the header names.
        columns: Vec<String>,
    },
    /// The header has the column more than once.
    #[error("find one column `{}` in {}: its header names it {count} times", shown(column), place(file.as_ref()))]
    AmbiguousColumn {
        /// The file.
        file: Option<Arc<str>>,
        /// The column that was asked for.
        column: String,
        /// How often it is there.
        count: usize,
    },
    /// The first line goes on and on: no header, or a quote that is never closed.
    #[error("read the header of {}: it is longer than {limit} bytes", place(file.as_ref()))]
    LongHeader {
        /// The file.
        file: Option<Arc<str>>,
        /// The most that is read of a header.
        limit: usize,
    },
    /// A quoted cell ran on over line ends in a way that may have swallowed rows. `--skip-invalid` does not excuse it.
    #[error("read {}: the quote that opens on line {line} is never closed or closes in the middle of a cell", place(file.as_ref()))]
    OpenQuote {
        /// The file.
        file: Option<Arc<str>>,
        /// The line.
        line: u32,
    },
    /// `--field` is no JSON pointer.
    #[error("understand the JSON pointer `{}`: {why}", shown(pointer))]
    BadPointer {
        /// What was given.
        pointer: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Lines that name no target.
    #[error("use the targets: {}", listing(shown, *total))]
    Malformed {
        /// The first of them.
        shown: Vec<BadLine>,
        /// How many there are.
        total: u64,
    },
}

/// What a file is that is no list of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotText {
    /// Zero bytes or mostly control characters.
    Binary,
    /// UTF-16 without a byte order mark.
    WideWithoutMark,
    /// A spreadsheet or another archive.
    Spreadsheet,
    /// Compressed data.
    Compressed,
    /// A key or a certificate: not even its lines are shown.
    Pem,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Binary => "a binary file",
            Self::WideWithoutMark => "a binary file; is it UTF-16 without a byte order mark?",
            Self::Spreadsheet => "a spreadsheet or an archive, not text",
            Self::Compressed => "compressed data, not text",
            Self::Pem => "a key or a certificate, not a list of targets",
        })
    }
}

/// A line that names no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The file; `None` for standard input.
    pub file: Option<Arc<str>>,
    /// The line, from 1; of a CSV row the line on which it begins.
    pub line: u32,
    /// The beginning of what stands there, safe for a terminal.
    pub text: String,
    /// What is wrong with it.
    pub reason: BadReason,
    pub(super) look: Look,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReason {
    /// Its text names no host.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// Longer than anything that is read.
    #[error("the line is {0} bytes long")]
    LongLine(u64),
    /// A cell longer than anything that is read.
    #[error("the cell is {0} bytes long")]
    LongCell(u64),
    /// Bytes that are not UTF-8.
    #[error("the text is not valid UTF-8")]
    NotUtf8,
    /// The row has other cells, and none in the column.
    #[error("the column is empty in this row")]
    EmptyCell,
    /// The row ends before the column.
    #[error("the row has {cells} of {columns} cells and ends before the column")]
    ShortRow {
        /// Cells in the row.
        cells: usize,
        /// Cells in the header.
        columns: usize,
    },
    /// The row has more cells than the header: they may have moved.
    #[error("the row has {cells} cells, the header has {columns}")]
    LongRow {
        /// Cells in the row.
        cells: usize,
        /// Cells in the header.
        columns: usize,
    },
    /// A quoted cell goes on after its closing quote.
    #[error("text follows a closing quote")]
    StrayQuote,
    /// The line is no JSON value.
    #[error("not JSON: {what} at byte {byte}")]
    NotJson {
        /// What is wrong with it.
        what: &'static str,
        /// Where.
        byte: usize,
    },
    /// The JSON value has no such field.
    #[error("there is no field `{}`", shown(.0))]
    NoField(String),
    /// The field is there twice, and which is meant cannot be told.
    #[error("the field `{}` is there twice", shown(.0))]
    FieldTwice(String),
    /// The field is no string.
    #[error("the field `{}` is {what}, not a string", shown(pointer))]
    NotAString {
        /// The field.
        pointer: String,
        /// What it is.
        what: &'static str,
    },
}

/// What a malformed line resembles: the hint follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Csv,
    Json,
    Quoted,
    Url,
    Domain,
}

impl Look {
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        let quote = |c: char| matches!(c, '"' | '\'' | '`' | '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}');
        if text.starts_with(['{', '[']) && text.contains('"') {
            Self::Json
        } else if text.contains([',', ';', '\t']) {
            Self::Csv
        } else if text.starts_with(quote) || text.ends_with(quote) {
            Self::Quoted
        } else if text.contains("://") {
            Self::Url
        } else if text.contains('\\') {
            Self::Domain
        } else {
            Self::Plain
        }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", place(self.file.as_ref()), self.line)?;
        if !self.text.is_empty() {
            write!(f, "`{}`: ", self.text)?;
        }
        self.reason.fmt(f)
    }
}

impl BadLine {
    fn hint(&self) -> Option<String> {
        let words = match (&self.reason, self.look) {
            (BadReason::NotUtf8, _) => "save the file as UTF-8",
            (BadReason::NotJson { .. }, Look::Json) => {
                "`--field` reads JSON Lines, one value a line; `jq -c '.[]'` makes them of an array"
            }
            (BadReason::NotJson { .. }, _) => "`--field` reads JSON Lines; leave it out for a plain list",
            (BadReason::NoField(_), _) => "a pointer goes from the top of the value: `/host/name`",
            (BadReason::NotAString { .. }, _) => "name the field that holds the host's id, name or address",
            (BadReason::LongRow { .. } | BadReason::StrayQuote, _) => {
                "quote cells that hold the delimiter, and double the quotes inside them"
            }
            (BadReason::Selector(SelectorError::Range), _) => "write the addresses of a range one a line",
            (BadReason::Selector(SelectorError::Shared), _) => "write an address that only this host has, or its name",
            (BadReason::Selector(error), look) => match look {
                Look::Json => "the file looks like JSON: name the field with `--field /POINTER`",
                Look::Csv => "the file looks like CSV: name the column with `--column NAME`",
                Look::Quoted => "write targets without quotes, or read quoted CSV cells with `--column NAME`",
                Look::Url => "write the host name or the address alone",
                Look::Domain => "write the host name without `DOMAIN\\`",
                Look::Plain => match error {
                    SelectorError::DamagedId(_) | SelectorError::BadCharacter(_) | SelectorError::NotAName => {
                        "if it is a host's name all the same, write `host:NAME`"
                    }
                    _ => return None,
                },
            },
            _ => return None,
        };
        Some(words.to_owned())
    }
}

impl SelectError {
    /// What to type next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => {
                "targets are read from files; to name one directly: `echo NAME | edrctl ... -`".to_owned()
            }
            Self::Directory { .. } => "name the files in it, for example `DIRECTORY/*.txt`".to_owned(),
            Self::Unreadable { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => "check who may read it with `ls -l`".to_owned(),
                _ => return None,
            },
            Self::StdinTwice => "write `-` once".to_owned(),
            Self::NotText { what, .. } => match what {
                NotText::Binary => "check the file with `file NAME`; targets are text, one a line",
                NotText::WideWithoutMark => "save it as UTF-8, or with `iconv -f UTF-16LE -t UTF-8`",
                NotText::Spreadsheet => "save the sheet as CSV and name its column with `--column NAME`",
                NotText::Compressed => "unpack it into the command: `gzip -dc FILE | edrctl ... -`",
                NotText::Pem => "check the name of the file",
            }
            .to_owned(),
            Self::TooManyFiles { .. } => "put them together: `cat FILES | edrctl ... -`".to_owned(),
            Self::TooManyLines { .. } | Self::TooManyTargets => "split the file and run it in parts".to_owned(),
            Self::NoColumn { near: Some(near), .. } => format!("did you mean `--column '{}'`?", shown(near)),
            Self::NoColumn { near: None, columns, .. } => format!("the header has {}", names(columns)),
            Self::AmbiguousColumn { .. } => "give the column a name of its own in the header".to_owned(),
            Self::LongHeader { .. } => {
                "the first line must name the columns; leave `--column` out for a plain list".to_owned()
            }
            Self::OpenQuote { line, .. } => format!("close the quote on line {line}, or double it if it is text"),
            Self::BadPointer { .. } => "a pointer begins with `/`: `--field /host/name`".to_owned(),
            Self::Malformed { shown, .. } => {
                let skip = "correct the lines, or leave them out with `--skip-invalid`";
                match shown.iter().find_map(BadLine::hint) {
                    Some(hint) => format!("{hint}; {skip}"),
                    None => skip.to_owned(),
                }
            }
        })
    }

    /// Names the file in an error made where it was not known.
    pub(super) fn in_file(mut self, name: Option<&Arc<str>>) -> Self {
        match &mut self {
            Self::Missing { file }
            | Self::Directory { file }
            | Self::Unreadable { file, .. }
            | Self::NotText { file, .. }
            | Self::TooManyLines { file }
            | Self::NoColumn { file, .. }
            | Self::AmbiguousColumn { file, .. }
            | Self::LongHeader { file, .. }
            | Self::OpenQuote { file, .. } => *file = name.cloned(),
            Self::StdinTwice
            | Self::TooManyFiles { .. }
            | Self::TooManyTargets
            | Self::BadPointer { .. }
            | Self::Malformed { .. } => {}
        }
        self
    }
}

fn place(file: Option<&Arc<str>>) -> String {
    file.map_or_else(|| "standard input".to_owned(), |file| safe(file, usize::MAX))
}

fn names(columns: &[String]) -> String {
    let mut listed: Vec<String> = columns.iter().take(12).map(|name| format!("`{}`", shown(name))).collect();
    if columns.len() > listed.len() {
        listed.push(format!("{} more", columns.len() - listed.len()));
    }
    listed.join(", ")
}

fn listing(shown: &[BadLine], total: u64) -> String {
    let mut text = if total == 1 { "1 line is malformed".to_owned() } else { format!("{total} lines are malformed") };
    for line in shown {
        text.push_str(&format!("\n  {line}"));
    }
    let more = total - shown.len() as u64;
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}

/// The beginning of a text, safe for a terminal.
///
/// The wrong file may have been named: the value of what looks like a secret's setting is left out.
pub(super) fn shown(text: &str) -> String {
    let secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["key", "secret", "token", "passw", "pwd"].iter().any(|word| name.contains(word))
    };
    match text.find(['=', ':']).map(|at| text.split_at(at + 1)) {
        Some((name, _)) if secret(name) => format!("{}…", safe(name, SHOWN_CHARS)),
        _ => safe(text, SHOWN_CHARS),
    }
}

fn safe(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        if is_unprintable(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}
