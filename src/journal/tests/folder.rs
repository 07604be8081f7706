//! Where runs live: names, modes, locks, lists.

use std::fs;

use super::*;
use crate::journal::new_run_id;

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[test]
fn everything_in_the_state_folder_is_its_owners_alone() {
    let state = State::new();
    let run = state.begun("r1", 2, vec![end()]);
    let paths = state.folder.paths(&run);
    assert_eq!(mode(&state.root.path().join("state")), 0o700);
    assert_eq!(mode(&paths.folder), 0o700);
    assert_eq!(mode(&paths.journal), 0o600);
    assert_eq!(mode(&paths.seal), 0o600);
    assert!(!paths.draft.exists() && !paths.seal_draft.exists());
}

#[test]
fn new_names_have_the_form_of_a_name_and_differ() {
    let names: Vec<RunId> = (0..50).map(|_| new_run_id().unwrap()).collect();
    for name in &names {
        assert_eq!(RunId::parse(name.as_str()).unwrap(), *name);
        assert_eq!(name.as_str().len(), 22);
    }
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    assert_eq!(RunId::from_parts(at(0), [1, 31, 32, 255]).as_str(), "20270115-080000-001z0z");
}

/// `latest` is found by the order of names, and a script may begin several runs within a second.
#[test]
fn runs_of_one_second_are_in_the_order_of_their_names() {
    let at = |milliseconds: i32| at(0) + jiff::SignedDuration::from_millis(milliseconds.into());
    let named = |began, random| RunId::from_parts(began, random);
    for milliseconds in [0, 1, 31, 32, 33, 500, 997] {
        let earlier = named(at(milliseconds), [255; 4]);
        let later = named(at(milliseconds + 2), [0; 4]);
        assert!(earlier < later, "{earlier} {later}");
    }
    assert!(named(at(999), [255; 4]) < named(at(1000), [0; 4]));
}

#[test]
fn runs_are_found_by_name_by_beginning_and_as_the_latest() {
    let state = State::new();
    assert!(matches!(state.folder.find("latest"), Err(JournalError::NoRuns { .. })));
    for run in ["20260101-000000-aaaaaa", "20260102-000000-bbbbbb", "20260102-000000-bbbccc"] {
        state.begun(run, 1, vec![]);
    }
    let find = |wanted: &str| state.folder.find(wanted);
    assert_eq!(find("latest").unwrap().as_str(), "20260102-000000-bbbccc");
    assert_eq!(find("20260101").unwrap().as_str(), "20260101-000000-aaaaaa");
    assert_eq!(find("20260102-000000-bbbbbb").unwrap().as_str(), "20260102-000000-bbbbbb");
    match find("20260102-000000-bbb") {
        Err(JournalError::Ambiguous { matches, .. }) => {
            assert_eq!(
                matches.iter().map(RunId::as_str).collect::<Vec<_>>(),
                ["20260102-000000-bbbccc", "20260102-000000-bbbbbb"]
            );
        }
        other => panic!("{other:?}"),
    }
    for wanted in ["", "2027", "../../etc/passwd", "LATEST"] {
        assert!(matches!(find(wanted), Err(JournalError::NoSuchRun { .. })), "{wanted:?}");
    }
}

#[test]
fn a_name_that_another_begins_with_is_found_by_itself() {
    let state = State::new();
    state.begun("r1", 1, vec![]);
    state.begun("r10", 1, vec![]);
    assert_eq!(state.folder.find("r1").unwrap().as_str(), "r1");
}

#[test]
fn a_list_shows_each_run_newest_first_and_how_it_ended() {
    let state = State::new();
    state.begun("20260101-000000-aaaaaa", 2, vec![intent(0, &[0])]);
    state.begun("20260102-000000-bbbbbb", 2, vec![intent(0, &[0]), end()]);
    let runs = state.folder.runs().unwrap();
    assert_eq!(
        runs.iter().map(|entry| entry.run.as_str()).collect::<Vec<_>>(),
        ["20260102-000000-bbbbbb", "20260101-000000-aaaaaa"]
    );
    let newest = runs[0].summary.as_ref().unwrap();
    assert_eq!(newest.header.turn.as_ref().map(|turn| turn.n), Some(2));
    assert_eq!(Header { turn: None, ..newest.header.clone() }, header("20260102-000000-bbbbbb", 2));
    assert_eq!(newest.end.as_ref().unwrap().counts.get(Outcome::Confirmed), 3);
    assert_eq!(runs[1].summary.as_ref().unwrap().end, None);
}

#[test]
fn a_list_needs_only_the_ends_of_a_long_journal() {
    let state = State::new();
    let run = state.begun("r1", 2000, vec![]);
    let path = state.folder.path(&run);
    let runs = state.folder.runs().unwrap();
    assert_eq!(runs[0].summary.as_ref().unwrap().header.targets, 2000);
    // Damage in the middle is for `verify` to find.
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(state.folder.runs().unwrap()[0].summary.is_ok());
    assert!(matches!(state.folder.verify(&run), Err(JournalError::Damaged { .. })));
}

#[test]
fn a_journal_that_does_not_read_does_not_hide_the_others() {
    let state = State::new();
    state.begun("r1", 1, vec![]);
    state.begun("r2", 1, vec![]);
    fs::write(state.folder.path(&run_id("r2")), "rubbish").unwrap();
    fs::write(state.folder.paths(&run_id("r2")).folder.join("notes.txt"), "mine").unwrap();
    let runs = state.folder.runs().unwrap();
    assert_eq!(runs.len(), 2);
    assert!(runs[0].summary.is_err() && runs[1].summary.is_ok());
}

#[test]
fn a_torn_last_line_is_told_in_the_list() {
    let state = State::new();
    let run = state.begun("r1", 1, vec![intent(0, &[0])]);
    let path = state.folder.path(&run);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let summary = state.folder.runs().unwrap().remove(0).summary.unwrap();
    assert!(summary.torn);
}

#[test]
fn reading_a_state_folder_that_does_not_exist_makes_none() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("none");
    let folder = StateFolder::reading(&state);
    assert!(folder.runs().unwrap().is_empty());
    assert!(matches!(folder.find("latest"), Err(JournalError::NoRuns { .. })));
    assert!(!state.exists());
}

#[test]
fn a_state_folder_where_a_file_stands_is_an_error_with_its_path() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "").unwrap();
    let error = StateFolder::at(&path).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn a_second_process_cannot_work_on_a_run_and_is_told_who_does() {
    let state = State::new();
    let journal = state.create("r1", 1);
    let run = run_id("r1");
    assert!(state.folder.is_live(&run).unwrap());
    let error = state.resume(&run).unwrap_err();
    assert_eq!(error.to_string(), "lock run r1: process 4711 of ada on jump01 works on it");
    assert!(error.hint().unwrap().contains("runs show r1"));
    drop(journal);
    assert!(!state.folder.is_live(&run).unwrap());
    let (journal, _) = state.resume(&run).unwrap();
    journal.append(resumed()).wait().unwrap();
    let error = state.resume(&run).unwrap_err();
    assert_eq!(error.to_string(), "lock run r1: process 12 of bob on jump02 works on it");
    drop(journal);
    state.resume(&run).unwrap();
}

#[test]
fn a_run_is_not_created_over_another() {
    let state = State::new();
    state.begun("r1", 1, vec![]);
    let before = fs::read(state.folder.path(&run_id("r1"))).unwrap();
    let again = Journal::create(&state.folder, header("r1", 0), plan(3), &WriterOptions::default());
    assert!(matches!(again, Err(JournalError::Exists { .. })));
    assert_eq!(fs::read(state.folder.path(&run_id("r1"))).unwrap(), before);
    assert!(!state.folder.paths(&run_id("r1")).draft.exists());
}

#[test]
fn a_plan_that_a_killed_process_left_half_written_is_no_run_and_in_nobodys_way() {
    let state = State::new();
    let paths = state.folder.paths(&run_id("r1"));
    fs::write(&paths.draft, "half a pl").unwrap();
    assert!(state.folder.names().unwrap().is_empty());
    state.begun("r1", 1, vec![]);
    assert_eq!(state.folder.verify(&run_id("r1")).unwrap().lines, 2);
}

#[test]
fn a_plan_that_another_process_is_writing_is_left_alone() {
    let state = State::new();
    let paths = state.folder.paths(&run_id("r1"));
    let other = fs::File::create(&paths.draft).unwrap();
    other.try_lock().unwrap();
    let second = Journal::create(&state.folder, header("r1", 0), plan(1), &WriterOptions::default());
    assert!(matches!(second, Err(JournalError::Exists { .. })));
    assert!(paths.draft.exists());
}

#[test]
fn targets_that_are_numbered_wrongly_leave_no_run() {
    let state = State::new();
    let error =
        Journal::create(&state.folder, header("r1", 0), vec![target(1)], &WriterOptions::default()).unwrap_err();
    assert!(matches!(error, JournalError::Numbering { expected: 0, found: 1 }));
    assert!(state.folder.names().unwrap().is_empty());
    let left = fs::read_dir(state.folder.paths(&run_id("r1")).folder).unwrap();
    assert_eq!(left.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["turn"], "only the count");
}

#[test]
fn a_seal_that_was_touched_is_not_believed() {
    let state = State::new();
    let run = state.begun("r1", 1, vec![end()]);
    assert!(state.folder.verify(&run).unwrap().sealed);
    let seal = state.folder.paths(&run).seal;
    for text in ["", "{}", "{\"v\":1,\"lines\":3}", "rubbish"] {
        fs::write(&seal, text).unwrap();
        assert!(matches!(state.folder.verify(&run), Err(JournalError::SealDamaged { .. })), "{text:?}");
    }
    fs::remove_file(&seal).unwrap();
    assert!(!state.folder.verify(&run).unwrap().sealed);
}
