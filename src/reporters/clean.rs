//! Makes hostile text safe to show: strings from consoles, events and target files.
//!
//! A host may call itself anything. On a terminal its name must not move the cursor, change colours, hide text or turn the
//! order of characters around; in a spreadsheet it must not become a formula. JSON is not cleaned: see
//! [`super::json_text`].

use std::borrow::Cow;

use super::words::fit;

/// Whether a character can do more on a terminal than show itself.
///
/// Control characters, line and paragraph separators, whatever turns the direction of text, and what is not seen at all.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}'
            | '\u{034f}'
            | '\u{061c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text as it may stand on a terminal: every hostile character is written out, as `\n` or `\u{202e}`.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_hostile(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// The clean text, cut to at most `columns`: a reason may be a gateway's whole web page.
pub fn clean_to(text: &str, columns: usize) -> String {
    // Characters without width are bounded as well, and the rest of a huge text is not even looked at.
    let start: String = text.chars().take(columns.saturating_add(1)).collect();
    let whole = start.len() == text.len();
    let safe = clean(&start);
    if whole { fit(&safe, columns) } else { fit(&format!("{safe}…"), columns) }
}

/// The text as it may stand in a cell of a CSV file: clean, and never the beginning of a formula.
///
/// What a spreadsheet would compute gets an apostrophe in front. That is decided on the text as it came, so that a tab in
/// front, which shows as `\t` here, is marked as well.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let starts = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    let formula = text.starts_with(starts) || text.trim_start().starts_with(starts);
    match clean(text) {
        safe if formula => Cow::Owned(format!("'{safe}")),
        safe => safe,
    }
}

#[cfg(test)]
mod tests;
