//! JSON that is exact to a parser and harmless to a terminal.
//!
//! JSON leaves most characters as they are, so that `cat results.jsonl` would hand a terminal whatever a host calls
//! itself. Hostile characters are written as `\u` sequences instead: a parser reads the same string back.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

use super::clean::is_hostile;

/// The value as one line of JSON, without a line break.
///
/// # Errors
///
/// What `serde_json` cannot write: a map with keys that are no text.
pub fn to_line<T: Serialize + ?Sized>(value: &T) -> io::Result<String> {
    let mut bytes = Vec::with_capacity(512);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

#[derive(Debug)]
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\u{7f}') {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if is_hostile(c) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_characters_are_sequences_and_all_others_stand_as_they_are() {
        assert_eq!(
            to_line("端\u{1b}\u{7f}\u{9b}\u{202e}\u{2028}\u{e0041}\n\"").unwrap(),
            r#""端\u001b\u007f\u009b\u202e\u2028\udb40\udc41\n\"""#
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_exactly(text in any::<String>()) {
            let line = to_line(&text).unwrap();
            prop_assert!(!line.chars().any(is_hostile));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
