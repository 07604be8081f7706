//! The word that was probably meant.

/// The candidate nearest to a word, if one is near enough to be meant.
pub(super) fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    let allowed = match word.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=7 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Every candidate that is near or holds the word, the nearest first; all of them if there are only a few.
pub(crate) fn near_ones<'a>(word: &str, candidates: &[&'a str]) -> Vec<&'a str> {
    const SHOWN: usize = 5;
    let plain_word = plain(word);
    let mut found: Vec<(usize, &str)> = candidates
        .iter()
        .map(|candidate| (distance(&plain_word, &plain(candidate)), *candidate))
        .filter(|(distance, candidate)| {
            candidates.len() <= SHOWN
                || *distance <= 3
                || (!plain_word.is_empty() && plain(candidate).contains(&plain_word))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(SHOWN).map(|(_, candidate)| candidate).collect()
}

fn distance(word: &str, candidate: &str) -> usize {
    // `url` for `base_url` and `key` for `api_key` are half a word, not a slip of the finger.
    if word.len() >= 3 && candidate.split('_').any(|part| part == word) {
        return 1;
    }
    strsim::damerau_levenshtein(word, candidate)
}

/// What differs only in capitals, dashes and underscores was meant the same.
fn plain(word: &str) -> String {
    word.chars().take(64).flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["region", "base_url", "client_id", "api_key", "timeout"];

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        for (word, meant) in [
            ("api_kye", "api_key"),
            ("API-KEY", "api_key"),
            ("apikey", "api_key"),
            ("regoin", "region"),
            ("url", "base_url"),
            ("time_out", "timeout"),
            ("clientid", "client_id"),
        ] {
            assert_eq!(near(word, KEYS), Some(meant), "{word}");
        }
    }

    #[test]
    fn another_word_is_not_taken_for_a_slip() {
        for word in ["", "x", "colour", "password", "proxy"] {
            assert_eq!(near(word, KEYS), None, "{word}");
        }
    }

    #[test]
    fn a_few_are_all_shown_and_of_many_the_near_ones() {
        assert_eq!(near_ones("amce", &["globex", "acme"]), ["acme", "globex"]);
        let many = ["acme", "acme_eu", "globex", "initech", "umbrella", "hooli"];
        assert_eq!(near_ones("acme-ue", &many), ["acme_eu", "acme"]);
        assert_eq!(near_ones("zzzzzzzz", &many), [""; 0]);
    }
}
