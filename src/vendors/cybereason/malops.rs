//! What the console has decided: the root causes of its `MalOp`s, where those are addresses and domains. Pure.

use jiff::Timestamp;

use super::{
    Cybereason,
    query::{self, Rows},
    session::Draft,
    wire::{Element, Facet},
};
use crate::vendors::{
    VendorError,
    indicators::{Asked, Extract, Sighting, Verdict},
};

/// The names of decisions, as they stand in the middle of what a `MalOp` tells; and the type of their causes.
const DECISIONS: [(&str, Verdict, &str); 3] = [
    ("connectionToBlackListAddressByAddressRootCause", Verdict::BlocklistedAddress, "IpAddress"),
    ("connectionToBlackListDomainByDomainRootCause", Verdict::BlocklistedDomain, "DomainName"),
    ("connectionToMaliciousDomainByDomainRootCause", Verdict::SuspiciousDomain, "DomainName"),
];

/// What people have said of a `MalOp` that takes it out: a false alarm, or done with.
const CLOSED: [&str; 2] = ["FP", "CLOSED"];

/// The query for a stretch of time; `bounded`: whether the console is asked to leave out what is later.
pub(super) fn query(asked: &Asked, bounded: bool) -> Result<Draft, VendorError> {
    let bound =
        |filter_type, at: i64| Facet { facet_name: "malopLastUpdateTime", values: vec![at.into()], filter_type };
    let mut filters = vec![bound("GreaterThan", asked.from.as_millisecond() - 1)];
    if !asked.is_open && bounded {
        filters.push(bound("LessThan", asked.to.as_millisecond()));
    }
    Draft::ask(query::MALOPS, &query::malops(filters))
}

impl Cybereason {
    /// What was decided in a stretch of time.
    pub(super) async fn decided(&self, asked: &Asked) -> Result<Extract, VendorError> {
        if asked.is_open {
            let rows = self.sessions.ask(&query(asked, true)?, query::judge).await?;
            return Ok(extract(asked, rows));
        }
        let (mut rows, bounded) = self.with_or_without(&self.bounds_nothing, |bounded| query(asked, bounded)).await?;
        if let Some(missing) = rows.missing.as_mut().filter(|_| !bounded) {
            // What is later comes with it, whatever the stretch: half of it is no shorter.
            missing.why = format!("{}, and the console does not know how to be asked up to a moment", missing.why);
            missing.shorter_helps = false;
        }
        Ok(extract(asked, rows))
    }
}

/// Takes the names out of the rows. Both bounds are held against every row here, whatever the console made of them.
pub(super) fn extract(asked: &Asked, rows: Rows) -> Extract {
    let mut extract = Extract { missing: rows.missing, ..Extract::default() };
    for (id, malop) in &rows.elements {
        let Some((verdict, cause)) = decision(malop) else { continue };
        let begun = at(malop, "creationTime").or_else(|| at(malop, "malopStartTime"));
        let updated = at(malop, "malopLastUpdateTime");
        let in_period = updated.is_none_or(|at| at >= asked.from && (asked.is_open || at < asked.to))
            && begun.is_none_or(|at| at < asked.begun_before);
        if !in_period {
            continue;
        }
        let closed = |status: &String| CLOSED.iter().any(|word| status.eq_ignore_ascii_case(word));
        if !asked.with_closed && malop.texts("managementStatus").0.iter().any(closed) {
            extract.left_out += 1;
            continue;
        }
        let (names, some_missing) = malop.texts("rootCauseElementNames");
        if some_missing {
            extract.cut_off.get_or_insert_with(|| format!("the console did not tell all causes of the MalOp {id}"));
        }
        let causes = malop.linked("primaryRootCauseElements").0;
        let is_odd = !causes.is_empty() && causes.iter().all(|(kind, _)| !kind.is_empty() && *kind != cause);
        let machines = machines(malop);
        // Whoever has no list of names may have the elements themselves.
        let linked = causes.iter().filter(|(kind, _)| kind.is_empty() || *kind == cause).map(|(_, name)| *name);
        let names: Vec<&str> =
            if names.is_empty() { linked.collect() } else { names.iter().map(String::as_str).collect() };
        if names.is_empty() {
            extract.cut_off.get_or_insert_with(|| format!("the console does not tell the causes of the MalOp {id}"));
        }
        extract.sightings.extend(names.into_iter().map(|name| Sighting {
            name: name.to_owned(),
            verdict,
            is_odd,
            detection: Some(id.clone()),
            machines: machines.clone(),
            first_seen: begun,
            last_seen: updated,
        }));
    }
    extract
}

/// What was decided: `Process.connectionTo…RootCause(Malop decision)`, or the bare name.
fn decision(malop: &Element) -> Option<(Verdict, &'static str)> {
    let words = malop.texts("decisionFeature").0;
    words.iter().find_map(|word| {
        let middle = word.split('(').next().unwrap_or_default().trim();
        let middle = middle.rsplit('.').next().unwrap_or_default();
        DECISIONS.iter().find(|(name, ..)| *name == middle).map(|(_, verdict, cause)| (*verdict, *cause))
    })
}

fn at(malop: &Element, name: &str) -> Option<Timestamp> {
    let at: i64 = malop.text(name)?.trim().parse().ok()?;
    // A time before there were such consoles is none, or in another unit: then it speaks against nothing.
    Timestamp::from_millisecond(at).ok().filter(|_| at >= EARLIEST)
}

/// September 2001, in milliseconds.
const EARLIEST: i64 = 1_000_000_000_000;

fn machines(malop: &Element) -> Vec<String> {
    let linked = malop.linked("affectedMachines").0;
    if linked.is_empty() {
        return malop.texts("affectedMachines").0.to_vec();
    }
    linked.into_iter().map(|(_, name)| name.to_owned()).collect()
}
