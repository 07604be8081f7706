use insta::assert_snapshot;

use super::*;
use crate::{
    domain::outcome::{Ending, Outcome},
    engine::event::Throttle,
    reporters::testing::{Script, Shared, header, play, result},
};

#[test]
fn a_long_run_is_told_in_a_few_lines() {
    let mut script = Script::new(RunHeader { targets: 100, ..header() });
    script.stats.in_flight = 8;
    for host in 0..100_u64 {
        script.at(host * 250);
        if host == 50 {
            script.stats.eta = Some(Duration::from_secs(75));
            script.throttle(60, Throttle::Quota);
        }
        if host == 90 {
            script.tell(RunEventKind::CancelRequested);
            script.stats.in_flight = 0;
        }
        let outcome = if host % 9 == 0 { Outcome::Failed } else { Outcome::Confirmed };
        script.settle(result("web01", outcome));
    }
    let out = Shared::default();
    play(&mut Plain::new(out.clone()), &script.finish(Ending::Interrupted));
    assert_snapshot!(out.text(), @r"
    isolate: 100 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com, run 20261122-031502-k3f9q2
    10 of 100 (10 %): 8 confirmed, 2 failed, 8 in flight
    20 of 100 (20 %): 17 confirmed, 3 failed, 8 in flight
    30 of 100 (30 %): 26 confirmed, 4 failed, 8 in flight
    40 of 100 (40 %): 35 confirmed, 5 failed, 8 in flight
    50 of 100 (50 %): 44 confirmed, 6 failed, 8 in flight
    waiting 1 min (until 2026-11-22T03:16:14Z) for the next window of the console's quota; about 1 min 15 s left in all
    60 of 100 (60 %): 53 confirmed, 7 failed, 8 in flight; about 1 min 15 s left
    70 of 100 (70 %): 62 confirmed, 8 failed, 8 in flight; about 1 min 15 s left
    80 of 100 (80 %): 71 confirmed, 9 failed, 8 in flight; about 1 min 15 s left
    90 of 100 (90 %): 80 confirmed, 10 failed, 8 in flight; about 1 min 15 s left
    interrupted: nothing more is sent; waiting for 8 requests under way
    100 of 100 (100 %): 88 confirmed, 12 failed; about 1 min 15 s left
    stopped early after 25 s: interrupted; 88 of 100 hosts succeeded
    ");
}

#[test]
fn a_short_run_has_a_beginning_and_an_end() {
    let mut script = Script::new(RunHeader { targets: 1, resumed: true, simulated: true, ..header() });
    script.at(400);
    script.settle(result("web01", Outcome::Confirmed));
    let out = Shared::default();
    play(&mut Plain::new(out.clone()), &script.finish(Ending::Completed));
    assert_snapshot!(out.text(), @r"
    isolate: 1 host, Cisco Secure Endpoint at https://api.amp.cisco.com (simulated), run 20261122-031502-k3f9q2, resumed
    done in 0.4 s: 1 of 1 host succeeded
    ");
}

#[test]
fn a_wait_is_told_once_however_often_it_is_announced() {
    let mut script = Script::new(header());
    for (millis, wait) in [(0, 60), (100, 60), (500, 60), (30_000, 30), (45_000, 60), (200_000, 5)] {
        script.at(millis);
        script.throttle(wait, Throttle::Refused);
    }
    let out = Shared::default();
    play(&mut Plain::new(out.clone()).without_end(), &script.finish(Ending::Completed));
    let waits: Vec<String> = out.text().lines().skip(1).map(|line| line.chars().take(13).collect()).collect();
    assert_eq!(waits, ["waiting 1 min", "waiting 1 min", "waiting 5 s ("]);
}

#[test]
fn a_quiet_console_still_gets_a_line_every_ten_seconds() {
    let mut script = Script::new(RunHeader { targets: 2, ..header() });
    script.stats.awaiting = 2;
    script.tell(RunEventKind::BatchStarted { targets: 1, attempt: 1 });
    let out = Shared::default();
    let mut plain = Plain::new(out.clone());
    play(&mut plain, &script.take());
    out.take();
    for seconds in 1..=25 {
        plain.advance(Duration::from_secs(seconds)).unwrap();
    }
    assert_eq!(out.text(), "0 of 2 (0 %): 2 awaited\n0 of 2 (0 %): 2 awaited\n");
}

#[test]
fn what_a_console_said_is_cleaned() {
    let out = Shared::default();
    let ending = Ending::CredentialsLost("HTTP 401 \u{1b}[2J\n".into());
    play(&mut Plain::new(out.clone()), &Script::new(header()).finish(ending));
    let text = out.text();
    let last = text.lines().last().unwrap();
    assert_eq!(
        last,
        "stopped early after 0 s: the console refused the credentials: HTTP 401 \\u{1b}[2J\\n; 0 of 3 hosts succeeded"
    );
}
