//! The codes of the second factor, as the standard has them (RFC 6238).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The letters in which the key is shown.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The key as the console shows it once.
pub(super) fn shown(key: [u8; 20]) -> String {
    let mut text = String::with_capacity(32);
    for five in key.chunks(5) {
        let number = five.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        for place in (0..8).rev() {
            let at = (number >> (5 * place) & 31) as usize;
            text.push(LETTERS.get(at).copied().map_or('A', char::from));
        }
    }
    text
}

/// The code of one half minute.
pub(super) fn code(key: [u8; 20], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&key) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest: Vec<u8> = mac.finalize().into_bytes().to_vec();
    let at = usize::from(digest.get(19).copied().unwrap_or_default() & 15);
    let word =
        digest.get(at..at + 4).map_or(0, |four| four.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)));
    format!("{:06}", (word & i32::MAX.cast_unsigned()) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standards_own_examples() {
        let key = *b"12345678901234567890";
        assert_eq!(shown(key), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (seconds, expected) in [(59, "287082"), (1_234_567_890, "005924")] {
            assert_eq!(code(key, seconds / 30), expected);
        }
    }
}
