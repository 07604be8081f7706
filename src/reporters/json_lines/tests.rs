use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    domain::{
        failure::{Failure, FailureKind},
        outcome::{Ending, Outcome},
    },
    engine::event::TargetResult,
    reporters::testing::{Script, Shared, bad_day, failed, header, play, result},
};

fn lines(header: RunHeader, results: Vec<TargetResult>) -> String {
    let mut script = Script::new(header);
    for result in results {
        script.settle(result);
    }
    let out = Shared::default();
    play(&mut JsonLines::new(out.clone()), &script.finish(Ending::Completed));
    out.text()
}

#[test]
fn a_line_a_target_with_every_field_of_the_contract() {
    assert_snapshot!(lines(header(), bad_day()), @r#"
    {"schema":"edrctl.result/1","run":"20261122-031502-k3f9q2","vendor":"cisco","action":"isolate","target":"web01","file":"hosts.txt","line":7,"host":{"id":"0a1b2c3d-0000-4000-8000-000000000001","name":"web01"},"outcome":"confirmed","state":"isolated","attempts":1,"reason":null,"reason_code":null,"last_seen":null,"simulated":false,"started":"2026-11-22T03:15:02.120Z","finished":"2026-11-22T03:15:02.532Z"}
    {"schema":"edrctl.result/1","run":"20261122-031502-k3f9q2","vendor":"cisco","action":"isolate","target":"10.0.0.2","file":"hosts.txt","line":7,"host":{"id":"0a1b2c3d-0000-4000-8000-000000000001","name":"10.0.0.2"},"outcome":"already","state":"isolated","attempts":0,"reason":null,"reason_code":null,"last_seen":null,"duplicates":[{"target":"WEB02","file":null,"line":9}],"simulated":false,"started":"2026-11-22T03:15:02.120Z","finished":"2026-11-22T03:15:02.532Z"}
    {"schema":"edrctl.result/1","run":"20261122-031502-k3f9q2","vendor":"cisco","action":"isolate","target":"db01","file":"hosts.txt","line":7,"host":null,"outcome":"unresolved","state":null,"attempts":0,"reason":"2 hosts are named so","reason_code":"ambiguous","last_seen":null,"candidates":[{"id":"0a1b2c3d-0000-4000-8000-00000000000a","name":"db01.corp.example","last_seen":"2026-11-21T09:00:00Z"},{"id":"0a1b2c3d-0000-4000-8000-00000000000b","name":null,"last_seen":null}],"simulated":false,"started":"2026-11-22T03:15:02.120Z","finished":"2026-11-22T03:15:02.532Z"}
    {"schema":"edrctl.result/1","run":"20261122-031502-k3f9q2","vendor":"cisco","action":"isolate","target":"端末01","file":"hosts.txt","line":7,"host":{"id":"0a1b2c3d-0000-4000-8000-000000000001","name":"=cmd()\u001b[2J\n\u202eexe.\"txt\u009b"},"outcome":"failed","state":"pending\tstart","attempts":1,"reason":"the console said: \"no\u0007\", HTTP 403","reason_code":"forbidden","last_seen":"2026-11-22T03:14:00Z","simulated":false,"started":"2026-11-22T03:15:02.120Z","finished":"2026-11-22T03:15:02.532Z"}
    "#);
}

#[test]
fn no_target_is_no_line() {
    assert_eq!(lines(header(), Vec::new()), "");
}

#[test]
fn a_target_that_was_accepted_first_is_told_once() {
    let mut script = Script::new(header());
    script.tell(RunEventKind::TargetAccepted(Arc::new(result("web01", Outcome::Accepted))));
    script.settle(result("web01", Outcome::Confirmed));
    let out = Shared::default();
    play(&mut JsonLines::new(out.clone()), &script.finish(Ending::Completed));
    assert_eq!(out.text().lines().count(), 1);
    assert!(out.text().contains(r#""outcome":"confirmed""#));
}

#[test]
fn a_reason_stands_only_beside_what_did_not_succeed() {
    let accepted = || failed("web01", Outcome::Accepted, FailureKind::NotConfirmed, "not read yet");
    let reason = |waits: bool| {
        let line = lines(RunHeader { waits, ..header() }, vec![accepted()]);
        serde_json::from_str::<Value>(&line).unwrap()
    };
    assert_eq!(reason(false)["reason"], Value::Null);
    assert_eq!(reason(false)["reason_code"], Value::Null);
    assert_eq!(reason(true)["reason"], "not read yet");
    assert_eq!(reason(true)["reason_code"], "not_confirmed");
}

#[test]
fn a_line_is_out_before_the_next_event() {
    let mut script = Script::new(header());
    script.settle(result("web01", Outcome::Confirmed));
    let out = Shared::default();
    play(&mut JsonLines::new(std::io::BufWriter::new(out.clone())), &script.take());
    assert!(out.text().ends_with("}\n"));
}

proptest! {
    #[test]
    fn every_line_parses_back_to_the_exact_strings(target in any::<String>(), name in any::<String>(), reason in any::<String>()) {
        let line = lines(header(), vec![TargetResult {
            name: Some(name.as_str().into()),
            reason: Some(Failure::new(FailureKind::Forbidden, reason.clone())),
            ..result(&target, Outcome::Failed)
        }]);
        prop_assert_eq!(line.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(value["target"].as_str(), Some(target.as_str()));
        prop_assert_eq!(value["host"]["name"].as_str(), Some(name.as_str()));
        prop_assert_eq!(value["reason"].as_str(), Some(reason.as_str()));
    }
}
