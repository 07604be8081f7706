//! The simulated console, standing, as a process of its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result};

use super::{process::Server, room::Room};

/// A console with every host as it was registered: each run needs a new one.
pub(crate) struct Simulated {
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
    /// Starts one with this fleet; its quota is out of the way.
    pub(crate) fn start(room: &Room, fleet: &Path, latency: &str) -> Result<Self> {
        let faults = format!("latency = \"{latency}\"\n\n[quota]\nlimit = 10000000\n");
        let faults = room.file("faults.toml", &faults)?;
        let (config, ca, said) = (room.at("config.toml"), room.at("ca.pem"), room.at("simulate.txt"));
        let mut command = room.edrctl(["simulate", "--vendor", "cisco", "--fleet"]);
        command.arg(fleet).arg("--faults").arg(faults).arg("--write-config").arg(&config).arg("--write-ca").arg(&ca);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&said)?);
        let mut server = Server::start(&mut command)?;
        server.ready().with_context(|| fs::read_to_string(&said).unwrap_or_default())?;
        Ok(Self { server, said, config, ca })
    }

    pub(crate) fn access(&self) -> Result<Access> {
        let text: toml::Table = fs::read_to_string(&self.config)?.parse()?;
        let cisco = text.get("cisco").and_then(toml::Value::as_table).context("no section")?;
        let value = |key: &str| {
            cisco.get(key).and_then(toml::Value::as_str).map(ToOwned::to_owned).with_context(|| format!("no `{key}`"))
        };
        Ok(Access { url: value("base_url")?, client_id: value("client_id")?, api_key: value("api_key")? })
    }

    /// Ends it; returns how many requests it was sent.
    pub(crate) fn stop(self) -> Result<u64> {
        self.server.stop()?;
        let said = fs::read_to_string(&self.said)?;
        let number = said.split_once("stopped after ").and_then(|(_, rest)| rest.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).with_context(|| format!("no number of requests in: {said}"))
    }
}
