//! The `[apex]` section of the configuration: where the console is, how it is trusted, and who asks.

use std::{fmt, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use url::Url;

use super::{ApexCentral, Application};
use crate::{
    domain::console_url::UrlError,
    http::{Client, Pin, Trust},
    secret::{Lookup, SecretSource},
    settings::{Given, Section, Setting, SettingError},
    vendors::{ConsoleSection, Link, Ready, Vendor, VendorError, Wishes},
};

/// The section, and the console's word everywhere else.
pub(super) const NAME: &str = "apex";

/// Requests in flight unless the configuration says otherwise.
const CONCURRENCY: usize = 64;

/// How long an answer may take unless the configuration says otherwise: a list of all agents comes in one piece.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The section as far as it has been set. It shows nothing of itself: an id may be a key in the wrong place.
#[derive(Clone, Default)]
pub struct ApexSection {
    url: Option<Setting<Url>>,
    application_id: Option<Setting<String>>,
    api_key: Option<Setting<SecretSource>>,
    ca_file: Option<Setting<PathBuf>>,
    certificate_sha256: Option<Setting<Pin>>,
    insecure: Option<Setting<bool>>,
    concurrency: Option<Setting<u64>>,
    timeout: Option<Setting<Duration>>,
    correct_clock: Option<Setting<bool>>,
}

impl fmt::Debug for ApexSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApexSection").finish_non_exhaustive()
    }
}

impl Section for ApexSection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "url",
            "application_id",
            "api_key",
            "ca_file",
            "certificate_sha256",
            "insecure",
            "concurrency",
            "timeout",
            "correct_clock",
        ]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "url" => self.url = Some(given.url(without_path)?),
            "application_id" => self.application_id = Some(given.line()?),
            "api_key" => self.api_key = Some(given.secret()?),
            "ca_file" => self.ca_file = Some(given.path()?),
            "certificate_sha256" => self.certificate_sha256 = Some(pin(given)?),
            "insecure" => self.insecure = Some(given.truth()?),
            "concurrency" => self.concurrency = Some(given.whole(1..=256)?),
            "timeout" => {
                self.timeout = Some(given.duration(Duration::from_millis(1)..=Duration::from_secs(3_600))?);
            }
            "correct_clock" => self.correct_clock = Some(given.truth()?),
            _ => return Err(given.unknown()),
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<&Setting<SecretSource>> {
        self.api_key.iter().collect()
    }
}

/// What is needed to speak to one Apex Central console.
#[derive(Clone, Debug)]
pub struct ApexConfig {
    /// How it is reached; its URL has no path.
    pub link: Link,
    /// Who asks; its product is wished for later.
    pub application: Application,
}

impl Ready for ApexConfig {
    fn link(&self) -> &Link {
        &self.link
    }

    fn open(&self, client: Client, wishes: Wishes) -> Result<Arc<dyn Vendor>, VendorError> {
        let application = Application { product: wishes.product, ..self.application.clone() };
        Ok(Arc::new(ApexCentral::new(client, self.link.url.clone(), application, self.link.concurrency)?))
    }
}

impl ConsoleSection for ApexSection {
    fn complete(&self, lookup: Lookup<'_>) -> Result<Box<dyn Ready>, SettingError> {
        Ok(Box::new(self.completed(lookup)?))
    }

    fn is_set(&self) -> bool {
        self.url.is_some() || self.application_id.is_some() || self.api_key.is_some()
    }

    fn url(&self) -> Result<Url, SettingError> {
        let url = self.url.as_ref().ok_or(SettingError::Missing { section: NAME, key: "url" })?;
        Ok(url.value.clone())
    }

    fn boxed(&self) -> Box<dyn ConsoleSection> {
        Box::new(self.clone())
    }
}

impl ApexSection {
    fn completed(&self, lookup: Lookup<'_>) -> Result<ApexConfig, SettingError> {
        let missing = |key| SettingError::Missing { section: NAME, key };
        let url = self.url.as_ref().ok_or_else(|| missing("url"))?.value.clone();
        let application_id = self.application_id.as_ref().ok_or_else(|| missing("application_id"))?;
        let api_key = self.api_key.as_ref().ok_or_else(|| missing("api_key"))?;
        let trust = self.trust()?;
        let (key, read_from) = api_key.value.read(lookup).map_err(|source| SettingError::Secret {
            section: NAME,
            key: "api_key",
            origin: api_key.origin.clone(),
            source: Box::new(source),
        })?;
        let concurrency = self.concurrency.as_ref().and_then(|setting| usize::try_from(setting.value).ok());
        let host = url.host_str().unwrap_or_default();
        // The key itself is never sent, but what it signs is as good as a command.
        let warnings = matches!(trust, Trust::Nothing).then(|| {
            format!(
                "`apex.insecure` is on: the certificate of {host} is not verified, and whoever sits in between can read \
                 every answer and send a signed request again"
            )
        });
        Ok(ApexConfig {
            link: Link {
                address: super::requests::console_address(&url),
                trust,
                timeout: self.timeout.as_ref().map_or(TIMEOUT, |setting| setting.value),
                concurrency: NonZeroUsize::new(concurrency.unwrap_or(CONCURRENCY)).unwrap_or(NonZeroUsize::MIN),
                credentials_from: read_from,
                warnings: warnings.into_iter().collect(),
                url,
            },
            application: Application {
                id: application_id.value.clone(),
                key,
                corrects_clock: self.correct_clock.as_ref().is_none_or(|setting| setting.value),
                product: None,
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

/// The address of an Apex Central has no path: only a proxy adds one, and then the console verifies another path than was
/// signed.
fn without_path(mut url: Url) -> Result<Url, UrlError> {
    if url.path().bytes().any(|b| b != b'/') {
        return Err(UrlError::AnyPath);
    }
    url.set_path("/");
    Ok(url)
}

#[cfg(test)]
mod tests;
