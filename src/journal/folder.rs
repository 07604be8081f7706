//! Where runs live, and how one is named.
//!
//! A run is one file, `runs/<RUN>.jsonl` in the state folder. Beside it, once it has ended, lies its seal.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    account::{Account, Witness, account},
    chain,
    error::JournalError,
    reader::{Reader, decode},
    record::{End, Header, Record},
    resume::{Fold, Replay},
    verify::{Seal, Verified, verify},
};
use crate::{clock, domain::id::RunId};

/// What names the newest run.
pub const LATEST: &str = "latest";
const SUFFIX: &str = ".jsonl";
const SEAL: &str = ".seal";

/// A new run's name.
///
/// # Errors
///
/// The system has no random numbers.
pub fn new_run_id() -> Result<RunId, JournalError> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(JournalError::Random)?;
    Ok(RunId::from_parts(clock::now(), random))
}

/// The files of one run.
#[derive(Clone, Debug)]
pub(super) struct RunPaths {
    /// The folder that they are in.
    pub(super) folder: PathBuf,
    /// The journal.
    pub(super) journal: PathBuf,
    /// The journal, before it has its whole plan.
    pub(super) draft: PathBuf,
    /// The seal.
    pub(super) seal: PathBuf,
    /// The seal, before it is whole.
    pub(super) seal_draft: PathBuf,
}

/// The folder that journals are kept in.
#[derive(Clone, Debug)]
pub struct StateFolder {
    runs: PathBuf,
}

impl StateFolder {
    /// Takes a state folder to write to, and makes it, its owner's alone, where it does not exist.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn at(state: &Path) -> Result<Self, JournalError> {
        let folder = Self::reading(state);
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder.runs).map_err(|error| JournalError::io("make the folder", &folder.runs, error))?;
        Ok(folder)
    }

    /// Takes a state folder to read from; one that does not exist has no runs.
    pub fn reading(state: &Path) -> Self {
        Self { runs: state.join("runs") }
    }

    /// Whether this is the folder that the journals themselves lie in.
    pub fn holds(&self, folder: &Path) -> bool {
        fs::canonicalize(&self.runs).is_ok_and(|runs| fs::canonicalize(folder).is_ok_and(|folder| folder == runs))
    }

    /// The file that a run's journal is in, or would be.
    pub fn path(&self, run: &RunId) -> PathBuf {
        self.paths(run).journal
    }

    /// What whoever begins a run locks.
    pub(super) fn gate_path(&self) -> PathBuf {
        self.runs.join("gate")
    }

    /// Where runs and resumptions are counted.
    pub(super) fn turn_path(&self) -> PathBuf {
        self.runs.join("turn")
    }

    /// Where runs under way say which console they work on.
    pub(super) fn consoles(&self) -> PathBuf {
        self.runs.with_file_name("consoles")
    }

    pub(super) fn paths(&self, run: &RunId) -> RunPaths {
        let file = |suffix: &str| self.runs.join(format!("{run}{suffix}"));
        RunPaths {
            folder: self.runs.clone(),
            journal: file(SUFFIX),
            draft: file(".jsonl.tmp"),
            seal: file(SEAL),
            seal_draft: file(".seal.tmp"),
        }
    }

    /// The names of all runs, newest first. No journal is read.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn names(&self) -> Result<Vec<RunId>, JournalError> {
        self.named(SUFFIX)
    }

    fn named(&self, suffix: &str) -> Result<Vec<RunId>, JournalError> {
        let failed = |error| JournalError::io("read the folder", &self.runs, error);
        let entries = match fs::read_dir(&self.runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let run = name.to_str().and_then(|name| name.strip_suffix(suffix)).map(RunId::parse);
            if let Some(Ok(run)) = run {
                names.push(run);
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        Ok(names)
    }

    /// The runs whose journal is gone while its seal is still there, newest first: somebody has removed what they did.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn lost(&self) -> Result<Vec<RunId>, JournalError> {
        // A run that ends now may have got its seal after the folder was read so far.
        let is_gone = |run: &RunId| !self.path(run).try_exists().unwrap_or(true);
        Ok(self.named(SEAL)?.into_iter().filter(is_gone).collect())
    }

    /// All runs, newest first. Of each journal only the first and the last line are read, so neither the chain nor the
    /// seal is checked. A journal that does not read does not hide the others.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn runs(&self) -> Result<Vec<RunEntry>, JournalError> {
        let names = self.names()?;
        Ok(names.into_iter().map(|run| RunEntry { summary: self.summary(&run), run }).collect())
    }

    /// The run that is meant: `latest`, a name, or what only one name begins with.
    ///
    /// # Errors
    ///
    /// There is no run, none of that name, or several.
    pub fn find(&self, wanted: &str) -> Result<RunId, JournalError> {
        let names = self.names()?;
        if names.is_empty() {
            return Err(JournalError::NoRuns { folder: self.runs.clone() });
        }
        if let Some(exact) = names.iter().find(|run| run.as_str() == wanted) {
            return Ok(exact.clone());
        }
        if wanted == LATEST {
            return self.newest(|_| true)?.ok_or_else(|| JournalError::NoRuns { folder: self.runs.clone() });
        }
        let begins = |run: &&RunId| !wanted.is_empty() && run.as_str().starts_with(wanted);
        let mut matches: Vec<RunId> = names.iter().filter(begins).cloned().collect();
        match matches.pop() {
            Some(only) if matches.is_empty() => Ok(only),
            Some(oldest) => {
                matches.push(oldest);
                Err(JournalError::Ambiguous { wanted: wanted.to_owned(), matches })
            }
            None => Err(JournalError::NoSuchRun { wanted: wanted.to_owned(), folder: self.runs.clone() }),
        }
    }

    /// The newest run that is meant, in the order in which runs began: a clock that was ahead makes no run newer.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn newest(&self, is_meant: impl Fn(&Header) -> bool) -> Result<Option<RunId>, JournalError> {
        // What does not read may be what is meant, and is told of when it is opened.
        let header = |run: &RunId| self.header(run).ok();
        let meant = |header: &Option<Header>| header.as_ref().is_none_or(&is_meant);
        let mut runs = self.names()?.into_iter().map(|run| (header(&run), run)).filter(|(header, _)| meant(header));
        let Some((first, mut newest)) = runs.next() else { return Ok(None) };
        let Some(mut turn) = first.and_then(|header| header.turn) else { return Ok(Some(newest)) };
        if self.last_turn().as_ref() == Some(&turn) {
            return Ok(Some(newest));
        }
        for (header, run) in runs {
            if let Some(other) = header.and_then(|header| header.turn)
                && other.of == turn.of
                && other.n > turn.n
            {
                (turn, newest) = (other, run);
            }
        }
        Ok(Some(newest))
    }

    fn header(&self, run: &RunId) -> Result<Header, JournalError> {
        let path = self.path(run);
        let file = File::open(&path).map_err(|error| JournalError::io("read", &path, error))?;
        match Reader::new(BufReader::new(file), &path, None).next_line()?.map(|line| line.record) {
            Some(Record::Run(header)) => Ok(*header),
            _ => Err(JournalError::damaged(&path, 1, "does not say what the run is")),
        }
    }

    /// Whether a process works on the run now.
    ///
    /// # Errors
    ///
    /// The journal cannot be opened, or its file system knows no locks.
    pub fn is_live(&self, run: &RunId) -> Result<bool, JournalError> {
        let path = self.path(run);
        let file = File::open(&path).map_err(|error| JournalError::io("open", &path, error))?;
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(JournalError::io("lock", &path, error)),
        }
    }

    /// Reads a run whole, and checks it. Another process may be writing it.
    ///
    /// # Errors
    ///
    /// The journal cannot be read or trusted.
    pub fn replay(&self, run: &RunId) -> Result<Replay, JournalError> {
        let (file, path, seal) = self.open(run)?;
        let mut reader = Reader::new(file, &path, seal);
        read_whole(&mut reader, &path)
    }

    /// Checks a run: every line of its journal, and that none is missing.
    ///
    /// # Errors
    ///
    /// The journal cannot be read or trusted; the error names the first line that is wrong.
    pub fn verify(&self, run: &RunId) -> Result<Verified, JournalError> {
        let (file, path, seal) = self.open(run)?;
        verify(file, &path, seal)
    }

    /// Reads a run whole, checks it, and tells a witness what happened on the way. Another process may be writing it.
    ///
    /// # Errors
    ///
    /// The journal cannot be read or trusted.
    pub fn account(&self, run: &RunId, witness: &mut dyn Witness) -> Result<Account, JournalError> {
        let (file, path, seal) = self.open(run)?;
        account(file, &path, seal, witness)
    }

    /// The seal is read first: a run under way writes its journal before its seal.
    fn open(&self, run: &RunId) -> Result<(BufReader<File>, PathBuf, Option<Seal>), JournalError> {
        let paths = self.paths(run);
        let seal = Seal::read(&paths.seal)?;
        let file = File::open(&paths.journal).map_err(|error| JournalError::io("open", &paths.journal, error))?;
        Ok((BufReader::with_capacity(1 << 18, file), paths.journal, seal))
    }

    fn summary(&self, run: &RunId) -> Result<RunSummary, JournalError> {
        let path = self.path(run);
        let failed = |error| JournalError::io("read", &path, error);
        let damaged = |line, what: &str| JournalError::damaged(&path, line, what);
        let mut file = File::open(&path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let mut reader = Reader::new(BufReader::new(&mut file), &path, None);
        let first = reader.next_line()?.ok_or_else(|| damaged(1, "is missing"))?;
        let Record::Run(header) = first.record else {
            return Err(damaged(1, "does not say what the run is"));
        };
        let (last, torn) = last_line(&mut file, bytes).map_err(failed)?;
        chain::check_alone(&last).map_err(|what| JournalError::damaged(&path, 0, what))?;
        let (last_at, record) = decode(&last).map_err(|what| JournalError::damaged(&path, 0, what))?;
        let end = if let Record::End(end) = record { Some(end) } else { None };
        Ok(RunSummary { header: *header, started: first.at, last_at, end, torn, bytes })
    }
}

/// Folds a whole journal. Afterwards the reader stands at its end.
pub(super) fn read_whole(reader: &mut Reader<impl BufRead>, path: &Path) -> Result<Replay, JournalError> {
    let mut fold = Fold::default();
    while let Some(line) = reader.next_line()? {
        let number = line.number;
        fold.take(line).map_err(|what| JournalError::damaged(path, number, what))?;
    }
    fold.finish().map_err(|what| JournalError::damaged(path, reader.lines(), what))
}

/// The last whole line, without its newline, and whether half a line follows it.
fn last_line(file: &mut File, length: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut window = 8 * 1024;
    loop {
        let from = length.saturating_sub(window);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(length - from).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        let torn = end.is_none_or(|end| end + 1 < bytes.len());
        let before = end.and_then(|end| bytes.get(..end)).unwrap_or_default();
        let start = before.iter().rposition(|byte| *byte == b'\n').map(|newline| newline + 1);
        if start.is_some() || from == 0 {
            return Ok((before.get(start.unwrap_or(0)..).unwrap_or_default().to_vec(), torn));
        }
        window *= 4;
    }
}

/// One run in a list.
#[derive(Debug)]
pub struct RunEntry {
    /// Its name.
    pub run: RunId,
    /// What its journal says, if it reads.
    pub summary: Result<RunSummary, JournalError>,
}

/// What the first and the last line of a journal say.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// What the run is.
    pub header: Header,
    /// When it began.
    pub started: Timestamp,
    /// When its last line was written down.
    pub last_at: Timestamp,
    /// How it ended; none if it is under way or was killed.
    pub end: Option<End>,
    /// Whether half a line stands at its end.
    pub torn: bool,
    /// How large it is.
    pub bytes: u64,
}
