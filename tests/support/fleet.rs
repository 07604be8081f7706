//! Consoles whose fleet a test writes down, and the question whether anything was sent to one.

use std::fs;

use edrctl::simulator::{Fleet, faults::Endpoint};

use super::{Console, Output, TestEnv};

/// Hosts that confirm at once, as far as a person can tell.
pub(crate) const SWIFT: &str = "[[confirm]]\nafter = \"10ms\"\n";

/// A request as a script makes it.
pub(crate) const ISOLATE: [&str; 5] = ["isolate", "--vendor", "cisco", "--yes", "-o=jsonl"];

impl Console {
    /// A console with the fleet that this CSV text lists.
    pub(crate) fn of(csv: &str, faults: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), csv).unwrap();
        Self::with(Fleet::read(file.path()).unwrap(), faults)
    }

    /// How many requests that change something have come in, whatever was answered.
    pub(crate) fn changes(&self) -> u64 {
        let stats = self.stats();
        let changes = [("PUT", Endpoint::Isolation), ("DELETE", Endpoint::Isolation), ("POST", Endpoint::Agents)];
        changes.into_iter().map(|(method, endpoint)| stats.requests(method, endpoint)).sum()
    }

    /// Fails if anything was asked that could have changed a host.
    #[track_caller]
    pub(crate) fn was_left_alone(&self) {
        assert_eq!(self.changes(), 0, "requests that change something");
        for host in self.fleet().hosts() {
            assert_eq!((host.puts, host.deletes), (0, 0), "{}", host.name);
        }
    }

    /// The names of the hosts that were asked to be isolated, sorted; a host that was asked twice stands there twice.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut names = Vec::new();
        for host in self.fleet().hosts() {
            names.extend((0..host.puts).map(|_| host.name.clone()));
        }
        names.sort();
        names
    }

    /// The id of the host of this name.
    #[track_caller]
    pub(crate) fn id_of(&self, name: &str) -> String {
        self.fleet().hosts().into_iter().find(|host| host.name == name).unwrap().id
    }

    /// The section of a configuration that leads here; its CA certificate is put into the environment's folder.
    pub(crate) fn config(&self, env: &TestEnv) -> String {
        let ca = env.path().join("ca.pem");
        fs::write(&ca, self.ca_pem()).unwrap();
        self.inner().ready_config(&ca)
    }
}

impl TestEnv {
    /// An environment whose configuration leads to a console.
    pub(crate) fn of(console: &Console) -> Self {
        let env = Self::new();
        env.configure(console);
        env
    }

    /// Isolates what stands in this text, as a script does, with further arguments.
    pub(crate) fn isolate(&self, targets: impl AsRef<[u8]>, more: &[&str]) -> Output {
        let file = self.file("hosts.txt", targets);
        self.run(ISOLATE.iter().chain(more).copied().chain([file.as_str()]))
    }
}

impl Output {
    /// The one result of `-o jsonl`.
    #[track_caller]
    pub(crate) fn result(&self) -> serde_json::Value {
        let mut results = self.results();
        assert_eq!(results.len(), 1, "{self}");
        results.remove(0)
    }

    /// The outcome of the target that was written so.
    #[track_caller]
    pub(crate) fn outcome_of(&self, target: &str) -> String {
        let results = self.results();
        let result = results.iter().find(|result| result["target"] == target);
        let result = result.unwrap_or_else(|| panic!("no result for {target}\n{self}"));
        result["outcome"].as_str().unwrap().to_owned()
    }

    /// Fails unless standard error has this in it.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "standard error does not say `{text}`\n{self}");
        self
    }
}
