//! A RabbitMQ with a queue, and what takes events out of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};
use edrctl::stream::store::StreamStore;

use crate::{
    part,
    process::{Took, run},
    rabbit::{EVENT, PASSWORD, Rabbit, SERVER},
    room::Room,
};

/// The queue, its user, and the stream.
pub(crate) const QUEUE: &str = "measured";

/// What installs what this needs.
pub(crate) const INSTALL: &str = "apt-get install rabbitmq-server python3-pika";

/// No console is asked: the stream's password is on this machine.
const CONSOLE: &str = "https://127.0.0.1:9";

/// A broker of our own, with an empty queue.
pub(crate) struct Stand {
    pub(crate) rabbit: Rabbit,
    pub(crate) room: Room,
    config: PathBuf,
    ca: PathBuf,
}

impl Stand {
    /// Starts it; `None` if there is no RabbitMQ on this machine.
    pub(crate) fn start() -> Result<Option<Self>> {
        if !Path::new(SERVER).exists() {
            return Ok(None);
        }
        let rabbit = Rabbit::start();
        let room = Room::new()?;
        let ca = room.file("ca.pem", rabbit.ca_pem())?;
        let config = format!(
            "[cisco]\nbase_url = \"{CONSOLE}\"\nclient_id = \"0123456789abcdef0123\"\n\
             api_key = \"6f1d3a52-9c1b-4a3e-8f00-2b7c5d9e1a44\"\nca_file = \"{}\"\n",
            ca.display()
        );
        let config = room.file("config.toml", &config)?;
        Ok(Some(Self { rabbit, room, config, ca }))
    }

    /// Fills the queue, from a process of its own.
    pub(crate) fn fill(&self, from: u64, to: u64) -> Result<()> {
        let mut command = part::command(&format!("publish {} {QUEUE} {from} {to}", self.rabbit.plain_port()))?;
        run(&mut command, &self.room.at("errors.txt"))?;
        Ok(())
    }

    /// The program, taking events to `NAME.jsonl`, with a state folder of that name.
    pub(crate) fn stream(&self, name: &str, more: &[&str]) -> Result<Command> {
        let state = self.room.at(name);
        let store = StreamStore::at(&state);
        let stored = self.rabbit.stored(CONSOLE, QUEUE);
        if store.all(CONSOLE)?.is_empty() {
            store.save(&stored)?;
        }
        let mut command = self.room.edrctl(["stream", QUEUE, "--drain", "-q", "--vendor", "cisco", "--config"]);
        command.arg(&self.config).arg("--state-dir").arg(state);
        command.arg("--to").arg(self.file(name)).args(more);
        Ok(command)
    }

    /// Where `stream` writes.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.room.at(&format!("{name}.jsonl"))
    }

    /// Fills the queue and lets the program drain it.
    pub(crate) fn drained(&self, name: &str, count: u64) -> Result<Took> {
        self.fill(0, count)?;
        let took = run(&mut self.stream(name, &[])?, &self.room.at("errors.txt"))?;
        self.whole(&self.file(name), count)?;
        fs::remove_dir_all(self.room.at(name))?;
        Ok(took)
    }

    /// Fills the queue and lets a consumer take everything that is nothing but the library.
    pub(crate) fn bare(&self, count: u64) -> Result<Took> {
        self.fill(0, count)?;
        let port = self.port();
        let mut command = part::command(&format!("consume {port} {QUEUE} {count} {}", self.ca.display()))?;
        run(&mut command, &self.room.at("errors.txt"))
    }

    /// Fills the queue and lets the script take everything to a file.
    pub(crate) fn script(&self, python: &str, count: u64) -> Result<Took> {
        self.fill(0, count)?;
        let file = self.file("script");
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/stream_to_file.py"));
        command.arg(count.to_string()).arg(&file);
        let port = self.port().to_string();
        for (name, value) in [
            ("AMQP_HOST", "localhost"),
            ("AMQP_PORT", &port),
            ("AMQP_USER", QUEUE),
            ("AMQP_PASSWORD", PASSWORD),
            ("AMQP_QUEUE", QUEUE),
        ] {
            command.env(name, value);
        }
        command.env("CA_FILE", &self.ca);
        let took = run(&mut command, &self.room.at("errors.txt"))?;
        self.whole(&file, count)?;
        Ok(took)
    }

    /// Makes sure that a file has everything, and removes it.
    fn whole(&self, file: &Path, count: u64) -> Result<()> {
        let length = fs::metadata(file)?.len();
        ensure!(length == count * EVENT, "{} has {length} bytes of {}", file.display(), count * EVENT);
        Ok(fs::remove_file(file)?)
    }

    fn port(&self) -> u16 {
        self.rabbit.stored(CONSOLE, QUEUE).port
    }
}

/// A Python that knows the library of the script.
pub(crate) fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import pika"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// The broker's version, out of the folder that it is in: to ask itself takes it a second.
pub(crate) fn version() -> Option<String> {
    let folder = Path::new(SERVER).parent()?.parent()?.join("lib");
    let names = fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix("rabbitmq_server-").map(ToOwned::to_owned)).max()
}
