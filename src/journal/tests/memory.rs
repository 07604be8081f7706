//! A disk that a test can fill, stop and break.

use std::{io, panic, sync::mpsc};

use super::*;
use crate::journal::{sink::Sink, writer::Position};

/// A disk in memory: of a certain size, and failing where it is told to.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) synced: usize,
    pub(crate) syncs: usize,
    pub(crate) reserved: u64,
    pub(crate) size: u64,
    pub(crate) failing_write: bool,
    pub(crate) failing_syncs: usize,
    pub(crate) reserves: bool,
    pub(super) seal: Option<Seal>,
}

#[derive(Clone, Debug)]
pub(crate) struct Memory {
    disk: Arc<Mutex<Disk>>,
    /// While somebody holds the other end, every sync waits for a permit.
    pub(crate) permits: Option<Arc<Mutex<mpsc::Receiver<()>>>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let disk = Disk {
            bytes: Vec::new(),
            synced: 0,
            syncs: 0,
            reserved: 0,
            size: u64::MAX,
            failing_write: false,
            failing_syncs: 0,
            reserves: true,
            seal: None,
        };
        Self { disk: Arc::new(Mutex::new(disk)), permits: None }
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        locked(&self.disk)
    }

    /// Makes the disk so large that this much is left of it.
    pub(crate) fn leave(&self, bytes: u64) {
        let mut disk = self.disk();
        disk.size = disk.bytes.len() as u64 + bytes;
    }

    /// A journal whose plan of `targets` is already on this disk.
    pub(crate) fn journal(&self, targets: u32, options: &WriterOptions) -> Journal {
        let mut chain = Chain::new();
        let mut bytes = Vec::new();
        chain.push(at(0), &Record::Run(Box::new(header("r1", u64::from(targets)))), &mut bytes).unwrap();
        chain.push(at(0), &Record::Targets(Targets { list: plan(targets) }), &mut bytes).unwrap();
        let position = Position { chain, lines: 2, length: bytes.len() as u64, ours: 2 };
        {
            let mut disk = self.disk();
            disk.synced = bytes.len();
            disk.reserved = bytes.len() as u64;
            disk.bytes = bytes;
        }
        let crash: fn() -> ! = || panic::resume_unwind(Box::new("crash"));
        Journal::start(run_id("r1"), "r1.jsonl".into(), self.clone(), position, options, crash).unwrap()
    }

    /// What a process that reads the disk after a power cut finds there.
    pub(crate) fn replay(&self) -> Replay {
        let disk = self.disk();
        crate::journal::replay(read(&disk.bytes[..disk.synced]).unwrap()).unwrap()
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        read(&self.disk().bytes).unwrap().into_iter().skip(2).map(|line| line.record).collect()
    }
}

impl Sink for Memory {
    fn reserve(&mut self, _from: u64, to: u64) -> io::Result<()> {
        let mut disk = self.disk();
        if !disk.reserves {
            return Ok(());
        }
        if to > disk.size {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.reserved = disk.reserved.max(to);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let end = (disk.bytes.len() + bytes.len()) as u64;
        if disk.failing_write || end > disk.size.max(disk.reserved) {
            // As a real disk does it: half of the bytes, then the error.
            disk.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Some(permits) = &self.permits {
            // Once nobody gives permits any more, none is needed.
            locked(permits).recv().ok();
        }
        let mut disk = self.disk();
        if disk.failing_syncs > 0 {
            disk.failing_syncs -= 1;
            return Err(io::Error::other("the disk is gone"));
        }
        disk.syncs += 1;
        disk.synced = disk.bytes.len();
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut disk = self.disk();
        disk.bytes.truncate(usize::try_from(length).unwrap());
        disk.synced = disk.synced.min(disk.bytes.len());
        disk.reserved = length;
        Ok(())
    }

    fn seal(&mut self, seal: &Seal) -> io::Result<()> {
        let mut disk = self.disk();
        if disk.failing_write {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.seal = Some(seal.clone());
        Ok(())
    }
}
