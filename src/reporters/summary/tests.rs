use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::{
    domain::{failure::FailureKind, outcome::Outcome},
    engine::event::{TargetResult, Throttle},
    reporters::testing::{Script, Shared, bad_day, failed, header, play, result},
};

fn files() -> Invocation {
    Invocation { files: vec!["hosts.txt".into()], ..Invocation::default() }
}

fn told(script: Script, ending: Ending) -> String {
    let out = Shared::default();
    play(&mut Summary::new(out.clone(), false, files()), &script.finish(ending));
    let text = out.text();
    // A blank line sets it apart from the lines above.
    text.strip_prefix('\n').unwrap().to_owned()
}

#[test]
fn a_good_run_is_told_in_a_few_lines() {
    let mut script = Script::new(RunHeader { targets: 1, ..header() });
    script.at(412);
    script.settle(result("web01", Outcome::Confirmed));
    assert_snapshot!(told(script, Ending::Completed), @r"
    isolate: 1 host, Cisco Secure Endpoint at https://api.amp.cisco.com
              1  confirmed
    1 of 1 host succeeded in 0.4 s with 1 request
    run 20261122-031502-k3f9q2
    next: edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated
    ");
}

#[test]
fn a_bad_day_groups_failures_and_says_what_it_waited_for() {
    let mut script = Script::new(RunHeader { targets: 1_007, ..header() });
    script.stats.settled.add_many(Outcome::Confirmed, 1_000);
    script.stats.requests = 1_043;
    script.at(60_000);
    script.throttle(123, Throttle::Quota);
    script.at(250_000);
    for result in bad_day().into_iter().skip(2) {
        script.settle(result);
    }
    for host in 10..16 {
        let name = format!("app{host}");
        let text = format!("{name}: HTTP 503, request 8f3a9b2c{host}");
        script.settle(failed(&name, Outcome::Failed, FailureKind::ServerError, &text));
    }
    let text = told(script, Ending::Completed);
    assert!(!text.chars().any(|c| c != '\n' && super::super::clean::is_hostile(c)), "{text:?}");
    assert_snapshot!(text, @r#"
    isolate: 1,007 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com
          1,000  confirmed
              7  failed
              1  unresolved
    not succeeded, by reason:
              6  failed       …: HTTP 503, request …
                              app10, app11, app12, app13, app14 and 1 more
              1  unresolved   2 hosts are named so
                              db01
              1  failed       the console said: "no\u{7}", HTTP 403
                              端末01
    1,000 of 1,007 hosts succeeded in 4 min 10 s with 1,050 requests
    2 min 3 s of it went by waiting for the console's quota
    run 20261122-031502-k3f9q2
    next: edrctl runs show 20261122-031502-k3f9q2  # tells every host and its reason
    next: edrctl hosts --vendor cisco  # lists the hosts that the console knows
    next: edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated
    "#);
}

#[test]
fn a_run_that_stopped_says_why_and_how_to_go_on() {
    let mut script = Script::new(RunHeader { targets: 1_000_000, ..header() });
    script.stats.settled.add_many(Outcome::Confirmed, 2_990);
    script.stats.settled.add_many(Outcome::NotSent, 997_009);
    script.at(3_000_000);
    script.settle(failed("web01", Outcome::NotSent, FailureKind::Stopped, "the run stopped before it"));
    assert_snapshot!(told(script, Ending::QuotaWait(Duration::from_secs(3_000))), @r"
    isolate: 1,000,000 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com
          2,990  confirmed
        997,010  not sent
    not succeeded, by reason:
              1  not sent     the run stopped before it
                              web01
    stopped early: the console's quota would have made it wait 50 min, longer than allowed
    2,990 of 1,000,000 hosts succeeded in 50 min with 1 request
    run 20261122-031502-k3f9q2
    next: edrctl resume 20261122-031502-k3f9q2  # goes on with 997,010 hosts, once the quota is back in 50 min
    next: edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated
    ");
}

#[test]
fn a_status_run_counts_the_states_that_it_read() {
    let mut script = Script::new(RunHeader { action: "status", targets: 3, ..header() });
    for state in ["isolated", "not_isolated", "not_isolated"] {
        script.settle(TargetResult { state: Some(state.into()), ..result("web01", Outcome::Confirmed) });
    }
    assert_snapshot!(told(script, Ending::Completed), @r"
    status: 3 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com
              3  confirmed
    by state:
              1  isolated
              2  not_isolated
    3 of 3 hosts succeeded in 0 s with 3 requests
    ");
}

#[test]
fn a_console_with_a_new_word_for_every_state_does_not_fill_the_memory() {
    let mut script = Script::new(RunHeader { action: "status", ..header() });
    for state in 0..1_000 {
        script.settle(TargetResult { state: Some(format!("s{state}").into()), ..result("web01", Outcome::Confirmed) });
    }
    let text = told(script, Ending::Completed);
    assert!(text.contains("        980  other states\n") && text.lines().count() < 30, "{text}");
}

#[test]
fn only_the_ten_biggest_groups_are_shown_and_the_rest_is_counted() {
    let mut script = Script::new(RunHeader { targets: 25, ..header() });
    for reason in 'a'..='l' {
        for _ in 0..if reason < 'k' { 2 } else { 1 } {
            script.settle(failed("web01", Outcome::Failed, FailureKind::ServerError, &format!("reason {reason}")));
        }
    }
    let text = told(script, Ending::Completed);
    assert!(text.contains("reason j") && !text.contains("reason k"), "{text}");
    assert!(text.contains("          2  for 2 more reasons\n"), "{text}");
}

#[test]
fn a_rehearsal_says_that_no_real_host_was_touched() {
    let mut script = Script::new(RunHeader { simulated: true, waits: true, targets: 2, ..header() });
    script.settle(result("web01", Outcome::Confirmed));
    script.settle(result("web02", Outcome::Confirmed));
    assert_snapshot!(told(script, Ending::Completed), @r"
    isolate: 2 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com (simulated)
              2  confirmed
    2 of 2 hosts succeeded in 0 s with 2 requests
    run 20261122-031502-k3f9q2
    rehearsal: the console was simulated, no real host was touched
    next: edrctl check cisco  # proves the configuration of the real console; changes nothing
    ");
}

#[test]
fn a_run_without_hosts_has_an_end_as_well() {
    assert_snapshot!(told(Script::new(RunHeader { targets: 0, ..header() }), Ending::Completed), @r"
    isolate: 0 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com
      nothing to do
    0 of 0 hosts succeeded in 0 s with 0 requests
    run 20261122-031502-k3f9q2
    ");
}

#[test]
fn colour_is_added_only_where_it_is_wanted() {
    let mut script = Script::new(RunHeader { targets: 1, ..header() });
    script.settle(failed("web01", Outcome::Failed, FailureKind::NotFound, "no such host"));
    let events = script.finish(Ending::Completed);
    let out = Shared::default();
    play(&mut Summary::new(out.clone(), true, files()), &events);
    assert!(out.text().contains("\u{1b}[31mfailed\u{1b}[0m"), "{:?}", out.text());
}
