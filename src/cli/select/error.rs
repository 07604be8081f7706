//! What stops the reading of targets, in words, with the next thing to type.

use std::{fmt, io, sync::Arc};

use super::bad_line::{BadLine, listing, place, shown};

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

fn names(columns: &[String]) -> String {
    let mut listed: Vec<String> = columns.iter().take(12).map(|name| format!("`{}`", shown(name))).collect();
    if columns.len() > listed.len() {
        listed.push(format!("{} more", columns.len() - listed.len()));
    }
    listed.join(", ")
}
