//! The only place where a client is built: proxy, time limits, user agent, and who judges certificates.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Certificate, Client, ClientBuilder, redirect::Policy, tls::Version};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;

use super::{
    Trust, trust,
    verifier::{self, Anything, Exactly, Named, Pinned},
};

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
/// When a file of certificates cannot be read, or the TLS library cannot be set up.
pub fn client(options: &ClientOptions) -> Result<Client, ClientError> {
    let builder = base(options);
    let builder = match &options.trust {
        Trust::System => builder,
        Trust::SystemAnd(path) => builder.tls_backend_preconfigured(verifier::config(named(path)?)?),
        Trust::Pinned { pin, ca_file } => {
            let and = ca_file.as_deref().map(named).transpose()?;
            builder.tls_backend_preconfigured(verifier::config(Pinned { pin: *pin, and })?)
        }
        Trust::Exactly(path) => {
            builder.tls_backend_preconfigured(verifier::config(Exactly(trust::certificates(path)?))?)
        }
        Trust::OnlyExactly(pem) => builder.tls_backend_preconfigured(verifier::config(Exactly(built_in(pem)?))?),
        Trust::Only(pem) => {
            let certificates: Result<Vec<_>, _> = built_in(pem)?.iter().map(|der| Certificate::from_der(der)).collect();
            builder.tls_certs_only(certificates.map_err(ClientError::Build)?)
        }
        Trust::Nothing => builder.tls_danger_accept_invalid_certs(true),
    };
    builder.build().map_err(ClientError::Build)
}

/// The client's side of TLS for a connection that is not HTTP: it trusts exactly what [`client`] trusts.
///
/// # Errors
///
/// When a file of certificates cannot be read, or the TLS library cannot be set up.
pub fn tls_config(trust: &Trust) -> Result<ClientConfig, ClientError> {
    let mut config = match trust {
        Trust::System => verifier::config(Named::beside_the_system(Vec::new())?)?,
        Trust::SystemAnd(path) => verifier::config(named(path)?)?,
        Trust::Pinned { pin, ca_file } => {
            let and = ca_file.as_deref().map(named).transpose()?;
            verifier::config(Pinned { pin: *pin, and })?
        }
        Trust::Exactly(path) => verifier::config(Exactly(trust::certificates(path)?))?,
        Trust::OnlyExactly(pem) => verifier::config(Exactly(built_in(pem)?))?,
        Trust::Only(pem) => verifier::config(Named::alone(built_in(pem)?)?)?,
        Trust::Nothing => verifier::config(Anything)?,
    };
    // What is offered there are versions of HTTP.
    config.alpn_protocols.clear();
    Ok(config)
}

/// The certificates of the embedded simulator.
fn built_in(pem: &str) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    trust::bundle(pem.as_bytes()).ok_or_else(|| ClientError::BadCa { path: PathBuf::from("(built in)") })
}

/// Builds clients that each keep one connection: for a console that knows its client by the connection.
///
/// The files of certificates are read once, and what judges certificates is shared, so that a client costs next to nothing.
#[derive(Clone, Debug)]
pub struct SingleClients {
    tls: ClientConfig,
    options: ClientOptions,
}

impl SingleClients {
    /// Reads what the clients trust.
    ///
    /// # Errors
    ///
    /// As [`client`].
    pub fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        install_provider();
        let options = ClientOptions { idle_connections: 1, ..options.clone() };
        Ok(Self { tls: tls_config(&options.trust)?, options })
    }

    /// Builds one. It speaks HTTP/1.1 alone; whoever has it sends one request after the other.
    ///
    /// # Errors
    ///
    /// When the HTTP library refuses.
    pub fn client(&self) -> Result<Client, ClientError> {
        let builder = base(&self.options).http1_only().tls_backend_preconfigured(self.tls.clone());
        builder.build().map_err(ClientError::Build)
    }
}

fn named(path: &Path) -> Result<Named, ClientError> {
    Ok(Named::beside_the_system(trust::certificates(path)?)?)
}

/// All of a client but its trust.
pub(super) fn base(options: &ClientOptions) -> ClientBuilder {
    install_provider();
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
    /// The HTTP library refuses.
    #[error("set up TLS")]
    Build(#[source] reqwest::Error),
    /// The TLS library refuses.
    #[error("set up TLS")]
    Tls(#[from] rustls::Error),
}
