//! The nine tasks: the bytes that are sent, what is refused, and what people are told.

use std::{fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::prelude::*;

use super::*;

const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn read(json: &str) -> Result<Task, TaskError> {
    Task::from_json(json, &IocLimits::default())
}

fn told(json: &str) -> String {
    let mut error: &dyn std::error::Error = &read(json).unwrap_err();
    let mut told = error.to_string();
    while let Some(source) = error.source() {
        error = source;
        told.push_str(&format!(": {error}"));
    }
    told
}

fn ioc(files: &[(&str, &str)]) -> Result<IocFiles, IocError> {
    let files = files.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())).collect();
    IocFiles::from_contents(files, &IocLimits::default())
}

/// Every task of the vendor's page with its body for no host yet.
fn all() -> Vec<String> {
    let packed = ioc(&[("a.ioc", "<ioc/>")]).unwrap();
    let task = |name: &str, params: &str| {
        format!(
            r#"{{"task":"{name}","targetHost":"","params":{params},"responseEventIncident":true,"responseEventIncidentArea":"edrctl"}}"#
        )
    };
    vec![
        task("getFile", &format!(r#"{{"md5hash":"{MD5}","sha256hash":"","path":"C:\\a.exe"}}"#)),
        task("deleteFile", r#"{"md5hash":"","sha256hash":"","path":"C:\\Temp\\a.exe"}"#),
        task("deleteFile", r#"{"md5hash":"","sha256hash":"","path":"C:\\Temp\\ä.exe","searchInSubfolders":false}"#),
        task("quarantineFile", &format!(r#"{{"md5hash":"{MD5}","sha256hash":"{SHA256}","path":"C:\\a.exe"}}"#)),
        task(
            "iocScan",
            &format!(
                r#"{{"ioc":"{}","isolateHost":false,"scanCriticalAreas":true,"quarantineObject":true}}"#,
                packed.encoded()
            ),
        ),
        task("startProcess", r#"{"executablePath":"C:\\Windows\\System32\\cmd.exe","arguments":"/c whoami"}"#),
        task("startProcess", r#"{"executablePath":"C:\\a.exe","workingFolder":"C:\\Temp"}"#),
        task(
            "terminateProcess",
            &format!(
                r#"{{"md5hash":"","sha256hash":"{SHA256}","path":"C:\\Users\\Public\\x.exe","caseSensitive":false}}"#
            ),
        ),
        task("isolateHost", r#"{"action":1}"#),
        task("isolateHost", r#"{"action":0}"#),
        task("preventExecution", &format!(r#"{{"hash":"{MD5}","path":"C:\\x.exe","caseSensitive":false}}"#)),
        task(
            "onDemandScan",
            r#"[{"enabled":true,"path":"","recursive":true,"type":14},{"enabled":true,"path":"C:\\Temp","recursive":true,"type":22}]"#,
        ),
    ]
}

#[test]
fn every_task_is_written_as_it_is_read_key_by_key() {
    for json in all() {
        assert_eq!(read(&json).unwrap().body("", &Area::default()), json);
    }
    let kinds: std::collections::BTreeSet<_> = all().iter().map(|json| read(json).unwrap().kind()).collect();
    assert_eq!(kinds.len(), TaskKind::ALL.len());
}

#[test]
fn a_task_needs_no_envelope_and_is_nobodys() {
    let task = read(r#"{"task": "isolateHost", "params": {"action": 1}}"#).unwrap();
    assert_eq!(task, Task::IsolateHost { on: true });
    let body = task.body("5593-x", &Area::new("edrctl-7f3a").unwrap());
    assert!(body.contains(r#""targetHost":"5593-x""#) && body.contains(r#""responseEventIncidentArea":"edrctl-7f3a""#));
    assert!(matches!(read(&body), Err(TaskError::NamesAHost)), "whose it is the files say");
    assert_eq!(read(&task.body("", &Area::default())).unwrap(), task);
}

#[test]
fn both_words_name_a_task() {
    for kind in TaskKind::ALL {
        assert_eq!(TaskKind::from_word(kind.word()).unwrap(), kind);
        assert_eq!(TaskKind::from_word(kind.kebab()).unwrap(), kind);
    }
    let told = |word| TaskKind::from_word(word).unwrap_err().to_string();
    assert_eq!(
        told("killProcess"),
        "there is no task `killProcess`; there is `getFile`, `deleteFile`, `quarantineFile`, `iocScan`, `startProcess`, `terminateProcess`, `isolateHost`, `preventExecution`, `onDemandScan`"
    );
    assert_eq!(told("isolateHosts"), "there is no task `isolateHosts`; did you mean `isolateHost`?");
    assert_eq!(told("ISOLATE_HOST"), "there is no task `ISOLATE_HOST`; did you mean `isolateHost`?");
}

#[test]
fn whatever_the_rules_refuse_is_told_with_its_place() {
    for (json, words) in [
        ("x", "the task is no JSON: expected value at line 1 column 1"),
        ("[]", "a task is an object: {\"task\": \"isolateHost\", \"params\": {\"action\": 1}}"),
        ("{}", "`the task` needs `task`: one of the nine tasks"),
        (r#"{"task":"isolateHost"}"#, "`the task` needs `params`: an object"),
        (
            r#"{"task":"isolateHost","params":{"action":1},"target":"H"}"#,
            "`the task` has no key `target`; there is `task`, `params`, `targetHost`, `responseEventIncident`, \
             `responseEventIncidentArea`",
        ),
        (
            r#"{"task":"isolateHost","params":{"action":"1"}}"#,
            "`action` of `params of isolateHost` must be 1 to isolate or 0 to release, without quotes",
        ),
        (
            r#"{"task":"getFile","params":{"md5":"","path":"C:\\a"}}"#,
            "`params of getFile` has no key `md5`; there is `md5hash`, `sha256hash`, `path`",
        ),
        (
            r#"{"task":"deleteFile","params":{"path":"C:\\a","searchInSubFolder":true}}"#,
            "`params of deleteFile` has no key `searchInSubFolder`; did you mean `searchInSubfolders`?",
        ),
        (
            r#"{"task":"getFile","params":{"path":" "}}"#,
            "`path` is empty; a path is asked for, as in `C:\\Temp\\a.exe`",
        ),
        (
            r#"{"task":"deleteFile","params":{"path":"C:\\*.exe"}}"#,
            "`path` holds '*', which is in no path of a file; masks are not documented to be understood",
        ),
        (
            r#"{"task":"getFile","params":{"path":"C:\\a","md5hash":"abc"}}"#,
            "`md5hash` must have 32 hexadecimal digits; this has 3 characters",
        ),
        (
            r#"{"task":"terminateProcess","params":{"path":"C:\\a"}}"#,
            "`params of terminateProcess` needs `caseSensitive`: `true` or `false`, without quotes",
        ),
        (
            r#"{"task":"preventExecution","params":{"hash":"","path":"C:\\a","caseSensitive":false}}"#,
            "`hash` must have 32 hexadecimal digits; this has 0 characters",
        ),
        (
            r#"{"task":"startProcess","params":{"executablePath":"C:\\a","arguments":"a\nb"}}"#,
            "`arguments` must be one line, without control characters",
        ),
        (r#"{"task":"onDemandScan","params":[]}"#, "a scan needs at least one object to go over"),
        (
            r#"{"task":"onDemandScan","params":[{"enabled":true,"path":"","recursive":true,"type":22}]}"#,
            "the scan of a folder needs its path",
        ),
        (
            r#"{"task":"onDemandScan","params":[{"enabled":true,"path":"C:\\a","recursive":true,"type":14}]}"#,
            "`system-memory` is scanned whole and has no path; a path goes with `folder`",
        ),
        (
            r#"{"task":"iocScan","params":{"ioc":"C:\\a.zip","isolateHost":false,"scanCriticalAreas":false,"quarantineObject":false}}"#,
            "the indicators cannot be used: `ioc` is no base64; it takes a ZIP archive in base64, not a path",
        ),
        (
            r#"{"task":"iocScan","params":{"ioc":"UEsDBA==","isolateHost":false,"scanCriticalAreas":false,"quarantineObject":false}}"#,
            "the indicators cannot be used: the archive cannot be used: it is no ZIP archive, or a damaged one",
        ),
    ] {
        assert_eq!(told(json), words, "{json}");
    }
    assert!(
        told(r#"{"task":"onDemandScan","params":[{"enabled":true,"path":"","recursive":true,"type":19}]}"#)
            .contains("`type` of `params of onDemandScan, object 1` must be one of 14")
    );
}

#[test]
fn what_is_scanned_is_named_by_word_number_or_folder() {
    for kind in ScanType::ALL {
        assert_eq!(ScanType::from_number(kind.number()), Some(kind));
        assert_eq!(ScanType::from_word(kind.word()).unwrap(), kind);
        assert_eq!(ScanType::from_word(&kind.number().to_string()).unwrap(), kind);
    }
    assert_eq!(ScanType::from_word("SystemMemory").unwrap(), ScanType::SystemMemory);
    assert_eq!(ScanObject::from_word("C:\\Temp").unwrap().scan_type(), ScanType::Folder);
    assert_eq!(
        ScanObject::from_word("system-memroy").unwrap_err().to_string(),
        "there is nothing called `system-memroy` to scan; did you mean `system-memory`?"
    );
    assert!(ScanObject::from_word("folder").is_err());
}

#[test]
fn a_word_for_whoever_asks_is_found_again_in_a_name() {
    assert_eq!(Area::new("edrctl-7f3a").unwrap().as_str(), "edrctl-7f3a");
    for bad in ["", "a]b", "ä", "a b", "abcdefghijklmnopqrstuvwxy"] {
        assert!(Area::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn people_are_told_what_they_agree_to() {
    let told = |json: &str| read(json).unwrap().describe();
    for (json, words) in [
        (
            r#"{"task":"startProcess","params":{"executablePath":"C:\\Windows\\System32\\cmd.exe","arguments":"/c whoami"}}"#,
            "runs `C:\\Windows\\System32\\cmd.exe /c whoami` on each host, with the agent's rights",
        ),
        (
            r#"{"task":"deleteFile","params":{"path":"C:\\a.exe","searchInSubfolders":true}}"#,
            "permanently deletes `C:\\a.exe`, whatever is in it, on each host, and searches the folders below for it",
        ),
        (
            r#"{"task":"onDemandScan","params":[{"enabled":true,"path":"","recursive":true,"type":14},{"enabled":true,"path":"C:\\T","recursive":true,"type":22},{"enabled":false,"path":"","recursive":true,"type":18}]}"#,
            "scans system-memory, `C:\\T` on each host",
        ),
    ] {
        assert_eq!(told(json), words);
    }
    let ends = format!(
        r#"{{"task":"terminateProcess","params":{{"path":"C:\\a.exe","md5hash":"{MD5}","caseSensitive":true}}}}"#
    );
    assert_eq!(
        told(&ends),
        format!(
            "ends every process of `C:\\a.exe` (MD5 {MD5}) on each host, without saving its work; capitals in the path count"
        )
    );
    for json in all() {
        let told = told(&json);
        assert!(!told.contains("  ") && !told.ends_with('.') && told.contains("host"), "{told}");
    }
}

#[test]
fn the_same_files_give_the_same_archive_in_any_order() {
    let one = ioc(&[("b.xml", "<b/>"), ("a.ioc", "<a/>")]).unwrap();
    assert_eq!(ioc(&[("a.ioc", "<a/>"), ("b.xml", "<b/>")]).unwrap(), one);
    assert_eq!(one.names(), ["a.ioc", "b.xml"]);
    let archive = BASE64_STANDARD.decode(one.encoded()).unwrap();
    assert_eq!(IocFiles::from_archive(&archive, &IocLimits::default()).unwrap(), one, "ours is taken as it is");
    // The CRC of the first file, and its content after the local header.
    assert_eq!(&archive[..4], b"PK\x03\x04");
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::DeflateDecoder::new(&archive[35..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, "<a/>");
}

#[test]
fn what_a_host_would_refuse_is_not_packed() {
    let limits = IocLimits { file: 10, total: 15, encoded: 4_000 };
    let pack = |files: &[(&str, usize)]| {
        let files = files.iter().map(|(name, length)| ((*name).to_owned(), vec![b'x'; *length])).collect();
        IocFiles::from_contents(files, &limits).map(|files| files.names().len()).map_err(|error| error.to_string())
    };
    assert_eq!(pack(&[("a.ioc", 10), ("b.ioc", 5)]), Ok(2));
    assert_eq!(pack(&[]).unwrap_err(), "there is no file with the ending `.ioc` or `.xml`");
    assert_eq!(pack(&[("a.ioc", 11)]).unwrap_err(), "`a.ioc` has 11 bytes; a host takes files of 10 bytes at the most");
    assert!(pack(&[("a.ioc", 10), ("b.ioc", 10)]).unwrap_err().contains("20 bytes together"));
    assert_eq!(pack(&[("a.ioc", 0)]).unwrap_err(), "`a.ioc` is empty");
    assert!(pack(&[("a.ioc", 1), ("A.IOC", 1)]).unwrap_err().contains("in the archive there can be one"));
    for bad in ["../a.ioc", "/a.ioc", "c:\\a.ioc", "x/../../a.ioc"] {
        assert!(pack(&[(bad, 1)]).is_err(), "{bad}");
    }
    let short = IocLimits { encoded: 10, ..limits };
    let error = IocFiles::from_contents(vec![("a.ioc".to_owned(), vec![b'x'])], &short).unwrap_err();
    assert!(error.to_string().ends_with("at most 10 are sent"), "{error}");
}

#[test]
fn an_archive_of_others_is_looked_into() {
    let limits = IocLimits::default();
    let archive = |name: &str| archive::pack(&[(name.to_owned(), b"<ioc/>".to_vec())]).unwrap();
    let told = |bytes: &[u8]| {
        let error = IocFiles::from_archive(bytes, &limits).unwrap_err();
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    };
    assert!(IocFiles::from_archive(&archive("folder/a.ioc"), &limits).is_ok());
    assert_eq!(told(&archive("../a.ioc")), "`../a.ioc` in it would be unpacked outside of its folder");
    assert!(told(&archive("a.exe")).contains("neither the ending"));
    let twice = archive::pack(&[("a.ioc".to_owned(), vec![1]), ("A.ioc".to_owned(), vec![2])]).unwrap();
    assert_eq!(told(&twice), "`A.ioc` is in it twice");
    let whole = archive("a.ioc");
    let mut locked = whole.clone();
    let central = locked.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    locked[central + 8] |= 1;
    assert_eq!(told(&locked), "`a.ioc` in it needs a password");
    let mut other = whole.clone();
    other[30] = b'b';
    assert!(told(&other).contains("damaged"), "two names of one file");
    for cut in 0..whole.len() {
        assert!(IocFiles::from_archive(&whole[..cut], &limits).is_err(), "{cut}");
    }
}

#[test]
fn files_folders_and_one_archive_are_read() {
    let room = tempfile::tempdir().unwrap();
    let at = |name: &str| room.path().join(name);
    fs::create_dir(at("iocs")).unwrap();
    fs::create_dir(at("iocs/below")).unwrap();
    for (name, content) in [
        ("iocs/b.ioc", "<b/>"),
        ("iocs/A.XML", "<a/>"),
        ("iocs/readme.txt", "x"),
        ("iocs/below/c.ioc", "<c/>"),
        ("d.ioc", "<d/>"),
    ] {
        fs::write(at(name), content).unwrap();
    }
    let read = |names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| at(name)).collect();
        IocFiles::from_paths(&paths, &IocLimits::default())
    };
    let folder = read(&["iocs", "d.ioc"]).unwrap();
    assert_eq!(folder.names(), ["A.XML", "b.ioc", "d.ioc"]);
    fs::write(at("ready.zip"), BASE64_STANDARD.decode(folder.encoded()).unwrap()).unwrap();
    assert_eq!(read(&["ready.zip"]).unwrap(), folder);
    assert!(matches!(read(&["ready.zip", "d.ioc"]), Err(IocError::ArchiveAmongOthers(_))));
    assert!(matches!(read(&["iocs/readme.txt"]), Err(IocError::Ending(_))));
    assert!(matches!(read(&["gone.ioc"]), Err(IocError::Read { .. })));
    assert!(matches!(read(&["d.ioc", "d.ioc"]), Err(IocError::Twice(_))));
}

proptest! {
    #[test]
    fn whatever_is_packed_is_unpacked_the_same(content in proptest::collection::vec(any::<u8>(), 1..2_000)) {
        let archive = archive::pack(&[("a.ioc".to_owned(), content.clone())]).unwrap();
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(&archive[35..]), &mut unpacked).unwrap();
        prop_assert_eq!(&unpacked, &content);
        let mut crc = flate2::Crc::new();
        crc.update(&content);
        prop_assert_eq!(&archive[14..18], &crc.sum().to_le_bytes());
    }

    #[test]
    fn no_bytes_make_the_reader_of_archives_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..300) {
        let mut archive = archive::pack(&[("a.ioc".to_owned(), b"<ioc/>".to_vec())]).unwrap();
        let length = archive.len();
        for (offset, byte) in bytes.iter().take(8).enumerate() {
            archive[(at + offset) % length] = *byte;
        }
        drop(archive::entries(&archive));
        drop(archive::entries(&bytes));
    }

    #[test]
    fn no_path_leaves_its_place(path in "\\PC{1,40}", folder in "\\PC{1,20}") {
        let path = format!("C:\\{path}");
        let Ok(file) = FileTask::new(&path, "", "") else { return Ok(()) };
        let body = Task::DeleteFile { file, in_subfolders: None }.body(&folder, &Area::default());
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(value["params"]["path"].as_str(), Some(path.as_str()));
        prop_assert_eq!(value["targetHost"].as_str(), Some(folder.as_str()));
        prop_assert_eq!(value.as_object().unwrap().len(), 5);
    }
}
