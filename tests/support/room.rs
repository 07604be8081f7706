//! A sealed room with a console and the list of all its hosts: where most bad days begin.

use std::{
    path::Path,
    process::Child,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Console, Output, TestEnv};

/// An environment that is configured for a console of its own; `hosts.txt` lists every host.
pub(crate) struct Room {
    pub(crate) env: TestEnv,
    pub(crate) console: Console,
}

impl Room {
    /// So many hosts, and faults as in a fault file.
    pub(crate) fn new(hosts: u32, faults: &str) -> Self {
        Self::with(Console::new(hosts, faults))
    }

    /// A room for this console.
    pub(crate) fn with(console: Console) -> Self {
        let env = TestEnv::new();
        env.configure(&console);
        env.file("hosts.txt", console.guids());
        Self { env, console }
    }

    /// Runs `isolate` on all hosts.
    pub(crate) fn isolate(&self, more: &[&str]) -> Output {
        self.env.run(act("isolate", more))
    }

    /// Runs `isolate` on these hosts.
    pub(crate) fn isolate_list(&self, list: &str) -> Output {
        self.env.file("hosts.txt", list);
        self.isolate(&[])
    }

    /// Runs `unisolate` on all hosts.
    pub(crate) fn unisolate(&self, more: &[&str]) -> Output {
        self.env.run(act("unisolate", more))
    }

    /// Starts `isolate` on all hosts.
    pub(crate) fn start_isolate(&self, more: &[&str]) -> Child {
        self.env.start(act("isolate", more))
    }

    /// Runs `resume latest`.
    pub(crate) fn resume(&self, more: &[&str]) -> Output {
        self.env.run([&["resume", "latest", "--yes", "-o", "jsonl"], more].concat())
    }

    /// Fails unless the only journal is whole.
    #[track_caller]
    pub(crate) fn verify(&self) {
        self.env.run(["runs", "verify"]).exits(0);
    }

    /// Fails unless every host is off the network or on its way, and the console took one request for each.
    #[track_caller]
    pub(crate) fn assert_each_isolated_once(&self) {
        for host in self.console.fleet().hosts() {
            assert_eq!(host.puts_accepted, 1, "{host:?}");
        }
    }

    /// Requests to isolate that reached the console's logic.
    pub(crate) fn puts(&self) -> u64 {
        self.console.fleet().hosts().iter().map(|host| u64::from(host.puts)).sum()
    }

    /// Requests to isolate that the console accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.console.fleet().hosts().iter().map(|host| u64::from(host.puts_accepted)).sum()
    }
}

fn act<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command, "--vendor", "cisco", "--yes", "-o", "jsonl", "hosts.txt"], more].concat()
}

/// The records of a journal, without half a line at its end.
pub(crate) fn records(journal: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(journal).unwrap();
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap());
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How often a journal says that a host is about to be asked for.
pub(crate) fn intents(journal: &Path) -> u64 {
    let intents = records(journal).into_iter().filter(|record| record["type"] == "intent");
    intents.map(|record| record["targets"].as_array().unwrap().len() as u64).sum()
}

/// Waits until something is so; a test that waits for half a minute has failed.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal to a started program.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Does the same for each item, many at a time: most of a bad day goes by in waiting. The results are in the items' order.
pub(crate) fn side_by_side<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    each: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    const AT_A_TIME: usize = 8;

    let items: Vec<T> = items.into_iter().collect();
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let work = Mutex::new(items.into_iter().zip(&mut results));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((item, result)) = next else { return };
                    *result = Some(each(item));
                }
            });
        }
    });
    results.into_iter().map(Option::unwrap).collect()
}
