//! Cisco Secure Endpoint.

use crate::domain::selector::IdForm;

/// Tells a connector GUID from a name or an address.
///
/// A GUID is 8-4-4-4-12 hexadecimal digits in either case; its canonical spelling is lower case.
pub fn id_form(text: &str) -> IdForm {
    const WIDTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let groups = || text.split('-');
    if text.len() == 36 && groups().map(str::len).eq(WIDTHS) && groups().all(hex) {
        let canonical = text.bytes().any(|b| b.is_ascii_uppercase()).then(|| text.to_ascii_lowercase().into());
        return IdForm::Id(canonical);
    }
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    if inner.len() != text.len() {
        return match id_form(inner) {
            IdForm::NotAnId => IdForm::NotAnId,
            IdForm::Id(_) | IdForm::Damaged(_) => IdForm::Damaged("a GUID is written without braces"),
        };
    }
    // Five groups of about the right size were meant as a GUID: looked up as a name, they would only not be found.
    let count = groups().count();
    let near = count == 5 && groups().zip(WIDTHS).all(|(part, due)| part.len().abs_diff(due) <= 2);
    let all_hex = groups().all(|part| hex(part) && !part.is_empty());
    let cut_short = count >= 3 && groups().map(str::len).take(3).eq([8, 4, 4]);
    let meant = near || all_hex && (cut_short || count >= 4 && text.len() >= 24 || count == 1 && text.len() == 32);
    if !meant {
        return IdForm::NotAnId;
    }
    if groups().all(hex) {
        IdForm::Damaged("a GUID has 8-4-4-4-12 digits")
    } else {
        IdForm::Damaged("a GUID has only the digits 0-9 and a-f")
    }
}

#[cfg(test)]
mod id_tests;
