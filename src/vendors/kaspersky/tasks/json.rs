//! A task as JSON: as it is sent, key by key in the vendor's order, and as it is read from whoever has written one.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Area, FilePath, FileTask, IocFiles, IocLimits, Line, Md5, ScanObject, ScanObjects, ScanType, Sha256, Task,
    TaskError, TaskKind, strict::Strict,
};

#[derive(Serialize)]
struct Body<'a> {
    task: &'static str,
    #[serde(rename = "targetHost")]
    target_host: &'a str,
    params: Params<'a>,
    /// In the vendor's sample, and in none of its declarations.
    #[serde(rename = "responseEventIncident")]
    is_response: bool,
    #[serde(rename = "responseEventIncidentArea")]
    area: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Params<'a> {
    File {
        /// Always there, empty where it is not known.
        md5hash: &'a str,
        sha256hash: &'a str,
        path: &'a FilePath,
        #[serde(rename = "searchInSubfolders", skip_serializing_if = "Option::is_none")]
        in_subfolders: Option<bool>,
        #[serde(rename = "caseSensitive", skip_serializing_if = "Option::is_none")]
        case_sensitive: Option<bool>,
    },
    #[serde(rename_all = "camelCase")]
    Ioc {
        ioc: &'a str,
        isolate_host: bool,
        scan_critical_areas: bool,
        quarantine_object: bool,
    },
    #[serde(rename_all = "camelCase")]
    Start {
        executable_path: &'a FilePath,
        #[serde(skip_serializing_if = "Option::is_none")]
        arguments: Option<&'a Line>,
        #[serde(skip_serializing_if = "Option::is_none")]
        working_folder: Option<&'a FilePath>,
    },
    Isolate {
        action: u8,
    },
    #[serde(rename_all = "camelCase")]
    Prevent {
        hash: &'a Md5,
        path: &'a FilePath,
        case_sensitive: bool,
    },
    Scan(&'a ScanObjects),
}

/// The text of the incident.
pub(super) fn body(task: &Task, host_id: &str, area: &Area) -> String {
    let params = match task {
        Task::GetFile(of) | Task::QuarantineFile(of) => file(of, None, None),
        Task::DeleteFile { file: of, in_subfolders } => file(of, *in_subfolders, None),
        Task::TerminateProcess { file: of, case_sensitive } => file(of, None, Some(*case_sensitive)),
        Task::IocScan { files, isolate, scan_critical_areas, quarantine } => Params::Ioc {
            ioc: files.encoded(),
            isolate_host: *isolate,
            scan_critical_areas: *scan_critical_areas,
            quarantine_object: *quarantine,
        },
        Task::StartProcess { executable, arguments, folder } => Params::Start {
            executable_path: executable,
            arguments: arguments.as_ref(),
            working_folder: folder.as_ref(),
        },
        Task::IsolateHost { on } => Params::Isolate { action: u8::from(*on) },
        Task::PreventExecution { md5, path, case_sensitive } => {
            Params::Prevent { hash: md5, path, case_sensitive: *case_sensitive }
        }
        Task::OnDemandScan(objects) => Params::Scan(objects),
    };
    let task = task.kind().word();
    let body = Body { task, target_host: host_id, params, is_response: true, area: area.as_str() };
    // Texts, numbers and truths under fixed keys can always be written.
    serde_json::to_string(&body).unwrap_or_default()
}

fn file(of: &FileTask, in_subfolders: Option<bool>, case_sensitive: Option<bool>) -> Params<'_> {
    Params::File {
        md5hash: of.md5.as_ref().map_or("", |Md5(hash)| hash),
        sha256hash: of.sha256.as_ref().map_or("", |Sha256(hash)| hash),
        path: &of.path,
        in_subfolders,
        case_sensitive,
    }
}

const ENVELOPE: [&str; 5] = ["task", "params", "targetHost", "responseEventIncident", "responseEventIncidentArea"];

/// Reads a task.
pub(super) fn read(text: &str, limits: &IocLimits) -> Result<Task, TaskError> {
    let text = text.trim_start_matches('\u{feff}');
    drop(serde_json::from_str::<Value>(text).map_err(TaskError::NotJson)?);
    let Strict(value) = match serde_json::from_str(text) {
        Ok(strict) => strict,
        Err(error) => return Err(TaskError::Twice(error.to_string())),
    };
    let top = Keys { place: "the task".to_owned(), map: value.as_object().ok_or(TaskError::NotAnObject)? };
    top.only(&ENVELOPE)?;
    top.no_host()?;
    let kind = TaskKind::from_word(top.text("task", "one of the nine tasks")?)?;
    if kind == TaskKind::OnDemandScan {
        return scan(&top).map(Task::OnDemandScan);
    }
    let params = top.needed("params", "an object")?;
    let map = params.as_object().ok_or_else(|| top.wrong("params", "an object"))?;
    let params = Keys { place: format!("params of {kind}"), map };
    params.only(keys_of(kind))?;
    Ok(match kind {
        TaskKind::GetFile => Task::GetFile(params.file()?),
        TaskKind::QuarantineFile => Task::QuarantineFile(params.file()?),
        TaskKind::DeleteFile => {
            Task::DeleteFile { file: params.file()?, in_subfolders: params.truth_if("searchInSubfolders")? }
        }
        TaskKind::TerminateProcess => {
            Task::TerminateProcess { file: params.file()?, case_sensitive: params.truth("caseSensitive")? }
        }
        TaskKind::IocScan => Task::IocScan {
            isolate: params.truth("isolateHost")?,
            scan_critical_areas: params.truth("scanCriticalAreas")?,
            quarantine: params.truth("quarantineObject")?,
            files: IocFiles::from_base64(params.text("ioc", "a ZIP archive in base64")?, limits)?,
        },
        TaskKind::StartProcess => Task::StartProcess {
            executable: FilePath::new("executablePath", params.text("executablePath", PATH)?)?,
            arguments: params.text_if("arguments")?.map(|text| Line::new("arguments", text)).transpose()?,
            folder: params.text_if("workingFolder")?.map(|text| FilePath::new("workingFolder", text)).transpose()?,
        },
        TaskKind::PreventExecution => Task::PreventExecution {
            md5: Md5::new("hash", params.text("hash", "an MD5, which alone is understood here")?)?,
            path: FilePath::new("path", params.text("path", PATH)?)?,
            case_sensitive: params.truth("caseSensitive")?,
        },
        TaskKind::IsolateHost | TaskKind::OnDemandScan => Task::IsolateHost { on: params.action()? },
    })
}

const PATH: &str = "a path in quotes";

const fn keys_of(kind: TaskKind) -> &'static [&'static str] {
    match kind {
        TaskKind::GetFile | TaskKind::QuarantineFile => &["md5hash", "sha256hash", "path"],
        TaskKind::DeleteFile => &["md5hash", "sha256hash", "path", "searchInSubfolders"],
        TaskKind::TerminateProcess => &["md5hash", "sha256hash", "path", "caseSensitive"],
        TaskKind::IocScan => &["ioc", "isolateHost", "scanCriticalAreas", "quarantineObject"],
        TaskKind::StartProcess => &["executablePath", "arguments", "workingFolder"],
        TaskKind::PreventExecution => &["hash", "path", "caseSensitive"],
        TaskKind::IsolateHost => &["action"],
        TaskKind::OnDemandScan => &["enabled", "path", "recursive", "type"],
    }
}

/// The objects of a scan: a list, even of one.
fn scan(top: &Keys<'_>) -> Result<ScanObjects, TaskError> {
    const LIST: &str =
        "a list of objects, as in [{\"enabled\": true, \"path\": \"\", \"recursive\": true, \"type\": 14}]";
    let items = top.needed("params", LIST)?.as_array().ok_or_else(|| top.wrong("params", LIST))?;
    let object = |(at, item): (usize, &Value)| {
        let place = format!("params of onDemandScan, object {}", at + 1);
        let map = item.as_object().ok_or_else(|| top.wrong("params", LIST))?;
        let keys = Keys { place, map };
        keys.only(keys_of(TaskKind::OnDemandScan))?;
        let number = keys.needed("type", NUMBERS)?.as_i64().and_then(ScanType::from_number);
        let r#type = number.ok_or_else(|| keys.wrong("type", NUMBERS))?;
        let path = keys.text("path", "the path of a folder, or an empty text")?;
        ScanObject::new(r#type, path, keys.truth("recursive")?, keys.truth("enabled")?)
    };
    ScanObjects::new(items.iter().enumerate().map(object).collect::<Result<_, _>>()?)
}

const NUMBERS: &str = "one of 14 (system memory), 15 (startup objects and running processes), 16 (boot sectors), 17 (backup \
                       storage), 18 (mail), 22 (a folder), 23 (removable drives), 24 (network drives), 25 (fixed drives)";

/// An object whose keys are known.
struct Keys<'a> {
    place: String,
    map: &'a Map<String, Value>,
}

impl<'a> Keys<'a> {
    /// Refuses every other key: it was meant for something that would not happen.
    fn only(&self, known: &[&str]) -> Result<(), TaskError> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(other) => Err(TaskError::unknown_key(&self.place, other, known)),
            None => Ok(()),
        }
    }

    fn wrong(&self, key: &'static str, expected: &'static str) -> TaskError {
        TaskError::Wrong { place: self.place.clone(), key, expected }
    }

    fn needed(&self, key: &'static str, expected: &'static str) -> Result<&'a Value, TaskError> {
        self.map.get(key).ok_or_else(|| TaskError::Missing { place: self.place.clone(), key, expected })
    }

    fn text(&self, key: &'static str, expected: &'static str) -> Result<&'a str, TaskError> {
        self.needed(key, expected)?.as_str().ok_or_else(|| self.wrong(key, expected))
    }

    /// What stands around the task says nothing here that is said elsewhere.
    fn no_host(&self) -> Result<(), TaskError> {
        if self.text_if("targetHost")?.is_some_and(|host| !host.trim().is_empty()) {
            return Err(TaskError::NamesAHost);
        }
        if self.truth_if("responseEventIncident")? == Some(false) {
            return Err(self.wrong("responseEventIncident", "`true`, or left out"));
        }
        self.text_if("responseEventIncidentArea").map(drop)
    }

    fn text_if(&self, key: &'static str) -> Result<Option<&'a str>, TaskError> {
        if self.map.contains_key(key) { self.text(key, "a text in quotes").map(Some) } else { Ok(None) }
    }

    fn truth(&self, key: &'static str) -> Result<bool, TaskError> {
        const TRUTH: &str = "`true` or `false`, without quotes";
        self.needed(key, TRUTH)?.as_bool().ok_or_else(|| self.wrong(key, TRUTH))
    }

    fn truth_if(&self, key: &'static str) -> Result<Option<bool>, TaskError> {
        if self.map.contains_key(key) { self.truth(key).map(Some) } else { Ok(None) }
    }

    /// The table in one source says a text; the declaration says a number, and is believed.
    fn action(&self) -> Result<bool, TaskError> {
        const ACTION: &str = "1 to isolate or 0 to release, without quotes";
        match self.needed("action", ACTION)?.as_i64() {
            Some(1) => Ok(true),
            Some(0) => Ok(false),
            _ => Err(self.wrong("action", ACTION)),
        }
    }

    fn file(&self) -> Result<FileTask, TaskError> {
        const HASH: &str = "a hash, or an empty text";
        let hash = |key| if self.map.contains_key(key) { self.text(key, HASH) } else { Ok("") };
        FileTask::new(self.text("path", PATH)?, hash("md5hash")?, hash("sha256hash")?)
    }
}
