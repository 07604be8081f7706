//! The store on a real folder.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

const CONSOLE: &str = "https://console.example";
const PASSWORD: &str = "4d5f0c";

fn stream(id: u64, name: &str) -> StoredStream {
    StoredStream {
        console: CONSOLE.to_owned(),
        id,
        name: name.to_owned(),
        host: "broker.example".to_owned(),
        port: 443,
        queue: format!("event_stream_{id}"),
        user: format!("{id}-0a"),
        password: Secret::new(PASSWORD),
    }
}

fn name(name: &str) -> NameOrId {
    NameOrId::Name(name.to_owned())
}

#[test]
fn what_was_kept_is_found_by_number_and_by_name_of_its_own_console() {
    let state = tempfile::tempdir().unwrap();
    let store = StreamStore::at(&state.path().join("deep/state"));
    assert!(store.find(CONSOLE, &NameOrId::Id(7)).unwrap().is_none());
    store.prove_writable().unwrap();
    store.save(&stream(7, "soc")).unwrap();
    store.save(&stream(8, "9")).unwrap();
    for wanted in [NameOrId::Id(7), name("soc")] {
        let found = store.find(CONSOLE, &wanted).unwrap().unwrap();
        assert_eq!((found.id, found.password.expose()), (7, PASSWORD));
    }
    assert_eq!(store.find(CONSOLE, &NameOrId::parse("9")).unwrap().unwrap().id, 8);
    for other in [name("SOC"), name("so"), NameOrId::Id(70)] {
        assert!(store.find(CONSOLE, &other).unwrap().is_none(), "{other}");
    }
    assert!(store.find("https://console.example:8443", &NameOrId::Id(7)).unwrap().is_none());
    assert!(store.keeps(CONSOLE, 7).unwrap());
    let left = store.path(CONSOLE, 7).with_extension("tmp");
    fs::write(&left, PASSWORD).unwrap();
    assert!(store.remove(CONSOLE, 7).unwrap());
    assert!(!left.exists(), "what a killed process left behind goes, too");
    assert!(!store.remove(CONSOLE, 7).unwrap());
    assert!(!store.keeps(CONSOLE, 7).unwrap());
}

#[test]
fn files_and_folder_are_the_owners_alone_and_nothing_is_left_beside_them() {
    let state = tempfile::tempdir().unwrap();
    let store = StreamStore::at(state.path());
    store.prove_writable().unwrap();
    store.save(&stream(7, "soc")).unwrap();
    store.save(&stream(7, "soc 2")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state.path().join("streams")), 0o700);
    let files: Vec<_> = fs::read_dir(state.path().join("streams")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files, [store.path(CONSOLE, 7)]);
    assert_eq!(mode(&files[0]), 0o600);
    assert_eq!(store.find(CONSOLE, &NameOrId::Id(7)).unwrap().unwrap().name, "soc 2");
}

#[test]
fn a_file_that_others_can_read_is_not_used_and_hides_no_other() {
    let state = tempfile::tempdir().unwrap();
    let store = StreamStore::at(state.path());
    store.save(&stream(7, "soc")).unwrap();
    store.save(&stream(8, "lab")).unwrap();
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(store.path(CONSOLE, 7), fs::Permissions::from_mode(mode)).unwrap();
        for wanted in [NameOrId::Id(7), name("soc")] {
            let error = store.find(CONSOLE, &wanted).unwrap_err();
            assert!(matches!(error, StoreError::Exposed { .. }), "{error:?}");
        }
        assert!(store.keeps(CONSOLE, 7).is_err());
        assert_eq!(store.find(CONSOLE, &name("lab")).unwrap().unwrap().id, 8);
    }
}

#[test]
fn a_damaged_file_is_an_error_where_it_may_be_the_one_and_quotes_nothing() {
    let state = tempfile::tempdir().unwrap();
    let store = StreamStore::at(state.path());
    store.save(&stream(7, "soc")).unwrap();
    store.save(&stream(8, "lab")).unwrap();
    let path = store.path(CONSOLE, 7);
    let whole = fs::read_to_string(&path).unwrap();
    for damaged in [
        String::new(),
        whole.chars().take(whole.len() / 2).collect(),
        whole.replace("credentials/1", "credentials/2"),
        whole.replace("443", &format!("\"{PASSWORD}\"")),
        whole.replace(PASSWORD, ""),
    ] {
        fs::write(&path, &damaged).unwrap();
        assert!(store.find(CONSOLE, &name("soc")).is_err(), "{damaged}");
        let error = store.find(CONSOLE, &NameOrId::Id(7)).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(!format!("{error} {error:?} {:?}", error.hint()).contains(PASSWORD));
        assert_eq!(store.find(CONSOLE, &name("lab")).unwrap().unwrap().id, 8);
    }
}

#[test]
fn two_of_one_name_are_told_by_their_numbers_and_none_is_taken() {
    let state = tempfile::tempdir().unwrap();
    let store = StreamStore::at(state.path());
    store.save(&stream(11, "soc")).unwrap();
    store.save(&stream(7, "soc")).unwrap();
    let error = store.find(CONSOLE, &name("soc")).unwrap_err();
    assert!(matches!(&error, StoreError::Ambiguous { ids, .. } if ids == &[7, 11]), "{error:?}");
    assert_eq!(store.find(CONSOLE, &NameOrId::Id(11)).unwrap().unwrap().id, 11);
}

#[test]
fn nothing_shows_a_password() {
    let stream = stream(7, "soc");
    assert!(!format!("{stream:?}").contains(PASSWORD));
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_and_after() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("streams"), "a file").unwrap();
    let store = StreamStore::at(state.path());
    assert!(matches!(store.prove_writable(), Err(StoreError::Io { .. })));
    assert!(matches!(store.save(&stream(7, "soc")), Err(StoreError::Io { .. })));
}

#[test]
fn digits_are_a_number_and_everything_else_a_name() {
    assert_eq!(NameOrId::parse("2146"), NameOrId::Id(2146));
    for text in ["", "soc", "007", "+7", "-7", "7a", "99999999999999999999999"] {
        assert_eq!(NameOrId::parse(text), name(text));
    }
}

#[test]
fn the_streams_of_another_client_are_not_used() {
    let state = tempfile::tempdir().unwrap();
    let store = |client: &str| StreamStore::at(state.path()).of(Some(account(client)));
    StreamStore::at(state.path()).save(&stream(6, "old")).unwrap();
    store("one").save(&stream(7, "soc")).unwrap();
    let file = fs::read_to_string(store("one").path(CONSOLE, 7)).unwrap();
    assert!(!file.contains("one"), "{file}");
    assert_eq!(store("one").find(CONSOLE, &name("soc")).unwrap().unwrap().id, 7);
    for wanted in [NameOrId::Id(7), name("soc")] {
        let error = store("two").find(CONSOLE, &wanted).unwrap_err();
        assert!(matches!(error, StoreError::Elsewhere { .. }), "{error}");
    }
    let ids = |client| store(client).all(CONSOLE).unwrap().iter().map(|stream| stream.id).collect::<Vec<_>>();
    assert_eq!((ids("one"), ids("two")), (vec![6, 7], vec![6]), "one that does not say whose it is is anybody's");
    store("two").save(&stream(8, "soc")).unwrap();
    assert_eq!(store("two").find(CONSOLE, &name("soc")).unwrap().unwrap().id, 8);
    assert_eq!(store("one").find(CONSOLE, &name("soc")).unwrap().unwrap().id, 7);
}

#[test]
fn no_password_is_written_over() {
    let state = tempfile::tempdir().unwrap();
    let store = StreamStore::at(state.path());
    assert_eq!(store.put_aside(CONSOLE, 7).unwrap(), None);
    for round in 1..=2 {
        store.save(&stream(7, &format!("soc {round}"))).unwrap();
        let aside = store.put_aside(CONSOLE, 7).unwrap().unwrap();
        assert!(fs::read_to_string(&aside).unwrap().contains(&format!("soc {round}")), "{aside:?}");
        assert_eq!(fs::metadata(&aside).unwrap().permissions().mode() & 0o077, 0);
    }
    assert!(store.find(CONSOLE, &NameOrId::Id(7)).unwrap().is_none());
    assert_eq!(fs::read_dir(state.path().join("streams")).unwrap().count(), 2);
}
