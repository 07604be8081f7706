use super::*;
use crate::simulator::{Credentials, Faults};

/// A command line without a network.
struct Desk {
    firewall: Arc<Firewall>,
    shell: Shell,
}

impl Desk {
    fn new(faults: &str) -> Self {
        let settings = Faults::parse(faults).unwrap().fortigate;
        let credentials = Credentials { client_id: "admin".to_owned(), api_key: "k".to_owned() };
        let firewall = Arc::new(Firewall::new(settings, credentials));
        let mut shell = Shell::new(Arc::clone(&firewall));
        shell.open();
        Self { firewall, shell }
    }

    /// A unit without a pager.
    fn plain(faults: &str) -> Self {
        Self::new(&format!("fortigate.pager = false\n{faults}"))
    }

    fn pieces(&mut self, text: &str) -> Vec<Piece> {
        self.shell.feed(text.as_bytes())
    }

    fn raw(&mut self, text: &str) -> String {
        let pieces = self.pieces(text).into_iter();
        pieces
            .map(|piece| if let Piece::Say(said) = piece { String::from_utf8(said).unwrap() } else { String::new() })
            .collect()
    }

    /// What is shown for a line, without its echo.
    fn line(&mut self, line: &str) -> String {
        let said = self.raw(&format!("{line}\r"));
        said.strip_prefix(&format!("{line}\r\n")).unwrap().replace("\r\n", "\n")
    }

    /// The prompt behind these lines.
    fn after(&mut self, lines: &[&str]) -> String {
        lines.iter().map(|line| self.line(line)).last().unwrap()
    }

    fn value(&self, name: &str) -> String {
        self.firewall.address(name).unwrap().value
    }
}

#[test]
fn prompts_tell_where_one_is() {
    let mut desk = Desk::plain("");
    assert_eq!(desk.line(""), "fgt01 # ");
    assert_eq!(desk.line("config firewall address"), "fgt01 (address) # ");
    assert_eq!(desk.line("edit \"x\""), "new entry 'x' added\n\nfgt01 (x) # ");
    assert_eq!(desk.line("next"), "fgt01 (address) # ");
    assert_eq!(desk.line("edit x"), "fgt01 (x) # ");
    assert_eq!(desk.line("abort"), "fgt01 # ");
    let mut reader = Desk::plain("fortigate.profile = 'read_only'\n");
    assert_eq!(reader.line(""), "fgt01 $ ");
    assert_eq!(reader.line("config firewall addrgrp"), "fgt01 (addrgrp) $ ");
}

#[test]
fn an_address_is_made_and_put_into_the_group_as_the_books_show_it() {
    let mut desk = Desk::plain("");
    let lines = [
        "config firewall address",
        "edit \"edr-1\"",
        "set type ipmask",
        "set subnet 203.0.113.9 255.255.255.255",
        "set comment \"by a test\"",
        "next",
        "edit \"edr-2\"",
        "set type fqdn",
        "set fqdn \"bad.example.test\"",
        "end",
        "config firewall addrgrp",
        "edit \"EDR-Threats\"",
        "append member \"edr-1\" \"edr-2\"",
        "end",
    ];
    assert_eq!(desk.after(&lines), "fgt01 # ");
    assert_eq!(desk.value("edr-1"), "203.0.113.9 255.255.255.255");
    assert_eq!(desk.value("edr-2"), "bad.example.test");
    let members = desk.firewall.members("EDR-Threats").unwrap();
    assert_eq!(members, ["none", "Partner-VPN-abuse", "edr-1", "edr-2"]);
    let shown = desk.line("show firewall addrgrp \"EDR-Threats\"");
    assert!(
        shown.contains("        set member \"none\" \"Partner-VPN-abuse\" \"edr-1\" \"edr-2\"\n    next\nend\n"),
        "{shown}"
    );
    let lines = ["config firewall addrgrp", "edit EDR-Threats", "unselect member edr-1", "end"];
    desk.after(&lines);
    desk.after(&["config firewall address", "delete edr-1", "end"]);
    assert_eq!(desk.firewall.members("EDR-Threats").unwrap(), ["none", "Partner-VPN-abuse", "edr-2"]);
    assert_eq!(desk.firewall.address("edr-1"), None);
}

#[test]
fn a_line_that_fails_and_is_passed_over_leaves_an_object_that_is_everything() {
    let mut desk = Desk::plain("");
    desk.after(&["config firewall address", "edit \"edr-1\""]);
    let failed = desk.line("set subnet 1.1 255.255.255.255");
    let said = "invalid ip address\nvalue parse error before '1.1'\nCommand fail. Return code -8\n\nfgt01 (edr-1) # ";
    assert_eq!(failed, said);
    desk.line("next");
    assert_eq!(desk.value("edr-1"), "0.0.0.0 0.0.0.0");
    assert!(desk.firewall.address("edr-1").unwrap().is_everything());
    desk.after(&["edit \"edr-2\"", "abort"]);
    assert_eq!(desk.firewall.address("edr-2"), None, "nothing is saved by `abort`");
}

#[test]
fn setting_members_throws_the_others_away() {
    let mut desk = Desk::plain("");
    desk.after(&["config firewall addrgrp", "edit \"EDR-Threats\"", "set member \"Servers\"", "end"]);
    assert_eq!(desk.firewall.members("EDR-Threats").unwrap(), ["Servers"]);
    desk.after(&["config firewall addrgrp", "edit \"EDR-Threats\"", "unselect member \"Servers\""]);
    let failed = desk.line("next");
    assert!(failed.starts_with("object check operator error, -45, discard the setting\nCommand fail. Return code 1\n"));
    assert!(failed.ends_with("fgt01 (addrgrp) # "), "{failed}");
    assert_eq!(desk.firewall.members("EDR-Threats").unwrap(), ["Servers"]);
}

#[test]
fn a_mistyped_group_is_a_new_group() {
    let mut desk = Desk::plain("");
    desk.after(&["config firewall addrgrp", "edit \"EDR-Treats\"", "append member \"none\"", "end"]);
    assert_eq!(desk.firewall.members("EDR-Treats").unwrap(), ["none"]);
}

#[test]
fn every_refusal_has_its_words_and_its_number() {
    let mut desk = Desk::plain("");
    let end = |desk: &mut Desk, line: &str| {
        let said = desk.line(line);
        let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
        lines[..lines.len() - 1].join(" | ")
    };
    assert_eq!(end(&mut desk, "xjj"), "Unknown action 0 | Command fail. Return code -1");
    assert_eq!(end(&mut desk, "config firewall xjj"), "command parse error before 'xjj' | Command fail. Return code 1");
    let missing = "entry is not found in table | Command fail. Return code -3";
    assert_eq!(end(&mut desk, "show firewall addrgrp nobody"), missing);
    desk.after(&["config firewall address", "edit EDR-Threats"]);
    let clash = "Name 'EDR-Threats' conflict: 'address' and 'address group' cannot be the same name. | Command fail. Return code -163";
    assert_eq!(end(&mut desk, "edit EDR-Threats"), clash);
    let used = "The entry is used by other 1 entries | Command fail. Return code -23";
    assert_eq!(end(&mut desk, "delete Partner-VPN-abuse"), used);
    desk.line("edit new");
    assert_eq!(end(&mut desk, "xjj"), "command parse error before 'xjj' | Command fail. Return code 1");
    assert_eq!(end(&mut desk, "set subnet"), "incomplete command in the end | Command fail. Return code -160");
    let domain = "domain name is not valid. | node_check_object fail! for fqdn a;b | value parse error before 'a;b' | Command fail. Return code -651";
    assert_eq!(end(&mut desk, "set fqdn a;b"), domain);
    let long = "string value is too long. the size is 256, the limit is 255 | Command fail. Return code -1";
    assert_eq!(end(&mut desk, &format!("set comment {}", "x".repeat(256))), long);
    desk.after(&["abort", "config firewall addrgrp", "edit EDR-Threats"]);
    let source = "entry not found in datasource | value parse error before 'nobody' | Command fail. Return code -3";
    assert_eq!(end(&mut desk, "append member nobody"), source);
}

#[test]
fn a_session_that_fell_out_of_its_mode_knows_no_action() {
    let mut desk = Desk::plain("fortigate.add_fails = 1\n");
    desk.after(&["config firewall address", "edit a", "set subnet 203.0.113.9/32"]);
    assert_eq!(desk.line("next"), "Command fail. Return code -361\n\nfgt01 # ");
    assert!(desk.line("set subnet 203.0.113.9/32").starts_with("Unknown action 0\n"));
    assert_eq!(desk.firewall.address("a"), None);
    desk.after(&["config firewall address", "edit a", "set subnet 203.0.113.9/32", "end"]);
    assert_eq!(desk.value("a"), "203.0.113.9 255.255.255.255");
}

#[test]
fn a_table_that_is_full_takes_no_new_entry() {
    let mut desk = Desk::plain("fortigate.max_addresses = 4\n");
    desk.line("config firewall address");
    assert!(
        desk.line("edit one").contains("Command fail. Return code -4\n"),
        "three are built in, one is a colleague's"
    );
    assert_eq!(desk.line("edit Servers"), "fgt01 (Servers) # ");
}

#[test]
fn who_may_only_read_changes_nothing() {
    for (profile, said) in [("read_only", "Command fail. Return code -37\n\n"), ("silent", "")] {
        let mut desk = Desk::plain(&format!("fortigate.profile = '{profile}'\n"));
        desk.line("config firewall address");
        assert_eq!(desk.line("edit a"), format!("{said}fgt01 (address) $ "));
        assert_eq!(desk.line("delete Servers"), format!("{said}fgt01 (address) $ "));
        desk.after(&["end", "config firewall addrgrp", "edit EDR-Threats"]);
        assert_eq!(desk.line("append member Servers"), format!("{said}fgt01 (EDR-Threats) $ "));
        assert_eq!(desk.line("end"), "fgt01 $ ");
        assert_eq!(desk.firewall.saved(), 0);
    }
}

#[test]
fn virtual_domains_are_entered_and_left() {
    let mut desk = Desk::plain("fortigate.vdoms = ['root', 'dmz']\n");
    assert!(desk.line("get system status | grep Virtual").contains("Virtual domain configuration: multiple\n"));
    assert!(desk.line("config firewall address").contains("parse error before 'firewall'"));
    assert_eq!(desk.line("config global"), "fgt01 (global) # ");
    assert!(desk.line("get system console").contains("output              : standard\n"));
    assert_eq!(desk.line("end"), "fgt01 # ");
    assert_eq!(desk.line("config vdom"), "fgt01 (vdom) # ");
    assert!(desk.line("show").starts_with("config vdom\nedit dmz\nnext\nedit root\nnext\nend\n"));
    assert_eq!(desk.line("edit dmz"), "current vf=dmz:0\n\nfgt01 (dmz) # ");
    assert!(desk.line("show firewall addrgrp EDR-Threats").contains("not found"));
    assert_eq!(desk.line("end"), "fgt01 # ");
    desk.line("config vdom");
    assert_eq!(desk.line("edit root"), "current vf=root:0\n\nfgt01 (root) # ");
    assert!(desk.line("show firewall addrgrp EDR-Threats").contains("set member"));
    assert_eq!(desk.after(&["config firewall address", "edit x", "end"]), "fgt01 (root) # ");
    assert_eq!(desk.line("end"), "fgt01 # ", "one `end` too many leaves the virtual domain");
    assert!(desk.line("end").starts_with("Unknown action 0\n"));
    desk.after(&["config vdom", "edit rooot"]);
    assert_eq!(desk.firewall.vdoms(), ["dmz", "rooot", "root"].map(str::to_owned), "a slip makes a new one");
}

#[test]
fn a_long_answer_stops_at_every_screen() {
    let mut desk = Desk::new("");
    let show = "show full-configuration firewall policy\r";
    let said = desk.raw(show);
    assert!(said.ends_with("--More-- "), "{said}");
    assert_eq!(said.matches("\r\n").count(), 25, "the echo and 24 lines: {said}");
    let rest = desk.raw(" ");
    assert!(rest.starts_with("\r         \r") && rest.ends_with("fgt01 # "), "{rest}");
    desk.raw(show);
    assert_eq!(desk.raw("\r").matches("\r\n").count(), 1);
    let taken = "\r         \r        set srcintf \"internal\"\r\n--More-- \r         \rfgt01 # ";
    assert_eq!(desk.raw("end\rq"), taken, "it takes what was meant as a line");
    desk.after(&["config system console", "set output standard", "end"]);
    assert!(desk.line(show.trim()).ends_with("fgt01 # "));
}

#[test]
fn the_keys_that_act_at_once_do() {
    let mut desk = Desk::plain("");
    assert_eq!(desk.raw("con\t"), "config ");
    assert_eq!(desk.raw("fire\tpol\t\r"), "firewall policy \r\nfgt01 (policy) # ");
    let helped = desk.raw("edit ?");
    assert_eq!(helped, "edit ?\r\n5\r\n20\r\n\r\nfgt01 (policy) # ");
    assert_eq!(desk.raw("end\x03"), "end^C\r\nfgt01 (policy) # ");
    assert_eq!(desk.pieces("\x04"), [Piece::Close]);
    assert_eq!(desk.pieces("end\r"), []);
}

#[test]
fn a_banner_waits_for_its_key() {
    let mut desk = Desk::new("fortigate.banner = true\n");
    assert_eq!(desk.raw("\r"), "");
    assert_eq!(desk.raw("a\r"), "\r\n\r\nfgt01 # \r\nfgt01 # ");
    assert_eq!(desk.raw("\n"), "\r\nfgt01 # ", "a line feed that comes later is an Enter of its own");
    assert_eq!(desk.raw("\r\n"), "\r\nfgt01 # ");
    let mut desk = Desk::new("fortigate.banner = true\n");
    assert_eq!(desk.pieces("x"), [Piece::Close]);
}

#[test]
fn a_session_is_cut_before_or_after_an_entry_is_saved() {
    let lines = "config firewall address\redit a\rset subnet 203.0.113.9/32\rnext\r";
    let mut desk = Desk::plain("fortigate.cut_before_next = 1\n");
    assert_eq!(desk.pieces(lines).last(), Some(&Piece::Cut));
    assert_eq!(desk.firewall.address("a"), None);
    let mut desk = Desk::plain("fortigate.cut_after_next = 1\n");
    assert_eq!(desk.pieces(lines).last(), Some(&Piece::Cut));
    assert_eq!(desk.value("a"), "203.0.113.9 255.255.255.255");
}

#[test]
fn a_slow_unit_takes_its_time_to_save() {
    let mut desk = Desk::plain("fortigate.commit_takes = '3s'\n");
    let pieces = desk.pieces("config firewall address\redit a\rset subnet 203.0.113.9/32\rnext\r");
    assert_eq!(pieces.iter().filter(|piece| **piece == Piece::Wait(Duration::from_secs(3))).count(), 1);
    assert!(matches!(pieces.last(), Some(Piece::Say(_))));
}

#[test]
fn people_do_what_they_do_meanwhile() {
    let faults = "fortigate.rename_group_after = 1\nfortigate.flip_policy_after = 2\n";
    let mut desk = Desk::plain(faults);
    desk.after(&["config firewall address", "edit a", "set subnet 203.0.113.9/32", "next"]);
    assert_eq!(desk.firewall.groups(), ["EDR-Threats-old"]);
    desk.after(&["edit b", "set subnet 203.0.113.10/32", "end"]);
    assert!(desk.line("show firewall policy 5").contains("set action accept"));
    assert!(desk.line("show firewall policy 5").contains("set dstaddr \"EDR-Threats-old\""));
}

#[test]
fn members_are_added_to_those_that_are_there_when_it_is_saved() {
    let mut desk = Desk::plain("");
    desk.after(&["config firewall addrgrp", "edit EDR-Threats", "append member Servers"]);
    desk.firewall.colleague_adds("EDR-Threats", "late", "198.18.1.1 255.255.255.255").unwrap();
    desk.line("end");
    assert_eq!(desk.firewall.members("EDR-Threats").unwrap(), ["none", "Partner-VPN-abuse", "late", "Servers"]);
}
