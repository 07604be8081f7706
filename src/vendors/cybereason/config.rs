//! The `[cybereason]` section of the configuration: where the console is, how it is trusted, and who asks.

use std::{fmt, sync::Arc, time::Duration};

use url::Url;

use super::{Account, Cybereason, totp::Key};
use crate::{
    domain::console_url::UrlError,
    http::Client,
    secret::{Lookup, SecretSource},
    settings::{Given, Section, Setting, SettingError},
    vendors::{
        ConsoleSection, Link, Ready, Vendor, VendorError, Wishes,
        reach::{Reach, Usual},
    },
};

/// The section, and the console's word everywhere else.
pub(super) const NAME: &str = "cybereason";

/// Requests in flight unless the configuration says otherwise: each is for up to a hundred hosts.
const CONCURRENCY: usize = 4;

/// How long an answer may take unless the configuration says otherwise: a query may take the console two minutes.
const TIMEOUT: Duration = Duration::from_secs(150);

/// What is so unless the configuration says otherwise.
const USUAL: Usual = Usual { section: NAME, concurrency: CONCURRENCY, timeout: TIMEOUT, risk: "read the password" };

/// The section as far as it has been set. It shows nothing of itself: a user may be a password in the wrong place.
#[derive(Clone, Default)]
pub struct CybereasonSection {
    url: Option<Setting<Url>>,
    username: Option<Setting<String>>,
    password: Option<Setting<SecretSource>>,
    totp_secret: Option<Setting<SecretSource>>,
    reach: Reach,
}

impl fmt::Debug for CybereasonSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CybereasonSection").finish_non_exhaustive()
    }
}

impl Section for CybereasonSection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "url",
            "username",
            "password",
            "totp_secret",
            "ca_file",
            "certificate_sha256",
            "insecure",
            "concurrency",
            "timeout",
        ]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "url" => self.url = Some(given.url(without_pages)?),
            "username" => self.username = Some(given.line()?),
            "password" => self.password = Some(given.secret()?),
            "totp_secret" => self.totp_secret = Some(given.secret()?),
            "certificate_sha256" => return self.reach.pin(given),
            _ => return self.reach.set(key, given),
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<&Setting<SecretSource>> {
        self.password.iter().chain(&self.totp_secret).collect()
    }
}

/// What is needed to speak to one Cybereason tenant.
#[derive(Clone, Debug)]
pub struct CybereasonConfig {
    /// How it is reached; its URL has a slash at its end.
    pub link: Link,
    /// Who asks.
    pub account: Account,
}

impl Ready for CybereasonConfig {
    fn link(&self) -> &Link {
        &self.link
    }

    fn open(&self, client: Client, wishes: Wishes) -> Result<Arc<dyn Vendor>, VendorError> {
        let Link { url, concurrency, .. } = &self.link;
        Ok(Arc::new(Cybereason::new(client, url.clone(), self.account.clone(), *concurrency, wishes.detection)))
    }
}

impl ConsoleSection for CybereasonSection {
    fn complete(&self, lookup: Lookup<'_>) -> Result<Box<dyn Ready>, SettingError> {
        Ok(Box::new(self.completed(lookup)?))
    }

    fn is_set(&self) -> bool {
        self.url.is_some() || self.username.is_some() || self.password.is_some()
    }

    fn url(&self) -> Result<Url, SettingError> {
        let url = self.url.as_ref().ok_or(SettingError::Missing { section: NAME, key: "url" })?;
        Ok(url.value.clone())
    }

    fn boxed(&self) -> Box<dyn ConsoleSection> {
        Box::new(self.clone())
    }
}

impl CybereasonSection {
    fn completed(&self, lookup: Lookup<'_>) -> Result<CybereasonConfig, SettingError> {
        let missing = |key| SettingError::Missing { section: NAME, key };
        let url = self.url.as_ref().ok_or_else(|| missing("url"))?.value.clone();
        let username = self.username.as_ref().ok_or_else(|| missing("username"))?;
        let password = self.password.as_ref().ok_or_else(|| missing("password"))?;
        let trust = self.reach.trust()?;
        let (secret, read_from) = password.read(NAME, "password", lookup)?;
        let totp = self.totp_secret.as_ref().map(|setting| self::totp(setting, lookup)).transpose()?;
        Ok(CybereasonConfig {
            account: Account { username: username.value.clone(), password: secret, totp },
            link: self.reach.link(url, trust, read_from, USUAL),
        })
    }
}

/// A key that cannot be one is told now, and not as a refused code at three in the morning.
fn totp(setting: &Setting<SecretSource>, lookup: Lookup<'_>) -> Result<Key, SettingError> {
    let (secret, _) = setting.read(NAME, "totp_secret", lookup)?;
    Key::parse(secret.expose()).ok_or_else(|| SettingError::Wrong {
        origin: setting.origin.clone(),
        expected:
            "the key of the second factor as the console showed it once: letters and the digits 2 to 7 (base32), or \
                   the `otpauth://` address of its picture"
                .to_owned(),
    })
}

/// What a browser shows behind the address is cut off. Any other path is kept, for a proxy that needs one.
#[expect(clippy::unnecessary_wraps, reason = "the reader of addresses wants it so")]
fn without_pages(mut url: Url) -> Result<Url, UrlError> {
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/login.html").unwrap_or(path);
    let path = path.split_once("/rest").map_or(path, |(before, _)| before).trim_end_matches('/');
    let path = format!("{path}/");
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests;
