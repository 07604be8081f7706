//! The `[cisco]` section of the configuration: where the console is, and who asks.

use std::{sync::Arc, time::Duration};

use url::Url;

use super::Cisco;
use crate::{
    domain::console_url::UrlError,
    http::Client,
    secret::{Lookup, Secret, SecretSource},
    settings::{Given, Layer, Section, Setting, SettingError},
    vendors::{
        ConsoleSection, Link, Ready, Vendor, VendorError, Wishes,
        reach::{Reach, Usual},
    },
};

/// The section, and the console's word everywhere else.
pub(super) const NAME: &str = "cisco";

const REGIONS: [(&str, Region); 3] = [("nam", Region::Nam), ("eu", Region::Eu), ("apjc", Region::Apjc)];

/// Requests in flight unless the configuration says otherwise.
const CONCURRENCY: usize = 64;

/// How long an answer may take unless the configuration says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The three clouds of Secure Endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Region {
    Nam,
    Eu,
    Apjc,
}

impl Region {
    const fn address(self) -> &'static str {
        match self {
            Self::Nam => "https://api.amp.cisco.com/",
            Self::Eu => "https://api.eu.amp.cisco.com/",
            Self::Apjc => "https://api.apjc.amp.cisco.com/",
        }
    }
}

/// What is so unless the configuration says otherwise.
const USUAL: Usual = Usual { section: NAME, concurrency: CONCURRENCY, timeout: TIMEOUT, risk: "read the API key" };

/// The section as far as it has been set.
#[derive(Clone, Debug, Default)]
pub struct CiscoSection {
    region: Option<Setting<Region>>,
    base_url: Option<Setting<Url>>,
    client_id: Option<Setting<String>>,
    api_key: Option<Setting<SecretSource>>,
    reach: Reach,
}

impl Section for CiscoSection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &'static [&'static str] {
        &["region", "base_url", "client_id", "api_key", "ca_file", "insecure", "concurrency", "timeout"]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "region" => self.region = Some(given.word(&REGIONS)?),
            "base_url" => self.base_url = Some(given.url(without_api_path)?),
            "client_id" => self.client_id = Some(client_id(given)?),
            "api_key" => self.api_key = Some(given.secret()?),
            _ => return self.reach.set(key, given),
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<&Setting<SecretSource>> {
        self.api_key.iter().collect()
    }
}

/// What is needed to speak to one Secure Endpoint console.
#[derive(Clone, Debug)]
pub struct CiscoConfig {
    /// How it is reached; its URL has no `/v1`, a slash at its end, and keeps a reverse proxy's path.
    pub link: Link,
    /// The "3rd Party API Client ID".
    pub client_id: String,
    /// Its key.
    pub api_key: Secret,
}

impl Ready for CiscoConfig {
    fn link(&self) -> &Link {
        &self.link
    }

    fn account(&self) -> Option<&str> {
        Some(&self.client_id)
    }

    fn open(&self, client: Client, wishes: Wishes) -> Result<Arc<dyn Vendor>, VendorError> {
        let base = self.link.url.clone();
        let in_flight = self.link.concurrency;
        let cisco = Cisco::new(client, base, &self.client_id, &self.api_key, wishes.unlock_code, in_flight)?;
        Ok(Arc::new(cisco))
    }
}

impl ConsoleSection for CiscoSection {
    fn complete(&self, lookup: Lookup<'_>) -> Result<Box<dyn Ready>, SettingError> {
        Ok(Box::new(self.completed(lookup)?))
    }

    fn is_set(&self) -> bool {
        self.region.is_some() || self.base_url.is_some() || self.client_id.is_some() || self.api_key.is_some()
    }

    fn url(&self) -> Result<Url, SettingError> {
        self.base()
    }

    fn boxed(&self) -> Box<dyn ConsoleSection> {
        Box::new(self.clone())
    }
}

impl CiscoSection {
    fn completed(&self, lookup: Lookup<'_>) -> Result<CiscoConfig, SettingError> {
        let missing = |key| SettingError::Missing { section: NAME, key };
        let url = self.base()?;
        let client_id = self.client_id.as_ref().ok_or_else(|| missing("client_id"))?.value.clone();
        let api_key = self.api_key.as_ref().ok_or_else(|| missing("api_key"))?;
        let (secret, read_from) = api_key.read(NAME, "api_key", lookup)?;
        let trust = self.reach.trust()?;
        Ok(CiscoConfig {
            link: Link {
                address: super::requests::console_address(&url),
                ..self.reach.link(url, trust, read_from, USUAL)
            },
            client_id,
            api_key: secret,
        })
    }

    /// Where the console is. Credentials must never reach a console that was not meant, so nothing is guessed here.
    fn base(&self) -> Result<Url, SettingError> {
        let of_region = |region: &Setting<Region>| {
            let origin = region.origin.clone();
            Url::parse(region.value.address()).map_err(|_| SettingError::Url { origin, source: UrlError::NotAUrl })
        };
        match (&self.region, &self.base_url) {
            (None, None) => Err(SettingError::NoConsole { section: NAME, regions: "`nam`, `eu` or `apjc`" }),
            (Some(region), None) => of_region(region),
            (None, Some(url)) => Ok(url.value.clone()),
            (Some(region), Some(url)) if url.layer > region.layer => Ok(url.value.clone()),
            // A profile or a flag is chosen for this very run. A region left behind in the environment is not: it must
            // not turn a private console's key over to the public cloud.
            (Some(region), Some(url)) if region.layer > url.layer && region.layer != Layer::Environment => {
                of_region(region)
            }
            (Some(region), Some(url)) => {
                Err(SettingError::TwoConsoles { first: region.origin.clone(), second: url.origin.clone() })
            }
        }
    }
}

/// The id ends at the colon in the header that carries it.
fn client_id(given: Given<'_>) -> Result<Setting<String>, SettingError> {
    let id = given.line()?;
    if id.value.contains(':') {
        return Err(SettingError::Wrong {
            origin: id.origin,
            expected: "the API client's id alone, without `:`".into(),
        });
    }
    Ok(id)
}

/// Cuts `/v1` and `/v1/computers` off an address, in the forms that people paste.
fn without_api_path(mut url: Url) -> Result<Url, UrlError> {
    let mut segments: Vec<String> = url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let is = |segment: &String, word: &str| segment.eq_ignore_ascii_case(word);
    match segments.as_slice() {
        [.., version, last] if is(version, "v1") && is(last, "computers") => segments.truncate(segments.len() - 2),
        [.., last] if is(last, "v1") => segments.truncate(segments.len() - 1),
        _ => {}
    }
    // What is left is a reverse proxy's. A version in it means that the address goes on to somewhere in the API.
    if segments.iter().any(|segment| ["v0", "v1", "v3"].iter().any(|version| is(segment, version))) {
        return Err(UrlError::Path);
    }
    let prefix: String = segments.iter().flat_map(|segment| [segment.as_str(), "/"]).collect();
    url.set_path(&prefix);
    Ok(url)
}

#[cfg(test)]
mod tests;
