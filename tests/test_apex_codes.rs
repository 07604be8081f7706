//! Apex Central's result codes and contents: what each makes of one host, of the run and of its exit code.

use serde_json::{Value, json};

use crate::support::{Apex, Output, PlayedApex, SWIFT, Said, side_by_side, success};

/// Codes that end the run, and the reason that is told.
const FATAL: [(i32, &str); 7] = [
    (-2, "credentials_refused"),
    (-3, "credentials_refused"),
    (-4, "credentials_refused"),
    (-5, "credentials_refused"),
    (-7, "credentials_refused"),
    (-8, "altered"),
    (-9, "credentials_refused"),
];

/// Codes that are one host's affair and final.
const FINAL: [(i32, &str); 15] = [
    (-21, "bad_request"),
    (-22, "bad_request"),
    (-50, "bad_request"),
    (-102, "ambiguous"),
    (-103, "managed_elsewhere"),
    (-105, "bad_request"),
    (-106, "bad_request"),
    (-107, "unsupported"),
    (-202, "ambiguous"),
    (-203, "managed_elsewhere"),
    (-205, "bad_request"),
    (-206, "bad_request"),
    (-207, "unsupported"),
    (-1, "protocol"),
    (-4711, "protocol"),
];

/// Codes that are worth another try.
const PASSING: [(i32, &str); 3] = [(-99, "server_error"), (-104, "manager_unreachable"), (-204, "manager_unreachable")];

/// The statuses of HTTP that a code may come with, as a fault file has them.
const STATUSES: [&str; 3] = ["\"documented\"", "200", "400"];

/// Every code with every status.
fn with_each_status(codes: &[(i32, &'static str)]) -> Vec<(i32, &'static str, &'static str)> {
    codes.iter().flat_map(|(code, reason)| STATUSES.map(|status| (*code, *reason, status))).collect()
}

/// The one result that is not a success.
#[track_caller]
fn failure(output: &Output) -> Value {
    let results = output.results();
    let mut failed = results.into_iter().filter(|result| !result["reason_code"].is_null());
    let first = failed.next().unwrap_or_else(|| panic!("nothing failed\n{output}"));
    assert!(failed.next().is_none(), "more than one failed\n{output}");
    first
}

#[test]
fn a_code_that_is_final_fails_its_host_at_once_and_no_other() {
    side_by_side(with_each_status(&FINAL), |(code, reason, status)| {
        let faults = format!(
            "apex.error_status = {status}\n{SWIFT}[[fault]]\nmethod = \"POST\"\nnth = 2\ndo = {{ code = {code} }}\n"
        );
        let room = Apex::new(4, &faults);
        let output = room.isolate(&["--wait=30s"]).exits(6);
        assert_eq!(room.console.fleet().isolated(), 3, "{code} with {status}\n{output}");
        assert_eq!(room.posts(), 4, "{code} with {status} was asked again");
        assert_eq!(output.outcomes().get("confirmed"), Some(&3), "{output}");
        let failed = failure(&output);
        assert_eq!(failed["outcome"], "failed", "{code} with {status}: {output}");
        assert_eq!(failed["reason_code"], reason, "{code} with {status}: {output}");
        assert!(failed["reason"].as_str().unwrap().contains(&format!("result code {code}")), "{output}");
        room.verify();
    });
}

#[test]
fn a_code_that_passes_is_asked_again_and_the_host_is_done_once() {
    side_by_side(with_each_status(&PASSING), |(code, _, status)| {
        let faults = format!(
            "apex.error_status = {status}\n{SWIFT}[[fault]]\nmethod = \"POST\"\ntimes = 2\ndo = {{ code = {code} }}\n"
        );
        let room = Apex::new(3, &faults);
        let output = room.isolate(&["--wait=30s"]).exits(0);
        room.assert_all_off_by_one_request_each();
        assert_eq!(room.posts(), 5, "{code} with {status}");
        assert_eq!(output.outcomes().get("confirmed"), Some(&3), "{output}");
        assert!(output.results().iter().all(|result| result["reason"].is_null()), "{output}");
    });
}

#[test]
fn a_code_that_never_passes_uses_up_the_tries_and_a_look_has_the_last_word() {
    side_by_side(PASSING, |(code, reason)| {
        let room = Apex::new(1, &format!("[[fault]]\nmethod = \"POST\"\ndo = {{ code = {code} }}\n"));
        let output = room.isolate(&[]).exits(6);
        assert_eq!(room.off(), 0);
        assert_eq!(room.posts(), 5, "{code}");
        assert_eq!(room.lists(), 2, "the plan's and one look");
        let failed = failure(&output);
        assert_eq!((&failed["outcome"], &failed["reason_code"]), (&json!("failed"), &json!(reason)), "{output}");
        assert_eq!(failed["attempts"], 5, "{output}");
    });
}

#[test]
fn a_code_that_is_fatal_stops_the_run_and_sends_nothing_beyond_what_is_under_way() {
    side_by_side(FATAL, |(code, reason)| {
        let faults = format!("latency = \"20ms\"\n[[fault]]\nmethod = \"POST\"\nafter = 5\ndo = {{ code = {code} }}\n");
        let room = Apex::new(40, &faults);
        let output = room.isolate(&["--concurrency", "4"]).exits(7);
        assert_eq!(room.accepted(), 5, "{code}: {output}");
        assert_eq!(room.off(), 5, "{code}: {output}");
        assert!(room.posts() <= 5 + 4, "{code}: {} requests", room.posts());
        let outcomes = output.outcomes();
        assert_eq!((outcomes["accepted"], outcomes["not_sent"]), (5, 35), "{code}: {output}");
        let told = output.results().into_iter().filter(|result| result["outcome"] == "not_sent");
        assert!(told.into_iter().all(|result| result["reason_code"] == reason), "{code}: {output}");
        assert!(output.stderr.contains(&format!("result code {code}")), "{output}");
        assert!(output.stderr.contains("edrctl resume"), "{output}");
        room.verify();
    });
}

#[test]
fn a_code_that_is_fatal_to_the_first_request_changes_nothing_and_says_so_by_its_exit_code() {
    side_by_side(FATAL, |(code, _)| {
        let room = Apex::new(40, &format!("[[fault]]\nmethod = \"POST\"\ndo = {{ code = {code} }}\n"));
        let output = room.isolate(&["--concurrency", "4"]).exits(4);
        assert_eq!((room.off(), room.accepted()), (0, 0), "{output}");
        assert!(room.posts() <= 4, "{code}: {} requests", room.posts());
        assert_eq!(output.outcomes().get("not_sent"), Some(&40), "{output}");
    });
}

#[test]
fn a_fatal_code_in_answer_to_the_list_ends_it_before_anything_is_sent() {
    side_by_side(FATAL, |(code, _)| {
        let room = Apex::new(3, &format!("[[fault]]\nmethod = \"GET\"\ndo = {{ code = {code} }}\n"));
        let output = room.isolate(&[]).exits(4);
        room.console.was_left_alone();
        assert_eq!(room.lists(), 1, "{code} was asked again");
        assert!(output.stderr.contains(&format!("result code {code}")), "{output}");
        assert!(output.stderr.contains("hint:"), "{output}");
        assert!(room.env.journals().is_empty());
    });
}

#[test]
fn any_other_code_in_answer_to_the_list_ends_it_before_anything_is_sent() {
    side_by_side(with_each_status(&[FINAL.as_slice(), &PASSING].concat()), |(code, reason, status)| {
        let faults = format!("apex.error_status = {status}\n[[fault]]\nmethod = \"GET\"\ndo = {{ code = {code} }}\n");
        let room = Apex::new(3, &faults);
        let output = room.isolate(&[]).exits(4);
        room.console.was_left_alone();
        let tries = if PASSING.contains(&(code, reason)) { 3 } else { 1 };
        assert_eq!(room.lists(), tries, "{code} with {status}\n{output}");
        assert!(output.stderr.contains(&format!("result code {code}")), "{output}");
        assert!(room.env.journals().is_empty());
    });
}

/// An error as the console writes it.
fn error(code: i32) -> Value {
    json!({ "result_code": code, "result_description": "no", "result_content": "" })
}

#[test]
fn a_code_about_the_token_is_fatal_with_any_status() {
    let cases = FATAL.iter().flat_map(|(code, reason)| [200, 400, 401, 500].map(|status| (*code, *reason, status)));
    side_by_side(cases, |(code, reason, status)| {
        let room = PlayedApex::new(8, move |number, agent| {
            if number <= 2 { Said::done(&success(&[agent.clone()])) } else { Said::refused(status, &error(code)) }
        });
        let output = room.isolate(&["--concurrency", "1"]).exits(7);
        assert_eq!((room.off(), room.posts()), (2, 3), "{code} with {status}\n{output}");
        assert_eq!(output.outcomes()["not_sent"], 6, "{output}");
        let told = output.results().into_iter().find(|result| result["outcome"] == "not_sent").unwrap();
        assert_eq!(told["reason_code"], reason, "{code} with {status}\n{output}");
    });
}

#[test]
fn the_form_of_an_errors_content_changes_nothing() {
    for form in ["empty", "null", "absent"] {
        let faults = format!("apex.error_content = \"{form}\"\n[[fault]]\nmethod = \"POST\"\ndo = {{ code = -103 }}\n");
        let room = Apex::new(2, &faults);
        let output = room.isolate(&[]).exits(6);
        assert_eq!((room.off(), room.posts()), (0, 2), "{form}");
        let reasons: Vec<Value> = output.results().iter().map(|result| result["reason_code"].clone()).collect();
        assert_eq!(reasons, ["managed_elsewhere", "managed_elsewhere"], "{form}: {output}");
    }
}

/// A success whose content is this, or has none.
fn content(content: Option<Value>) -> Value {
    let mut body = json!({ "result_code": 1, "result_description": "Operation successful" });
    if let Some(content) = content {
        body["result_content"] = content;
    }
    body
}

#[test]
fn a_success_without_an_agent_is_nothing_done_asked_once_more_and_then_told() {
    side_by_side([Some(json!([])), Some(json!("")), Some(Value::Null), None], |form| {
        let body = content(form.clone());
        let room = PlayedApex::new(1, move |_, _| Said::refused(200, &body));
        let output = room.isolate(&[]).exits(6);
        assert_eq!((room.off(), room.posts()), (0, 2), "{form:?}\n{output}");
        let failed = failure(&output);
        assert_eq!(
            (&failed["outcome"], &failed["reason_code"]),
            (&json!("failed"), &json!("nothing_done")),
            "{output}"
        );
    });
}

#[test]
fn nothing_done_is_done_by_the_second_request() {
    let room = Apex::new(3, &format!("{SWIFT}[[fault]]\nmethod = \"POST\"\ntimes = 1\ndo = \"nothing\"\n"));
    let output = room.isolate(&["--wait=30s"]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(room.posts(), 4);
    assert_eq!(output.outcomes().get("confirmed"), Some(&3), "{output}");
}

#[test]
fn nothing_done_because_it_is_so_by_now_is_already() {
    // Somebody else was quicker, and the console has nothing left to do.
    let room = PlayedApex::new(1, |_, _| Said::done(&content(Some(json!([])))));
    let output = room.isolate(&[]).exits(0);
    assert_eq!((room.off(), room.posts()), (1, 1));
    assert_eq!(output.result()["outcome"], "already", "{output}");
}

#[test]
fn a_content_that_cannot_be_read_is_settled_by_a_look() {
    for (form, done) in [
        (json!({ "entity_id": "x" }), true),
        (json!("done"), true),
        (json!(7), true),
        (json!([[1, 2]]), true),
        (json!({ "entity_id": "x" }), false),
    ] {
        let body = content(Some(form.clone()));
        let room = PlayedApex::new(1, move |number, agent| match (done, number) {
            (true, _) => Said::done(&body),
            (false, 1) => Said::refused(200, &body),
            (false, _) => Said::done(&success(&[agent.clone()])),
        });
        let output = room.isolate(&[]).exits(0);
        assert_eq!(room.off(), 1, "{form}\n{output}");
        assert_eq!(room.posts(), if done { 1 } else { 2 }, "{form}: {output}");
        let outcome = if done { "confirmed" } else { "accepted" };
        assert_eq!(output.result()["outcome"], outcome, "{form}: {output}");
    }
}

#[test]
fn an_answer_for_another_agent_stops_the_run_with_that_host_in_doubt() {
    for deed in ["other_agent", "extra_agent"] {
        let faults = format!("latency = \"20ms\"\n[[fault]]\nmethod = \"POST\"\nnth = 3\ndo = \"{deed}\"\n");
        let room = Apex::new(20, &faults);
        let output = room.isolate(&["--concurrency", "1"]).exits(7);
        assert_eq!(room.posts(), 3, "{deed}: {output}");
        let outcomes = output.outcomes();
        assert_eq!((outcomes["accepted"], outcomes["in_doubt"], outcomes["not_sent"]), (2, 1, 17), "{output}");
        let doubtful = output.results().into_iter().find(|result| result["outcome"] == "in_doubt").unwrap();
        assert_eq!(doubtful["reason_code"], "wrong_host", "{output}");
        // Looked at, and then what is left.
        room.resume(&[]).exits(0);
        room.assert_all_off_by_one_request_each();
        room.verify();
    }
}

#[test]
fn two_records_of_the_agent_itself_stop_the_run_as_well() {
    let room = PlayedApex::new(5, |_, agent| Said::done(&success(&[agent.clone(), agent.clone()])));
    let output = room.isolate(&["--concurrency", "1"]).exits(7);
    assert_eq!((room.off(), room.posts()), (1, 1), "{output}");
    assert_eq!((output.outcomes()["in_doubt"], output.outcomes()["not_sent"]), (1, 4), "{output}");
}

#[test]
fn a_record_without_an_id_is_nobodys() {
    let room = PlayedApex::new(2, |_, agent| {
        let mut agent = agent.clone();
        agent.as_object_mut().unwrap().remove("entity_id");
        Said::done(&success(&[agent]))
    });
    let output = room.isolate(&["--concurrency", "1"]).exits(7);
    assert_eq!(room.posts(), 1, "{output}");
    assert_eq!(output.outcomes()["in_doubt"], 1, "{output}");
}

#[test]
fn an_id_in_other_letter_case_is_the_same_agent() {
    let room = PlayedApex::new(2, |_, agent| {
        let mut agent = agent.clone();
        agent["entity_id"] = json!(agent["entity_id"].as_str().unwrap().to_lowercase());
        Said::done(&success(&[agent]))
    });
    room.isolate(&[]).exits(0);
    assert_eq!((room.off(), room.posts()), (2, 2));
}

#[test]
fn the_state_in_the_answer_is_never_proof() {
    for state in ["before", "after"] {
        let room = Apex::new(3, &format!("apex.answer_state = \"{state}\"\n[[confirm]]\nhow = \"never\"\n"));
        let output = room.isolate(&[]).exits(0);
        assert_eq!(output.outcomes().get("accepted"), Some(&3), "{state}: {output}");
        assert!(output.results().iter().all(|result| result["state"].is_null()), "{state}: {output}");
        room.assert_all_off_by_one_request_each();
        let room = Apex::new(3, &format!("apex.answer_state = \"{state}\"\n[[confirm]]\nhow = \"never\"\n"));
        let output = room.isolate(&["--wait=1s"]).exits(6);
        assert_eq!(output.outcomes().get("unconfirmed"), Some(&3), "{state}: {output}");
    }
    // Even the word of the console that it is isolated is not believed where the list does not say it.
    let room = PlayedApex::new(1, |_, agent| {
        let mut agent = agent.clone();
        agent["isolation_status"] = json!("isolated");
        Said::refused(200, &success(&[agent]))
    });
    let output = room.isolate(&["--wait=1s"]).exits(6);
    assert_eq!(room.off(), 0);
    assert_eq!(output.result()["outcome"], "unconfirmed", "{output}");
}

#[test]
fn a_code_that_is_no_code_is_looked_into() {
    for (code, status) in [(json!(0), 200), (json!(2), 200), (Value::Null, 200), (json!(1), 400), (json!(1), 500)] {
        let body = json!({ "result_code": code, "result_description": "?", "result_content": [] });
        let room = PlayedApex::new(1, move |_, _| Said { done: true, status, body: body.to_string() });
        let output = room.isolate(&[]).exits(0);
        assert_eq!((room.off(), room.posts()), (1, 1), "{code} with {status}\n{output}");
        assert_eq!(output.result()["outcome"], "confirmed", "{code} with {status}\n{output}");
    }
}
