//! A real RabbitMQ with a TLS listener, of a test's own: on its own ports, in its own folder, ended with it.
//!
//! The benchmark starts its broker from here as well.

use std::{
    collections::VecDeque,
    fs::{self, File},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edrctl::{secret::Secret, stream::store::StoredStream};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The broker itself. The command in the path would change the user first, who cannot read our folder.
pub(crate) const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";

const ADMIN: &str = "publisher";
pub(crate) const PASSWORD: &str = "known-to-this-test-only";

/// A queue of each name is there, and a user of that name who may read it and nothing else.
const QUEUES: [&str; 9] = ["drained", "killed", "frozen", "forced", "deleted", "gone", "late", "plain", "measured"];

/// What a broker is like.
#[derive(Clone, Copy)]
struct Manner {
    /// Further arguments of its own.
    arguments: &'static str,
    /// The memory that it may take before it stops those who publish.
    memory: &'static str,
}

/// Takes an acknowledgement for overdue after five seconds, and looks so often.
const STRICT: Manner =
    Manner { arguments: "-rabbit consumer_timeout 5000 -rabbit channel_tick_interval 5000", memory: "1GB" };

/// As it comes, with room for a million events.
const ROOMY: Manner = Manner { arguments: "", memory: "6GB" };

/// So many events are under way before their confirmations are awaited.
const UNDER_WAY: usize = 4000;

/// A broker that does not listen by then is not going to. On a busy machine it may take minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// Tests that run at the same time and leave the broker itself alone take the same one.
static SHARED: Mutex<Weak<Rabbit>> = Mutex::new(Weak::new());

pub(crate) struct Rabbit {
    folder: TempDir,
    ca_pem: String,
    plain: u16,
    tls: u16,
    /// Where the broker is registered, and where its own commands find it.
    names: u16,
    control: u16,
    manner: Manner,
    name_server: Child,
    /// Ends both if this process is ended before it can.
    watchdog: Child,
    /// The script that runs the broker, and ends with it.
    server: Option<Child>,
    runtime: Runtime,
}

impl Rabbit {
    /// The broker of all tests that do it no harm, for as long as one of them runs.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let rabbit = Arc::new(Self::start_as(STRICT));
            *shared = Arc::downgrade(&rabbit);
            rabbit
        })
    }

    /// A broker that may be killed.
    pub(crate) fn start() -> Self {
        Self::start_as(ROOMY)
    }

    fn start_as(manner: Manner) -> Self {
        assert!(Path::new(SERVER).exists(), "there is no RabbitMQ here; `tests/run.sh` installs it");
        let folder = tempfile::tempdir().unwrap();
        let ports = free_ports();
        let ca_pem = write_files(folder.path(), &ports, manner.memory);
        let [plain, tls, names, control] = ports;
        let name_server = Command::new("epmd")
            .args(["-port", &names.to_string(), "-address", "127.0.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let watchdog = watchdog(folder.path(), &name_server);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut rabbit =
            Self { folder, ca_pem, plain, tls, names, control, manner, name_server, watchdog, server: None, runtime };
        rabbit.restart();
        rabbit
    }

    /// The authority of the TLS listener's certificate.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The port that TLS is not spoken at.
    pub(crate) const fn plain_port(&self) -> u16 {
        self.plain
    }

    /// What `edrctl streams create` would keep for a queue.
    pub(crate) fn stored(&self, console: &str, queue: &str) -> StoredStream {
        let id = QUEUES.iter().position(|name| *name == queue).unwrap() as u64;
        StoredStream {
            console: console.to_owned(),
            id: id + 100,
            name: queue.to_owned(),
            host: "localhost".to_owned(),
            port: self.tls,
            queue: queue.to_owned(),
            user: queue.to_owned(),
            password: Secret::new(PASSWORD),
        }
    }

    /// Starts it again, with what it has on its disk.
    pub(crate) fn restart(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("console.log")).unwrap();
        let mut command = self.command(SERVER);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.server = Some(command.spawn().unwrap());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.tls)).is_err() {
            let ended = self.server.as_mut().unwrap().try_wait().unwrap();
            let late = begun.elapsed() > PATIENCE;
            assert!(ended.is_none() && !late, "the broker does not start: {ended:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.server.take().unwrap().wait().unwrap();
    }

    /// It stands still, with its connections.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// It goes on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Closes all connections of a user, as for maintenance.
    pub(crate) fn close_connections(&self, user: &str) {
        let mut command = self.command(CONTROL);
        command.args(["-n", &self.node(), "close_all_user_connections", user, "maintenance"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Puts an event of 1 KB on the disk of the queue for each number.
    pub(crate) fn publish(&self, queue: &str, numbers: impl IntoIterator<Item = u64>) {
        publish_at(self.plain, queue, numbers);
    }

    pub(crate) fn delete_queue(&self, queue: &str) {
        self.ask(async |channel| {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        });
    }

    /// How many consumers a queue has.
    pub(crate) fn consumers(&self, queue: &str) -> u32 {
        self.look(queue).1
    }

    /// How many events are in a queue that nobody consumes from any more.
    pub(crate) fn left(&self, queue: &str) -> u32 {
        let begun = Instant::now();
        loop {
            let (left, consumers) = self.look(queue);
            if consumers == 0 {
                return left;
            }
            assert!(begun.elapsed() < PATIENCE, "the consumer does not go");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn look(&self, queue: &str) -> (u32, u32) {
        self.ask(async |channel| {
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let queue = channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
            (queue.message_count(), queue.consumer_count())
        })
    }

    fn ask<T>(&self, work: impl AsyncFnOnce(&Channel) -> T) -> T {
        self.runtime.block_on(ask(self.plain, work))
    }

    fn node(&self) -> String {
        format!("edrctl{}@localhost", self.tls)
    }

    /// A program of the broker's, which sees nothing of the machine's own broker.
    fn command(&self, program: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).current_dir(folder).env_clear();
        for (name, value) in [
            ("HOME", folder.join("home")),
            ("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
            ("RABBITMQ_MNESIA_BASE", folder.join("mnesia")),
            ("RABBITMQ_LOG_BASE", folder.join("log")),
            ("RABBITMQ_LOGS", "-".into()),
            ("RABBITMQ_PID_FILE", folder.join("rabbit.pid")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins")),
        ] {
            command.env(name, value);
        }
        let arguments = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}";
        command
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("ERL_EPMD_PORT", self.names.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .env("RABBITMQ_NODENAME", self.node())
            .env("RABBITMQ_DIST_PORT", self.control.to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", format!("{arguments} {}", self.manner.arguments));
        command
    }

    /// The broker's own process, which is not the script's.
    fn signal(&self, signal: Signal) {
        let pid = self.pid().unwrap_or_else(|| panic!("the broker has no process id\n{}", self.log()));
        kill_process(pid, signal).unwrap();
    }

    fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.path().join("rabbit.pid")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("console.log")).unwrap_or_default()
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        // First: once the others are gone, their numbers may be somebody else's.
        drop(self.watchdog.kill());
        drop(self.watchdog.wait());
        if let Some(mut server) = self.server.take() {
            // One that has ended by itself needs no signal, and its script has ended as well.
            if matches!(server.try_wait(), Ok(None)) {
                match self.pid() {
                    Some(pid) => drop(kill_process(pid, Signal::KILL)),
                    None => drop(server.kill()),
                }
            }
            drop(server.wait());
        }
        drop(self.name_server.kill());
        drop(self.name_server.wait());
    }
}

/// Waits until its input ends, as it does with this process, and then ends what is left. It is in a group of its own, so that
/// an interrupt at the terminal leaves it alone.
fn watchdog(folder: &Path, name_server: &Child) -> Child {
    let script = r#"cat >/dev/null; kill -9 "$1" "$(cat "$2")"; rm -rf -- "$3""#;
    Command::new("sh")
        .args(["-c", script, "watchdog", &name_server.id().to_string()])
        .args([&folder.join("rabbit.pid"), folder])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Puts an event of 1 KB on the disk of the queue for each number; another process may hold the broker.
pub(crate) fn publish_at(plain: u16, queue: &str, numbers: impl IntoIterator<Item = u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ask(plain, async |channel| publish(channel, queue, numbers).await));
}

async fn ask<T>(plain: u16, work: impl AsyncFnOnce(&Channel) -> T) -> T {
    let address = format!("amqp://{ADMIN}:{PASSWORD}@127.0.0.1:{plain}/%2f");
    #[expect(clippy::disallowed_methods, reason = "the other side, to the listener without TLS")]
    let connection = Connection::connect(&address, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let done = work(&channel).await;
    connection.close(200, "done".into()).await.unwrap();
    done
}

/// An event counts once the broker has confirmed that it is on its disk.
async fn publish(channel: &Channel, queue: &str, numbers: impl IntoIterator<Item = u64>) {
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let mut confirms = VecDeque::with_capacity(UNDER_WAY);
    for number in numbers {
        if confirms.len() == UNDER_WAY {
            confirmed(confirms.pop_front().unwrap()).await;
        }
        let (options, body) = (BasicPublishOptions::default(), event(number));
        let published = channel.basic_publish("".into(), queue.into(), options, &body, persistent.clone()).await;
        confirms.push_back(published.unwrap());
    }
    for confirm in confirms {
        confirmed(confirm).await;
    }
}

async fn confirmed(confirm: PublisherConfirm) {
    assert!(confirm.await.unwrap().is_ack());
}

/// The number of the first event: beyond what a floating point number can hold.
pub(crate) const FIRST: u64 = 6_180_339_887_498_948_482;

/// The events in a file or an output, in its order, as they were numbered. Half a line fails.
#[track_caller]
pub(crate) fn numbers(text: &str) -> Vec<u64> {
    assert!(text.is_empty() || text.ends_with('\n'), "a torn line");
    let number = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap() - FIRST;
    text.lines().map(number).collect()
}

/// The bytes that an event has with the end of its line.
pub(crate) const EVENT: u64 = 1024;

fn event(number: u64) -> Vec<u8> {
    let mut event = json!({
        "id": FIRST + number,
        "timestamp": 1_760_000_000 + number,
        "event_type": "Threat Detected",
        "event_type_id": 1_090_519_054,
        "severity": "High",
        "filler": "",
    });
    let filler = usize::try_from(EVENT).unwrap() - 1 - event.to_string().len();
    event["filler"] = "x".repeat(filler).into();
    event.to_string().into_bytes()
}

/// Four ports that nobody listens at.
fn free_ports() -> [u16; 4] {
    let listeners = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// What the broker reads when it starts. Returns the authority of its certificate.
fn write_files(folder: &Path, [plain, tls, ..]: &[u16; 4], memory: &str) -> String {
    for name in ["home", "mnesia", "log"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    let (ca, certificate, key) = certificates();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("ca.pem", &ca);
    write("server.pem", &certificate);
    write("server.key", &key);
    write("enabled_plugins", "[].");
    write("definitions.json", &definitions().to_string());
    let at = folder.display();
    write(
        "rabbitmq.conf",
        &format!(
            "listeners.tcp.1 = 127.0.0.1:{plain}\n\
             listeners.ssl.1 = 127.0.0.1:{tls}\n\
             num_acceptors.tcp = 2\n\
             num_acceptors.ssl = 2\n\
             ssl_options.cacertfile = {at}/ca.pem\n\
             ssl_options.certfile = {at}/server.pem\n\
             ssl_options.keyfile = {at}/server.key\n\
             ssl_options.verify = verify_none\n\
             ssl_options.fail_if_no_peer_cert = false\n\
             ssl_options.versions.1 = tlsv1.3\n\
             ssl_options.versions.2 = tlsv1.2\n\
             vm_memory_high_watermark.absolute = {memory}\n\
             disk_free_limit.absolute = 50MB\n\
             log.console = true\n\
             log.file = false\n\
             load_definitions = {at}/definitions.json\n"
        ),
    );
    ca
}

/// An authority, and what it vouches for: the certificate of the broker, with its key.
fn certificates() -> (String, String, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "authority of a test's broker");
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    (ca_pem, certificate.pem(), key.serialize_pem())
}

fn definitions() -> Value {
    let salt = b"salt";
    let hash = STANDARD.encode([&salt[..], &Sha256::digest([&salt[..], PASSWORD.as_bytes()].concat())].concat());
    let user = |name: &str, tags: &str| {
        let algorithm = "rabbit_password_hashing_sha256";
        json!({"name": name, "password_hash": hash, "hashing_algorithm": algorithm, "tags": tags})
    };
    let may = |user: &str, all: &str, read: &str| json!({"user": user, "vhost": "/", "configure": all, "write": all, "read": read});
    let mut users = vec![user(ADMIN, "administrator")];
    let mut permissions = vec![may(ADMIN, ".*", ".*")];
    let mut queues = Vec::new();
    for name in QUEUES {
        users.push(user(name, ""));
        permissions.push(may(name, "", &format!("^{name}$")));
        queues.push(json!({"name": name, "vhost": "/", "durable": true, "auto_delete": false, "arguments": {}}));
    }
    json!({"vhosts": [{"name": "/"}], "users": users, "permissions": permissions, "queues": queues})
}
