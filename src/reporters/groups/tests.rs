use insta::assert_debug_snapshot;

use super::*;
use crate::{
    domain::host::HostId,
    reporters::testing::{failed, result},
};

#[test]
fn reasons_that_differ_only_in_the_host_are_one() {
    let mut groups = Groups::default();
    for host in 1..=7 {
        let name = format!("web{host:02}");
        let id = format!("0a1b2c3d-0000-4000-8000-00000000000{host}");
        let text = format!(
            "the console refused {name} ({id}) at 10.0.0.{host}: HTTP 403, request 8f3a9b2c1d0e{host}, at \
             2026-11-22T03:15:0{host}Z."
        );
        groups.add(&TargetResult {
            host: Some(HostId::new(id.as_str())),
            ..failed(&name, Outcome::Failed, FailureKind::Forbidden, &text)
        });
    }
    groups.add(&failed("web08", Outcome::Failed, FailureKind::Forbidden, "HTTP 403: this key may only read"));
    groups.add(&failed("web09", Outcome::Failed, FailureKind::NotFound, "no host web09"));
    groups.add(&result("web10", Outcome::InDoubt));
    let told: Vec<_> =
        groups.biggest().into_iter().map(|group| (group.count, group.outcome, &group.text, &group.examples)).collect();
    assert_debug_snapshot!(told, @r#"
    [
        (
            7,
            Failed,
            "the console refused … (…) at …: HTTP 403, request …, at ….",
            [
                "web01",
                "web02",
                "web03",
                "web04",
                "web05",
            ],
        ),
        (
            1,
            Failed,
            "HTTP 403: this key may only read",
            [
                "web08",
            ],
        ),
        (
            1,
            Failed,
            "no host web09",
            [
                "web09",
            ],
        ),
        (
            1,
            InDoubt,
            "sent, not answered, and a look could not settle it",
            [
                "web10",
            ],
        ),
    ]
    "#);
}

#[test]
fn only_a_part_that_stands_for_itself_is_left_out() {
    assert_eq!(leave_out("web1 and web10 and web1.", "web1"), "… and web10 and ….");
    assert_eq!(leave_out("web1web1 xweb1", "web1"), "web1web1 xweb1");
    assert_eq!(leave_out("", "web1"), "");
}

#[test]
fn a_status_code_is_no_detail_of_a_host() {
    for (token, specific) in [
        ("403", false),
        ("HTTP", false),
        ("deadbeef", false),
        ("web-01", false),
        ("pending_start", false),
        ("1.2.3", false),
        ("86400", true),
        ("8f3a9b2c", true),
        ("10.0.0.1", true),
        ("00:11:22:33:44:55", true),
        ("2026-11-22T03:15:02.120Z", true),
    ] {
        assert_eq!(is_specific(token), specific, "{token}");
    }
}

#[test]
fn a_console_that_words_every_refusal_anew_does_not_fill_the_memory() {
    let mut groups = Groups::default();
    for host in 0..100_000_u32 {
        let text: String = host.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
        groups.add(&failed("web01", Outcome::Failed, FailureKind::ServerError, &text));
    }
    assert_eq!(groups.groups.len(), KEPT + 1);
    let biggest = groups.biggest();
    assert_eq!(biggest.iter().map(|group| group.count).sum::<u64>(), 100_000);
    assert_eq!(biggest.first().map(|group| group.text.as_str()), Some("for other reasons"));
}
