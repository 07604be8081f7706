//! Whether the one who answers is the firewall: its host key is in the file of known ones, or nothing is said to it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use russh::{
    client::Handler,
    keys::{HashAlg, PublicKey, PublicKeyOrCertificate, known_hosts::known_host_keys_path, parse_public_key_base64},
};

use crate::{domain::failure::FailureKind, vendors::VendorError};

/// Who is to answer.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) known_hosts: PathBuf,
}

/// Looks at the key of whoever answers, before anything is said.
#[derive(Debug)]
pub(super) struct Door {
    expected: Expected,
    refused: Arc<Mutex<Option<VendorError>>>,
}

impl Door {
    /// The door, and where it says why it was shut.
    pub(super) fn new(expected: Expected) -> (Self, Arc<Mutex<Option<VendorError>>>) {
        let refused = Arc::new(Mutex::new(None));
        (Self { expected, refused: Arc::clone(&refused) }, refused)
    }
}

impl Handler for Door {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        // No certificate is asked for, and so none is believed.
        let verdict = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => judge(&self.expected, key),
            PublicKeyOrCertificate::Certificate(_) => {
                Err(wrong("the firewall shows a certificate in place of its key"))
            }
        };
        Ok(match verdict {
            Ok(()) => true,
            Err(error) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                false
            }
        })
    }
}

fn wrong(text: impl Into<String>) -> VendorError {
    VendorError::stops_run(FailureKind::Certificate, text)
}

/// How a file of known hosts names a host.
fn entry(expected: &Expected) -> String {
    if expected.port == 22 { expected.host.clone() } else { format!("[{}]:{}", expected.host, expected.port) }
}

fn judge(expected: &Expected, shown: &PublicKey) -> Result<(), VendorError> {
    let file = expected.known_hosts.display();
    let print = shown.fingerprint(HashAlg::Sha256);
    let kind = shown.algorithm();
    if is_revoked(&expected.known_hosts, shown)? {
        return Err(wrong(format!(
            "the firewall shows a host key ({kind}, {print}) that `{file}` calls revoked: whoever has it may not be the firewall"
        )));
    }
    let known = known_host_keys_path(&expected.host, expected.port, &expected.known_hosts)
        .map_err(|error| wrong(format!("the known host keys in `{file}` cannot be read: {error}")))?;
    if known.iter().any(|(_, key)| key.key_data() == shown.key_data()) {
        return Ok(());
    }
    let same_kind = known.iter().find(|(_, key)| key.algorithm() == kind);
    Err(match (same_kind, known.is_empty()) {
        (Some((line, _)), _) => wrong(format!(
            "the firewall shows another host key than line {line} of `{file}` says (now {kind}, {print}): somebody may sit in \
             between. If its key was changed on purpose, take that line out and add the new one"
        )),
        (None, false) => wrong(format!(
            "the firewall shows a host key of another kind ({kind}, {print}) than those that `{file}` has for it"
        )),
        (None, true) => wrong(format!(
            "the firewall's host key ({kind}, {print}) is not in `{file}`; once that fingerprint has been compared with the \
             firewall's own, add the key: ssh-keyscan -p {} {} >> {file} (as `{}`)",
            expected.port,
            expected.host,
            entry(expected)
        )),
    })
}

/// Whether a line of the file takes this key back. A key that is revoked for one host is good for none.
fn is_revoked(known_hosts: &Path, shown: &PublicKey) -> Result<bool, VendorError> {
    let text = std::fs::read(known_hosts).map_err(|error| {
        wrong(format!("the known host keys in `{}` cannot be read: {error}", known_hosts.display()))
    })?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("@revoked")
            && words
                .nth(2)
                .and_then(|key| parse_public_key_base64(key).ok())
                .is_some_and(|key| key.key_data() == shown.key_data())
    }))
}

/// Whether there is a file of known keys at all: told before any connection is made.
pub(super) fn readable(known_hosts: &Path) -> Result<(), VendorError> {
    match std::fs::File::open(known_hosts) {
        Ok(_) => Ok(()),
        Err(error) => Err(wrong(format!("the known host keys in `{}` cannot be read: {error}", known_hosts.display()))),
    }
}
