//! The file sink on a real disk, and on one that ends at any of its calls.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::FutureExt as _;
use jiff::Timestamp;
use serde_json::Value;

use super::*;

mod crash;

/// A disk that takes so many more calls, with a clock of its own.
#[derive(Debug)]
pub(super) struct TestDisk {
    /// Calls until it ends; below nothing it has ended.
    pub(super) left: AtomicI64,
    /// How many bytes of the last write still arrive.
    partly: usize,
    /// What the calls behind the end say.
    kind: io::ErrorKind,
    now: Mutex<Timestamp>,
}

impl TestDisk {
    pub(super) fn new(left: i64, partly: usize, kind: io::ErrorKind) -> Arc<Self> {
        let now = Mutex::new(Timestamp::from_second(1_795_317_302).unwrap());
        Arc::new(Self { left: AtomicI64::new(left), partly, kind, now })
    }

    fn lasting() -> Arc<Self> {
        Self::new(i64::MAX, 0, io::ErrorKind::Other)
    }

    fn call(&self) -> io::Result<()> {
        if self.left.fetch_sub(1, Ordering::Relaxed) > 0 { Ok(()) } else { Err(self.kind.into()) }
    }

    pub(super) fn advance(&self, seconds: i64) {
        let mut now = self.now.lock().unwrap();
        *now = Timestamp::from_second(now.as_second() + seconds).unwrap();
    }
}

impl Disk for TestDisk {
    fn open(&self, path: &Path) -> io::Result<File> {
        self.call()?;
        RealDisk.open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let before = self.left.fetch_sub(1, Ordering::Relaxed);
        if before == 0 {
            RealDisk.write(file, &bytes[..self.partly.min(bytes.len())])?;
        }
        if before > 0 { RealDisk.write(file, bytes) } else { Err(self.kind.into()) }
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        self.call()
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        self.call()?;
        file.set_len(length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealDisk.remove(path)
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.call()
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }
}

pub(super) fn event(id: u64) -> ConsoleEvent {
    ConsoleEvent::new(Bytes::from(format!("{{\"id\":{id},\"text\":\"{}\"}}", "x".repeat(id as usize % 40))))
}

pub(super) fn events(ids: impl IntoIterator<Item = u64>) -> Vec<ConsoleEvent> {
    ids.into_iter().map(event).collect()
}

/// Everything in the folder by name, compressed files opened. A plain file beside its compressed form is left out.
pub(super) fn contents(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        if name.ends_with(".gz") {
            MultiGzDecoder::new(File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
        } else if name.ends_with(".zst") {
            zstd::Decoder::new(File::open(&path).unwrap()).unwrap().read_to_string(&mut text).unwrap();
        } else if name.starts_with('.') || name.ends_with(".draft") {
            continue;
        } else {
            File::open(&path).unwrap().read_to_string(&mut text).unwrap();
        }
        found.insert(name, text);
    }
    found
}

/// Every id in the folder, in no order; every line must be whole.
pub(super) fn ids(folder: &Path) -> Vec<u64> {
    let mut ids = Vec::new();
    for (name, text) in contents(folder) {
        assert!(text.is_empty() || text.ends_with('\n'), "{name} ends in a torn line: {text:?}");
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{name}: {line:?}"));
            ids.push(value["id"].as_u64().unwrap());
        }
    }
    ids.sort_unstable();
    ids
}

fn options(folder: &Path) -> FileOptions {
    FileOptions::new(folder.join("events.jsonl"))
}

async fn begun(options: FileOptions, disk: Arc<dyn Disk>, position: Option<&Position>) -> FileSink {
    let mut sink = FileSink::on(options, disk).unwrap();
    sink.begin(position).await.unwrap();
    sink
}

#[tokio::test]
async fn events_are_appended_one_a_line_to_a_file_of_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = FileSink::new(options(folder.path())).unwrap();
    sink.begin(None).await.unwrap();
    sink.keep(&events([1, 2])).await.unwrap();
    sink.keep(&[ConsoleEvent::new(Bytes::from_static(b"{\n\"id\":3}"))]).await.unwrap();
    sink.close().await.unwrap();
    let path = folder.path().join("events.jsonl");
    assert_eq!(ids(folder.path()), [1, 2, 3]);
    assert_eq!(sink.position().unwrap().length, fs::metadata(&path).unwrap().len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_lies_behind_the_position_stays_and_is_not_written_again_when_it_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), None).await;
    sink.keep(&events([1, 2])).await.unwrap();
    let position = sink.position().unwrap();
    sink.keep(&events([3])).await.unwrap();
    drop(sink);
    let sink = begun(options(folder.path()), TestDisk::lasting(), Some(&position)).await;
    assert_eq!(sink.position().as_ref(), Some(&position), "another crash must find the same");
    assert_eq!(ids(folder.path()), [1, 2, 3]);
    drop(sink);
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), Some(&position)).await;
    sink.keep(&events([3, 4])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 2, 3, 4]);
    let length = fs::metadata(folder.path().join("events.jsonl")).unwrap().len();
    assert_eq!(sink.position().unwrap().length, length);
    assert_eq!(sink.take_notes(), Vec::<String>::new(), "all of it was ours");
}

#[tokio::test]
async fn a_file_that_was_put_away_behind_the_position_is_told_from_the_active_one() {
    let folder = tempfile::tempdir().unwrap();
    let options = FileOptions { max_bytes: Some(10), ..options(folder.path()) };
    let mut sink = begun(options.clone(), TestDisk::lasting(), None).await;
    sink.keep(&events([1])).await.unwrap();
    let position = sink.position().unwrap();
    // Longer than the position's length, and of another file.
    sink.keep(&events([39, 40])).await.unwrap();
    assert_ne!(sink.position().unwrap().file, position.file);
    drop(sink);
    let mut sink = begun(options, TestDisk::lasting(), Some(&position)).await;
    assert_eq!(sink.position(), Some(position));
    sink.keep(&events([39, 40])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 39, 40]);
    assert_eq!(contents(folder.path()).len(), 2);
}

#[tokio::test]
async fn a_torn_line_goes_only_if_it_is_the_beginning_of_a_line_that_comes() {
    for (torn, ours) in [("{\"id\":3,\"te", true), ("{\"id\":7,\"te", false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        fs::write(&path, format!("{{\"id\":1}}\n{torn}")).unwrap();
        let mut sink = begun(options(folder.path()), TestDisk::lasting(), None).await;
        sink.keep(&events([3])).await.unwrap();
        let line = String::from_utf8(event(3).body.to_vec()).unwrap();
        let stays = if ours { String::new() } else { format!("{torn}\n") };
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{{\"id\":1}}\n{stays}{line}\n"));
        assert_eq!(sink.take_notes().is_empty(), ours);
    }
}

#[tokio::test]
async fn nothing_of_somebody_else_is_removed_behind_a_position() {
    for format in [Format::Raw, Format::Event] {
        let folder = tempfile::tempdir().unwrap();
        let options = FileOptions { format, ..options(folder.path()) };
        let path = folder.path().join("events.jsonl");
        let mut sink = begun(options.clone(), TestDisk::lasting(), None).await;
        sink.keep(&events([1, 2])).await.unwrap();
        let position = sink.position().unwrap();
        // The batch that was not finished: a body that is no JSON is one of it.
        let mut batch = events([3]);
        batch.push(ConsoleEvent::new(Bytes::from_static(b"no JSON")));
        sink.keep(&batch).await.unwrap();
        drop(sink);
        // Another stream has the file for a while.
        let mut other = begun(options.clone(), TestDisk::lasting(), None).await;
        other.keep(&events([70, 71])).await.unwrap();
        drop(other);
        let before = fs::read_to_string(&path).unwrap();
        let mut sink = begun(options, TestDisk::lasting(), Some(&position)).await;
        batch.extend(events([4]));
        sink.keep(&batch).await.unwrap();
        let after = fs::read_to_string(&path).unwrap();
        let added = after.strip_prefix(&before).expect("something was removed");
        assert_eq!(added.lines().count(), 1, "{added}");
        let notes = sink.take_notes();
        assert!(notes.len() == 1 && notes[0].contains("2 lines stand"), "{notes:?}");
        assert_eq!(sink.position().unwrap().length, after.len() as u64);
    }
}

#[tokio::test]
async fn nothing_of_somebody_else_is_removed_where_they_have_put_the_file_away() {
    let folder = tempfile::tempdir().unwrap();
    let small = FileOptions { max_bytes: Some(10), ..options(folder.path()) };
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), None).await;
    sink.keep(&events([1])).await.unwrap();
    let position = sink.position().unwrap();
    drop(sink);
    let mut other = begun(small, TestDisk::lasting(), Some(&position)).await;
    other.keep(&events([70])).await.unwrap();
    other.keep(&events([71])).await.unwrap();
    drop(other);
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), Some(&position)).await;
    sink.keep(&events([2])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 2, 70, 71]);
}

#[tokio::test]
async fn what_is_taken_back_is_not_cut_once_somebody_has_written_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), None).await;
    sink.keep(&events([1])).await.unwrap();
    let third = events([3]);
    let writer = Arc::clone(&sink.writer);
    let busy = writer.lock().unwrap();
    assert!(sink.keep(&third).now_or_never().is_none());
    drop(busy);
    sink.working.as_mut().unwrap().await.unwrap().unwrap();
    sink.working = Some(tokio::task::spawn_blocking(|| Err(SinkError { text: String::new(), then: Then::Stop })));
    let path = folder.path().join("events.jsonl");
    io::Write::write_all(&mut fs::OpenOptions::new().append(true).open(path).unwrap(), b"{\"id\":70}\n").unwrap();
    sink.keep(&events([3, 4])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 3, 4, 70]);
}

#[tokio::test]
async fn a_position_out_of_an_old_backup_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = FileOptions { max_bytes: Some(10), ..options(folder.path()) };
    let mut sink = begun(options.clone(), TestDisk::lasting(), None).await;
    sink.keep(&events([1])).await.unwrap();
    let old = sink.position().unwrap();
    for id in 2..6 {
        sink.keep(&events([id])).await.unwrap();
    }
    drop(sink);
    begun(options, TestDisk::lasting(), Some(&old)).await;
    assert_eq!(ids(folder.path()), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_file_is_put_away_by_size_and_by_age_under_the_time_it_was_begun() {
    let folder = tempfile::tempdir().unwrap();
    let disk = TestDisk::lasting();
    let options = FileOptions {
        max_bytes: Some(100),
        max_age: Some(Duration::from_secs(3600)),
        compress: Compress::Gzip,
        ..options(folder.path())
    };
    let mut sink = begun(options.clone(), disk.clone(), None).await;
    sink.keep(&events([1])).await.unwrap();
    disk.advance(3599);
    sink.keep(&events([2])).await.unwrap();
    disk.advance(1);
    sink.keep(&events([3])).await.unwrap();
    sink.keep(&events(4..10)).await.unwrap();
    sink.close().await.unwrap();
    let names: Vec<String> = contents(folder.path()).into_keys().collect();
    assert_eq!(names, ["events.20261122T031502Z.jsonl.gz", "events.20261122T041502Z.jsonl.gz", "events.jsonl"]);
    assert_eq!(ids(folder.path()), (1..10).collect::<Vec<_>>());
    // A restart goes on with the age, too.
    let position = sink.position();
    drop(sink);
    let again = TestDisk::lasting();
    again.advance(7201);
    let mut sink = begun(options, again, position.as_ref()).await;
    sink.keep(&events([10])).await.unwrap();
    assert_eq!(contents(folder.path()).len(), 4);
}

#[tokio::test]
async fn the_oldest_finished_files_go_and_the_newest_always_stays() {
    let folder = tempfile::tempdir().unwrap();
    let options = FileOptions { max_bytes: Some(10), keep: Some(0), ..options(folder.path()) };
    let mut sink = begun(options, TestDisk::lasting(), None).await;
    for id in 1..6 {
        sink.keep(&events([id])).await.unwrap();
    }
    sink.close().await.unwrap();
    assert_eq!(ids(folder.path()), [4, 5]);
}

#[tokio::test]
async fn files_of_one_second_sort_as_they_were_put_away_whatever_is_done_with_them() {
    for compress in [Compress::None, Compress::Gzip, Compress::Zstd] {
        let folder = tempfile::tempdir().unwrap();
        let disk = TestDisk::lasting();
        let options = FileOptions { max_bytes: Some(10), compress, ..options(folder.path()) };
        let mut sink = begun(options, disk.clone(), None).await;
        for id in 1..20 {
            if id == 15 {
                disk.advance(1);
            }
            sink.keep(&events([id])).await.unwrap();
        }
        sink.close().await.unwrap();
        // By name: the active file comes behind all digits.
        let texts: String = contents(folder.path()).into_values().collect();
        let ids: Vec<u64> =
            texts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, (1..20).collect::<Vec<_>>(), "{compress:?}");
    }
}

#[tokio::test]
async fn files_that_a_former_version_named_keep_their_place_among_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let name = |middle: &str| folder.path().join(format!("events.{middle}"));
    // In the order in which they were put away, which is not that of the names.
    fs::write(name("20261122T031502Z.jsonl"), "{\"id\":1}\n").unwrap();
    fs::write(name("20261122T031502Z-2.jsonl"), "{\"id\":2}\n").unwrap();
    fs::write(name("20261122T031502Z-10.jsonl"), "{\"id\":3}\n").unwrap();
    let fourth = String::from_utf8(event(4).body.to_vec()).unwrap();
    fs::write(name("jsonl"), format!("{fourth}\n")).unwrap();
    // It was put away behind this, and the former version ended.
    let position = Position { file: "events.20261122T031502Z-10.jsonl".to_owned(), length: 9 };
    let options = FileOptions { max_bytes: Some(10), keep: Some(3), ..options(folder.path()) };
    let mut sink = begun(options, TestDisk::lasting(), Some(&position)).await;
    sink.keep(&events([4])).await.unwrap();
    sink.keep(&events([5])).await.unwrap();
    sink.close().await.unwrap();
    let names: Vec<String> = contents(folder.path()).into_keys().collect();
    let expected = ["20261122T031502Z-10.jsonl", "20261122T031502Z-2.jsonl", "20261122T031502Z0011.jsonl", "jsonl"];
    assert_eq!(names, expected.map(|middle| format!("events.{middle}")));
    assert_eq!(ids(folder.path()), [2, 3, 4, 5]);
}

#[tokio::test]
async fn leftovers_of_compressing_are_tidied_at_the_start() {
    for (compress, end, other) in [(Compress::Gzip, "gz", "zst"), (Compress::Zstd, "zst", "gz")] {
        let folder = tempfile::tempdir().unwrap();
        let name = |middle: &str| folder.path().join(format!("events.{middle}"));
        fs::write(name("20261122T031500Z.jsonl"), "{\"id\":1}\n").unwrap();
        fs::write(name(&format!("20261122T031500Z.jsonl.{end}.draft")), "half").unwrap();
        // A draft of the form that was asked for before.
        fs::write(name(&format!("20261122T031500Z.jsonl.{other}.draft")), "half").unwrap();
        fs::write(name("20261122T031501Z.jsonl"), "{\"id\":2}\n").unwrap();
        let whole = if end == "gz" {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            io::Write::write_all(&mut encoder, b"{\"id\":2}\n").unwrap();
            encoder.finish().unwrap()
        } else {
            zstd::encode_all(&b"{\"id\":2}\n"[..], 1).unwrap()
        };
        fs::write(name(&format!("20261122T031501Z.jsonl.{end}")), whole).unwrap();
        fs::write(name("of-somebody-else.jsonl"), "{\"id\":3}\n").unwrap();
        let options = FileOptions { compress, ..options(folder.path()) };
        let mut sink = begun(options, TestDisk::lasting(), None).await;
        sink.close().await.unwrap();
        let names: Vec<String> = contents(folder.path()).into_keys().collect();
        let [first, second] = ["20261122T031500Z", "20261122T031501Z"].map(|time| format!("{time}.jsonl.{end}"));
        let expected = [first.as_str(), &second, "jsonl", "of-somebody-else.jsonl"];
        assert_eq!(names, expected.map(|middle| format!("events.{middle}")));
        assert_eq!(ids(folder.path()), [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_full_disk_leaves_no_half_line_and_the_batch_is_kept_later() {
    let folder = tempfile::tempdir().unwrap();
    let disk = TestDisk::new(i64::MAX, 7, io::ErrorKind::StorageFull);
    let mut sink = begun(options(folder.path()), disk.clone(), None).await;
    sink.keep(&events([1])).await.unwrap();
    disk.left.store(0, Ordering::Relaxed);
    for _ in 0..2 {
        let error = sink.keep(&events([2, 3])).await.unwrap_err();
        assert_eq!(error.then, Then::Again(None), "{error}");
        assert!(error.text.contains("the disk is full"), "{error}");
    }
    disk.left.store(i64::MAX, Ordering::Relaxed);
    sink.keep(&events([2, 3])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 2, 3]);
}

#[tokio::test]
async fn a_batch_that_nobody_waited_for_is_taken_back_when_it_comes_again() {
    for max_bytes in [None, Some(10)] {
        let folder = tempfile::tempdir().unwrap();
        let options = FileOptions { max_bytes, ..options(folder.path()) };
        let mut sink = begun(options, TestDisk::lasting(), None).await;
        sink.keep(&events([1])).await.unwrap();
        let (third, fourth) = (events([3]), events([3, 4]));
        let writer = Arc::clone(&sink.writer);
        let busy = writer.lock().unwrap();
        assert!(sink.keep(&third).now_or_never().is_none());
        drop(busy);
        sink.keep(&fourth).await.unwrap();
        assert_eq!(ids(folder.path()), [1, 3, 4]);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_logrotate_took_away_is_begun_anew_and_nothing_is_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), None).await;
    sink.keep(&events([1])).await.unwrap();
    let position = sink.position().unwrap();
    fs::rename(&path, folder.path().join("events.jsonl.1")).unwrap();
    sink.keep(&events([2])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 2]);
    // It ends before anybody has written the second position down.
    drop(sink);
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), Some(&position)).await;
    sink.keep(&events([2])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 2]);
    fs::remove_file(&path).unwrap();
    sink.keep(&events([3])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 3]);
    fs::write(&path, "").unwrap();
    sink.keep(&events([4])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 4]);
    // Taken away while nobody looked.
    let position = sink.position().unwrap();
    drop(sink);
    fs::remove_file(&path).unwrap();
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), Some(&position)).await;
    sink.keep(&events([5])).await.unwrap();
    drop(sink);
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), Some(&position)).await;
    sink.keep(&events([5])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 5]);
}

#[tokio::test]
async fn a_stranger_s_half_line_does_not_run_into_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut sink = begun(options(folder.path()), TestDisk::lasting(), None).await;
    sink.keep(&events([1])).await.unwrap();
    let mut stranger = fs::OpenOptions::new().append(true).open(&path).unwrap();
    io::Write::write_all(&mut stranger, b"{\"id\":77}").unwrap();
    sink.keep(&events([2])).await.unwrap();
    assert_eq!(ids(folder.path()), [1, 2, 77]);
}

#[tokio::test]
async fn a_second_stream_a_folder_and_a_missing_folder_are_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let _first = begun(options(folder.path()), TestDisk::lasting(), None).await;
    let missing = FileOptions::new(folder.path().join("none/events.jsonl"));
    let no_file = FileOptions::new(folder.path().to_owned());
    for (options, words) in
        [(options(folder.path()), "another stream"), (missing, "folder is not there"), (no_file, "not a plain file")]
    {
        let error = FileSink::new(options).unwrap().begin(None).await.unwrap_err();
        assert!(error.text.contains(words), "{error}");
        assert_eq!(error.then, Then::Stop);
    }
}
