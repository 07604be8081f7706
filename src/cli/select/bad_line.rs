//! A line that names no target: what is wrong with it, what is shown of it, and what may help.

use std::{fmt, sync::Arc};

use crate::domain::selector::{SelectorError, is_unprintable};

/// How many characters of a malformed line are shown.
const SHOWN_CHARS: usize = 60;

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
    /// Tells it from a target's text; one that comes from a column or a field is no CSV or JSON itself.
    pub(super) fn of_target(text: &str, whole_line: bool) -> Self {
        match Self::of(text) {
            Self::Csv | Self::Json if !whole_line => Self::Plain,
            look => look,
        }
    }

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
    /// What may be meant, told from the line.
    pub(super) fn hint(&self) -> Option<String> {
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

/// A file's name, safe for a terminal.
pub(super) fn place(file: Option<&Arc<str>>) -> String {
    file.map_or_else(|| "standard input".to_owned(), |file| safe(file, usize::MAX))
}

/// The lines and how many there are, one under the other.
pub(super) fn listing(shown: &[BadLine], total: u64) -> String {
    let count = if total == 1 { "1 line is malformed".to_owned() } else { format!("{total} lines are malformed") };
    let lines: String = shown.iter().map(|line| format!("\n  {line}")).collect();
    match total - shown.len() as u64 {
        0 => count + &lines,
        more => format!("{count}{lines}\n  and {more} more"),
    }
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
