//! What is told of a certificate, and that nothing is sent for it.

use rcgen::{DistinguishedName, DnValue, SanType};
use rustls::AlertDescription;

use super::{
    trust::{Identity, hex, identity, presenting},
    *,
};

async fn looked_at(identity: &Identity) -> Presented {
    let server = tls_server(presenting(&identity.der, &identity.key, false)).await;
    presented(&Url::parse(&format!("https://{}/secret-path", server.address)).unwrap(), &options(Trust::System))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_certificate_is_told_as_it_is() {
    let identity = identity(|params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Acme");
        params.distinguished_name.push(DnType::CommonName, "apex.acme.example");
        params.subject_alt_names = vec![
            SanType::DnsName("apex.acme.example".try_into().unwrap()),
            SanType::IpAddress("10.1.2.3".parse().unwrap()),
            SanType::IpAddress("fd00::7".parse().unwrap()),
        ];
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(2024, 2, 29);
    });
    let told = looked_at(&identity).await;
    assert_eq!(told.subject, "CN=apex.acme.example,O=Acme");
    assert_eq!(told.issuer, told.subject);
    assert_eq!(told.not_before.to_string(), "2020-01-01T00:00:00Z");
    assert_eq!(told.not_after.to_string(), "2024-02-29T00:00:00Z");
    assert_eq!(told.names, ["apex.acme.example", "10.1.2.3", "fd00::7"]);
    assert_eq!(told.certificate_sha256.to_string(), hex(&identity.der));
    assert_eq!(told.public_key_sha256.to_string(), identity.key_hash());
    assert!(told.self_signed && told.is_ca);
    assert_eq!(told.chain_length, 1);
    assert_eq!(told.pem, identity.pem.replace("\r\n", "\n"));
}

#[tokio::test]
async fn what_an_authority_has_issued_is_not_self_signed() {
    let (config, _) = certificate_by("an authority", "127.0.0.1", 2090);
    let server = tls_server(config).await;
    let url = Url::parse(&format!("https://{}/", server.address)).unwrap();
    let told = presented(&url, &options(Trust::System)).await.unwrap();
    assert!(told.issuer.contains("CN=an authority"), "{told:?}");
    assert!(!told.self_signed && !told.is_ca);
}

/// Both say the same name; only the signature tells whose key it was.
#[tokio::test]
async fn a_certificate_that_names_itself_as_its_issuer_is_not_self_signed_for_that() {
    let name = |params: &mut CertificateParams| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "the same");
    };
    let authority = identity(|params| {
        name(params);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    name(&mut params);
    let issuer = Issuer::from_params(&authority.params, &authority.key);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let told = looked_at(&Identity { der: certificate.der().clone(), pem: certificate.pem(), key, params }).await;
    assert_eq!(told.subject, told.issuer);
    assert!(!told.self_signed);
}

#[tokio::test]
async fn a_value_cannot_pass_for_another_part_of_a_name() {
    let identity = identity(|params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, " a,O=Acme+OU=\"x\"\\; ");
        params.distinguished_name.push(DnType::OrganizationName, DnValue::BmpString("Zürich".try_into().unwrap()));
        params.distinguished_name.push(DnType::CustomDnType(vec![1, 2, 3, 4]), "#own");
        params.not_after = date_time_ymd(9999, 12, 31);
    });
    let told = looked_at(&identity).await;
    assert_eq!(told.subject, r#"1.2.3.4=\#own,O=Zürich,CN=\ a\,O=Acme\+OU=\"x\"\\\;\ "#);
    assert_eq!(told.not_after, jiff::Timestamp::MAX, "the calendar ends a day before this one");
}

#[tokio::test]
async fn the_handshake_ends_before_anything_can_be_sent() {
    let identity = identity(|_| {});
    for tls12_only in [false, true] {
        let (heard, mut hearing) = tokio::sync::mpsc::unbounded_channel();
        let acceptor = TlsAcceptor::from(presenting(&identity.der, &identity.key, tls12_only));
        let server = server(move |stream| {
            let (acceptor, heard) = (acceptor.clone(), heard.clone());
            async move {
                // The server's side only comes to an end if the client finishes its own.
                let end = acceptor.accept(stream).await.map(drop);
                heard.send(end).unwrap();
            }
        })
        .await;
        let url = Url::parse(&format!("https://user:hunter2@{}/secret-path", server.address)).unwrap();
        let told = presented(&url, &options(Trust::Nothing)).await.unwrap();
        assert_eq!(told.public_key_sha256.to_string(), identity.key_hash());
        let error = hearing.recv().await.unwrap().unwrap_err();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        assert!(
            matches!(inner, Some(rustls::Error::AlertReceived(alert)) if *alert != AlertDescription::CloseNotify),
            "{error:?}"
        );
        assert!(hearing.try_recv().is_err(), "one connection, and no second try");
    }
}

#[tokio::test]
async fn where_there_is_no_certificate_it_is_told_why() {
    let plain = replying("HTTP/1.1 200 OK\r\n\r\n").await;
    for scheme in ["http", "https"] {
        let url = Url::parse(&format!("{scheme}://{}/secret-path", plain.address)).unwrap();
        let error = presented(&url, &options(Trust::System)).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Unreachable, "{error}");
        assert!(!error.to_string().contains("secret-path"), "{error}");
    }
}
