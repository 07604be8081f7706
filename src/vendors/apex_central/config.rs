//! The `[apex]` section of the configuration: where the console is, how it is trusted, and who asks.

use std::{fmt, sync::Arc, time::Duration};

use url::Url;

use super::{ApexCentral, Application};
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
pub(super) const NAME: &str = "apex";

/// Requests in flight unless the configuration says otherwise.
const CONCURRENCY: usize = 64;

/// How long an answer may take unless the configuration says otherwise: a list of all agents comes in one piece.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What is so unless the configuration says otherwise.
const USUAL: Usual = Usual {
    section: NAME,
    concurrency: CONCURRENCY,
    timeout: TIMEOUT,
    risk: "read every answer and send a signed request again",
};

/// The section as far as it has been set. It shows nothing of itself: an id may be a key in the wrong place.
#[derive(Clone, Default)]
pub struct ApexSection {
    url: Option<Setting<Url>>,
    application_id: Option<Setting<String>>,
    api_key: Option<Setting<SecretSource>>,
    reach: Reach,
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
            "certificate_sha256" => return self.reach.pin(given),
            "correct_clock" => self.correct_clock = Some(given.truth()?),
            _ => return self.reach.set(key, given),
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
        let trust = self.reach.trust()?;
        let (key, read_from) = api_key.read(NAME, "api_key", lookup)?;
        Ok(ApexConfig {
            link: Link {
                address: super::requests::console_address(&url),
                ..self.reach.link(url, trust, read_from, USUAL)
            },
            application: Application {
                id: application_id.value.clone(),
                key,
                corrects_clock: self.correct_clock.as_ref().is_none_or(|setting| setting.value),
                product: None,
            },
        })
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
