//! The map of floors in `src/lib.rs`: imports go down, never up, and sideways only where the map says so.
//!
//! Every path that begins with `crate::` is read, in `use` lines and elsewhere. What a macro makes is not seen.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What each module may import, beside itself. From the ground up.
const FLOORS: [(&str, &[&str]); 15] = [
    ("domain", &[]),
    ("clock", &[]),
    ("secret", &["domain"]),
    ("settings", &["domain", "secret"]),
    ("http", &["domain", "secret"]),
    ("journal", &["clock", "domain"]),
    ("plan_file", &["domain", "secret"]),
    ("vendors", &["clock", "domain", "http", "secret", "settings"]),
    ("stream", &["clock", "domain", "http", "secret", "settings"]),
    ("engine", &["clock", "domain", "journal", "vendors"]),
    ("reporters", &["clock", "domain", "engine"]),
    ("report", &["clock", "domain", "engine", "journal", "reporters"]),
    ("config", &["domain", "secret", "settings", "stream", "vendors"]),
    ("simulator", &["domain"]),
    (
        "cli",
        &[
            "clock",
            "config",
            "domain",
            "engine",
            "http",
            "journal",
            "plan_file",
            "report",
            "reporters",
            "secret",
            "settings",
            "simulator",
            "stream",
            "vendors",
        ],
    ),
];

/// No file is longer than this.
const MOST_LINES: usize = 600;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The modules that a file is in, outermost first: `vendors/cisco/wire.rs` is in `vendors`, `cisco`, `wire`.
fn place(file: &Path) -> Vec<String> {
    let path = file.strip_prefix(source()).unwrap().with_extension("");
    path.components().map(|part| part.as_os_str().to_str().unwrap().to_owned()).collect()
}

/// Every path behind `crate::`, braces opened up: `crate::{a::{b, c}, d}` is `a::b`, `a::c` and `d`.
fn imports(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut paths = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            tree(&code[at + found.len()..], "", &mut paths);
        }
    }
    paths
}

/// Reads one tree of a `use` line; returns what is behind it.
fn tree<'t>(text: &'t str, before: &str, paths: &mut Vec<String>) -> &'t str {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':' || c == '*')).unwrap_or(text.len());
    let (path, mut rest) = text.split_at(end);
    let path = format!("{before}{path}");
    let Some(inside) = rest.strip_prefix('{') else {
        paths.push(path);
        return rest;
    };
    rest = inside;
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix('}') {
            return behind;
        }
        rest = tree(rest, &path, paths);
        // A name may have another one here: `self as name`.
        let next = rest.find([',', '}']).unwrap_or(rest.len());
        rest = rest[next..].strip_prefix(',').unwrap_or(&rest[next..]);
        if rest.is_empty() {
            return rest;
        }
    }
}

#[test]
fn imports_are_read_as_the_compiler_reads_them() {
    let text = "use crate::{\n    domain::{action::{Action, Observed}, id::Ticket as T},\n    secret::Secret,\n};\n\
                // crate::cli\nfn f() { crate::clock::now() }\nmacro_rules! m { () => { $crate::http::send() } }";
    let expected =
        ["domain::action::Action", "domain::action::Observed", "domain::id::Ticket", "secret::Secret", "clock::now"];
    assert_eq!(imports(text), expected);
}

#[test]
fn the_map_names_every_module_and_no_other() {
    let front = fs::read_to_string(source().join("lib.rs")).unwrap();
    let modules: BTreeSet<&str> =
        front.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let map: BTreeSet<&str> = FLOORS.iter().map(|(module, _)| *module).collect();
    assert_eq!(modules, map);
    for module in map {
        assert!(front.contains(&format!("[`{module}`]")), "the front page does not tell of `{module}`");
    }
}

#[test]
fn imports_go_down_and_never_up() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for file in files(&source()) {
        let place = place(&file);
        let Some((module, allowed)) = FLOORS.iter().find(|(module, _)| *module == place[0]) else { continue };
        for path in imports(&fs::read_to_string(&file).unwrap()) {
            read += 1;
            let into = path.split("::").next().unwrap_or_default();
            if into != *module && !allowed.contains(&into) {
                wrong.push(format!("{} imports {path}", place.join("/")));
            }
        }
    }
    assert!(read > 200, "only {read} imports were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn consoles_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for file in files(&source().join("vendors")) {
        let place = place(&file);
        let text = fs::read_to_string(&file).unwrap();
        let Some(own) = place.get(1).filter(|_| place.len() > 2) else { continue };
        for path in imports(&text) {
            let into = path.strip_prefix("vendors::").and_then(|rest| rest.split("::").next()).unwrap_or_default();
            let sibling = source().join("vendors").join(into).is_dir();
            if !into.is_empty() && into != own && sibling {
                wrong.push(format!("{} imports {path}", place.join("/")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_engine_knows_no_console_and_reporters_know_events_only() {
    let mut wrong = Vec::new();
    for file in files(&source().join("engine")) {
        for path in imports(&fs::read_to_string(&file).unwrap()) {
            let into = path.strip_prefix("vendors::").and_then(|rest| rest.split("::").next());
            if into.is_some_and(|into| source().join("vendors").join(into).is_dir()) {
                wrong.push(format!("{} imports {path}", place(&file).join("/")));
            }
        }
    }
    for file in ["reporters", "report"].into_iter().flat_map(|floor| files(&source().join(floor))) {
        for path in imports(&fs::read_to_string(&file).unwrap()) {
            if path.starts_with("engine::") && !path.starts_with("engine::event::") {
                wrong.push(format!("{} imports {path}", place(&file).join("/")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut long = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for file in files(&root.join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            let most = if file.ends_with("src/main.rs") { 40 } else { MOST_LINES };
            if lines > most {
                long.push(format!("{} has {lines} lines; {most} are the most", file.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}
