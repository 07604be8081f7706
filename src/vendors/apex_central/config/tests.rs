use std::path::Path;

use zeroize::Zeroizing;

use super::*;
use crate::{
    http::Trust,
    secret::Origin,
    settings::{Base, Layer, Raw},
};

/// A section in which each setting stands on a line of its own.
fn section(settings: &[(&str, &str)]) -> Result<ApexSection, SettingError> {
    let base = Base::default();
    let mut section = ApexSection::default();
    for (index, (key, value)) in settings.iter().enumerate() {
        let raw = Raw::Word(Zeroizing::new((*value).to_owned()));
        let origin = Origin::Key { key: format!("apex.{key}"), path: Path::new("c.toml").into(), line: index + 1 };
        section.set(key, Given { raw, origin, layer: Layer::File, base: &base })?;
    }
    Ok(section)
}

fn complete(settings: &[(&str, &str)]) -> Result<ApexConfig, SettingError> {
    let mut all = vec![("url", "apex.example"), ("application_id", "App-Id"), ("api_key", "hunter2 Key")];
    all.extend_from_slice(settings);
    section(&all)?.completed(&|_| None)
}

const PIN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn every_key_that_is_declared_can_be_set() {
    for key in ApexSection::default().keys() {
        let error = section(&[(key, "\u{7}")]).err();
        assert!(!matches!(error, Some(SettingError::UnknownKey { .. })), "{key}");
    }
    assert!(matches!(section(&[("base_url", "x")]), Err(SettingError::UnknownKey { .. })));
}

#[test]
fn what_is_not_set_has_a_default() {
    let config = complete(&[]).unwrap();
    assert_eq!(
        (config.link.url.as_str(), config.link.address.as_str()),
        ("https://apex.example/", "https://apex.example")
    );
    assert_eq!((config.application.id.as_str(), config.application.key.expose()), ("App-Id", "hunter2 Key"));
    assert_eq!(config.link.credentials_from.to_string(), "key `apex.api_key` in c.toml line 3");
    assert!(matches!(config.link.trust, Trust::System));
    assert_eq!((config.link.concurrency.get(), config.link.timeout), (64, Duration::from_secs(60)));
    assert!(config.application.corrects_clock && config.application.product.is_none());
    assert!(config.link.warnings.is_empty());
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn what_is_set_is_kept() {
    let config = complete(&[("correct_clock", "false"), ("timeout", "5s"), ("concurrency", "3")]).unwrap();
    assert!(!config.application.corrects_clock);
    assert_eq!((config.link.concurrency.get(), config.link.timeout), (3, Duration::from_secs(5)));
}

#[test]
fn an_address_is_taken_in_every_form_that_people_paste() {
    let url = |text: &str| complete(&[("url", text)]).map(|config| config.link.url.to_string());
    for pasted in ["https://apex.example", "https://apex.example/", "HTTPS://APEX.example:443//", "apex.example/"] {
        assert_eq!(url(pasted).unwrap(), "https://apex.example/", "{pasted}");
    }
    assert_eq!(url("apex.example:8443").unwrap(), "https://apex.example:8443/");
    let refused = |text: &str| match url(text).unwrap_err() {
        SettingError::Url { source, .. } => source,
        other => panic!("{other:?}"),
    };
    for path in
        ["apex.example/WebApp", "https://proxy.example/apex/", "apex.example/WebApp/API/AgentResource/ProductAgents"]
    {
        assert_eq!(refused(path), UrlError::AnyPath, "{path}");
    }
    assert_eq!(refused("apex.example/?a=b"), UrlError::Query);
    assert_eq!(refused("user:hunter2@apex.example"), UrlError::UserInfo);
    assert_eq!(refused("http://apex.example"), UrlError::PlainHttp);
}

#[test]
fn what_is_missing_is_named() {
    let missing = |settings: &[(&str, &str)]| section(settings).unwrap().completed(&|_| None).unwrap_err().to_string();
    assert_eq!(missing(&[]), "`apex.url` is not set");
    assert_eq!(missing(&[("url", "a")]), "`apex.application_id` is not set");
    assert_eq!(missing(&[("url", "a"), ("application_id", "b")]), "`apex.api_key` is not set");
    let empty = missing(&[("url", "a"), ("application_id", "b"), ("api_key", "")]);
    assert_eq!(empty, "read the secret `apex.api_key`, set by key `apex.api_key` in c.toml line 3");
}

#[test]
fn trust_is_the_systems_a_files_a_keys_or_nobodys() {
    let trust = |settings: &[(&str, &str)]| complete(settings).unwrap().link.trust;
    assert!(matches!(trust(&[("ca_file", "/ca.pem")]), Trust::SystemAnd(path) if path == Path::new("/ca.pem")));
    assert!(matches!(trust(&[("certificate_sha256", PIN)]), Trust::Pinned { ca_file: None, .. }));
    let both = trust(&[("certificate_sha256", PIN), ("ca_file", "/ca.pem")]);
    assert!(matches!(both, Trust::Pinned { ca_file: Some(_), .. }));
    let insecure = complete(&[("insecure", "true"), ("ca_file", "/ca.pem")]).unwrap().link;
    assert!(matches!(insecure.trust, Trust::Nothing));
    assert!(
        matches!(insecure.warnings.as_slice(), [one] if one.contains("apex.example") && one.contains("apex.insecure"))
    );
    assert!(matches!(trust(&[("certificate_sha256", PIN), ("insecure", "false")]), Trust::Pinned { .. }));
}

#[test]
fn a_pin_and_no_verification_contradict_each_other() {
    let error = complete(&[("certificate_sha256", PIN), ("insecure", "true")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "key `apex.insecure` in c.toml line 5 and key `apex.certificate_sha256` in c.toml line 4 contradict each other"
    );
    let error = complete(&[("certificate_sha256", "hunter2")]).unwrap_err().to_string();
    assert!(error.contains("SHA-256") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_console_is_opened_for_a_product_that_is_written_like_one() {
    let config = complete(&[]).unwrap();
    let open = |product: Option<&str>| {
        let client = crate::http::client(&crate::http::ClientOptions {
            trust: Trust::Nothing,
            timeout: Duration::from_secs(1),
            idle_connections: 1,
            proxy: false,
        });
        config.open(client.unwrap(), Wishes { product: product.map(str::to_owned), ..Wishes::default() })
    };
    assert_eq!(open(None).unwrap().capabilities().max_in_flight.get(), 64);
    assert!(open(Some("SLF_PRODUCT_OFFICESCAN_CE")).is_ok());
    assert!(open(Some("no product")).is_err());
}
