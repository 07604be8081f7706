//! How a console is reached: the keys that every console's section has beside its own.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use super::Link;
use crate::{
    http::{Pin, Trust, Url},
    secret::Origin,
    settings::{Given, Setting, SettingError},
};

/// What has been set of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    ca_file: Option<Setting<PathBuf>>,
    certificate_sha256: Option<Setting<Pin>>,
    insecure: Option<Setting<bool>>,
    concurrency: Option<Setting<u64>>,
    timeout: Option<Setting<Duration>>,
}

/// What differs from console to console where nothing is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    /// The section.
    pub(super) section: &'static str,
    /// Requests in flight.
    pub(super) concurrency: usize,
    /// How long an answer may take.
    pub(super) timeout: Duration,
    /// What whoever sits in between can do if the certificate is not verified: "read the password".
    pub(super) risk: &'static str,
}

impl Reach {
    /// Sets one of these keys; a section hands on what is none of its own.
    ///
    /// # Errors
    ///
    /// [`SettingError`] as for every section.
    pub(super) fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "ca_file" => self.ca_file = Some(given.path()?),
            "insecure" => self.insecure = Some(given.truth()?),
            "concurrency" => self.concurrency = Some(given.whole(1..=256)?),
            "timeout" => {
                self.timeout = Some(given.duration(Duration::from_millis(1)..=Duration::from_secs(3_600))?);
            }
            _ => return Err(given.unknown()),
        }
        Ok(())
    }

    /// Sets `certificate_sha256`: not every console can have a certificate of its own.
    ///
    /// # Errors
    ///
    /// [`SettingError`] if it is no such hash.
    pub(super) fn pin(&mut self, given: Given<'_>) -> Result<(), SettingError> {
        let line = given.line()?;
        match Pin::parse(&line.value) {
            Ok(value) => {
                self.certificate_sha256 = Some(Setting { value, origin: line.origin, layer: line.layer });
                Ok(())
            }
            Err(why) => Err(SettingError::Wrong {
                origin: line.origin,
                expected: format!("the SHA-256 of a public key or certificate; this {why}"),
            }),
        }
    }

    /// Which certificates are trusted.
    ///
    /// # Errors
    ///
    /// [`SettingError::Contradiction`] for a pin that is not to be heeded: whoever pins a key means it, and one of the two was
    /// left behind.
    pub(super) fn trust(&self) -> Result<Trust, SettingError> {
        let insecure = self.insecure.as_ref().filter(|setting| setting.value);
        let ca_file = self.ca_file.as_ref().map(|setting| setting.value.clone());
        match (insecure, &self.certificate_sha256) {
            (Some(insecure), Some(pin)) => {
                Err(SettingError::Contradiction { first: insecure.origin.clone(), second: pin.origin.clone() })
            }
            (Some(_), None) => Ok(Trust::Nothing),
            (None, Some(pin)) => Ok(Trust::Pinned { pin: pin.value, ca_file }),
            (None, None) => Ok(ca_file.map_or(Trust::System, Trust::SystemAnd)),
        }
    }

    /// Where any of the keys was set that say what is trusted.
    pub(super) fn trust_said(&self) -> Option<&Origin> {
        let insecure = self.insecure.as_ref().filter(|setting| setting.value).map(|setting| &setting.origin);
        let pinned = self.certificate_sha256.as_ref().map(|setting| &setting.origin);
        insecure.or(pinned).or_else(|| self.ca_file.as_ref().map(|setting| &setting.origin))
    }

    /// All of it together, with the usual where nothing is set. The address is told as the URL's origin.
    pub(super) fn link(&self, url: Url, trust: Trust, credentials_from: Origin, usual: Usual) -> Link {
        let Usual { section, concurrency, timeout, risk } = usual;
        let said = self.concurrency.as_ref().and_then(|setting| usize::try_from(setting.value).ok());
        let warning = matches!(trust, Trust::Nothing).then(|| {
            format!(
                "`{section}.insecure` is on: the certificate of {} is not verified, and whoever sits in between can {risk}",
                url.host_str().unwrap_or_default()
            )
        });
        Link {
            address: url.origin().ascii_serialization(),
            trust,
            timeout: self.timeout.as_ref().map_or(timeout, |setting| setting.value),
            concurrency: NonZeroUsize::new(said.unwrap_or(concurrency)).unwrap_or(NonZeroUsize::MIN),
            credentials_from,
            warnings: warning.into_iter().collect(),
            url,
        }
    }
}
