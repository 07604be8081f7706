//! A console with event streams, for the flows of `edrctl stream`.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Child, sync::Arc};

use edrctl::simulator::{QueueCounts, Streams};
use serde_json::Value;

use super::{Console, Output, TestEnv, wait_until};

/// A console with event streams, and this machine, which has the password of one of them.
pub(crate) struct Live {
    pub(crate) env: TestEnv,
    pub(crate) console: Console,
    pub(crate) streams: Arc<Streams>,
    /// The number of the stream `soc`.
    pub(crate) soc: u64,
}

impl Live {
    /// Faults as in a fault file; the stream `soc` is made by the program itself.
    pub(crate) fn new(faults: &str) -> Self {
        let console = Console::new(20, faults);
        let env = TestEnv::new();
        env.configure(&console);
        let streams = console.inner().streams().unwrap();
        let mut live = Self { env, console, streams, soc: 0 };
        live.soc = live.make("soc");
        live
    }

    /// So many events wait in every new stream.
    pub(crate) fn with_backlog(events: u32) -> Self {
        Self::new(&format!("[streams]\nbacklog = {events}\n"))
    }

    /// Makes one more stream; returns its number.
    pub(crate) fn make(&self, name: &str) -> u64 {
        let before: BTreeSet<u64> = self.streams.ids().into_iter().collect();
        self.env.run(["streams", "create", name, "--yes"]).exits(0);
        self.streams.ids().into_iter().find(|id| !before.contains(id)).unwrap()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.env.run([&["stream", "soc"], args].concat())
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.env.start([&["stream", "soc"], args].concat())
    }

    pub(crate) fn counts(&self) -> QueueCounts {
        self.streams.counts(self.soc).unwrap()
    }

    /// The bodies that wait, as the lines that they should become.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let bodies = self.streams.peek(self.soc);
        bodies.iter().map(|body| String::from_utf8(body.to_vec()).unwrap()).collect()
    }

    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.env.path().join(file)).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "half a line is at the end of {file}");
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn consumed(&self) {
        wait_until("a consumer to be there", || self.counts().consumers > 0);
    }

    /// Fails unless everything that came into the queue was taken for good.
    #[track_caller]
    pub(crate) fn assert_all_acknowledged(&self) {
        let counts = self.counts();
        assert_eq!((counts.acknowledged, counts.ready, counts.unacknowledged), (counts.published, 0, 0), "{counts:?}");
    }

    /// The file that holds the stream's password, and the password.
    pub(crate) fn password(&self) -> (PathBuf, String) {
        let folder = self.env.path().join("home/.local/state/edrctl/streams");
        let mut kept = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let file = kept.find(|path| path.extension().is_some_and(|kind| kind == "json")).unwrap();
        let value: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let password = value["password"].as_str().unwrap().to_owned();
        assert!(password.len() >= 20);
        (file, password)
    }
}

/// The same lines in an order that two lists can have in common.
pub(crate) fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
