//! The `[cybereason]` section of the configuration: where the console is, how it is trusted, and who asks.

use std::{fmt, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use url::Url;

use super::{Account, Cybereason, totp::Key};
use crate::{
    domain::console_url::UrlError,
    http::{Client, Pin, Trust},
    secret::{Lookup, Secret, SecretSource},
    settings::{Given, Section, Setting, SettingError},
    vendors::{ConsoleSection, Link, Ready, Vendor, VendorError, Wishes},
};

/// The section, and the console's word everywhere else.
pub(super) const NAME: &str = "cybereason";

/// Requests in flight unless the configuration says otherwise: each is for up to a hundred hosts.
const CONCURRENCY: usize = 4;

/// How long an answer may take unless the configuration says otherwise: a query may take the console two minutes.
const TIMEOUT: Duration = Duration::from_secs(150);

/// The section as far as it has been set. It shows nothing of itself: a user may be a password in the wrong place.
#[derive(Clone, Default)]
pub struct CybereasonSection {
    url: Option<Setting<Url>>,
    username: Option<Setting<String>>,
    password: Option<Setting<SecretSource>>,
    totp_secret: Option<Setting<SecretSource>>,
    ca_file: Option<Setting<PathBuf>>,
    certificate_sha256: Option<Setting<Pin>>,
    insecure: Option<Setting<bool>>,
    concurrency: Option<Setting<u64>>,
    timeout: Option<Setting<Duration>>,
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
            "ca_file" => self.ca_file = Some(given.path()?),
            "certificate_sha256" => self.certificate_sha256 = Some(pin(given)?),
            "insecure" => self.insecure = Some(given.truth()?),
            "concurrency" => self.concurrency = Some(given.whole(1..=256)?),
            "timeout" => {
                self.timeout = Some(given.duration(Duration::from_millis(1)..=Duration::from_secs(3_600))?);
            }
            _ => return Err(given.unknown()),
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
        let trust = self.trust()?;
        let (secret, read_from) = read("password", password, lookup)?;
        let totp = self.totp_secret.as_ref().map(|setting| self::totp(setting, lookup)).transpose()?;
        let concurrency = self.concurrency.as_ref().and_then(|setting| usize::try_from(setting.value).ok());
        let host = url.host_str().unwrap_or_default();
        let warnings = matches!(trust, Trust::Nothing).then(|| {
            format!(
                "`cybereason.insecure` is on: the certificate of {host} is not verified, and whoever sits in between can \
                 read the password"
            )
        });
        Ok(CybereasonConfig {
            account: Account { username: username.value.clone(), password: secret, totp },
            link: Link {
                address: url.origin().ascii_serialization(),
                trust,
                timeout: self.timeout.as_ref().map_or(TIMEOUT, |setting| setting.value),
                concurrency: NonZeroUsize::new(concurrency.unwrap_or(CONCURRENCY)).unwrap_or(NonZeroUsize::MIN),
                credentials_from: read_from,
                warnings: warnings.into_iter().collect(),
                url,
            },
        })
    }

    fn trust(&self) -> Result<Trust, SettingError> {
        let insecure = self.insecure.as_ref().filter(|setting| setting.value);
        let ca_file = self.ca_file.as_ref().map(|setting| setting.value.clone());
        match (insecure, &self.certificate_sha256) {
            // Whoever pins a key means it; one of the two was left behind.
            (Some(insecure), Some(pin)) => {
                Err(SettingError::Contradiction { first: insecure.origin.clone(), second: pin.origin.clone() })
            }
            (Some(_), None) => Ok(Trust::Nothing),
            (None, Some(pin)) => Ok(Trust::Pinned { pin: pin.value, ca_file }),
            (None, None) => Ok(ca_file.map_or(Trust::System, Trust::SystemAnd)),
        }
    }
}

fn read(
    key: &'static str,
    setting: &Setting<SecretSource>,
    lookup: Lookup<'_>,
) -> Result<(Secret, crate::secret::Origin), SettingError> {
    setting.value.read(lookup).map_err(|source| SettingError::Secret {
        section: NAME,
        key,
        origin: setting.origin.clone(),
        source: Box::new(source),
    })
}

/// A key that cannot be one is told now, and not as a refused code at three in the morning.
fn totp(setting: &Setting<SecretSource>, lookup: Lookup<'_>) -> Result<Key, SettingError> {
    let (secret, _) = read("totp_secret", setting, lookup)?;
    Key::parse(secret.expose()).ok_or_else(|| SettingError::Wrong {
        origin: setting.origin.clone(),
        expected:
            "the key of the second factor as the console showed it once: letters and the digits 2 to 7 (base32), or \
                   the `otpauth://` address of its picture"
                .to_owned(),
    })
}

fn pin(given: Given<'_>) -> Result<Setting<Pin>, SettingError> {
    let line = given.line()?;
    match Pin::parse(&line.value) {
        Ok(value) => Ok(Setting { value, origin: line.origin, layer: line.layer }),
        Err(why) => Err(SettingError::Wrong {
            origin: line.origin,
            expected: format!("the SHA-256 of the console's public key or certificate; this {why}"),
        }),
    }
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
