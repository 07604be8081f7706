//! Where nobody outside knows how a Security Center behaves, a switch of the simulated one chooses: the main job works under
//! each position of each.

use crate::support::{Ksc, side_by_side};

/// Every position that is not the default.
const POSITIONS: [&str; 39] = [
    "clock_offset = '-5m'",
    "clock_offset = '5m'",
    "clock_offset = '-3h'",
    "clock_offset = '3h'",
    "bare_certificate = false",
    "tls13 = true",
    "account = 'os'",
    "account = 'os'\nkaspersky.domain = 'raw'",
    "virtual_server = 'branch'",
    "lock_after = 0",
    "session_idle = '1s'",
    "shared_sessions = false",
    "maintenance = '200ms'",
    "locdata = false",
    "ignore_case = false",
    "unknown_attribute = 'absent'",
    "filter_limit = 300",
    "chunk_cap = 1",
    "chunk_cap = 2",
    "sparse_hosts = false",
    "id_as_text = true",
    "body_limit = 400",
    "update_needs_host = false",
    "pick_up = 'add'",
    "pick_up = 'add'\nkaspersky.picks_up_again = true",
    "pick_up_after = '2s'",
    "picks_up_again = true",
    "marks_handled = true",
    "needs_flag = true",
    "unknown_parameter = 'no_task'",
    "name_ends_with = 'incident'",
    "console_shown = false",
    "keep_tasks = 0",
    "keep_tasks = 3",
    "isolation_expires = '0s'",
    "isolation_expires = '1h'",
    "isolation_tag = 'isolated'",
    "unsupported = 'pending'",
    "statistics2 = false",
];

#[test]
fn three_hosts_are_isolated_and_proved_under_every_position_of_every_switch() {
    side_by_side(POSITIONS, |position| {
        // The default of a key that is given a second time would be an error.
        let pace = if position.starts_with("pick_up_after") { "" } else { "kaspersky.pick_up_after = '5ms'\n" };
        let room = Ksc::slow(4, &format!("{pace}kaspersky.{position}\nconfirm = [{{ after = '20ms' }}]\n"));
        let hosts = room.console.fleet().hosts();
        // One by its id, the others by what the console has to be asked for.
        let list = format!("{}\n{}\n{}\n", hosts[0].id, hosts[1].name, hosts[2].name);
        let output = room.isolate_list(&list, &["--wait=40s"]);
        assert_eq!(output.code, Some(0), "{position}\n{output}");
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{position}\n{output}");
        for (number, host) in hosts.iter().enumerate() {
            let expected: &[&str] = if number < 3 { &["isolateHost"] } else { &[] };
            assert_eq!(room.console.fleet().executed(&host.id), expected, "{position}");
        }
        assert_eq!(room.incidents().len(), 3, "{position}");
        room.env.run(["runs", "verify"]).exits(0);
    });
}

#[test]
fn all_nine_tasks_are_carried_out_by_a_console_that_takes_no_parameter_that_it_does_not_know() {
    let tasks: [&[&str]; 9] = [
        &["get-file", "--path", r"C:\a"],
        &["delete-file", "--path", r"C:\a", "--search-in-subfolders"],
        &["quarantine-file", "--path", r"C:\a"],
        &["ioc-scan", "--ioc", "a.ioc"],
        &["start-process", "--executable-path", r"C:\a", "--arguments", "b", "--working-folder", r"C:\c"],
        &["terminate-process", "--path", r"C:\a"],
        &["isolate-host", "--action", "on"],
        &["prevent-execution", "--path", r"C:\a", "--hash", "d41d8cd98f00b204e9800998ecf8427e"],
        &["on-demand-scan", "--object", "email"],
    ];
    side_by_side(tasks, |task| {
        let room = Ksc::new(2, "kaspersky.unknown_parameter = 'no_task'\nkaspersky.needs_flag = true\n");
        room.env.file("a.ioc", "<ioc/>");
        let output = room.task(&[task, &["--wait=30s"]].concat()).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    });
}

#[test]
fn switches_under_which_nothing_can_be_done_are_told_in_words() {
    for (position, code, words) in [
        ("mfa = true", 4, "two-step"),
        ("rights = 'none'", 4, "KLSTD 1184"),
        ("rights = 'read'", 6, "KLSTD 1184"),
        ("body_limit = 10", 6, "KLSTD 1229"),
        ("pick_up = 'never'", 6, "has made no task"),
        ("console_connected = false", 6, "no Web Console is connected"),
    ] {
        let room = Ksc::new(2, &format!("kaspersky.{position}\n"));
        let output = room.isolate(&["--wait=2s"]);
        assert_eq!(output.code, Some(code), "{position}\n{output}");
        assert!(output.to_string().contains(words), "{position} does not say `{words}`\n{output}");
        assert_eq!(room.console.fleet().isolated(), 0, "{position}");
    }
}
