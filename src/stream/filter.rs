//! `--where`: which events are wanted, by the fields that all have in common.
//!
//! ```text
//! severity >= high and not (host = lab-* or type = 553648130)
//! hash = 0000…01 or detection = *ransom*
//! ```
//!
//! Comparisons are joined by `and`, `or`, `not` and brackets. A field that an event does not have fits nothing but `!=`.
//! Words are compared without capitals; `*` stands for any characters.

use super::event::{ConsoleEvent, Fields};

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

    /// Whether an event is wanted. A body that is no JSON has no field.
    pub fn wants(&self, event: &ConsoleEvent) -> bool {
        let fields = event.fields();
        self.0.fits(fields.as_ref())
    }
}

impl Node {
    fn fits(&self, fields: Option<&Fields<'_>>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.fits(fields)),
            Self::Any(nodes) => nodes.iter().any(|node| node.fits(fields)),
            Self::Not(node) => !node.fits(fields),
            Self::Test { field, how, value } => {
                let mut values = Vec::new();
                if let Some(fields) = fields {
                    field.values(fields, &mut |text| values.push(text.to_owned()));
                }
                match how {
                    How::Is => values.iter().any(|known| field.same(known, value)),
                    How::IsNot => !values.iter().any(|known| field.same(known, value)),
                    How::AtLeast | How::Above | How::AtMost | How::Below => {
                        values.iter().filter_map(|known| rank(known)).zip(rank(value)).any(
                            |(known, wanted)| match how {
                                How::AtLeast => known >= wanted,
                                How::Above => known > wanted,
                                How::AtMost => known <= wanted,
                                _ => known < wanted,
                            },
                        )
                    }
                }
            }
        }
    }
}

impl Field {
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

    fn check(self, how: How, value: &str, at: usize) -> Result<(), FilterError> {
        let ranked = matches!(how, How::AtLeast | How::Above | How::AtMost | How::Below);
        match self {
            Self::Severity if rank(value).is_none() && !value.contains('*') => {
                Err(FilterError::NoSeverity { word: value.to_owned(), at })
            }
            Self::Severity => Ok(()),
            _ if ranked => Err(FilterError::NoOrder { at }),
            _ => Ok(()),
        }
    }
}

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
        let text = value.text.to_lowercase();
        field.check(how, &text, value.at)?;
        Ok(Node::Test { field: *field, how, value: text })
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
