//! Every way in which a run ends, and what it says to type next.

use std::time::Duration;

use super::*;
use crate::reporters::testing::header;

fn after(header: &RunHeader, ending: &Ending, counts: &[(Outcome, u64)]) -> Vec<String> {
    let invocation = Invocation { files: vec!["hosts.txt".into()], ..Invocation::default() };
    with(header, ending, counts, &invocation)
}

fn with(header: &RunHeader, ending: &Ending, counts: &[(Outcome, u64)], invocation: &Invocation) -> Vec<String> {
    let mut all = Counts::default();
    for (outcome, count) in counts {
        all.add_many(*outcome, *count);
    }
    let found = hints(header, ending, &all, invocation);
    found.into_iter().map(|hint| format!("{}  # {}", hint.command, hint.why)).collect()
}

fn status() -> RunHeader {
    RunHeader { action: "status", ..header() }
}

fn lost() -> [Ending; 3] {
    [
        Ending::CredentialsLost("HTTP 401".into()),
        Ending::CertificateLost("expired".into()),
        Ending::ConsoleLost("no route".into()),
    ]
}

#[test]
fn an_isolation_that_succeeded_says_how_to_take_it_back() {
    assert_eq!(
        after(&header(), &Ending::Completed, &[(Outcome::Confirmed, 2)]),
        ["edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated"]
    );
    assert_eq!(
        after(&header(), &Ending::Completed, &[(Outcome::Confirmed, 2), (Outcome::Already, 1)]),
        ["edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated"]
    );
}

#[test]
fn nothing_done_and_nothing_open_says_nothing() {
    assert!(after(&header(), &Ending::Completed, &[]).is_empty());
    assert!(after(&header(), &Ending::Completed, &[(Outcome::Already, 3)]).is_empty());
    let release = RunHeader { action: "unisolate", ..header() };
    assert!(after(&release, &Ending::Completed, &[(Outcome::Confirmed, 3)]).is_empty());
}

#[test]
fn accepted_without_a_wait_says_how_to_get_proof() {
    assert_eq!(
        after(&header(), &Ending::Completed, &[(Outcome::Accepted, 2)]),
        [
            "edrctl resume 20261122-031502-k3f9q2 --wait  # proves that 2 hosts took it",
            "edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated",
        ]
    );
}

#[test]
fn a_wait_that_ended_first_says_how_to_wait_longer() {
    let waits = RunHeader { waits: true, action: "unisolate", ..header() };
    assert_eq!(
        after(&waits, &Ending::Completed, &[(Outcome::Confirmed, 5), (Outcome::Unconfirmed, 1)]),
        [
            "edrctl resume 20261122-031502-k3f9q2 --wait=30m  # waits longer for 1 host that the console has not confirmed"
        ]
    );
}

#[test]
fn doubt_says_how_to_look() {
    assert_eq!(
        after(&header(), &Ending::Completed, &[(Outcome::InDoubt, 1)]),
        ["edrctl resume 20261122-031502-k3f9q2  # looks at 1 host in doubt before anything is sent again"]
    );
}

#[test]
fn a_run_that_stopped_early_says_how_to_go_on() {
    let counts = [(Outcome::Confirmed, 1), (Outcome::NotSent, 9), (Outcome::InDoubt, 1)];
    assert_eq!(
        after(&header(), &Ending::Interrupted, &counts)[0],
        "edrctl resume 20261122-031502-k3f9q2  # goes on with 10 hosts"
    );
    assert_eq!(
        after(&header(), &Ending::QuotaWait(Duration::from_secs(3000)), &counts)[0],
        "edrctl resume 20261122-031502-k3f9q2  # goes on with 10 hosts, once the quota is back in 50 min"
    );
    for ending in lost() {
        let found = after(&header(), &ending, &counts);
        assert_eq!(found[0], "edrctl check cisco  # tells what is wrong; changes nothing");
        assert_eq!(
            found[1],
            "edrctl resume 20261122-031502-k3f9q2  # goes on with 10 hosts, once the console takes requests again"
        );
    }
    let found = after(&header(), &Ending::JournalFailed("no room".into()), &counts);
    assert_eq!(found[0], "edrctl runs verify 20261122-031502-k3f9q2  # proves that the journal is whole");
    assert_eq!(
        found[1],
        "edrctl resume 20261122-031502-k3f9q2  # goes on with 10 hosts, once the journal can be written"
    );
}

#[test]
fn resume_is_named_once_with_the_wait_that_the_rest_needs() {
    let counts = [(Outcome::NotSent, 2), (Outcome::Unconfirmed, 1), (Outcome::InDoubt, 1)];
    let found = after(&RunHeader { waits: true, ..header() }, &Ending::Interrupted, &counts);
    assert_eq!(found, ["edrctl resume 20261122-031502-k3f9q2 --wait=30m  # goes on with 3 hosts"]);
}

#[test]
fn failures_and_unresolved_targets_say_where_to_look() {
    let counts = [(Outcome::Failed, 1), (Outcome::Refused, 1), (Outcome::Unresolved, 1)];
    assert_eq!(
        after(&header(), &Ending::Completed, &counts),
        [
            "edrctl runs show 20261122-031502-k3f9q2  # tells every host and its reason",
            "edrctl hosts --vendor cisco  # lists the hosts that the console knows",
        ]
    );
}

#[test]
fn a_status_run_has_no_journal_and_never_names_one() {
    let all: Vec<_> = Outcome::ALL.into_iter().map(|outcome| (outcome, 1)).collect();
    let endings = lost().into_iter().chain([
        Ending::Completed,
        Ending::Interrupted,
        Ending::QuotaWait(Duration::from_secs(1)),
        Ending::JournalFailed(String::new()),
    ]);
    for ending in endings {
        let found = after(&status(), &ending, &all).join("\n");
        assert!(!found.contains("resume") && !found.contains("runs"), "{ending:?}: {found}");
        assert_eq!(found.contains("edrctl status --vendor cisco hosts.txt"), ending != Ending::Completed, "{ending:?}");
    }
}

#[test]
fn a_rehearsal_leads_to_the_real_console_and_names_no_real_host() {
    let simulated = RunHeader { simulated: true, ..header() };
    assert_eq!(
        after(&simulated, &Ending::Completed, &[(Outcome::Accepted, 2), (Outcome::Unresolved, 1)]),
        [
            "edrctl isolate --vendor cisco --simulate --wait hosts.txt  # rehearses it with proof",
            "edrctl hosts --vendor cisco --simulate  # lists the hosts that the console knows",
            "edrctl check cisco  # proves the configuration of the real console; changes nothing",
        ]
    );
}

#[test]
fn a_flow_of_its_own_is_gone_on_with_in_its_own_name() {
    let invocation = Invocation {
        reading: vec!["--allow-multiple".into()],
        files: vec!["hosts.txt".into()],
        own_name: Some("apex-isolate"),
        ..Invocation::default()
    };
    let header = RunHeader { vendor: "apex", ..header() };
    assert_eq!(
        with(&header, &Ending::Completed, &[(Outcome::Confirmed, 1)], &invocation),
        ["edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated"]
    );
}

#[test]
fn what_the_user_typed_is_repeated_and_quoted() {
    let invocation = Invocation {
        globals: vec!["--profile".into(), "acme".into()],
        reading: vec!["--column".into(), "Host Name".into()],
        files: vec!["it's.txt".into(), "a\u{1b}b".into(), "-".into()],
        ..Invocation::default()
    };
    let planned = RunHeader { dry_run: true, ..header() };
    assert_eq!(
        with(&planned, &Ending::Completed, &[(Outcome::NotSent, 1)], &invocation),
        [
            "edrctl isolate --vendor cisco --column 'Host Name' 'it'\\''s.txt' FILE - --profile acme  # does it to 1 host; \
             needs the same standard input"
        ]
    );
    assert_eq!(
        with(&header(), &Ending::Completed, &[(Outcome::Confirmed, 1)], &invocation),
        ["edrctl undo 20261122-031502-k3f9q2 --profile acme  # puts back what this run has isolated"]
    );
}

#[test]
fn a_rehearsal_is_repeated_with_all_that_was_said() {
    let words = ["isolate", "--vendor", "cisco", "--waves", "1,100%", "--dry-run", "--for", "4h", "my hosts.txt"];
    let invocation = Invocation {
        files: vec!["my hosts.txt".into()],
        typed: words.map(str::to_owned).into(),
        ..Invocation::default()
    };
    let planned = RunHeader { dry_run: true, ..header() };
    assert_eq!(
        with(&planned, &Ending::Completed, &[(Outcome::NotSent, 1)], &invocation),
        ["edrctl isolate --vendor cisco --waves 1,100% --for 4h 'my hosts.txt'  # does it to 1 host"]
    );
}

#[test]
fn without_files_no_command_needs_them() {
    let found = with(&header(), &Ending::Completed, &[(Outcome::Confirmed, 1)], &Invocation::default());
    assert_eq!(found, ["edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated"]);
}
