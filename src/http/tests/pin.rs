//! How pins are written.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;

/// What `openssl` prints, and the same in the other forms.
const HEX: &str = "4a7d1ed414474e4033ac29ccb8653d9b0f1e2d3c4b5a69788796a5b4c3d2e1f0";

#[test]
fn a_pin_is_read_in_every_form_that_programs_print() {
    let colons = "4A:7D:1E:D4:14:47:4E:40:33:AC:29:CC:B8:65:3D:9B:0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0";
    let blanks = colons.replace(':', " ");
    let base64 = "Sn0e1BRHTkAzrCnMuGU9mw8eLTxLWml4h5altMPS4fA";
    for text in [HEX, &HEX.to_uppercase(), colons, &blanks, base64, &format!("{base64}="), &format!("  {HEX}\n")] {
        for prefix in ["", "sha256:", "SHA256/", "Sha256//", "sha256: "] {
            let pin = Pin::parse(&format!("{prefix}{text}"));
            assert_eq!(pin.map(|pin| pin.to_string()), Ok(HEX.to_owned()), "{prefix}{text}");
        }
    }
}

#[test]
fn what_is_no_pin_is_told_apart() {
    let too_short = HEX.get(1..).unwrap();
    let a_byte_short = HEX.get(2..).unwrap();
    for (text, why) in [
        ("", PinError::Empty),
        (" sha256: ", PinError::Empty),
        ("da39a3ee5e6b4b0d3255bfef95601890afd80709", PinError::Sha1),
        ("DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09", PinError::Sha1),
        (too_short, PinError::NoSha256),
        (a_byte_short, PinError::NoSha256),
        (&format!("{HEX}00"), PinError::NoSha256),
        (&HEX.replace('4', "g"), PinError::NoSha256),
        (&format!("sha512:{HEX}"), PinError::NoSha256),
        (&format!("sha256:sha256:{HEX}"), PinError::NoSha256),
        ("4:a7d1ed414474e4033ac29ccb8653d9b0f1e2d3c4b5a69788796a5b4c3d2e1f0", PinError::NoSha256),
        ("Sn0e1BRHTkAzrCnMuGU9mw8eLTxLWml4h5altMPS4fA==", PinError::NoSha256),
        ("hunter2", PinError::NoSha256),
    ] {
        assert_eq!(Pin::parse(text), Err(why), "{text}");
    }
    assert!(!PinError::NoSha256.to_string().contains("hunter2"));
}

/// `/` is a digit of base64, and so is every letter of `sha256`.
#[test]
fn a_prefix_is_not_mistaken_for_digits_nor_digits_for_a_prefix() {
    let leading_slash = [0xfc; 32];
    let digits = STANDARD.encode(leading_slash);
    assert!(digits.starts_with('/'), "{digits}");
    let looks_prefixed = "sha256//Sn0e1BRHTkAzrCnMuGU9mw8eLTxLWml4h5Y=";
    let bytes = STANDARD.decode(looks_prefixed).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(Pin::parse(looks_prefixed).unwrap().to_string(), hex(&bytes));
    for prefix in ["", "sha256:", "sha256/", "sha256//"] {
        assert_eq!(Pin::parse(&format!("{prefix}{digits}")).unwrap().to_string(), hex(&leading_slash), "{prefix}");
    }
}

proptest! {
    #[test]
    fn a_pin_that_is_written_is_read_back(
        bytes in any::<[u8; 32]>(),
        prefix in prop::sample::select(vec!["", "sha256:", "sha256/", "sha256//", "SHA256:"]),
        form in 0..6,
    ) {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = match form {
            0 => hex.concat(),
            1 => hex.concat().to_uppercase(),
            2 => hex.join(":"),
            3 => hex.join(" ").to_uppercase(),
            4 => STANDARD.encode(bytes),
            _ => STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
        };
        let pin = Pin::parse(&format!("{prefix}{text}")).unwrap();
        prop_assert_eq!(pin.to_string(), hex.concat());
        prop_assert_eq!(Pin::parse(&pin.to_string()), Ok(pin));
    }

    #[test]
    fn no_text_is_too_odd_to_be_looked_at(text in "(sha256[:/]{0,2})?[ -~é\u{3000}]{0,80}") {
        if let Ok(pin) = Pin::parse(&text) {
            prop_assert_eq!(Pin::parse(&pin.to_string()), Ok(pin));
        }
    }
}
