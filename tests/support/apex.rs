//! Rooms with an Apex Central: the simulated one, and one that says what no simulator should.

use std::{
    collections::BTreeMap,
    ops::Deref,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use edrctl::{
    domain::host::Isolation,
    simulator::{Fleet, faults::Endpoint},
};
use serde_json::{Value, json};

use super::{Console, FakeConsole, Output, Room, TestEnv};

/// An environment that is configured for a simulated Apex Central; `hosts.txt` lists every agent by its id.
pub(crate) struct Apex {
    room: Room,
}

impl Deref for Apex {
    type Target = Room;

    fn deref(&self) -> &Room {
        &self.room
    }
}

impl Apex {
    /// So many agents, and faults as in a fault file.
    pub(crate) fn new(hosts: u32, faults: &str) -> Self {
        Self { room: Room::with(Console::apex(Fleet::of_size(hosts), faults)) }
    }

    /// The agents of a fleet file in JSON.
    pub(crate) fn of(agents: &Value, faults: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fleet.json");
        std::fs::write(&file, agents.to_string()).unwrap();
        Self { room: Room::with(Console::apex(Fleet::read(&file).unwrap(), faults)) }
    }

    /// The same room with one variable more.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.room.env.set(name, value);
    }

    /// `isolate` on all agents, not started yet.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        self.env.command(act("isolate", more))
    }

    /// Runs `isolate` on all agents.
    pub(crate) fn isolate(&self, more: &[&str]) -> Output {
        self.env.run(act("isolate", more))
    }

    /// Runs `unisolate` on all agents.
    pub(crate) fn unisolate(&self, more: &[&str]) -> Output {
        self.env.run(act("unisolate", more))
    }

    /// Requests to change an agent, whatever became of them.
    pub(crate) fn posts(&self) -> u64 {
        self.console.stats().requests("POST", Endpoint::Agents)
    }

    /// Requests for lists of agents, filtered or not.
    pub(crate) fn lists(&self) -> u64 {
        self.console.stats().requests("GET", Endpoint::Agents)
    }

    /// Agents that are off the network or on their way.
    pub(crate) fn off(&self) -> usize {
        let off = |state: Isolation| matches!(state, Isolation::Isolated | Isolation::Isolating);
        self.console.fleet().hosts().iter().filter(|host| off(host.state)).count()
    }

    /// Fails unless every agent is off the network or on its way, by exactly one accepted request.
    #[track_caller]
    pub(crate) fn assert_all_off_by_one_request_each(&self) {
        assert_eq!(self.off(), self.console.fleet().hosts().len());
        self.assert_each_isolated_once();
    }
}

/// A command on `hosts.txt`, as a script gives it.
fn act<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command, "--vendor", "apex", "--yes", "-o", "jsonl", "hosts.txt"], more].concat()
}

/// What a played console makes of a request for a change.
pub(crate) struct Said {
    /// Whether it is done.
    pub(crate) done: bool,
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Said {
    /// Done, and told with this envelope.
    pub(crate) fn done(body: &Value) -> Self {
        Self { done: true, status: 200, body: body.to_string() }
    }

    /// Not done, and told with this status and envelope.
    pub(crate) fn refused(status: u16, body: &Value) -> Self {
        Self { done: false, status, body: body.to_string() }
    }
}

/// A console that keeps a list of agents and answers changes as a test has it, without any check of tokens.
pub(crate) struct PlayedApex {
    pub(crate) console: FakeConsole,
    pub(crate) env: TestEnv,
    isolated: Arc<Mutex<BTreeMap<String, bool>>>,
    able: Arc<AtomicBool>,
    filters: Arc<AtomicBool>,
}

/// The id of an agent of a played console.
fn id(number: u32) -> String {
    format!("0A1B2C3D-0000-4000-8000-{number:012X}")
}

impl PlayedApex {
    /// So many agents; `say` is given the number of the change, from 1, and the agent's record.
    pub(crate) fn new(agents: u32, say: impl Fn(u64, &Value) -> Said + Send + Sync + 'static) -> Self {
        let isolated: BTreeMap<String, bool> = (1..=agents).map(|number| (id(number), false)).collect();
        let isolated = Arc::new(Mutex::new(isolated));
        let inside = Arc::clone(&isolated);
        let able = Arc::new(AtomicBool::new(true));
        let filters = Arc::new(AtomicBool::new(true));
        let (able_inside, filters_inside) = (Arc::clone(&able), Arc::clone(&filters));
        let changes = Mutex::new(0_u64);
        let console = FakeConsole::new(move |asked| {
            let mut isolated = inside.lock().unwrap();
            let able = able_inside.load(Ordering::SeqCst);
            if asked.method == "GET" {
                let wanted = asked.path.split_once("entity_id=").map(|(_, id)| id.to_owned());
                let wanted = wanted.filter(|_| filters_inside.load(Ordering::SeqCst));
                let listed: Vec<Value> = isolated
                    .iter()
                    .filter(|(id, _)| wanted.as_ref().is_none_or(|wanted| wanted == *id))
                    .map(|(id, isolated)| record(id, *isolated, able))
                    .collect();
                return (200, success(&listed).to_string());
            }
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            let id = body["entity_id"].as_str().unwrap().to_owned();
            let mut changes = changes.lock().unwrap();
            *changes += 1;
            let said = say(*changes, &record(&id, isolated[&id], able));
            if said.done {
                isolated.insert(id, body["act"] == "cmd_isolate_agent");
            }
            (said.status, said.body)
        });
        let mut env = TestEnv::new();
        env.set("EDRCTL_APEX_URL", console.url());
        env.set("EDRCTL_APEX_APPLICATION_ID", "1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1");
        env.set("EDRCTL_APEX_API_KEY", "0A1B2C3D-4E5F-4061-8293-A4B5C6D7E8F9");
        env.file("hosts.txt", (1..=agents).map(|number| id(number) + "\n").collect::<String>());
        Self { console, env, isolated, able, filters }
    }

    /// Runs `isolate` on all agents.
    pub(crate) fn isolate(&self, more: &[&str]) -> Output {
        self.env.run(act("isolate", more))
    }

    /// `isolate` on all agents, not started yet.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        self.env.command(act("isolate", more))
    }

    /// From now on every list is whole, whatever was asked for.
    pub(crate) fn ignores_filters(&self) {
        self.filters.store(false, Ordering::SeqCst);
    }

    /// From now on no agent lists a capability.
    pub(crate) fn takes_nothing_any_more(&self) {
        self.able.store(false, Ordering::SeqCst);
    }

    /// Requests for changes.
    pub(crate) fn posts(&self) -> usize {
        self.console.asked().iter().filter(|asked| asked.method == "POST").count()
    }

    /// Agents that are isolated in truth.
    pub(crate) fn off(&self) -> usize {
        self.isolated.lock().unwrap().values().filter(|isolated| **isolated).count()
    }
}

/// The envelope of a success.
pub(crate) fn success(content: &[Value]) -> Value {
    json!({ "result_code": 1, "result_description": "Operation successful", "result_content": content })
}

fn record(id: &str, isolated: bool, able: bool) -> Value {
    let capabilities: &[&str] = if able { &["cmd_isolate_agent", "cmd_restore_isolated_agent"] } else { &[] };
    json!({
        "entity_id": id,
        "product": "SLF_PRODUCT_OFFICESCAN_CE",
        "managing_server_id": "9D40B7E1-22AF-4C0B-8E65-71F3A8C95D02",
        "ad_domain": "",
        "folder_path": "Workgroup",
        "ip_address_list": "10.20.30.41",
        "mac_address_list": "02-00-5E-10-00-41",
        "host_name": format!("PC-{}", id.rsplit('-').next().unwrap_or_default()),
        "isolation_status": if isolated { "isolated" } else { "normal" },
        "capabilities": capabilities,
    })
}
