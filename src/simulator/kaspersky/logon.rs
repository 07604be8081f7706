//! Who logs on: the scheme `KSCBasic`, and the header that names a virtual server.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{HeaderMap, StatusCode, header};

use super::errors::{Failure, PxgError};
use crate::simulator::{
    Credentials,
    faults::{Account, DomainForm, KasperskyFaults},
};

/// The header that names a virtual server.
const VIRTUAL_SERVER: &str = "x-ksc-vserver";

/// The domain of accounts of the operating system.
pub(super) const DOMAIN: &str = "CORP";

/// What `KSCBasic` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Basic {
    user: Vec<u8>,
    password: Vec<u8>,
    domain: Option<String>,
    internal: Option<bool>,
}

impl Basic {
    /// Reads the header: attributes in any order, quoted or bare. `None` if it is not of this form.
    pub(super) fn read(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        if scheme != "KSCBasic" {
            return None;
        }
        let (mut user, mut password, mut read) = (None, None, Self::default());
        loop {
            rest = rest.trim_start_matches([' ', ',', '\t']);
            if rest.is_empty() {
                break;
            }
            let (name, behind) = rest.split_once('=')?;
            let value;
            (value, rest) = match behind.trim_start().strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => behind.split_once(',').unwrap_or((behind, "")),
            };
            let value = value.trim();
            match name.trim() {
                "user" => user = Some(STANDARD.decode(value).ok()?),
                "pass" => password = Some(STANDARD.decode(value).ok()?),
                "domain" => read.domain = Some(value.to_owned()).filter(|domain| !domain.is_empty()),
                "internal" => read.internal = Some(matches!(value, "1" | "true")),
                _ => {}
            }
        }
        read.user = user?;
        read.password = password?;
        Some(read)
    }

    fn is_of(&self, account: Account, form: DomainForm) -> bool {
        let domain_fits = |domain: &String| {
            let raw = domain.eq_ignore_ascii_case(DOMAIN);
            let decoded = STANDARD.decode(domain).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let encoded = decoded.is_some_and(|domain| domain.eq_ignore_ascii_case(DOMAIN));
            match form {
                DomainForm::Either => raw || encoded,
                DomainForm::Raw => raw,
                DomainForm::Base64 => encoded,
            }
        };
        match account {
            Account::Internal => self.internal != Some(false),
            Account::Os => self.internal != Some(true) && self.domain.as_ref().is_none_or(domain_fits),
        }
    }
}

/// The account that may log on, and what became of attempts so far.
#[derive(Debug)]
pub(super) struct Door {
    credentials: Credentials,
    settings: KasperskyFaults,
    wrong: u32,
    closed: bool,
}

impl Door {
    pub(super) const fn new(credentials: Credentials, settings: KasperskyFaults) -> Self {
        Self { credentials, settings, wrong: 0, closed: false }
    }

    /// Forgets wrong passwords.
    pub(super) const fn unlock(&mut self) {
        self.wrong = 0;
    }

    /// From now on the credentials are refused.
    pub(super) const fn close(&mut self) {
        self.closed = true;
    }

    /// Judges a logon; whether it was for the server that has the hosts.
    pub(super) fn judge(&mut self, headers: &HeaderMap) -> Result<bool, Failure> {
        let refused = Failure::Status(StatusCode::UNAUTHORIZED);
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let basic = header.and_then(Basic::read).ok_or(refused.clone())?;
        let limit = self.settings.lock_after;
        if limit > 0 && self.wrong >= limit {
            return Err(PxgError::account_locked().into());
        }
        let known = basic.user == self.credentials.client_id.as_bytes();
        let right = known
            && basic.password == self.credentials.api_key.as_bytes()
            && basic.is_of(self.settings.account, self.settings.domain);
        if self.closed || !right {
            self.wrong += u32::from(known && !self.closed);
            return Err(refused);
        }
        self.wrong = 0;
        if self.settings.mfa {
            return Err(Failure::SecondFactor);
        }
        let name = virtual_server(headers).ok_or(refused)?;
        let has_hosts = name == self.settings.virtual_server;
        if has_hosts || name.is_empty() { Ok(has_hosts) } else { Err(PxgError::not_found(&name).into()) }
    }
}

/// The virtual server that is asked for; empty for the main one.
fn virtual_server(headers: &HeaderMap) -> Option<String> {
    let Some(header) = headers.get(VIRTUAL_SERVER) else { return Some(String::new()) };
    match header.to_str().ok()?.trim() {
        "" | "x" => Some(String::new()),
        name => String::from_utf8(STANDARD.decode(name).ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Basic> {
        Basic::read(text)
    }

    #[test]
    fn attributes_stand_in_any_order_quoted_or_bare() {
        let user = Basic { user: b"api-user".to_vec(), password: b"password".to_vec(), ..Basic::default() };
        let plain = r#"KSCBasic user="YXBpLXVzZXI=", pass="cGFzc3dvcmQ=""#;
        assert_eq!(read(plain), Some(user));
        let full = read(r#"KSCBasic user="YXBpLXVzZXI=", pass="cGFzc3dvcmQ=", domain="", internal="0""#).unwrap();
        assert_eq!((full.domain, full.internal), (None, Some(false)));
        let bare = read("KSCBasic internal=true,pass=cGFzc3dvcmQ=, domain=CORP, user=YXBpLXVzZXI=").unwrap();
        assert_eq!((bare.domain.as_deref(), bare.internal), (Some("CORP"), Some(true)));
        assert_eq!((bare.user.as_slice(), bare.password.as_slice()), (&b"api-user"[..], &b"password"[..]));
    }

    #[test]
    fn what_is_not_of_the_form_is_nobody() {
        for text in [
            "",
            "KSCBasic",
            "Basic YTpi",
            "kscbasic user=YQ==, pass=YQ==",
            "KSCBasic user=YQ==",
            "KSCBasic user=\"YQ==, pass=YQ==",
            "KSCBasic user=%%, pass=YQ==",
            "KSCT token",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_domain_is_taken_in_the_form_that_is_wanted() {
        let of = |domain: Option<&str>| Basic { domain: domain.map(str::to_owned), ..Basic::default() };
        for (domain, either, raw, base64) in
            [("corp", true, true, false), ("Q09SUA==", true, false, true), ("OTHER", false, false, false)]
        {
            let basic = of(Some(domain));
            let fits = |form| basic.is_of(Account::Os, form);
            let told = (fits(DomainForm::Either), fits(DomainForm::Raw), fits(DomainForm::Base64));
            assert_eq!(told, (either, raw, base64), "{domain}");
        }
        assert!(of(None).is_of(Account::Os, DomainForm::Raw));
    }
}
