//! Ids that are GUIDs, told from names by their form: groups of hexadecimal digits between dashes.

use super::selector::IdForm;

/// How many digits each group of a GUID has.
pub type Shape = [usize; 5];

/// The shape that nearly all GUIDs have.
pub const USUAL: Shape = [8, 4, 4, 4, 12];

/// Tells a GUID of one of these shapes from a name or an address. Its canonical spelling is lower case.
///
/// A text that was meant as a GUID and is none is damaged: looked up as a name, it would only not be found.
pub fn form(text: &str, shapes: &[Shape]) -> IdForm {
    // Nearly every target of a long list ends here, and every one is checked twice.
    if shapes.iter().any(|shape| fits(text, shape)) {
        let canonical = text.bytes().any(|b| b.is_ascii_uppercase()).then(|| text.to_ascii_lowercase().into());
        return IdForm::Id(canonical);
    }
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    if inner.len() != text.len() {
        return match form(inner, shapes) {
            IdForm::Id(_) | IdForm::Damaged(_) => IdForm::Damaged("a GUID is written without braces"),
            other => other,
        };
    }
    let groups = || text.split('-');
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let count = groups().count();
    // Five groups of about the right size were meant as a GUID.
    let near =
        count == 5 && shapes.iter().any(|shape| groups().zip(shape).all(|(part, due)| part.len().abs_diff(*due) <= 2));
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

fn fits(text: &str, shape: &Shape) -> bool {
    let mut bytes = text.bytes();
    for (number, digits) in shape.iter().enumerate() {
        if number > 0 && bytes.next() != Some(b'-') {
            return false;
        }
        for _ in 0..*digits {
            if !bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return false;
            }
        }
    }
    bytes.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: Shape = [12, 8, 4, 4, 4];

    #[test]
    fn a_guid_of_any_shape_asked_for_is_one() {
        let usual = "6a1c0f52-7b3d-4e88-9a41-0d5e2c7f1b90";
        let other = "6A1C0F527B3D-4E889A41-0D5E-2C7F-1B90";
        assert_eq!(form(usual, &[USUAL]), IdForm::Id(None));
        assert_eq!(form(other, &[USUAL, OTHER]), IdForm::Id(Some(other.to_ascii_lowercase().into())));
        assert!(matches!(form(other, &[USUAL]), IdForm::Damaged(_)));
    }

    #[test]
    fn a_guid_that_lost_a_digit_is_damaged_and_a_name_is_not() {
        for text in [
            "6a1c0f52-7b3d-4e88-9a41-0d5e2c7f1b9",
            "6a1c0f52-7b3d-4e88-9a41-0d5e2c7f1b9g",
            "{6a1c0f52-7b3d-4e88-9a41-0d5e2c7f1b90}",
            "6A1C0F527B3D-4E889A41-0D5E-2C7F-1B9",
        ] {
            assert!(matches!(form(text, &[USUAL, OTHER]), IdForm::Damaged(_)), "{text}");
        }
        for text in ["FIN-DESK-0041", "web01", "a-b-c-d-e", "10.0.0.1", "02-00-5e-10-00-41"] {
            assert_eq!(form(text, &[USUAL, OTHER]), IdForm::NotAnId, "{text}");
        }
    }
}
