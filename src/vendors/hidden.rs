//! Keeps our own credentials out of what a console, or something in front of it, says back to us.
//!
//! A console may quote the request that it refuses, and a gateway may print the headers that it was sent. Those words end
//! up in errors, and errors on terminals and in journals. A vendor passes every error through here before it leaves it.

use std::fmt;

use zeroize::Zeroizing;

/// What stands in the place of a secret.
const INSTEAD: &str = "[hidden]";

/// Shorter texts are no secret, and may be part of any word.
const SHORTEST: usize = 4;

/// How every token begins that is signed: `{"` in base64.
const TOKEN: &str = "eyJ";

/// The texts that one console must not be quoted with. It shows nothing of itself.
#[derive(Default)]
pub struct Hidden(Vec<Zeroizing<String>>);

impl Hidden {
    /// Hides these texts, in capitals or not, as they are and as they are written in forms, addresses, pages and JSON; tokens
    /// are hidden in any case.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hidden = Self::default();
        for secret in secrets.into_iter().filter(|secret| secret.len() >= SHORTEST) {
            hidden.0.push(Zeroizing::new(secret.to_owned()));
            for written in spellings(secret) {
                if hidden.0.iter().all(|known| **known != *written) {
                    hidden.0.push(written);
                }
            }
        }
        hidden
    }

    /// The text without any of them, and without the beginning of one where a quotation was cut off.
    pub fn scrub(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let secret = self.0.iter().map(|secret| length_at(rest, secret)).max().unwrap_or(0);
            let hidden = secret.max(token_at(rest));
            let read = if hidden > 0 {
                shown.push_str(INSTEAD);
                hidden
            } else {
                shown.push(next);
                next.len_utf8()
            };
            rest = rest.get(read..).unwrap_or_default();
        }
        shown
    }
}

/// A text as it stands in a form, in an address, in a page and in JSON: an error may quote the request in any of these.
fn spellings(secret: &str) -> [Zeroizing<String>; 4] {
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let address = form.replace('+', "%20");
    let page = secret.chars().fold(String::new(), |mut page, c| {
        match c {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            c => page.push(c),
        }
        page
    });
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_matches('"').to_owned();
    [form, address, page, json].map(Zeroizing::new)
}

/// How many bytes of this secret a text begins with: all of it, or what a cut has left.
fn length_at(text: &str, secret: &str) -> usize {
    let same = text.bytes().zip(secret.bytes()).take_while(|(a, b)| is_same(*a, *b)).count();
    let Some(behind) = text.get(same..) else { return 0 };
    let cut = same >= SHORTEST && (behind.is_empty() || behind.starts_with([')', '…']));
    if same == secret.len() || cut { same } else { 0 }
}

/// Whoever quotes may write any blank for another.
const fn is_same(a: u8, b: u8) -> bool {
    a.eq_ignore_ascii_case(&b) || (matches!(a, b' ' | b'\t') && matches!(b, b' ' | b'\t'))
}

/// How many bytes of a token a text begins with, whole or cut off.
fn token_at(text: &str) -> usize {
    let of_token = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'=');
    if text.starts_with(TOKEN) { text.bytes().take_while(of_token).count() } else { 0 }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hidden").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "0A1B2C3D-4E5F-4061-8293-A4B5C6D7E8F9";

    fn scrubbed(text: &str) -> String {
        Hidden::new([KEY, "app", ""]).scrub(text)
    }

    #[test]
    fn a_secret_and_a_token_are_hidden_wherever_they_stand() {
        assert_eq!(scrubbed(&format!("unknown application {KEY}, sorry")), "unknown application [hidden], sorry");
        assert_eq!(scrubbed(&KEY.to_ascii_lowercase()), "[hidden]");
        assert_eq!(scrubbed("Bearer eyJhbGci.eyJhcHBpZCI6.x-Y_z was refused"), "Bearer [hidden] was refused");
        assert_eq!(scrubbed("Bearer%20eyJhbGciOi)"), "Bearer%20[hidden])");
        assert_eq!(scrubbed("the app is déjà vu"), "the app is déjà vu", "three letters are no secret");
    }

    #[test]
    fn what_a_cut_leaves_of_a_secret_is_hidden_too() {
        assert_eq!(scrubbed("(HTTP 400: 0A1B2C3D-4E)"), "(HTTP 400: [hidden])");
        assert_eq!(scrubbed("0A1B2… (x)"), "[hidden]… (x)");
        assert_eq!(scrubbed("agent 0A1B2C3D-0000-4000 is another"), "agent 0A1B2C3D-0000-4000 is another");
    }

    #[test]
    fn a_secret_is_hidden_in_the_forms_that_requests_and_pages_write_it_in() {
        let hidden = Hidden::new(["p@ss w\"rd!/<x>"]);
        for text in ["p@ss w\"rd!/<x>", "p%40ss+w%22rd%21%2f%3cx%3e", "p%40ss%20w%22rd%21%2F%3Cx%3E"] {
            assert_eq!(hidden.scrub(&format!("user=a&password={text}&go")), "user=a&password=[hidden]&go");
        }
        assert_eq!(hidden.scrub("[p@ss w&quot;rd!/&lt;x&gt;]"), "[[hidden]]");
        assert_eq!(hidden.scrub("{\"p\":\"p@ss w\\\"rd!/<x>\"}"), "{\"p\":\"[hidden]\"}");
        assert_eq!(Hidden::new(["plain-secret"]).0.len(), 1, "one that is written in one way is kept once");
    }

    proptest! {
        #[test]
        fn no_cut_lets_four_characters_through(before in "[a-zé ]{0,6}", at in 4_usize..=36) {
            let text = format!("{before}{}", KEY.get(..at).unwrap());
            prop_assert_eq!(scrubbed(&text), format!("{before}[hidden]"));
        }

        #[test]
        fn a_text_without_secrets_stays_as_it_is(text in "[^eE0]{0,40}") {
            prop_assert_eq!(scrubbed(&text), text);
        }
    }
}
