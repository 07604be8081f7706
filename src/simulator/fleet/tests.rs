use std::collections::HashSet;

use super::*;

const GUID: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6";

fn names(fleet: &Fleet) -> Vec<String> {
    (0..fleet.len() as u32).map(|number| fleet.name(number)).collect()
}

#[test]
fn a_made_up_fleet_is_the_same_each_time_and_has_no_pairs() {
    let (one, two) = (Fleet::of_size(2000), Fleet::of_size(2000));
    assert_eq!(one.guids, two.guids);
    assert_eq!(names(&one), names(&two));
    let all = 0..2000;
    assert_eq!(all.clone().map(|n| one.guid(n)).collect::<HashSet<_>>().len(), 2000);
    assert_eq!(names(&one).into_iter().collect::<HashSet<_>>().len(), 2000);
    assert_eq!(all.clone().map(|n| one.ip(n)).collect::<HashSet<_>>().len(), 2000);
    assert_eq!(all.clone().map(|n| one.mac(n)).collect::<HashSet<_>>().len(), 2000);
    assert!(all.clone().all(|n| one.find(one.guid(n)) == Some(n)));
}

#[test]
fn targets_of_every_kind_become_hosts() {
    let ip: IpAddr = "10.9.8.7".parse().unwrap();
    let mac = MacAddr([2, 0, 0x5e, 1, 2, 3]);
    let fleet = Fleet::of_targets([
        Wanted { id: Some(GUID), ..Wanted::default() },
        Wanted { name: Some("web01"), ..Wanted::default() },
        Wanted { ip: Some(ip), ..Wanted::default() },
        Wanted { mac: Some(mac), ..Wanted::default() },
    ])
    .unwrap();
    assert_eq!(fleet.len(), 4);
    assert_eq!(fleet.guid(0).to_string(), GUID);
    assert_eq!(fleet.name(1), "web01");
    assert_eq!(fleet.ip(2), ip);
    assert_eq!(fleet.mac(3), mac);
}

#[test]
fn targets_that_name_one_host_make_one_host_that_knows_everything() {
    let upper = GUID.to_uppercase();
    let fleet = Fleet::of_targets([
        Wanted { id: Some(GUID), ..Wanted::default() },
        Wanted { name: Some("WEB01"), ..Wanted::default() },
        Wanted { id: Some(&upper), name: Some("db01"), ..Wanted::default() },
        Wanted { name: Some("web01"), ..Wanted::default() },
        Wanted { name: Some("web02"), ..Wanted::default() },
    ])
    .unwrap();
    assert_eq!(names(&fleet), ["db01", "WEB01", "web02"]);
    assert_eq!(fleet.find(Guid::parse(GUID).unwrap()), Some(0));
}

#[test]
fn what_was_said_is_never_made_up_for_another_host() {
    let plain = Fleet::of_targets((0..3).map(|_| Wanted { id: Some(GUID), ..Wanted::default() })).unwrap();
    let (name, ip, mac) = (plain.name(0), plain.ip(0), plain.mac(0));
    let fleet = Fleet::of_targets([
        Wanted { id: Some(GUID), ..Wanted::default() },
        Wanted { name: Some(&name.to_uppercase()), ..Wanted::default() },
        Wanted { ip: Some(ip), ..Wanted::default() },
        Wanted { mac: Some(mac), ..Wanted::default() },
    ])
    .unwrap();
    assert_ne!(fleet.name(0), name);
    assert_ne!(fleet.ip(0), ip);
    assert_ne!(fleet.mac(0), mac);
}

#[test]
fn an_id_that_is_no_guid_is_kept_as_it_was_written() {
    let mut fleet = Fleet::of_targets([
        Wanted { id: Some("Agent/7"), ..Wanted::default() },
        Wanted { id: Some(GUID), ..Wanted::default() },
    ])
    .unwrap();
    assert_eq!((fleet.id(0), fleet.id(1)), ("Agent/7".to_owned(), GUID.to_owned()));
    assert_eq!(fleet.find(Guid::of_text("agent/7")), Some(0));
    fleet.serve_at(Model::ApexCentral);
    assert_eq!((fleet.id(0), fleet.id(1)), ("Agent/7".to_owned(), GUID.to_uppercase()));
    assert!(Fleet::of_targets([Wanted::default()]).is_err());
}

#[test]
fn a_file_says_as_much_of_a_host_as_it_likes() {
    let fleet = Fleet::from_text(&format!(
        "\u{feff}hostname, guid ,state,available,last_seen,group,mac,ip\n\
         # a comment\n\
         web01,{GUID},isolated,false,2024-05-29T00:10:43Z,Web,02-00-5E-10-20-30,10.0.0.1\n\
         web02,,,,,,,\n"
    ))
    .unwrap();
    assert_eq!(names(&fleet), ["web01", "web02"]);
    let said = fleet.said(0).unwrap();
    assert_eq!((said.state, said.available), (Isolation::Isolated, false));
    assert_eq!(said.last_seen.unwrap().to_string(), "2024-05-29T00:10:43Z");
    assert_eq!((fleet.group(0).name, fleet.ip(0).to_string()), ("Web", "10.0.0.1".to_owned()));
    assert_eq!(fleet.guid(1), Guid::derived("name", "web02"));
    assert!(fleet.all_groups().any(|group| group.name == "Web"));
}

#[test]
fn a_file_that_is_wrong_names_the_line() {
    let twice = format!("guid\n{GUID}\n{GUID}\n");
    for (text, expected) in [
        (
            "guid,colour\n",
            "unknown column `colour`; the columns are guid, hostname, ip, mac, state, available, last_seen, group, \
             display_name, agent, version and os",
        ),
        ("guid,guid\n", "column `guid` stands there twice"),
        ("guid\nabc\n", "line 2: not a GUID"),
        ("hostname,group\na,x\n,y\n", "line 3: a host needs a guid, a hostname, an ip or a mac"),
        ("hostname,state\na,gone\n", "line 2: `gone` is not a value for `state`; one of not_isolated, isolated"),
        ("hostname,ip\na,10.0.0\n", "line 2: `10.0.0` is not a value for `ip`; an IP address is wanted"),
        ("hostname,mac\na,zz\n", "line 2: `zz` is not a value for `mac`; a MAC address is wanted"),
        ("hostname,available\na,yes\n", "line 2: `yes` is not a value for `available`; one of true, false"),
        (twice.as_str(), "two hosts have the same guid"),
    ] {
        assert_eq!(Fleet::from_text(text).unwrap_err().to_string(), expected, "{text}");
    }
    assert!(Fleet::read(std::path::Path::new("/nowhere/fleet.csv")).is_err());
}

#[test]
fn a_json_file_says_what_apex_central_knows() {
    let text = r#"[{"entity_id": "7AD3E6150C92-48BF4E61-A3D7-059C-F2B8", "host_name": "", "offline": true,
                    "ip_address_list": " fe80::1%4 ,10.0.0.1", "mac_address_list": "02-00-5E-10-20-30"},
                   {"host_name": "web01", "isolation_status": "not_supported", "capabilities": ["cmd_relocate_agent"]}]"#;
    let fleet = Fleet::from_json(text).unwrap();
    assert_eq!(names(&fleet), ["", "web01"]);
    assert_eq!(fleet.id(0), "7AD3E6150C92-48BF4E61-A3D7-059C-F2B8");
    assert_eq!((fleet.ip(0).to_string(), fleet.mac(0).to_string()), ("fe80::1".into(), "02:00:5e:10:20:30".into()));
    assert_eq!((fleet.addresses(0), fleet.macs(0)), (" fe80::1%4 ,10.0.0.1".into(), "02-00-5E-10-20-30".into()));
    assert_eq!(fleet.guid(1), Guid::derived("name", "web01"));
    assert!(!fleet.said(1).unwrap().available);
    assert_eq!(fleet.agent(1).unwrap().capabilities.as_deref(), Some(&[agents::Capability::Relocate][..]));
    assert!(fleet.agent(0).unwrap().offline);
}

#[test]
fn a_json_file_that_is_wrong_says_where() {
    for (text, expected) in [
        ("{}", "line 1: invalid type: map, expected a sequence at line 1 column 0"),
        ("[{}]", "agent 1: an agent needs an entity_id or a host_name"),
        (r#"[{"host_name": "a", "answers": 1}]"#, "agent 1: `answers` is a negative number"),
        (r#"[{"host_name": "a"}, {"host_name": "A"}]"#, "two hosts have the same guid"),
    ] {
        assert_eq!(Fleet::from_json(text).unwrap_err().to_string(), expected, "{text}");
    }
    let unknown = Fleet::from_json("[{\n\"hostname\": \"a\"}]").unwrap_err().to_string();
    assert!(unknown.starts_with("line 2: unknown field `hostname`"), "{unknown}");
}

#[test]
fn the_example_of_apex_agents_is_a_fleet() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/apex-agents.json");
    assert_eq!(Fleet::read(&path).unwrap().len(), 16);
    let page = include_str!("../../../docs/simulator.md");
    let shown = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(Fleet::from_json(shown).unwrap().len(), 3);
}
