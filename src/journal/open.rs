//! Creates a run's journal with its whole plan, or locks and checks one to go on with it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufReader},
    path::Path,
};

use super::{
    chain::Chain,
    error::JournalError,
    folder::{RunPaths, StateFolder, read_whole},
    reader::{self, Reader},
    record::{Header, Record, TargetRecord, Targets},
    resume::Replay,
    sink::{FileSink, Sink, private, size_limit, sync_folder},
    verify::Seal,
    writer::{Journal, Position, WriterOptions},
};
use crate::{clock, domain::id::RunId};

/// How many targets one line of the plan has.
const TARGETS_A_LINE: usize = 500;
/// The plan is written in pieces of about this many bytes.
const PIECE: usize = 1 << 20;

impl Journal {
    /// Creates the journal of a new run and locks it. The file appears under its name once the whole plan is on disk.
    ///
    /// Blocks; a plan of a million targets takes seconds. Sets the header's count of targets and its turn.
    ///
    /// # Errors
    ///
    /// The file cannot be written; nothing is left of it then. Or the targets are not numbered from 0.
    pub fn create<T>(
        folder: &StateFolder,
        mut header: Header,
        targets: T,
        options: &WriterOptions,
    ) -> Result<Self, JournalError>
    where
        T: IntoIterator<Item = TargetRecord>,
        T::IntoIter: ExactSizeIterator,
    {
        let paths = folder.paths(&header.run);
        let run = header.run.clone();
        let targets = targets.into_iter();
        header.targets = targets.len() as u64;
        header.turn = Some(folder.take_turn()?);
        let file = draft(&paths, &run)?;
        let mut plan = Plan {
            sink: FileSink::new(file, paths.clone(), 0, size_limit()),
            path: &paths.draft,
            position: Position { chain: Chain::new(), lines: 0, length: 0, ours: 0 },
            lines_in_all: 1 + targets.len().div_ceil(TARGETS_A_LINE) as u64,
            buffer: Vec::with_capacity(PIECE + PIECE / 4),
            crash_after: options.crash_after,
        };
        let written = plan.write(header, targets).and_then(|()| {
            fs::rename(&paths.draft, &paths.journal)
                .and_then(|()| sync_folder(&paths.folder))
                .map_err(|error| JournalError::io("write", &paths.journal, error))
        });
        if let Err(error) = written {
            for path in [&paths.draft, &paths.journal] {
                fs::remove_file(path).or_else(gone).map_err(|error| JournalError::io("remove", path, error))?;
            }
            return Err(error);
        }
        if options.crash_after == Some(plan.position.ours) {
            std::process::abort();
        }
        let Plan { sink, position, .. } = plan;
        Self::start(run, paths.journal, sink, position, options, std::process::abort)
    }

    /// Locks the journal of an earlier run, checks it whole, cuts off half a line at its end, and stands behind it.
    ///
    /// Blocks; a journal of a million targets takes seconds.
    ///
    /// # Errors
    ///
    /// Another process works on it; or it cannot be read or trusted.
    pub fn resume(folder: &StateFolder, run: &RunId, options: &WriterOptions) -> Result<(Self, Replay), JournalError> {
        let paths = folder.paths(run);
        let path = &paths.journal;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(path)
            .map_err(|error| JournalError::io("open", path, error))?;
        lock(&file, run, path)?;
        let mut input = Reader::new(BufReader::with_capacity(1 << 18, &file), path, Seal::read(&paths.seal)?);
        let replay = read_whole(&mut input, path)?;
        let position = Position { chain: input.chain().clone(), lines: input.lines(), length: input.length(), ours: 0 };
        let torn = input.torn();
        drop(input);
        let mut sink = FileSink::new(file, paths.clone(), position.length, size_limit());
        if torn {
            sink.truncate(position.length)
                .and_then(|()| sink.sync())
                .map_err(|error| JournalError::io("cut half a line off", path, error))?;
        }
        let journal = Self::start(run.clone(), paths.journal, sink, position, options, std::process::abort)?;
        Ok((journal, replay))
    }
}

/// Makes the file that a plan is written to, and locks it. The lock goes with the file when it gets its name.
fn draft(paths: &RunPaths, run: &RunId) -> Result<File, JournalError> {
    let failed = |error| JournalError::io("create", &paths.draft, error);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    private(&mut options);
    let file = match options.open(&paths.draft) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A process that was killed while it wrote down its plan holds no lock any more. One that lives does.
            let left = File::open(&paths.draft).map_err(failed)?;
            if left.try_lock().is_err() {
                return Err(JournalError::Exists { run: run.clone() });
            }
            fs::remove_file(&paths.draft).map_err(failed)?;
            options.open(&paths.draft).map_err(failed)?
        }
        opened => opened.map_err(failed)?,
    };
    lock(&file, run, &paths.draft)?;
    // Asked while the draft is ours: whoever had it before has by now given it its name.
    if paths.journal.try_exists().map_err(failed)? {
        fs::remove_file(&paths.draft).map_err(failed)?;
        return Err(JournalError::Exists { run: run.clone() });
    }
    Ok(file)
}

fn lock(file: &File, run: &RunId, path: &Path) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let holder = reader::holder(BufReader::new(file)).map_err(|error| JournalError::io("read", path, error))?;
            Err(JournalError::Locked { run: run.clone(), holder })
        }
        Err(TryLockError::Error(error)) => Err(JournalError::io("lock", path, error)),
    }
}

fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// A plan on its way to the disk.
struct Plan<'a> {
    sink: FileSink,
    path: &'a Path,
    position: Position,
    lines_in_all: u64,
    buffer: Vec<u8>,
    crash_after: Option<u64>,
}

impl Plan<'_> {
    fn write(&mut self, header: Header, targets: impl Iterator<Item = TargetRecord>) -> Result<(), JournalError> {
        self.line(&Record::Run(Box::new(header)))?;
        let mut list = Vec::with_capacity(TARGETS_A_LINE);
        for (place, target) in targets.enumerate() {
            if usize::try_from(target.n).ok() != Some(place) {
                return Err(JournalError::Numbering { expected: place as u64, found: u64::from(target.n) });
            }
            list.push(target);
            if list.len() == TARGETS_A_LINE {
                let full = std::mem::replace(&mut list, Vec::with_capacity(TARGETS_A_LINE));
                self.line(&Record::Targets(Targets { list: full }))?;
            }
        }
        if !list.is_empty() {
            self.line(&Record::Targets(Targets { list }))?;
        }
        self.flush()?;
        self.sink.sync().map_err(|error| JournalError::io("write", self.path, error))
    }

    fn line(&mut self, record: &Record) -> Result<(), JournalError> {
        self.position.chain.push(clock::now(), record, &mut self.buffer).map_err(JournalError::Encode)?;
        self.position.lines += 1;
        self.position.ours += 1;
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        if self.crash_after == Some(self.position.ours) && self.position.ours < self.lines_in_all {
            self.flush()?;
            self.sink.sync().map_err(|error| JournalError::io("write", self.path, error))?;
            std::process::abort();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        self.sink.write(&self.buffer).map_err(|error| JournalError::io("write", self.path, error))?;
        self.position.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
