//! The one way to write a plan, its digest, and reading it back.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::document::{About, Plan, Target};

/// The format that is written, and the only one that is read.
const SCHEMA: &str = "edrctl.plan/1";

/// Why a file is no plan that can be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It cannot be read as one.
    #[error("this is no plan of edrctl, or it was edited")]
    Unreadable(#[source] serde_json::Error),
    /// Another version has made it.
    #[error("the plan has the format `{0}`, and this version reads `{SCHEMA}` only")]
    Format(String),
    /// It does not say what its digest is of.
    #[error("the plan was edited: its digest is of another text")]
    Digest,
    /// It says the same, and is not the same.
    #[error("the plan was edited: it is not written as edrctl writes plans")]
    Form,
    /// It cannot be written.
    #[error("put the plan into words")]
    Unwritable(#[source] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    digest: String,
    plan: About,
    targets: Vec<Target>,
}

/// Only the format of a file whose other fields another version may have named.
#[derive(Deserialize)]
struct Named {
    schema: String,
}

/// Writes a plan; gives its digest, too.
///
/// # Errors
///
/// A text in it cannot be written, which is a bug of whoever put it in.
pub fn write(plan: &Plan) -> Result<(Vec<u8>, String), PlanError> {
    let head = format!("{{\"schema\":{},\n", json(&SCHEMA)?);
    let mut body = format!("\"plan\":{},\n\"targets\":[", json(&plan.about)?).into_bytes();
    for (n, target) in plan.targets.iter().enumerate() {
        body.extend_from_slice(if n == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut body, target).map_err(PlanError::Unwritable)?;
    }
    body.extend_from_slice(b"\n]}\n");
    let mut hash = Sha256::new();
    hash.update(head.as_bytes());
    hash.update(&body);
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(format!("\"digest\":{},\n", json(&digest)?).as_bytes());
    bytes.append(&mut body);
    Ok((bytes, digest))
}

/// Reads a plan, and its digest, unless somebody has edited it.
///
/// # Errors
///
/// [`PlanError`] for anything that this version would not have written, byte for byte.
pub fn read(bytes: &[u8]) -> Result<(Plan, String), PlanError> {
    let File { schema, digest, plan, targets } = match serde_json::from_slice(bytes) {
        Ok(file) => file,
        Err(error) => {
            return Err(match serde_json::from_slice::<Named>(bytes) {
                Ok(named) if named.schema != SCHEMA => PlanError::Format(named.schema),
                _ => PlanError::Unreadable(error),
            });
        }
    };
    if schema != SCHEMA {
        return Err(PlanError::Format(schema));
    }
    let plan = Plan { about: plan, targets };
    let (canonical, right) = write(&plan)?;
    if digest != right {
        return Err(PlanError::Digest);
    }
    if canonical != bytes {
        return Err(PlanError::Form);
    }
    Ok((plan, digest))
}

fn json(value: &impl Serialize) -> Result<String, PlanError> {
    serde_json::to_string(value).map_err(PlanError::Unwritable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan_file::{Mark, Options, State};

    fn target(text: &str, mark: Mark) -> Target {
        Target {
            target: text.to_owned(),
            by: "id".to_owned(),
            file: Some("hosts.txt".to_owned()),
            line: 1,
            mark,
            id: Some(text.to_owned()),
            name: None,
            macs: vec!["02:00:00:00:00:01".to_owned()],
            state: Some("not_isolated".to_owned()),
            means: Some(State::NotIsolated),
            last_seen: None,
            reason: None,
            note: None,
            candidates: Vec::new(),
            duplicates: Vec::new(),
        }
    }

    fn plan(texts: &[String]) -> Plan {
        let about = About {
            made: "2026-11-28T08:00:00Z".to_owned(),
            options: Options { lasts: Some(60), ..Options::default() },
            ..About::default()
        };
        Plan { about, targets: texts.iter().map(|text| target(text, Mark::WillAct)).collect() }
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back_whatever_is_in_it(texts in proptest::collection::vec(any::<String>(), 0..5)) {
            let plan = plan(&texts);
            let (bytes, digest) = write(&plan).unwrap();
            prop_assert_eq!(read(&bytes).unwrap(), (plan, digest));
        }

        #[test]
        fn no_byte_can_be_changed_added_or_left_out(at in 0_usize..2_000, byte: u8, how in 0..3) {
            let (bytes, _) = write(&plan(&["one".to_owned(), "two".to_owned()])).unwrap();
            let at = at % bytes.len();
            let mut edited = bytes.clone();
            match how {
                0 => edited[at] = byte,
                1 => edited.insert(at, byte),
                _ => drop(edited.remove(at)),
            }
            prop_assert!(edited == bytes || read(&edited).is_err());
        }
    }

    #[test]
    fn another_format_is_called_by_its_name() {
        let (bytes, _) = write(&plan(&[])).unwrap();
        let text = String::from_utf8(bytes).unwrap().replace("plan/1", "plan/2");
        assert!(matches!(read(text.as_bytes()), Err(PlanError::Format(format)) if format == "edrctl.plan/2"));
    }
}
