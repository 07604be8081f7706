//! Who answers over SSH, and who asks: nothing is said to a firewall whose key is not known.

use std::fs;

use russh::keys::{PrivateKey, ssh_key::LineEnding, ssh_key::private::Ed25519Keypair};

use crate::support::{Wall, addresses};

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

/// Fails unless nothing was said, and the user is told why.
#[track_caller]
fn assert_shut(wall: &Wall, words: &[&str]) {
    for command in [&["check", "fortigate"][..], &["block", "--vendor", "fortigate", "--yes", "list.txt"]] {
        wall.env.file("list.txt", addresses(2));
        let output = wall.env.run(command).exits(4);
        for word in words {
            assert!(output.stderr.contains(word), "{word}: {output}");
        }
    }
    let firewall = wall.firewall();
    assert_eq!((firewall.ssh_sessions(), firewall.ssh_refused(), firewall.saved()), (0, 0, 0));
    assert!(firewall.transcript().is_empty());
}

#[test]
fn a_host_key_that_is_not_known_is_refused_before_anything_is_said() {
    let wall = Wall::ssh("");
    fs::write(wall.env.path().join("ca.known_hosts"), "# nobody\n").unwrap();
    assert_shut(&wall, &["SHA256:", "ssh-keyscan", "not in"]);
}

#[test]
fn a_host_key_that_has_changed_is_refused_before_anything_is_said() {
    let wall = Wall::ssh("");
    let port = wall.console.inner().ssh_address().unwrap().port();
    let other = key(7).public_key().to_openssh().unwrap();
    fs::write(wall.env.path().join("ca.known_hosts"), format!("[127.0.0.1]:{port} {other}\n")).unwrap();
    assert_shut(&wall, &["another host key", "line 1"]);
}

#[test]
fn without_a_file_of_known_keys_no_connection_is_made() {
    let wall = Wall::ssh("");
    fs::remove_file(wall.env.path().join("ca.known_hosts")).unwrap();
    assert_shut(&wall, &["ca.known_hosts"]);
    let config = wall.env.path().join("home/.config/edrctl/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("ssh_known_hosts")).collect();
    fs::write(&config, without.join("\n")).unwrap();
    let output = wall.env.run(["check", "fortigate"]).exits(3);
    assert!(output.stderr.contains("ssh_known_hosts"), "{output}");
}

#[test]
fn a_wrong_password_is_told_and_not_tried_for_every_indicator() {
    let mut wall = Wall::ssh("");
    wall.room.env.set("EDRCTL_FORTIGATE_SSH_PASSWORD", "not-the-password");
    let output = wall.block(&addresses(5), &[]).exits(4);
    assert!(output.stderr.contains("the password") && !output.stderr.contains("not-the-password"), "{output}");
    assert_eq!((wall.firewall().ssh_sessions(), wall.firewall().ssh_refused()), (0, 1));
}

#[test]
fn a_key_file_is_as_good_as_a_password() {
    let public = key(9).public_key().to_openssh().unwrap();
    let mut wall = Wall::ssh(&format!("fortigate.authorized_key = '{public}'\n"));
    let private = key(9).to_openssh(LineEnding::LF).unwrap();
    wall.env.private_file("id_ed25519", private.as_bytes());
    let path = wall.env.path().join("id_ed25519").display().to_string();
    wall.room.env.set("EDRCTL_FORTIGATE_SSH_KEY_FILE", path);
    let output = wall.block(&addresses(2), &[]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 2, "{output}");
    assert_eq!((wall.firewall().ssh_sessions(), wall.firewall().ssh_refused()), (1, 0));
}

#[test]
fn what_only_the_oldest_units_speak_takes_an_explicit_key() {
    let wall = Wall::ssh("fortigate.legacy = true\n");
    let output = wall.block(&addresses(2), &[]).exits(4);
    assert!(output.stderr.contains("ssh_legacy_algorithms"), "{output}");
    assert_eq!(wall.firewall().ssh_sessions(), 0);
    wall.env.add_config("ssh_legacy_algorithms = true");
    let output = wall.block(&addresses(2), &[]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 2, "{output}");
}

#[test]
fn the_password_is_in_no_output_and_in_no_journal() {
    let wall = Wall::ssh("");
    let password = wall.console.inner().credentials().api_key.clone();
    let output = wall.env.run(["check", "fortigate", "-vv"]).exits(0);
    assert!(!output.stdout.contains(&password) && !output.stderr.contains(&password), "{output}");
    wall.env.file("list.txt", addresses(2));
    let output = wall.env.run(["block", "--vendor", "fortigate", "--yes", "-vv", "list.txt"]).exits(0);
    assert!(!output.stdout.contains(&password) && !output.stderr.contains(&password), "{output}");
    let journal = fs::read_to_string(wall.env.only_journal()).unwrap();
    assert!(!journal.contains(&password));
}

#[test]
fn a_key_that_is_revoked_is_refused_though_another_line_knows_it() {
    let wall = Wall::ssh("");
    let file = wall.env.path().join("ca.known_hosts");
    let known = fs::read_to_string(&file).unwrap();
    let line = known.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty()).unwrap();
    fs::write(&file, format!("{known}\n@revoked {line}\n")).unwrap();
    assert_shut(&wall, &["revoked", "SHA256:"]);
}

#[test]
fn a_password_that_is_asked_for_is_given_and_nothing_else_is() {
    let wall = Wall::ssh("fortigate.questions = ['Password: ']\n");
    let output = wall.block(&addresses(2), &[]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 2, "{output}");
    assert_eq!((wall.firewall().ssh_sessions(), wall.firewall().ssh_refused()), (1, 0));

    let wall = Wall::ssh("fortigate.questions = ['Password: ', 'Token: ']\n");
    let output = wall.block(&addresses(2), &[]).exits(4);
    assert!(output.stderr.contains("more than a password"), "{output}");
    assert_eq!((wall.firewall().ssh_sessions(), wall.firewall().ssh_refused()), (0, 0), "nothing was answered");
}

#[test]
fn an_encrypted_key_file_is_opened_with_its_passphrase() {
    let public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILfy6r7Di17wwqL/Kho6gal4Ai2qIuNC2eMtUqWhLr9N";
    let mut wall = Wall::ssh(&format!("fortigate.authorized_key = '{public}'\n"));
    wall.env.private_file("id_ed25519", include_bytes!("fixtures/ssh_key_with_passphrase"));
    let path = wall.env.path().join("id_ed25519").display().to_string();
    wall.room.env.set("EDRCTL_FORTIGATE_SSH_KEY_FILE", path);
    let output = wall.block(&addresses(2), &[]).exits(4);
    assert!(output.stderr.contains("ssh_key_passphrase"), "{output}");

    wall.room.env.set("EDRCTL_FORTIGATE_SSH_KEY_PASSPHRASE", "not-the-phrase");
    let output = wall.block(&addresses(2), &[]).exits(4);
    assert!(!output.stderr.contains("not-the-phrase"), "{output}");

    wall.room.env.set("EDRCTL_FORTIGATE_SSH_KEY_PASSPHRASE", "open-sesame-9");
    let output = wall.block(&addresses(2), &[]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 2, "{output}");
    assert_eq!((wall.firewall().ssh_sessions(), wall.firewall().ssh_refused()), (1, 0));
}
