use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn vet(rules: &Rules, text: &str) -> &'static str {
    let parsed = Indicator::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    rules.vet(&parsed.indicator).map_or_else(|refused| refused.why.word(), |()| "open")
}

fn with(entries: &[&str]) -> Rules {
    let exceptions =
        entries.iter().map(|entry| Exception::parse(entry, "`[safety] never_block`").expect("an entry")).collect();
    Rules { exceptions, ..Rules::default() }
}

#[test]
fn what_is_not_the_public_internet_is_never_blocked() {
    let rules = Rules::default();
    for (text, word) in [
        ("0.0.0.0", "unspecified"),
        ("0.0.0.0/0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("10.1.2.3", "private"),
        ("100.64.0.1", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link_local"),
        ("172.31.255.255", "private"),
        ("192.0.0.1", "reserved"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "reserved"),
        ("192.168.1.1", "private"),
        ("198.19.0.1", "reserved"),
        ("198.51.100.7", "documentation"),
        ("203.0.113.9", "documentation"),
        ("224.0.0.251", "multicast"),
        ("255.255.255.255", "reserved"),
        ("168.63.129.16", "reserved"),
        ("::", "unspecified"),
        ("::/0", "reserved"),
        ("::1", "loopback"),
        ("::10.0.0.1", "unspecified"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::/96", "reserved"),
        ("64:ff9b:1::1", "private"),
        ("2002:0a00:0001::1", "private"),
        ("2002::/16", "reserved"),
        ("2001::1", "reserved"),
        ("2001:db8::9", "documentation"),
        ("fe80::1", "link_local"),
        ("fec0::1", "private"),
        ("fd00::1", "private"),
        ("ff02::1", "multicast"),
        ("100::1", "reserved"),
        ("2a00:1450:1:2::5efe:10.0.0.1", "private"),
        ("2a00:1450:1:2:200:5efe:127.0.0.1", "loopback"),
        ("4000::5efe:45.77.1.2", "reserved"),
    ] {
        assert_eq!(vet(&rules, text), word, "{text}");
    }
    for open in [
        "45.77.1.2",
        "2a00:1450::1",
        "172.32.0.1",
        "11.0.0.1",
        "2002:2d4d:0102::1",
        "64:ff9b::45.77.1.2",
        "2a00:1450::5efe:45.77.1.2",
    ] {
        assert_eq!(vet(&rules, open), "open", "{open}");
    }
}

#[test]
fn public_resolvers_are_never_blocked_in_whatever_clothes() {
    let rules = Rules { prefix_v4: 24, prefix_v6: 48, ..Rules::default() };
    for listed in known::every_listed_address() {
        let address: IpAddr = listed.parse().unwrap_or_else(|_| panic!("{listed} is no address"));
        assert_eq!(vet(&rules, &Indicator::of_address(address).canonical()), "public_resolver", "{listed}");
    }
    for text in [
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:0808:0808::1",
        "2a00:1450::5efe:8.8.8.8",
        "2a00:1450::200:5efe:8.8.8.0/120",
        "8.8.8.0/24",
        "2001:4860:4860::/48",
        "185.222.222.222",
        "45.11.45.11",
        "193.110.81.0",
        "185.253.5.0",
        "199.85.126.10",
        "199.85.127.10",
        "195.46.39.39",
        "195.46.39.40",
        "80.80.80.80",
        "80.80.81.81",
        "156.154.70.2",
    ] {
        assert_eq!(vet(&rules, text), "public_resolver", "{text}");
    }
    for name in ["dns.google", "a.dns.google", "cloudflare-dns.com", "mozilla.cloudflare-dns.com", "dns.quad9.net"] {
        assert_eq!(vet(&rules, name), "public_resolver", "{name}");
    }
}

#[test]
fn networks_are_blocked_only_as_wide_as_was_allowed() {
    let narrow = Rules::default();
    let wide = Rules { prefix_v4: 8, prefix_v6: 16, ..Rules::default() };
    assert_eq!(vet(&narrow, "45.77.1.0/31"), "prefix_too_wide");
    assert_eq!(vet(&narrow, "2a00:1450:1::/127"), "prefix_too_wide");
    assert_eq!(vet(&wide, "45.77.1.0/24"), "open");
    assert_eq!(vet(&wide, "45.77.0.0/23"), "prefix_too_wide", "whatever was allowed");
    assert_eq!(vet(&wide, "2a00:1450:1::/48"), "open");
    assert_eq!(vet(&wide, "2a00:1450::/47"), "prefix_too_wide");
    assert_eq!(vet(&wide, "10.0.0.0/8"), "private", "what it is comes before how wide it is");
}

#[test]
fn suffixes_and_names_with_a_meaning_are_never_blocked() {
    let rules = Rules::default();
    for (name, word) in [
        ("co.uk", "public_suffix"),
        ("github.io", "public_suffix"),
        ("co.jp", "public_suffix"),
        ("printer.local", "special_domain"),
        ("web01.corp", "special_domain"),
        ("a.localhost", "special_domain"),
        ("db.internal", "special_domain"),
        ("9.113.0.203.in-addr.arpa", "special_domain"),
        ("abcdefgh.onion", "special_domain"),
        ("bad.example", "special_domain"),
        ("bad.example.com", "special_domain"),
        ("bad.test", "special_domain"),
        ("update.microsoft.com", "vendor_domain"),
        ("tenant.cybereason.net", "vendor_domain"),
        ("windowsupdate.com", "vendor_domain"),
        ("login.windows.net", "vendor_domain"),
        ("windows.net", "vendor_domain"),
        ("sts.windows.net", "vendor_domain"),
        ("logincdn.msauth.net", "vendor_domain"),
        ("aadcdn.msftauth.net", "vendor_domain"),
        ("tenant.sharepoint.com", "vendor_domain"),
    ] {
        assert_eq!(vet(&rules, name), word, "{name}");
    }
    for open in ["bad-domain.info", "x.github.io", "bad.co.uk", "notmicrosoft.com", "microsoft.com.bad.info"] {
        assert_eq!(vet(&rules, open), "open", "{open}");
    }
}

#[test]
fn the_users_own_list_covers_parents_and_children() {
    let rules =
        with(&["45.77.1.0/24", "2a00:1450:1::/48", "corp-mail.info", "*.shop.biz", "::ffff:45.78.1.1", "zuerich"]);
    for refused in [
        "45.77.1.200",
        "2a00:1450:1::9",
        "corp-mail.info",
        "www.corp-mail.info",
        "shop.biz",
        "a.b.shop.biz",
        "45.78.1.1",
        "64:ff9b::45.77.1.9",
        "x.zuerich",
    ] {
        assert_eq!(vet(&rules, refused), "never_block", "{refused}");
    }
    assert_eq!(vet(&with(&["login.own.info"]), "own.info"), "never_block", "the parent of a name that must stay");
    assert_eq!(vet(&rules, "45.77.2.1"), "open");
    assert_eq!(vet(&rules, "mycorp-mail.info"), "open");
    let wide = Rules { prefix_v4: 24, ..with(&["45.79.1.7"]) };
    assert_eq!(vet(&wide, "45.79.1.0/24"), "never_block", "a network around an address that must stay");
}

#[test]
fn an_entry_that_covers_nothing_is_an_error() {
    for (text, error) in [
        ("", ExceptionError::Empty),
        ("10.0.0.0/33", ExceptionError::NotANetwork),
        ("10.0.0.0-10.0.0.9", ExceptionError::NotADomain),
        ("10.0.0", ExceptionError::NotADomain),
        ("a.*.example", ExceptionError::Star),
        ("https://corp.info", ExceptionError::NotANetwork),
        ("bad domain", ExceptionError::NotADomain),
    ] {
        assert_eq!(Exception::parse(text, "x"), Err(error), "{text:?}");
    }
}

#[test]
fn examples_are_open_at_a_simulated_firewall_only() {
    let rules = Rules { opens_examples: true, ..Rules::default() };
    for open in ["203.0.113.9", "198.51.100.7", "2001:db8::9", "bad.example", "bad.test", "x.example.com"] {
        assert_eq!(vet(&rules, open), "open", "{open}");
    }
    for (still, word) in [("10.0.0.1", "private"), ("8.8.8.8", "public_resolver"), ("a.local", "special_domain")] {
        assert_eq!(vet(&rules, still), word, "{still}");
    }
}

#[test]
fn hosts_of_consoles_are_covered() {
    let of = |host: &str| Exception::host(host, Refusal::OwnConsole, "the console of `[cisco]`");
    let rules = Rules {
        exceptions: ["fw.corp-site.info", "45.77.9.9", "[2a00:1450:7::1]"].into_iter().filter_map(of).collect(),
        ..Rules::default()
    };
    assert_eq!(rules.exceptions.len(), 3);
    for text in ["fw.corp-site.info", "corp-site.info", "45.77.9.9", "2a00:1450:7::1"] {
        assert_eq!(vet(&rules, text), "own_console", "{text}");
    }
    assert_eq!(of("localhost"), None);
}

#[test]
fn words_are_read_back() {
    for refusal in Refusal::ALL {
        assert_eq!(Refusal::from_word(refusal.word()), Some(refusal));
    }
}

proptest! {
    #[test]
    fn no_open_network_holds_a_private_address_or_a_resolver(bits in any::<[u8; 4]>(), length in 20_u8..=32) {
        let rules = Rules { prefix_v4: 24, ..Rules::default() };
        let net = ipnet::Ipv4Net::new(bits.into(), length).expect("a length").trunc();
        if rules.vet(&Indicator::V4(net)).is_ok() {
            for address in [net.network(), net.broadcast()] {
                prop_assert!(!address.is_private() && !address.is_loopback() && !address.is_link_local());
                prop_assert!(!address.is_multicast() && !address.is_unspecified() && !address.is_broadcast());
            }
            prop_assert!(known::resolver(IpNet::V4(net)).is_none());
            prop_assert!(length >= 24);
        }
    }

    #[test]
    fn every_name_above_and_below_an_entry_is_refused(label in "[a-z]{1,8}", entry in "[a-z]{2,8}\\.[a-z]{2,8}\\.info") {
        let rules = with(&[&entry]);
        for name in [entry.clone(), format!("{label}.{entry}")] {
            prop_assert_ne!(vet(&rules, &name), "open");
        }
    }
}
