//! Text as it may stand between two tags.

use std::borrow::Cow;

use crate::reporters::clean::{clean, clean_to};

/// Columns of one text from outside: a reason may be a gateway's whole page.
const LONGEST: usize = 500;

/// A text of our own, which may quote what came from outside.
pub(super) fn ours(text: &str) -> String {
    escape(&clean(text)).into_owned()
}

/// A text from outside. It keeps its direction to itself: letters that run the other way do not turn their neighbours.
pub(super) fn from_outside(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(&clean_to(text, LONGEST)))
}

fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}
