use std::path::Path;

use zeroize::Zeroizing;

use super::*;
use crate::{
    http::Trust,
    secret::Origin,
    settings::{Base, Raw},
};

/// A section in which each setting stands on a line of its own.
fn section(settings: &[(&str, &str, Layer)]) -> Result<CiscoSection, SettingError> {
    let base = Base::default();
    let mut section = CiscoSection::default();
    for (index, (key, value, layer)) in settings.iter().enumerate() {
        let raw = Raw::Word(Zeroizing::new((*value).to_owned()));
        let origin = Origin::Key { key: format!("cisco.{key}"), path: Path::new("c.toml").into(), line: index + 1 };
        section.set(key, Given { raw, origin, layer: *layer, base: &base })?;
    }
    Ok(section)
}

fn complete(settings: &[(&str, &str, Layer)]) -> Result<CiscoConfig, SettingError> {
    let mut all = vec![("client_id", "abc", Layer::File), ("api_key", "hunter2", Layer::File)];
    all.extend_from_slice(settings);
    section(&all)?.completed(&|_| None)
}

fn base_of(url: &str) -> Result<String, SettingError> {
    complete(&[("base_url", url, Layer::File)]).map(|config| config.link.url.to_string())
}

#[test]
fn every_key_that_is_declared_can_be_set() {
    for key in CiscoSection::default().keys() {
        let error = section(&[(key, "\u{7}", Layer::File)]).err();
        assert!(!matches!(error, Some(SettingError::UnknownKey { .. })), "{key}");
    }
    assert!(matches!(section(&[("api_kye", "x", Layer::File)]), Err(SettingError::UnknownKey { .. })));
}

#[test]
fn what_is_not_set_has_a_default() {
    let config = complete(&[("region", "eu", Layer::File)]).unwrap();
    assert_eq!(config.link.url.as_str(), "https://api.eu.amp.cisco.com/");
    assert_eq!((config.client_id.as_str(), config.api_key.expose()), ("abc", "hunter2"));
    assert_eq!(config.link.credentials_from.to_string(), "key `cisco.api_key` in c.toml line 2");
    assert!(matches!(config.link.trust, Trust::System));
    assert_eq!((config.link.concurrency.get(), config.link.timeout), (64, Duration::from_secs(30)));
    assert!(config.link.warnings.is_empty());
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn each_region_has_its_address() {
    for (region, address) in [
        ("nam", "https://api.amp.cisco.com/"),
        ("eu", "https://api.eu.amp.cisco.com/"),
        ("APJC", "https://api.apjc.amp.cisco.com/"),
    ] {
        assert_eq!(complete(&[("region", region, Layer::File)]).unwrap().link.url.as_str(), address);
    }
    let error = complete(&[("region", "us", Layer::File)]).unwrap_err();
    assert_eq!(error.to_string(), "key `cisco.region` in c.toml line 3 must be one of `nam`, `eu`, `apjc`");
}

#[test]
fn an_address_is_taken_in_every_form_that_people_paste() {
    for pasted in [
        "api.amp.cisco.com",
        "api.amp.cisco.com/v1",
        "https://api.amp.cisco.com",
        "https://api.amp.cisco.com/",
        "https://api.amp.cisco.com/v1",
        "https://api.amp.cisco.com/v1/",
        "https://api.amp.cisco.com//v1//",
        "https://api.amp.cisco.com/v1/computers",
        "https://api.amp.cisco.com/v1/computers/",
        "https://api.amp.cisco.com/v1/computers//",
        "HTTPS://API.AMP.CISCO.COM:443/V1/Computers/",
    ] {
        assert_eq!(base_of(pasted).unwrap(), "https://api.amp.cisco.com/", "{pasted}");
    }
    assert_eq!(base_of("http://127.0.0.1:8080/v1").unwrap(), "http://127.0.0.1:8080/");
    assert_eq!(base_of("http://[::1]:8080/v1/computers/").unwrap(), "http://[::1]:8080/");
}

#[test]
fn a_reverse_proxy_keeps_its_path() {
    assert_eq!(base_of("https://proxy.example/amp/v1").unwrap(), "https://proxy.example/amp/");
    assert_eq!(base_of("https://proxy.example/a/b/v1/computers/").unwrap(), "https://proxy.example/a/b/");
    assert_eq!(base_of("https://proxy.example/amp").unwrap(), "https://proxy.example/amp/");
    assert_eq!(base_of("https://proxy.example/computers").unwrap(), "https://proxy.example/computers/");
}

#[test]
fn an_address_that_leads_elsewhere_in_the_api_is_refused() {
    for pasted in ["https://api.amp.cisco.com/v3", "https://api.amp.cisco.com/v1/version", "https://p/v1/v1"] {
        let error = base_of(pasted).unwrap_err();
        assert!(matches!(error, SettingError::Url { source: UrlError::Path, .. }), "{pasted}: {error:?}");
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_never_shown() {
    for pasted in ["https://id:hunter2@api.amp.cisco.com/v1", "id:hunter2@api.amp.cisco.com"] {
        let error = base_of(pasted).unwrap_err();
        assert!(matches!(error, SettingError::Url { source: UrlError::UserInfo, .. }));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    assert!(matches!(base_of("http://api.amp.cisco.com"), Err(SettingError::Url { source: UrlError::PlainHttp, .. })));
}

#[test]
fn a_stronger_layer_settles_where_the_console_is() {
    use Layer::{Environment, File, Flag, Profile};
    let private = "https://edr.corp.example";
    let base = |region: Layer, url: Layer| {
        complete(&[("region", "eu", region), ("base_url", private, url)]).map(|config| config.link.url.to_string())
    };
    for (region, url) in [(File, Profile), (File, Environment), (Profile, Environment), (Environment, Flag)] {
        assert_eq!(base(region, url).unwrap(), "https://edr.corp.example/");
    }
    for (region, url) in [(Profile, File), (Flag, File), (Flag, Environment)] {
        assert_eq!(base(region, url).unwrap(), "https://api.eu.amp.cisco.com/");
    }
    for (region, url) in [(File, File), (Environment, Environment), (Environment, File), (Environment, Profile)] {
        let error = base(region, url).unwrap_err();
        assert_eq!(
            error.to_string(),
            "key `cisco.region` in c.toml line 3 and key `cisco.base_url` in c.toml line 4 both say where the console is"
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    let missing = |settings: &[(&str, &str, Layer)]| section(settings).unwrap().completed(&|_| None).unwrap_err();
    let region = ("region", "eu", Layer::File);
    let id = ("client_id", "abc", Layer::File);
    assert_eq!(missing(&[]).to_string(), "neither `cisco.region` nor `cisco.base_url` is set");
    assert_eq!(missing(&[region]).to_string(), "`cisco.client_id` is not set");
    assert_eq!(missing(&[region, id]).to_string(), "`cisco.api_key` is not set");
    let empty = missing(&[region, id, ("api_key", "", Layer::File)]);
    assert_eq!(empty.to_string(), "read the secret `cisco.api_key`, set by key `cisco.api_key` in c.toml line 3");
}

#[test]
fn a_client_id_ends_before_a_colon() {
    for bad in ["abc:def", "", " abc", "abc\n", "a\u{0}b"] {
        let error = section(&[("client_id", bad, Layer::File)]).unwrap_err();
        assert!(matches!(error, SettingError::Wrong { .. }), "{bad:?}: {error:?}");
    }
}

#[test]
fn an_unverified_certificate_is_warned_of() {
    let config = complete(&[("region", "eu", Layer::File), ("insecure", "true", Layer::Environment)]).unwrap();
    assert!(matches!(config.link.trust, Trust::Nothing));
    let warnings = config.link.warnings.join("\n");
    assert!(warnings.contains("`cisco.insecure`") && warnings.contains("api.eu.amp.cisco.com"), "{warnings}");
}

#[test]
fn numbers_have_bounds() {
    let set = |key: &str, value: &str| complete(&[("region", "eu", Layer::File), (key, value, Layer::File)]);
    assert_eq!(set("concurrency", "1").unwrap().link.concurrency.get(), 1);
    assert_eq!(set("concurrency", "256").unwrap().link.concurrency.get(), 256);
    assert!(set("concurrency", "0").is_err() && set("concurrency", "257").is_err());
    assert_eq!(set("timeout", "1m30s").unwrap().link.timeout, Duration::from_secs(90));
    assert!(set("timeout", "0s").is_err() && set("timeout", "2h").is_err() && set("timeout", "30").is_err());
}
