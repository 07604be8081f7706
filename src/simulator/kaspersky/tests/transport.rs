//! Connections, paths, bodies, and what the certificate is.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

#[tokio::test]
async fn the_certificate_is_the_servers_own_and_has_no_name() {
    let room = Room::closed(Fleet::of_size(1), "").await;
    assert!(room.console.is_pinned());
    let one = room.console.ca_pem();
    let other = Room::closed(Fleet::of_size(1), "").await;
    assert_ne!(one, other.console.ca_pem(), "a second console has a second certificate");
    let (_, pem) = x509_parser::pem::parse_x509_pem(one.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    assert_eq!(certificate.subject(), certificate.issuer());
    assert!(certificate.subject_alternative_name().unwrap().is_none());
    // A client that goes by names and authorities gets nowhere.
    let trusting = Client::builder().tls_certs_only([reqwest::Certificate::from_pem(one.as_bytes()).unwrap()]);
    let refused = trusting.no_proxy().build().unwrap().post(room.url("Session.Ping")).send().await;
    assert!(refused.unwrap_err().is_connect());
    let named = Room::closed(Fleet::of_size(1), "kaspersky.bare_certificate = false").await;
    assert!(!named.console.is_pinned());
    let client = crate::simulator::tests::client(&named.console).build().unwrap();
    assert_eq!(client.post(named.url("Session.Ping")).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_ready_configuration_names_the_certificate_and_the_account() {
    let room = Room::closed(Fleet::of_size(1), "").await;
    let text = room.console.ready_config(std::path::Path::new("/tmp/klserver.pem"));
    let table: toml::Table = text.parse().unwrap();
    let section = table["kaspersky"].as_table().unwrap();
    assert_eq!(section["url"].as_str(), Some(room.console.base_url()));
    assert_eq!((section["user"].as_str(), section["password"].as_str()), (Some(USER), Some(PASSWORD)));
    assert_eq!(section["certificate"].as_str(), Some("/tmp/klserver.pem"));
    assert_eq!((section["internal_user"].as_bool(), section.len()), (Some(true), 5));
    let faults = "[kaspersky]\nbare_certificate = false\naccount = 'os'\nvirtual_server = 'Branch'\n";
    let room = Room::closed(Fleet::of_size(1), faults).await;
    let table: toml::Table = room.console.ready_config(std::path::Path::new("ca.pem")).parse().unwrap();
    let section = table["kaspersky"].as_table().unwrap();
    assert_eq!((section["ca_file"].as_str(), section["internal_user"].as_bool()), (Some("ca.pem"), Some(false)));
    assert_eq!((section["domain"].as_str(), section["virtual_server"].as_str()), (Some("CORP"), Some("Branch")));
    let random = Credentials::random(Model::Kaspersky).unwrap();
    assert!(random.client_id.starts_with("svc-response-"), "{random:?}");
}

#[tokio::test]
async fn paths_are_spelt_exactly_and_only_posted_to() {
    let room = Room::of(1, "").await;
    let status = async |method: &str| room.call(method, json!({})).await.status;
    assert_eq!(status("Session.Ping").await, 200);
    assert_eq!(status("Inst-1.Session.Ping").await, 200, "an instance may stand before the class");
    for wrong in ["session.Ping", "Session.ping", "Session.Pong", "Ping", "Session/Ping", "../v1.0/Session.Ping/", ""] {
        assert_eq!(status(wrong).await, 404, "{wrong}");
    }
    let get = Reply::of(room.client.get(room.url("Session.Ping")).header("X-KSC-Session", &room.session)).await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"));
    assert_eq!(
        Reply::of(room.client.post(format!("{}/api/v2.0/Session.Ping", room.console.base_url()))).await.status,
        404
    );
}

#[tokio::test]
async fn a_body_is_json_or_not_there() {
    let room = Room::of(1, "").await;
    let sent = async |kind: Option<&str>, body: &str| {
        let request = room.post("Session.Ping").header("X-KSC-Session", &room.session).body(body.to_owned());
        Reply::of(if let Some(kind) = kind { request.header("Content-Type", kind) } else { request }).await.status
    };
    assert_eq!(sent(None, "").await, 200);
    assert_eq!(sent(None, "{}").await, 200);
    assert_eq!(sent(Some("application/json; charset=utf-8"), "{}").await, 200);
    for (kind, body) in [
        (Some("application/json"), "{"),
        (Some("application/json"), "[]"),
        (Some("text/plain"), "{}"),
        (Some("application/x-www-form-urlencoded"), "a=1"),
    ] {
        assert_eq!(sent(kind, body).await, 400, "{kind:?} {body}");
    }
}

#[tokio::test]
async fn long_answers_are_compressed_for_whoever_asks() {
    let room = Room::of(300, "").await;
    let found = room.call("HostGroup.FindHosts", search("")).await;
    let arguments = json!({"strAccessor": found.at("/strAccessor"), "nStart": 0, "nCount": 300});
    let plain = room.call("ChunkAccessor.GetItemsChunk", arguments.clone()).await;
    let request = room.request("ChunkAccessor.GetItemsChunk", &arguments).header("Accept-Encoding", "gzip, deflate");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let packed = response.bytes().await.unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), plain.json());
}

/// A connection on which bytes are written by hand, with this version of TLS.
async fn by_hand(
    console: &Console,
    version: &'static rustls::SupportedProtocolVersion,
) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = std::sync::Arc::new(Anyone(std::sync::Arc::clone(&provider)));
    let config = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let config = config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(console.base_url().strip_prefix("https://").unwrap()).await?;
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await
}

#[derive(Debug)]
struct Anyone(std::sync::Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test]
async fn tls_1_3_is_a_switch() {
    let room = Room::closed(Fleet::of_size(1), "").await;
    by_hand(&room.console, &rustls::version::TLS12).await.unwrap();
    by_hand(&room.console, &rustls::version::TLS13).await.unwrap_err();
    let room = Room::closed(Fleet::of_size(1), "kaspersky.tls13 = true").await;
    by_hand(&room.console, &rustls::version::TLS13).await.unwrap();
}

#[tokio::test]
async fn a_connection_has_one_request_under_way() {
    let room = Room::of(1, "latency = '30ms'").await;
    let request = format!(
        "POST /api/v1.0/Session.Ping HTTP/1.1\r\nHost: localhost\r\nX-KSC-Session: {}\r\nContent-Length: 2\r\n\r\n{{}}",
        room.session
    );
    let mut stream = by_hand(&room.console, &rustls::version::TLS12).await.unwrap();
    stream.write_all(request.repeat(3).as_bytes()).await.unwrap();
    let mut text = String::new();
    while text.matches("HTTP/1.1 200").count() < 3 {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(count > 0, "{text}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    assert_eq!(room.console.stats().most_in_flight(), 1);
}
