//! Secrets: one type that nothing prints, and the places it is read from.
//!
//! What a [`Secret`] holds leaves it through [`Secret::expose`] and nowhere else; its memory is cleared when it is dropped.
//! Where it came from is an [`Origin`], which may be shown to anybody. No error here quotes a secret, a command's output or
//! a command's arguments.

use std::{
    ffi::OsString,
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use zeroize::Zeroizing;

mod command;

pub use command::SecretCommand;

/// The longest secret that is read; tokens with certificates in them come to a few thousand bytes.
const MAX_BYTES: usize = 64 * 1024;

/// How long a command may take to tell a secret. Somebody may have to unlock a password store first.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Looks an environment variable up.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A text that must not be seen.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text into custody as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself: for the request that needs it, and for nothing that is kept.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Takes the text only if it can be meant so.
    fn checked(text: &str, origin: &Origin) -> Result<Self, SecretError> {
        let bad = |wrong| SecretError::Malformed { origin: origin.clone(), wrong };
        if text.is_empty() {
            return Err(bad(BadSecret::Empty));
        }
        if text.len() > MAX_BYTES {
            return Err(bad(BadSecret::TooLong));
        }
        if text.trim().len() != text.len() {
            return Err(bad(BadSecret::Blanks));
        }
        if text.chars().any(is_invisible) {
            return Err(bad(BadSecret::Invisible));
        }
        Ok(Self::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What a copy out of a web page or a word processor brings along unseen.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}')
}

/// Where a value came from, in words that can follow "from".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A key of a configuration file.
    Key {
        /// The key with its section, as in `cisco.api_key`.
        key: String,
        /// The file.
        path: Arc<Path>,
        /// The line, counted from 1.
        line: usize,
    },
    /// A line of a file that has no keys.
    Line {
        /// The file.
        path: Arc<Path>,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
    /// The whole of a file.
    File(PathBuf),
    /// What a command printed; its name without its arguments.
    Command(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { key, path, line } => write!(f, "key `{key}` in {} line {line}", path.display()),
            Self::Line { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::Flag(name) => write!(f, "`{name}`"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Command(name) => write!(f, "command `{name}`"),
        }
    }
}

/// A place that a secret is read from. Nothing is read before it is asked for.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// The text itself, and where it stood.
    Literal(Secret, Origin),
    /// The environment variable of this name.
    Variable(String),
    /// The content of a file.
    File(PathBuf),
    /// The first line that a command prints.
    Command(SecretCommand),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if it cannot be read, or is empty, or holds what was hardly meant as part of it.
    pub fn read(&self, lookup: Lookup<'_>) -> Result<(Secret, Origin), SecretError> {
        match self {
            Self::Literal(secret, origin) => Ok((Secret::checked(secret.expose(), origin)?, origin.clone())),
            Self::Variable(name) => {
                let value = lookup(name).ok_or_else(|| SecretError::NoVariable { name: name.clone() })?;
                let origin = Origin::Variable(name.clone());
                let text = value.into_string().map_err(|_| not_text(&origin))?;
                Ok((Secret::checked(&Zeroizing::new(text), &origin)?, origin))
            }
            Self::File(path) => {
                let origin = Origin::File(path.clone());
                let bytes = read_file(path)?;
                Ok((Secret::checked(without_line_end(text_of(&bytes, &origin)?), &origin)?, origin))
            }
            Self::Command(command) => {
                let origin = Origin::Command(command.name().to_owned());
                let bytes = command.run(COMMAND_LIMIT)?;
                let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
                Ok((Secret::checked(without_line_end(text_of(first, &origin)?), &origin)?, origin))
            }
        }
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let read = || -> io::Result<Zeroizing<Vec<u8>>> { read_some(fs::File::open(path)?) };
    read().map_err(|source| SecretError::File { path: path.to_owned(), source })
}

/// Reads as much as a secret may have and one byte more, so that the excess is seen.
fn read_some(from: impl io::Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it from the start: a growing vector would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 64));
    from.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text_of<'a>(bytes: &'a [u8], origin: &Origin) -> Result<&'a str, SecretError> {
    let text = std::str::from_utf8(bytes).map_err(|_| not_text(origin))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn not_text(origin: &Origin) -> SecretError {
    SecretError::Malformed { origin: origin.clone(), wrong: BadSecret::NotText }
}

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable that should hold it is not there.
    #[error("the environment variable `{name}` is not set")]
    NoVariable {
        /// The variable.
        name: String,
    },
    /// The file that should hold it cannot be read.
    #[error("read the file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The command that should tell it cannot be run.
    #[error("run the command `{name}`")]
    Command {
        /// The command's name.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The command ended in failure.
    #[error("the command `{name}` ended with {}", ending(*code))]
    CommandFailed {
        /// The command's name.
        name: String,
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
    },
    /// The command did not end.
    #[error("the command `{name}` did not end within {}", crate::domain::duration::format(*limit))]
    CommandTimedOut {
        /// The command's name.
        name: String,
        /// How long it was given.
        limit: Duration,
    },
    /// What was read is no secret.
    #[error("what was read from {origin} {wrong}")]
    Malformed {
        /// Where it was read.
        origin: Origin,
        /// What is wrong with it.
        wrong: BadSecret,
    },
}

fn ending(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"))
}

impl SecretError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoVariable { name } => Some(format!("set `{name}`, or name another variable")),
            Self::File { .. } => None,
            Self::Command { .. } | Self::CommandFailed { .. } => {
                Some("run the command by hand; its first line of output must be the secret".to_owned())
            }
            Self::CommandTimedOut { .. } => {
                Some("run the command by hand; it gets no standard input, so it cannot ask there".to_owned())
            }
            Self::Malformed { wrong: BadSecret::Blanks | BadSecret::Invisible, .. } => {
                Some("copy the secret again, without what stands around it".to_owned())
            }
            Self::Malformed { .. } => None,
        }
    }
}

/// What is wrong with a text that should be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// Nothing is there.
    #[error("is empty")]
    Empty,
    /// More than a secret ever has.
    #[error("is too long for a secret")]
    TooLong,
    /// Blanks or line ends before or after it.
    #[error("has blanks or empty lines around it")]
    Blanks,
    /// A line end, a zero byte, a zero-width blank in it.
    #[error("has control characters or invisible characters in it")]
    Invisible,
    /// Not UTF-8.
    #[error("is not text in UTF-8")]
    NotText,
}

#[cfg(test)]
mod tests;
