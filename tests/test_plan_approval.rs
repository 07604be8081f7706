//! A second person's yes: made here or by ssh-keygen, and without it nothing where it is wanted.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::{Console, Place, Room, SWIFT, Terminal, Wall, addresses, records};

const KINDS: [&[&str]; 5] =
    [&["ed25519"], &["rsa", "-b", "2048"], &["ecdsa", "-b", "256"], &["ecdsa", "-b", "384"], &["ecdsa", "-b", "521"]];

fn room() -> Room {
    let room = Room::new(3, SWIFT);
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    room
}

#[test]
fn a_signature_of_any_key_is_made_here_and_checked_by_ssh_keygen_and_the_other_way_round() {
    let room = room();
    let plan = fs::read_to_string(room.env.at("plan.json")).unwrap();
    for (n, kind) in KINDS.iter().enumerate() {
        let key = room.env.ssh_key(&format!("key{n}"), kind, "bert@desk", "");
        let public = fs::read_to_string(room.env.at(&format!("{key}.pub"))).unwrap();
        room.env.file("allowed", format!("bert@corp.example {public}"));
        room.env.approve(&key, &["--replace"]).exits(0).says("approved by bert@desk");
        let checked = room.env.ssh_keygen(
            &["-Y", "verify", "-f", "allowed", "-I", "bert@corp.example", "-n", "edrctl-plan", "-s", "plan.json.sig"],
            &plan,
        );
        checked.exits(0);
        room.env.apply(&["--dry-run", "--approve-with", &format!("{key}.pub")]).exits(0);
        room.env.apply(&["--dry-run", "--approve-with", "allowed"]).exits(0);
        fs::remove_file(room.env.at("plan.json.sig")).unwrap();
        room.env.ssh_keygen(&["-Y", "sign", "-f", &key, "-n", "edrctl-plan", "plan.json"], "").exits(0);
        room.env.apply(&["--dry-run", "--approve-with", &format!("{key}.pub")]).exits(0);
        if n > 0 {
            let refused = room.env.apply(&["--approve-with", "key0.pub"]).exits(5);
            assert!(refused.stderr.contains("none of those that may approve"), "{refused}");
        }
    }
    room.console.was_left_alone();
    room.env.apply(&["--approve-with", "allowed"]).exits(0);
    room.assert_each_isolated_once();
    let approved = &records(&room.env.only_journal())[0]["options"]["plan"]["approved"];
    assert_eq!(approved["principal"], "bert@corp.example", "{approved}");
    assert!(approved["key"].as_str().unwrap().starts_with("SHA256:"), "{approved}");
}

#[test]
fn what_is_not_a_yes_to_this_plan_is_refused() {
    let room = room();
    let key = room.env.ssh_key("key", &["ed25519"], "bert", "");
    let wanted = &["--approve-with", "key.pub"];
    room.env.apply(wanted).exits(5).says("nobody has approved");
    // A yes to something else.
    room.env.ssh_keygen(&["-Y", "sign", "-f", &key, "-n", "file", "plan.json"], "").exits(0);
    room.env.apply(wanted).exits(5).says("it was made for `file`");
    fs::remove_file(room.env.at("plan.json.sig")).unwrap();
    // A yes to another plan of this name.
    room.env.approve(&key, &[]).exits(0);
    room.env.approve(&key, &[]).exits(2).says("--replace");
    room.env.make_plan("isolate", "cisco", room.console.guids().lines().next().unwrap(), &[]).exits(0);
    room.env.apply(wanted).exits(5).says("not a signature of this plan");
    for garbage in ["", "yes\n", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"] {
        room.env.file("plan.json.sig", garbage);
        room.env.apply(wanted).exits(5).says("no SSH signature");
    }
    room.env.approve(&key, &["--replace"]).exits(0);
    // Whose keys cannot be read, nobody can have agreed.
    room.env.apply(&["--approve-with", "nobody.pub"]).exits(3);
    let public = fs::read_to_string(room.env.at("key.pub")).unwrap();
    for (keys, words) in [
        ("# nobody\n".to_owned(), "no public key in it"),
        ("ssh-ed25519 AAAA bert\n".to_owned(), "line 1 is no public key"),
        (format!("cert-authority {public}"), "options"),
        (format!("bert namespaces=\"git\" {public}"), "options"),
        (format!("command=\"true\" {public}"), "options"),
    ] {
        room.env.file("keys.pub", &keys);
        room.env.apply(&["--approve-with", "keys.pub"]).exits(3).says(words);
    }
    room.env.ssh_key("other", &["ed25519"], "carl", "");
    room.env.apply(&["--approve-with", "other.pub"]).exits(5).says("none of those that may approve");
    room.console.was_left_alone();
    room.env.apply(wanted).exits(0);
    assert_eq!(room.accepted(), 1);
}

#[test]
fn a_key_that_others_can_read_signs_nothing() {
    let room = room();
    let key = room.env.ssh_key("key", &["ed25519"], "bert", "");
    fs::set_permissions(room.env.at("key"), fs::Permissions::from_mode(0o644)).unwrap();
    room.env.approve(&key, &[]).exits(3).says("others can read");
    room.env.approve("no-such-key", &[]).exits(3);
    room.env.approve("key.pub", &[]).exits(3);
    assert!(!room.env.at("plan.json.sig").exists());
}

#[test]
fn whoever_made_a_plan_is_no_second_person() {
    let mut room = Room::new(3, SWIFT);
    room.env.set("__EDRCTL_UID", "1000");
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    let key = room.env.ssh_key("key", &["ed25519"], "anna", "");
    let args = ["approve", "plan.json", "--yes", "--key", &key];
    room.env.run(args).exits(5).says("it takes a second person");
    assert!(!room.env.at("plan.json.sig").exists());
    room.env.approve(&key, &[]).exits(0);
    // Behind root may be anybody, so that it is only said.
    room.env.set("__EDRCTL_UID", "0");
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    room.env.run([&args[..], &["--replace"]].concat()).exits(0).says("uid 0");
}

#[test]
fn where_approval_is_wanted_nothing_is_cut_off_without() {
    for vendor in ["cisco", "apex", "kaspersky", "cybereason"] {
        let place = Place::new(vendor, SWIFT);
        let env = &place.room.env;
        let key = env.ssh_key("bert", &["ed25519"], "bert@desk", "");
        let isolated = place.act("isolate", &[3], &[]).exits(0).run_name();
        let before = place.changes();
        let keys = env.at("bert.pub").display().to_string();
        env.add_config(&format!("[safety]\nrequire_approval = \"{keys}\"\n"));
        let refused = place.act("isolate", &[0, 1], &[]).exits(5).says("require_approval").says("edrctl plan isolate");
        assert!(refused.stdout.is_empty(), "{refused}");
        env.run(["isolate", "--vendor", vendor, "--dry-run", "list.txt"]).exits(0);
        let list = format!("{}\n{}\n", place.ids[0], place.ids[1]);
        env.make_plan("isolate", vendor, &list, &[]).exits(0).says("edrctl approve plan.json");
        env.apply(&[]).exits(5).says("nobody has approved");
        env.apply(&["--dry-run"]).exits(5);
        assert_eq!(place.changes(), before, "{vendor}: nothing was sent");
        env.approve(&key, &[]).exits(0);
        let applied = env.apply(&[]).exits(0).run_name();
        assert!(place.changes() >= before + 2, "{vendor}");
        // Nobody waits for leave to put somebody back: not by hand, not by a plan, and not what a run has done.
        assert!(place.off().contains(&3), "{vendor}");
        place.back(&["undo", &isolated]).exits(0);
        place.act("unisolate", &[0], &["--wait=30s"]).exits(0);
        env.make_plan("unisolate", vendor, &format!("{}\n", place.ids[1]), &[]).exits(0);
        env.apply(&["--wait=30s"]).exits(0);
        assert!(place.off().is_empty(), "{vendor}: {:?}", place.off());
        // What is done anew is what somebody has to agree to, and so is an undo that cuts off again.
        let (changes, freed) = (place.changes(), env.last_run());
        place.back(&["undo", &freed]).exits(5).says("require_approval");
        assert_eq!((place.changes(), applied.is_empty()), (changes, false), "{vendor}");
    }
}

#[test]
fn several_people_sign_one_after_the_other() {
    let mut room = room();
    for name in ["bert", "carla"] {
        room.env.ssh_key(name, &["ed25519"], name, "");
    }
    room.env.set("__EDRCTL_UID", "1000");
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    let signature = room.env.at("plan.json.sig");
    room.env.approve("bert", &[]).exits(0);
    let bert = std::fs::read_to_string(&signature).unwrap();
    room.env.add_config(&format!("[safety]\nrequire_approval = \"{}\"\n", room.env.at("bert.pub").display()));
    room.env.apply(&["--approve-with", "carla.pub", "--dry-run"]).exits(5);
    room.env.approve("carla", &["--replace"]).exits(0);
    let carla = std::fs::read_to_string(&signature).unwrap();
    room.env.apply(&["--approve-with", "carla.pub", "--dry-run"]).exits(5);
    for both in [format!("{bert}{carla}"), format!("{carla}\n{bert}\n")] {
        std::fs::write(&signature, both).unwrap();
        room.env.apply(&["--approve-with", "carla.pub", "--dry-run"]).exits(0);
    }
}

#[test]
fn a_key_that_is_revoked_or_restricted_approves_nothing() {
    let mut room = room();
    room.env.ssh_key("bert", &["ed25519"], "bert", "");
    room.env.set("__EDRCTL_UID", "1000");
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    room.env.approve("bert", &[]).exits(0);
    let key = std::fs::read_to_string(room.env.at("bert.pub")).unwrap();
    for first in ["@revoked", "@cert-authority", "restrict", "no-pty", "verify-required", "No-Touch-Required"] {
        room.env.file("keys", format!("{first} {key}"));
        room.env.apply(&["--approve-with", "keys", "--dry-run"]).exits(3);
    }
    room.env.file("keys", format!("bert {key}"));
    room.env.apply(&["--approve-with", "keys", "--dry-run"]).exits(0);
}

#[test]
fn every_command_that_cuts_off_wants_it() {
    let place = Place::new("apex", SWIFT);
    let env = &place.room.env;
    env.ssh_key("bert", &["ed25519"], "bert@desk", "");
    env.file("none.txt", format!("{}\nno-such-host\n", place.ids[0]));
    let run = env.run(["isolate", "--vendor", "apex", "--yes", "-o", "jsonl", "none.txt"]).exits(6).run_name();
    let changes = place.changes();
    env.add_config(&format!("[safety]\nrequire_approval = \"{}\"\n", env.at("bert.pub").display()));
    env.file("list.txt", format!("{}\n", place.ids[1]));
    env.run(["apex-isolate", "--yes", "list.txt"]).exits(5).says("require_approval");
    env.run(["rerun", &run, "--yes"]).exits(5).says("require_approval");
    assert_eq!(place.changes(), changes);
    env.run(["apex-isolate", "--simulate", "list.txt"]).exits(0);
    let place = Place::new("kaspersky", SWIFT);
    let env = &place.room.env;
    env.ssh_key("bert", &["ed25519"], "bert@desk", "");
    env.add_config(&format!("[safety]\nrequire_approval = \"{}\"\n", env.at("bert.pub").display()));
    env.file("list.txt", format!("{}\n", place.ids[1]));
    env.run(["ksc-task", "isolateHost", "--action", "on", "--yes", "list.txt"]).exits(5).says("edrctl plan isolate");
    let hash = "a".repeat(32);
    let refused = env
        .run(["ksc-task", "preventExecution", "--hash", &hash, "--path", "C:/bad.exe", "--yes", "list.txt"])
        .exits(5);
    assert!(refused.stderr.contains("of a task there is no plan"), "{refused}");
    assert!(env.journals().is_empty());
    assert_eq!(place.changes(), 0);
}

#[test]
fn a_firewall_wants_the_same() {
    let wall = Wall::rest("");
    wall.env.ssh_key("bert", &["ed25519"], "bert@desk", "");
    wall.block(&addresses(1), &[]).exits(0);
    wall.env.add_config(&format!("[safety]\nrequire_approval = \"{}\"\n", wall.env.at("bert.pub").display()));
    wall.block(&addresses(3), &[]).exits(5).says("require_approval");
    assert_eq!(wall.blocked().len(), 1);
    wall.env.make_plan("block", "fortigate", &addresses(3), &[]).exits(0);
    wall.env.apply(&[]).exits(5);
    wall.env.approve("bert", &[]).exits(0);
    wall.env.apply(&[]).exits(0);
    assert_eq!(wall.blocked().len(), 3);
    wall.env.run(["undo", "latest", "--yes"]).exits(0);
    assert_eq!(wall.blocked().len(), 1);
    wall.unblock(&addresses(1), &[]).exits(0);
    assert!(wall.blocked().is_empty());
}

#[test]
fn a_stronger_layer_cannot_take_the_keys_of_a_weaker_one() {
    let mut room = room();
    for (name, comment) in [("bert", "bert"), ("mallory", "mallory")] {
        room.env.ssh_key(name, &["ed25519"], comment, "");
    }
    room.env.add_config("[safety]\nrequire_approval = \"~/../bert.pub\"\n");
    let mallory = room.env.at("mallory.pub").display().to_string();
    room.env.set("EDRCTL_SAFETY_REQUIRE_APPROVAL", &mallory);
    room.env.approve("mallory", &[]).exits(0);
    room.env.apply(&[]).exits(5);
    room.console.was_left_alone();
    room.env.unset("EDRCTL_SAFETY_REQUIRE_APPROVAL");
    room.env.apply(&[]).exits(5);
    room.env.approve("bert", &["--replace"]).exits(0);
    // What the command line wants is wanted as well.
    room.env.apply(&["--approve-with", "mallory.pub"]).exits(5);
    room.console.was_left_alone();
    room.env.apply(&["--approve-with", "bert.pub"]).exits(0);
    // Keys that are not there any more let nobody through.
    fs::remove_file(room.env.at("bert.pub")).unwrap();
    let other = Room::new(3, SWIFT);
    other.env.add_config("[safety]\nrequire_approval = \"gone.pub\"\n");
    other.env.make_plan("isolate", "cisco", &other.console.guids(), &[]).exits(0);
    other.env.apply(&[]).exits(3);
    other.isolate(&[]).exits(5);
    other.console.was_left_alone();
}

#[test]
fn a_run_that_was_agreed_to_is_gone_on_with() {
    let room = room();
    let key = room.env.ssh_key("bert", &["ed25519"], "bert", "");
    room.env.add_config(&format!("[safety]\nrequire_approval = \"{}\"\n", room.env.at("bert.pub").display()));
    room.env.approve(&key, &[]).exits(0);
    let mut command = room.env.command(["apply", "plan.json", "--yes"]);
    command.env("__EDRCTL_CRASH_AFTER_LINE", "2").output().unwrap();
    room.console.was_left_alone();
    room.env.apply(&[]).exits(5).says("a plan is applied once");
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
}

#[test]
fn a_passphrase_is_asked_for_or_read_and_never_an_argument() {
    let mut room = room();
    let key = room.env.ssh_key("key", &["ed25519"], "bert", "correct horse");
    room.env.approve(&key, &[]).exits(3).says("--passphrase");
    let told = room.env.approve(&key, &["--passphrase", "correct horse"]).exits(2);
    assert!(!told.stderr.contains("correct horse"), "{told}");
    room.env.set("PHRASE", "wrong");
    room.env.approve(&key, &["--passphrase", "env:PHRASE"]).exits(3);
    room.env.set("PHRASE", "correct horse");
    room.env.approve(&key, &["--passphrase", "env:PHRASE"]).exits(0);
    room.env.private_file("phrase", "correct horse\n");
    room.env.approve(&key, &["--passphrase", "file:phrase", "--replace"]).exits(0);
    room.env.apply(&["--approve-with", "key.pub"]).exits(0);
}

#[test]
fn at_a_terminal_the_plan_is_shown_before_it_is_signed() {
    let mut room = room();
    room.env.set("__EDRCTL_UID", "4242");
    room.env.ssh_key("key", &["ed25519"], "bert", "");
    let mut terminal = Terminal::start(&room.env, &["approve", "plan.json", "--key", "key"]);
    terminal.shows("3 targets: 3 to act on");
    terminal.shows("Approve this plan");
    terminal.types("n\n");
    assert_eq!(terminal.ends().1, Some(5));
    assert!(!room.env.at("plan.json.sig").exists());
    let mut terminal = Terminal::start(&room.env, &["approve", "plan.json", "--key", "key"]);
    terminal.shows("Approve this plan");
    terminal.types("y\n");
    assert_eq!(terminal.ends().1, Some(0));
    room.env.apply(&["--dry-run", "--approve-with", "key.pub"]).exits(0);
    // Without a terminal nobody is asked, and nobody has agreed.
    room.env.run(["approve", "plan.json", "--key", "key", "--replace"]).exits(5).says("--yes");
}

#[test]
fn nobody_agrees_to_a_host_unseen() {
    let room = Room::new(40, SWIFT);
    let folded = room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    assert!(folded.stdout.contains("and 32 more"), "{folded}");
    let key = room.env.ssh_key("key", &["ed25519"], "bert", "");
    let shown = room.env.approve(&key, &[]).exits(0);
    for host in room.console.fleet().hosts() {
        assert!(shown.stdout.contains(&host.id), "{shown}");
    }
}

#[test]
fn an_edited_plan_is_not_signed() {
    let room = room();
    let key = room.env.ssh_key("key", &["ed25519"], "bert", "");
    let text = fs::read_to_string(room.env.at("plan.json")).unwrap();
    room.env.file("plan.json", text.replacen("isolate", "unisolate", 1));
    room.env.approve(&key, &[]).exits(5);
    assert!(!room.env.at("plan.json.sig").exists());
    let console: &Console = &room.console;
    console.was_left_alone();
}
