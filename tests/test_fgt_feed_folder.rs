//! The folder of lists that a firewall fetches, on its bad days, through the real program.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    process::Command,
};

use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::support::{Lists, Output, SmallDisk, addresses, intents, wait_until};

/// An access control list that lets one more user read: as the kernel keeps it, entry by entry.
fn access_list(reader: u32) -> Vec<u8> {
    let nobody = u32::MAX;
    let entries = [(1_u16, 6_u16, nobody), (2, 4, reader), (4, 0, nobody), (16, 4, nobody), (32, 0, nobody)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, may, who) in entries {
        list.extend(tag.to_le_bytes().into_iter().chain(may.to_le_bytes()).chain(who.to_le_bytes()));
    }
    list
}

fn attribute(lists: &Lists, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = getxattr(lists.path("ip4.txt"), name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}

#[test]
fn whoever_could_read_a_list_can_read_it_afterwards() {
    const ACCESS: &str = "system.posix_acl_access";
    let lists = Lists::new("");
    lists.block("203.0.113.1\n", &[]).exits(0);
    let path = lists.path("ip4.txt");
    setxattr(&path, ACCESS, &access_list(33), XattrFlags::empty()).unwrap();
    setxattr(&path, "user.served_by", b"the web server", XattrFlags::empty()).unwrap();
    lists.block("203.0.113.2\n", &[]).exits(0);
    lists.unblock("203.0.113.1\n", &[]).exits(0);
    assert_eq!(lists.blocked(), ["203.0.113.2"]);
    assert_eq!(attribute(&lists, ACCESS), Some(access_list(33)));
    assert_eq!(attribute(&lists, "user.served_by").as_deref(), Some(&b"the web server"[..]));
    // What the folder hands down does not open a list that had no such thing.
    let folder = path.parent().unwrap();
    fs::remove_file(&path).unwrap();
    lists.write("ip4.txt", "203.0.113.2\n");
    setxattr(folder, "system.posix_acl_default", &access_list(34), XattrFlags::empty()).unwrap();
    lists.block("203.0.113.3\n", &[]).exits(0);
    assert_eq!(attribute(&lists, ACCESS), None);
}

#[test]
fn a_lock_that_is_no_plain_file_is_refused_and_keeps_nobody_waiting() {
    let lists = Lists::new("");
    let lock = lists.path(".edrctl-lock");
    let refused = |lists: &Lists| {
        lists.block("203.0.113.1\n", &[]).exits(5).says(".edrctl-lock").says("no plain file");
        lists.run(["check", "fortigate"]).exits(5).says("no plain file");
        assert_eq!(lists.files(), [".edrctl-lock"]);
        fs::remove_file(lists.path(".edrctl-lock")).unwrap();
    };
    assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success());
    refused(&lists);
    let elsewhere = lists.env.path().join("elsewhere");
    symlink(&elsewhere, &lock).unwrap();
    refused(&lists);
    assert!(!elsewhere.exists());
    lists.block("203.0.113.1\n", &[]).exits(0);
}

#[test]
fn counts_that_cannot_be_read_stop_everything() {
    let lists = Lists::new("");
    lists.block(&addresses(10), &[]).exits(0);
    lists.write("ip4.txt", "");
    for text in ["nonsense", "", "{\"ip4.txt\":-1}"] {
        lists.write(".edrctl-counts.json", text);
        for output in
            [lists.block("203.0.113.99\n", &[]), lists.unblock("203.0.113.1\n", &[]), lists.run(["check", "fortigate"])]
        {
            output.exits(5).says(".edrctl-counts.json").says("cannot be read");
        }
        assert_eq!((lists.text("ip4.txt").as_str(), lists.text(".edrctl-counts.json").as_str()), ("", text));
    }
}

/// Makes it impossible to write one list.
fn bar(lists: &Lists, name: &str) {
    fs::create_dir_all(lists.path(&format!(".{name}.edrctl-draft")).join("x")).unwrap();
}

#[test]
fn a_list_that_cannot_be_written_is_no_fault_of_a_console() {
    let lists = Lists::new("");
    bar(&lists, "ip4.txt");
    let output = lists.block("203.0.113.1\n203.0.113.2\n", &[]).exits(5);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 2)].into(), "{output}");
    assert_eq!(output.codes(), ["folder_failed", "folder_failed"], "{output}");
    let output = output.says("the lists cannot be written").says("edrctl check fortigate").says("edrctl resume");
    assert!(!output.stderr.contains("the console"), "{output}");
    assert_eq!(lists.text(".edrctl-marks.jsonl"), "");
    // In the middle of a run it stops the run, and what was written stays told.
    let lists = Lists::new("");
    bar(&lists, "domain.txt");
    let crowd: String = (0..1_000).map(|n| format!("198.51.{}.{}\n", 100 + n / 256, n % 256)).collect();
    let output = lists.block(&format!("{crowd}bad.example\n"), &["--max-new", "2000"]).exits(7);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1_000), ("not_sent".to_owned(), 1)].into());
    output.says("the lists cannot be written");
    fs::remove_dir_all(lists.path(".domain.txt.edrctl-draft")).unwrap();
    lists.run(["resume", "latest", "--yes"]).exits(0);
    assert_eq!(lists.text("domain.txt"), "bad.example\n");
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_written() {
    let lists = Lists::new("");
    lists.block("bad.example\n", &[]).exits(0);
    let text = format!("{}# {}\n", lists.text("domain.txt"), "x".repeat(299_000));
    lists.write("domain.txt", &text);
    let disk = SmallDisk::limit(&lists.env, 200);
    lists.file("list.txt", "worse.example\n");
    for args in [&["check", "fortigate"][..], &["block", "--vendor", "fortigate", "--yes", "list.txt"]] {
        let output = Output::new(disk.command(&lists.env, args).output().unwrap(), lists.env.path());
        output.exits(5).says("domain.txt").says("failed to write");
    }
    assert_eq!(lists.text("domain.txt"), text);
    assert!(!lists.files().iter().any(|name| name.contains("proof")), "{:?}", lists.files());
    lists.run(["check", "fortigate"]).exits(0);
}

#[test]
fn a_list_that_is_emptied_after_the_plan_is_not_written() {
    let lists = Lists::new("");
    lists.block("203.0.113.1\n", &[]).exits(0);
    let first = lists.only_journal();
    let lock = File::open(lists.path(".edrctl-lock")).unwrap();
    lock.lock().unwrap();
    lists.file("list.txt", "203.0.113.2\n");
    let child = lists.start(["block", "--vendor", "fortigate", "--yes", "-o", "jsonl", "list.txt"]);
    let asked = || lists.journals().iter().any(|journal| *journal != first && intents(journal) > 0);
    wait_until("the run wants to write", asked);
    lists.write("ip4.txt", "");
    drop(lock);
    let output = lists.finish(child).exits(5).says("had 1 entries").says("the lists cannot be written");
    assert_eq!(output.codes(), ["folder_failed"], "{output}");
    assert_eq!(lists.text("ip4.txt"), "");
}
