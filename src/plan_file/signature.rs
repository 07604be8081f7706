//! A second person's yes: a signature over the whole plan, in the format of `ssh-keygen -Y sign`.

use russh::keys::{
    self,
    ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig, public::KeyData},
};

use crate::secret::Secret;

/// What is signed with a key for one purpose says nothing for another.
pub const NAMESPACE: &str = "edrctl-plan";

/// Somebody who may agree.
#[derive(Clone, Debug)]
pub struct Signer {
    key: PublicKey,
    name: Option<String>,
}

/// Whose yes it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The name beside the key, as whoever keeps the list of keys has written it.
    pub name: Option<String>,
    /// The key's fingerprint.
    pub key: String,
}

/// Why a file is no list of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A line is no key.
    #[error("line {line} is no public key")]
    Line {
        /// Which.
        line: usize,
        /// Why not.
        #[source]
        source: keys::ssh_key::Error,
    },
    /// A line has options, and what they restrict is not known here.
    #[error("line {line} has options in front of its key, which are not understood here")]
    Options {
        /// Which.
        line: usize,
    },
    /// Nobody may agree.
    #[error("there is no public key in it")]
    Empty,
}

/// Why a signature is not the yes that is wanted.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It is none.
    #[error("there is no SSH signature in it")]
    Unreadable(#[source] keys::ssh_key::Error),
    /// It was made for something else.
    #[error("it was made for `{0}`, and not for `{NAMESPACE}`")]
    Namespace(String),
    /// It was made by somebody else.
    #[error("it was made with the key {0}, which is none of those that may approve")]
    Stranger(String),
    /// It was made in a way that nobody should trust.
    #[error("it was made with SHA-1, or without anybody touching the key")]
    Weak,
    /// It is of something else.
    #[error("it is not a signature of this plan")]
    Other,
}

/// Why a plan cannot be signed with a key.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// It has a passphrase.
    #[error("the key has a passphrase")]
    Locked,
    /// It is no key, or the passphrase is wrong.
    #[error("it is no private key, or its passphrase is another")]
    Unreadable(#[source] keys::Error),
    /// The key does not sign.
    #[error("sign with the key")]
    Refused(#[source] keys::ssh_key::Error),
}

/// Reads public keys, one a line, with a name before or behind each; `#` begins a comment.
///
/// # Errors
///
/// [`KeysError`] for a line that is no key, one with options, and a list without keys: who may agree must be beyond doubt.
pub fn signers(text: &str) -> Result<Vec<Signer>, KeysError> {
    let mut signers = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let is_kind = |word: &str| word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
        let (name, key) = match text.split_once(char::is_whitespace) {
            Some((first, _)) if is_kind(first) => (None, text),
            Some((first, rest)) => {
                let rest = rest.trim_start();
                let plain = |c: char| c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '+');
                // `namespaces="git"`, `cert-authority`, `valid-before=...` say for what a key is good, or for how long.
                let restricts = !first.chars().all(plain)
                    || first.starts_with('@')
                    || OPTIONS.contains(&first.to_ascii_lowercase().as_str())
                    || !rest.split(' ').next().is_some_and(is_kind);
                if restricts {
                    return Err(KeysError::Options { line });
                }
                (Some(first.to_owned()), rest)
            }
            None => (None, text),
        };
        let key = PublicKey::from_openssh(key).map_err(|source| KeysError::Line { line, source })?;
        let comment = key.comment().to_string();
        signers.push(Signer { name: name.or(Some(comment).filter(|comment| !comment.is_empty())), key });
    }
    if signers.is_empty() { Err(KeysError::Empty) } else { Ok(signers) }
}

/// Words of `sshd(8)` and `ssh-keygen(1)` that say for what a key is good without saying it with a value.
const OPTIONS: [&str; 14] = [
    "agent-forwarding",
    "cert-authority",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-touch-required",
    "no-user-rc",
    "no-x11-forwarding",
    "port-forwarding",
    "pty",
    "restrict",
    "user-rc",
    "verify-required",
    "x11-forwarding",
];

/// Who of these has signed exactly these bytes.
///
/// # Errors
///
/// [`SignatureError`] if nobody has.
pub fn verify(bytes: &[u8], signatures: &[u8], signers: &[Signer]) -> Result<Approval, SignatureError> {
    const END: &[u8] = b"-----END SSH SIGNATURE-----";
    let mut rest = signatures;
    let mut found = verify_one(bytes, b"", signers);
    // Each of several people has signed by themselves, and their signatures stand one after the other.
    while !rest.trim_ascii().is_empty() {
        let end = rest.windows(END.len()).position(|window| window == END).map_or(rest.len(), |at| at + END.len());
        let (signature, more) = rest.split_at(end);
        rest = more;
        found = verify_one(bytes, signature.trim_ascii_start(), signers);
        if found.is_ok() {
            break;
        }
    }
    found
}

fn verify_one(bytes: &[u8], signature: &[u8], signers: &[Signer]) -> Result<Approval, SignatureError> {
    let signature = SshSig::from_pem(signature).map_err(SignatureError::Unreadable)?;
    if signature.namespace() != NAMESPACE {
        return Err(SignatureError::Namespace(signature.namespace().escape_debug().to_string()));
    }
    let print = signature.public_key().fingerprint(HashAlg::Sha256).to_string();
    let Some(signer) = signers.iter().find(|signer| signer.key.key_data() == signature.public_key()) else {
        return Err(SignatureError::Stranger(print));
    };
    if is_weak(&signature) {
        return Err(SignatureError::Weak);
    }
    signer.key.verify(NAMESPACE, bytes, &signature).map_err(|_| SignatureError::Other)?;
    Ok(Approval { name: signer.name.clone(), key: print })
}

/// SHA-1 under an RSA signature, or a key of hardware that nobody has touched.
fn is_weak(signature: &SshSig) -> bool {
    /// The byte before the four of the counter says whether somebody was there.
    const TOUCHED: u8 = 1;
    match signature.public_key() {
        KeyData::Rsa(_) => matches!(signature.algorithm(), Algorithm::Rsa { hash: None }),
        KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {
            let flags = signature.signature_bytes().iter().rev().nth(4).copied().unwrap_or_default();
            flags & TOUCHED == 0
        }
        _ => false,
    }
}

/// Signs these bytes with a private key; gives the signature, and whose it is.
///
/// # Errors
///
/// [`SigningError`]; a key that has a passphrase says so if none is given.
pub fn sign(bytes: &[u8], key: &Secret, passphrase: Option<&Secret>) -> Result<(String, Approval), SigningError> {
    let key: PrivateKey =
        keys::decode_secret_key(key.expose(), passphrase.map(Secret::expose)).map_err(|error| match error {
            keys::Error::KeyIsEncrypted => SigningError::Locked,
            error => SigningError::Unreadable(error),
        })?;
    let signed = key.sign(NAMESPACE, HashAlg::Sha512, bytes).map_err(SigningError::Refused)?;
    let text = signed.to_pem(LineEnding::LF).map_err(SigningError::Refused)?;
    let comment = key.comment().to_string();
    let approval = Approval {
        name: Some(comment).filter(|comment| !comment.is_empty()),
        key: key.fingerprint(HashAlg::Sha256).to_string(),
    };
    Ok((text, approval))
}
