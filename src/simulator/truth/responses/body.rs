//! What an incident's body asks for, if it asks for anything. Whoever writes it wrongly is never told.

use serde_json::{Map, Value};

use crate::simulator::faults::{KasperskyFaults, UnknownParameter};

/// A body that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) kind: &'static str,
    pub(super) host: String,
    pub(super) area: String,
    /// Whether to isolate the host, or to release it.
    pub(super) isolates: Option<bool>,
}

/// What the service reads out of a body; nothing if anything in it is wrong.
pub(super) fn read(body: &str, settings: &KasperskyFaults) -> Option<Asked> {
    let body: Map<String, Value> = serde_json::from_str(body).ok()?;
    let text = |name: &str| body.get(name)?.as_str().filter(|text| !text.is_empty());
    match body.get("responseEventIncident") {
        Some(Value::Bool(true)) => {}
        None if !settings.needs_flag => {}
        _ => return None,
    }
    let kind = text("task")?;
    let params = body.get("params")?;
    let strict = settings.unknown_parameter == UnknownParameter::NoTask;
    let (kind, isolates) = task(kind, params, strict)?;
    let area = text("responseEventIncidentArea")?.to_owned();
    Some(Asked { kind, host: text("targetHost")?.to_owned(), area, isolates })
}

/// Whether a body asks to isolate or to release, right or not.
pub(super) fn asks_to_isolate(body: &str) -> Option<bool> {
    let body: Value = serde_json::from_str(body).ok()?;
    if body.get("task")?.as_str()? != "isolateHost" {
        return None;
    }
    match body.get("params")?.get("action")?.as_i64()? {
        1 => Some(true),
        0 => Some(false),
        _ => None,
    }
}

type Judge = fn(&Value) -> bool;

/// A parameter: its name, whether it has to be there, what may stand there.
type Parameter = (&'static str, bool, Judge);

const MD5: Judge = |value| is_hash(value, 32);
const SHA256: Judge = |value| is_hash(value, 64);
const SOME_MD5: Judge = |value| value != "" && is_hash(value, 32);
const TEXT: Judge = Value::is_string;
const SOME_TEXT: Judge = |value| value.as_str().is_some_and(|text| !text.is_empty());
const BOOL: Judge = Value::is_boolean;
const ZERO_OR_ONE: Judge = |value| matches!(value.as_i64(), Some(0 | 1));

const FILE: [Parameter; 3] = [("md5hash", true, MD5), ("sha256hash", true, SHA256), ("path", true, SOME_TEXT)];

/// Judges the parameters of a task: its name, and whether it isolates.
fn task(kind: &str, params: &Value, strict: bool) -> Option<(&'static str, Option<bool>)> {
    let of = |name: &'static str, wanted: &[Parameter]| fit(params, wanted, strict).then_some((name, None));
    let with = |more: Parameter| [FILE[0], FILE[1], FILE[2], more];
    match kind {
        "getFile" => of("getFile", &FILE),
        "deleteFile" => of("deleteFile", &with(("searchInSubfolders", false, BOOL))),
        "quarantineFile" => of("quarantineFile", &FILE),
        "terminateProcess" => of("terminateProcess", &with(("caseSensitive", true, BOOL))),
        "iocScan" => of(
            "iocScan",
            &[
                ("ioc", true, SOME_TEXT),
                ("isolateHost", true, BOOL),
                ("scanCriticalAreas", true, BOOL),
                ("quarantineObject", true, BOOL),
            ],
        ),
        "startProcess" => of(
            "startProcess",
            &[("executablePath", true, SOME_TEXT), ("arguments", false, TEXT), ("workingFolder", false, TEXT)],
        ),
        "preventExecution" => of(
            "preventExecution",
            &[("hash", true, SOME_MD5), ("path", true, SOME_TEXT), ("caseSensitive", true, BOOL)],
        ),
        "isolateHost" => {
            of("isolateHost", &[("action", true, ZERO_OR_ONE)])?;
            Some(("isolateHost", Some(params.get("action")?.as_i64()? == 1)))
        }
        "onDemandScan" => {
            let areas = params.as_array().filter(|areas| !areas.is_empty())?;
            areas.iter().all(|area| is_area(area, strict)).then_some(("onDemandScan", None))
        }
        _ => None,
    }
}

fn fit(params: &Value, wanted: &[Parameter], strict: bool) -> bool {
    let Some(params) = params.as_object() else { return false };
    let right = |(name, required, judge): &Parameter| params.get(*name).map_or(!required, judge);
    let known = |name: &String| wanted.iter().any(|(known, ..)| known == name);
    wanted.iter().all(right) && (!strict || params.keys().all(known))
}

fn is_hash(value: &Value, digits: usize) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| text.is_empty() || text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// One element of a scan: only a folder has a path.
fn is_area(area: &Value, strict: bool) -> bool {
    const FOLDER: i64 = 22;
    const KINDS: [i64; 9] = [14, 15, 16, 17, 18, FOLDER, 23, 24, 25];
    let wanted: [Parameter; 4] =
        [("enabled", true, BOOL), ("path", true, TEXT), ("recursive", true, BOOL), ("type", true, Value::is_i64)];
    let kind = area.get("type").and_then(Value::as_i64).filter(|kind| KINDS.contains(kind));
    let has_path = area.get("path").and_then(Value::as_str).is_some_and(|path| !path.is_empty());
    fit(area, &wanted, strict) && kind.is_some_and(|kind| (kind == FOLDER) == has_path)
}
