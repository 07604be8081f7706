//! Hosts and states, as lists of agents tell them.

use std::net::IpAddr;

use super::*;
use crate::domain::host::{Abilities, Host, HostState, Isolation, MacAddr};

fn hosts(body: &str) -> Vec<Host> {
    judge_agents(None, &answer(200, body)).unwrap().hosts
}

fn ips(host: &Host) -> Vec<String> {
    host.addresses.iter().map(IpAddr::to_string).collect()
}

#[test]
fn an_agent_is_read_with_all_that_names_a_host() {
    let page = judge_agents(None, &answer(200, fixture!("agents.json"))).unwrap();
    assert_eq!((page.next, page.total), (None, Some(2)));
    let [laptop, twin] = <[Host; 2]>::try_from(page.hosts).unwrap();
    assert_eq!(laptop.id.as_str(), ID, "in the console's own spelling");
    assert_eq!((laptop.name.as_deref(), laptop.domain.as_deref()), (Some("FIN-LT-0041"), Some("corp.example.test")));
    assert_eq!(ips(&laptop), ["10.20.30.41", "fe80::2b1c:4d3e:5f6a:7b8c"]);
    assert_eq!(laptop.macs, [MacAddr([2, 0, 0x5e, 0x10, 0, 0x41]), MacAddr([2, 0, 0x5e, 0x10, 0, 0x42])]);
    assert_eq!(laptop.state, Some(HostState { isolation: Isolation::NotIsolated, word: "normal".into() }));
    assert_eq!(laptop.able, Abilities { isolate: Some(true), release: Some(true) });
    assert_eq!((laptop.group.as_deref(), laptop.os.as_deref()), (Some("Ledger\\Laptops"), None));
    assert_eq!(laptop.product.as_deref(), Some("SLF_PRODUCT_OFFICESCAN_CE"));
    assert_eq!((twin.domain.as_deref(), twin.last_seen), (Some(""), None));
    assert_eq!(twin.able, Abilities { isolate: Some(false), release: Some(false) });
    assert_eq!(twin.state, Some(HostState { isolation: Isolation::Unknown, word: "not_supported".into() }));
}

#[test]
fn an_agent_with_gaps_and_words_to_come_is_a_host_all_the_same() {
    let [long, bare, opaque] = <[Host; 3]>::try_from(hosts(fixture!("agents_odd.json"))).unwrap();
    assert_eq!(long.name.as_deref(), Some("BÜRO-LANGER-NAM"));
    assert_eq!(ips(&long), ["10.20.30.50", "fe80::9"], "each once, and what cannot be read is left out");
    assert_eq!(long.macs.len(), 2);
    assert_eq!(long.able, Abilities { isolate: Some(false), release: Some(true) });
    assert_eq!(long.state.unwrap().isolation, Isolation::Isolated);
    assert_eq!(bare.id.as_str(), "3F5A7B9C1D2E-4A6B8C0D-1E2F-3A4B-5C6D");
    assert!(bare.name.is_none() && bare.group.is_none() && bare.addresses.is_empty() && bare.macs.is_empty());
    assert!(long.more_addresses && !bare.more_addresses, "one could not be read");
    let unable = Abilities { isolate: Some(false), release: Some(false) };
    assert_eq!((bare.domain.as_deref(), bare.able), (Some(""), unable), "it lists nothing that it can do");
    assert_eq!(bare.state, Some(HostState { isolation: Isolation::Unknown, word: "isolated_by_policy".into() }));
    assert_eq!((opaque.id.as_str(), opaque.state, opaque.product), ("opaque/id with a blank", None, None));
}

#[test]
fn the_four_states_and_no_other_are_understood() {
    for (word, isolation) in [
        ("normal", Isolation::NotIsolated),
        ("endpoint_isolation_pending", Isolation::Isolating),
        ("isolated", Isolation::Isolated),
        ("connection_restoration_pending", Isolation::Releasing),
        ("not_supported", Isolation::Unknown),
        ("Isolated", Isolation::Unknown),
        ("isolated ", Isolation::Unknown),
        ("2", Isolation::Unknown),
    ] {
        let body = format!(
            r#"{{"result_code":1,"result_content":[{{"entity_id":"{ID}","isolation_status":"{word}","capabilities":["cmd_isolate_agent"]}}]}}"#
        );
        let state = HostState { isolation, word: word.to_owned().into() };
        let can = word != "not_supported";
        let able = Abilities { isolate: Some(can), release: Some(false) };
        assert_eq!((hosts(&body)[0].state.as_ref(), hosts(&body)[0].able), (Some(&state), able), "{word}");
        let seen = judge_agent(&id(), true, &answer(200, &body)).unwrap();
        assert_eq!(seen, Sought::Known(Observed::State { state, able, last_seen: None }));
    }
}

#[test]
fn an_agent_without_an_id_is_a_host_that_cannot_be_spoken_of() {
    for record in
        ["{}", r#"{"host_name":"web01"}"#, r#"{"entity_id":""}"#, r#"{"entity_id":" "}"#, r#"{"entity_id":null}"#]
    {
        let body = format!(r#"{{"result_code":1,"result_content":[{{"entity_id":"a"}},{record}]}}"#);
        let hosts = hosts(&body);
        assert!(hosts.len() == 2 && !hosts[0].id.is_empty() && hosts[1].id.is_empty(), "{record}");
    }
}

#[test]
fn a_member_of_another_type_is_absent_and_keeps_nobody_from_being_read() {
    let odd = |members: &str| {
        let body =
            format!(r#"{{"result_code":1,"result_content":[{{"entity_id":"{ID}",{members}}},{{"entity_id":"b"}}]}}"#);
        let [odd, _] = <[Host; 2]>::try_from(hosts(&body)).unwrap();
        odd
    };
    for wrong in ["null", "true", "{}", "[[]]", "1.5", r#"{"text":"normal"}"#] {
        let host = odd(&format!(
            r#""host_name":{wrong},"ad_domain":{wrong},"product":{wrong},"folder_path":{wrong},"isolation_status":{wrong},"capabilities":{wrong}"#
        ));
        assert!(host.name.is_none() && host.state.is_none() && host.product.is_none(), "{wrong}");
        assert_eq!(host.able, Abilities { isolate: Some(false), release: Some(false) }, "{wrong}");
    }
    let host = odd(r#""isolation_status":2,"capabilities":"cmd_isolate_agent","host_name":4711"#);
    assert_eq!(host.state, Some(HostState { isolation: Isolation::Unknown, word: "2".into() }));
    assert_eq!((host.able.isolate, host.name.as_deref()), (Some(false), Some("4711")));
    let host = odd(r#""ip_address_list":["10.0.0.1","10.0.0.2"],"mac_address_list":["02-00-00-00-00-01"]"#);
    assert_eq!((ips(&host).len(), host.macs.len(), host.more_addresses), (2, 1, false));
    for unread in
        [r#""10.0.0.1,192.168.5.5/24""#, r#""10.0.0.1,192.168.005.005""#, r#"["10.0.0.1",{}]"#, r#""10.0.0.1,x""#]
    {
        let host = odd(&format!(r#""ip_address_list":{unread}"#));
        assert_eq!((ips(&host), host.more_addresses), (vec!["10.0.0.1".to_owned()], true), "{unread}");
    }
    assert!(!odd(r#""ip_address_list":"10.0.0.1, ,,""#).more_addresses, "nothing is no address");
}

#[test]
fn one_list_tells_of_several_agents_in_their_order() {
    let targets = ["c", "A", "gone", "b"].map(|id| Target { id: HostId::new(id), name: None, ticket: None });
    let record = |id: &str, word: &str| format!(r#"{{"entity_id":"{id}","isolation_status":"{word}"}}"#);
    let list = [
        record("a", "isolated"),
        record("b", "normal"),
        record("B", "isolated"),
        record("", "normal"),
        record("c", "normal"),
    ];
    let body = format!(r#"{{"result_code":1,"result_content":[{}]}}"#, list.join(","));
    let seen = judge_several(&targets, &answer(200, &body)).unwrap();
    let isolation = |seen: &Observed| match seen {
        Observed::State { state, .. } => Some(state.isolation),
        Observed::NoSuchHost => None,
    };
    assert_eq!(
        seen.iter().map(isolation).collect::<Vec<_>>(),
        [Some(Isolation::NotIsolated), Some(Isolation::Isolated), None, Some(Isolation::Unknown)],
        "one in two states is in none"
    );
    assert!(judge_several(&targets, &answer(500, "")).is_err());
}

#[test]
fn agents_of_another_product_are_left_out_even_if_the_console_sends_them() {
    let listed = |product: &str| judge_agents(Some(product), &answer(200, fixture!("agents.json"))).unwrap();
    let page = listed("slf_product_officescan_ce");
    assert_eq!((page.hosts.len(), page.total), (1, Some(1)));
    assert_eq!(page.hosts[0].id.as_str(), ID);
    assert!(listed("SLF_PRODUCT_OFFICESCAN").hosts.is_empty());
    let odd = judge_agents(Some("SLF_PRODUCT_OFFICESCAN_CE"), &answer(200, fixture!("agents_odd.json"))).unwrap();
    assert_eq!(odd.hosts.len(), 1, "an agent that names no product is none of this product");
}

#[test]
fn that_an_agent_is_gone_is_believed_of_an_empty_answer_and_of_the_whole_list() {
    let gone = HostId::new("00000000-0000-4000-8000-000000000000");
    let empty = answer(200, fixture!("nothing.json"));
    let others = answer(200, fixture!("agents.json"));
    let judge = |id: &HostId, by_id, response| judge_agent(id, by_id, response).unwrap();
    assert_eq!(judge(&gone, true, &empty), Sought::Known(Observed::NoSuchHost));
    assert_eq!(judge(&gone, false, &empty), Sought::Known(Observed::NoSuchHost));
    assert_eq!(judge(&gone, false, &others), Sought::Known(Observed::NoSuchHost));
    assert_eq!(judge(&gone, true, &others), Sought::Unfiltered);
    for by_id in [true, false] {
        let lower = HostId::new(ID.to_ascii_lowercase());
        assert!(matches!(judge(&lower, by_id, &others), Sought::Known(Observed::State { .. })), "in any case");
    }
    for status in [400, 404, 500] {
        assert!(judge_agent(&gone, true, &answer(status, "")).is_err(), "{status} is no state");
    }
}

#[test]
fn records_of_one_agent_that_disagree_are_no_state() {
    let body = |other: &str| {
        format!(
            r#"{{"result_code":1,"result_content":[{{"entity_id":"{ID}","isolation_status":"isolated"}},{{"entity_id":"{}","isolation_status":"{other}"}}]}}"#,
            ID.to_ascii_lowercase()
        )
    };
    assert!(judge_agent(&id(), true, &answer(200, &body("isolated"))).is_ok());
    let error = error(judge_agent(&id(), true, &answer(200, &body("normal"))).unwrap_err());
    assert_eq!(verdict(&error), (FailureKind::Ambiguous, Again::Never, Scope::Targets));
    assert_eq!(hosts(&body("normal")).len(), 2, "a list keeps both");
}

#[test]
fn twenty_thousand_agents_are_read_each_for_itself() {
    let record = |n: usize| {
        format!(
            r#"{{"entity_id":"{n:08X}-0000-4000-8000-0000{n:08X}","product":"SLF_PRODUCT_OFFICESCAN_CE","ad_domain":"corp.example.test","folder_path":"Floor\\{}","ip_address_list":"10.{}.{}.{},fe80::{n:x}%4","mac_address_list":"02-00-00-{:02X}-{:02X}-{:02X}","host_name":"HOST-{n}","isolation_status":"normal","capabilities":["cmd_isolate_agent","cmd_restore_isolated_agent"]}}"#,
            n % 9,
            n >> 16 & 255,
            n >> 8 & 255,
            n & 255,
            n >> 16 & 255,
            n >> 8 & 255,
            n & 255,
        )
    };
    let records: Vec<String> = (0..20_000).map(record).collect();
    let hosts = hosts(&format!(r#"{{"result_content":[{}],"result_code":1}}"#, records.join(",")));
    assert_eq!(hosts.len(), 20_000);
    for (n, host) in hosts.iter().enumerate() {
        assert_eq!(host.name.as_deref(), Some(format!("HOST-{n}").as_str()));
        assert_eq!(host.id.as_str(), format!("{n:08X}-0000-4000-8000-0000{n:08X}"));
        assert_eq!(ips(host).len(), 2);
        assert_eq!(
            host.macs[0].to_string(),
            format!("02:00:00:{:02x}:{:02x}:{:02x}", n >> 16 & 255, n >> 8 & 255, n & 255)
        );
        assert_eq!(host.group.as_deref(), Some(format!("Floor\\{}", n % 9).as_str()));
    }
}
