//! Programs of others that say whether a report is what it claims to be.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where `tests/run.sh` keeps what no Debian package has; a test that is run by itself finds it there, too.
fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target")
}

fn interpreter(program: &str) -> Command {
    if program.ends_with(".js") {
        let mut node = Command::new("node");
        let schema = target().join("ecs-9.4.0/node_modules/@elastic/ecs");
        node.env("ECS_SCHEMA", std::env::var_os("ECS_SCHEMA").unwrap_or_else(|| schema.into()));
        return node;
    }
    let mut python = Command::new("python3");
    if std::env::var_os("PYTHONPATH").is_none() {
        let books = std::fs::read_dir(target()).unwrap().map(|entry| entry.unwrap().path());
        let books: Vec<PathBuf> =
            books.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("python-")).collect();
        python.env("PYTHONPATH", std::env::join_paths(books).unwrap());
    }
    python
}

/// What a judge of `tests/judges` says of a report; fails unless it finds nothing wrong.
#[track_caller]
pub(crate) fn judged(program: &str, report: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges").join(program);
    let mut child = interpreter(program)
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} needs what tests/run.sh installs: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let text = report.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // One that ends before it has read everything says why.
    drop(feeder.join().unwrap());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} (see tests/run.sh for what it needs):\n{said}\n{report:.3000}");
    String::from_utf8(output.stdout).unwrap()
}
