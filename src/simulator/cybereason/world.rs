//! What the console has seen: MalOps, processes, connections, and what was connected to. Made once, at the start.

use std::time::Duration;

use jiff::Timestamp;

use crate::simulator::{
    faults::{ConnectionFault, CybereasonFaults, Decision, MalopFault, Span},
    truth::Truth,
};

/// Everything that queries find, each kind in a list of its own.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) malops: Vec<Malop>,
    /// Which MalOp a process belongs to, and on which host it runs.
    pub(super) processes: Vec<(usize, u32)>,
    pub(super) connections: Vec<Connection>,
    pub(super) domains: Vec<Known>,
    pub(super) addresses: Vec<Known>,
}

/// A MalOp.
#[derive(Debug)]
pub(super) struct Malop {
    pub(super) id: String,
    pub(super) decision: &'static str,
    pub(super) detection: &'static str,
    pub(super) cause_type: String,
    pub(super) names: Vec<String>,
    pub(super) causes: u64,
    pub(super) status: String,
    pub(super) machines: Vec<u32>,
    pub(super) epp: bool,
    pub(super) stray_sensor: String,
    pub(super) unnamed: bool,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

/// A connection that somebody made.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) direction: String,
    pub(super) domain: Option<usize>,
    pub(super) address: Option<usize>,
    pub(super) host: u32,
    pub(super) at: Timestamp,
}

/// A name, and what is thought of it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) classification: String,
}

const HOUR: Duration = Duration::from_secs(3_600);

impl World {
    pub(super) fn new(settings: &CybereasonFaults, truth: &Truth) -> Self {
        let now = truth.now();
        let ago = |span: Duration| now.checked_sub(span).unwrap_or(now);
        let mut world = Self::default();
        let made_up = settings.malop.is_empty() && settings.malops == 0;
        let malops = if made_up { made_up_malops() } else { settings.malop.clone() };
        for (number, said) in malops.into_iter().enumerate() {
            let updated = said.updated.map_or(HOUR, |span| span.0);
            let created = said.created.map_or(updated, |span| span.0.max(updated));
            world.add(number, said, ago(created), ago(updated), truth);
        }
        for number in 0..settings.malops {
            let [b, c] = [(number >> 8) as u8, number as u8];
            let said =
                MalopFault { names: vec![format!("198.{}.{b}.{c}", 18 + (number >> 16 & 1))], ..MalopFault::default() };
            let at = ago(Duration::from_secs(number.into()));
            world.add(1_000 + number as usize, said, at, at, truth);
        }
        let connections =
            if settings.connection.is_empty() && made_up { made_up_connections() } else { settings.connection.clone() };
        for said in connections {
            let at = ago(said.ago.0);
            world.connect(&said, at);
        }
        world
    }

    fn add(&mut self, number: usize, said: MalopFault, created: Timestamp, updated: Timestamp, truth: &Truth) {
        let (decision, detection, cause) = match said.decision {
            Decision::BlocklistedAddress => {
                ("Process.connectionToBlackListAddressByAddressRootCause(Malop decision)", "BLACKLIST", "IpAddress")
            }
            Decision::BlocklistedDomain => {
                ("Process.connectionToBlackListDomainByDomainRootCause(Malop decision)", "BLACKLIST", "DomainName")
            }
            Decision::SuspiciousDomain => {
                ("Process.connectionToMaliciousDomainByDomainRootCause(Malop decision)", "CNC", "DomainName")
            }
            Decision::Other => ("Process.maliciousByCodeInjection(Malop decision)", "CODE_INJECTION", "Process"),
        };
        let inner = truth.lock();
        let hosts = inner.fleet.len();
        let named = |name: &String| {
            (0..u32::try_from(hosts).unwrap_or(u32::MAX)).find(|host| {
                let (short, full) = (inner.fleet.machine_name(*host), inner.fleet.name(*host));
                short.eq_ignore_ascii_case(name) || full.eq_ignore_ascii_case(name)
            })
        };
        let mut machines: Vec<u32> = said.machines.iter().filter_map(named).collect();
        if said.machines.is_empty() && hosts > 0 {
            machines.push(u32::try_from(number % hosts).unwrap_or_default());
        }
        drop(inner);
        let id = if said.id.is_empty() { format!("11.-42000000000000{number:05}") } else { said.id };
        let status = if said.status.is_empty() { "UNREAD".to_owned() } else { said.status };
        let cause_type = if said.cause_type.is_empty() { cause.to_owned() } else { said.cause_type };
        let causes = said.causes.unwrap_or(said.names.len() as u64);
        // What the antivirus has found has no suspected processes.
        let suspected = if said.epp { &[][..] } else { &machines[..] };
        self.processes.extend(suspected.iter().map(|host| (self.malops.len(), *host)));
        self.malops.push(Malop {
            id,
            decision,
            detection,
            cause_type,
            names: said.names,
            causes,
            status,
            machines,
            epp: said.epp,
            stray_sensor: said.stray_sensor,
            unnamed: said.unnamed,
            created,
            updated,
        });
    }

    fn connect(&mut self, said: &ConnectionFault, at: Timestamp) {
        let known = |list: &mut Vec<Known>, name: &str| {
            if name.is_empty() {
                return None;
            }
            Some(list.iter().position(|known| known.name == name).unwrap_or_else(|| {
                list.push(Known { name: name.to_owned(), classification: said.classification.clone() });
                list.len() - 1
            }))
        };
        let domain = known(&mut self.domains, &said.domain);
        let address = known(&mut self.addresses, &said.address);
        self.connections.push(Connection { direction: said.direction.clone(), domain, address, host: 0, at });
    }
}

fn span(hours: u64) -> Option<Span> {
    Some(Span(HOUR * u32::try_from(hours).unwrap_or(1)))
}

/// What a rehearsal finds: all three kinds, the same address twice, what people have closed, and addresses that nobody may
/// ever block.
fn made_up_malops() -> Vec<MalopFault> {
    let malop = |decision, names: &[&str], status: &str, hours| MalopFault {
        decision,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        status: status.to_owned(),
        created: span(hours + 3),
        updated: span(hours),
        ..MalopFault::default()
    };
    vec![
        malop(Decision::BlocklistedAddress, &["203.0.113.66"], "UNREAD", 2),
        malop(Decision::BlocklistedAddress, &["198.51.100.23", "203.0.113.66"], "OPEN", 5),
        malop(Decision::BlocklistedAddress, &["8.8.8.8", "10.20.0.53"], "TODO", 6),
        malop(Decision::BlocklistedDomain, &["drop.badstuff.example"], "UNREAD", 3),
        malop(Decision::SuspiciousDomain, &["cdn-7.hostile.example", "beacon.hostile.example"], "REOPEN", 4),
        malop(Decision::BlocklistedAddress, &["1.1.1.1"], "FP", 7),
        malop(Decision::SuspiciousDomain, &["old.hostile.example"], "CLOSED", 8),
        malop(Decision::Other, &["injector.exe"], "UNREAD", 1),
    ]
}

fn made_up_connections() -> Vec<ConnectionFault> {
    let made = |domain: &str, address: &str, classification: &str, hours| ConnectionFault {
        domain: domain.to_owned(),
        address: address.to_owned(),
        classification: classification.to_owned(),
        ago: span(hours).unwrap_or_default(),
        ..ConnectionFault::default()
    };
    vec![
        made("drop.badstuff.example", "203.0.113.66", "blacklist", 3),
        made("cdn-7.hostile.example", "198.51.100.77", "malware", 4),
        made("odd.hostile.example", "198.51.100.78", "suspicious", 5),
        made("sink.defender.example", "192.0.2.200", "sinkholed", 5),
        made("intranet.corp.example", "10.20.0.80", "indifferent", 6),
        ConnectionFault {
            direction: "OUTGOING_GUESSED".to_owned(),
            ..made("guess.hostile.example", "198.51.100.79", "malware", 2)
        },
        ConnectionFault { direction: "INCOMING".to_owned(), ..made("", "198.51.100.80", "malware", 2) },
    ]
}
