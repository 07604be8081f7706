//! The console's own failures, in words, each with what it means for a run.
//!
//! A number means something only together with the module that gave it. The console's words come beside it; they are shown
//! and never read.

use serde_json::{Map, Value};

use super::container::Container;
use crate::domain::failure::FailureKind;

/// A failure as the console tells it. Every part may be absent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PxgError {
    pub(super) module: String,
    pub(super) code: Option<i64>,
    pub(super) subcode: Option<i64>,
    pub(super) words: String,
}

/// What a failure calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Every further request would be refused in the same way: the run stops.
    Run(FailureKind),
    /// This request alone, and asking again cannot help.
    Never(FailureKind),
    /// The console's own trouble: ask again after a while.
    Backoff(FailureKind),
}

/// As words are quoted: blanks stay, because a password may have several, and must be found again in what quotes it.
fn in_one_line(words: &str) -> String {
    words.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How much of the console's words is quoted.
const MOST_WORDS: usize = 300;

impl PxgError {
    /// Reads what stands under `PxgError`; whatever it is, something failed.
    pub(super) fn read(value: &Value) -> Self {
        let Some(map) = value.as_object() else { return Self::default() };
        let error = Container::read(map.clone());
        let own = error.inner("locdata").and_then(|located| own_words(&located));
        let words = own.or_else(|| error.text("message").map(str::to_owned)).unwrap_or_default();
        Self {
            module: error.text("module").unwrap_or_default().to_owned(),
            code: error.whole("code"),
            subcode: error.whole("subcode").filter(|subcode| *subcode != 0),
            words: in_one_line(&words).chars().take(MOST_WORDS).collect(),
        }
    }

    /// Whether it is this failure.
    pub(super) fn is(&self, module: &str, code: i64) -> bool {
        self.code == Some(code) && self.module.eq_ignore_ascii_case(module)
    }

    /// What it calls for, and what it says.
    pub(super) fn meaning(&self) -> (Class, &'static str) {
        self.code
            .and_then(|code| meaning(&self.module, code, self.subcode))
            .unwrap_or((Class::Never(FailureKind::ServerError), "the console refused the request"))
    }

    /// The module, the number and the console's words: `KLSTD 1186: Object not found`.
    pub(super) fn told(&self) -> String {
        let module = if self.module.is_empty() { "no module" } else { &self.module };
        let code = self.code.map_or_else(|| "without a code".to_owned(), |code| code.to_string());
        let subcode = self.subcode.map(|subcode| format!("/{subcode}")).unwrap_or_default();
        let colon = if self.words.is_empty() { "" } else { ": " };
        format!("{module} {code}{subcode}{colon}{}", self.words)
    }
}

/// The located words, with each `%n` replaced by its argument.
fn own_words(located: &Container) -> Option<String> {
    let format = located.text("format")?;
    let args: Vec<String> = located
        .get("args")
        .and_then(Value::as_array)
        .map(|args| args.iter().map(|arg| arg.as_str().map_or_else(|| arg.to_string(), str::to_owned)).collect())
        .unwrap_or_default();
    let mut words = String::with_capacity(format.len());
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        words.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = after.split_at_checked(digits).unwrap_or(("", after));
        match number.parse::<usize>() {
            // One that is not there is empty.
            Ok(number) if number > 0 => words.push_str(args.get(number - 1).map_or("", String::as_str)),
            _ => {
                words.push('%');
                words.push_str(number);
            }
        }
        rest = behind;
    }
    words.push_str(rest);
    Some(words)
}

/// A documented failure: its class, and what it says.
fn meaning(module: &str, code: i64, subcode: Option<i64>) -> Option<(Class, &'static str)> {
    use Class::{Backoff, Never, Run};
    use FailureKind as Kind;
    Some(match (module.to_ascii_uppercase().as_str(), code) {
        ("KLSTD", 1184) => (
            Never(Kind::Forbidden),
            "the console denies access: does the account's role have this right, and the device in its scope?",
        ),
        ("KLSTD", 1186) => (Never(Kind::NotFound), "the console does not find what was asked for"),
        ("KLSTD", 1192) => (Never(Kind::BadRequest), "the console cannot read the request"),
        ("KLSTD", 1193) => (Never(Kind::Forbidden), "the console does not permit this"),
        ("KLSTD", 1195) => {
            let words = match subcode {
                Some(1) => "the console is starting or stopping",
                Some(2) => "the console is under maintenance",
                _ => "the console is not available at the moment",
            };
            (Backoff(Kind::ServerError), words)
        }
        ("KLSTD", 1229) => (Never(Kind::NotCapable), "a limit of the console or of its licence is reached"),
        ("KLPRSS", 1125) => (Never(Kind::BadRequest), "the console misses a value in the request"),
        ("KLWAT", 1445) => (Run(Kind::CredentialsRefused), "the console does not know the user"),
        ("KLWAT", 1453) => (
            Run(Kind::CredentialsRefused),
            "the console has no such internal user with this password, and was not to ask the operating system: check \
             `internal_user`",
        ),
        ("KLWAT", 1454) => (Run(Kind::CredentialsRefused), "the console refused the token"),
        ("SPL", 2013) => (
            Run(Kind::CredentialsRefused),
            "the account is blocked, after too many wrong passwords: an administrator can release it",
        ),
        _ => return None,
    })
}

/// The failure in an answer, if it is one.
pub(super) fn failure_in(top: &Map<String, Value>) -> Option<PxgError> {
    top.get("PxgError").map(PxgError::read)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_documented_failure_has_words_and_its_class() {
        use Class::{Backoff, Never, Run};
        use FailureKind as Kind;
        for (module, code, class) in [
            ("KLSTD", 1184, Never(Kind::Forbidden)),
            ("KLSTD", 1186, Never(Kind::NotFound)),
            ("KLSTD", 1192, Never(Kind::BadRequest)),
            ("KLSTD", 1193, Never(Kind::Forbidden)),
            ("KLSTD", 1195, Backoff(Kind::ServerError)),
            ("KLSTD", 1229, Never(Kind::NotCapable)),
            ("KLPRSS", 1125, Never(Kind::BadRequest)),
            ("KLWAT", 1445, Run(Kind::CredentialsRefused)),
            ("KLWAT", 1453, Run(Kind::CredentialsRefused)),
            ("KLWAT", 1454, Run(Kind::CredentialsRefused)),
            ("spl", 2013, Run(Kind::CredentialsRefused)),
        ] {
            let (found, words) = meaning(module, code, None).unwrap();
            assert_eq!(found, class, "{module} {code}");
            assert!(!words.ends_with('.') && !words.contains("  "), "{words}");
        }
        assert_eq!(meaning("KLWAT", 1184, None), None, "a number means nothing without its module");
    }

    #[test]
    fn arguments_stand_where_the_format_says() {
        let read = |format: &str| {
            let error = json!({"module": "KLSTD", "code": "1186", "subcode": 2, "message": "plain",
                "locdata": {"type": "params", "value": {"format": format, "args": ["a%2", 7]}}});
            PxgError::read(&error).told()
        };
        assert_eq!(read("Device \"%1\" of %2"), "KLSTD 1186/2: Device \"a%2\" of 7");
        assert_eq!(read("%3|%0|100%|%"), "KLSTD 1186/2: |%0|100%|%");
        assert_eq!(read(""), "KLSTD 1186/2: plain");
    }

    #[test]
    fn whatever_stands_there_is_a_failure() {
        for value in [json!(null), json!({}), json!(7), json!([1]), json!({"code": {}, "locdata": 3})] {
            let error = PxgError::read(&value);
            assert_eq!(
                (error.told().as_str(), error.meaning().0),
                ("no module without a code", Class::Never(FailureKind::ServerError))
            );
        }
    }
}
