//! The syslog sink against receivers on real sockets.

use bytes::Bytes;
use rcgen::{CertificateParams, KeyPair};
use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::*;

fn batch(ids: &[u64]) -> Vec<ConsoleEvent> {
    ids.iter().map(|id| ConsoleEvent::new(Bytes::from(format!("{{\"id\":{id},\"t\":\"ü\"}}")))).collect()
}

fn options(port: u16, link: Link) -> SyslogOptions {
    let timeout = Duration::from_secs(20);
    SyslogOptions { host: "127.0.0.1".to_owned(), port, link, format: Format::Raw, facility: LOCAL0, timeout }
}

/// Reads one message by its length, and gives its event's id.
async fn read_id(stream: &mut (impl AsyncRead + Unpin)) -> u64 {
    let mut length = 0;
    loop {
        match stream.read_u8().await.unwrap() {
            b' ' => break,
            digit => length = length * 10 + usize::from(digit - b'0'),
        }
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await.unwrap();
    let message = String::from_utf8(message).unwrap();
    let (_, json) = message.split_once('\u{feff}').unwrap();
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    value["id"].as_u64().unwrap()
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn messages_arrive_in_order_each_with_its_length() {
    let (listener, port) = listener().await;
    let mut sink = SyslogSink::new(options(port, Link::Tcp));
    assert_eq!(sink.name(), format!("syslog://127.0.0.1:{port}"));
    sink.begin(None).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    sink.keep(&batch(&[1, 2])).await.unwrap();
    sink.keep(&batch(&[3])).await.unwrap();
    for id in 1..=3 {
        assert_eq!(read_id(&mut stream).await, id);
    }
    sink.close().await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn after_a_broken_connection_the_last_batch_goes_again() {
    let (listener, port) = listener().await;
    let mut sink = SyslogSink::new(options(port, Link::Tcp));
    sink.begin(None).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    sink.keep(&batch(&[1])).await.unwrap();
    assert_eq!(read_id(&mut stream).await, 1);
    sink.keep(&batch(&[2])).await.unwrap();
    // It ends with the second batch unread.
    drop(stream);
    wait_until_gone(&mut sink).await;
    sink.keep(&batch(&[3])).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(read_id(&mut stream).await, 2);
    assert_eq!(read_id(&mut stream).await, 3);
}

/// Waits until the system knows that the receiver has gone.
async fn wait_until_gone(sink: &mut SyslogSink) {
    let Some(Open::Stream(Stream::Plain(stream))) = &mut sink.open else { panic!("not connected") };
    stream.readable().await.unwrap();
}

#[tokio::test]
async fn while_nobody_listens_it_is_tried_again_and_nothing_is_forgotten() {
    let (first, port) = listener().await;
    let mut sink = SyslogSink::new(options(port, Link::Tcp));
    sink.begin(None).await.unwrap();
    let (stream, _) = first.accept().await.unwrap();
    sink.keep(&batch(&[1])).await.unwrap();
    drop((stream, first));
    wait_until_gone(&mut sink).await;
    for _ in 0..2 {
        assert_eq!(sink.keep(&batch(&[2])).await.unwrap_err().then, Then::Again(None));
    }
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    sink.keep(&batch(&[2])).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(read_id(&mut stream).await, 1);
    assert_eq!(read_id(&mut stream).await, 2);
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_is_left_in_time() {
    let (listener, port) = listener().await;
    let mut sink = SyslogSink::new(options(port, Link::Tcp));
    sink.begin(None).await.unwrap();
    let _stream = listener.accept().await.unwrap();
    let large = ConsoleEvent::new(Bytes::from(vec![b'x'; 16 << 20]));
    tokio::time::pause();
    let error = sink.keep(&[large]).await.unwrap_err();
    assert_eq!(error.then, Then::Again(None));
    assert!(error.text.ends_with("the receiver takes nothing"), "{error}");
}

fn certificate() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(own.der().clone()).unwrap();
    (Arc::new(server), client(roots))
}

fn client(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Accepts one connection, reads these ids and its end.
async fn read_over_tls(tls: Arc<ServerConfig>, stream: TcpStream, ids: &[u64]) -> Option<()> {
    let mut stream = TlsAcceptor::from(tls).accept(stream).await.ok()?;
    for id in ids {
        assert_eq!(read_id(&mut stream).await, *id);
    }
    (stream.read(&mut [0]).await.ok()? == 0).then_some(())
}

#[tokio::test]
async fn over_tls_it_arrives_and_the_certificate_is_judged() {
    let (server, trusting) = certificate();
    let (listener, port) = listener().await;
    let reading = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let first = read_over_tls(Arc::clone(&server), stream, &[1, 2]).await;
        let (stream, _) = listener.accept().await.unwrap();
        (first, read_over_tls(server, stream, &[]).await)
    });
    let mut sink = SyslogSink::new(options(port, Link::Tls(trusting)));
    sink.begin(None).await.unwrap();
    sink.keep(&batch(&[1])).await.unwrap();
    sink.keep(&batch(&[2])).await.unwrap();
    sink.close().await.unwrap();
    let (_, other) = certificate();
    let error = SyslogSink::new(options(port, Link::Tls(other))).begin(None).await.unwrap_err();
    assert_eq!(error.then, Then::Stop, "{error}");
    assert_eq!(reading.await.unwrap(), (Some(()), None));
}

#[tokio::test]
async fn a_datagram_has_one_message_and_is_cut_to_the_limit() {
    let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = receiver.local_addr().unwrap().port();
    let mut sink = SyslogSink::new(options(port, Link::Udp(40)));
    sink.begin(None).await.unwrap();
    sink.keep(&batch(&[1, 7_312_450_098_812_341_999])).await.unwrap();
    let mut datagram = [0; 100];
    let size = receiver.recv(&mut datagram).await.unwrap();
    assert!(datagram[..size].starts_with(b"<134>1 - - edrctl - - - "));
    let size = receiver.recv(&mut datagram).await.unwrap();
    assert!(size <= 40 && datagram[..size].ends_with(b"[cut]"), "{size}");
    drop(receiver);
    // The first datagram is sent before the refusal of it is heard.
    let error = loop {
        if let Err(error) = sink.keep(&batch(&[2])).await {
            break error;
        }
    };
    assert_eq!(error.then, Then::Again(None));
}
