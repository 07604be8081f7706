//! The simulated console, standing, as a process of its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result};

use super::{process::Server, room::Room};

/// Which console is simulated.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    Cisco,
    Apex,
    Kaspersky,
    Fortigate,
}

impl Which {
    const fn word(self) -> &'static str {
        match self {
            Self::Cisco => "cisco",
            Self::Apex => "apex",
            Self::Kaspersky => "kaspersky",
            Self::Fortigate => "fortigate",
        }
    }

    /// The keys that say where it is and who asks.
    const fn keys(self) -> [&'static str; 2] {
        match self {
            Self::Cisco => ["base_url", "client_id"],
            Self::Apex => ["url", "application_id"],
            Self::Kaspersky => ["url", "user"],
            Self::Fortigate => ["url", "vdom"],
        }
    }
}

/// A console with every host as it was registered: each run needs a new one.
pub(crate) struct Simulated {
    which: Which,
    server: Server,
    said: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) ca: PathBuf,
}

/// What a client needs to know, as other programs than ours want it.
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) api_key: String,
}

impl Simulated {
    /// Starts a Cisco console with this fleet; its quota is out of the way.
    pub(crate) fn start(room: &Room, fleet: &Path, latency: &str) -> Result<Self> {
        Self::start_as(Which::Cisco, room, fleet, latency)
    }

    /// Starts one with this fleet; a quota, where it has one, is out of the way.
    pub(crate) fn start_as(which: Which, room: &Room, fleet: &Path, latency: &str) -> Result<Self> {
        let faults = format!("latency = \"{latency}\"\n\n[quota]\nlimit = 10000000\n");
        let faults = room.file("faults.toml", &faults)?;
        let (config, ca, said) = (room.at("config.toml"), room.at("ca.pem"), room.at("simulate.txt"));
        let mut command = room.edrctl(["simulate", "--vendor", which.word(), "--fleet"]);
        command.arg(fleet).arg("--faults").arg(faults).arg("--write-config").arg(&config).arg("--write-ca").arg(&ca);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&said)?);
        let mut server = Server::start(&mut command)?;
        server.ready().with_context(|| fs::read_to_string(&said).unwrap_or_default())?;
        Ok(Self { which, server, said, config, ca })
    }

    pub(crate) fn access(&self) -> Result<Access> {
        let text: toml::Table = fs::read_to_string(&self.config)?.parse()?;
        let section = text.get(self.which.word()).and_then(toml::Value::as_table).context("no section")?;
        let value = |key: &str| {
            section.get(key).and_then(toml::Value::as_str).map(ToOwned::to_owned).with_context(|| format!("no `{key}`"))
        };
        let [url, client_id] = self.which.keys();
        Ok(Access { url: value(url)?, client_id: value(client_id)?, api_key: value("api_key")? })
    }

    /// Ends it; returns how many requests it was sent.
    pub(crate) fn stop(self) -> Result<u64> {
        self.server.stop()?;
        let said = fs::read_to_string(&self.said)?;
        let number = said.split_once("stopped after ").and_then(|(_, rest)| rest.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).with_context(|| format!("no number of requests in: {said}"))
    }
}
