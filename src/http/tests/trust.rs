//! Which certificates are accepted, and which are not.

use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::PublicKeyData as _;
use rustls::{
    pki_types::CertificateDer,
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use sha2::{Digest as _, Sha256};

use super::*;

/// A certificate and its key.
pub(super) struct Identity {
    pub(super) der: CertificateDer<'static>,
    pub(super) pem: String,
    pub(super) key: KeyPair,
    pub(super) params: CertificateParams,
}

/// A self-signed certificate for 127.0.0.1 until 2090, with these changes.
pub(super) fn identity(change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 12, 31);
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    Identity { der: certificate.der().clone(), pem: certificate.pem(), key, params }
}

/// What `openssl req -x509` makes.
fn authority_of_itself(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn expired_and_for_another_name(params: &mut CertificateParams) {
    *params = CertificateParams::new(vec!["elsewhere.example".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
}

pub(super) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Identity {
    pub(super) fn key_hash(&self) -> String {
        hex(&self.key.subject_public_key_info())
    }

    fn pinned(&self) -> Trust {
        Trust::Pinned { pin: Pin::parse(&self.key_hash()).unwrap(), ca_file: None }
    }
}

/// Presents this certificate and signs with this key, whether or not they belong together.
pub(super) fn presenting(der: &CertificateDer<'static>, key: &KeyPair, tls12_only: bool) -> Arc<ServerConfig> {
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private).unwrap();
    let versions = if tls12_only { vec![&TLS12] } else { vec![&TLS13, &TLS12] };
    let certified = CertifiedKey::new(vec![der.clone()], signing);
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Answers every request with the version of HTTP that it came in.
async fn console(config: Arc<ServerConfig>) -> Server {
    server(move |stream| {
        let acceptor = TlsAcceptor::from(Arc::clone(&config));
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request: hyper::Request<Incoming>| async move {
                let told = format!("{:?}", request.version());
                Ok::<_, std::convert::Infallible>(hyper::Response::new(told))
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // How the conversation ends is the client's business.
            builder.serve_connection(TokioIo::new(stream), service).await.ok();
        }
    })
    .await
}

async fn asked(identity: &Identity, trust: Trust) -> Result<Response, HttpError> {
    let server = console(presenting(&identity.der, &identity.key, false)).await;
    ask(&format!("https://{}/secret-path", server.address), &options(trust)).await
}

async fn is_accepted(identity: &Identity, trust: Trust) {
    let told = format!("{trust:?}");
    let answer = asked(identity, trust).await;
    let body = answer.unwrap_or_else(|error| panic!("{told}: {error}")).body;
    assert_eq!(body, b"HTTP/2.0", "{told}: the newest version is negotiated under every trust");
}

async fn is_refused(identity: &Identity, trust: Trust, words: &str) {
    let told = format!("{trust:?}");
    let error = asked(identity, trust).await.expect_err(&told);
    assert_eq!(error.kind(), HttpErrorKind::Certificate, "{told}: {error}");
    assert!(!error.may_have_been_sent());
    assert!(error.to_string().contains(words), "{told}: {error}");
}

/// Files that live as long as a test.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

#[tokio::test]
async fn the_pin_of_the_key_or_of_the_certificate_is_enough() {
    for identity in [identity(|_| {}), identity(expired_and_for_another_name), identity(authority_of_itself)] {
        is_accepted(&identity, identity.pinned()).await;
        let pin = Pin::parse(&hex(&identity.der)).unwrap();
        is_accepted(&identity, Trust::Pinned { pin, ca_file: None }).await;
    }
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused_and_told() {
    let (pinned, other) = (identity(|_| {}), identity(|_| {}));
    is_refused(&other, pinned.pinned(), "its public key is not the one that is pinned").await;
    is_refused(&other, pinned.pinned(), &format!("sha256:{}", other.key_hash())).await;
}

#[tokio::test]
async fn a_pin_of_an_authority_is_no_pin_of_what_it_issues() {
    let authority = identity(authority_of_itself);
    let issued = issued_by(&authority);
    is_refused(&issued, authority.pinned(), "not the one that is pinned").await;
}

/// A certificate for 127.0.0.1 that this authority has issued.
fn issued_by(authority: &Identity) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a console");
    let issuer = Issuer::from_params(&authority.params, &authority.key);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    Identity { der: certificate.der().clone(), pem: certificate.pem(), key, params }
}

#[tokio::test]
async fn with_a_pin_and_a_file_both_must_hold() {
    let room = Room::new();
    let authority = identity(authority_of_itself);
    let issued = issued_by(&authority);
    let right = room.file("right.pem", &authority.pem);
    let wrong = room.file("wrong.pem", identity(authority_of_itself).pem);
    let both = |pin: &Identity, file: &std::path::PathBuf| match pin.pinned() {
        Trust::Pinned { pin, .. } => Trust::Pinned { pin, ca_file: Some(file.clone()) },
        other => other,
    };
    is_accepted(&issued, both(&issued, &right)).await;
    is_refused(&issued, both(&authority, &right), "pinned").await;
    let error = asked(&issued, both(&issued, &wrong)).await.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Certificate, "{error}");
    assert!(!error.to_string().contains("pinned"), "the file is what is wrong: {error}");
}

/// A certificate is public: whoever has seen it can present it.
#[tokio::test]
async fn whoever_presents_the_right_certificate_without_its_key_is_refused() {
    let room = Room::new();
    let (console, attacker) = (identity(|_| {}), identity(|_| {}));
    let file = room.file("console.pem", &console.pem);
    for tls12_only in [false, true] {
        let server = tls_server(presenting(&console.der, &attacker.key, tls12_only)).await;
        let url = format!("https://{}/secret-path", server.address);
        for trust in [console.pinned(), Trust::Exactly(file.clone()), Trust::SystemAnd(file.clone())] {
            let told = format!("{trust:?}, TLS 1.2 only: {tls12_only}");
            let error = ask(&url, &options(trust)).await.expect_err(&told);
            assert_eq!(error.kind(), HttpErrorKind::Certificate, "{told}: {error}");
            assert!(!error.may_have_been_sent());
            assert!(error.to_string().contains("does not hold its key"), "{told}: {error}");
        }
    }
}

#[tokio::test]
async fn exactly_one_of_a_files_certificates_is_accepted_whatever_it_says() {
    let room = Room::new();
    let odd = identity(expired_and_for_another_name);
    let issuing = identity(authority_of_itself);
    let file = room.file("console.cer", &odd.der);
    let several = room.file("several.pem", format!("{}{}", issuing.pem, odd.pem));
    is_accepted(&odd, Trust::Exactly(file.clone())).await;
    is_accepted(&odd, Trust::Exactly(several.clone())).await;
    let stranger = identity(|_| {});
    is_refused(&stranger, Trust::Exactly(file), "it is not the one in the file").await;
    let issued = issued_by(&issuing);
    is_refused(&issued, Trust::Exactly(several.clone()), &hex(&issued.der)).await;
    // The same key and the same words, but made another time.
    let mut params = odd.params.clone();
    params.not_after = date_time_ymd(2003, 1, 1);
    let again = params.self_signed(&odd.key).unwrap();
    let again = Identity { der: again.der().clone(), pem: again.pem(), key: odd.key, params };
    is_refused(&again, Trust::Exactly(several), "it is not the one in the file").await;
}

#[tokio::test]
async fn a_file_may_hold_the_consoles_own_certificate() {
    let room = Room::new();
    let authority = identity(authority_of_itself);
    for identity in [identity(authority_of_itself), identity(|_| {}), issued_by(&authority)] {
        is_accepted(&identity, Trust::SystemAnd(room.file("own.pem", &identity.pem))).await;
        is_accepted(&identity, Trust::SystemAnd(room.file("own.der", &identity.der))).await;
    }
    let both = room.file("both.pem", format!("{}{}", authority.pem, identity(|_| {}).pem));
    is_accepted(&issued_by(&authority), Trust::SystemAnd(both)).await;
}

#[tokio::test]
async fn the_consoles_own_certificate_must_still_be_for_this_name_and_this_day() {
    let room = Room::new();
    let other_name = identity(|params| {
        *params = CertificateParams::new(vec!["127.0.0.2".to_owned(), "localhost".to_owned()]).unwrap();
        authority_of_itself(params);
    });
    let expired = identity(|params| {
        authority_of_itself(params);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = identity(|params| {
        authority_of_itself(params);
        params.not_before = date_time_ymd(2089, 1, 1);
    });
    for (identity, words) in [(other_name, "another name"), (expired, "expired"), (early, "not valid yet")] {
        is_refused(&identity, Trust::SystemAnd(room.file("own.pem", &identity.pem)), words).await;
    }
}

#[tokio::test]
async fn an_authority_in_a_servers_place_that_is_not_in_the_file_is_refused_in_clear_words() {
    let room = Room::new();
    let file = room.file("another.pem", identity(authority_of_itself).pem);
    is_refused(&identity(authority_of_itself), Trust::SystemAnd(file), "CA's own certificate").await;
}

#[tokio::test]
async fn the_newest_version_is_negotiated_under_the_other_trusts_too() {
    let authority = identity(authority_of_itself);
    let issued = issued_by(&authority);
    is_accepted(&issued, Trust::Only(authority.pem)).await;
    is_accepted(&issued, Trust::Nothing).await;
}

/// Where the operating system has no store, as in a bare container. The store is named in the environment, so this is
/// another process.
#[test]
fn a_machine_without_a_store_has_the_certificates_that_it_was_given() {
    let room = Room::new();
    let empty = room.file("none.pem", "");
    let own = concat!(module_path!(), "::a_file_may_hold_the_consoles_own_certificate");
    let own = own.split_once("::").unwrap().1;
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", own])
        .env("SSL_CERT_FILE", &empty)
        .env("SSL_CERT_DIR", room.0.path().join("nothing"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
fn a_file_that_cannot_be_used_is_named_under_every_trust() {
    let room = Room::new();
    let pin = Pin::parse(&hex(b"")).unwrap();
    let trusts = |path: std::path::PathBuf| {
        [Trust::SystemAnd(path.clone()), Trust::Exactly(path.clone()), Trust::Pinned { pin, ca_file: Some(path) }]
    };
    for trust in trusts(room.0.path().join("missing.pem")) {
        assert!(matches!(tls_config(&trust), Err(ClientError::ReadCa { .. })));
        assert!(matches!(client(&options(trust)), Err(ClientError::ReadCa { .. })));
    }
    for trust in trusts(room.file("bad.pem", "hello")) {
        assert!(matches!(tls_config(&trust), Err(ClientError::BadCa { .. })));
        assert!(matches!(client(&options(trust)), Err(ClientError::BadCa { .. })));
    }
}

#[test]
fn what_is_not_http_offers_no_version_of_it_under_any_trust() {
    let room = Room::new();
    let pin = Pin::parse(&hex(b"")).unwrap();
    let pem = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let path = room.file("ca.pem", &pem);
    let trusts = [
        Trust::System,
        Trust::SystemAnd(path.clone()),
        Trust::Pinned { pin, ca_file: None },
        Trust::Pinned { pin, ca_file: Some(path.clone()) },
        Trust::Exactly(path),
        Trust::Only(pem),
        Trust::Nothing,
    ];
    for trust in trusts {
        assert!(tls_config(&trust).unwrap().alpn_protocols.is_empty(), "{trust:?}");
    }
}

#[tokio::test]
async fn clients_of_one_connection_trust_the_same_and_speak_the_older_version() {
    let room = Room::new();
    let odd = identity(expired_and_for_another_name);
    let server = console(presenting(&odd.der, &odd.key, false)).await;
    let url = Url::parse(&format!("https://{}/", server.address)).unwrap();
    let file = room.file("console.cer", &odd.der);
    for (trust, accepted) in [
        (Trust::Exactly(file), true),
        (odd.pinned(), true),
        (Trust::Nothing, true),
        (Trust::System, false),
        (identity(|_| {}).pinned(), false),
    ] {
        let told = format!("{trust:?}");
        let clients = SingleClients::new(&options(trust)).unwrap();
        for client in [clients.client().unwrap(), clients.client().unwrap()] {
            match send(&client, Request::new(Method::POST, url.clone())).await {
                Ok(answer) => assert!(accepted && answer.body == b"HTTP/1.1", "{told}: {answer:?}"),
                Err(error) => assert!(!accepted && error.kind() == HttpErrorKind::Certificate, "{told}: {error}"),
            }
        }
    }
}
