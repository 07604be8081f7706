use std::sync::Mutex;

use async_trait::async_trait;
use proptest::prelude::*;

use super::{
    channel::{Created, Deleted, Device, Policy, Side, Sides},
    *,
};
use crate::{
    http::{HeaderMap, Response, StatusCode, Url},
    vendors::{Ack, Scope},
};

fn parsed(text: &str) -> Indicator {
    Indicator::parse(text).unwrap().indicator
}

fn mark(run: &str, expires: Option<&str>) -> Mark {
    Mark { run: RunId::parse(run).unwrap(), expires: expires.map(|at| at.parse().unwrap()) }
}

#[test]
fn a_name_is_a_digest_and_fits_the_oldest_units() {
    for text in ["203.0.113.9", "203.0.113.0/24", "2001:db8::9", "bad.example", "xn--bcher-kva.example"] {
        let name = name_of(&parsed(text));
        assert!(name.len() <= 35 && objects::is_our_name(&name), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
    }
    assert_ne!(name_of(&parsed("203.0.113.0/24")), name_of(&parsed("203.0.113.0")));
    for other in ["edr-ip-", "edr-ip-zz", "edr-xx-0123456789abcdef01234567", "EDR-ip-0123456789abcdef01234567", "all"] {
        assert!(!objects::is_our_name(other), "{other}");
    }
}

#[test]
fn a_mark_is_read_back_and_nothing_else_is_one() {
    let with = mark("20261128-120000-abcdef", Some("2026-12-05T12:00:00Z"));
    assert_eq!(with.comment(None), "edrctl run=20261128-120000-abcdef exp=2026-12-05T12:00:00Z");
    let text = with.comment(Some("case \"17\"; drop 'x' \u{1b}\\ ünï"));
    assert_eq!(text, "edrctl run=20261128-120000-abcdef exp=2026-12-05T12:00:00Z why=case _17__ drop _x_ __ _n_");
    assert_eq!(Mark::read(&text), Some(with.clone()));
    assert_eq!(Mark::read("edrctl run=a exp=never"), Some(mark("a", None)));
    for other in ["", "by hand", "edrctl run=", "edrctl run=a", "edrctl run=a exp=soon", "x edrctl run=a exp=never"] {
        assert_eq!(Mark::read(other), None, "{other}");
    }
    let now: jiff::Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
    assert!(mark("a", None).outlasts(&with, now) && !with.outlasts(&mark("a", None), now));
    assert!(mark("a", Some("2026-12-05T11:30:00Z")).outlasts(&with, now), "nobody means the minutes of a week");
    assert!(!mark("a", Some("2026-12-05T10:30:00Z")).outlasts(&with, now));
    let hour = mark("a", Some("2026-11-28T13:00:00Z"));
    assert!(mark("a", Some("2026-11-28T12:59:30Z")).outlasts(&hour, now), "nor half a minute of an hour");
    assert!(!mark("a", Some("2026-11-28T12:10:00Z")).outlasts(&hour, now), "ten minutes are no hour");
}

fn answer(status: u16, body: &str) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn answers_are_told_apart() {
    let judge = |status, body: &str| requests::judge(&answer(status, body), true);
    assert!(judge(200, r#"{"status":"success","results":[]}"#).is_ok());
    for (status, body, kind, again, scope) in [
        (500, r#"{"status":"error","error":-4}"#, FailureKind::TableFull, Again::Never, Scope::Run),
        (500, r#"{"status":"error","error":-580}"#, FailureKind::TableFull, Again::Never, Scope::Run),
        (500, r#"{"status":"error","error":-37}"#, FailureKind::Forbidden, Again::Never, Scope::Run),
        (500, r#"{"status":"error","error":-651}"#, FailureKind::BadRequest, Again::Never, Scope::Targets),
        (500, r#"{"status":"error","error":-361}"#, FailureKind::ServerError, Again::Backoff, Scope::Targets),
        (500, "", FailureKind::ServerError, Again::InDoubt, Scope::Targets),
        (502, "<html>", FailureKind::Gateway, Again::InDoubt, Scope::Targets),
        (200, "<html>", FailureKind::Gateway, Again::InDoubt, Scope::Targets),
        (200, "", FailureKind::Protocol, Again::InDoubt, Scope::Targets),
        (200, "{}", FailureKind::Protocol, Again::InDoubt, Scope::Targets),
        (200, r#"{"status":"error","error":-5}"#, FailureKind::Conflict, Again::Never, Scope::Targets),
        (401, "<html>", FailureKind::CredentialsRefused, Again::Never, Scope::Run),
        (403, "", FailureKind::Forbidden, Again::Never, Scope::Run),
        (404, "{}", FailureKind::NotFound, Again::Never, Scope::Targets),
        (424, "{}", FailureKind::BadRequest, Again::Never, Scope::Targets),
        (429, "{}", FailureKind::Throttled, Again::Throttled(None), Scope::Targets),
        (307, "<html>", FailureKind::Gateway, Again::Never, Scope::Targets),
    ] {
        let error = judge(status, body).unwrap_err().into_error();
        assert_eq!((error.failure().kind, error.again(), error.scope()), (kind, again, scope), "{status} {body}");
    }
}

#[test]
fn a_value_is_what_was_read_or_none() {
    let read = |table, json: &str| {
        requests::object_of(table, serde_json::from_str(json).unwrap()).value.map(|value| value.canonical())
    };
    let v4 = |json| read(Table::V4, json);
    assert_eq!(v4(r#"{"type":"ipmask","subnet":"203.0.113.9 255.255.255.255"}"#).as_deref(), Some("203.0.113.9"));
    assert_eq!(v4(r#"{"type":"ipmask","subnet":"203.0.113.0/24"}"#).as_deref(), Some("203.0.113.0/24"));
    assert_eq!(v4(r#"{"type":"ipmask","subnet":"0.0.0.0 0.0.0.0"}"#).as_deref(), Some("0.0.0.0/0"));
    assert_eq!(v4(r#"{"type":"fqdn","fqdn":"bad.example"}"#).as_deref(), Some("bad.example"));
    assert_eq!(read(Table::V6, r#"{"type":"ipprefix","ip6":"2001:db8::9/128"}"#).as_deref(), Some("2001:db8::9"));
    for other in
        [r#"{"type":"iprange"}"#, r#"{"type":"ipmask"}"#, r#"{"type":"ipmask","subnet":"x y"}"#, r#"{"type":"fqdn"}"#]
    {
        assert_eq!(v4(other), None, "{other}");
    }
}

#[test]
fn names_are_encoded_where_they_enter_an_address() {
    let base = Url::parse("https://fw.example/").unwrap();
    let draft = requests::remove(&base, "root", Table::V4, "EDR Threats", "a/../b?c#d").unwrap();
    assert_eq!(
        draft.url.as_str(),
        "https://fw.example/api/v2/cmdb/firewall/addrgrp/EDR%20Threats/member/a%2F..%2Fb%3Fc%23d?vdom=root"
    );
    assert!(requests::group(&base, "root", Table::V4, "..").is_err());
    let object = Object::new(&parsed("bad.example"), &mark("a", None), None);
    let body = requests::create(&base, "root", &object).unwrap().body.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((body["type"].as_str(), body["fqdn"].as_str()), (Some("fqdn"), Some("bad.example")));
    assert!(requests::create(&base, "root", &Object { value: None, ..object }).is_err(), "a default is every address");
}

#[test]
fn policies_decide_whether_it_is_safe() {
    let group = |name: &str, members: &[&str]| Group {
        name: name.to_owned(),
        members: members.iter().map(|&member| member.to_owned()).collect(),
        kind: "default".to_owned(),
        untold: false,
        spares: Vec::new(),
    };
    let side = |name: &str, negated| Side { names: vec![name.to_owned()], negated };
    let policy = |action: &str, destination: &str| Policy {
        id: "5".to_owned(),
        action: action.to_owned(),
        enabled: true,
        v4: Sides { source: Side::default(), destination: side(destination, false) },
        ..Policy::default()
    };
    let groups = [group("EDR", &["none"]), group("Outer", &["EDR"]), group("Outermost", &["Outer", "Outermost"])];
    let judge = |policies: &[Policy]| preflight::group(Table::V4, "EDR", &groups, policies);
    assert_eq!(judge(&[policy("deny", "EDR"), policy("accept", "all")]), preflight::Findings::default());
    assert!(judge(&[policy("deny", "EDR"), policy("accept", "EDR")]).harmful.is_some());
    assert!(judge(&[policy("accept", "Outermost")]).harmful.unwrap().contains("`Outermost`"));
    assert!(judge(&[policy("ipsec", "EDR")]).harmful.is_some(), "whatever is not plainly a denial");
    assert!(judge(&[policy("", "EDR")]).harmful.is_some());
    let spares = |source, destination| Policy { v4: Sides { source, destination }, ..policy("deny", "EDR") };
    assert!(judge(&[spares(Side::default(), side("EDR", true))]).harmful.is_some());
    assert!(judge(&[spares(side("all", true), side("EDR", false))]).harmful.is_none());
    // An IPv6 group of the same name is another group.
    let six = |policies: &[Policy]| preflight::group(Table::V6, "EDR", &groups, policies);
    assert_eq!(six(&[policy("deny", "EDR")]).warnings.len(), 1, "it is used in IPv4 alone");
    assert_eq!(six(&[policy("deny", "EDR").of_ipv6()]), preflight::Findings::default());
    assert!(six(&[policy("accept", "EDR").of_ipv6()]).harmful.is_some());
    assert_eq!(judge(&[policy("accept", "EDR").of_ipv6(), policy("deny", "EDR")]), preflight::Findings::default());
    // A name of somebody's choosing stays on its line.
    let named = Policy { name: "x\nerror: all is well\u{1b}[2J".to_owned(), ..policy("accept", "EDR") };
    assert!(!judge(&[named]).harmful.unwrap().contains(['\n', '\u{1b}']));
    assert!(judge(&[Policy { enabled: false, ..policy("accept", "EDR") }]).harmful.is_some(), "it may be switched on");
    assert_eq!(judge(&[Policy { enabled: false, ..policy("deny", "EDR") }]).warnings.len(), 1);
    assert_eq!(judge(&[]).warnings.len(), 1);
    assert!(preflight::group(Table::V4, "Missing", &groups, &[]).refusal.is_some());
    // Exceptions within the group, or within one that holds it.
    let spares = |holder: usize, what: &[&str]| {
        let mut groups = groups.to_vec();
        groups[holder].spares = what.iter().map(|&name| name.to_owned()).collect();
        preflight::group(Table::V4, "EDR", &groups, &[policy("deny", "EDR")])
    };
    assert!(spares(0, &["partners"]).warnings[0].contains("spares `partners`"));
    assert!(spares(1, &["a", "b", "c", "d", "e"]).warnings[0].contains("`Outer` spares `a`, `b`, `c` and 2 more"));
    assert!(spares(0, &["all"]).harmful.is_some());
    let device = |version: &str| Device { version: version.to_owned(), has_vdom: true, ..Device::default() };
    for (version, refused) in [("v5.6.11", true), ("v6.0.0", false), ("v7.4.4", false), ("7.6.3,build1", false)] {
        assert_eq!(preflight::device(&device(version), "root").refusal.is_some(), refused, "{version}");
    }
    assert_eq!(preflight::device(&device("?"), "root").warnings.len(), 1);
}

/// A firewall that keeps other values than it is given, and lets members go.
#[derive(Debug, Default)]
struct Liar {
    keeps: Option<Indicator>,
    drops_members: bool,
    /// Shows nothing where several are asked for.
    shows_singly: bool,
    /// Shows no object at all.
    hides: bool,
    /// Something else uses the objects.
    in_use: bool,
    untold: bool,
    objects: Mutex<Vec<Object>>,
    members: Mutex<Vec<String>>,
}

#[async_trait]
impl Channel for Liar {
    async fn device(&self) -> Result<Device, VendorError> {
        Ok(Device::default())
    }

    async fn groups(&self, _: Table) -> Result<Vec<Group>, VendorError> {
        Ok(Vec::new())
    }

    async fn group(&self, _: Table, name: &str) -> Result<Option<Group>, VendorError> {
        let members = self.members.lock().unwrap().clone();
        Ok(Some(Group { name: name.to_owned(), members, untold: self.untold, ..Group::default() }))
    }

    async fn policies(&self, _: &Device) -> Result<Vec<Policy>, VendorError> {
        Ok(Vec::new())
    }

    async fn objects(&self, _: Table, names: &[&str]) -> Result<Vec<Object>, VendorError> {
        if self.hides || self.shows_singly && names.len() > 1 {
            return Ok(Vec::new());
        }
        let objects = self.objects.lock().unwrap();
        Ok(objects.iter().filter(|object| names.contains(&object.name.as_str())).cloned().collect())
    }

    async fn ours(&self, _: Table) -> Result<Vec<Object>, VendorError> {
        Ok(Vec::new())
    }

    async fn create(&self, objects: &[&Object]) -> Vec<Result<Created, VendorError>> {
        for object in objects {
            let value = self.keeps.clone().or_else(|| object.value.clone());
            self.objects.lock().unwrap().push(Object { value, ..(*object).clone() });
        }
        objects.iter().map(|_| Ok(Created::Made)).collect()
    }

    async fn change(&self, objects: &[&Object]) -> Vec<Result<(), VendorError>> {
        objects.iter().map(|_| Ok(())).collect()
    }

    async fn add(&self, _: Table, _: &str, members: &[&str]) -> Vec<Result<(), VendorError>> {
        if !self.drops_members {
            self.members.lock().unwrap().extend(members.iter().map(|&member| member.to_owned()));
        }
        members.iter().map(|_| Ok(())).collect()
    }

    async fn remove(&self, _: Table, _: &str, members: &[&str]) -> Vec<Result<(), VendorError>> {
        self.members.lock().unwrap().retain(|member| !members.contains(&member.as_str()));
        members.iter().map(|_| Ok(())).collect()
    }

    async fn delete(&self, _: Table, names: &[&str]) -> Vec<Result<Deleted, VendorError>> {
        if self.in_use {
            return names.iter().map(|_| Ok(Deleted::InUse)).collect();
        }
        self.objects.lock().unwrap().retain(|object| !names.contains(&object.name.as_str()));
        names.iter().map(|_| Ok(Deleted::Gone)).collect()
    }
}

async fn block(liar: &Liar, text: &str) -> Reply {
    let (mark, mut replies) = (mark("a", None), Replies::new(1));
    let jobs = vec![Job { n: 0, object: Object::new(&parsed(text), &mark, None) }];
    converse::block(liar, (Table::V4, "EDR"), jobs, (&mark, None), &mut replies).await;
    replies.finish().pop().unwrap()
}

#[tokio::test]
async fn an_object_that_means_everything_never_becomes_a_member() {
    let liar = Liar { keeps: Some(parsed("0.0.0.0/0")), ..Liar::default() };
    let error = block(&liar, "203.0.113.9").await.unwrap_err();
    assert_eq!((error.failure().kind, error.again()), (FailureKind::NothingDone, Again::Never));
    assert!(liar.members.lock().unwrap().is_empty());
    assert!(liar.objects.lock().unwrap().is_empty(), "what is good for nothing is not left lying about");
}

#[tokio::test]
async fn a_member_that_is_not_shown_is_not_believed() {
    let liar = Liar { drops_members: true, ..Liar::default() };
    let error = block(&liar, "203.0.113.9").await.unwrap_err();
    assert_eq!(error.again(), Again::Look);
    let honest = Liar::default();
    assert_eq!(block(&honest, "203.0.113.9").await.unwrap(), Ack::Done);
    assert_eq!(block(&honest, "203.0.113.9").await.unwrap(), Ack::AlreadyInState);
}

proptest! {
    #[test]
    fn a_comment_has_nothing_but_plain_signs(why in "\\PC{0,300}") {
        let comment = mark("20261128-120000-abcdef", None).comment(Some(&why));
        prop_assert!(comment.len() <= 255);
        prop_assert!(comment.bytes().all(|b| b.is_ascii_alphanumeric() || b" .,:_/+=-".contains(&b)), "{}", comment);
        prop_assert!(Mark::read(&comment).is_some());
    }
}

#[tokio::test]
async fn an_object_that_was_taken_and_is_not_shown_is_no_success_and_no_bug() {
    let liar = Liar { hides: true, ..Liar::default() };
    let error = block(&liar, "203.0.113.9").await.unwrap_err();
    assert_eq!((error.failure().kind, error.again()), (FailureKind::NothingDone, Again::Look));
    assert!(error.failure().text.contains("does not show it"), "{error:?}");
    assert!(liar.members.lock().unwrap().is_empty());
}

async fn unblock(liar: &Liar, texts: &[&str]) -> Vec<Reply> {
    let (mark, mut replies) = (mark("a", None), Replies::new(texts.len()));
    let jobs = texts.iter().enumerate();
    let jobs = jobs.map(|(n, text)| Job { n, object: Object::new(&parsed(text), &mark, None) }).collect();
    converse::unblock(liar, (Table::V4, "EDR"), jobs, None, &mut replies).await;
    replies.finish()
}

#[tokio::test]
async fn what_is_in_the_group_is_taken_out_though_a_filter_does_not_show_it() {
    let liar = Liar { shows_singly: true, ..Liar::default() };
    for text in ["203.0.113.8", "203.0.113.9"] {
        assert_eq!(block(&liar, text).await.unwrap(), Ack::Done);
    }
    for reply in unblock(&liar, &["203.0.113.8", "203.0.113.9"]).await {
        assert_eq!(reply.unwrap(), Ack::Done);
    }
    assert!(liar.members.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_member_whose_object_is_not_shown_is_never_told_as_out() {
    let mut liar = Liar::default();
    assert_eq!(block(&liar, "203.0.113.9").await.unwrap(), Ack::Done);
    liar.hides = true;
    let replies = unblock(&liar, &["203.0.113.9"]).await;
    assert_eq!(replies[0].as_ref().unwrap_err().failure().kind, FailureKind::Protocol);
    assert_eq!(liar.members.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_no_member_and_is_used_elsewhere_may_be_blocked_there() {
    let mut liar = Liar::default();
    assert_eq!(block(&liar, "203.0.113.9").await.unwrap(), Ack::Done);
    // It is a member of another group, and not of this one.
    liar.members.lock().unwrap().clear();
    liar.in_use = true;
    let replies = unblock(&liar, &["203.0.113.9"]).await;
    let error = replies[0].as_ref().unwrap_err();
    assert_eq!(error.failure().kind, FailureKind::NothingDone);
    assert!(error.failure().text.contains("may be blocked there"), "{error:?}");
}

#[tokio::test]
async fn a_group_without_its_members_is_not_an_empty_group() {
    let mut liar = Liar::default();
    assert_eq!(block(&liar, "203.0.113.9").await.unwrap(), Ack::Done);
    liar.untold = true;
    assert!(unblock(&liar, &["203.0.113.9"]).await[0].is_err());
    assert_eq!(liar.members.lock().unwrap().len(), 1);
}
