//! Simulated consoles: real HTTPS on loopback, written from each vendor's documentation.
//!
//! It serves rehearsals (`--simulate`), standing consoles (`edrctl simulate`) and tests. It shares no wire type with
//! the client in `vendors`, so that the two cannot err alike, and it imports nothing but `domain`. [`Truth`] tells what
//! really became of the hosts, whatever the console answered. It keeps nothing: every start is a new console.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

mod amqp;
mod apex_central;
mod cisco;
mod cybereason;
pub mod faults;
pub mod fleet;
mod fortigate;
mod guid;
mod kaspersky;
mod payload;
mod server;
mod stats;
mod tls;
mod transfer;
mod truth;

pub use amqp::QueueCounts;
pub use cisco::streams::{NewStream, StreamAccess, StreamError, Streams};
pub use faults::{Faults, FaultsError};
pub use fleet::{Fleet, FleetError, Wanted};
pub use fortigate::{AddressTruth, Firewall};
pub use stats::Stats;
pub use truth::{HostTruth, IncidentTruth, TaskTruth, Truth};

/// The consoles that can be simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Model {
    /// Cisco Secure Endpoint.
    #[default]
    Cisco,
    /// Trend Micro Apex Central.
    ApexCentral,
    /// Kaspersky Security Center.
    Kaspersky,
    /// Fortinet FortiGate.
    Fortigate,
    /// Cybereason EDR.
    Cybereason,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Cisco, Self::ApexCentral, Self::Kaspersky, Self::Cybereason, Self::Fortigate];

    /// The word for it: `--vendor`, and the section of the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cisco => "cisco",
            Self::ApexCentral => "apex",
            Self::Kaspersky => "kaspersky",
            Self::Fortigate => "fortigate",
            Self::Cybereason => "cybereason",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.word() == word)
    }
}

/// What a console is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which console.
    pub console: Model,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The hosts that it manages.
    pub fleet: Fleet,
    /// What goes wrong.
    pub faults: Faults,
    /// What its clock shows at the start.
    pub now: Timestamp,
    /// The credentials that it lets in; made at the start if none are given.
    pub credentials: Option<Credentials>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            console: Model::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            fleet: Fleet::default(),
            faults: Faults::default(),
            now: Timestamp::now(),
            credentials: None,
        }
    }
}

/// The credentials that a console lets in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Cisco: twenty hexadecimal digits. Apex Central: the application id, a UUID. Security Center and Cybereason: the name
    /// of the user. FortiGate: the name of the administrator.
    pub client_id: String,
    /// A UUID; Apex Central writes it in capitals, Security Center and Cybereason call it the password. FortiGate takes it as
    /// the token and as the password.
    pub api_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Credentials {
    fn random(model: Model) -> Result<Self, SimulatorError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let (id, key) = bytes.split_at(16);
        let number = |bytes: &[u8]| guid::Guid(bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)));
        let api_key = number(key).to_string();
        Ok(match model {
            Model::Cisco => {
                let client_id = id.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
                Self { client_id, api_key }
            }
            Model::ApexCentral => {
                Self { client_id: number(id).to_string().to_uppercase(), api_key: api_key.to_uppercase() }
            }
            Model::Kaspersky => {
                let end: String = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
                Self { client_id: format!("svc-response-{end}"), api_key }
            }
            Model::Fortigate => Self { client_id: "edrctl-sim".to_owned(), api_key },
            Model::Cybereason => {
                let end: String = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
                Self { client_id: format!("svc-response-{end}@acme.example"), api_key }
            }
        })
    }
}

/// A console that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Console {
    model: Model,
    base_url: String,
    ca_pem: String,
    credentials: Credentials,
    truth: Arc<Truth>,
    stats: Arc<Stats>,
    streams: Option<Arc<Streams>>,
    center: Option<Arc<kaspersky::Kaspersky>>,
    unit: Option<Unit>,
    tenant: Option<Arc<cybereason::Cybereason>>,
    server: server::Server,
}

/// What a FortiGate has beside the face that every console has.
#[derive(Debug)]
struct Unit {
    firewall: Arc<Firewall>,
    ssh: fortigate::Ssh,
}

/// Starts a console.
///
/// # Errors
///
/// [`SimulatorError`] if it cannot listen there, or if the faults name hosts that the fleet does not have.
pub async fn start(options: Options) -> Result<Console, SimulatorError> {
    let Options { console: model, listen, mut fleet, faults, now, credentials } = options;
    fleet.serve_at(model);
    if faults.listing.duplicate_hostnames > 0 {
        let long_ago = now.checked_sub(Duration::from_secs(86_400 * 90)).unwrap_or(now);
        fleet.duplicate_names(faults.listing.duplicate_hostnames, long_ago);
    }
    let script = faults::Script::new(&faults, &fleet)?;
    let (tls, ca_pem) = match model {
        Model::Kaspersky if faults.kaspersky.bare_certificate => tls::make_bare(faults.kaspersky.tls13)?,
        _ => tls::make(listen.ip(), faults.http2 && model != Model::Kaspersky, faults.certificate)?,
    };
    let (server, accepting) = server::Server::start(listen, Arc::clone(&tls))
        .await
        .map_err(|source| SimulatorError::Listen { listen, source })?;
    let base_url = format!("https://{}", reachable(server.address()));
    let credentials = credentials.map_or_else(|| Credentials::random(model), Ok)?;
    let shown = if model == Model::Kaspersky { faults.kaspersky.clock_offset.moved(now) } else { now };
    let truth = Arc::new(Truth::new(fleet, script, shown));
    let stats = Arc::new(Stats::default());
    let (told, counted) = (Arc::clone(&truth), Arc::clone(&stats));
    let streams = match model {
        Model::Cisco => Some(Streams::start(listen, &tls, &faults, Arc::clone(&truth), base_url.clone()).await?),
        Model::ApexCentral | Model::Kaspersky | Model::Cybereason | Model::Fortigate => None,
    };
    let (mut center, mut tenant, mut unit) = (None, None, None);
    let logic: Arc<dyn server::Simulated> = match (model, &streams) {
        (Model::Cisco, Some(streams)) => {
            Arc::new(cisco::Cisco::new(base_url.clone(), &credentials, faults, told, counted, Arc::clone(streams))?)
        }
        (Model::Kaspersky, _) => {
            let logic = Arc::new(kaspersky::Kaspersky::new(credentials.clone(), faults, told, counted));
            center = Some(Arc::clone(&logic));
            logic
        }
        (Model::Fortigate, _) => {
            let firewall = Arc::new(Firewall::new(faults.fortigate.clone(), credentials.clone()));
            // Beside the REST face, so that one address is enough to reach both.
            let beside = SocketAddr::new(listen.ip(), 0);
            let ssh = fortigate::Ssh::start(beside, Arc::clone(&firewall), faults.latency.0).await?;
            unit = Some(Unit { firewall: Arc::clone(&firewall), ssh });
            Arc::new(fortigate::Rest::new(firewall, faults, told, counted))
        }
        (Model::Cybereason, _) => {
            let logic = Arc::new(cybereason::Cybereason::new(credentials.clone(), faults, told, counted)?);
            tenant = Some(Arc::clone(&logic));
            logic
        }
        _ => Arc::new(apex_central::ApexCentral::new(credentials.clone(), faults, told, counted)),
    };
    server.serve(accepting, logic);
    Ok(Console { model, base_url, ca_pem, credentials, truth, stats, streams, center, tenant, unit, server })
}

impl Console {
    /// Which console it is.
    pub const fn model(&self) -> Model {
        self.model
    }

    /// The console's address: `https://127.0.0.1:PORT`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The certificate that a client has to trust: the authority's, or the console's own if it signed that itself.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The credentials that it lets in.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// What is true of its hosts.
    pub fn fleet(&self) -> Arc<Truth> {
        Arc::clone(&self.truth)
    }

    /// What clients asked of it.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// Its event streams; `None` for a console that has none.
    pub fn streams(&self) -> Option<Arc<Streams>> {
        self.streams.clone()
    }

    /// Whether [`Console::ca_pem`] is the server's own certificate without a name in it, which a client has to know as
    /// it is.
    pub fn is_pinned(&self) -> bool {
        self.center.as_ref().is_some_and(|center| center.has_bare_certificate())
    }

    /// The unit behind a FortiGate's two faces; `None` for every other console.
    pub fn firewall(&self) -> Option<Arc<Firewall>> {
        self.unit.as_ref().map(|unit| Arc::clone(&unit.firewall))
    }

    /// Where it is reached over SSH; `None` for a console that is not.
    pub fn ssh_address(&self) -> Option<SocketAddr> {
        self.unit.as_ref().map(|unit| reachable(unit.ssh.address()))
    }

    /// The file that tells a client which key to expect over SSH, and what it has to contain; beside the file with the
    /// certificate. `None` for a console that is not reached over SSH.
    pub fn known_hosts(&self, ca_file: &Path) -> Option<(PathBuf, String)> {
        let unit = self.unit.as_ref()?;
        let address = reachable(unit.ssh.address());
        let path = ca_file.with_extension("known_hosts");
        Some((path, format!("[{}]:{} {}\n", address.ip(), address.port(), unit.ssh.public_key())))
    }

    /// Lets an account log on again that too many wrong passwords have locked.
    pub fn unlock(&self) {
        if let Some(center) = &self.center {
            center.unlock();
        }
    }

    /// Ends every session that a client has, as a restart of the console would.
    pub fn end_sessions(&self) {
        if let Some(center) = &self.center {
            center.end_sessions();
        }
        if let Some(tenant) = &self.tenant {
            tenant.end_sessions();
        }
    }

    /// The configuration with which `edrctl` finds this console, once [`Console::ca_pem`] is at this path.
    pub fn ready_config(&self, ca_file: &Path) -> String {
        let Credentials { client_id, api_key } = &self.credentials;
        let (address, id, key) = match self.model {
            Model::Cisco => ("base_url", "client_id", "api_key"),
            Model::ApexCentral => ("url", "application_id", "api_key"),
            Model::Kaspersky => ("url", "user", "password"),
            Model::Fortigate => return self.ready_unit(ca_file),
            Model::Cybereason => ("url", "username", "password"),
        };
        let ca_file = ca_file.to_string_lossy();
        let trust = if self.is_pinned() { "certificate" } else { "ca_file" };
        let mut values: Vec<(&str, toml::Value)> =
            vec![(address, (&*self.base_url).into()), (id, (&**client_id).into()), (key, (&**api_key).into())];
        values.extend(self.center.iter().flat_map(|center| center.settings_of_client()));
        values.extend(self.tenant.iter().flat_map(|tenant| tenant.settings_of_client()));
        values.push((trust, (&*ca_file).into()));
        let lines: String = values.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        format!("[{}]\n{lines}", self.model.word())
    }

    /// The same for a unit with two faces.
    fn ready_unit(&self, ca_file: &Path) -> String {
        let Credentials { client_id, api_key } = &self.credentials;
        let mut values: Vec<(&str, toml::Value)> =
            vec![("url", (&*self.base_url).into()), ("token", (&**api_key).into())];
        if let (Some(address), Some((known_hosts, _))) = (self.ssh_address(), self.known_hosts(ca_file)) {
            values.push(("ssh_host", address.ip().to_string().into()));
            values.push(("ssh_port", i64::from(address.port()).into()));
            values.push(("ssh_user", (&**client_id).into()));
            values.push(("ssh_password", (&**api_key).into()));
            values.push(("ssh_known_hosts", known_hosts.to_string_lossy().into_owned().into()));
        }
        if let Some(unit) = &self.unit {
            values.push(("vdom", unit.firewall.vdom().into()));
            values.push(("group", unit.firewall.group().into()));
        }
        values.push(("ca_file", ca_file.to_string_lossy().into_owned().into()));
        let lines: String = values.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        format!("[{}]\n{lines}", self.model.word())
    }

    /// Takes no new connection, lets requests under way end for a moment, and closes.
    pub async fn stop(self) {
        let streams = async {
            if let Some(streams) = &self.streams {
                streams.stop().await;
            }
        };
        if let Some(unit) = &self.unit {
            unit.ssh.stop();
        }
        tokio::join!(self.server.stop(), streams);
    }
}

/// An address that a client on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, v6.port())),
        other => other,
    }
}

/// A console that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// It cannot listen there.
    #[error("listen on {listen}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No certificate could be made.
    #[error("make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The certificate could not be used.
    #[error("set up TLS")]
    Tls(#[from] rustls::Error),
    /// The system gives no random numbers.
    #[error("get random numbers")]
    Random(#[from] getrandom::Error),
    /// The faults do not fit the fleet.
    #[error("fit the faults to the fleet")]
    Faults(#[from] FaultsError),
}

#[cfg(test)]
mod tests;
