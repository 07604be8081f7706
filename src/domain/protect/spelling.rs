//! A host's name in the spellings that consoles keep it in: as it is written, in Unicode, and in the `xn--` form of DNS.
//!
//! One machine may stand as `müller` in a list and as `xn--mller-kva` at a console. Whoever protects the one means the other.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// How international letters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As somebody has written it.
    Written,
    /// All of it in Unicode.
    Unicode,
    /// All of it in A-labels.
    Ascii,
}

impl Form {
    const ALL: [Self; 3] = [Self::Written, Self::Unicode, Self::Ascii];

    /// The forms in which these have to be compared with each other.
    pub(super) fn of(names: &[&Spelt<'_>]) -> impl Iterator<Item = Self> + use<> {
        let differ = names.iter().any(|name| name.others.is_some());
        Self::ALL.into_iter().take(if differ { Self::ALL.len() } else { 1 })
    }
}

/// A name, or a pattern of names, in every form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spelt<'a> {
    written: Cow<'a, str>,
    /// In Unicode and in A-labels; `None` where that makes no difference.
    others: Option<Box<(String, String)>>,
}

impl<'a> Spelt<'a> {
    /// Of a text in lower case.
    pub(super) fn new(written: Cow<'a, str>) -> Self {
        let is_plain = written.is_ascii() && !written.split('.').any(|label| label.starts_with("xn--"));
        let others = (!is_plain).then(|| Box::new((by_label(&written, unicode), by_label(&written, ascii))));
        Self { written, others }
    }

    pub(super) fn is(&self, form: Form) -> &str {
        match (form, &self.others) {
            (Form::Written, _) | (_, None) => &self.written,
            (Form::Unicode, Some(others)) => &others.0,
            (Form::Ascii, Some(others)) => &others.1,
        }
    }
}

/// Each label by itself: one that is no international name keeps none of the others from being read.
fn by_label(name: &str, convert: fn(&str) -> String) -> String {
    name.split('.').map(convert).collect::<Vec<_>>().join(".")
}

fn unicode(label: &str) -> String {
    if label.contains('*') {
        // There is no A-label of a part of a label. Its letters are brought to one form all the same.
        return label
            .split('*')
            .map(|run| if run.is_ascii() { run.to_owned() } else { unicode(run) })
            .collect::<Vec<_>>()
            .join("*");
    }
    let (text, read) = Uts46::new().to_unicode(label.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
    if read.is_ok() { text.into_owned() } else { label.to_owned() }
}

fn ascii(label: &str) -> String {
    if label.contains('*') {
        return unicode(label);
    }
    let read = Uts46::new().to_ascii(label.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
    read.map_or_else(|_| label.to_owned(), Cow::into_owned)
}
