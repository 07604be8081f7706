//! The `[kaspersky]` section of the configuration: where the console is, how it is trusted, and who asks.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use url::Url;

use super::{Account, Kaspersky};
use crate::{
    domain::console_url::UrlError,
    http::{Client, ClientOptions, SingleClients, Trust},
    secret::{Lookup, SecretSource},
    settings::{Given, Section, Setting, SettingError},
    vendors::{
        ConsoleSection, Link, OpenError, Ready, Vendor, VendorError, Wishes,
        reach::{Reach, Usual},
    },
};

/// The section, and the console's word everywhere else.
pub(super) const NAME: &str = "kaspersky";

/// Where the Open API listens, unless somebody has moved it.
const PORT: u16 = 13_299;

/// What stands behind the host in every request.
const API: &str = "/api/v1.0";

/// Connections, each with a session of its own, unless the configuration says otherwise.
const CONCURRENCY: usize = 16;

/// How long an answer may take unless the configuration says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What is so unless the configuration says otherwise.
const USUAL: Usual = Usual { section: NAME, concurrency: CONCURRENCY, timeout: TIMEOUT, risk: "read the password" };

/// The section as far as it has been set. It shows nothing of itself: a user may be a password in the wrong place.
#[derive(Clone, Default)]
pub struct KasperskySection {
    url: Option<Setting<Url>>,
    user: Option<Setting<String>>,
    password: Option<Setting<SecretSource>>,
    internal_user: Option<Setting<bool>>,
    domain: Option<Setting<String>>,
    domain_base64: Option<Setting<bool>>,
    virtual_server: Option<Setting<String>>,
    certificate: Option<Setting<PathBuf>>,
    reach: Reach,
}

impl fmt::Debug for KasperskySection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KasperskySection").finish_non_exhaustive()
    }
}

impl Section for KasperskySection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "url",
            "user",
            "password",
            "internal_user",
            "domain",
            "domain_base64",
            "virtual_server",
            "certificate",
            "certificate_sha256",
            "ca_file",
            "insecure",
            "concurrency",
            "timeout",
        ]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "url" => self.url = Some(given.url(with_port)?),
            "user" => self.user = Some(given.line()?),
            "password" => self.password = Some(given.secret()?),
            "internal_user" => self.internal_user = Some(given.truth()?),
            "domain" => self.domain = Some(domain(given)?),
            "domain_base64" => self.domain_base64 = Some(given.truth()?),
            "virtual_server" => self.virtual_server = Some(given.line()?),
            "certificate" => self.certificate = Some(given.path()?),
            "certificate_sha256" => return self.reach.pin(given),
            _ => return self.reach.set(key, given),
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<&Setting<SecretSource>> {
        self.password.iter().collect()
    }
}

/// What is needed to speak to one Administration Server.
#[derive(Clone, Debug)]
pub struct KasperskyConfig {
    /// How it is reached; its URL has a port, and a slash at its end.
    pub link: Link,
    /// Who asks.
    pub account: Account,
}

impl Ready for KasperskyConfig {
    fn link(&self) -> &Link {
        &self.link
    }

    /// One client would share its connections between sessions, so it is not used.
    fn open(&self, _: Client, wishes: Wishes) -> Result<Arc<dyn Vendor>, VendorError> {
        let options = ClientOptions {
            trust: self.link.trust.clone(),
            timeout: self.link.timeout,
            idle_connections: 1,
            proxy: true,
        };
        self.open_with(&options, wishes).map_err(|error| match error {
            OpenError::Settings(error) => error,
            OpenError::Client(error) => super::no_client(&error),
        })
    }

    fn open_with(&self, options: &ClientOptions, wishes: Wishes) -> Result<Arc<dyn Vendor>, OpenError> {
        let clients = SingleClients::new(options)?;
        Ok(Arc::new(Kaspersky::new(
            &clients,
            &self.link.url,
            self.account.clone(),
            self.link.concurrency,
            wishes.errand,
        )?))
    }
}

impl ConsoleSection for KasperskySection {
    fn complete(&self, lookup: Lookup<'_>) -> Result<Box<dyn Ready>, SettingError> {
        Ok(Box::new(self.completed(lookup)?))
    }

    fn is_set(&self) -> bool {
        self.url.is_some() || self.user.is_some() || self.password.is_some()
    }

    fn url(&self) -> Result<Url, SettingError> {
        let url = self.url.as_ref().ok_or(SettingError::Missing { section: NAME, key: "url" })?;
        Ok(url.value.clone())
    }

    fn boxed(&self) -> Box<dyn ConsoleSection> {
        Box::new(self.clone())
    }
}

impl KasperskySection {
    fn completed(&self, lookup: Lookup<'_>) -> Result<KasperskyConfig, SettingError> {
        let missing = |key| SettingError::Missing { section: NAME, key };
        let url = self.url.as_ref().ok_or_else(|| missing("url"))?.value.clone();
        let user = self.user.as_ref().ok_or_else(|| missing("user"))?;
        let password = self.password.as_ref().ok_or_else(|| missing("password"))?;
        let trust = self.trust()?;
        let internal = self.internal()?;
        let (secret, read_from) = password.read(NAME, "password", lookup)?;
        Ok(KasperskyConfig {
            account: Account {
                user: user.value.clone(),
                password: secret,
                internal,
                domain: self.domain.as_ref().map(|setting| setting.value.clone()),
                domain_base64: self.domain_base64.as_ref().is_some_and(|setting| setting.value),
                virtual_server: self.virtual_server.as_ref().map(|setting| setting.value.clone()),
            },
            link: self.reach.link(url, trust, read_from, USUAL),
        })
    }

    /// Whether the user is the console's own. Only an account of the operating system has a domain.
    fn internal(&self) -> Result<bool, SettingError> {
        let encoded = self.domain_base64.as_ref().filter(|setting| setting.value);
        match (&self.domain, &self.internal_user, encoded) {
            (Some(domain), Some(internal), _) if internal.value => {
                Err(SettingError::Contradiction { first: domain.origin.clone(), second: internal.origin.clone() })
            }
            (Some(domain), None, _) => Err(SettingError::Wrong {
                origin: domain.origin.clone(),
                expected: "together with `internal_user = false`: a user of the console's own has no domain".to_owned(),
            }),
            (None, _, Some(encoded)) => Err(SettingError::Wrong {
                origin: encoded.origin.clone(),
                expected: "together with `domain`: there is nothing else to encode".to_owned(),
            }),
            _ => Ok(self.internal_user.as_ref().is_none_or(|setting| setting.value)),
        }
    }

    /// Whoever names a certificate means it: of two ways to trust, one was left behind.
    fn trust(&self) -> Result<Trust, SettingError> {
        let Some(certificate) = &self.certificate else { return self.reach.trust() };
        match self.reach.trust_said() {
            Some(other) => {
                Err(SettingError::Contradiction { first: certificate.origin.clone(), second: other.clone() })
            }
            None => Ok(Trust::Exactly(certificate.value.clone())),
        }
    }
}

/// A domain stands in a header as it is, in quotes.
fn domain(given: Given<'_>) -> Result<Setting<String>, SettingError> {
    let line = given.line()?;
    if line.value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
        return Ok(line);
    }
    Err(SettingError::Wrong {
        origin: line.origin,
        expected: "a domain's name: letters of ASCII, digits, `.`, `-` and `_`".to_owned(),
    })
}

/// The Open API has a port of its own. A path in front of its own is kept, for a proxy that needs one.
fn with_port(mut url: Url) -> Result<Url, UrlError> {
    if url.port().is_none() {
        url.set_port(Some(PORT)).map_err(|()| UrlError::NotAUrl)?;
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(API).unwrap_or(path).trim_end_matches('/');
    let path = format!("{path}/");
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests;
