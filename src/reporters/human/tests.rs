use insta::assert_snapshot;

use super::*;
use crate::{
    domain::{failure::FailureKind, outcome::Ending},
    reporters::testing::{Script, Shared, bad_day, failed, header, play, result},
};

fn lines(waits: bool, colour: bool, results: Vec<TargetResult>) -> String {
    let mut script = Script::new(RunHeader { waits, ..header() });
    for result in results {
        script.settle(result);
    }
    let out = Shared::default();
    play(&mut Human::new(out.clone(), colour), &script.finish(Ending::Completed));
    out.text()
}

#[test]
fn a_line_a_target_and_nothing_hostile_in_it() {
    let text = lines(false, false, bad_day());
    assert!(!text.chars().any(|c| c != '\n' && super::super::clean::is_hostile(c)), "{text:?}");
    assert_snapshot!(text, @r#"
    confirmed    web01            0a1b2c3d-0000-4000-8000-000000000001  isolated
    already      10.0.0.2         0a1b2c3d-0000-4000-8000-000000000001  isolated
                 named again at line 9 of standard input as WEB02
    unresolved   db01                                                   2 hosts are named so
                 written at hosts.txt:7
                 candidate: 0a1b2c3d-0000-4000-8000-00000000000a  db01.corp.example  last seen 2026-11-21T09:00:00Z
                 candidate: 0a1b2c3d-0000-4000-8000-00000000000b
    failed       端末01           =cmd()\u{1b}[2J\n\u{202e}exe."txt\u{9b} 0a1b2c3d-0000-4000-8000-000000000001  the console said: "no\u{7}", HTTP 403 (state pending\tstart, last seen 2026-11-22T03:14:00Z)
    "#);
}

#[test]
fn colour_marks_the_outcome_and_changes_no_word() {
    let (plain, painted) = (lines(false, false, bad_day()), lines(false, true, bad_day()));
    assert!(painted.starts_with("\u{1b}[32mconfirmed\u{1b}[0m    web01"), "{painted:?}");
    let mut bare = painted;
    for code in ["\u{1b}[32m", "\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m"] {
        bare = bare.replace(code, "");
    }
    assert_eq!(bare, plain);
}

#[test]
fn an_unconfirmed_host_tells_its_last_state_and_when_it_was_seen() {
    let told = |text: &str| TargetResult {
        state: Some("pending_start".into()),
        last_seen: Some("2026-11-22T03:14:00Z".into()),
        ..failed("web01", Outcome::Unconfirmed, FailureKind::NotConfirmed, text)
    };
    let text = lines(
        true,
        false,
        vec![
            told("the wait of 10 min ended"),
            told("the wait ended in pending_start, last seen 2026-11-22T03:14:00Z"),
            result("web03", Outcome::Accepted),
        ],
    );
    assert_snapshot!(text, @r"
    unconfirmed  web01            0a1b2c3d-0000-4000-8000-000000000001  the wait of 10 min ended (state pending_start, last seen 2026-11-22T03:14:00Z)
    unconfirmed  web01            0a1b2c3d-0000-4000-8000-000000000001  the wait ended in pending_start, last seen 2026-11-22T03:14:00Z
    accepted     web03            0a1b2c3d-0000-4000-8000-000000000001  the console took the request, and the state has not been read since
    ");
}

#[test]
fn lines_in_quick_succession_are_written_together_and_none_is_kept_back() {
    let out = Shared::default();
    let mut human = Human::new(out.clone(), false);
    let mut script = Script::new(header());
    for _ in 0..3 {
        script.settle(result("web01", Outcome::Confirmed));
    }
    play(&mut human, &script.take());
    assert_eq!(out.take().lines().count(), 1);
    human.tick().unwrap();
    assert_eq!(out.take().lines().count(), 2);
    script.at(50);
    script.settle(result("web01", Outcome::Confirmed));
    play(&mut human, &script.take());
    assert_eq!(out.take().lines().count(), 1);
    for _ in 0..10_000 {
        script.settle(result("web01", Outcome::Confirmed));
    }
    play(&mut human, &script.take());
    assert!(human.held.len() < ROOM);
    play(&mut human, &script.finish(Ending::Interrupted));
    assert_eq!(out.take().lines().count(), 10_000);
}
