//! The protected list, which fails closed.

use super::*;

fn patterns(room: &Room) -> Vec<String> {
    let safety = room.load().unwrap().safety().unwrap();
    safety.protected.iter().map(|entry| format!("{} from {}", entry.pattern, entry.origin)).collect()
}

fn short(room: &Room) -> String {
    patterns(room).join("\n").replace(&format!("{}/", room.folder.path().display()), "")
}

#[test]
fn entries_come_from_the_list_and_from_files_beside_the_configuration() {
    let room = Room::new("[safety]\nprotected = [\"DC*\", \"@lists/vital.txt\", \"10.0.0.0/8\"]\nmax_targets = 50\n");
    room.write("lists/vital.txt", "\u{feff}# vital\r\n\r\n10.9.9.9 # router\r\n  pay01\r\n".as_bytes(), 0o644);
    assert_snapshot!(short(&room), @r"
    dc* from key `safety.protected` in config.toml line 2
    10.9.9.9 from lists/vital.txt line 3
    pay01 from lists/vital.txt line 4
    10.0.0.0/8 from key `safety.protected` in config.toml line 2
    ");
    let safety = room.load().unwrap().safety().unwrap();
    assert_eq!(safety.max_targets.map(u64::from), Some(50));
    assert!(safety.protected.iter().any(|entry| entry.pattern.matches("x", Some("dc01"), &[]) == Match::Yes));
}

#[test]
fn every_layer_adds_to_the_list_and_none_takes_from_it() {
    let mut room = Room::new("[safety]\nprotected = [\"a\"]\n[profiles.acme.safety]\nprotected = [\"b\"]\n")
        .profile("acme")
        .env("EDRCTL_SAFETY_PROTECTED", "c, 10.0.0.1");
    room.overrides.set("safety", "protected", "--protect", "d");
    assert_snapshot!(short(&room), @r"
    a from key `safety.protected` in config.toml line 2
    b from key `profiles.acme.safety.protected` in config.toml line 4
    c from `EDRCTL_SAFETY_PROTECTED`
    10.0.0.1 from `EDRCTL_SAFETY_PROTECTED`
    d from `--protect`
    ");
    let room = Room::new("[safety]\nprotected = [\"a\"]\n").env("EDRCTL_SAFETY_PROTECTED", "");
    assert_eq!(patterns(&room).len(), 1);
}

#[test]
fn a_list_of_ids_needs_no_inventory() {
    let needs = |list: &str| {
        Room::new(&format!("[safety]\nprotected = {list}\n")).load().unwrap().safety().unwrap().needs_inventory()
    };
    assert!(!needs("[]"));
    assert!(!needs("[\"3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6\", \"id:4711\"]"));
    assert!(needs("[\"3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6\", \"dc01\"]"));
}

#[test]
fn a_single_text_is_a_list_of_one() {
    let room = Room::new("[safety]\nprotected = \"@vital.txt\"\n");
    room.write("vital.txt", b"dc01", 0o644);
    assert_eq!(short(&room), "dc01 from vital.txt line 1");
}

#[test]
fn a_list_that_cannot_be_read_is_an_error() {
    let told = |text: &str, file: Option<&[u8]>| {
        let room = Room::new(text);
        if let Some(content) = file {
            room.write("vital.txt", content, 0o644);
        }
        room.told(room.load().and_then(|loaded| loaded.safety()))
    };
    let list = "[safety]\nprotected = [\"dc01\", \"@vital.txt\"]\n";
    assert_snapshot!(told(list, None), @"read the protected list vital.txt: No such file or directory (os error 2)");
    assert_snapshot!(told(list, Some(b"# nothing\n\n")), @r"
    the protected list vital.txt has no entry
    hint: fill it, or take it out of `[safety]` if nothing is to be protected
    ");
    assert_snapshot!(told(list, Some(b"dc01\n@more.txt\n")), @r"
    read the protected list: vital.txt line 2: `@` does not belong into a host name; only `*` stands for other characters
    hint: an entry is a name with or without `*`, an address, a range like 10.0.0.0/8, or an id
    ");
    assert_snapshot!(told(list, Some(b"dc01#x\n")), @r"
    read the protected list: vital.txt line 1: `#` does not belong into a host name; only `*` stands for other characters
    hint: an entry is a name with or without `*`, an address, a range like 10.0.0.0/8, or an id
    ");
    assert_snapshot!(told(list, Some(b"dc\xff\n")), @r"
    vital.txt is not text in UTF-8
    hint: save the file as UTF-8
    ");
    assert_snapshot!(told("[safety]\nprotected = [\"dc01\", \"10.0.0.*\"]\n", None), @r"
    read the protected list: entry 2 of key `safety.protected` in config.toml line 2: a range of addresses is written like `10.0.0.0/24`, without `*` and without a dash
    hint: an entry is a name with or without `*`, an address, a range like 10.0.0.0/8, or an id
    ");
    assert_snapshot!(told("[safety]\nprotected = [\"\"]\n", None), @r"
    read the protected list: entry 1 of key `safety.protected` in config.toml line 2: an entry of the protected list is empty
    hint: an entry is a name with or without `*`, an address, a range like 10.0.0.0/8, or an id
    ");
    assert_snapshot!(told("[safety]\nprotected = [\"@\"]\n", None), @"key `safety.protected` in config.toml line 2 must be a list whose every `@` is followed by a path");
    assert_snapshot!(told("[safety]\nprotected = [1]\n", None), @r#"key `safety.protected` in config.toml line 2 must be a list of texts, as in ["one", "two"]"#);
    assert_snapshot!(told("[safety]\nmax_targets = 0\n", None), @"key `safety.max_targets` in config.toml line 2 must be a whole number, 1 or more");
}
