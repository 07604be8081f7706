//! The `[stream]` section of the configuration: what the receivers of events want to know, and must not stand in an argument.

use std::path::PathBuf;

use crate::{
    secret::{Lookup, Secret, SecretSource},
    settings::{Given, Section, Setting, SettingError},
    stream::sinks::http::ElasticAuth,
};

const NAME: &str = "stream";

/// The section as far as it has been set.
#[derive(Clone, Debug, Default)]
pub struct StreamSection {
    splunk_token: Option<Setting<SecretSource>>,
    splunk_index: Option<Setting<String>>,
    elastic_api_key: Option<Setting<SecretSource>>,
    elastic_username: Option<Setting<String>>,
    elastic_password: Option<Setting<SecretSource>>,
    sink_ca_file: Option<Setting<PathBuf>>,
}

impl Section for StreamSection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &'static [&'static str] {
        &["splunk_token", "splunk_index", "elastic_api_key", "elastic_username", "elastic_password", "sink_ca_file"]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "splunk_token" => self.splunk_token = Some(given.secret()?),
            "splunk_index" => self.splunk_index = Some(given.line()?),
            "elastic_api_key" => self.elastic_api_key = Some(given.secret()?),
            "elastic_username" => self.elastic_username = Some(given.line()?),
            "elastic_password" => self.elastic_password = Some(given.secret()?),
            "sink_ca_file" => self.sink_ca_file = Some(given.path()?),
            _ => return Err(given.unknown()),
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<&Setting<SecretSource>> {
        [&self.splunk_token, &self.elastic_api_key, &self.elastic_password].into_iter().flatten().collect()
    }
}

impl StreamSection {
    /// The token of the event collector.
    ///
    /// # Errors
    ///
    /// [`SettingError`] if none is set, or it cannot be read.
    pub fn splunk_token(&self, lookup: Lookup<'_>) -> Result<Secret, SettingError> {
        let missing = SettingError::Missing { section: NAME, key: "splunk_token" };
        read("splunk_token", self.splunk_token.as_ref().ok_or(missing)?, lookup)
    }

    /// The index of the event collector, if it is not the token's own.
    pub fn splunk_index(&self) -> Option<String> {
        self.splunk_index.as_ref().map(|setting| setting.value.clone())
    }

    /// How Elasticsearch is signed in to.
    ///
    /// # Errors
    ///
    /// [`SettingError`] if two ways are set, one is set by half, or a secret cannot be read.
    pub fn elastic(&self, lookup: Lookup<'_>) -> Result<ElasticAuth, SettingError> {
        let missing = |key| SettingError::Missing { section: NAME, key };
        match (&self.elastic_api_key, &self.elastic_username, &self.elastic_password) {
            (Some(key), Some(name), _) => {
                Err(SettingError::Contradiction { first: key.origin.clone(), second: name.origin.clone() })
            }
            (Some(key), None, _) => read("elastic_api_key", key, lookup).map(ElasticAuth::ApiKey),
            (None, Some(name), Some(password)) => Ok(ElasticAuth::Basic {
                user: name.value.clone(),
                password: read("elastic_password", password, lookup)?,
            }),
            (None, Some(_), None) => Err(missing("elastic_password")),
            (None, None, Some(_)) => Err(missing("elastic_username")),
            (None, None, None) => Ok(ElasticAuth::None),
        }
    }

    /// A private CA that the receivers' certificates are trusted by.
    pub fn sink_ca_file(&self) -> Option<PathBuf> {
        self.sink_ca_file.as_ref().map(|setting| setting.value.clone())
    }
}

fn read(key: &'static str, setting: &Setting<SecretSource>, lookup: Lookup<'_>) -> Result<Secret, SettingError> {
    let read = setting.value.read(lookup).map(|(secret, _)| secret);
    read.map_err(|source| SettingError::Secret {
        section: NAME,
        key,
        origin: setting.origin.clone(),
        source: Box::new(source),
    })
}
