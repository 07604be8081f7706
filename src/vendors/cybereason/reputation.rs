//! What was connected to, by the reputation that the console has of it: the guide's own recipe for hunting.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::{
    Cybereason,
    query::{self, Rows, link},
    session::Draft,
    wire::{Facet, PathPart},
};
use crate::{
    domain::failure::FailureKind,
    vendors::{
        VendorError,
        indicators::{Asked, Extract, Sighting, Verdict},
    },
};

const FIELDS: &[&str] =
    &["elementDisplayName", "maliciousClassificationType", "isInternalDomain", "everResolvedDomain"];

/// Not what is sinkholed, which is a defender's server most often, and not what never resolved.
const HOSTILE: [&str; 3] = ["blacklist", "suspicious", "malware"];

/// What a connection leads to: the part that is asked about, and how the answer's rows are called.
struct Part {
    feature: &'static str,
    element: &'static str,
}

const PARTS: [Part; 2] =
    [Part { feature: "urlDomains", element: "DomainName" }, Part { feature: "remoteAddress", element: "IpAddress" }];

fn part(asked: &Asked) -> &'static Part {
    let [domains, addresses] = &PARTS;
    if asked.part == 0 { domains } else { addresses }
}

/// How connections are called that go out. Some are only guessed to; what a console calls those is not documented.
const OUTGOING: &str = "OUTGOING";
const GUESSED: &str = "OUTGOING_GUESSED";

fn query(asked: &Asked, guessed: bool) -> Result<Draft, VendorError> {
    let part = part(asked);
    let directions: &[&str] = if guessed { &[OUTGOING, GUESSED] } else { &[OUTGOING] };
    let texts = |values: &[&str]| values.iter().map(|value| Value::from(*value)).collect();
    let times = vec![asked.from.as_millisecond().into(), asked.to.as_millisecond().into()];
    let path = vec![
        PathPart {
            requested_type: "Connection",
            filters: vec![
                Facet { facet_name: "direction", values: texts(directions), filter_type: "Equals" },
                Facet { facet_name: "creationTime", values: times, filter_type: "Between" },
            ],
            connection_feature: link("Connection", part.feature),
            ..PathPart::default()
        },
        PathPart {
            requested_type: part.element,
            filters: vec![Facet {
                facet_name: "maliciousClassificationType",
                values: texts(&HOSTILE),
                filter_type: "Equals",
            }],
            is_result: Some(true),
            ..PathPart::default()
        },
    ];
    Draft::ask(query::SEARCH, &query::chain(path, FIELDS))
}

impl Cybereason {
    /// What was connected to in a stretch of time.
    pub(super) async fn connected_to(&self, asked: &Asked) -> Result<Extract, VendorError> {
        let (rows, guessed) = self.with_or_without(&self.guesses_nothing, |guessed| query(asked, guessed)).await?;
        let note = (!guessed).then_some(
            "the console does not know connections whose direction it has guessed; only those that it calls outgoing were \
             asked about",
        );
        Ok(Extract { note, ..extract(asked, rows) })
    }

    /// Asks with something that a console may not know, and without it where it fails so. A console that fails for another
    /// reason fails alike: so what it refused is asked once more before it is believed not to be known.
    pub(super) async fn with_or_without(
        &self,
        unknown: &AtomicBool,
        draft: impl Fn(bool) -> Result<Draft, VendorError>,
    ) -> Result<(Rows, bool), VendorError> {
        if unknown.load(Ordering::Relaxed) {
            return Ok((self.sessions.ask(&draft(false)?, query::judge).await?, false));
        }
        let refused =
            |error: &VendorError| matches!(error.failure().kind, FailureKind::BadRequest | FailureKind::ServerError);
        match self.sessions.ask(&draft(true)?, query::judge).await {
            Err(error) if refused(&error) => {}
            answer => return answer.map(|rows| (rows, true)),
        }
        let without = self.sessions.ask(&draft(false)?, query::judge).await?;
        match self.sessions.ask(&draft(true)?, query::judge).await {
            Err(error) if refused(&error) => {
                unknown.store(true, Ordering::Relaxed);
                Ok((without, false))
            }
            answer => answer.map(|rows| (rows, true)),
        }
    }
}

fn extract(asked: &Asked, rows: Rows) -> Extract {
    let mut extract = Extract { missing: rows.missing, ..Extract::default() };
    let of_addresses = part(asked).element == "IpAddress";
    for element in rows.elements.values() {
        let Some(name) = element.text("elementDisplayName") else { continue };
        let (classes, some_missing) = element.texts("maliciousClassificationType");
        // A console that ignores the filter must not have the whole internet blocked.
        let is = |hostile: &str| classes.iter().any(|class| class.eq_ignore_ascii_case(hostile));
        if !HOSTILE.iter().any(|hostile| is(hostile)) {
            if classes.is_empty() || some_missing {
                let why = "the console lists names and does not tell what it thinks of them";
                extract.cut_off.get_or_insert_with(|| why.to_owned());
            }
            continue;
        }
        let verdict = match (is("blacklist"), of_addresses) {
            (true, true) => Verdict::BlocklistedAddress,
            (true, false) => Verdict::BlocklistedDomain,
            (false, true) => Verdict::SuspiciousAddress,
            (false, false) => Verdict::SuspiciousDomain,
        };
        extract.sightings.push(Sighting {
            name: name.to_owned(),
            verdict,
            is_odd: element.text("isInternalDomain") == Some("true"),
            detection: None,
            machines: Vec::new(),
            first_seen: None,
            last_seen: None,
        });
    }
    extract
}
