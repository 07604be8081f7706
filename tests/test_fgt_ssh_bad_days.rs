//! Bad days on the command line of a FortiGate: whatever breaks, nothing that was not meant is left behind.

use crate::support::{GROUP, Wall, addresses, side_by_side, wait_until};

const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";

#[test]
fn a_value_that_is_rejected_leaves_no_object_that_is_everything() {
    for nth in [1, 3, 6] {
        let wall = Wall::ssh(&format!("fortigate.reject_subnet = {nth}\n"));
        let output = wall.block(&addresses(6), &[]).exits(6);
        assert_eq!((output.outcomes()["confirmed"], output.outcomes()["failed"]), (5, 1), "{output}");
        wall.assert_unharmed();
        assert_eq!(wall.blocked().len(), 5);
        let typed = String::from_utf8(wall.firewall().transcript()).unwrap();
        assert_eq!(typed.split('\r').filter(|line| line.trim() == "abort").count(), 1, "{typed}");
    }
}

#[test]
fn an_entry_that_fails_for_no_reason_is_made_again() {
    for nth in [1, 2, 4] {
        let wall = Wall::ssh(&format!("fortigate.add_fails = {nth}\n"));
        let output = wall.block(&addresses(4), &[]).exits(0);
        assert_eq!(output.outcomes()["confirmed"], 4, "{output}");
        assert_eq!(wall.blocked().len(), 4);
        wall.assert_unharmed();
    }
}

#[test]
fn a_session_that_is_cut_between_object_and_group_is_made_up_for() {
    for faults in
        ["cut_after_next = 3", "cut_before_next = 3", "cut_after_next = 4", "cut_before_next = 5", "cut_after_next = 5"]
    {
        let wall = Wall::ssh(&format!("fortigate.{faults}\n"));
        let output = wall.block(&addresses(4), &[]).exits(0);
        assert_eq!(output.results().len(), 4, "{faults}: {output}");
        assert_eq!(wall.blocked().len(), 4, "{faults}: {output}");
        wall.assert_unharmed();
        wall.verify();
    }
}

#[test]
fn a_session_that_is_cut_at_any_byte_is_made_up_for() {
    let whole = Wall::ssh("");
    whole.block(&addresses(3), &[]).exits(0);
    let length = whole.firewall().transcript().len();
    let places: Vec<usize> = (1..24).map(|n| n * length / 24).collect();
    side_by_side(places, |place| {
        let wall = Wall::ssh(&format!("fortigate.cut_at_byte = {place}\n"));
        let output = wall.block(&addresses(3), &[]);
        wall.assert_unharmed();
        // Cut before the first action, the run may say so and end; later, it goes on by itself.
        if output.code == Some(0) {
            assert_eq!(wall.blocked().len(), 3, "{place}: {output}");
        } else {
            assert_eq!((output.code, wall.firewall().saved()), (Some(4), 0), "{place}: {output}");
        }
    });
}

#[test]
fn a_run_that_is_killed_after_any_line_of_its_journal_is_resumed() {
    side_by_side(1..10_u32, |line| {
        let wall = Wall::ssh("");
        let died = wall.block_command(&addresses(3)).env(CRASH_AFTER, line.to_string()).output().unwrap();
        wall.assert_unharmed();
        if died.status.code() == Some(0) {
            return;
        }
        let resumed = wall.resume(&[]);
        assert!(resumed.code == Some(0) || line == 1, "{line}: {resumed}");
        wall.assert_unharmed();
        if resumed.code == Some(0) {
            assert_eq!(wall.blocked().len(), 3, "{line}: {resumed}");
            wall.verify();
        }
    });
}

#[test]
fn a_colleagues_member_survives_whenever_it_comes() {
    let wall = Wall::ssh("fortigate.commit_takes = '5ms'\n");
    let firewall = wall.firewall();
    let colleague = std::thread::spawn(move || {
        for n in 0..10 {
            wait_until("something more is saved", || firewall.saved() > n);
            firewall.colleague_adds(GROUP, &format!("by-hand-{n}"), "198.51.100.9 255.255.255.255").unwrap();
        }
    });
    wall.block(&addresses(12), &[]).exits(0);
    wall.unblock("203.0.113.1\n203.0.113.2\n", &[]).exits(0);
    colleague.join().unwrap();
    let members = wall.firewall().members(GROUP).unwrap();
    assert!((0..10).all(|n| members.contains(&format!("by-hand-{n}"))), "{members:?}");
    assert_eq!(wall.blocked().len(), 10);
    wall.assert_unharmed();
}

#[test]
fn an_object_that_a_person_made_under_our_name_is_left_alone() {
    let wall = Wall::ssh("");
    wall.block("203.0.113.7\n", &[]).exits(0);
    let name = wall.firewall().members(GROUP).unwrap().pop().unwrap();
    let people =
        format!("[[fortigate.people]]\nname = '{name}'\nsubnet = '203.0.113.99 255.255.255.255'\ncomment = 'J. Doe'\n");
    let wall = Wall::ssh(&people);
    let output = wall.block("203.0.113.7\n203.0.113.8\n", &[]).exits(6);
    assert_eq!(output.outcomes()["confirmed"], 1, "{output}");
    let address = wall.firewall().address(&name).unwrap();
    assert_eq!((address.value.as_str(), address.comment.as_str()), ("203.0.113.99 255.255.255.255", "J. Doe"));
    assert_eq!(wall.blocked(), ["203.0.113.8"]);
}

#[test]
fn who_may_only_read_is_told_so_and_nothing_is_changed() {
    for profile in ["read_only", "silent"] {
        let wall = Wall::ssh(&format!("fortigate.profile = '{profile}'\n"));
        let output = wall.block(&addresses(3), &[]);
        assert!(matches!(output.code, Some(4 | 6 | 7)), "{output}");
        assert!(!output.stdout.contains("confirmed"), "{output}");
        assert_eq!(wall.firewall().saved(), 0);
        wall.assert_unharmed();
    }
}

#[test]
fn a_table_that_is_full_stops_the_making_of_objects() {
    let wall = Wall::ssh("fortigate.max_addresses = 7\n");
    let output = wall.block(&addresses(6), &[]);
    assert!(matches!(output.code, Some(6 | 7)), "{output}");
    assert!(output.stdout.contains("table_full") || output.stderr.contains("full"), "{output}");
    wall.assert_unharmed();
    assert!(wall.firewall().addresses().iter().filter(|address| address.name.starts_with("edr-")).count() <= 3);
}

#[test]
fn a_group_that_is_called_otherwise_meanwhile_is_not_made_again() {
    let wall = Wall::ssh("fortigate.rename_group_after = 2\n");
    let output = wall.block(&addresses(3), &[]);
    assert!(matches!(output.code, Some(6 | 7)), "{output}");
    assert_eq!(wall.firewall().groups(), ["EDR-Threats-old"]);
    assert_eq!(wall.firewall().members("EDR-Threats-old").unwrap(), ["none", "Partner-VPN-abuse"]);
}
