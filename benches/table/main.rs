//! Prints what the program reaches beside what it must reach, each figure against its rival in the same run.
//!
//! Whole processes of the release build, against a mock on this machine. What is held against something else is run in
//! turns (A B A B) and compared pair by pair, so that a machine which slows down slows both. A case that lacks a tool says
//! which command installs it. This is no test: a missed figure is printed and does not fail the build.
//!
//! `cargo bench -- puts disk` measures two cases; `cargo bench -- --all` takes no samples.

mod bare;
mod cases;
mod mock;
mod part;
mod process;
#[expect(dead_code, clippy::unwrap_used, reason = "the broker of the tests, which do more with it")]
#[path = "../../tests/support/rabbit.rs"]
mod rabbit;
mod room;
mod row;
mod simulated;
mod stand;
#[expect(dead_code, reason = "the program's own, which also watches how far it came")]
#[path = "../../src/stream/amqp/transport.rs"]
mod transport;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;

use cases::CASES;
use row::Row;

/// The program's own, as parts of it are measured in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What was asked for.
pub(crate) struct Asked {
    /// The cases; all if there is none.
    names: Vec<String>,
    /// Whether nothing is scaled up from a sample.
    pub(crate) all: bool,
}

fn main() -> ExitCode {
    if let Some(done) = part::asked_for() {
        return done;
    }
    let mut asked = Asked { names: Vec::new(), all: false };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            // Cargo says what kind of target it runs.
            "--bench" => {}
            "--all" => asked.all = true,
            name if CASES.iter().any(|case| case.name == name) => asked.names.push(argument),
            other => {
                let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
                say(&format!("`{other}` is neither --all nor a case: {}", names.join(", ")));
                return ExitCode::from(2);
            }
        }
    }
    match measure(&asked) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether every case could be carried out.
fn measure(asked: &Asked) -> Result<bool> {
    let load_before = load();
    let mut rows = Vec::new();
    let mut whole = true;
    for case in CASES.iter().filter(|case| asked.names.is_empty() || asked.names.iter().any(|name| name == case.name)) {
        say(&format!("{}: {}", case.name, case.what));
        match (case.run)(asked) {
            Ok(more) => rows.extend(more),
            Err(error) => {
                whole = false;
                rows.push(Row::broken(case.what, &error));
            }
        }
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", machine())?;
    writeln!(out, "Load before and after: {load_before}, {}. Standard output of every program: /dev/null.\n", load())?;
    out.write_all(row::table(&rows).as_bytes())?;
    out.flush()?;
    Ok(whole)
}

/// Progress, on standard error; that nobody reads it is no failure.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let version = |program: &str, argument: &str| {
        process::first_line(program, argument).unwrap_or_else(|| format!("{program}: not installed"))
    };
    let broker =
        stand::version().map_or_else(|| "RabbitMQ: not installed".to_owned(), |name| format!("RabbitMQ {name}"));
    format!(
        "{cores} cores; {}; {}; {}; {}; {broker}.",
        first_word("/proc/sys/kernel/osrelease")
            .map_or_else(|| "unknown kernel".to_owned(), |name| format!("Linux {name}")),
        version("nginx", "-v"),
        version("oha", "--version"),
        version("python3", "--version"),
    )
}

fn load() -> String {
    first_word("/proc/loadavg").unwrap_or_else(|| "unknown".to_owned())
}

fn first_word(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.split_whitespace().next().map(ToOwned::to_owned)
}
