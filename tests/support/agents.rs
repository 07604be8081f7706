//! Apex Central, simulated: its fixture fleet, and the questions that tests about it ask.

use std::{fs, path::Path};

use edrctl::simulator::{Fleet, faults::Endpoint};

use super::{Console, TestEnv};

/// Agents that confirm before anybody can look.
pub(crate) const AT_ONCE: &str = "[[confirm]]\nafter = \"0s\"\n";

/// Isolates through Apex Central as a script makes it.
const ISOLATE_AGENTS: [&str; 5] = ["isolate", "--vendor", "apex", "--yes", "-o=jsonl"];

impl Console {
    /// An Apex Central with the fleet of `examples/apex-agents.json`.
    pub(crate) fn of_examples(faults: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/apex-agents.json");
        Self::apex(Fleet::read(&path).unwrap(), faults)
    }

    /// An Apex Central with the agents that this JSON lists.
    pub(crate) fn of_agents(agents: &serde_json::Value, faults: &str) -> Self {
        let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
        fs::write(file.path(), agents.to_string()).unwrap();
        Self::apex(Fleet::read(file.path()).unwrap(), faults)
    }

    /// How often agents were listed.
    pub(crate) fn lists(&self) -> u64 {
        self.stats().requests("GET", Endpoint::Agents)
    }

    /// How many actions came in.
    pub(crate) fn posts(&self) -> u64 {
        self.stats().requests("POST", Endpoint::Agents)
    }

    /// Fails unless agents were listed once, so many actions came in, and nothing else.
    #[track_caller]
    pub(crate) fn listed_once_and_took(&self, posts: u64) {
        assert_eq!((self.lists(), self.posts(), self.stats().total()), (1, posts, 1 + posts), "lists, actions, all");
    }

    /// The ids of the agents that are off the network now, as the fleet has them.
    pub(crate) fn cut_off(&self) -> Vec<String> {
        use edrctl::domain::host::Isolation;
        let off = |state| matches!(state, Isolation::Isolating | Isolation::Isolated);
        self.fleet().hosts().into_iter().filter(|host| off(host.state)).map(|host| host.id).collect()
    }
}

impl TestEnv {
    /// Isolates what stands in this text through Apex Central, as a script does, with further arguments.
    pub(crate) fn isolate_agents(&self, targets: impl AsRef<[u8]>, more: &[&str]) -> super::Output {
        let file = self.file("hosts.txt", targets);
        self.run(ISOLATE_AGENTS.iter().chain(more).copied().chain([file.as_str()]))
    }
}
