//! What a scan can go over, by name and by the vendor's number.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{FilePath, TaskError};

/// One object of a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScanObject {
    enabled: bool,
    path: Box<str>,
    recursive: bool,
    r#type: ScanType,
}

impl ScanObject {
    /// Takes an object; only a folder has a path.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for a folder without a path, and for a path without a folder.
    pub fn new(r#type: ScanType, path: &str, recursive: bool, enabled: bool) -> Result<Self, TaskError> {
        match (r#type, path.is_empty()) {
            (ScanType::Folder, true) => return Err(TaskError::FolderWithoutPath),
            (ScanType::Folder, false) => drop(FilePath::new("path", path)?),
            (_, true) => {}
            (other, false) => return Err(TaskError::PathWithoutFolder(other)),
        }
        Ok(Self { enabled, path: path.into(), recursive, r#type })
    }

    /// Reads an object as it is typed: a name, a number, or the path of a folder.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for anything else.
    pub fn from_word(word: &str) -> Result<Self, TaskError> {
        match ScanType::from_word(word) {
            Ok(r#type) => Self::new(r#type, "", true, true),
            // A name of an object has no sign of a path in it.
            Err(_) if word.contains(['\\', '/', ':']) => Self::new(ScanType::Folder, word, true, true),
            Err(error) => Err(error),
        }
    }

    /// What it is.
    pub const fn scan_type(&self) -> ScanType {
        self.r#type
    }

    /// The folder's path; empty for all others.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is scanned.
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }
}

/// What can be scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScanType {
    /// The system's memory.
    SystemMemory,
    /// What starts with the system, and what runs.
    StartupObjectsAndRunningProcesses,
    /// Boot sectors.
    DiskBootSectors,
    /// The system's backup storage.
    SystemBackupStorage,
    /// Mail.
    Email,
    /// A folder.
    Folder,
    /// All removable drives.
    AllRemovableDrives,
    /// All network drives.
    AllNetworkDrives,
    /// All fixed drives.
    AllFixedDrives,
}

impl ScanType {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SystemMemory,
        Self::StartupObjectsAndRunningProcesses,
        Self::DiskBootSectors,
        Self::SystemBackupStorage,
        Self::Email,
        Self::Folder,
        Self::AllRemovableDrives,
        Self::AllNetworkDrives,
        Self::AllFixedDrives,
    ];

    /// The vendor's number for it.
    pub const fn number(self) -> i64 {
        match self {
            Self::SystemMemory => 14,
            Self::StartupObjectsAndRunningProcesses => 15,
            Self::DiskBootSectors => 16,
            Self::SystemBackupStorage => 17,
            Self::Email => 18,
            Self::Folder => 22,
            Self::AllRemovableDrives => 23,
            Self::AllNetworkDrives => 24,
            Self::AllFixedDrives => 25,
        }
    }

    /// The word for it, as it is typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SystemMemory => "system-memory",
            Self::StartupObjectsAndRunningProcesses => "startup-objects-and-running-processes",
            Self::DiskBootSectors => "disk-boot-sectors",
            Self::SystemBackupStorage => "system-backup-storage",
            Self::Email => "email",
            Self::Folder => "folder",
            Self::AllRemovableDrives => "all-removable-drives",
            Self::AllNetworkDrives => "all-network-drives",
            Self::AllFixedDrives => "all-fixed-drives",
        }
    }

    /// Reads the number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Reads the word, the vendor's `SystemMemory`, or the number.
    ///
    /// # Errors
    ///
    /// [`TaskError`] with the word that was probably meant.
    pub fn from_word(word: &str) -> Result<Self, TaskError> {
        let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
        let by_number = || word.parse().ok().and_then(Self::from_number);
        Self::ALL
            .into_iter()
            .find(|kind| plain(kind.word()) == plain(word))
            .or_else(by_number)
            .ok_or_else(|| TaskError::unknown_object(word, &Self::ALL.map(Self::word)))
    }
}

impl fmt::Display for ScanType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for ScanType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.number())
    }
}
