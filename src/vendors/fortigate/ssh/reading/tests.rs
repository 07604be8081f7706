use super::*;

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

const ADDRESSES: &str = r#"config firewall address
    edit "edr-ip-1"
        set uuid 0b6f
        set subnet 203.0.113.9 255.255.255.255
        set comment "edrctl run=x exp=never"
    next
    edit "edr-dn-1"
        set type fqdn
        set fqdn "bad.example.com"
    next
    edit "everything"
    next
    edit "by hand"
        set comment "two
next
end
fgt01 # edit \"x\""
        set type iprange
        set start-ip 198.18.0.1
    next
end"#;

#[test]
fn addresses_are_read_as_they_are() {
    let entries = entries(&lines(ADDRESSES)).unwrap();
    let objects: Vec<Object> = entries.iter().map(|entry| object(Table::V4, entry)).collect();
    let value = |n: usize| objects[n].value.as_ref().map(Indicator::canonical);
    assert_eq!(objects.len(), 4);
    assert_eq!(value(0).as_deref(), Some("203.0.113.9"));
    assert_eq!(objects[0].comment, "edrctl run=x exp=never");
    assert_eq!(value(1).as_deref(), Some("bad.example.com"));
    assert_eq!((objects[2].name.as_str(), value(2)), ("everything", None), "what shows no value is everything");
    assert_eq!((objects[3].name.as_str(), value(3)), ("by hand", None));
    assert_eq!(objects[3].comment, "two\nnext\nend\nfgt01 # edit \"x\"");
}

#[test]
fn an_answer_that_is_not_whole_is_none() {
    let whole = lines(ADDRESSES);
    for missing in 1..whole.len() {
        assert_eq!(entries(&whole[..missing]), None, "{missing} lines");
        assert_eq!(entries(&whole[missing..]), None, "without the first {missing}");
    }
    assert_eq!(entries(&[]), None);
    assert_eq!(entries(&lines("entry is not found in table")), None);
    assert_eq!(entries(&lines("config firewall address\nend")), Some(Vec::new()));
}

#[test]
fn a_group_and_a_policy_are_read() {
    let text = "config firewall addrgrp\n    edit \"EDR-Threats\"\n        set member \"none\" \"a b\"\n    next\nend";
    let read = group(&entries(&lines(text)).unwrap()[0]);
    assert_eq!((read.name.as_str(), read.members), ("EDR-Threats", vec!["none".to_owned(), "a b".to_owned()]));
    let text = "config firewall policy\n    edit 7\n        set name \"x\"\n        set srcaddr \"all\"\n        set dstaddr \"g\"\n        \
                set dstaddr6 \"h\"\n        set dstaddr-negate enable\n        config sub\n            edit 1\n            next\n        \
                end\n    next\n    edit 8\n        set action accept\n        set status disable\n    next\nend";
    let read: Vec<Policy> = entries(&lines(text)).unwrap().iter().map(policy).collect();
    assert_eq!((read[0].id.as_str(), read[0].action.as_str(), read[0].enabled), ("7", "deny", true));
    assert_eq!(
        (&*read[0].v4.destination.names, &*read[0].v6.destination.names),
        (&["g".to_owned()][..], &["h".to_owned()][..])
    );
    assert!(read[0].v4.destination.negated && !read[0].v6.destination.negated && !read[0].v4.source.negated);
    assert_eq!((read[1].action.as_str(), read[1].enabled), ("accept", false));
}

#[test]
fn the_unit_describes_itself() {
    let text = "Version: FortiGate-60F v7.4.4,build2662,240514 (GA.F)\nSerial-Number: FGT60F0000000001\nHostname: fgt01\n\
                Virtual domain configuration: multiple\n";
    let (unit, has_vdoms) = device(&lines(text)).unwrap();
    assert_eq!((unit.version.as_str(), unit.release(), has_vdoms), ("v7.4.4", Some((7, 4)), true));
    assert_eq!((unit.serial.as_deref(), unit.hostname.as_deref()), (Some("FGT60F0000000001"), Some("fgt01")));
    assert!(
        !device(&lines("Version: FortiGate-VM64 v6.0.2,build0163\nVirtual domain configuration: disable")).unwrap().1
    );
    assert_eq!(device(&lines("Version: something else")), None);
}
