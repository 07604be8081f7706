//! The broker, asked frame by frame over a real TLS socket by a client that trusts its certificate.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use amq_protocol::{
    frame::{AMQPContentHeader, AMQPFrame, WriteContext, gen_frame, parse_frame},
    protocol::{AMQPClass, basic, channel, connection, queue},
    types::{AMQPValue, FieldTable},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::simulator::{Console, Faults, Fleet, NewStream, Options, StreamAccess, Streams, start};

mod bad_day;
mod consuming;
mod login;

/// A console with one stream.
struct Room {
    console: Console,
    streams: Arc<Streams>,
    access: StreamAccess,
}

impl Room {
    async fn with(faults: &str) -> Self {
        let faults = Faults::parse(faults).unwrap();
        let options = Options { fleet: Fleet::of_size(3), faults, ..Options::default() };
        let console = start(options).await.unwrap();
        let streams = console.streams().unwrap();
        let access = streams.create(&NewStream { name: "soc".into(), ..NewStream::default() }).unwrap();
        Self { console, streams, access }
    }

    fn publish(&self, bodies: impl IntoIterator<Item = &'static str>) {
        for body in bodies {
            assert!(self.streams.publish(self.access.id, body));
        }
    }

    fn counts(&self) -> crate::simulator::QueueCounts {
        self.streams.counts(self.access.id).unwrap()
    }

    /// A connection before the first byte.
    async fn dial(&self) -> io::Result<Client> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.console.ca_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(self.streams.amqp_address()).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
        Ok(Client { stream, buffer: Vec::new(), frames: VecDeque::new() })
    }

    /// A connection with one open channel.
    async fn open(&self) -> Client {
        let mut client = self.dial().await.unwrap();
        client.log_in(&self.access.user_name, &self.access.password, 0, 0).await;
        client.open_channel(1).await;
        client
    }

    /// A connection that consumes with this prefetch.
    async fn consumer(&self, prefetch: u16) -> Client {
        let mut client = self.open().await;
        client.consume(&self.access.queue_name, prefetch, false).await;
        client
    }
}

/// Lets everything else go on until this is so.
async fn until(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
}

/// A client that sends and reads frames.
struct Client {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
    frames: VecDeque<AMQPFrame>,
}

/// A delivery, read whole.
#[derive(Debug)]
struct Delivery {
    tag: u64,
    redelivered: bool,
    routing_key: String,
    header: AMQPContentHeader,
    body: Vec<u8>,
}

impl Delivery {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    async fn send(&mut self, channel: u16, method: AMQPClass) {
        self.send_frame(&AMQPFrame::Method(channel, method)).await;
    }

    async fn send_frame(&mut self, frame: &AMQPFrame) {
        let context = WriteContext { write: Vec::new(), position: 0 };
        let bytes = gen_frame(frame)(context).unwrap().write;
        self.send_bytes(&bytes).await;
    }

    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn basic(&mut self, method: basic::AMQPMethod) {
        self.send(1, AMQPClass::Basic(method)).await;
    }

    async fn ack(&mut self, delivery_tag: u64, multiple: bool) {
        self.basic(basic::AMQPMethod::Ack(basic::Ack { delivery_tag, multiple })).await;
    }

    /// The next frame; an error at the end, which is told apart from an end that TLS was not asked for.
    async fn frame(&mut self) -> io::Result<AMQPFrame> {
        let read = async {
            loop {
                if let Some(frame) = self.frames.pop_front() {
                    return Ok(frame);
                }
                let mut rest = &self.buffer[..];
                while let Ok((behind, frame)) = parse_frame(rest) {
                    self.frames.push_back(frame);
                    rest = behind;
                }
                self.buffer = rest.to_vec();
                if self.frames.is_empty() && self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(io::Error::other("an orderly end"));
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.unwrap()
    }

    /// The next method.
    async fn method(&mut self) -> AMQPClass {
        loop {
            match self.frame().await.unwrap() {
                AMQPFrame::Method(_, method) => return method,
                AMQPFrame::Heartbeat => {}
                other => panic!("{other:?} is no method"),
            }
        }
    }

    async fn greet(&mut self) {
        self.send_bytes(b"AMQP\x00\x00\x09\x01").await;
        let start = self.method().await;
        assert!(matches!(start, AMQPClass::Connection(connection::AMQPMethod::Start(_))), "{start:?}");
    }

    async fn say_who(&mut self, mechanism: &str, user: &str, password: &str) {
        let start_ok = connection::StartOk {
            client_properties: FieldTable::default(),
            mechanism: mechanism.into(),
            response: format!("\0{user}\0{password}").into(),
            locale: "en_US".into(),
        };
        self.send(0, AMQPClass::Connection(connection::AMQPMethod::StartOk(start_ok))).await;
    }

    async fn log_in(&mut self, user: &str, password: &str, frame_max: u32, heartbeat: u16) -> connection::Tune {
        self.greet().await;
        self.say_who("PLAIN", user, password).await;
        let AMQPClass::Connection(connection::AMQPMethod::Tune(tune)) = self.method().await else {
            panic!("not let in");
        };
        let tune_ok = connection::TuneOk { channel_max: 10, frame_max, heartbeat };
        self.send(0, AMQPClass::Connection(connection::AMQPMethod::TuneOk(tune_ok))).await;
        let open = connection::Open { virtual_host: "/".into() };
        self.send(0, AMQPClass::Connection(connection::AMQPMethod::Open(open))).await;
        let opened = self.method().await;
        assert!(matches!(opened, AMQPClass::Connection(connection::AMQPMethod::OpenOk(_))), "{opened:?}");
        tune
    }

    async fn open_channel(&mut self, id: u16) {
        self.send(id, AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {}))).await;
        let opened = self.method().await;
        assert!(matches!(opened, AMQPClass::Channel(channel::AMQPMethod::OpenOk(_))), "{opened:?}");
    }

    /// What is answered to a declaration.
    async fn declare(&mut self, name: &str, passive: bool) -> AMQPClass {
        let declare = queue::Declare {
            queue: name.into(),
            passive,
            durable: true,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::default(),
        };
        self.send(1, AMQPClass::Queue(queue::AMQPMethod::Declare(declare))).await;
        self.method().await
    }

    /// What is answered to somebody who wants to consume.
    async fn ask_to_consume(&mut self, name: &str, prefetch: u16, exclusive: bool) -> AMQPClass {
        let qos = basic::Qos { prefetch_count: prefetch, global: false };
        self.basic(basic::AMQPMethod::Qos(qos)).await;
        let agreed = self.method().await;
        assert!(matches!(agreed, AMQPClass::Basic(basic::AMQPMethod::QosOk(_))), "{agreed:?}");
        let consume = basic::Consume {
            queue: name.into(),
            consumer_tag: "".into(),
            no_local: false,
            no_ack: false,
            exclusive,
            nowait: false,
            arguments: FieldTable::default(),
        };
        self.basic(basic::AMQPMethod::Consume(consume)).await;
        self.method().await
    }

    async fn consume(&mut self, name: &str, prefetch: u16, exclusive: bool) {
        let begun = self.ask_to_consume(name, prefetch, exclusive).await;
        assert!(matches!(begun, AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(_))), "{begun:?}");
    }

    async fn delivery(&mut self) -> Delivery {
        let (tag, redelivered, routing_key) = match self.method().await {
            AMQPClass::Basic(basic::AMQPMethod::Deliver(it)) => (it.delivery_tag, it.redelivered, it.routing_key),
            AMQPClass::Basic(basic::AMQPMethod::GetOk(it)) => (it.delivery_tag, it.redelivered, it.routing_key),
            other => panic!("{other:?} is no delivery"),
        };
        let AMQPFrame::Header(1, header) = self.frame().await.unwrap() else { panic!("no header") };
        let mut body = Vec::new();
        while (body.len() as u64) < header.body_size {
            let AMQPFrame::Body(1, piece) = self.frame().await.unwrap() else { panic!("no body") };
            body.extend(piece);
        }
        Delivery { tag, redelivered, routing_key: routing_key.to_string(), header, body }
    }

    /// The bodies of the next deliveries, none of which is acknowledged.
    async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for _ in 0..count {
            texts.push(self.delivery().await.text().to_owned());
        }
        texts
    }

    /// Waits until the broker has read everything that was sent before.
    async fn settle(&mut self) {
        self.basic(basic::AMQPMethod::Qos(basic::Qos::default())).await;
        let agreed = self.method().await;
        assert!(matches!(agreed, AMQPClass::Basic(basic::AMQPMethod::QosOk(_))), "{agreed:?}");
    }

    async fn close(mut self) {
        let close = connection::Close { reply_code: 200, ..connection::Close::default() };
        self.send(0, AMQPClass::Connection(connection::AMQPMethod::Close(close))).await;
        let agreed = self.method().await;
        assert!(matches!(agreed, AMQPClass::Connection(connection::AMQPMethod::CloseOk(_))), "{agreed:?}");
        self.stream.shutdown().await.unwrap();
    }
}

/// The code of a close of a channel.
fn channel_close(method: &AMQPClass) -> u16 {
    match method {
        AMQPClass::Channel(channel::AMQPMethod::Close(close)) => close.reply_code,
        other => panic!("{other:?} does not close a channel"),
    }
}

/// The code of a close of a connection.
fn connection_close(method: &AMQPClass) -> u16 {
    match method {
        AMQPClass::Connection(connection::AMQPMethod::Close(close)) => close.reply_code,
        other => panic!("{other:?} does not close a connection"),
    }
}

fn is_cancel(method: &AMQPClass) -> bool {
    matches!(method, AMQPClass::Basic(basic::AMQPMethod::Cancel(_)))
}

/// The one value of the header `CC`.
fn copied_to(header: &AMQPContentHeader) -> String {
    let headers = header.properties.headers().as_ref().unwrap();
    match headers.inner().get("CC") {
        Some(AMQPValue::FieldArray(copies)) => match copies.as_slice() {
            [AMQPValue::LongString(one)] => one.to_string(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
