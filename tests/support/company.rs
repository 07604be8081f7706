//! Several consoles at once, as a company has them.

use std::fs;

use edrctl::{domain::host::Isolation, simulator::Fleet};

use super::{Console, Output, TestEnv};

/// Several consoles that one configuration speaks of.
pub(crate) struct Company {
    pub(crate) env: TestEnv,
    pub(crate) consoles: Vec<(&'static str, Console)>,
}

/// A fleet of hosts of these names.
pub(crate) fn fleet_of(names: &[&str]) -> Fleet {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("hostname\n{}\n", names.join("\n"))).unwrap();
    Fleet::read(file.path()).unwrap()
}

type Maker = fn(Fleet, &str) -> Console;

/// Every console that manages hosts, and how a simulated one is made.
const MAKERS: [(&str, Maker); 4] = [
    ("cisco", Console::with),
    ("apex", Console::apex),
    ("kaspersky", Console::kaspersky),
    ("cybereason", Console::cybereason),
];

impl Company {
    pub(crate) fn of(consoles: Vec<(&'static str, Console)>) -> Self {
        let env = TestEnv::new();
        let mut company = Self { env, consoles };
        company.configure();
        company
    }

    /// Consoles with hosts of these names.
    pub(crate) fn new(hosts: &[(&'static str, &[&str])], faults: &str) -> Self {
        let make = |(word, names): &(&'static str, &[&str])| {
            let (_, make) = MAKERS.into_iter().find(|(known, _)| known == word).unwrap();
            (*word, make(fleet_of(names), faults))
        };
        Self::of(hosts.iter().map(make).collect())
    }

    /// Writes one configuration for all of them.
    pub(crate) fn configure(&mut self) {
        let folder = self.env.path().join("home/.config/edrctl");
        fs::create_dir_all(&folder).unwrap();
        let mut text = String::new();
        for (word, console) in &self.consoles {
            let ca = self.env.path().join(format!("{word}.pem"));
            fs::write(&ca, console.ca_pem()).unwrap();
            text.push_str(&console.inner().ready_config(&ca));
            text.push('\n');
        }
        let config = self.env.private_file("config.toml", text);
        fs::copy(self.env.path().join(config), folder.join("config.toml")).unwrap();
    }

    pub(crate) fn console(&self, word: &str) -> &Console {
        &self.consoles.iter().find(|(known, _)| *known == word).unwrap().1
    }

    pub(crate) fn run(&self, command: &str, targets: &str, more: &[&str]) -> Output {
        self.env.file("hosts.txt", targets);
        self.env.run([&[command, "--vendor", "auto", "-o", "jsonl", "hosts.txt"], more].concat())
    }

    pub(crate) fn isolate(&self, targets: &str, more: &[&str]) -> Output {
        self.run("isolate", targets, &[&["--yes"], more].concat())
    }

    /// The hosts of a console that are off the network or on their way.
    pub(crate) fn off(&self, word: &str) -> Vec<String> {
        let off = |state: Isolation| matches!(state, Isolation::Isolated | Isolation::Isolating);
        let hosts = self.console(word).fleet().hosts().into_iter();
        let mut names: Vec<String> = hosts.filter(|host| off(host.state)).map(|host| host.name).collect();
        names.sort();
        names
    }

    #[track_caller]
    pub(crate) fn nothing_was_sent(&self) {
        for (word, console) in &self.consoles {
            assert_eq!(self.off(word), Vec::<String>::new(), "{word}");
            assert_eq!(console.changes(), 0, "{word}");
        }
    }
}
