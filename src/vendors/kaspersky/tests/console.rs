//! A console on a real socket that answers as a test tells it, and keeps what arrived.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::http::{ClientOptions, Trust};

/// A call as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) connection: usize,
    pub(super) method: String,
    pub(super) session: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) virtual_server: Option<String>,
    pub(super) body: Value,
}

/// What is answered.
pub(super) enum Reply {
    Status(u16, String),
    /// Nothing: the connection is cut.
    Cut,
}

pub(super) fn ok(text: &str) -> Reply {
    Reply::Status(200, text.to_owned())
}

pub(super) type Script = Box<dyn Fn(&Arrived) -> Option<Reply> + Send + Sync>;

pub(super) struct Console {
    base: Url,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    task: JoinHandle<()>,
}

impl Drop for Console {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Shared {
    script: Script,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    sessions: AtomicUsize,
}

impl Shared {
    /// What the script leaves open: sessions with numbers, and `{}`.
    fn answer(&self, arrived: &Arrived) -> Reply {
        if let Some(reply) = (self.script)(arrived) {
            return reply;
        }
        match arrived.method.as_str() {
            "Session.StartSession" => {
                let number = self.sessions.fetch_add(1, Ordering::SeqCst);
                ok(&format!(r#"{{"PxgRetVal":"session-{number}"}}"#))
            }
            _ => ok("{}"),
        }
    }
}

impl Console {
    pub(super) async fn start(script: impl Fn(&Arrived) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let shared =
            Arc::new(Shared { script: Box::new(script), arrived: Arc::clone(&arrived), sessions: AtomicUsize::new(0) });
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, connection, Arc::clone(&shared)));
            }
        });
        Self { base, arrived, task }
    }

    pub(super) fn open(&self, slots: usize) -> Kaspersky {
        let options = ClientOptions {
            trust: Trust::Nothing,
            timeout: Duration::from_secs(20),
            idle_connections: 1,
            proxy: false,
        };
        let account = Account {
            user: "api-user".to_owned(),
            password: Secret::new("hunter2word"),
            internal: true,
            domain: None,
            domain_base64: false,
            virtual_server: None,
        };
        self.open_as(account, &options, slots)
    }

    pub(super) fn open_as(&self, account: Account, options: &ClientOptions, slots: usize) -> Kaspersky {
        let clients = SingleClients::new(options).unwrap();
        Kaspersky::new(&clients, &self.base, account, NonZeroUsize::new(slots).unwrap(), None).unwrap()
    }

    pub(super) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// The methods in the order in which they arrived, without their class.
    pub(super) fn methods(&self) -> Vec<String> {
        self.arrived().iter().map(|call| call.method.rsplit('.').next().unwrap().to_owned()).collect()
    }

    pub(super) fn count(&self, method: &str) -> usize {
        self.arrived().iter().filter(|call| call.method.ends_with(method)).count()
    }
}

async fn serve(mut stream: TcpStream, connection: usize, shared: Arc<Shared>) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        assert!(head.starts_with("POST /api/v1.0/"), "{head}");
        assert_eq!(header("content-type").as_deref(), Some("application/json"));
        let path = head.split(' ').nth(1).unwrap();
        let arrived = Arrived {
            connection,
            method: path.strip_prefix("/api/v1.0/").unwrap().to_owned(),
            session: header("x-ksc-session"),
            authorization: header("authorization"),
            virtual_server: header("x-ksc-vserver"),
            body: serde_json::from_slice(&body).unwrap(),
        };
        shared.arrived.lock().unwrap().push(arrived.clone());
        // Whoever pipelines, or begins too many logons, is caught in the act.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let Reply::Status(status, text) = shared.answer(&arrived) else { return };
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        stream.write_all(answer.as_bytes()).await.ok();
    }
}
