//! What a ledger remembers, after crashes of all kinds.

use proptest::{collection::vec, prelude::*};

use super::*;

fn position(length: u64) -> BTreeMap<String, Position> {
    BTreeMap::from([("file a.jsonl".to_owned(), Position { file: "a.jsonl".to_owned(), length })])
}

fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<EventId> {
    numbers.into_iter().map(id).collect()
}

/// Some are numbers beyond what a floating point number can hold, some are digests.
fn id(number: u64) -> EventId {
    if number.is_multiple_of(5) {
        let mut digest = [7; 16];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        EventId::Digest(digest)
    } else {
        EventId::Number(u64::MAX - number, number % 3)
    }
}

struct Scene {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ledger");
    Scene { _folder: folder, path }
}

#[test]
fn what_was_committed_is_there_after_a_restart_for_the_owner_alone() {
    let Scene { path, _folder } = scene();
    let mut ledger = Ledger::open(&path, 100).unwrap();
    ledger.commit(&ids(0..10), &position(1)).unwrap();
    ledger.commit(&ids(10..13), &position(2)).unwrap();
    drop(ledger);
    let ledger = Ledger::open(&path, 100).unwrap();
    assert!(ids(0..13).iter().all(|id| ledger.has(id)));
    assert!(ids(13..100).iter().all(|id| !ledger.has(id)));
    assert_eq!(ledger.positions(), &position(2));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn another_body_of_a_number_is_another_event_and_one_of_a_former_version_is_any() {
    let Scene { path, _folder } = scene();
    let mut ledger = Ledger::open(&path, 100).unwrap();
    ledger.commit(&[EventId::Number(0, 7), EventId::Number(0, 8), EventId::Number(1, 0)], &position(1)).unwrap();
    drop(ledger);
    let ledger = Ledger::open(&path, 100).unwrap();
    for (id, has, has_number) in
        [((0, 7), true, true), ((0, 8), true, true), ((0, 9), false, true), ((1, 9), true, true)]
    {
        let id = EventId::Number(id.0, id.1);
        assert_eq!((ledger.has(&id), ledger.has_number(&id)), (has, has_number), "{id:?}");
    }
    assert!(!ledger.has_number(&EventId::Number(2, 7)));
}

#[test]
fn it_is_removed_with_its_lock_unless_somebody_has_it() {
    let Scene { path, _folder } = scene();
    let ledger = Ledger::open(&path, 100).unwrap();
    assert!(matches!(Ledger::remove(&path), Err(LedgerError::Locked { .. })));
    assert!(path.exists());
    drop(ledger);
    Ledger::remove(&path).unwrap();
    assert_eq!(fs::read_dir(_folder.path()).unwrap().count(), 0);
}

#[test]
fn two_cannot_have_it_at_once() {
    let Scene { path, _folder } = scene();
    let ledger = Ledger::open(&path, 100).unwrap();
    assert!(matches!(Ledger::open(&path, 100), Err(LedgerError::Locked { .. })));
    drop(ledger);
    assert!(Ledger::open(&path, 100).is_ok());
}

#[test]
fn at_least_half_of_the_window_is_remembered_and_never_more_than_all_of_it() {
    let Scene { path, _folder } = scene();
    let mut ledger = Ledger::open(&path, 100).unwrap();
    for number in 0..300 {
        ledger.commit(&[id(number)], &position(number)).unwrap();
        let remembered = ids(0..300).iter().filter(|id| ledger.has(id)).count() as u64;
        assert!(((number + 1).min(50)..=100).contains(&remembered), "{remembered}");
        assert!(ids(number.saturating_sub(49)..=number).iter().all(|id| ledger.has(id)));
    }
}

#[test]
fn a_file_that_has_grown_is_written_anew_and_remembers_the_same() {
    let Scene { path, _folder } = scene();
    let mut ledger = Ledger::open(&path, 100).unwrap();
    let mut longest = 0;
    for number in 0..1200_u64 {
        ledger.commit(&[id(number)], &position(number)).unwrap();
        longest = longest.max(fs::metadata(&path).unwrap().len());
    }
    assert!(longest <= SHORT + 200, "{longest}");
    assert!(fs::metadata(&path).unwrap().len() < 1200 * 60);
    let before: Vec<bool> = ids(0..1200).iter().map(|id| ledger.has(id)).collect();
    drop(ledger);
    // What a crash while it was written anew leaves behind is no harm.
    fs::write(beside(&path, ".new"), b"edrctl led").unwrap();
    let mut ledger = Ledger::open(&path, 100).unwrap();
    let after: Vec<bool> = ids(0..1200).iter().map(|id| ledger.has(id)).collect();
    assert_eq!((before, ledger.positions()), (after, &position(1199)));
    for number in 1200..2200 {
        ledger.commit(&[id(number)], &position(number)).unwrap();
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_window_of_many_parts_is_written_anew_whole() {
    let Scene { path, _folder } = scene();
    // Each generation is exactly two parts.
    let (window, step) = (4 * PART, PART as u64 / 2);
    let mut ledger = Ledger::open(&path, window).unwrap();
    let mut anew = Vec::new();
    for number in 0..90 {
        let before = ledger.length;
        ledger.commit(&ids(number * step..(number + 1) * step), &position(number)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), ledger.length);
        if ledger.length > before {
            continue;
        }
        let all = ids(0..91 * step);
        let had: Vec<bool> = all.iter().map(|id| ledger.has(id)).collect();
        drop(ledger);
        ledger = Ledger::open(&path, window).unwrap();
        assert_eq!(had, all.iter().map(|id| ledger.has(id)).collect::<Vec<bool>>());
        assert_eq!(ledger.positions(), &position(number));
        anew.push(number);
    }
    assert!(anew.len() > 1, "{anew:?}");
}

#[test]
fn room_that_was_never_written_is_cut_off() {
    let Scene { path, _folder } = scene();
    let mut ledger = Ledger::open(&path, 100).unwrap();
    ledger.commit(&ids(0..10), &position(1)).unwrap();
    drop(ledger);
    let whole = fs::read(&path).unwrap();
    for zeros in [1, 7, 8, 9, 4096] {
        let mut torn = whole.clone();
        torn.resize(whole.len() + zeros, 0);
        fs::write(&path, &torn).unwrap();
        let ledger = Ledger::open(&path, 100).unwrap();
        assert_eq!(ledger.positions(), &position(1));
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
    // A record of which only the beginning is on the disk, in a file that is as long as it should be.
    let mut torn = whole.clone();
    torn[HEADER.len() + BEFORE_PAYLOAD + 20..].fill(0);
    fs::write(&path, &torn).unwrap();
    assert!(Ledger::open(&path, 100).unwrap().positions().is_empty());
}

const BEFORE_PAYLOAD: usize = record::BEFORE;

#[test]
fn any_byte_that_is_not_what_was_written_is_damage_and_the_file_is_left_as_it_is() {
    let Scene { path, _folder } = scene();
    let mut ledger = Ledger::open(&path, 100).unwrap();
    ledger.commit(&ids(0..3), &position(1)).unwrap();
    ledger.commit(&ids(3..5), &position(2)).unwrap();
    drop(ledger);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        let opened = Ledger::open(&path, 100);
        assert!(matches!(opened, Err(LedgerError::Damaged { .. })), "byte {at}: {opened:?}");
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn after_a_commit_that_failed_nothing_more_is_committed() {
    let Scene { path, _folder } = scene();
    let mut ledger = Ledger::open(&path, 100).unwrap();
    ledger.file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    assert!(matches!(ledger.commit(&ids(0..1), &position(1)), Err(LedgerError::Io { what: "write", .. })));
    assert!(!ledger.has(&id(0)));
    assert!(matches!(ledger.commit(&ids(1..2), &position(1)), Err(LedgerError::Broken { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_in_the_last_record_leaves_all_that_was_committed_before(
        rounds in vec((vec(vec(0..100_u64, 0..8), 1..5), any::<proptest::sample::Index>()), 1..5),
    ) {
        let Scene { path, _folder } = scene();
        let mut had: Vec<u64> = Vec::new();
        let mut at = BTreeMap::new();
        let mut step = 0;
        for (commits, cut) in rounds {
            let mut ledger = Ledger::open(&path, 1_000_000).unwrap();
            let (last, before) = commits.split_last().unwrap();
            for numbers in before {
                step += 1;
                at = position(step);
                ledger.commit(&ids(numbers.iter().copied()), &at).unwrap();
                had.extend(numbers);
            }
            let start = ledger.length;
            ledger.commit(&ids(last.iter().copied()), &position(u64::MAX)).unwrap();
            let end = ledger.length;
            drop(ledger);
            // The crash: anywhere from before its first byte to behind its last but one.
            let cut = start + cut.index(usize::try_from(end - start).unwrap()) as u64;
            OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
            let ledger = Ledger::open(&path, 1_000_000).unwrap();
            for number in 0..100 {
                prop_assert_eq!(ledger.has(&id(number)), had.contains(&number));
            }
            prop_assert_eq!(ledger.positions(), &at);
        }
    }
}
