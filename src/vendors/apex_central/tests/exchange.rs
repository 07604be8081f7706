//! Whole exchanges on real sockets: what arrives is what was signed, and the clock is corrected once.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::domain::host::Isolation;

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Arrived {
    method: String,
    target: String,
    token: String,
    body: Vec<u8>,
}

impl Arrived {
    fn claim(&self, name: &str) -> serde_json::Value {
        let payload = self.token.split('.').nth(1).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        claims[name].clone()
    }

    /// Verifies the token as a server would: over what it received.
    fn is_signed(&self) -> bool {
        use sha2::Digest as _;
        let (message, signature) = self.token.rsplit_once('.').unwrap();
        let key = DecodingKey::from_secret(b"hunter2key");
        let mut canonical = format!("{}|{}||", self.method, self.target.to_ascii_lowercase()).into_bytes();
        canonical.extend_from_slice(&self.body);
        let checksum = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(canonical));
        crypto::verify(signature, message.as_bytes(), &key, Algorithm::HS256).unwrap()
            && self.claim("checksum") == checksum
    }

    fn iat(&self) -> i64 {
        self.claim("iat").as_i64().unwrap()
    }
}

/// A console that answers as it is told, and keeps what arrived.
struct Console {
    base: Url,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    task: JoinHandle<()>,
}

impl Drop for Console {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Script = fn(&Arrived) -> (u16, String, Option<i64>);

/// Starts a console. The script gives status, body, and by how many seconds the console's `Date` is ahead of ours.
async fn console(script: Script) -> Console {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&arrived);
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, script, Arc::clone(&kept)));
        }
    });
    Console { base, arrived, task }
}

async fn serve(mut stream: TcpStream, script: Script, kept: Arc<Mutex<Vec<Arrived>>>) {
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
    let mut first = head.split(' ');
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    let request = Arrived {
        method: first.next().unwrap().to_owned(),
        target: first.next().unwrap().to_owned(),
        token: header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned(),
        body,
    };
    let (status, answer, ahead) = script(&request);
    kept.lock().unwrap().push(request);
    let date = ahead.map_or_else(String::new, |ahead| {
        let at = clock::now() + jiff::SignedDuration::from_secs(ahead);
        format!("Date: {}\r\n", at.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    });
    let head = format!("HTTP/1.1 {status} X\r\n{date}Content-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
    stream.write_all(head.as_bytes()).await.ok();
    stream.write_all(answer.as_bytes()).await.ok();
}

impl Console {
    fn open(&self, corrects_clock: bool) -> ApexCentral {
        let client = http::client(&http::ClientOptions {
            trust: http::Trust::Nothing,
            timeout: Duration::from_secs(20),
            idle_connections: 1,
            proxy: false,
        });
        let application = Application { corrects_clock, ..application(None) };
        ApexCentral::new(client.unwrap(), self.base.clone(), application, NonZeroUsize::MIN).unwrap()
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

fn target() -> Target {
    Target { id: id(), name: None, ticket: None }
}

async fn act(apex: &ApexCentral) -> Result<Answer<Vec<Reply>>, VendorError> {
    apex.submit(&Action { kind: ActionKind::Isolate, comment: None }, &[target()]).await
}

#[tokio::test]
async fn what_arrives_is_what_was_signed() {
    let console = console(|request| {
        let body = if request.method == "POST" { fixture!("accepted.json") } else { fixture!("agents.json") };
        (200, body.to_owned(), Some(0))
    })
    .await;
    let apex = console.open(true);
    act(&apex).await.unwrap();
    assert_eq!(apex.list(None).await.unwrap().value.hosts.len(), 2);
    let seen = apex.observe(&[target()]).await.unwrap().value;
    assert!(matches!(&seen[..], [Observed::State { state, .. }] if state.isolation == Isolation::NotIsolated));
    apex.check().await.unwrap();
    let arrived = console.arrived();
    let targets: Vec<&str> = arrived.iter().map(|request| request.target.as_str()).collect();
    let agents = "/WebApp/API/AgentResource/ProductAgents";
    let filtered = format!("{agents}?entity_id={ID}");
    assert_eq!(targets, [agents, agents, &filtered, "/WebApp/API/ServerResource/ProductServers"]);
    for request in &arrived {
        assert!(request.is_signed(), "{request:?}");
        assert!(request.iat().abs_diff(clock::now().as_second()) < 60);
    }
}

/// A console whose clock is 312 seconds ahead, and that takes only tokens of the last two minutes.
const AHEAD: i64 = 312;

fn strict(request: &Arrived) -> (u16, String, Option<i64>) {
    let age = clock::now().as_second() + AHEAD - request.iat();
    let body = match (age > 120, request.method.as_str()) {
        (true, _) => r#"{"result_code":-6,"result_description":"expired","result_content":""}"#,
        (false, "POST") => fixture!("accepted.json"),
        (false, _) => fixture!("servers.json"),
    };
    (if age > 120 { 401 } else { 200 }, body.to_owned(), Some(AHEAD))
}

#[tokio::test]
async fn sixty_four_requests_with_a_skewed_clock_are_each_signed_anew_once() {
    let console = console(strict).await;
    let apex = console.open(true);
    let refused = futures::future::join_all((0..64).map(|_| act(&apex))).await;
    let mut told = Vec::new();
    for result in refused {
        // Whoever came late enough was signed for the console's clock already.
        if let Err(error) = result {
            assert_eq!(verdict(&error), (FailureKind::ClockSkew, Again::AtOnce, Scope::Targets), "{error}");
            told.push(error.to_string());
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "all are told the same: {told:?}");
    for result in futures::future::join_all((0..64).map(|_| act(&apex))).await {
        assert!(result.is_ok());
    }
    let skew = apex.check().await.unwrap().value.clock_skew.unwrap();
    assert!((AHEAD - 1..=AHEAD + 1).contains(&skew), "{skew}");
}

#[tokio::test]
async fn a_console_that_still_finds_tokens_too_old_stops_the_run() {
    let console = console(|_| (401, r#"{"result_code":-6}"#.to_owned(), Some(AHEAD))).await;
    let apex = console.open(true);
    let stop = (FailureKind::ClockSkew, Again::Never, Scope::Run);
    assert_eq!(act(&apex).await.unwrap_err().again(), Again::AtOnce);
    assert_eq!(verdict(&act(&apex).await.unwrap_err()), stop);
    assert_eq!(verdict(&apex.list(None).await.unwrap_err()), stop);
    let arrived = console.arrived();
    let moved = arrived[1].iat() - arrived[0].iat();
    assert!((AHEAD - 2..=AHEAD + 30).contains(&moved), "the second token is of the console's time: {moved}");
    let uncorrected = console.open(false);
    let error = uncorrected.check().await.unwrap_err();
    assert_eq!(verdict(&error), stop);
    assert!(error.to_string().contains(" s ahead of this machine's"), "{error}");
}

#[tokio::test]
async fn without_a_date_nothing_is_corrected() {
    let console = console(|_| (401, r#"{"result_code":-6}"#.to_owned(), None)).await;
    let error = act(&console.open(true)).await.unwrap_err();
    assert_eq!(verdict(&error), (FailureKind::ClockSkew, Again::Never, Scope::Run));
    assert!(error.to_string().contains("cannot be measured"), "{error}");
}

#[tokio::test]
async fn a_console_that_ignores_the_filter_is_asked_for_everything_next() {
    let console = console(|_| (200, fixture!("agents.json").to_owned(), Some(0))).await;
    let apex = console.open(true);
    let gone = [Target { id: HostId::new("00000000-0000-4000-8000-000000000000"), name: None, ticket: None }];
    let error = apex.observe(&gone).await.unwrap_err();
    assert_eq!(verdict(&error), (FailureKind::Protocol, Again::Backoff, Scope::Targets));
    assert_eq!(apex.observe(&gone).await.unwrap().value, [Observed::NoSuchHost]);
    let asked: Vec<bool> = console.arrived().iter().map(|request| request.target.contains("entity_id")).collect();
    assert_eq!(asked, [true, false]);
}
