//! Cisco Secure Endpoint.

use crate::domain::selector::IdForm;

pub mod config;

/// Tells a connector GUID from a name or an address.
///
/// A GUID is 8-4-4-4-12 hexadecimal digits in either case; its canonical spelling is lower case.
pub fn id_form(text: &str) -> IdForm {
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let widths: Vec<usize> = groups.iter().map(|part| part.len()).collect();
    if widths == [8, 4, 4, 4, 12] && groups.iter().all(|part| hex(part)) {
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
    let near =
        widths.len() == 5 && widths.iter().zip([8_usize, 4, 4, 4, 12]).all(|(width, due)| width.abs_diff(due) <= 2);
    let meant = near
        || text.len() == 32 && hex(text)
        || groups.len() >= 4 && text.len() >= 24 && groups.iter().all(|part| hex(part) && !part.is_empty());
    if !meant {
        return IdForm::NotAnId;
    }
    if groups.iter().any(|part| !hex(part)) {
        IdForm::Damaged("a GUID has only the digits 0-9 and a-f")
    } else {
        IdForm::Damaged("a GUID has 8-4-4-4-12 digits")
    }
}
