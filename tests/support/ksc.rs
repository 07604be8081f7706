//! Rooms with a Security Center: the simulated one, and one that says what no simulator should.

use std::{
    ops::Deref,
    process::Command,
    sync::{Arc, Mutex},
};

use edrctl::{
    domain::id::RunId,
    simulator::{Fleet, IncidentTruth, TaskTruth},
};
use serde_json::{Value, json};

use super::{Asked, Console, FakeConsole, Output, Room, TestEnv};

/// Incidents become tasks, and tasks end, before anybody can look twice. Further lines of `kaspersky.…` may follow.
const PROMPT: &str = "kaspersky.pick_up_after = '5ms'\nconfirm = [{ after = '20ms' }]\n";

/// An environment that is configured for a simulated Security Center; `hosts.txt` lists every host by its id.
pub(crate) struct Ksc {
    pub(crate) room: Room,
}

impl Deref for Ksc {
    type Target = Room;

    fn deref(&self) -> &Room {
        &self.room
    }
}

impl Ksc {
    /// So many hosts; the faults come behind those of [`PROMPT`].
    pub(crate) fn new(hosts: u32, faults: &str) -> Self {
        Self { room: Room::with(Console::kaspersky(Fleet::of_size(hosts), &format!("{PROMPT}{faults}"))) }
    }

    /// The same, at the simulator's own pace.
    pub(crate) fn slow(hosts: u32, faults: &str) -> Self {
        Self { room: Room::with(Console::kaspersky(Fleet::of_size(hosts), faults)) }
    }

    /// The hosts of a fleet file.
    pub(crate) fn of(csv: &str, faults: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), csv).unwrap();
        let fleet = Fleet::read(file.path()).unwrap();
        Self { room: Room::with(Console::kaspersky(fleet, &format!("{PROMPT}{faults}"))) }
    }

    /// The fleet of `examples/ksc-fleet.csv`.
    pub(crate) fn examples(faults: &str) -> Self {
        Self::of(include_str!("../../examples/ksc-fleet.csv"), faults)
    }

    /// The same room with one variable more.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.room.env.set(name, value);
    }

    /// `isolate` on all hosts, not started yet.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        self.env.command(act("isolate", more))
    }

    /// Runs `isolate` on all hosts.
    pub(crate) fn isolate(&self, more: &[&str]) -> Output {
        self.env.run(act("isolate", more))
    }

    /// Runs `unisolate` on all hosts.
    pub(crate) fn unisolate(&self, more: &[&str]) -> Output {
        self.env.run(act("unisolate", more))
    }

    /// Runs `isolate` on these targets, one a line.
    pub(crate) fn isolate_list(&self, list: &str, more: &[&str]) -> Output {
        self.env.file("list.txt", list);
        self.env.run([&["isolate", "--vendor", "kaspersky", "--yes", "-o", "jsonl", "list.txt"], more].concat())
    }

    /// Runs a response task on all hosts.
    pub(crate) fn task(&self, task: &[&str]) -> Output {
        self.env.run([&["ksc-task"], task, &["--yes", "-o", "jsonl", "hosts.txt"]].concat())
    }

    pub(crate) fn calls(&self, method: &str) -> u64 {
        self.console.stats().calls(method)
    }

    /// How often incidents were added and updated, whatever was answered.
    pub(crate) fn writes(&self) -> (u64, u64) {
        (self.calls("HostGroup.AddIncident"), self.calls("HostGroup.UpdateIncident"))
    }

    pub(crate) fn incidents(&self) -> Vec<IncidentTruth> {
        self.console.fleet().incidents()
    }

    pub(crate) fn tasks(&self) -> Vec<TaskTruth> {
        self.console.fleet().tasks()
    }

    /// The body of the only incident.
    #[track_caller]
    pub(crate) fn only_body(&self) -> Value {
        let incidents = self.incidents();
        assert_eq!(incidents.len(), 1, "{incidents:?}");
        serde_json::from_str(&incidents[0].body).unwrap()
    }

    /// Fails if anything was asked that could have changed a host.
    #[track_caller]
    pub(crate) fn was_left_alone(&self) {
        assert_eq!(self.writes(), (0, 0), "incidents added and updated");
        assert!(self.incidents().is_empty());
    }

    /// The names of hosts that incidents are there for, sorted; one with two of them stands there twice.
    pub(crate) fn asked(&self) -> Vec<String> {
        let fleet = self.console.fleet();
        let mut names: Vec<String> =
            self.incidents().into_iter().map(|incident| fleet.host(&incident.host).unwrap().name).collect();
        names.sort();
        names
    }

    /// Fails unless every host has exactly one incident, which has become exactly one task of this type.
    #[track_caller]
    pub(crate) fn assert_each_once(&self, kind: &str, when: &str) {
        super::wait_until("every incident to become a task", || {
            self.incidents().iter().filter(|incident| incident.updates > 0).all(|one| !one.tasks.is_empty())
        });
        let (incidents, tasks) = (self.incidents(), self.tasks());
        for host in self.console.fleet().hosts() {
            let of_host = |id: &str| id.eq_ignore_ascii_case(&host.id);
            let own: Vec<_> = incidents.iter().filter(|incident| of_host(&incident.host)).collect();
            assert_eq!(own.len(), 1, "{when}: {own:?}");
            let own: Vec<_> = tasks.iter().filter(|task| of_host(&task.host)).collect();
            assert_eq!(own.len(), 1, "{when}: {own:?}");
            assert_eq!(own[0].kind, kind, "{when}");
        }
    }

    /// Fails unless every host has carried this out exactly once.
    #[track_caller]
    pub(crate) fn assert_each_carried_out_once(&self, kind: &str, when: &str) {
        self.assert_each_once(kind, when);
        super::wait_until("every task to end", || self.tasks().iter().all(|task| matches!(task.state, 4 | 8 | 16)));
        for host in self.console.fleet().hosts() {
            assert_eq!(self.console.fleet().executed(&host.id), [kind], "{when}: {host:?}");
        }
    }
}

/// A command on `hosts.txt`, as a script gives it.
fn act<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command, "--vendor", "kaspersky", "--yes", "-o", "jsonl", "hosts.txt"], more].concat()
}

/// What a run's tasks are called, in brackets.
pub(crate) fn area_of(run: &str) -> String {
    let run = RunId::parse(run).unwrap();
    format!("edrctl-{}", run.as_str().rsplit('-').next().unwrap())
}

/// A console that answers calls as a test has it: the method, and the arguments.
pub(crate) struct PlayedKsc {
    _console: FakeConsole,
    pub(crate) env: TestEnv,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl PlayedKsc {
    /// `say` may answer a call itself; all others are answered as by a console with every host that is asked for.
    pub(crate) fn new(say: impl Fn(&str, &Value) -> Option<(u16, Value)> + Send + Sync + 'static) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let inside = Arc::clone(&calls);
        let console = FakeConsole::new(move |asked: &Asked| {
            let method = asked.path.rsplit('/').next().unwrap_or_default().to_owned();
            let arguments: Value = serde_json::from_str(&asked.body).unwrap_or(Value::Null);
            let said = say(&method, &arguments).unwrap_or_else(|| (200, usual(&method)));
            inside.lock().unwrap().push((method, arguments));
            (said.0, said.1.to_string())
        });
        let mut env = TestEnv::new();
        env.set("EDRCTL_KASPERSKY_URL", console.url());
        env.set("EDRCTL_KASPERSKY_USER", "svc-response");
        env.set("EDRCTL_KASPERSKY_PASSWORD", "correct horse battery");
        env.file("hosts.txt", "5593fcfd-e950-4b54-9732-2c160a35aaaa\n");
        Self { _console: console, env, calls }
    }

    /// The arguments of every call of this method.
    pub(crate) fn arguments(&self, method: &str) -> Vec<Value> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(called, _)| called == method).map(|(_, arguments)| arguments.clone()).collect()
    }

    /// How many calls there were.
    pub(crate) fn asked(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// Runs `isolate` on all hosts.
    pub(crate) fn isolate(&self, more: &[&str]) -> Output {
        self.env.run(act("isolate", more))
    }
}

fn usual(method: &str) -> Value {
    match method {
        "Session.StartSession" => json!({"PxgRetVal": "nQ2x0m8tq5s1l3bWJvY2tldA=="}),
        "HostGroup.FindHosts" | "HostGroup.FindIncidents" => json!({"strAccessor": "a1", "PxgRetVal": 0}),
        "ChunkAccessor.GetItemsChunk" => json!({"pChunk": {"KLCSP_ITERATOR_ARRAY": []}, "PxgRetVal": 0}),
        "ConEvents.IsAnyServiceConsoleAvailable" => json!({"PxgRetVal": true}),
        "HostGroup.AddIncident" => json!({"PxgRetVal": 4711}),
        "Tasks.GetAllTasksOfHost" => json!({"PxgRetVal": []}),
        "Tasks.ResetTasksIterator" => json!({"strTaskIteratorId": "i1"}),
        "Tasks.GetNextTask" => json!({"pTaskData": {}}),
        _ => json!({}),
    }
}
