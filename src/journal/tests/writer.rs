//! Appending: order, durability, groups, room, failure.

use std::{fs, io, sync::mpsc};

use super::*;
use crate::journal::{
    sink::{FileSink, Sink},
    tests::memory::Memory,
    writer::Synced,
};

fn options() -> WriterOptions {
    WriterOptions::default()
}

#[test]
fn a_record_is_on_disk_once_its_waiter_hears_so() {
    let memory = Memory::new();
    let journal = memory.journal(4, &options());
    for n in 0..4 {
        journal.append(intent(u64::from(n), &[n])).wait().unwrap();
        let disk = memory.disk();
        assert_eq!(disk.synced, disk.bytes.len());
        drop(disk);
        assert_eq!(memory.records().len(), n as usize + 1);
    }
    block_on(journal.close()).unwrap();
}

#[test]
fn what_gathers_during_a_sync_shares_the_next_one() {
    let mut memory = Memory::new();
    let (permit, permits) = mpsc::channel();
    memory.permits = Some(Arc::new(Mutex::new(permits)));
    let journal = memory.journal(1, &options());
    let first = journal.append(intent(0, &[0]));
    // The first sync is under way, or about to be, and waits for its permit.
    while memory.records().is_empty() {
        std::thread::yield_now();
    }
    let rest: Vec<Synced> = (1..1000).map(|batch| journal.append(intent(batch, &[0]))).collect();
    permit.send(()).unwrap();
    permit.send(()).unwrap();
    first.wait().unwrap();
    rest.into_iter().for_each(|synced| synced.wait().unwrap());
    assert_eq!(memory.disk().syncs, 2);
    drop(permit);
    block_on(journal.close()).unwrap();
    let batches: Vec<u64> = memory
        .records()
        .into_iter()
        .map(|record| if let Record::Intent(intent) = record { intent.batch } else { panic!("not an intent") })
        .collect();
    assert_eq!(batches, (0..1000).collect::<Vec<u64>>());
}

#[test]
fn many_tasks_append_at_once_to_a_real_file_and_no_line_is_lost() {
    let state = State::new();
    let journal = Arc::new(state.create("r1", 64));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..64_u32)
            .map(|n| {
                let journal = Arc::clone(&journal);
                tokio::spawn(async move {
                    for batch in 0..20 {
                        journal.append(intent(batch, &[n])).await.unwrap();
                        journal.append(answer(batch, vec![Reply::again(n, &throttled())])).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    block_on(Arc::into_inner(journal).unwrap().close()).unwrap();
    let replay = state.folder.replay(&run_id("r1")).unwrap();
    assert_eq!(replay.lines, 2 + 64 * 40);
    assert!(replay.targets.iter().all(|target| target.attempts == 20));
}

#[test]
fn a_dropped_journal_writes_what_was_queued() {
    let memory = Memory::new();
    let journal = memory.journal(1, &options());
    for batch in 0..500 {
        drop(journal.append(intent(batch, &[0])));
    }
    drop(journal);
    assert_eq!(memory.records().len(), 500);
    let disk = memory.disk();
    assert_eq!(disk.synced, disk.bytes.len());
}

#[test]
fn an_end_is_sealed_before_its_waiter_hears_of_it() {
    let memory = Memory::new();
    let journal = memory.journal(1, &options());
    journal.append(intent(0, &[0])).wait().unwrap();
    assert_eq!(memory.disk().seal, None);
    journal.append(end()).wait().unwrap();
    let seal = memory.disk().seal.clone().unwrap();
    assert_eq!(seal.lines, 4);
    let verified = check(&memory.disk().bytes, Some(&seal)).unwrap();
    assert!(verified.ended && verified.sealed);
    block_on(journal.close()).unwrap();
}

#[test]
fn a_seal_that_cannot_be_written_is_told_at_the_close() {
    let mut memory = Memory::new();
    let (permit, permits) = mpsc::channel();
    memory.permits = Some(Arc::new(Mutex::new(permits)));
    let journal = memory.journal(1, &options());
    let synced = journal.append(end());
    while memory.records().is_empty() {
        std::thread::yield_now();
    }
    memory.disk().failing_write = true;
    drop(permit);
    synced.wait().unwrap();
    let failed = block_on(journal.close()).unwrap_err();
    assert!(matches!(failed.cause(), JournalError::DiskFull { doing: "seal", .. }));
}

#[test]
fn a_full_disk_refuses_the_next_intent_and_still_takes_the_answers() {
    let memory = Memory::new();
    let journal = memory.journal(64, &options());
    memory.leave(80 * 1024);
    let mut sent = Vec::new();
    let refused = loop {
        let batch = sent.len() as u64;
        match journal.append(intent(batch, &[batch as u32 % 64])).wait() {
            Ok(()) => sent.push(batch),
            Err(failed) => break failed,
        }
    };
    assert!(!sent.is_empty());
    assert!(matches!(refused.cause(), JournalError::DiskFull { .. }), "{refused:?}");
    assert!(refused.hint().unwrap().contains("edrctl resume"));
    assert!(journal.failure().is_some());
    // Others have filled the disk in the meantime; only what was reserved is left.
    memory.leave(0);
    for batch in &sent {
        let reply = Reply::Settled { n: *batch as u32 % 64, result: settlement(Outcome::Confirmed) };
        journal.append(answer(*batch, vec![reply])).wait().unwrap();
    }
    journal.append(end()).wait().unwrap();
    let again = journal.append(intent(9999, &[0])).wait().unwrap_err();
    assert!(matches!(again.cause(), JournalError::DiskFull { .. }));
    assert!(block_on(journal.close()).is_err());
    assert_eq!(memory.records().len(), 2 * sent.len() + 1);
}

#[test]
fn room_is_kept_ahead_of_every_intent_and_given_back_at_the_end() {
    let memory = Memory::new();
    let journal = memory.journal(64, &options());
    for batch in 0..3000 {
        journal.append(intent(batch, &[0])).wait().unwrap();
        let disk = memory.disk();
        assert!(disk.reserved >= disk.bytes.len() as u64 + 60 * 1024);
    }
    block_on(journal.close()).unwrap();
    let disk = memory.disk();
    assert_eq!(disk.reserved, disk.bytes.len() as u64);
}

#[test]
fn a_large_batch_keeps_room_for_each_of_its_answers() {
    let memory = Memory::new();
    let journal = memory.journal(1, &options());
    let targets = vec![0; 10_000];
    journal.append(intent(0, &targets)).wait().unwrap();
    let disk = memory.disk();
    assert!(disk.reserved - disk.bytes.len() as u64 >= 10_000 * 500);
}

#[test]
fn a_file_system_that_keeps_no_room_is_done_without() {
    let memory = Memory::new();
    memory.disk().reserves = false;
    let journal = memory.journal(1, &options());
    journal.append(intent(0, &[0])).wait().unwrap();
    block_on(journal.close()).unwrap();
}

#[test]
fn after_a_failed_write_nothing_is_taken_and_nothing_half_is_left() {
    let memory = Memory::new();
    let journal = memory.journal(1, &options());
    journal.append(intent(0, &[0])).wait().unwrap();
    let good = memory.disk().bytes.clone();
    memory.disk().failing_write = true;
    let failed = journal.append(settled(0, Outcome::Confirmed)).wait().unwrap_err();
    assert!(matches!(failed.cause(), JournalError::DiskFull { .. }));
    memory.disk().failing_write = false;
    assert!(journal.append(settled(0, Outcome::Confirmed)).wait().is_err());
    assert!(journal.append(intent(1, &[0])).wait().is_err());
    assert!(journal.append(end()).wait().is_err());
    assert!(block_on(journal.close()).is_err());
    assert_eq!(memory.disk().bytes, good);
    assert_eq!(memory.disk().seal, None);
    assert!(check(&good, None).is_ok());
}

#[test]
fn after_a_failed_sync_everybody_in_the_group_hears_of_it() {
    let mut memory = Memory::new();
    let (permit, permits) = mpsc::channel();
    memory.permits = Some(Arc::new(Mutex::new(permits)));
    let journal = memory.journal(1, &options());
    let first = journal.append(intent(0, &[0]));
    while memory.records().is_empty() {
        std::thread::yield_now();
    }
    let good = memory.disk().bytes.clone();
    let group: Vec<Synced> = (1..50).map(|batch| journal.append(intent(batch, &[0]))).collect();
    permit.send(()).unwrap();
    first.wait().unwrap();
    memory.disk().failing_syncs = 1;
    drop(permit);
    for waiter in group {
        assert!(matches!(waiter.wait().unwrap_err().cause(), JournalError::Io { .. }));
    }
    assert!(block_on(journal.close()).is_err());
    assert_eq!(memory.disk().bytes, good);
}

#[test]
fn a_crash_comes_after_the_line_is_on_disk_and_before_anybody_is_told() {
    for line in 3..8 {
        let memory = Memory::new();
        let journal = memory.journal(1, &WriterOptions { crash_after: Some(line), ..options() });
        let waiters: Vec<Synced> = (0..8).map(|batch| journal.append(intent(batch, &[0]))).collect();
        let told = waiters.into_iter().map(Synced::wait).filter(Result::is_ok).count() as u64;
        assert_eq!(memory.records().len() as u64 + 2, line);
        assert_eq!(told + 3, line);
        let failed = block_on(journal.close()).unwrap_err();
        assert!(matches!(failed.cause(), JournalError::WriterGone));
    }
}

/// Another test's child process shares our open files from its fork to its exec, and with them the lock.
fn once_unlocked<T>(mut open: impl FnMut() -> Result<T, JournalError>) -> T {
    loop {
        match open() {
            Err(JournalError::Locked { .. }) => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

#[test]
fn a_killed_run_is_resumed_at_any_byte_and_goes_on_with_a_whole_chain() {
    let state = State::new();
    let run = state.begun("r1", 3, vec![intent(0, &[0]), answer(0, vec![accepted(0)]), intent(1, &[1, 2])]);
    let path = state.folder.path(&run);
    let bytes = fs::read(&path).unwrap();
    let plan: usize = split(&bytes)[..2].iter().map(Vec::len).sum();
    for length in plan..=bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let (journal, replay) = once_unlocked(|| state.resume(&run));
        let whole = bytes[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(replay.lines, whole);
        assert_eq!(replay.targets.len(), 3);
        journal.append(resumed()).wait().unwrap();
        drop(journal);
        let verified = state.folder.verify(&run).unwrap();
        assert_eq!(verified, Verified { lines: whole + 1, torn: false, ended: false, sealed: false });
    }
}

#[test]
fn a_damaged_or_shortened_journal_is_not_resumed_and_not_touched() {
    let state = State::new();
    let run = state.begun("r1", 2, vec![intent(0, &[0]), end()]);
    let path = state.folder.path(&run);
    let bytes = fs::read(&path).unwrap();
    let lines = split(&bytes);
    let mut edited = bytes.clone();
    edited[200] ^= 1;
    for damaged in [edited, lines[..3].concat(), [&lines[..2], &lines[3..]].concat().concat()] {
        fs::write(&path, &damaged).unwrap();
        let error = state.resume(&run).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        assert!(error.hint().unwrap().contains("edrctl status"));
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
}

#[test]
fn an_ended_run_is_resumed_and_sealed_again() {
    let state = State::new();
    let run = state.begun("r1", 2, vec![intent(0, &[0]), end()]);
    assert!(state.folder.verify(&run).unwrap().sealed);
    let (journal, replay) = state.resume(&run).unwrap();
    assert!(replay.ended);
    assert_eq!(replay.next_batch, 1);
    journal.append(resumed()).wait().unwrap();
    assert!(!state.folder.verify(&run).unwrap().sealed);
    journal.append(intent(1, &[1])).wait().unwrap();
    journal.append(end()).wait().unwrap();
    assert_eq!(state.folder.verify(&run).unwrap(), Verified { lines: 7, torn: false, ended: true, sealed: true });
    block_on(journal.close()).unwrap();
}

#[test]
fn a_journal_can_be_read_while_it_is_written() {
    let state = State::new();
    let journal = state.create("r1", 2);
    journal.append(intent(0, &[0])).wait().unwrap();
    let replay = state.folder.replay(&run_id("r1")).unwrap();
    assert_eq!(replay.lines, 3);
    assert!(!replay.ended);
    drop(journal);
}

#[test]
fn a_plan_takes_several_lines_and_is_whole() {
    let state = State::new();
    for targets in [0, 1, 499, 500, 501, 1500] {
        let run = state.begun(&format!("r{targets}"), targets, vec![]);
        let replay = state.folder.replay(&run).unwrap();
        assert_eq!(replay.header.targets, u64::from(targets));
        assert_eq!(replay.targets.iter().map(|target| target.record.clone()).collect::<Vec<_>>(), plan(targets));
        assert_eq!(replay.lines, 1 + u64::from(targets.div_ceil(500)));
    }
}

#[test]
fn a_limit_to_the_size_of_files_is_an_error_and_not_the_end_of_the_process() {
    let state = State::new();
    let paths = state.folder.paths(&run_id("r1"));
    let file = fs::OpenOptions::new().append(true).create(true).open(&paths.journal).unwrap();
    let mut sink = FileSink::new(file, paths.clone(), 0, Some(10));
    sink.write(b"12345678").unwrap();
    assert_eq!(sink.write(b"901").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(sink.reserve(8, 11).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    sink.write(b"90").unwrap();
    sink.truncate(4).unwrap();
    sink.write(b"567890").unwrap();
    assert_eq!(fs::read(&paths.journal).unwrap(), b"1234567890");
}

#[test]
fn what_the_system_says_is_sorted_into_what_can_be_done_about_it() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge] {
        let error = JournalError::io("write", Path::new("r1.jsonl"), kind.into());
        assert!(matches!(error, JournalError::DiskFull { .. }));
        assert_eq!(error.to_string(), "write `r1.jsonl`: no room is left for it");
    }
    for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
        let error = JournalError::io("create", Path::new("r1.jsonl"), kind.into());
        assert!(matches!(error, JournalError::Denied { .. }));
        assert!(error.hint().unwrap().contains("--state-dir"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn room_on_a_real_disk_is_given_back_at_the_close() {
    use std::os::unix::fs::MetadataExt;
    let state = State::new();
    let journal = state.create("r1", 2);
    let path = journal.path().to_owned();
    journal.append(intent(0, &[0])).wait().unwrap();
    let taken = fs::metadata(&path).unwrap();
    assert!(taken.len() < 4096, "the room is behind the end");
    assert!(taken.blocks() * 512 >= 64 * 1024, "{} blocks", taken.blocks());
    block_on(journal.close()).unwrap();
    assert!(fs::metadata(&path).unwrap().blocks() * 512 <= 8192);
}
