//! What each answer means for a run.

use super::*;
use crate::vendors::Ack;

#[test]
fn a_taken_change_is_accepted_whatever_state_its_answer_shows() {
    for body in [fixture!("accepted.json"), fixture!("accepted_before.json")] {
        for status in [200, 201, 202] {
            let ack = judge_submit(&id(), &answer(status, body)).unwrap();
            assert!(matches!(ack, Ack::Accepted(_)), "{status} {body}");
        }
    }
    let bare = format!(r#"{{"result_code":1,"result_content":[{{"entity_id":"{ID}","isolation_status":7}}]}}"#);
    assert!(judge_submit(&id(), &answer(200, &bare)).is_ok(), "the state is not even read");
    let marked = format!("\u{feff}{}", fixture!("accepted.json"));
    assert!(judge_submit(&id(), &answer(200, &marked)).is_ok(), "a mark of the byte order is no damage");
}

#[test]
fn a_success_that_touched_no_agent_is_none() {
    for body in [
        fixture!("nothing.json"),
        r#"{"result_code":1,"result_content":""}"#,
        r#"{"result_code":1,"result_content":null}"#,
        r#"{"result_code":1}"#,
    ] {
        assert_eq!(change(&answer(200, body)), (FailureKind::NothingDone, Again::Look, Scope::Targets), "{body}");
    }
}

#[test]
fn an_answer_for_any_other_agent_stops_the_run_and_names_it() {
    let wrong: Verdict = (FailureKind::WrongHost, Again::InDoubt, Scope::Run);
    let both = answer(200, fixture!("other_agent.json"));
    assert_eq!(change(&both), wrong);
    let told = words(&both);
    assert!(told.contains("77E1A0B4-2C3D-4E5F-9061-728394A5B6C7 (PAY-SRV-01)"), "{told}");
    assert!(!told.contains("FIN-LT-0041") && told.contains(ID), "the one that was asked for is no other: {told}");
    let one = |records: &str| answer(200, &format!(r#"{{"result_code":1,"result_content":[{records}]}}"#));
    for records in [
        r#"{"entity_id":"77E1A0B4-2C3D-4E5F-9061-728394A5B6C7"}"#.to_owned(),
        r#"{"host_name":"FIN-LT-0041"}"#.to_owned(),
        r#"{"entity_id":""}"#.to_owned(),
        "{}".to_owned(),
        format!(r#"{{"entity_id":"{ID}"}},{{"entity_id":"{ID}"}}"#),
    ] {
        assert_eq!(change(&one(&records)), wrong, "{records}");
    }
    assert!(
        words(&one(&format!(r#"{{"entity_id":"{ID}"}},{{"entity_id":"{ID}"}}"#))).contains("2 records of one agent")
    );
    let many: Vec<String> = (0..900)
        .map(|n| format!(r#"{{"entity_id":"{}{n}","host_name":"{}"}}"#, "é".repeat(99), "x".repeat(999)))
        .collect();
    let told = words(&one(&many.join(",")));
    assert!(told.len() < 2_000 && told.contains("895 more"), "{told}");
}

#[test]
fn a_code_means_the_same_with_every_status() {
    use Again::{Backoff, Never};
    use FailureKind as Kind;
    use Scope::{Run, Targets};
    for (codes, expected) in [
        (&[-2, -3, -4, -5, -7, -9][..], (Kind::CredentialsRefused, Never, Run)),
        (&[-8], (Kind::Altered, Never, Run)),
        (&[-21, -22, -50, -105, -106, -205, -206, -1101, -1102], (Kind::BadRequest, Never, Targets)),
        (&[-99], (Kind::ServerError, Backoff, Targets)),
        (&[-102, -202], (Kind::Ambiguous, Never, Targets)),
        (&[-103, -203], (Kind::ManagedElsewhere, Never, Targets)),
        (&[-104, -204], (Kind::ManagerUnreachable, Backoff, Targets)),
        (&[-107, -207], (Kind::Unsupported, Never, Targets)),
        (&[-1, -10, -300, -9_999], (Kind::Protocol, Never, Targets)),
    ] {
        for code in codes {
            for status in [200, 400, 500, 503] {
                let response = coded(status, *code);
                assert_eq!(change(&response), expected, "{code} with {status}");
                assert_eq!(read(&response), expected, "{code} with {status}");
                let told = words(&response);
                assert!(told.contains(&format!("result code {code}: in its words")), "{told}");
            }
            if codes != [-1, -10, -300, -9_999] {
                assert_eq!(change(&coded(401, *code)), expected, "{code} with 401");
            }
        }
    }
    for (body, kind) in [
        (r#"{"result_code":-8}"#, Kind::Altered),
        (r#"{"result_code":-8,"result_content":null}"#, Kind::Altered),
        (r#"{"result_code":-8,"result_content":"sorry"}"#, Kind::Altered),
        (r#"{"result_code":-8,"result_content":{"a":[1]}}"#, Kind::Altered),
        (fixture!("refused.json"), Kind::Altered),
    ] {
        assert_eq!(change(&answer(401, body)).0, kind, "{body}");
    }
}

#[test]
fn an_unknown_code_beside_a_refused_login_stops_the_run() {
    for status in [401, 403] {
        let expected = (FailureKind::CredentialsRefused, Again::Never, Scope::Run);
        assert_eq!(change(&coded(status, -10)), expected);
    }
}

#[test]
fn a_token_that_was_too_old_is_a_matter_of_clocks() {
    for status in [200, 400, 401, 500] {
        assert!(matches!(judge_submit(&id(), &coded(status, -6)), Err(Refusal::TooOld)));
        assert!(matches!(judge_agents(None, &coded(status, -6)), Err(Refusal::TooOld)));
        assert!(matches!(judge_servers(&console(), &coded(status, -6)), Err(Refusal::TooOld)));
    }
}

#[test]
fn a_success_that_cannot_be_understood_leaves_a_change_in_doubt() {
    let doubt: Verdict = (FailureKind::Protocol, Again::InDoubt, Scope::Targets);
    for body in [
        "{}",
        r#"{"result_content":[]}"#,
        r#"{"result_code":null,"result_content":[]}"#,
        r#"{"result_code":2}"#,
        r#"{"result_code":0}"#,
    ] {
        assert_eq!(change(&answer(200, body)), doubt, "{body}");
        assert_eq!(read(&answer(200, body)), (FailureKind::Protocol, Again::Backoff, Scope::Targets), "{body}");
    }
    for body in [
        r#"{"result_code":1,"result_content":"done"}"#,
        r#"{"result_code":1,"result_content":{}}"#,
        r#"{"result_code":1,"result_content":7}"#,
        r#"{"result_code":1,"result_content":[7]}"#,
    ] {
        assert_eq!(change(&answer(200, body)), doubt, "{body}");
        assert_eq!(read(&answer(200, body)), (FailureKind::Protocol, Again::Never, Scope::Targets), "{body}");
    }
    for status in [301, 400, 401, 500] {
        assert_eq!(change(&answer(status, fixture!("accepted.json"))), doubt, "done, with {status}");
    }
    let odd = answer(200, r#"{"result_code":1,"result_content":[{"entity_id":7}]}"#);
    assert_eq!(change(&odd), doubt, "nobody guesses whose answer it is");
    let told = words(&odd);
    assert!(told.contains("result_content"), "the place is named: {told}");
}

#[test]
fn an_answer_without_a_code_is_judged_by_its_status() {
    use Again::{Backoff, InDoubt, Never, Throttled};
    use FailureKind as Kind;
    use Scope::{Run, Targets};
    for (status, expected) in [
        (200, (Kind::Gateway, InDoubt, Targets)),
        (204, (Kind::Gateway, InDoubt, Targets)),
        (301, (Kind::Gateway, Never, Run)),
        (302, (Kind::Gateway, Never, Run)),
        (400, (Kind::BadRequest, Never, Targets)),
        (401, (Kind::CredentialsRefused, Never, Run)),
        (403, (Kind::Forbidden, Never, Run)),
        (404, (Kind::Protocol, Never, Run)),
        (405, (Kind::BadRequest, Never, Targets)),
        (407, (Kind::Gateway, Never, Run)),
        (408, (Kind::Timeout, Backoff, Targets)),
        (413, (Kind::BadRequest, Never, Targets)),
        (429, (Kind::Throttled, Throttled(None), Targets)),
        (501, (Kind::ServerError, Backoff, Targets)),
        (502, (Kind::Gateway, Backoff, Targets)),
        (503, (Kind::Gateway, Backoff, Targets)),
        (504, (Kind::Gateway, Backoff, Targets)),
        (599, (Kind::ServerError, Backoff, Targets)),
    ] {
        for body in ["", "sorry", "[1,\"\",[]]", "null", "7", "{\"result_code\""] {
            assert_eq!(change(&answer(status, body)), expected, "{status} {body}");
        }
        if !(200..300).contains(&status) {
            let other_json = r#"{"message":"no"}"#;
            assert_eq!(change(&answer(status, other_json)), expected, "{status} with another service's JSON");
        } else {
            assert_eq!(read(&answer(status, "sorry")), (Kind::Gateway, Backoff, Targets));
        }
        if status < 500 {
            assert_eq!(change(&page_of_html(status)), expected, "{status} as a web page");
        } else {
            assert_eq!(change(&page_of_html(status)), (Kind::Gateway, Backoff, Targets), "{status} as a web page");
        }
    }
    assert_eq!(change(&answer(500, "")), (Kind::ServerError, Backoff, Targets));
}

#[test]
fn a_web_page_is_told_by_what_a_person_would_see_first() {
    let told = words(&page_of_html(503));
    assert!(told.contains("HTTP 503: Service Unavailable)"), "{told}");
    for (body, line) in [
        ("", ""),
        ("<p>", ""),
        ("  \n Go away \n now", ": Go away"),
        ("<script>var a = 1 > 0;</script><b>Sign in</b>", ": Sign in"),
        ("<script", ""),
        ("<SCRIPT>x", ""),
        ("a < b", ": a"),
    ] {
        assert!(words(&answer(502, body)).ends_with(&format!("(HTTP 502{line})")), "{}", words(&answer(502, body)));
    }
    assert!(words(&answer(502, &"x".repeat(100_000))).len() < 400);
}

#[test]
fn the_wait_that_a_gateway_asks_for_is_kept() {
    let wait = |status: u16, value: &str| match change(&answer_with(status, "", &[("retry-after", value)])).1 {
        Again::Throttled(wait) => wait.map(|wait| wait.as_secs()),
        other => panic!("{other:?}"),
    };
    for status in [429, 503] {
        assert_eq!(wait(status, "17"), Some(17));
        assert_eq!(wait(status, "99999999999"), Some(86_400));
        assert_eq!(wait(status, "Wed, 21 Oct 2015 07:28:00 GMT"), Some(1), "a date that has passed");
    }
    assert_eq!(wait(429, "soon"), None);
    let coded = r#"{"result_code":-21,"result_description":"Invalid parameter","result_content":""}"#;
    let told = change(&answer_with(429, coded, &[("retry-after", "17")]));
    let wait = Again::Throttled(Some(std::time::Duration::from_secs(17)));
    assert_eq!(told, (FailureKind::Throttled, wait, Scope::Targets), "a code below a 429 does not make it an end");
    let unread = answer_with(503, "", &[("retry-after", "soon")]);
    assert_eq!(change(&unread), (FailureKind::Gateway, Again::Backoff, Scope::Targets));
}

#[test]
fn only_an_answer_of_the_console_proves_the_console() {
    let tenant = judge_servers(&console(), &answer(200, fixture!("servers.json"))).unwrap();
    assert_eq!(
        (tenant.console.as_str(), tenant.detail.as_deref()),
        ("https://apex.example", Some("2 product servers"))
    );
    let none = judge_servers(&console(), &answer(200, fixture!("nothing.json"))).unwrap();
    assert_eq!(none.detail.as_deref(), Some("0 product servers"));
    let one = judge_servers(&console(), &answer(200, r#"{"result_code":1,"result_content":[{}]}"#)).unwrap();
    assert_eq!(one.detail.as_deref(), Some("1 product server"));
    for body in ["", "OK", "{}", r#"{"message":"welcome"}"#, fixture!("unavailable.html")] {
        assert!(judge_servers(&console(), &answer(200, body)).is_err(), "{body}");
    }
}
