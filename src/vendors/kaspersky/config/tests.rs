use std::path::Path;

use zeroize::Zeroizing;

use super::*;
use crate::{
    secret::Origin,
    settings::{Base, Layer, Raw},
};

/// A section in which each setting stands on a line of its own.
fn section(settings: &[(&str, &str)]) -> Result<KasperskySection, SettingError> {
    let base = Base::default();
    let mut section = KasperskySection::default();
    for (index, (key, value)) in settings.iter().enumerate() {
        let raw = Raw::Word(Zeroizing::new((*value).to_owned()));
        let origin = Origin::Key { key: format!("kaspersky.{key}"), path: Path::new("c.toml").into(), line: index + 1 };
        section.set(key, Given { raw, origin, layer: Layer::File, base: &base })?;
    }
    Ok(section)
}

fn complete(settings: &[(&str, &str)]) -> Result<KasperskyConfig, SettingError> {
    let mut all = vec![("url", "ksc.example"), ("user", "responder"), ("password", "hunter2 Word")];
    all.extend_from_slice(settings);
    section(&all)?.completed(&|_| None)
}

const PIN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn every_key_that_is_declared_can_be_set() {
    for key in KasperskySection::default().keys() {
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
        ("https://ksc.example:13299/", "https://ksc.example:13299")
    );
    assert_eq!((config.account.user.as_str(), config.account.password.expose()), ("responder", "hunter2 Word"));
    assert!(config.account.internal && !config.account.domain_base64);
    assert_eq!((&config.account.domain, &config.account.virtual_server), (&None, &None));
    assert!(matches!(config.link.trust, Trust::System));
    assert_eq!((config.link.concurrency.get(), config.link.timeout), (16, Duration::from_secs(60)));
    assert!(config.link.warnings.is_empty());
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_port_is_added_and_the_path_of_the_api_is_cut_off() {
    let url = |text: &str| complete(&[("url", text)]).map(|config| config.link.url.to_string()).unwrap();
    for pasted in ["ksc.example", "https://ksc.example:13299/", "https://KSC.example/api/v1.0", "ksc.example/api/v1.0/"]
    {
        assert_eq!(url(pasted), "https://ksc.example:13299/", "{pasted}");
    }
    assert_eq!(url("https://ksc.example:8443/ksc/"), "https://ksc.example:8443/ksc/");
    assert_eq!(url("https://ksc.example/ksc/api/v1.0/"), "https://ksc.example:13299/ksc/");
}

#[test]
fn a_domain_goes_with_an_account_of_the_operating_system() {
    let config = complete(&[("internal_user", "false"), ("domain", "corp"), ("domain_base64", "true")]).unwrap();
    assert!(!config.account.internal && config.account.domain_base64);
    assert_eq!(config.account.domain.as_deref(), Some("corp"));
    assert!(!complete(&[("internal_user", "false")]).unwrap().account.internal, "a domain is not needed");
    let told = |settings: &[(&str, &str)]| complete(settings).unwrap_err().to_string();
    assert_eq!(
        told(&[("domain", "corp")]),
        "key `kaspersky.domain` in c.toml line 4 must be together with `internal_user = false`: a user of the console's own \
         has no domain"
    );
    assert!(told(&[("domain", "corp"), ("internal_user", "true")]).ends_with("contradict each other"));
    assert!(told(&[("domain_base64", "true")]).contains("together with `domain`"));
    for bad in ["corp\" internal=\"1", "a b", "cörp"] {
        assert!(told(&[("internal_user", "false"), ("domain", bad)]).contains("a domain's name"), "{bad}");
    }
}

#[test]
fn a_certificate_is_trusted_alone() {
    let trust = |settings: &[(&str, &str)]| complete(settings).map(|config| config.link.trust);
    assert!(
        matches!(trust(&[("certificate", "klserver.cer")]), Ok(Trust::Exactly(path)) if path.ends_with("klserver.cer"))
    );
    assert!(matches!(trust(&[("certificate", "a.cer"), ("insecure", "false")]), Ok(Trust::Exactly(_))));
    assert!(matches!(trust(&[("ca_file", "ca.pem")]), Ok(Trust::SystemAnd(_))));
    assert!(matches!(trust(&[("certificate_sha256", PIN)]), Ok(Trust::Pinned { ca_file: None, .. })));
    assert!(matches!(
        trust(&[("certificate_sha256", PIN), ("ca_file", "c")]),
        Ok(Trust::Pinned { ca_file: Some(_), .. })
    ));
    for other in [("certificate_sha256", PIN), ("ca_file", "ca.pem"), ("insecure", "true")] {
        let error = trust(&[("certificate", "a.cer"), other]).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "key `kaspersky.certificate` in c.toml line 4 and key `kaspersky.{}` in c.toml line 5 contradict each other",
                other.0
            )
        );
    }
    assert!(trust(&[("certificate_sha256", PIN), ("insecure", "true")]).is_err());
    let error = trust(&[("certificate_sha256", "hunter2")]).unwrap_err().to_string();
    assert!(error.contains("SHA-256") && !error.contains("hunter2"), "{error}");
}

#[test]
fn whoever_verifies_nothing_is_told_what_it_may_cost() {
    let config = complete(&[("insecure", "true")]).unwrap();
    assert!(matches!(config.link.trust, Trust::Nothing));
    assert!(config.link.warnings[0].contains("can read the password"), "{:?}", config.link.warnings);
}

#[test]
fn a_console_is_opened_without_a_request() {
    let config =
        complete(&[("concurrency", "3"), ("virtual_server", "Zweigstelle Köln"), ("insecure", "true")]).unwrap();
    let options =
        ClientOptions { trust: Trust::Nothing, timeout: Duration::from_secs(1), idle_connections: 1, proxy: false };
    let console = config.open_with(&options, Wishes::default()).unwrap();
    assert_eq!(console.capabilities().max_in_flight.get(), 3);
    assert!(!format!("{console:?} {console:#?}").contains("hunter2"));
}

#[test]
fn secrets_are_declared() {
    let section = section(&[("password", "x")]).unwrap();
    assert_eq!(section.secrets().len(), 1);
    assert!(section.is_set());
    assert!(!KasperskySection::default().is_set());
}
