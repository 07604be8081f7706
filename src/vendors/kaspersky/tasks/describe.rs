//! A task in one sentence, for whoever has to agree to it.

use std::fmt::Write as _;

use super::{FileTask, Md5, Sha256, Task};

impl Task {
    /// What it does on each host, as a fragment: `deletes C:\a.exe on each host`. Texts of the task stand in it as they
    /// are, so whoever shows it on a terminal cleans it first.
    pub fn describe(&self) -> String {
        match self {
            Self::GetFile(file) => format!("fetches {} from each host into the console's storage", named(file)),
            Self::DeleteFile { file, in_subfolders } => {
                let below = if *in_subfolders == Some(true) { ", and searches the folders below for it" } else { "" };
                format!("permanently deletes {} on each host{below}", named(file))
            }
            Self::QuarantineFile(file) => {
                format!("takes {} away on each host, into the host's quarantine", named(file))
            }
            Self::IocScan { files, isolate, scan_critical_areas, quarantine } => {
                let mut told = format!("looks on each host for the indicators of {}", files.described());
                let deeds: Vec<&str> = [
                    (*isolate, "cuts the host off the network"),
                    (*scan_critical_areas, "scans its critical areas"),
                    (*quarantine, "puts what was found into quarantine"),
                ]
                .into_iter()
                .filter_map(|(does, deed)| does.then_some(deed))
                .collect();
                if !deeds.is_empty() {
                    let _written = write!(told, "; where something is found, it {}", deeds.join(", "));
                }
                told
            }
            Self::StartProcess { executable, arguments, folder } => {
                let mut line = executable.as_str().to_owned();
                if let Some(arguments) = arguments {
                    let _written = write!(line, " {}", arguments.as_str());
                }
                let folder = folder.as_ref().map(|folder| format!(" in `{}`", folder.as_str())).unwrap_or_default();
                format!("runs `{line}`{folder} on each host, with the agent's rights")
            }
            Self::TerminateProcess { file, case_sensitive } => {
                let case = if *case_sensitive { "; capitals in the path count" } else { "" };
                format!("ends every process of {} on each host, without saving its work{case}", named(file))
            }
            Self::IsolateHost { on: true } => {
                "cuts each host off the network; the agent may put it back by itself after some hours".to_owned()
            }
            Self::IsolateHost { on: false } => "puts each host back on the network".to_owned(),
            Self::PreventExecution { md5: Md5(hash), path, case_sensitive } => {
                let case = if *case_sensitive { "; capitals in the path count" } else { "" };
                format!(
                    "forbids `{}` (MD5 {hash}) to be started on each host, perhaps on every host of its group: the rule may \
                     go into the group's policy{case}",
                    path.as_str()
                )
            }
            Self::OnDemandScan(objects) => {
                let enabled = objects.as_slice().iter().filter(|object| object.is_enabled());
                let places: Vec<String> = enabled
                    .map(|object| match object.path() {
                        "" => object.scan_type().to_string(),
                        path => format!("`{path}`"),
                    })
                    .collect();
                format!("scans {} on each host", places.join(", "))
            }
        }
    }
}

fn named(file: &FileTask) -> String {
    let mut named = format!("`{}`", file.path.as_str());
    match (&file.md5, &file.sha256) {
        (None, None) => named.push_str(", whatever is in it,"),
        (Some(Md5(md5)), None) => named.push_str(&format!(" (MD5 {md5})")),
        (None, Some(Sha256(sha256))) => named.push_str(&format!(" (SHA-256 {sha256})")),
        (Some(Md5(md5)), Some(Sha256(sha256))) => named.push_str(&format!(" (MD5 {md5}, SHA-256 {sha256})")),
    }
    named
}
