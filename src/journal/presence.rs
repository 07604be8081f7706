//! Who else works on a console from here. Runs share what the console grants, and each has to know among how many.
//!
//! A run is a file in `consoles/<digest of the address>` of the state folder, locked for as long as it lasts. The system lets
//! go of the lock whatever ends the run, so a file without one is what a dead run has left.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::PathBuf,
};

use sha2::{Digest, Sha256};

use super::{error::JournalError, folder::StateFolder};
use crate::domain::id::RunId;

const SUFFIX: &str = ".lock";

/// Requests under way where a run does not tell.
const USUAL: u64 = 64;

/// That a run is under way, for as long as this lives.
#[derive(Debug)]
pub struct Presence {
    folder: PathBuf,
    own: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl Presence {
    /// Says that a run works on the console of this address, with so many requests under way at the most.
    ///
    /// # Errors
    ///
    /// The file cannot be made or locked.
    pub fn enter(state: &StateFolder, console: &str, run: &RunId, in_flight: u64) -> Result<Self, JournalError> {
        let folder = folder_of(state, console)?;
        let own = folder.join(format!("{run}-{}{SUFFIX}", std::process::id()));
        let draft = own.with_extension("tmp");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft).map_err(|error| JournalError::io("make", &draft, error))?;
        write!(file, "{in_flight}").map_err(|error| JournalError::io("write", &draft, error))?;
        // Locked before it has its name: whoever sees it under its name without a lock may take it for a dead run's.
        file.lock().map_err(|error| JournalError::io("lock", &draft, error))?;
        fs::rename(&draft, &own).map_err(|error| JournalError::io("name", &own, error))?;
        Ok(Self { folder, own, _file: file })
    }

    /// Takes the right to be the only run that changes this console, if nobody from here has it; it ends with what comes back.
    ///
    /// # Errors
    ///
    /// The file cannot be made or locked.
    pub fn try_alone(state: &StateFolder, console: &str) -> Result<Option<Alone>, JournalError> {
        let folder = folder_of(state, console)?;
        let path = folder.join("alone");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| JournalError::io("make", &path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Alone { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(JournalError::io("lock", &path, error)),
        }
    }

    /// How many other runs work on that console now, and how many requests they may have under way. What dead ones have left
    /// is removed.
    pub fn others(&self) -> (u64, u64) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return (0, 0) };
        let (mut others, mut in_flight) = (0, 0);
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            let is_run = path.to_str().is_some_and(|path| path.ends_with(SUFFIX));
            if !is_run || path == self.own {
                continue;
            }
            let looked = File::open(&path).map(|file| (file.try_lock_shared(), file));
            match looked {
                Ok((Ok(()), _)) => drop(fs::remove_file(&path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok((Err(TryLockError::WouldBlock), file)) => {
                    others += 1;
                    let mut text = String::new();
                    drop(file.take(20).read_to_string(&mut text));
                    in_flight += text.parse().unwrap_or(USUAL);
                }
                // One that cannot be looked at is counted: to be slower does no harm.
                _ => {
                    others += 1;
                    in_flight += USUAL;
                }
            }
        }
        (others, in_flight)
    }
}

/// The right to be the only run that changes a console.
#[derive(Debug)]
pub struct Alone {
    /// Holds the lock.
    _file: File,
}

/// Makes the folder of one console, its owner's alone.
fn folder_of(state: &StateFolder, console: &str) -> Result<PathBuf, JournalError> {
    let digest = Sha256::digest(console.as_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let folder = state.consoles().join(digest);
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder).map_err(|error| JournalError::io("make the folder", &folder, error))?;
    Ok(folder)
}

impl Drop for Presence {
    fn drop(&mut self) {
        // What cannot be removed is taken for what it is: without a lock it is nobody.
        drop(fs::remove_file(&self.own));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n: u8) -> RunId {
        RunId::from_parts(crate::clock::now(), [n; 4])
    }

    #[test]
    fn runs_of_one_console_see_each_other_for_as_long_as_they_last() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path()).unwrap();
        let one = Presence::enter(&state, "https://edr.example", &run(1), 10).unwrap();
        assert_eq!(one.others(), (0, 0));
        let two = Presence::enter(&state, "https://edr.example", &run(2), 20).unwrap();
        let elsewhere = Presence::enter(&state, "https://other.example", &run(3), 30).unwrap();
        assert_eq!((one.others(), two.others(), elsewhere.others()), ((1, 20), (1, 10), (0, 0)));
        drop(two);
        assert_eq!(one.others(), (0, 0));
    }

    #[test]
    fn one_run_alone_keeps_the_next_out_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path()).unwrap();
        let one = Presence::try_alone(&state, "https://fw.example").unwrap();
        assert!(one.is_some());
        assert!(Presence::try_alone(&state, "https://fw.example").unwrap().is_none());
        assert!(Presence::try_alone(&state, "https://other.example").unwrap().is_some());
        drop(one);
        assert!(Presence::try_alone(&state, "https://fw.example").unwrap().is_some());
    }

    #[test]
    fn what_a_dead_run_has_left_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path()).unwrap();
        let one = Presence::enter(&state, "https://edr.example", &run(1), 10).unwrap();
        let left = one.folder.join(format!("dead{SUFFIX}"));
        fs::write(&left, "").unwrap();
        assert_eq!(one.others(), (0, 0));
        assert!(!left.exists());
    }
}
