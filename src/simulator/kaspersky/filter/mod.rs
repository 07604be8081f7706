//! Filters of searches: what they are, and whether something passes one.

use jiff::{SignedDuration, Timestamp};

use super::values::Field;

mod pattern;
mod read;

pub(super) use pattern::Pattern;

/// A filter that was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// An empty filter: everything passes it.
    Everything,
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(Test),
}

/// A comparison of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    pub(super) attribute: String,
    pub(super) bits: Option<(Bits, i64)>,
    pub(super) operator: Operator,
    pub(super) operand: Operand,
}

/// What is done with a number's bits before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bits {
    And,
    Or,
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Is,
    IsNot,
    Below,
    Above,
    AtMost,
    AtLeast,
}

/// With what an attribute is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Number(i64),
    Text(Pattern),
    Time(Timestamp),
    /// So many seconds from now.
    FromNow(i64),
    Binary(Vec<u8>),
}

/// What every comparison needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) now: Timestamp,
    pub(super) ignore_case: bool,
}

impl Operator {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Is => order.is_eq(),
            Self::IsNot => order.is_ne(),
            Self::Below => order.is_lt(),
            Self::Above => order.is_gt(),
            Self::AtMost => order.is_le(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl Filter {
    /// Whether something with these attributes passes. What has no such attribute passes no test of it.
    pub(super) fn passes(&self, attribute: &dyn Fn(&str) -> Option<Field>, around: Circumstances) -> bool {
        match self {
            Self::Everything => true,
            Self::All(filters) => filters.iter().all(|filter| filter.passes(attribute, around)),
            Self::Any(filters) => filters.iter().any(|filter| filter.passes(attribute, around)),
            Self::Not(filter) => !filter.passes(attribute, around),
            Self::Test(test) => attribute(&test.attribute).is_some_and(|field| test.holds(&field, around)),
        }
    }

    /// Calls this with every test.
    pub(super) fn each_test<'a>(&'a self, look: &mut dyn FnMut(&'a Test)) {
        match self {
            Self::Everything => {}
            Self::All(filters) | Self::Any(filters) => filters.iter().for_each(|filter| filter.each_test(look)),
            Self::Not(filter) => filter.each_test(look),
            Self::Test(test) => look(test),
        }
    }
}

impl Test {
    fn holds(&self, field: &Field, around: Circumstances) -> bool {
        match (&self.operand, field) {
            (Operand::Text(pattern), Field::Words(text)) => {
                let found = words(text).any(|word| pattern.fits(word, around.ignore_case));
                self.operator.holds(if found { std::cmp::Ordering::Equal } else { std::cmp::Ordering::Less })
            }
            (Operand::Text(pattern), Field::Text(text)) => match self.operator {
                Operator::Is => pattern.fits(text, around.ignore_case),
                Operator::IsNot => !pattern.fits(text, around.ignore_case),
                operator => operator.holds(pattern.order(text, around.ignore_case)),
            },
            (Operand::Number(wanted), _) => field.number().is_some_and(|number| {
                let number = match self.bits {
                    Some((Bits::And, mask)) => number & mask,
                    Some((Bits::Or, mask)) => number | mask,
                    None => number,
                };
                self.operator.holds(number.cmp(wanted))
            }),
            (Operand::Time(wanted), Field::Time(time) | Field::Date(time)) => self.operator.holds(time.cmp(wanted)),
            (Operand::FromNow(seconds), Field::Time(time) | Field::Date(time)) => {
                let wanted = around.now.saturating_add(SignedDuration::from_secs(*seconds)).unwrap_or(around.now);
                self.operator.holds(time.cmp(&wanted))
            }
            (Operand::Binary(wanted), Field::Binary(bytes)) => self.operator.holds(bytes.cmp(wanted)),
            _ => false,
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
