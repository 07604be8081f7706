//! What may be typed. Nothing reaches the firewall but what is made here, and only these bytes can be in it.

use std::fmt;

use crate::{
    domain::failure::FailureKind,
    vendors::{Again, VendorError},
};

/// The longest line: what a terminal of the width that is asked for shows in one piece.
pub(super) const LONGEST: usize = 1000;

/// What the screens of the firewall are asked to be wide, with room for the longest prompt.
pub(super) const WIDTH: u32 = 1200;

/// Whether a byte may be typed. Everything that a command line could take for more than itself is missing: help, completion,
/// quotes of the other kind, escapes, comments, variables, redirections, controls.
const fn may_be_typed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b' ' | b'.' | b'-' | b'_' | b'/' | b':' | b',' | b'+' | b'=' | b'@' | b'"' | b'|')
}

/// One line, whole, without its end.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Line(String);

impl Line {
    /// A command of ours.
    pub(super) fn new(command: &'static str) -> Self {
        Self(command.to_owned())
    }

    /// Adds a word that needs no quotes: an address, a number.
    pub(super) fn word(mut self, word: &str) -> Self {
        self.0.push(' ');
        self.0.push_str(word);
        self
    }

    /// Adds a text in quotes. One that has a quote itself makes the line one that is never typed.
    pub(super) fn quoted(mut self, text: &str) -> Self {
        self.0.push_str(" \"");
        // A line feed is refused below, whatever else is in the text.
        self.0.push_str(&text.replace('"', "\n"));
        self.0.push('"');
        self
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes to be typed, Enter included.
    ///
    /// # Errors
    ///
    /// If one of them may not be typed: then none of them is.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, VendorError> {
        let words = self.0.split(' ').filter(|word| !word.is_empty()).count();
        if self.0.len() > LONGEST || words == 0 || !self.0.bytes().all(may_be_typed) || self.0.contains("--More--") {
            let text = "a line was made that must not be typed into a firewall; nothing of it was sent";
            return Err(VendorError::new(FailureKind::BadRequest, text, Again::Never));
        }
        let mut bytes = self.0.clone().into_bytes();
        bytes.push(b'\r');
        Ok(bytes)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_typed_is_what_was_meant() {
        let line = Line::new("set subnet").word("203.0.113.9").word("255.255.255.255");
        assert_eq!(line.bytes().unwrap(), b"set subnet 203.0.113.9 255.255.255.255\r");
        let line = Line::new("append member").quoted("edr-ip-1").quoted("two words");
        assert_eq!(line.bytes().unwrap(), b"append member \"edr-ip-1\" \"two words\"\r");
    }

    #[test]
    fn a_line_with_a_byte_that_could_do_more_is_not_typed() {
        for text in [
            "a\"b", "a\nb", "a\rb", "a?", "a\tb", "a\\", "a;b", "a'b", "a$b", "a`b", "a#b", "\u{1b}[A", "é", "a<b",
            "\0",
        ] {
            assert!(Line::new("set fqdn").quoted(text).bytes().is_err(), "{text:?}");
            assert!(Line::new("set fqdn").word(text).bytes().is_err() || text == "a\"b", "{text:?}");
        }
        assert!(Line::new("set comment").quoted(&"x".repeat(LONGEST)).bytes().is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_text_is_the_bytes_are_plain_and_end_once(text in any::<String>()) {
            if let Ok(bytes) = Line::new("set comment").quoted(&text).bytes() {
                prop_assert_eq!(bytes.iter().filter(|byte| **byte == b'\r').count(), 1);
                prop_assert_eq!(bytes.iter().filter(|byte| **byte == b'"').count(), 2);
                prop_assert!(bytes[..bytes.len() - 1].iter().all(|byte| (0x20..0x7f).contains(byte)));
            }
        }
    }
}
