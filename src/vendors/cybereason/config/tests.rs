use std::path::Path;

use zeroize::Zeroizing;

use super::*;
use crate::{
    http::Trust,
    secret::Origin,
    settings::{Base, Layer, Raw},
};

/// A section in which each setting stands on a line of its own.
fn section(settings: &[(&str, &str)]) -> Result<CybereasonSection, SettingError> {
    let base = Base::default();
    let mut section = CybereasonSection::default();
    for (index, (key, value)) in settings.iter().enumerate() {
        let raw = Raw::Word(Zeroizing::new((*value).to_owned()));
        let origin =
            Origin::Key { key: format!("cybereason.{key}"), path: Path::new("c.toml").into(), line: index + 1 };
        section.set(key, Given { raw, origin, layer: Layer::File, base: &base })?;
    }
    Ok(section)
}

fn complete(settings: &[(&str, &str)]) -> Result<CybereasonConfig, SettingError> {
    let mut all =
        vec![("url", "acme.cybereason.example"), ("username", "soc@acme.example"), ("password", "hunter2 Word")];
    all.extend_from_slice(settings);
    section(&all)?.completed(&|_| None)
}

const PIN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn every_key_that_is_declared_can_be_set() {
    for key in CybereasonSection::default().keys() {
        let error = section(&[(key, "\u{7}")]).err();
        assert!(!matches!(error, Some(SettingError::UnknownKey { .. })), "{key}");
    }
    assert!(matches!(section(&[("base_url", "x")]), Err(SettingError::UnknownKey { .. })));
}

#[test]
fn what_is_not_set_has_a_default() {
    let config = complete(&[]).unwrap();
    assert_eq!(config.link.url.as_str(), "https://acme.cybereason.example/");
    assert_eq!(config.link.address, "https://acme.cybereason.example");
    assert_eq!(
        (config.account.username.as_str(), config.account.password.expose()),
        ("soc@acme.example", "hunter2 Word")
    );
    assert!(config.account.totp.is_none());
    assert!(matches!(config.link.trust, Trust::System));
    assert_eq!((config.link.concurrency.get(), config.link.timeout), (4, Duration::from_secs(150)));
    assert!(config.link.warnings.is_empty());
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn what_a_browser_shows_behind_the_address_is_cut_off() {
    let url = |text: &str| complete(&[("url", text)]).map(|config| config.link.url.to_string()).unwrap();
    for pasted in [
        "https://acme.cybereason.example/login.html",
        "acme.cybereason.example/rest/",
        "acme.cybereason.example/rest/x",
    ] {
        assert_eq!(url(pasted), "https://acme.cybereason.example/", "{pasted}");
    }
    assert_eq!(url("https://proxy.example:8443/edr/"), "https://proxy.example:8443/edr/");
}

#[test]
fn a_key_of_the_second_factor_is_read_as_people_copy_it_and_told_if_it_cannot_be_one() {
    for good in
        ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "gezd gnbv gy3t qojq", "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&issuer=y"]
    {
        assert!(complete(&[("totp_secret", good)]).unwrap().account.totp.is_some(), "{good}");
    }
    let error = complete(&[("totp_secret", "not base32 8910!")]).unwrap_err().to_string();
    assert!(error.contains("base32") && !error.contains("8910"), "{error}");
    let config = complete(&[("totp_secret", "GEZDGNBVGY3TQOJQ")]).unwrap();
    assert!(!format!("{config:?}").contains("GEZD"), "{config:?}");
}

#[test]
fn a_pin_is_trusted_alone_and_whoever_verifies_nothing_is_told_what_it_may_cost() {
    assert!(matches!(
        complete(&[("certificate_sha256", PIN)]).unwrap().link.trust,
        Trust::Pinned { ca_file: None, .. }
    ));
    assert!(complete(&[("certificate_sha256", PIN), ("insecure", "true")]).is_err());
    assert!(matches!(complete(&[("ca_file", "ca.pem")]).unwrap().link.trust, Trust::SystemAnd(_)));
    let config = complete(&[("insecure", "true")]).unwrap();
    assert!(config.link.warnings[0].contains("can read the password"), "{:?}", config.link.warnings);
}

#[test]
fn secrets_are_declared() {
    let section = section(&[("password", "x"), ("totp_secret", "y")]).unwrap();
    assert_eq!(section.secrets().len(), 2);
    assert!(section.is_set());
    assert!(!CybereasonSection::default().is_set());
}
