//! The result codes in words, each with what it means for a run.
//!
//! The console's own description comes beside the code. It may change, and is shown and never read.

use crate::domain::failure::FailureKind;

/// The only code that says: done as asked.
pub(super) const SUCCESS: i64 = 1;

/// What a result code calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Every further request would be refused in the same way: the run stops.
    Run(FailureKind),
    /// The token was too old on arrival: a matter of clocks first.
    Clock,
    /// This request alone, and asking again cannot help.
    Never(FailureKind),
    /// The console's own trouble: ask again after a while.
    Backoff(FailureKind),
}

/// A documented code: its class, and what it says.
pub(super) fn meaning(code: i64) -> Option<(Class, &'static str)> {
    use Class::{Backoff, Clock, Never, Run};
    use FailureKind as Kind;
    Some(match code {
        -2 => (
            Run(Kind::CredentialsRefused),
            "the console found no token in the request: does a proxy in between take the `Authorization` header away?",
        ),
        -3 => (
            Run(Kind::CredentialsRefused),
            "the console cannot read the request's token: does a proxy in between change the `Authorization` header?",
        ),
        -4 => (Run(Kind::CredentialsRefused), "the console does not take this version of token"),
        -5 => (
            Run(Kind::CredentialsRefused),
            "the console does not know the application id, or it is disabled: check `application_id`, and the \
             application in the console's Automation API Access Settings",
        ),
        -6 => (Clock, "the console says that the request's token is too old"),
        -7 => (
            Run(Kind::CredentialsRefused),
            "the signature is not of this application's key: check `api_key`, letter case and hyphens included",
        ),
        -8 => (
            Run(Kind::Altered),
            "the bytes that the console received are not the bytes that were signed: does a proxy in between rewrite \
             path or body?",
        ),
        -9 => (Run(Kind::CredentialsRefused), "the console does not take tokens signed with HS256"),
        -21 => (Never(Kind::BadRequest), "the console says that a parameter of the request is wrong"),
        -22 => (Never(Kind::BadRequest), "the console does not know this action"),
        -50 => (Never(Kind::BadRequest), "the console does not take this HTTP method here"),
        -99 => (Backoff(Kind::ServerError), "the console failed"),
        -102 | -202 => {
            (Never(Kind::Ambiguous), "several agents of the console fit, and it may not choose: nothing was done")
        }
        -103 | -203 => (
            Never(Kind::ManagedElsewhere),
            "another Apex Central or Control Manager below this one manages the agent: run it against that console",
        ),
        -104 | -204 => (
            Backoff(Kind::ManagerUnreachable),
            "the console cannot reach the product server that manages the agent at the moment",
        ),
        -105 | -205 => (Never(Kind::BadRequest), "the console does not know the server that the request names"),
        -106 | -206 => (Never(Kind::BadRequest), "another Apex Central below this one manages the server"),
        -107 | -207 => (Never(Kind::Unsupported), "the product server that manages the agent cannot do this"),
        -1101 => (Never(Kind::BadRequest), "the console's list of suspicious objects is full"),
        -1102 => (
            Never(Kind::BadRequest),
            "the console cannot prepare the file for scanning; its own virus scanner may have taken it",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_words_and_its_class() {
        use Class::{Backoff, Clock, Never, Run};
        use FailureKind as Kind;
        let refused = Run(Kind::CredentialsRefused);
        for (codes, class) in [
            (&[-2, -3, -4, -5, -7, -9][..], refused),
            (&[-6], Clock),
            (&[-8], Run(Kind::Altered)),
            (&[-21, -22, -50, -105, -106, -205, -206, -1101, -1102], Never(Kind::BadRequest)),
            (&[-99], Backoff(Kind::ServerError)),
            (&[-102, -202], Never(Kind::Ambiguous)),
            (&[-103, -203], Never(Kind::ManagedElsewhere)),
            (&[-104, -204], Backoff(Kind::ManagerUnreachable)),
            (&[-107, -207], Never(Kind::Unsupported)),
        ] {
            for code in codes {
                let (found, words) = meaning(*code).unwrap();
                assert_eq!(found, class, "{code}");
                assert!(!words.is_empty() && !words.ends_with('.') && !words.contains("  "), "{code}: {words}");
            }
        }
    }

    #[test]
    fn no_other_number_means_anything() {
        let known = (-2_000..=2_000).filter(|code| meaning(*code).is_some()).count();
        assert_eq!(known, 26);
        for code in [0, SUCCESS, 2, -1, -10, -100, -101, -108, -201, -208, -1100, i64::MIN, i64::MAX] {
            assert_eq!(meaning(code), None, "{code}");
        }
    }
}
