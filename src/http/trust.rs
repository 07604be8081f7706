//! How a console's certificate is to be trusted, and the files that say so.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use super::{ClientError, Pin};

/// How a console's certificate is to be trusted.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// By the operating system's store.
    #[default]
    System,
    /// By the operating system's store and the certificates of a file, in PEM or DER. Each of them may be an authority,
    /// or the console's own certificate.
    SystemAnd(PathBuf),
    /// By one key. Issuer, name and dates do not matter: consoles in a cellar have certificates that they made
    /// themselves, long ago, for another name.
    Pinned {
        /// The key, or the one certificate with it.
        pin: Pin,
        /// If given, the certificate must also stand as under [`Trust::SystemAnd`].
        ca_file: Option<PathBuf>,
    },
    /// By being one of the certificates of this file, in PEM or DER, to the byte. Issuer, name and dates do not matter.
    Exactly(PathBuf),
    /// By this PEM alone: the embedded simulator's own CA.
    Only(String),
    /// By being the certificate in this PEM, to the byte: the embedded simulator's own, where it signs none.
    OnlyExactly(String),
    /// Not at all. The caller warns on every run.
    Nothing,
}

/// Reads a file of certificates.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let bytes = std::fs::read(path).map_err(|source| ClientError::ReadCa { path: path.to_owned(), source })?;
    bundle(&bytes).ok_or_else(|| ClientError::BadCa { path: path.to_owned() })
}

/// Reads the certificates of a PEM file; a DER file holds one. `None` if there is none, or one that cannot be trusted.
pub(super) fn bundle(bytes: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let ders = if bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>().ok()?
    } else {
        vec![CertificateDer::from(bytes.to_vec())]
    };
    // The builder of the client looks at certificates last, and then cannot say which file was wrong.
    let mut store = RootCertStore::empty();
    for der in &ders {
        store.add(der.clone()).ok()?;
    }
    (!ders.is_empty()).then_some(ders)
}
