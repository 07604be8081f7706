//! Who is signed in at Cybereason, and what becomes of a run when nobody is any more.

use edrctl::simulator::faults::Endpoint;

use crate::support::Cyb;

/// A rule of a faults file.
fn fault(rest: &str) -> String {
    format!("[[fault]]\n{rest}\n")
}

#[test]
fn a_session_that_dies_between_two_batches_is_renewed_once_and_nothing_is_done_twice() {
    for lost in ["redirect", "page"] {
        let rule = fault("endpoint = 'isolate_sensors'\nnth = 2\ndo = 'end_session'");
        let room = Cyb::new(350, &format!("cybereason.lost_session = '{lost}'\n{rule}"));
        let output = room.isolate(&["--wait=30s", "--concurrency", "1"]).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 350)].into(), "{lost}: {output}");
        assert_eq!(room.isolated().len(), 350);
        assert_eq!((room.console.stats().logons(), room.asked(Endpoint::IsolateSensors)), (2, 5), "{lost}");
        for host in room.console.fleet().hosts() {
            assert_eq!(host.puts, 1, "{lost}: {host:?}");
        }
    }
}

#[test]
fn all_workers_share_one_login_when_the_session_is_lost() {
    let rule = fault("endpoint = 'isolate_sensors'\nnth = 1\ndo = 'end_session'");
    let room = Cyb::new(1_600, &format!("latency = '20ms'\n{rule}"));
    let output = room.isolate(&["--wait=30s", "--concurrency", "16"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1_600)].into());
    assert_eq!(room.console.stats().logons(), 2);
}

#[test]
fn a_session_that_lasts_for_a_few_calls_is_renewed_as_often_as_it_takes() {
    let room = Cyb::new(900, "cybereason.session_calls = 4\n");
    let output = room.isolate(&["--wait=30s", "--concurrency", "2"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 900)].into());
    let logons = room.console.stats().logons();
    assert!((4..=12).contains(&logons), "{logons}");
}

#[test]
fn a_console_that_forgets_its_sessions_at_once_is_told_apart_from_a_wrong_password() {
    let rule = fault("endpoint = 'server_info'\ndo = 'end_session'");
    let room = Cyb::new(2, &rule);
    let output = room.isolate(&[]).exits(4);
    assert!(output.stderr.contains("does not know the session that it gave"), "{output}");
    assert_eq!(room.console.stats().logons(), 1, "{output}");
    room.was_left_alone();
}

#[test]
fn a_wrong_password_is_sent_once_and_told() {
    let mut room = Cyb::new(2, "");
    room.room.env.set("EDRCTL_CYBEREASON_PASSWORD", "Wrong-Horse-9");
    for command in [&["check", "cybereason"][..], &["isolate", "--vendor", "cybereason", "--yes", "hosts.txt"]] {
        let before = room.console.stats().logons_refused();
        let output = room.env.run(command).exits(4);
        assert!(output.stderr.contains("refused user name or password"), "{output}");
        assert!(output.stderr.contains("EDRCTL_CYBEREASON_PASSWORD"), "{output}");
        assert!(!format!("{output}").contains("Wrong-Horse"), "{output}");
        assert_eq!(room.console.stats().logons_refused() - before, 1);
    }
    room.was_left_alone();
}

#[test]
fn a_password_that_is_changed_in_the_middle_of_a_run_stops_it_after_one_refusal() {
    let rule = fault("endpoint = 'isolate_sensors'\nnth = 2\ndo = 'revoke'");
    let room = Cyb::new(900, &rule);
    let output = room.isolate(&["--concurrency", "4"]).exits(7);
    assert_eq!(room.console.stats().logons_refused(), 1, "{output}");
    let outcomes = output.outcomes();
    assert_eq!(outcomes.values().sum::<usize>(), 900);
    assert!(outcomes["not_sent"] >= 400, "{outcomes:?}");
    assert!(output.stderr.contains("refused user name or password"), "{output}");
}

#[test]
fn a_second_factor_is_given_from_its_key() {
    let room = Cyb::new(3, "cybereason.totp = true\n");
    let output = room.isolate(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{output}");
    assert_eq!(room.asked(Endpoint::Logon), 2, "the password, then the code");
}

#[test]
fn a_second_factor_without_a_key_or_with_another_one_is_told_apart_from_a_wrong_password() {
    let mut room = Cyb::new(2, "cybereason.totp = true\n");
    room.room.env.set("EDRCTL_CYBEREASON_TOTP_SECRET", "MZXW6YTBOI======MZXW6YTBOI");
    let output = room.isolate(&[]).exits(4);
    assert!(output.stderr.contains("refused the code of the second factor"), "{output}");
    assert!(output.stderr.contains("clock"), "{output}");
    assert_eq!(room.console.stats().logons_refused(), 1);

    let none = Cyb::new(2, "cybereason.totp = true\n");
    let path = none.env.path().join("home/.config/edrctl/config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("totp_secret")).collect();
    std::fs::write(&path, kept.join("\n")).unwrap();
    let output = none.isolate(&[]).exits(4);
    assert!(output.stderr.contains("wants a second factor, and `totp_secret` is not set"), "{output}");
    none.was_left_alone();
}

#[test]
fn a_code_is_not_used_twice() {
    let rule = fault("endpoint = 'isolate_sensors'\nnth = 1\ndo = 'end_session'");
    let room = Cyb::new(2, &format!("cybereason.totp = true\n{rule}"));
    // The next code is half a minute away, and nobody waits so long here.
    let output = room.isolate(&["--max-wait", "1ms"]);
    assert!(matches!(output.code, Some(0 | 7)), "{output}");
    assert_eq!(room.console.stats().logons_refused(), 0, "{output}");
    if output.code == Some(7) {
        assert_eq!(output.outcomes(), [("not_sent".to_owned(), 2)].into(), "{output}");
    }
}

#[test]
fn an_expired_password_is_told_apart_from_a_wrong_one() {
    let room = Cyb::new(2, "cybereason.password = 'expired'\n");
    let output = room.isolate(&[]).exits(4);
    assert!(output.stderr.contains("the password has expired"), "{output}");
    assert!(output.stderr.contains("renew it"), "{output}");
    assert_eq!(room.console.stats().logons_refused(), 1);
    room.was_left_alone();
}

#[test]
fn a_wrong_role_is_told_apart_from_a_lost_session_however_it_is_answered() {
    for (answer, logons) in [("forbidden", 1), ("login_page", 4)] {
        let room = Cyb::new(2, &format!("cybereason.role = 'analyst'\ncybereason.missing_role = '{answer}'\n"));
        let output = room.isolate(&[]).exits(4);
        assert!(output.to_string().contains("role may not do this"), "{answer}: {output}");
        assert_eq!(output.outcomes(), [("not_sent".to_owned(), 2)].into(), "{answer}: {output}");
        let signed_in = room.console.stats().logons();
        assert!(
            signed_in <= logons,
            "{answer}: once for each call that is refused, and not again and again: {signed_in}"
        );
        assert!(room.isolated().is_empty());
        let output = room.env.run(["hosts", "--vendor", "cybereason"]).exits(4);
        assert!(output.stderr.contains("System Admin"), "{answer}: {output}");
    }
}

#[test]
fn a_role_that_may_not_change_stops_the_run() {
    let rule = fault("endpoint = 'isolate_sensors'\ndo = { status = 403 }");
    let room = Cyb::new(250, &rule);
    let output = room.isolate(&["--concurrency", "1"]).exits(4);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 250)].into(), "{output}");
    assert_eq!(room.asked(Endpoint::IsolateSensors), 1, "not asked for each batch");
}

#[test]
fn no_secret_is_told_or_kept() {
    let room = Cyb::new(3, "cybereason.totp = true\n");
    let output = room.isolate(&["--wait=30s", "-vv"]).exits(0);
    let password = room.console.inner().credentials().api_key.clone();
    let kept = std::fs::read_to_string(room.env.only_journal()).unwrap();
    for text in [output.to_string(), kept] {
        assert!(!text.contains(&password), "the password");
        assert!(!text.contains("JSESSIONID"), "a session");
    }
}
