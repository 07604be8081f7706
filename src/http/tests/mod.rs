//! What is made of a bad network, on real sockets.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::*;

mod pin;
mod presented;
mod trust;

/// Serves every connection as `serve` says, until it is dropped.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    Server { address, task }
}

/// Reads a request up to the end of its head.
async fn read_head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Reads a request, writes this, and closes.
async fn replying(answer: &'static str) -> Server {
    server(move |mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.ok();
        stream.shutdown().await.ok();
    })
    .await
}

fn options(trust: Trust) -> ClientOptions {
    ClientOptions { trust, timeout: Duration::from_secs(20), idle_connections: 4, proxy: false }
}

async fn ask(url: &str, options: &ClientOptions) -> Result<Response, HttpError> {
    let client = client(options).unwrap();
    let mut request = Request::new(Method::PUT, Url::parse(url).unwrap());
    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Basic aHVudGVyMg=="));
    let result = send(&client, request).await;
    if let Err(error) = &result {
        let told = format!("{error} {error:?}");
        assert!(!told.contains("aHVudGVyMg"), "{told}");
        assert!(!told.contains("secret-path"), "the URL is not repeated: {told}");
    }
    result
}

/// The error of a request to this server, over plain HTTP.
async fn error_of(server: &Server) -> HttpError {
    let url = format!("http://{}/secret-path", server.address);
    ask(&url, &options(Trust::System)).await.unwrap_err()
}

#[tokio::test]
async fn a_whole_answer_of_any_status_is_no_error() {
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        ("HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nok", 409),
        ("HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 500),
    ] {
        let server = replying(answer).await;
        let response = ask(&format!("http://{}/", server.address), &options(Trust::System)).await.unwrap();
        assert_eq!((response.status.as_u16(), response.body.as_slice()), (status, b"ok".as_slice()));
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable_and_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = ask(&format!("http://{address}/secret-path"), &options(Trust::System)).await.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Unreachable);
    assert!(!error.may_have_been_sent());
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_may_have_carried_the_request() {
    let closed = replying("").await;
    let reset = server(|mut stream| async move {
        read_head(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let half_a_head = replying("HTTP/1.1 200 OK\r\nContent-Le").await;
    for server in [closed, reset, half_a_head] {
        let error = error_of(&server).await;
        assert_eq!(error.kind(), HttpErrorKind::Cut, "{error}");
        assert!(error.may_have_been_sent());
    }
}

#[tokio::test]
async fn an_answer_that_ends_too_early_is_cut_and_not_half_believed() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":{}}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{\"data\":{}}\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x08\x08\x08",
    ] {
        let error = error_of(&replying(answer).await).await;
        assert_eq!(error.kind(), HttpErrorKind::Cut, "{error}");
        assert!(error.may_have_been_sent());
    }
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    let error = error_of(&replying("SSH-2.0-OpenSSH_9.2\r\n\r\n").await).await;
    assert_eq!(error.kind(), HttpErrorKind::Cut, "{error}");
    assert!(error.may_have_been_sent());
}

#[tokio::test]
async fn silence_and_slow_bodies_end_in_time_and_may_have_been_carried_out() {
    let silent = server(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let slow = server(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    for server in [silent, slow] {
        let options = ClientOptions { timeout: Duration::from_millis(150), ..options(Trust::System) };
        let error = ask(&format!("http://{}/secret-path", server.address), &options).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Timeout, "{error}");
        assert!(error.may_have_been_sent());
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = elsewhere.local_addr().unwrap();
    let redirecting = server(move |mut stream| async move {
        read_head(&mut stream).await;
        let answer = format!("HTTP/1.1 307 Go\r\nLocation: http://{location}/\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let response = ask(&format!("http://{}/", redirecting.address), &options(Trust::System)).await.unwrap();
    assert_eq!(response.status.as_u16(), 307);
    let mut accepting = Box::pin(elsewhere.accept());
    assert!(futures::poll!(&mut accepting).is_pending(), "somebody came with the credentials");
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let endless = server(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").await.unwrap();
        let block = vec![b' '; 1 << 20];
        while stream.write_all(&block).await.is_ok() {}
    })
    .await;
    let error = error_of(&endless).await;
    assert_eq!(error.kind(), HttpErrorKind::TooLarge, "{error}");
    assert!(error.may_have_been_sent());
}

#[tokio::test]
async fn a_request_says_who_asks_and_takes_compressed_answers() {
    let (heard, mut hearing) = tokio::sync::mpsc::unbounded_channel();
    let server = server(move |mut stream| {
        let heard = heard.clone();
        async move {
            heard.send(read_head(&mut stream).await).unwrap();
            stream.write_all(b"HTTP/1.1 204 No\r\n\r\n").await.unwrap();
        }
    })
    .await;
    ask(&format!("http://{}/a", server.address), &options(Trust::System)).await.unwrap();
    let head = hearing.recv().await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("put /a http/1.1\r\n"), "{head}");
    assert!(head.contains(concat!("user-agent: edrctl/", env!("CARGO_PKG_VERSION"))), "{head}");
    assert!(head.contains("accept-encoding: gzip"), "{head}");
    assert!(!head.contains("referer"), "{head}");
}

/// An authority of this name, and a certificate of its own for `name` that is valid from 2020 until the end of `until`.
fn certificate_by(authority_name: &str, name: &str, until: i32) -> (Arc<ServerConfig>, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, authority_name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 12, 31);
    let certificate = params.signed_by(&key, &Issuer::from_params(&authority, &authority_key)).unwrap();
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    (Arc::new(config), pem)
}

fn certificate(name: &str, until: i32) -> (Arc<ServerConfig>, String) {
    certificate_by("an authority", name, until)
}

async fn tls_server(config: Arc<ServerConfig>) -> Server {
    server(move |stream| {
        let acceptor = TlsAcceptor::from(Arc::clone(&config));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await
}

#[tokio::test]
async fn a_certificate_that_is_not_to_be_trusted_is_told_and_nothing_was_sent() {
    let (stranger, _) = certificate_by("a stranger", "127.0.0.1", 2090);
    let (made_anew, _) = certificate("127.0.0.1", 2090);
    let (other_name, other_ca) = certificate("console.example", 2090);
    let (expired, expired_ca) = certificate("127.0.0.1", 2021);
    let (_, ca) = certificate("127.0.0.1", 2090);
    for (config, ca, words) in [
        (stranger, ca.clone(), "issuer"),
        (made_anew, ca, "not signed by the authority"),
        (other_name, other_ca, "another name"),
        (expired, expired_ca, "expired"),
    ] {
        let server = tls_server(config).await;
        let url = format!("https://{}/secret-path", server.address);
        let error = ask(&url, &options(Trust::Only(ca))).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Certificate, "{error}");
        assert!(!error.may_have_been_sent());
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(ask(&url, &options(Trust::Nothing)).await.unwrap().body, b"ok", "unless nothing is verified");
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_from_its_text_and_from_its_file() {
    let (config, pem) = certificate("127.0.0.1", 2090);
    let server = tls_server(config).await;
    let url = format!("https://{}/", server.address);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, format!("# our own\n{pem}")).unwrap();
    for trust in [Trust::Only(pem), Trust::SystemAnd(file)] {
        assert_eq!(ask(&url, &options(trust)).await.unwrap().body, b"ok");
    }
}

#[test]
fn an_authoritys_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem");
    let error = client(&options(Trust::SystemAnd(missing.clone()))).unwrap_err();
    assert!(matches!(&error, ClientError::ReadCa { path, .. } if *path == missing), "{error:?}");
    for content in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let file = folder.path().join("bad.pem");
        std::fs::write(&file, content).unwrap();
        assert!(client(&options(Trust::SystemAnd(file))).is_err(), "{content:?}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_unreachable_and_was_sent_nothing() {
    let server = server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nplain HTTP only").await.ok();
        stream.shutdown().await.ok();
    })
    .await;
    let url = format!("https://{}/secret-path", server.address);
    let error = ask(&url, &options(Trust::System)).await.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Unreachable, "{error}");
    assert!(!error.may_have_been_sent());
}

/// Some middleboxes drop a greeting that does not fit into one packet, and old consoles sit behind them.
#[tokio::test]
async fn the_greeting_of_tls_fits_into_one_packet() {
    let pin = Pin::parse(&"00".repeat(32)).unwrap();
    for trust in [Trust::System, Trust::Pinned { pin, ca_file: None }] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let asking = tokio::spawn(async move { ask(&url, &options(trust)).await });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut record = [0; 5];
        stream.read_exact(&mut record).await.unwrap();
        drop(stream);
        assert_eq!(record[0], 22, "a handshake");
        let length = u16::from_be_bytes([record[3], record[4]]);
        assert!(length < 600, "{length} bytes");
        assert!(asking.await.unwrap().is_err());
    }
}
