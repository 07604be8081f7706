//! A console that says whatever a test wants, over plain HTTP on loopback: for answers that no real console gives.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use super::TestEnv;

/// One request, as far as tests look at it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Whether credentials came with it.
    pub(crate) authorized: bool,
    /// The credentials.
    pub(crate) authorization: String,
    pub(crate) body: String,
}

type Answer = dyn Fn(&Asked) -> (u16, String) + Send + Sync;

/// A console that answers from a function.
pub(crate) struct FakeConsole {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl FakeConsole {
    pub(crate) fn new(answer: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let answer: Arc<Answer> = Arc::new(answer);
        let (asked_in, over_in) = (Arc::clone(&asked), Arc::clone(&over));
        let listener = std::thread::spawn(move || {
            for stream in socket.incoming() {
                if over_in.load(Ordering::SeqCst) {
                    return;
                }
                let (asked, answer) = (Arc::clone(&asked_in), Arc::clone(&answer));
                std::thread::spawn(move || {
                    // A client that goes away in the middle is none of this console's business.
                    drop(serve(stream.unwrap(), &asked, &*answer));
                });
            }
        });
        Self { address, asked, over, listener: Some(listener) }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// An environment whose `[apex]` leads here.
    pub(crate) fn apex_env(&self) -> TestEnv {
        let mut env = TestEnv::new();
        env.set("EDRCTL_APEX_URL", self.url());
        env.set("EDRCTL_APEX_APPLICATION_ID", "1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1");
        env.set("EDRCTL_APEX_API_KEY", "0A1B2C3D-4E5F-4061-8293-A4B5C6D7E8F9");
        env
    }

    /// An environment whose configuration leads here.
    pub(crate) fn env(&self) -> TestEnv {
        let mut env = TestEnv::new();
        env.set("EDRCTL_CISCO_BASE_URL", self.url());
        env.set("EDRCTL_CISCO_CLIENT_ID", "0123456789abcdef0123");
        env.set("EDRCTL_CISCO_API_KEY", "a-key-of-a-fake-console");
        env
    }
}

impl Drop for FakeConsole {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
    }
}

fn serve(mut stream: TcpStream, asked: &Mutex<Vec<Asked>>, answer: &Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
    let (mut length, mut authorization) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
        if name.eq_ignore_ascii_case("authorization") {
            authorization = value.trim().to_owned();
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let authorized = !authorization.is_empty();
    let request = Asked { method, path, authorized, authorization, body: String::from_utf8_lossy(&body).into_owned() };
    let (status, body) = answer(&request);
    asked.lock().unwrap().push(request);
    write!(
        stream,
        "HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
