//! What isolated hosts may still reach: read, told with the plan, never changed.

use super::{answers, session::Draft, wire::IsolationRule};
use crate::{
    domain::failure::FailureKind,
    http::Response,
    vendors::{Preflight, VendorError},
};

/// Rules that are told one by one.
const SHOWN: usize = 12;

pub(super) const READ: Draft = Draft::get("rest/settings/isolation-rule");

/// Reads the rules: an array, or one within `data`.
pub(super) fn judge(response: &Response) -> Result<Vec<IsolationRule>, VendorError> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Told {
        Bare(Vec<IsolationRule>),
        Wrapped { data: Vec<IsolationRule> },
    }
    answers::content(response, false).map(|told| match told {
        Told::Bare(rules) | Told::Wrapped { data: rules } => rules,
    })
}

/// What of it is told. That the rules cannot be read is a caution and no more.
pub(super) fn tell(read: Result<Vec<IsolationRule>, VendorError>) -> Result<Preflight, VendorError> {
    let mut preflight = Preflight::default();
    match read {
        Ok(rules) => {
            let shown = rules.iter().take(SHOWN).map(words);
            preflight.notes.extend(shown);
            if rules.len() > SHOWN {
                preflight.notes.push(format!("and {} more isolation rules", rules.len() - SHOWN));
            }
        }
        Err(error) if is_about_the_rules(error.failure().kind) => {
            preflight.warnings.push(format!("what isolated hosts may still reach could not be read: {error}"));
        }
        Err(error) => return Err(error),
    }
    Ok(preflight)
}

/// Whether a failure says nothing against isolating: another role than for sensors is wanted for rules.
const fn is_about_the_rules(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Forbidden
            | FailureKind::Throttled
            | FailureKind::Protocol
            | FailureKind::BadRequest
            | FailureKind::ServerError
            | FailureKind::Gateway
            | FailureKind::Timeout
            | FailureKind::Cut
    )
}

fn words(rule: &IsolationRule) -> String {
    let place = [&rule.domain, &rule.ip_address_string, &rule.ip_address].into_iter().find_map(|text| text.as_str());
    let port = match rule.port.as_str() {
        None | Some("0") => "any port".to_owned(),
        Some(port) => format!("port {port}"),
    };
    let direction = match rule.direction.as_str() {
        Some("INCOMING") => ", incoming",
        Some("OUTGOING") => ", outgoing",
        _ => "",
    };
    let verb = if rule.blocking.0 == Some(true) { "may not reach" } else { "may still reach" };
    format!("isolated hosts {verb} {} ({port}{direction})", place.unwrap_or("any address"))
}
