//! Brokers that do not get as far as a delivery. One that delivers is a real one, elsewhere.

use std::time::Instant;

use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;

const PASSWORD: &str = "not-to-be-seen";

fn options(port: u16) -> AmqpOptions {
    AmqpOptions {
        host: "127.0.0.1".to_owned(),
        port,
        user: "user".to_owned(),
        password: Secret::new(PASSWORD),
        queue: "events".to_owned(),
        trust: Trust::Nothing,
        exclusive: true,
        plain: true,
        connect_timeout: CONNECT_TIMEOUT,
        heartbeat: HEARTBEAT,
    }
}

/// Serves every connection in the same way.
async fn serve<F: Future<Output = ()> + Send>(
    mut one: impl FnMut(TcpStream) -> F + Send + 'static,
) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            one(stream).await;
        }
    });
    (port, served)
}

async fn refusal(options: AmqpOptions) -> SourceError {
    AmqpSource::new(options).unwrap().open(10).await.unwrap_err()
}

/// A frame of a method on the connection itself.
fn method(class: u16, number: u16, arguments: &[u8]) -> Vec<u8> {
    let mut payload = [class.to_be_bytes(), number.to_be_bytes()].concat();
    payload.extend_from_slice(arguments);
    let mut frame = vec![1, 0, 0];
    frame.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&payload);
    frame.push(0xce);
    frame
}

/// Greets, and reads the credentials.
async fn greet(stream: &mut TcpStream) {
    let mut header = [0; 8];
    stream.read_exact(&mut header).await.unwrap();
    assert_eq!(&header, b"AMQP\0\0\x09\x01");
    let start = method(10, 10, b"\x00\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US");
    stream.write_all(&start).await.unwrap();
    let mut answer = [0; 4096];
    assert!(stream.read(&mut answer).await.unwrap() > 0);
}

#[tokio::test]
async fn nothing_that_listens_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = refusal(options(port)).await;
    assert_eq!(
        (error.kind, error.text),
        (SourceErrorKind::Unreachable, format!("nothing listens at 127.0.0.1:{port}"))
    );
}

#[tokio::test]
async fn a_broker_without_tls_is_not_spoken_to_unless_it_is_on_this_machine_and_a_test() {
    let (port, served) = serve(async |mut stream: TcpStream| {
        let mut first = [0; 4];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(first[0], 22, "not the beginning of TLS: {first:?}");
        stream.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
    })
    .await;
    let error = refusal(AmqpOptions { plain: false, ..options(port) }).await;
    assert_eq!(error.kind, SourceErrorKind::Unreachable);
    assert!(error.text.starts_with("no TLS connection: "), "{}", error.text);
    served.abort();

    let error = refusal(AmqpOptions { host: "192.0.2.1".to_owned(), ..options(port) }).await;
    assert_eq!(error.kind, SourceErrorKind::Refused);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_told_from_an_unreachable_broker() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (port, served) = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // Whether it is taken is asked on the other side. One that takes it is hung up on.
            drop(acceptor.accept(stream).await);
        }
    })
    .await;
    let other = KeyPair::generate().unwrap();
    let other = CertificateParams::new(vec!["elsewhere".to_owned()]).unwrap().self_signed(&other).unwrap();
    let trust = Trust::Only(other.pem());
    let error = refusal(AmqpOptions { plain: false, trust, ..options(port) }).await;
    assert_eq!(error.kind, SourceErrorKind::Certificate, "{error}");
    for trust in [Trust::Only(certificate.pem()), Trust::Nothing] {
        let error = refusal(AmqpOptions { plain: false, trust, ..options(port) }).await;
        assert_eq!(error.kind, SourceErrorKind::Unreachable, "{error}");
    }
    served.abort();
}

#[cfg(target_os = "linux")]
fn threads_of_lapin() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok());
    names.filter(|name| name.starts_with("lapin")).count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_broker_that_never_answers_costs_the_time_limit_and_no_thread() {
    let mut held = Vec::new();
    let (port, served) = serve(move |stream| {
        held.push(stream);
        async {}
    })
    .await;
    let limit = Duration::from_millis(100);
    let began = Instant::now();
    for _ in 0..4 {
        let error = refusal(AmqpOptions { connect_timeout: limit, ..options(port) }).await;
        assert_eq!(error.kind, SourceErrorKind::Unreachable);
        assert!(error.text.starts_with("no connection within "), "{error}");
    }
    assert!(began.elapsed() >= limit * 4);
    let patience = Instant::now() + Duration::from_secs(20);
    while threads_of_lapin() > 0 {
        assert!(Instant::now() < patience, "{} threads are left", threads_of_lapin());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    served.abort();
}

#[tokio::test]
async fn a_broker_that_hangs_up_on_the_credentials_again_and_again_refuses_them() {
    let (port, served) = serve(async |mut stream| greet(&mut stream).await).await;
    let mut source = AmqpSource::new(options(port)).unwrap();
    let mut kinds = Vec::new();
    for _ in 0..4 {
        let error = source.open(10).await.unwrap_err();
        assert!(error.text.contains("hangs up"), "{error}");
        assert!(!format!("{error:?}{source:?}").contains(PASSWORD));
        kinds.push(error.kind);
    }
    use SourceErrorKind::{Refused, Unreachable};
    assert_eq!(kinds, [Unreachable, Unreachable, Refused, Refused]);
    served.abort();
}

#[tokio::test]
async fn a_broker_that_is_cut_off_before_it_has_the_credentials_is_unreachable_for_ever() {
    let (port, served) = serve(async |stream: TcpStream| drop(stream)).await;
    let mut source = AmqpSource::new(options(port)).unwrap();
    for _ in 0..5 {
        assert_eq!(source.open(10).await.unwrap_err().kind, SourceErrorKind::Unreachable);
    }
    served.abort();
}

#[tokio::test]
async fn a_refusal_in_words_stops_it_at_once_and_says_what_to_do() {
    let (port, served) = serve(async |mut stream| {
        greet(&mut stream).await;
        let mut close = 403_u16.to_be_bytes().to_vec();
        close.extend_from_slice(b"\x0eACCESS_REFUSED\0\0\0\0");
        stream.write_all(&method(10, 50, &close)).await.unwrap();
        let mut rest = Vec::new();
        // The client says that it has heard, and hangs up.
        drop(stream.read_to_end(&mut rest).await);
    })
    .await;
    let error = refusal(options(port)).await;
    assert_eq!(error.kind, SourceErrorKind::Refused, "{error}");
    assert!(error.text.contains("ACCESS_REFUSED") && error.text.contains("make the stream anew"), "{error}");
    served.abort();
}
