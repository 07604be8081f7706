//! Judges the certificate that a console presents, where the TLS library's own judgement is not the one asked for.
//!
//! Only which certificate is accepted is decided here. That the peer holds the key to it is always verified.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{Pin, x509};

/// Says yes or no to a certificate. It need not look at the handshake's signature: that is looked at in any case.
pub(super) trait Judge: std::fmt::Debug + Send + Sync {
    /// Whether a certificate is accepted for a name, now.
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error>;
}

/// A certificate that was named beforehand, or else whatever the ordinary judgement accepts.
#[derive(Debug)]
pub(super) struct Named {
    certificates: Vec<CertificateDer<'static>>,
    ordinary: Arc<dyn ServerCertVerifier>,
}

impl Named {
    /// The certificates of a file, beside the operating system's store.
    pub(super) fn beside_the_system(certificates: Vec<CertificateDer<'static>>) -> Result<Self, Error> {
        let extra = certificates.iter().cloned();
        let ordinary: Arc<dyn ServerCertVerifier> =
            match rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider()) {
                Ok(verifier) => Arc::new(verifier),
                // A machine without a store of its own still has the certificates that it was given.
                Err(_) => only(&certificates)?,
            };
        Ok(Self { certificates, ordinary })
    }

    /// The certificates of a file and nothing else.
    pub(super) fn alone(certificates: Vec<CertificateDer<'static>>) -> Result<Self, Error> {
        let ordinary = only(&certificates)?;
        Ok(Self { certificates, ordinary })
    }
}

/// The ordinary judgement, with these authorities.
fn only(certificates: &[CertificateDer<'static>]) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone())?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| Error::Other(OtherError(Arc::new(error))))
}

impl Judge for Named {
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        if !self.certificates.contains(leaf) {
            return self.ordinary.verify_server_cert(leaf, others, name, &[], now).map(drop);
        }
        // Who has signed it, and whether it calls itself an authority, does not matter: it is the very one.
        let validity = x509::validity(leaf).ok_or(CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < validity.not_before {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > validity.not_after {
            return Err(CertificateError::Expired.into());
        }
        verify_server_name(&ParsedCertificate::try_from(leaf)?, name)
    }
}

/// A certificate with the pinned key, and with nothing else that is right, unless that is asked for.
#[derive(Debug)]
pub(super) struct Pinned {
    /// The key.
    pub(super) pin: Pin,
    /// What must hold as well.
    pub(super) and: Option<Named>,
}

impl Judge for Pinned {
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        if !self.pin.fits(leaf)? {
            return Err(refused(Refusal::Pin(Pin::of_public_key(leaf)?)));
        }
        self.and.as_ref().map_or(Ok(()), |and| and.judge(leaf, others, name, now))
    }
}

/// One of these certificates, to the byte.
#[derive(Debug)]
pub(super) struct Exactly(pub(super) Vec<CertificateDer<'static>>);

impl Judge for Exactly {
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: UnixTime,
    ) -> Result<(), Error> {
        if self.0.contains(leaf) { Ok(()) } else { Err(refused(Refusal::Certificate(Pin::of(leaf)))) }
    }
}

/// Whatever is presented.
#[derive(Debug)]
pub(super) struct Anything;

impl Judge for Anything {
    fn judge(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: UnixTime,
    ) -> Result<(), Error> {
        Ok(())
    }
}

/// Why a certificate is refused, beside the reasons that the TLS library has.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("its public key is not the one that is pinned (presented: sha256:{0})")]
    Pin(Pin),
    #[error("it is not the one in the file (presented: sha256:{0})")]
    Certificate(Pin),
    #[error("whoever presents it does not hold its key")]
    Key,
}

fn refused(why: Refusal) -> Error {
    CertificateError::Other(OtherError(Arc::new(why))).into()
}

/// The TLS library has one word for a certificate and for a handshake that is not signed as it should be.
fn handshake(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => refused(Refusal::Key),
        other => other,
    }
}

/// A client's side of TLS that asks this judge.
pub(super) fn config(judge: impl Judge + 'static) -> Result<ClientConfig, Error> {
    let algorithms = provider().signature_verification_algorithms;
    let verifier = Verifier { judge: Box::new(judge), algorithms };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A finished configuration is taken as it is, so nobody else would offer these.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The seam to the TLS library: the certificate is the judge's, the handshake's signature is the library's.
#[derive(Debug)]
struct Verifier {
    judge: Box<dyn Judge>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge.judge(leaf, others, name, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.algorithms).map_err(handshake)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.algorithms).map_err(handshake)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
