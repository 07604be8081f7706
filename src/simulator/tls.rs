//! The certificate of a simulated console, and the authority that signs it, which lives as long as the console.

use std::{net::IpAddr, sync::Arc};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{ServerConfig, SupportedProtocolVersion, pki_types::PrivateKeyDer};

use super::{SimulatorError, faults::CertificateKind};

/// The configuration of the server, and the certificate for clients to trust: the authority's, if there is one.
pub(super) fn make(
    listen: IpAddr,
    http2: bool,
    kind: CertificateKind,
) -> Result<(Arc<ServerConfig>, String), SimulatorError> {
    serve(certificate(listen, kind)?, http2, rustls::DEFAULT_VERSIONS)
}

/// The configuration of a server with a certificate of its own, in which no name stands: clients have to know it.
pub(super) fn make_bare(tls13: bool) -> Result<(Arc<ServerConfig>, String), SimulatorError> {
    let key = KeyPair::generate()?;
    let mut server = CertificateParams::new(Vec::new())?;
    server.distinguished_name.push(DnType::CommonName, "KLServer");
    bound(&mut server);
    let certificate = server.self_signed(&key)?;
    let trusted = certificate.pem();
    let versions: &[_] = if tls13 { rustls::DEFAULT_VERSIONS } else { &[&rustls::version::TLS12] };
    serve((certificate, trusted, key), false, versions)
}

fn serve(
    (certificate, trusted, key): (Certificate, String, KeyPair),
    http2: bool,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<(Arc<ServerConfig>, String), SimulatorError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok((Arc::new(config), trusted))
}

/// The server's certificate, the one to trust, and the server's key.
fn certificate(listen: IpAddr, kind: CertificateKind) -> Result<(Certificate, String, KeyPair), SimulatorError> {
    let mut names = vec!["127.0.0.1".to_owned(), "::1".to_owned(), "localhost".to_owned()];
    let own = listen.to_string();
    if !listen.is_unspecified() && !names.contains(&own) {
        names.push(own);
    }
    let key = KeyPair::generate()?;
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    bound(&mut server);
    if kind != CertificateKind::Ca {
        server.is_ca = match kind {
            // What `openssl req -x509` makes without further words.
            CertificateKind::SelfSignedCa => IsCa::Ca(BasicConstraints::Unconstrained),
            _ => IsCa::ExplicitNoCa,
        };
        let certificate = server.self_signed(&key)?;
        let trusted = certificate.pem();
        return Ok((certificate, trusted, key));
    }
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "edrctl simulated console");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    bound(&mut authority);
    let authority_certificate = authority.self_signed(&authority_key)?;

    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = server.signed_by(&key, &Issuer::from_params(&authority, &authority_key))?;
    Ok((certificate, authority_certificate.pem(), key))
}

/// Wide bounds, because the clocks of test machines are wrong.
fn bound(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
}
