//! Undoes what people do to indicators so that nobody clicks on them, and finds the host in a URL.

use std::borrow::Cow;

use super::BadIndicator;

/// No address, no domain and no URL worth reading is longer.
pub(super) const LONGEST: usize = 2048;

/// What stands for what. Longer forms come first.
const FORMS: [(&str, &str); 14] = [
    ("[://]", "://"),
    ("[:]//", "://"),
    ("[:]", ":"),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[.", "."),
    (".]", "."),
    ("[at]", "@"),
    ("[@]", "@"),
    ("[/]", "/"),
];

/// Schemes that were made unclickable.
const SCHEMES: [&str; 5] = ["hxxp", "hxxps", "hxtp", "hxtps", "fxp"];

/// Undoes the defanging. Brackets that hold an address are left.
pub(super) fn refang(text: &str) -> Cow<'_, str> {
    if !text.contains(['[', '(', '{', ']']) {
        return Cow::Borrowed(text);
    }
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    'next: while let Some(first) = rest.chars().next() {
        for (form, meant) in FORMS {
            let begins = rest.get(..form.len()).is_some_and(|head| head.eq_ignore_ascii_case(form));
            if begins && let Some(after) = rest.get(form.len()..) {
                done.push_str(meant);
                rest = after;
                continue 'next;
            }
        }
        done.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    Cow::Owned(done)
}

/// The part that names the host or the network, and whether there was more.
pub(super) fn host_of(text: &str) -> Result<(&str, bool), BadIndicator> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let known = !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && (scheme.bytes().all(|b| b.is_ascii_alphabetic()) || SCHEMES.contains(&scheme));
        // Browsers read a backslash as a slash and other programs do not: the host is another one for each.
        if !known || rest.contains('\\') {
            return Err(BadIndicator::BadUrl);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return without_port(authority).map(|(host, _)| (host, true));
    }
    if text.contains('\\') {
        return Err(BadIndicator::BadCharacter);
    }
    match text.split_once('/') {
        // A network keeps its prefix; whoever reads addresses judges it.
        Some((head, _)) if looks_like_address(head) => Ok((text, false)),
        Some((head, _)) => without_port(head).map(|(host, _)| (host, true)),
        None => without_port(text.split(['?', '#']).next().unwrap_or_default())
            .map(|(host, more)| (host, more || text.contains(['?', '#']))),
    }
}

/// Whether a text is meant as an address, right or wrong.
pub(super) fn looks_like_address(text: &str) -> bool {
    text.matches(':').count() > 1 || text.rsplit('.').next().is_some_and(is_number)
}

/// What some program somewhere reads as a number: decimal, octal, `0x`.
pub(super) fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    let digits = !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit());
    digits || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn without_port(authority: &str) -> Result<(&str, bool), BadIndicator> {
    // `http://8.8.8.8@bad.example` shows one host and goes to another.
    if authority.contains('@') || authority.is_empty() {
        return Err(BadIndicator::BadUrl);
    }
    if let Some(rest) = authority.strip_prefix('[') {
        let (inner, after) = rest.split_once(']').ok_or(BadIndicator::BadUrl)?;
        let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
        let fits = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        // Brackets hold IPv6 and nothing else.
        return if fits && inner.contains(':') { Ok((inner, true)) } else { Err(BadIndicator::BadUrl) };
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => {
            let fits = port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) && !host.is_empty();
            if fits { Ok((host, true)) } else { Err(BadIndicator::BadUrl) }
        }
        _ => Ok((authority, false)),
    }
}
