//! Tests of the journal, and what they share.

use std::{
    io::Cursor,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;

use super::{
    chain::Chain,
    error::JournalError,
    folder::StateFolder,
    reader::{Line, Reader},
    record::*,
    resume::Replay,
    verify::{Seal, Verified, verify},
    writer::{Journal, WriterOptions},
};
use crate::domain::{
    failure::{Failure, FailureKind},
    id::RunId,
    outcome::{Counts, Ending, Outcome},
};

mod damage;
mod folder;
pub(crate) mod memory;
mod resume;
mod writer;

/// A run's name for tests.
fn run_id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

/// A moment, so many milliseconds into the tests' year.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
}

pub(crate) fn header(run: &str, targets: u64) -> Header {
    Header {
        run: run_id(run),
        tool: "edrctl 0.1.0".to_owned(),
        action: "isolate".to_owned(),
        vendor: "cisco".to_owned(),
        console: "https://127.0.0.1:8443".to_owned(),
        consoles: std::collections::BTreeMap::new(),
        profile: None,
        user: "ada".to_owned(),
        host: "jump01".to_owned(),
        pid: 4711,
        comment: Some("a \"quoted\"\nword, and ünïcode".to_owned()),
        ticket: Some("INC-1".to_owned()),
        waits: Some(600),
        simulated: true,
        options: [("unlock_code".to_owned(), serde_json::Value::Bool(true))].into(),
        turn: None,
        targets,
    }
}

fn target(n: u32) -> TargetRecord {
    let id: Arc<str> = format!("{n:08x}-1111-2222-3333-444455556666").into();
    TargetRecord {
        n,
        t: Arc::clone(&id),
        f: Some("guids.txt".into()),
        l: n + 1,
        v: None,
        id: Some(id),
        name: None,
        before: None,
        dup: Box::default(),
        candidates: Box::default(),
        settled: None,
        note: None,
        w: 0,
    }
}

pub(crate) fn plan(count: u32) -> Vec<TargetRecord> {
    (0..count).map(target).collect()
}

fn settlement(outcome: Outcome) -> Settlement {
    Settlement {
        state: Some("isolated".into()),
        attempts: 1,
        finished: Some(at(9)),
        ..Settlement::new(outcome, By::Answer)
    }
}

fn intent(batch: u64, targets: &[u32]) -> Record {
    Record::Intent(Intent { batch, attempt: 1, targets: targets.to_vec() })
}

fn answer(batch: u64, replies: Vec<Reply>) -> Record {
    Record::Answer(Answer { batch, request_id: Some("req-1".into()), took_ms: 50, replies })
}

fn settled(n: u32, outcome: Outcome) -> Record {
    Record::Settled(Settled { n, result: settlement(outcome) })
}

fn accepted(n: u32) -> Reply {
    Reply::Accepted { n, ticket: None, state: Some("pending_start".into()) }
}

fn resumed() -> Record {
    Record::Resumed(Resumed { user: "bob".to_owned(), host: "jump02".to_owned(), pid: 12, waits: None, turn: None })
}

fn end() -> Record {
    let mut counts = Counts::default();
    counts.add_many(Outcome::Confirmed, 3);
    Record::End(End::new(&Ending::Completed, counts, 0))
}

fn throttled() -> Failure {
    Failure::new(FailureKind::Throttled, "too many requests")
}

/// A run of four targets in which every kind of record occurs.
fn whole_run() -> Vec<Record> {
    let mut targets = plan(4);
    targets[3] = TargetRecord {
        id: None,
        candidates: [CandidateRecord {
            id: "a".into(),
            name: Some("web".into()),
            last_seen: None,
            product: None,
            state: None,
            vendor: None,
        }]
        .into(),
        dup: [DuplicateRecord { t: "web".into(), f: None, l: 9 }].into(),
        settled: Some(Box::new(
            Settlement::new(Outcome::Unresolved, By::Plan).because(&Failure::new(FailureKind::Ambiguous, "two hosts")),
        )),
        ..target(3)
    };
    vec![
        Record::Run(Box::new(header("20270115-080000-abcdef", 4))),
        Record::Targets(Targets { list: targets }),
        intent(0, &[0]),
        intent(1, &[1]),
        answer(0, vec![Reply::Settled { n: 0, result: settlement(Outcome::Confirmed) }]),
        answer(1, vec![Reply::again(1, &throttled())]),
        Record::Interrupted(Interrupted { how: How::Drain }),
        Record::End(End::new(&Ending::Interrupted, Counts::default(), 7)),
        resumed(),
        intent(2, &[1, 2]),
        answer(2, vec![accepted(1), Reply::look(2, &throttled())]),
        settled(1, Outcome::Confirmed),
        settled(2, Outcome::Confirmed),
        end(),
    ]
}

/// Writes records as a file, and seals it if the last one is an end.
fn write(records: &[Record]) -> (Vec<u8>, Option<Seal>) {
    let mut chain = Chain::new();
    let mut bytes = Vec::new();
    for (place, record) in records.iter().enumerate() {
        chain.push(at(place as i64), record, &mut bytes).unwrap();
    }
    let ended = matches!(records.last(), Some(Record::End(_)));
    (bytes, ended.then(|| Seal::new(records.len() as u64, &chain)))
}

/// The lines of a file, each with its newline.
fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn check(bytes: &[u8], seal: Option<&Seal>) -> Result<Verified, JournalError> {
    verify(Cursor::new(bytes), Path::new("run.jsonl"), seal.cloned())
}

fn read(bytes: &[u8]) -> Result<Vec<Line>, JournalError> {
    let mut reader = Reader::new(Cursor::new(bytes), Path::new("run.jsonl"), None);
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line()? {
        lines.push(line);
    }
    Ok(lines)
}

/// The line that a journal is damaged in.
fn damaged_line(result: Result<Verified, JournalError>) -> Option<u64> {
    match result {
        Err(JournalError::Damaged { line, .. }) => Some(line),
        _ => None,
    }
}

/// A state folder that is removed with the value.
struct State {
    root: tempfile::TempDir,
    folder: StateFolder,
}

impl State {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(&root.path().join("state")).unwrap();
        Self { root, folder }
    }

    /// Makes a run of so many targets and closes it, as a killed process would, without an end.
    fn begun(&self, run: &str, targets: u32, records: Vec<Record>) -> RunId {
        let journal = self.create(run, targets);
        for record in records {
            journal.append(record).wait().unwrap();
        }
        run_id(run)
    }

    fn create(&self, run: &str, targets: u32) -> Journal {
        Journal::create(&self.folder, header(run, 0), plan(targets), &WriterOptions::default()).unwrap()
    }

    fn resume(&self, run: &RunId) -> Result<(Journal, Replay), JournalError> {
        Journal::resume(&self.folder, run, &WriterOptions::default())
    }
}

/// Waits for a future without a runtime of its own.
fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
