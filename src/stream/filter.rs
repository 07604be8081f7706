//! `--where`: which events are wanted, by the fields that all have in common.
//!
//! ```text
//! severity >= high and not (host = lab-* or type = 553648130)
//! hash = 0000…01 or detection = *ransom*
//! ```
//!
//! Comparisons are joined by `and`, `or`, `not` and brackets. A field that an event does not have fits nothing but `!=`.
//! Words are compared without capitals; `*` stands for any characters.
//!
//! What a filter leaves out is gone, so it leaves out only what it can judge: a comparison with a field that is there and
//! cannot be read is open, and an event that is not plainly unwanted is kept. A comparison that could never fit is refused.

use super::event::{ConsoleEvent, Fields};
use crate::domain::{guid, selector::IdForm};

/// A filter that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Node);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test { field: Field, how: How, value: String },
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Severity,
    Type,
    Host,
    Id,
    Group,
    Hash,
    Detection,
    File,
    User,
}

/// How a field and a value are held against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Is,
    IsNot,
    AtLeast,
    Above,
    AtMost,
    Below,
}

const FIELDS: [(&str, Field); 9] = [
    ("severity", Field::Severity),
    ("type", Field::Type),
    ("host", Field::Host),
    ("id", Field::Id),
    ("group", Field::Group),
    ("hash", Field::Hash),
    ("detection", Field::Detection),
    ("file", Field::File),
    ("user", Field::User),
];

const SEVERITIES: [&str; 4] = ["low", "medium", "high", "critical"];

/// The most comparisons that one filter has.
const MOST: usize = 200;

/// The deepest that brackets go.
const DEEPEST: usize = 30;

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// [`FilterError`] says what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let words = words(text)?;
        if words.len() > MOST * 4 {
            return Err(FilterError::TooLong);
        }
        let mut reader = Reader { words, at: 0, depth: 0 };
        let node = reader.any()?;
        match reader.next() {
            None => Ok(Self(node)),
            Some(word) => Err(FilterError::Unexpected { word: word.text, at: word.at }),
        }
    }

    /// What becomes of an event.
    pub fn judge(&self, event: &ConsoleEvent) -> Judged {
        let fitting = event.fields().map_or(Fitting::Open, |fields| self.0.fits(&fields));
        match fitting {
            Fitting::Yes => Judged::Wanted,
            Fitting::No => Judged::Unwanted,
            Fitting::Open => Judged::Unreadable,
        }
    }

    /// The names of event types that are compared for equality. Only the console knows whether there are such.
    pub fn type_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.each(&mut |field, value| {
            if field == Field::Type && !value.contains('*') && !value.bytes().all(|byte| byte.is_ascii_digit()) {
                names.push(value);
            }
        });
        names
    }
}

/// What a filter makes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It fits.
    Wanted,
    /// It does not fit.
    Unwanted,
    /// What it would have to fit by cannot be read: it is kept.
    Unreadable,
}

/// Whether something fits; open where it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fitting {
    No,
    Open,
    Yes,
}

impl From<bool> for Fitting {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

impl Node {
    fn fits(&self, fields: &Fields<'_>) -> Fitting {
        match self {
            Self::All(nodes) => nodes.iter().map(|node| node.fits(fields)).min().unwrap_or(Fitting::Yes),
            Self::Any(nodes) => nodes.iter().map(|node| node.fits(fields)).max().unwrap_or(Fitting::No),
            Self::Not(node) => match node.fits(fields) {
                Fitting::Yes => Fitting::No,
                Fitting::Open => Fitting::Open,
                Fitting::No => Fitting::Yes,
            },
            Self::Test { field, how, value } => test(*field, *how, value, fields),
        }
    }

    fn each<'a>(&'a self, give: &mut dyn FnMut(Field, &'a str)) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.each(give)),
            Self::Not(node) => node.each(give),
            Self::Test { field, value, .. } => give(*field, value),
        }
    }
}

fn test(field: Field, how: How, wanted: &str, fields: &Fields<'_>) -> Fitting {
    let mut open = fields.unreadable.iter().any(|name| field.parts().contains(name));
    let mut found = false;
    field.values(fields, &mut |known| {
        let ranks = (rank(known), rank(wanted));
        found |= match (how, ranks) {
            (How::Is | How::IsNot, _) => field.same(known, wanted),
            (How::AtLeast, (Some(known), Some(wanted))) => known >= wanted,
            (How::Above, (Some(known), Some(wanted))) => known > wanted,
            (How::AtMost, (Some(known), Some(wanted))) => known <= wanted,
            (How::Below, (Some(known), Some(wanted))) => known < wanted,
            _ => false,
        };
        // A severity that we do not know may be one that is wanted.
        open |= field == Field::Severity && ranks.0.is_none();
    });
    match (found, open, how) {
        (true, _, How::IsNot) => Fitting::No,
        (true, ..) => Fitting::Yes,
        (false, true, _) => Fitting::Open,
        (false, false, _) => Fitting::from(how == How::IsNot),
    }
}

impl Field {
    /// The parts of an event that it is read from, by the names under which they are told as unreadable.
    const fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Severity => &["severity"],
            Self::Type => &["event_type", "event_type_id"],
            Self::Host => &["computer", "computer.hostname"],
            Self::Id => &["connector_guid", "computer", "computer.connector_guid"],
            Self::Group => &["group_guids"],
            Self::Hash => &["file", "file.identity", "file.identity.sha256", "file.identity.sha1", "file.identity.md5"],
            Self::Detection => &["detection"],
            Self::File => &["file", "file.file_name", "file.file_path"],
            Self::User => &["computer", "computer.user"],
        }
    }

    /// Hands over every value that an event has for it.
    fn values(self, fields: &Fields<'_>, give: &mut dyn FnMut(&str)) {
        let computer = fields.computer.as_ref();
        let file = fields.file.as_ref();
        let identity = file.and_then(|file| file.identity.as_ref());
        let mut all = |values: &[Option<&str>]| values.iter().flatten().for_each(|value| give(value));
        match self {
            Self::Severity => all(&[fields.severity.as_deref()]),
            Self::Type => {
                all(&[fields.event_type.as_deref()]);
                if let Some(id) = fields.event_type_id {
                    give(&id.to_string());
                }
            }
            Self::Host => all(&[computer.and_then(|computer| computer.hostname.as_deref())]),
            Self::Id => all(&[
                fields.connector_guid.as_deref(),
                computer.and_then(|computer| computer.connector_guid.as_deref()),
            ]),
            Self::Group => fields.group_guids.iter().flatten().for_each(|group| give(group)),
            Self::Hash => {
                let hashes =
                    identity.map(|known| [known.sha256.as_deref(), known.sha1.as_deref(), known.md5.as_deref()]);
                all(hashes.as_ref().map_or(&[], |hashes| hashes.as_slice()));
            }
            Self::Detection => all(&[fields.detection.as_deref()]),
            Self::File => {
                all(&[
                    file.and_then(|file| file.file_name.as_deref()),
                    file.and_then(|file| file.file_path.as_deref()),
                ]);
            }
            Self::User => all(&[computer.and_then(|computer| computer.user.as_deref())]),
        }
    }

    /// Whether a value is the one that was written. A host is found by its short name as well.
    fn same(self, known: &str, wanted: &str) -> bool {
        let known = known.to_lowercase();
        let short = known.split_once('.').map_or(known.as_str(), |(short, _)| short);
        wild(wanted, &known) || (self == Self::Host && wild(wanted, short))
    }

    /// The value as it is compared. One that nothing could ever fit is refused: every event would be gone.
    fn check(self, how: How, value: String, at: usize) -> Result<String, FilterError> {
        let ranked = matches!(how, How::AtLeast | How::Above | How::AtMost | How::Below);
        let wild = value.contains('*');
        match self {
            Self::Severity if ranked && wild => Err(FilterError::NoRank { word: value, at }),
            Self::Severity if wild && SEVERITIES.iter().any(|known| self::wild(&value, known)) => Ok(value),
            Self::Severity if rank(&value).is_none() => Err(FilterError::NoSeverity { word: value, at }),
            Self::Severity => Ok(value),
            _ if ranked => Err(FilterError::NoOrder { at }),
            Self::Id | Self::Group if wild => {
                let fits = value.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'*'));
                if fits { Ok(value) } else { Err(FilterError::NoGuid { word: value, at }) }
            }
            Self::Id | Self::Group => match guid::form(&value, &[guid::USUAL]) {
                IdForm::Id(canonical) => Ok(canonical.map_or(value, |guid| guid.to_lowercase())),
                _ => Err(FilterError::NoGuid { word: value, at }),
            },
            Self::Hash => {
                let digits = value.bytes().filter(u8::is_ascii_hexdigit).count();
                let others = value.bytes().any(|byte| !byte.is_ascii_hexdigit() && byte != b'*');
                let fits = !others && if wild { digits <= 64 } else { HASHES.contains(&digits) };
                if fits { Ok(value) } else { Err(FilterError::NoHash { word: value, at }) }
            }
            _ => Ok(value),
        }
    }
}

/// The digits of an MD5, a SHA-1 and a SHA-256.
const HASHES: [usize; 3] = [32, 40, 64];

fn rank(severity: &str) -> Option<usize> {
    SEVERITIES.iter().position(|known| severity.eq_ignore_ascii_case(known))
}

/// Compares a text with a pattern in which `*` stands for any characters; both are in lower case.
fn wild(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut rest = rest;
    while let Some((run, after)) = rest.split_once('*') {
        let Some((_, behind)) = text.split_once(run) else { return false };
        text = behind;
        rest = after;
    }
    text.ends_with(rest)
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    /// The character it begins at, from 1.
    at: usize,
    /// It stood between quotes, so it is a value whatever it says.
    quoted: bool,
}

/// Parts a filter into words, signs and quoted values.
fn words(text: &str) -> Result<Vec<Word>, FilterError> {
    let mut words = Vec::new();
    let mut chars = (1_usize..).zip(text.chars()).peekable();
    while let Some((at, first)) = chars.next() {
        let mut word = String::new();
        let mut quoted = false;
        match first {
            _ if first.is_whitespace() => continue,
            '(' | ')' => word.push(first),
            '"' | '\'' => {
                quoted = true;
                loop {
                    match chars.next() {
                        Some((_, end)) if end == first => break,
                        Some((_, inside)) => word.push(inside),
                        None => return Err(FilterError::OpenQuote { at }),
                    }
                }
            }
            '=' | '!' | '<' | '>' => {
                word.push(first);
                if let Some((_, '=')) = chars.peek() {
                    chars.next();
                    word.push('=');
                }
            }
            _ => {
                word.push(first);
                while let Some((_, next)) = chars.next_if(|(_, next)| {
                    !next.is_whitespace() && !matches!(next, '(' | ')' | '=' | '!' | '<' | '>' | '"' | '\'')
                }) {
                    word.push(next);
                }
            }
        }
        words.push(Word { text: word, at, quoted });
    }
    Ok(words)
}

struct Reader {
    words: Vec<Word>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn next(&mut self) -> Option<Word> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|word| !word.quoted && word.text.eq_ignore_ascii_case(wanted));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all()?];
        while self.takes("or") {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.one()?];
        while self.takes("and") {
            nodes.push(self.one()?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn one(&mut self) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(FilterError::TooLong);
        }
        let node = if self.takes("not") {
            Node::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let node = self.any()?;
            if !self.takes(")") {
                return Err(self.unexpected());
            }
            node
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn test(&mut self) -> Result<Node, FilterError> {
        let Some(name) = self.next() else { return Err(FilterError::Ends) };
        let field = FIELDS.iter().find(|(known, _)| !name.quoted && name.text.eq_ignore_ascii_case(known));
        let Some((_, field)) = field else {
            return Err(FilterError::NoField { word: name.text, at: name.at });
        };
        let how = match self.next() {
            Some(word) if !word.quoted => match word.text.as_str() {
                "=" | "==" => How::Is,
                "!=" => How::IsNot,
                ">=" => How::AtLeast,
                ">" => How::Above,
                "<=" => How::AtMost,
                "<" => How::Below,
                _ => return Err(FilterError::NoSign { word: word.text, at: word.at }),
            },
            Some(word) => return Err(FilterError::NoSign { word: word.text, at: word.at }),
            None => return Err(FilterError::Ends),
        };
        let Some(value) = self.next() else { return Err(FilterError::Ends) };
        if !value.quoted && value.text.chars().all(|c| matches!(c, '(' | ')' | '=' | '!' | '<' | '>')) {
            return Err(FilterError::Unexpected { word: value.text, at: value.at });
        }
        let value = field.check(how, value.text.to_lowercase(), value.at)?;
        Ok(Node::Test { field: *field, how, value })
    }

    fn unexpected(&mut self) -> FilterError {
        match self.next() {
            Some(word) => FilterError::Unexpected { word: word.text, at: word.at },
            None => FilterError::Ends,
        }
    }
}

fn one_or(mut nodes: Vec<Node>, several: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.pop(), nodes.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            nodes.extend(last);
            several(nodes)
        }
    }
}

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It breaks off.
    #[error("the filter breaks off; it is written like `severity >= high and host = web*`")]
    Ends,
    /// A word that does not belong there.
    #[error("`{word}` at character {at} does not belong there")]
    Unexpected {
        /// The word.
        word: String,
        /// Where it stands, from 1.
        at: usize,
    },
    /// No such field.
    #[error(
        "`{word}` at character {at} is no field; there are severity, type, host, id, group, hash, detection, file and user"
    )]
    NoField {
        /// The word.
        word: String,
        /// Where it stands, from 1.
        at: usize,
    },
    /// No comparison.
    #[error("`{word}` at character {at} compares nothing; there are =, !=, >=, >, <= and <")]
    NoSign {
        /// The word.
        word: String,
        /// Where it stands, from 1.
        at: usize,
    },
    /// Only severities have an order.
    #[error("the value at character {at} has no order: only severity is more or less")]
    NoOrder {
        /// Where it stands, from 1.
        at: usize,
    },
    /// No such severity.
    #[error("`{word}` at character {at} is no severity; there are low, medium, high and critical")]
    NoSeverity {
        /// The word.
        word: String,
        /// Where it stands, from 1.
        at: usize,
    },
    /// Only a whole word has a place in the order of severities.
    #[error(
        "`{word}` at character {at} is no one severity, so nothing is more or less; name low, medium, high or critical"
    )]
    NoRank {
        /// The word.
        word: String,
        /// Where it stands, from 1.
        at: usize,
    },
    /// Hosts and groups are known by their GUIDs here.
    #[error(
        "`{word}` at character {at} is no GUID: events have hosts and groups by GUID only; `host` compares names of \
         hosts, and the console shows the GUID of a group"
    )]
    NoGuid {
        /// The word.
        word: String,
        /// Where it stands, from 1.
        at: usize,
    },
    /// Not the length or the digits of a hash.
    #[error(
        "`{word}` at character {at} is no hash: MD5, SHA-1 and SHA-256 have 32, 40 and 64 hexadecimal digits; `*` stands for any"
    )]
    NoHash {
        /// The word.
        word: String,
        /// Where it stands, from 1.
        at: usize,
    },
    /// A quote that does not end.
    #[error("the quote at character {at} does not end")]
    OpenQuote {
        /// Where it stands, from 1.
        at: usize,
    },
    /// Too many comparisons.
    #[error("the filter is too long")]
    TooLong,
}

#[cfg(test)]
mod tests;
