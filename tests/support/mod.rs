//! A sealed room for the real program: an environment of its own, a console in this process, and what came of it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use edrctl::http;
use edrctl::simulator::{self, Faults, Fleet, Model, Options, Stats, Truth};
use tempfile::TempDir;

mod agents;
mod apex;
mod browser;
mod company;
mod consoles;
mod cyb;
mod disk;
mod fake;
mod feed;
mod firewall;
mod fleet;
mod gate;
mod judge;
mod ksc;
mod live;
mod paper;
mod rabbit;
mod room;
mod terminal;

pub(crate) use agents::AT_ONCE;
pub(crate) use apex::{Apex, PlayedApex, Said, success};
pub(crate) use browser::Browser;
pub(crate) use company::{Company, fleet_of};
pub(crate) use consoles::{PROMPT, Place, every_console};
pub(crate) use cyb::Cyb;
pub(crate) use disk::SmallDisk;
pub(crate) use fake::{Asked, FakeConsole};
pub(crate) use feed::Lists;
pub(crate) use firewall::{GROUP, OPEN, Wall, addresses};
pub(crate) use fleet::{ISOLATE, SWIFT};
pub(crate) use gate::Gate;
pub(crate) use judge::judged;
pub(crate) use ksc::{Ksc, PlayedKsc, area_of};
pub(crate) use live::{Live, sorted};
pub(crate) use rabbit::{EVENT, Rabbit, numbers};
pub(crate) use room::{Room, intents, records, side_by_side, signal, wait_until};
pub(crate) use terminal::Terminal;

/// A folder, an environment and nothing else: the program sees none of the machine's.
pub(crate) struct TestEnv {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl Default for TestEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::create_dir(folder.path().join("machine")).unwrap();
        let mut variables = BTreeMap::new();
        for (name, value) in [("LANG", "C.UTF-8"), ("COLUMNS", "100"), ("USER", "tester"), ("TZ", "UTC")] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        let path = std::env::var("PATH").unwrap_or_default();
        variables.insert("PATH".to_owned(), path);
        variables.insert("HOME".to_owned(), folder.path().join("home").display().to_string());
        // A machine without a name, resolvers or gateways, unless a test gives it some.
        variables.insert("__EDRCTL_MACHINE".to_owned(), folder.path().join("machine").display().to_string());
        Self { folder, variables }
    }

    /// The folder that the program runs in.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable for every program that is started from now on.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.as_ref().to_owned());
        self
    }

    /// Removes a variable again.
    pub(crate) fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.remove(name);
        self
    }

    /// Writes a file into the folder; returns its name.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path().join(name), content).unwrap();
        name.to_owned()
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn private_file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        file.write_all(content.as_ref()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        name.to_owned()
    }

    /// Makes a console the one that `config.toml` in the platform's folder speaks to.
    pub(crate) fn configure(&self, console: &Console) {
        let folder = self.path().join("home/.config/edrctl");
        fs::create_dir_all(&folder).unwrap();
        let ca = self.path().join("ca.pem");
        fs::write(&ca, console.ca_pem()).unwrap();
        if let Some((path, text)) = console.inner().known_hosts(&ca) {
            fs::write(path, text).unwrap();
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(folder.join("config.toml"))
            .unwrap();
        file.write_all(console.inner().ready_config(&ca).as_bytes()).unwrap();
    }

    /// The same, with the console reached through a gate.
    pub(crate) fn configure_behind(&self, gate: &Gate, console: &Console) {
        self.configure(console);
        let path = self.path().join("home/.config/edrctl/config.toml");
        let text = fs::read_to_string(&path).unwrap().replace(console.inner().base_url(), &gate.url());
        fs::write(path, text).unwrap();
    }

    /// Adds lines to the platform's `config.toml`, which `configure` has made.
    pub(crate) fn add_config(&self, lines: &str) {
        let path = self.path().join("home/.config/edrctl/config.toml");
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        writeln!(file, "\n{lines}").unwrap();
    }

    /// Where the journals of this environment are.
    pub(crate) fn runs(&self) -> PathBuf {
        self.path().join("home/.local/state/edrctl/runs")
    }

    /// The journal of the only run.
    pub(crate) fn only_journal(&self) -> PathBuf {
        let journals = self.journals();
        assert_eq!(journals.len(), 1, "{journals:?}");
        journals.into_iter().next().unwrap()
    }

    /// The journals, by name.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.runs()) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some(OsStr::new("jsonl")))
            .collect();
        paths.sort();
        paths
    }

    /// The program, ready to be started here.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edrctl"));
        command.args(args).current_dir(self.path()).env_clear().envs(&self.variables);
        command
    }

    /// Runs the program with nothing on its standard input.
    pub(crate) fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Output {
        self.run_with_input(args, "")
    }

    /// Runs the program with this on its standard input.
    pub(crate) fn run_with_input<I: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = I>,
        input: impl AsRef<[u8]>,
    ) -> Output {
        let mut child = self.start(args);
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_vec();
        let feeder = std::thread::spawn(move || match stdin.write_all(&input) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        });
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        Output::new(output, self.path())
    }

    /// Starts the program with pipes on all three ends.
    pub(crate) fn start<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Child {
        self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits for a started program.
    pub(crate) fn finish(&self, child: Child) -> Output {
        Output::new(child.wait_with_output().unwrap(), self.path())
    }
}

/// What a program printed, and how it ended.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
}

impl Output {
    pub(crate) fn new(output: std::process::Output, folder: &Path) -> Self {
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(&folder.display().to_string(), "[FOLDER]")
        };
        Self { stdout: text(output.stdout), stderr: text(output.stderr), code: output.status.code() }
    }

    /// Fails unless the exit code is this; shows everything.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code\n{self}");
        self
    }

    /// The results of `-o jsonl`.
    pub(crate) fn results(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// How many results of `-o jsonl` have each outcome.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, usize> {
        let mut outcomes = BTreeMap::new();
        for result in self.results() {
            *outcomes.entry(result["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        outcomes
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        write!(f, "{}-- stderr --\n{}-- exit --\n{code}\n", self.stdout, self.stderr)
    }
}

/// A simulated console in this process, with a runtime of its own.
pub(crate) struct Console {
    inner: Option<simulator::Console>,
    runtime: tokio::runtime::Runtime,
}

impl Console {
    /// A console with `hosts` made-up hosts and faults as in a fault file.
    pub(crate) fn new(hosts: u32, faults: &str) -> Self {
        Self::with(Fleet::of_size(hosts), faults)
    }

    /// A console with this fleet.
    pub(crate) fn with(fleet: Fleet, faults: &str) -> Self {
        Self::start(Model::Cisco, fleet, faults)
    }

    /// An Apex Central with this fleet.
    pub(crate) fn apex(fleet: Fleet, faults: &str) -> Self {
        Self::start(Model::ApexCentral, fleet, faults)
    }

    /// A Security Center with this fleet.
    pub(crate) fn kaspersky(fleet: Fleet, faults: &str) -> Self {
        Self::start(Model::Kaspersky, fleet, faults)
    }

    /// A FortiGate.
    pub(crate) fn fortigate(faults: &str) -> Self {
        Self::start(Model::Fortigate, Fleet::of_size(0), faults)
    }

    /// A Cybereason tenant with this fleet.
    pub(crate) fn cybereason(fleet: Fleet, faults: &str) -> Self {
        Self::start(Model::Cybereason, fleet, faults)
    }

    fn start(console: Model, fleet: Fleet, faults: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let faults = Faults::parse(faults).unwrap();
        let options = Options { console, fleet, faults, ..Options::default() };
        let inner = runtime.block_on(simulator::start(options)).unwrap();
        Self { inner: Some(inner), runtime }
    }

    pub(crate) fn inner(&self) -> &simulator::Console {
        self.inner.as_ref().unwrap()
    }

    pub(crate) fn ca_pem(&self) -> &str {
        self.inner().ca_pem()
    }

    /// What is true of the hosts.
    pub(crate) fn fleet(&self) -> Arc<Truth> {
        self.inner().fleet()
    }

    /// What was asked.
    pub(crate) fn stats(&self) -> Arc<Stats> {
        self.inner().stats()
    }

    /// The hosts' ids, one a line: a target file.
    pub(crate) fn guids(&self) -> String {
        self.fleet().hosts().iter().map(|host| format!("{}\n", host.id)).collect()
    }

    /// Asks the console so often, one after the other, as another program with the same credentials would. Returns how
    /// often it was refused for the quota.
    pub(crate) fn ask_as_somebody_else(&self, times: u32) -> u64 {
        let inner = self.inner();
        let options = http::ClientOptions {
            trust: http::Trust::Only(self.ca_pem().to_owned()),
            timeout: Duration::from_secs(10),
            idle_connections: 1,
            proxy: false,
        };
        let url = http::Url::parse(&format!("{}/v1/version", inner.base_url())).unwrap();
        let credentials = inner.credentials();
        self.runtime.block_on(async {
            let client = http::client(&options).unwrap();
            let mut refused = 0;
            for _ in 0..times {
                let request = client.get(url.clone()).basic_auth(&credentials.client_id, Some(&credentials.api_key));
                let answer = http::send(&client, request.build().unwrap()).await.unwrap();
                refused += u64::from(answer.status == 429);
            }
            refused
        })
    }

    /// Stops listening, as a console that is gone.
    pub(crate) fn stop(&mut self) {
        if let Some(inner) = self.inner.take() {
            self.runtime.block_on(inner.stop());
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.stop();
    }
}
