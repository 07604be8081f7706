//! Both kinds of HTTP sinks against servers on real sockets.

use std::{
    collections::BTreeSet,
    io::Read as _,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::secret::Secret;

mod elastic;
mod splunk;

/// A request as it came.
#[derive(Clone, Debug)]
struct Seen {
    head: String,
    body: String,
}

impl Seen {
    /// The JSON values of the body.
    fn values(&self) -> Vec<Value> {
        serde_json::Deserializer::from_str(&self.body).into_iter().map(Result::unwrap).collect()
    }
}

/// What a server answers: a status, headers with their line ends, a body. `None` cuts the connection.
type Reply = Option<(u16, String, String)>;

fn reply(status: u16, body: &Value) -> Reply {
    Some((status, String::new(), body.to_string()))
}

/// A server that answers as it is told and remembers what it was asked.
struct Server {
    url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(mut answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                // One connection at a time: a sink has no second one.
                while let Some(request) = read(&mut stream).await {
                    let reply = answer(&request);
                    noted.lock().unwrap().push(request);
                    let Some((status, headers, body)) = reply else { break };
                    let length = body.len();
                    let text = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
                    stream.write_all(text.as_bytes()).await.unwrap();
                }
            }
        });
        Self { url, seen, task }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    if head.contains("content-encoding: gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
        body = plain;
    }
    Some(Seen { head, body: String::from_utf8(body).unwrap() })
}

fn options() -> HttpOptions {
    let timeout = Duration::from_secs(20);
    HttpOptions { trust: Trust::System, timeout, proxy: false, gzip: false, max_bytes: BODY, format: Format::Raw }
}

fn event(id: u64) -> ConsoleEvent {
    let host = r#""timestamp":1717010000,"timestamp_nanoseconds":619000000,"computer":{"hostname":"FIN-LT-014"}"#;
    ConsoleEvent::new(Bytes::from(format!("{{\"id\":{id},{host}}}")))
}

fn events(ids: impl IntoIterator<Item = u64>) -> Vec<ConsoleEvent> {
    ids.into_iter().map(event).collect()
}

#[test]
fn a_wait_is_read_as_seconds_or_as_a_time_of_day() {
    let read = |text: &str| {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
        retry_after(&Response { status: http::StatusCode::OK, headers, body: Vec::new() })
    };
    assert_eq!(read("7"), Some(Duration::from_secs(7)));
    assert_eq!(read("99999999"), Some(LONGEST_WAIT));
    assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    assert_eq!(read("Fri, 06 Nov 2982 08:49:37 GMT"), Some(LONGEST_WAIT));
    assert_eq!(read("soon"), None);
}
