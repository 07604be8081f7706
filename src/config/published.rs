//! The file of Cisco's published isolation script, so that its users need not write another: `BASE_URL=…`,
//! `API_CLIENT_ID=…`, `API_KEY=…`, one a line.
//!
//! It is told by what is in it, not by its name.

use std::path::Path;

use zeroize::Zeroizing;

use super::{error::ConfigError, near::near};
use crate::secret::Origin;

/// The section that the file stands for.
pub(super) const SECTION: &str = "cisco";

/// The script's names, and the keys of `[cisco]` that they are.
const NAMES: [(&str, &str); 3] = [("BASE_URL", "base_url"), ("API_CLIENT_ID", "client_id"), ("API_KEY", "api_key")];

/// One line of it.
pub(super) struct Line {
    /// The key of `[cisco]`.
    pub(super) key: &'static str,
    /// Where it stands.
    pub(super) origin: Origin,
    /// What is behind the equals sign.
    pub(super) value: Zeroizing<String>,
}

/// How a key of `[cisco]` is written here.
pub(super) fn written_name(key: &str) -> Option<&'static str> {
    NAMES.iter().find(|(_, known)| *known == key).map(|(name, _)| *name)
}

/// Every name that can be written here.
pub(super) fn written_names() -> Vec<&'static str> {
    NAMES.iter().map(|(name, _)| *name).collect()
}

/// Whether a text is such a file: one of its names begins a line, and no section does.
pub(super) fn is_published(text: &str) -> bool {
    let mut lines = meaningful(text).map(|(_, line)| line);
    let has_section = lines.clone().any(|line| line.starts_with('['));
    let has_name = lines.any(|line| split(line).is_some_and(|(name, _)| NAMES.iter().any(|(known, _)| name == *known)));
    has_name && !has_section
}

/// Reads such a file.
pub(super) fn read(text: &str, path: &Path) -> Result<Vec<Line>, ConfigError> {
    let mut lines: Vec<Line> = Vec::new();
    for (number, line) in meaningful(text) {
        let wrong = || ConfigError::NotASetting { path: path.to_owned(), line: number };
        let (name, value) = split(line).ok_or_else(wrong)?;
        // Whatever has no form of a name may be the rest of a key that was broken over two lines.
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(wrong());
        }
        let origin = Origin::Key { key: name.to_owned(), path: path.into(), line: number };
        let Some((_, key)) = NAMES.iter().find(|(known, _)| name == *known) else {
            let near = near(name, written_names()).map(str::to_owned);
            let known = written_names().into_iter().map(str::to_owned).collect();
            return Err(ConfigError::Unknown { origin, near, known });
        };
        if lines.iter().any(|earlier| earlier.key == *key) {
            return Err(ConfigError::SetTwice { origin });
        }
        let value = unquoted(value).ok_or_else(wrong)?;
        lines.push(Line { key, origin, value: Zeroizing::new(value.to_owned()) });
    }
    Ok(lines)
}

/// The lines that say something, with their numbers.
fn meaningful(text: &str) -> impl Iterator<Item = (usize, &str)> + Clone {
    (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn split(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.split_once('=').map(|(name, value)| (name.trim(), value.trim()))
}

/// Takes the quotes off a value, and a comment behind it. `None` if the quotes do not close.
fn unquoted(value: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        let Some(rest) = value.strip_prefix(quote) else { continue };
        let (inside, after) = rest.split_once(quote)?;
        let after = after.trim_start();
        return (after.is_empty() || after.starts_with('#')).then_some(inside);
    }
    let comment = value.match_indices('#').find(|(at, _)| {
        value.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace))
    });
    Some(comment.and_then(|(at, _)| value.get(..at)).unwrap_or(value).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(&'static str, String)> {
        assert!(is_published(text), "{text}");
        let lines = read(text, Path::new("config.txt")).unwrap();
        lines.into_iter().map(|line| (line.key, line.value.to_string())).collect()
    }

    #[test]
    fn the_three_settings_are_read_in_any_dress() {
        let expected = [("base_url", "https://h/v1/computers/"), ("client_id", "abc"), ("api_key", "k#y")]
            .map(|(k, v)| (k, v.to_owned()));
        for text in [
            "BASE_URL=https://h/v1/computers/\nAPI_CLIENT_ID=abc\nAPI_KEY=k#y\n",
            "BASE_URL = \"https://h/v1/computers/\"\r\nAPI_CLIENT_ID = 'abc'\r\nAPI_KEY = \"k#y\" # mine\r\n",
            "# mine\n\n  BASE_URL=https://h/v1/computers/ # EU\n\texport API_CLIENT_ID=abc\nAPI_KEY=k#y",
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
        assert_eq!(values("API_KEY=\n"), [("api_key", String::new())]);
        assert_eq!(values("API_KEY=# none\n"), [("api_key", String::new())]);
    }

    #[test]
    fn a_toml_file_is_not_taken_for_one() {
        for text in
            ["", "[cisco]\nbase_url = \"x\"\n", "# API_KEY=x\n[cisco]\n", "[x]\nAPI_KEY = \"x\"\n", "region = \"eu\"\n"]
        {
            assert!(!is_published(text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_value() {
        for (text, expected) in [
            ("API_KEY=a\nBASE_URI=hunter2\n", "key `BASE_URI` in config.txt line 2 is not known"),
            ("API_KEY=a\n\nAPI_KEY=hunter2\n", "key `API_KEY` in config.txt line 3 is set a second time"),
            ("API_KEY=a\nhunter2\n", "config.txt line 2: not a setting like `BASE_URL=…`"),
            ("API_KEY=a\nhunter2-+/=\n", "config.txt line 2: not a setting like `BASE_URL=…`"),
            ("API_KEY=\"hunter2\n", "config.txt line 1: not a setting like `BASE_URL=…`"),
            ("API_KEY=\"a\"hunter2\n", "config.txt line 1: not a setting like `BASE_URL=…`"),
        ] {
            let Err(error) = read(text, Path::new("config.txt")) else { panic!("{text}") };
            assert_eq!(error.to_string(), expected);
            assert!(!format!("{error:?} {:?}", error.hint()).contains("hunter2"), "{error:?}");
        }
    }
}
