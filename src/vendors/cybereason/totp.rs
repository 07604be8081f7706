//! The second factor: six digits of the time of day and a key (RFC 6238, SHA-1, half a minute).

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use zeroize::Zeroizing;

/// How long a code is good, in seconds.
pub(super) const STEP: u64 = 30;

/// A key of fewer bytes is no key: eighty bits are the least that any console gives out.
const SHORTEST: usize = 10;

/// A key. Shows nothing of itself.
#[derive(Clone)]
pub struct Key(Zeroizing<Vec<u8>>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

impl Key {
    /// Reads base32 as people copy it: in any case, with blanks and hyphens; or out of the `otpauth://` address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = match text.strip_prefix("otpauth://") {
            Some(rest) => {
                let query = rest.split_once('?')?.1;
                query.split('&').find_map(|pair| pair.strip_prefix("secret="))?
            }
            None => text,
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
        let (mut bits, mut held) = (0_u32, 0_u32);
        for letter in text.bytes().filter(|letter| !matches!(letter, b' ' | b'-' | b'=')) {
            let five = match letter.to_ascii_uppercase() {
                upper @ b'A'..=b'Z' => upper - b'A',
                digit @ b'2'..=b'7' => digit - b'2' + 26,
                _ => return None,
            };
            bits = (bits << 5 | u32::from(five)) & 0xffff;
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held & 0xff) as u8);
            }
        }
        (bytes.len() >= SHORTEST).then_some(Self(bytes))
    }

    /// The code of the half minute with this number.
    pub(super) fn code(&self, step: u64) -> Zeroizing<String> {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) else { return Zeroizing::default() };
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let at = digest.last().map_or(0, |last| usize::from(last & 0xf));
        let four = digest.iter().skip(at).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        Zeroizing::new(format!("{:06}", (four & 0x7fff_ffff) % 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standards_own_examples() {
        // RFC 6238, appendix B: the key is the text 12345678901234567890; the last six of its eight digits.
        let key = Key::parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        assert_eq!(&*key.0, b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(key.code(seconds / STEP).as_str(), code, "{seconds}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in ["", "AAAA", "GEZDGNBVGY3TQOJ1", "otpauth://totp/x", "otpauth://totp/x?issuer=y"] {
            assert!(Key::parse(bad).is_none(), "{bad}");
        }
    }
}
