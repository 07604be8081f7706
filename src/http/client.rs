//! The only place where a client is built: trust, proxy, time limits, user agent.

use std::{path::PathBuf, time::Duration};

use reqwest::{Certificate, Client, redirect::Policy, tls::Version};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

/// How a console's certificate is to be trusted.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// By the operating system's store.
    #[default]
    System,
    /// By the operating system's store and a private CA in PEM.
    SystemAnd(PathBuf),
    /// By this PEM alone: the embedded simulator's own CA.
    Only(String),
    /// Not at all. The caller warns on every run.
    Nothing,
}

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How the certificate is trusted.
    pub trust: Trust,
    /// The time for one request, from the first byte out to the last byte in.
    pub timeout: Duration,
    /// Connections that are kept open while idle: at least the number of requests in flight.
    pub idle_connections: usize,
    /// Whether `HTTPS_PROXY` and `NO_PROXY` are honoured; off for the embedded simulator.
    pub proxy: bool,
}

/// A connection that is not made within this time is not made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds a client.
///
/// # Errors
///
/// When the private CA cannot be read, or the TLS library cannot be set up.
pub fn client(options: &ClientOptions) -> Result<Client, ClientError> {
    install_provider();
    let base = || {
        let builder = Client::builder()
            .user_agent(concat!("edrctl/", env!("CARGO_PKG_VERSION")))
            // A redirect would carry the credentials to a place that nobody has named.
            .redirect(Policy::none())
            .referer(false)
            .tls_version_min(Version::TLS_1_2)
            .connect_timeout(CONNECT_TIMEOUT.min(options.timeout))
            .timeout(options.timeout)
            .pool_max_idle_per_host(options.idle_connections)
            .pool_idle_timeout(Duration::from_secs(50))
            .tcp_nodelay(true)
            .retry(reqwest::retry::never());
        if options.proxy { builder } else { builder.no_proxy() }
    };
    match &options.trust {
        Trust::System => base().build().map_err(ClientError::Build),
        Trust::SystemAnd(path) => {
            let pem = std::fs::read(path).map_err(|source| ClientError::ReadCa { path: path.clone(), source })?;
            let certificates = bundle(&pem).ok_or_else(|| ClientError::BadCa { path: path.clone() })?;
            // A machine without a store of its own still has the CA that it was given.
            base()
                .tls_certs_merge(certificates.clone())
                .build()
                .or_else(|_| base().tls_certs_only(certificates).build())
                .map_err(ClientError::Build)
        }
        Trust::Only(pem) => {
            let certificates =
                bundle(pem.as_bytes()).ok_or_else(|| ClientError::BadCa { path: PathBuf::from("(built in)") })?;
            base().tls_certs_only(certificates).build().map_err(ClientError::Build)
        }
        Trust::Nothing => base().tls_danger_accept_invalid_certs(true).build().map_err(ClientError::Build),
    }
}

/// Reads the certificates of a PEM file; a DER file holds one. `None` if there is none, or one that cannot be trusted.
fn bundle(bytes: &[u8]) -> Option<Vec<Certificate>> {
    let ders = if bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>().ok()?
    } else {
        vec![CertificateDer::from(bytes)]
    };
    // The builder of the client looks at certificates last, and then cannot say which file was wrong.
    let mut store = rustls::RootCertStore::empty();
    let mut certificates = Vec::with_capacity(ders.len());
    for der in ders {
        certificates.push(Certificate::from_der(&der).ok()?);
        store.add(der).ok()?;
    }
    (!certificates.is_empty()).then_some(certificates)
}

/// Makes the one TLS provider the default of this process; calling it again does nothing.
pub fn install_provider() {
    // An error only says that it is installed already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The private CA's file cannot be read.
    #[error("read the CA file `{}`", .path.display())]
    ReadCa {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The private CA's file holds no certificate.
    #[error("`{}` holds no certificate in PEM or DER form", .path.display())]
    BadCa {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library refuses.
    #[error("set up TLS")]
    Build(#[source] reqwest::Error),
}
