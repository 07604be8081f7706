//! Whether an answer is a refusal: by what stands in it, because a firewall's command line has no other way to say so.

use super::super::codes::{self, Meaning};
use crate::{
    domain::failure::FailureKind,
    vendors::{Again, VendorError},
};

/// What stands in an answer only if something is wrong.
const SIGNS: [&str; 12] = [
    "command fail. return code",
    "unknown action",
    "parse error",
    "node_check_object fail",
    "object check operator error",
    "entry not found",
    "entry is not found",
    "conflict:",
    "not valid",
    "invalid ip address",
    "incomplete command",
    "maximum number of entries",
];

/// How much of an answer is quoted.
const QUOTED: usize = 200;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The number, if there is one that means something.
    pub(super) code: Option<i64>,
    /// What was said.
    pub(super) said: String,
    /// Whether the session is out of the place where the line belonged.
    fell_out: bool,
}

impl Trouble {
    /// Looks for it in an answer to a command that shows nothing by itself.
    pub(super) fn of(lines: &[String]) -> Option<Self> {
        let has_sign = |line: &&String| {
            let folded = line.to_ascii_lowercase();
            SIGNS.iter().any(|sign| folded.contains(sign))
        };
        lines.iter().find(has_sign)?;
        let number = lines.iter().rev().find_map(|line| {
            let (_, behind) = line.split_once("Return code ")?;
            behind.split_whitespace().next()?.parse::<i64>().ok()
        });
        let said: Vec<&str> =
            lines.iter().map(|line| line.trim()).filter(|line| !line.starts_with("Command fail.")).collect();
        let said: String = said.join("; ").chars().take(QUOTED).collect();
        let fell_out = lines.iter().any(|line| line.contains("Unknown action"));
        let has = |sign: &str| said.contains(sign);
        let code = match number {
            // These two stand for anything: the text tells.
            None | Some(1) | Some(-1) if has("entry is not found") || has("entry not found") => Some(-3),
            None if has("maximum number of entries") => Some(-4),
            Some(-1) if fell_out => None,
            Some(1) => None,
            number => number,
        };
        Some(Self { code, said, fell_out })
    }

    pub(super) fn means(&self, meaning: Meaning) -> bool {
        self.code.is_some_and(|code| codes::meaning(code) == meaning)
    }

    /// What becomes of the target whose line this was.
    pub(super) fn verdict(&self) -> VendorError {
        match self.code {
            Some(code) => codes::verdict(code, &self.said),
            None if self.fell_out => VendorError::new(
                FailureKind::ServerError,
                format!("the firewall left the place where the line belonged: {}", self.said),
                Again::Backoff,
            ),
            None => VendorError::new(
                FailureKind::BadRequest,
                format!("the firewall refused it: {}", self.said),
                Again::Never,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Trouble> {
        Trouble::of(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_known_to_be_said_is_understood() {
        assert_eq!(of(""), None);
        assert_eq!(of("new entry 'edr-ip-1' added"), None);
        for (text, meaning) in [
            ("invalid ip address\nvalue parse error before '1.1'\nCommand fail. Return code -8", Meaning::BadValue),
            ("The entry is used by other 1 entries\nCommand fail. Return code -23", Meaning::InUse),
            (
                "entry not found in datasource\nvalue parse error before 'x'\nCommand fail. Return code -3",
                Meaning::NotFound,
            ),
            ("entry is not found in table", Meaning::NotFound),
            ("entry is not found in table\nCommand fail. Return code 1", Meaning::NotFound),
            ("Command fail. Return code -4", Meaning::Full),
            ("Command fail. Return code -37", Meaning::NotAllowed),
            ("Command fail. Return code -361", Meaning::Other),
        ] {
            assert!(of(text).unwrap().means(meaning), "{text}");
        }
        let clash = of(
            "Name 'x' conflict: 'address' and 'address group' cannot be the same name.\nCommand fail. Return code -163",
        );
        assert!(clash.unwrap().means(Meaning::BadValue));
    }

    #[test]
    fn numbers_that_stand_for_anything_are_told_by_their_text() {
        let discarded =
            of("object check operator error, -45, discard the setting\nCommand fail. Return code 1").unwrap();
        assert_eq!((discarded.code, discarded.verdict().again()), (None, Again::Never));
        let unknown = of("command parse error before 'xjj'\nCommand fail. Return code 1").unwrap();
        assert_eq!((unknown.code, unknown.verdict().again()), (None, Again::Never));
        let fallen = of("Unknown action 0\nCommand fail. Return code -1").unwrap();
        assert_eq!((fallen.code, fallen.verdict().again()), (None, Again::Backoff));
        assert_eq!(of("Command fail. Return code -361").unwrap().verdict().again(), Again::Backoff);
    }
}
