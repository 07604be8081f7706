//! Rooms with a folder of lists that a firewall would fetch, and a reader of lists that shares nothing with the program.

use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    ops::Deref,
    path::PathBuf,
};

use super::{OPEN, Output, TestEnv};

/// What a firewall takes a list for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The entries, in their order.
    pub(crate) valid: Vec<String>,
    /// Lines that are none.
    pub(crate) errors: usize,
    /// Entries that were cut off.
    pub(crate) cut: usize,
}

impl Taken {
    /// Reads a list as FortiOS does: one entry a line, empty lines and comments left out, what is over the limit cut off from the
    /// end without a word. `most`: how many lines the model takes.
    pub(crate) fn of(text: &str, most: usize, is_entry: fn(&str) -> bool) -> Self {
        assert!(!text.contains('\r') || text.contains("\r\n"), "a line end that is none");
        let mut taken = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.len() > 4096 || !is_entry(line) {
                taken.errors += 1;
            } else if taken.valid.len() == most {
                taken.cut += 1;
            } else {
                taken.valid.push(line.to_owned());
            }
        }
        taken
    }
}

fn is_ip4(line: &str) -> bool {
    let single = |text: &str| text.parse::<Ipv4Addr>().is_ok();
    match (line.split_once('/'), line.split_once('-')) {
        (Some((address, prefix)), _) => single(address) && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 32),
        (None, Some((from, to))) => single(from) && single(to),
        (None, None) => single(line),
    }
}

fn is_ip6(line: &str) -> bool {
    let (address, prefix) = line.split_once('/').unwrap_or((line, "128"));
    address.parse::<Ipv6Addr>().is_ok() && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 128)
}

fn is_domain(line: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    line.contains('.') && line.split('.').all(|label| label == "*" || !label.is_empty() && label.bytes().all(plain))
}

/// An environment that is configured for a folder of lists.
pub(crate) struct Lists {
    pub(crate) env: TestEnv,
}

impl Deref for Lists {
    type Target = TestEnv;

    fn deref(&self) -> &TestEnv {
        &self.env
    }
}

impl Lists {
    pub(crate) fn new(config: &str) -> Self {
        let mut env = TestEnv::new();
        let temporary = env.path().parent().unwrap().display().to_string();
        env.set(OPEN.0, OPEN.1).set("TMPDIR", temporary);
        let folder = env.path().join("feed");
        fs::create_dir(&folder).unwrap();
        fs::create_dir_all(env.path().join("home/.config/edrctl")).unwrap();
        let text = format!("[fortigate]\ntransport = \"feed\"\nfeed_folder = '{}'\n{config}\n", folder.display());
        env.private_file("home/.config/edrctl/config.toml", text);
        Self { env }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.env.path().join("feed").join(name)
    }

    /// Writes a list as a colleague does.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// What is in a file; nothing if there is none.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What a firewall of the oldest kind takes the lists for.
    pub(crate) fn taken(&self, name: &str) -> Taken {
        let is_entry = match name {
            "ip4.txt" => is_ip4,
            "ip6.txt" => is_ip6,
            _ => is_domain,
        };
        let taken = Taken::of(&self.text(name), 131_072, is_entry);
        assert_eq!(taken.errors, 0, "{}", self.text(name));
        taken
    }

    /// Everything that a firewall would block, sorted.
    pub(crate) fn blocked(&self) -> Vec<String> {
        let lists = ["ip4.txt", "ip6.txt", "domain.txt"].into_iter();
        let all: Vec<String> = lists.flat_map(|name| self.taken(name).valid).collect();
        let unique: BTreeSet<String> = all.iter().cloned().collect();
        assert_eq!(unique.len(), all.len(), "each once: {all:?}");
        unique.into_iter().collect()
    }

    /// The names in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.env.path().join("feed")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn act(&self, command: &str, list: &str, more: &[&str]) -> Output {
        self.env.file("list.txt", list);
        self.env.run([&[command, "--vendor", "fortigate", "--yes", "-o", "jsonl", "list.txt"], more].concat())
    }

    pub(crate) fn block(&self, list: &str, more: &[&str]) -> Output {
        self.act("block", list, more)
    }

    pub(crate) fn unblock(&self, list: &str, more: &[&str]) -> Output {
        self.act("unblock", list, more)
    }
}
