//! Texts in filters: literal, or with wildcards that are alive inside the quotes.

use std::cmp::Ordering;

/// A text of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator::kaspersky) struct Pattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// This character.
    One(char),
    /// `?`
    Any,
    /// `*`
    Rest,
    /// `[a-f]`, `[^a-f]`
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// Reads what stands between the quotes; `None` for a bracket that is not closed, or has nothing in it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            pieces.push(match c {
                '?' => Piece::Any,
                '*' => Piece::Rest,
                '[' => {
                    let (inside, behind) = rest.as_str().split_once(']')?;
                    rest = behind.chars();
                    set(inside)?
                }
                c => Piece::One(c),
            });
        }
        Some(Self(pieces))
    }

    /// Whether there is any wildcard in it.
    pub(super) fn has_wildcards(&self) -> bool {
        !self.0.iter().all(|piece| matches!(piece, Piece::One(_)))
    }

    /// Whether it begins with a wildcard.
    pub(in crate::simulator::kaspersky) fn begins_open(&self) -> bool {
        self.0.first().is_some_and(|piece| !matches!(piece, Piece::One(_)))
    }

    /// Whether a text is described by it.
    pub(super) fn fits(&self, text: &str, ignore_case: bool) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut piece) = (0, 0);
        // Where to go on if what follows the last `*` turns out not to fit.
        let mut again = None;
        loop {
            match (self.0.get(piece), text.get(at)) {
                (Some(Piece::Rest), _) => {
                    again = Some((at, piece));
                    piece += 1;
                }
                (Some(wanted), Some(c)) if wanted.takes(*c, ignore_case) => {
                    at += 1;
                    piece += 1;
                }
                (None, None) => return true,
                _ => {
                    let Some((began, star)) = again.filter(|(began, _)| *began < text.len()) else { return false };
                    again = Some((began + 1, star));
                    at = began + 1;
                    piece = star + 1;
                }
            }
        }
    }

    /// How a text stands to this one, which has no wildcards.
    pub(super) fn order(&self, text: &str, ignore_case: bool) -> Ordering {
        let own: String =
            self.0.iter().filter_map(|piece| if let Piece::One(c) = piece { Some(*c) } else { None }).collect();
        if ignore_case { text.to_lowercase().cmp(&own.to_lowercase()) } else { text.cmp(&own) }
    }
}

impl Piece {
    fn takes(&self, c: char, ignore_case: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Rest => false,
            Self::One(own) => *own == c || ignore_case && own.to_lowercase().eq(c.to_lowercase()),
            Self::Set { negated, ranges } => {
                let inside = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
                let other = || inside(c.to_ascii_lowercase()) || inside(c.to_ascii_uppercase());
                (inside(c) || ignore_case && other()) != *negated
            }
        }
    }
}

fn set(inside: &str) -> Option<Piece> {
    let (negated, inside) = inside.strip_prefix('^').map_or((false, inside), |inside| (true, inside));
    let mut ranges = Vec::new();
    let mut rest = inside.chars();
    while let Some(from) = rest.next() {
        let to = match rest.as_str().strip_prefix('-') {
            Some(behind) if !behind.is_empty() => {
                rest = behind.chars();
                rest.next()?
            }
            _ => from,
        };
        ranges.push((from, to));
    }
    (!ranges.is_empty()).then_some(Piece::Set { negated, ranges })
}
