use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;

use super::*;
use crate::{
    domain::outcome::{Ending, Outcome},
    engine::event::Throttle,
    reporters::testing::{Script, Shared, bad_day, header, play, result},
};

#[test]
fn one_document_with_the_summary_behind_the_results() {
    let mut script = Script::new(header());
    for result in bad_day().into_iter().take(2) {
        script.settle(result);
    }
    script.at(1_500);
    script.throttle(60, Throttle::Quota);
    script.at(62_250);
    script.stats.quota_left = Some(12);
    let out = Shared::default();
    play(&mut Json::new(out.clone()), &script.finish(Ending::CredentialsLost("HTTP 401".into())));
    let document: Value = serde_json::from_str(&out.text()).unwrap();
    assert_eq!(document["results"].as_array().unwrap().len(), 2);
    assert_snapshot!(out.text(), @r#"
    {"schema":"edrctl.run/1","run":"20261122-031502-k3f9q2","vendor":"cisco","console":"https://api.amp.cisco.com","action":"isolate","waits":false,"simulated":false,"resumed":false,"targets":3,"started":"2026-11-22T03:15:02.120Z","results":[
    {"schema":"edrctl.result/1","run":"20261122-031502-k3f9q2","vendor":"cisco","action":"isolate","target":"web01","file":"hosts.txt","line":7,"host":{"id":"0a1b2c3d-0000-4000-8000-000000000001","name":"web01"},"outcome":"confirmed","state":"isolated","attempts":1,"reason":null,"reason_code":null,"last_seen":null,"simulated":false,"started":"2026-11-22T03:15:02.120Z","finished":"2026-11-22T03:15:02.532Z"},
    {"schema":"edrctl.result/1","run":"20261122-031502-k3f9q2","vendor":"cisco","action":"isolate","target":"10.0.0.2","file":"hosts.txt","line":7,"host":{"id":"0a1b2c3d-0000-4000-8000-000000000001","name":"10.0.0.2"},"outcome":"already","state":"isolated","attempts":0,"reason":null,"reason_code":null,"last_seen":null,"duplicates":[{"target":"WEB02","file":null,"line":9}],"simulated":false,"started":"2026-11-22T03:15:02.120Z","finished":"2026-11-22T03:15:02.532Z"}
    ],"summary":{"ending":"credentials_lost","ending_reason":"HTTP 401","total":3,"succeeded":2,"not_succeeded":1,"outcomes":{"confirmed":1,"already":1,"accepted":0,"unconfirmed":0,"failed":0,"unresolved":0,"refused":0,"in_doubt":0,"not_sent":0},"requests":1,"quota_left":12,"elapsed_ms":62250,"throttled_ms":60000,"finished":"2026-11-22T03:16:04.370Z"}}
    "#);
}

#[test]
fn a_run_without_targets_is_a_whole_document() {
    let out = Shared::default();
    let run = RunHeader { targets: 0, ..header() };
    play(&mut Json::new(out.clone()), &Script::new(run).finish(Ending::QuotaWait(Duration::from_secs(9))));
    let document: Value = serde_json::from_str(&out.text()).unwrap();
    assert_eq!(document["results"], Value::Array(Vec::new()));
    assert_eq!(document["summary"]["ending"], "quota_wait");
    assert_eq!(document["summary"]["outcomes"].as_object().unwrap().len(), Outcome::ALL.len());
}

#[test]
fn results_leave_the_memory_while_the_run_goes_on() {
    let mut script = Script::new(header());
    for _ in 0..1_000 {
        script.settle(result("web01", Outcome::Confirmed));
    }
    let out = Shared::default();
    play(&mut Json::new(out.clone()), &script.take());
    assert!(out.text().len() > 200 * 1024, "only {} bytes are out", out.text().len());
}
