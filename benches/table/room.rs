//! A folder on the disk, an environment of its own, and the targets in it.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use tempfile::TempDir;

/// The program that is measured.
const EDRCTL: &str = env!("CARGO_BIN_EXE_edrctl");

/// The folder goes when this value does.
pub(crate) struct Room(TempDir);

impl Room {
    pub(crate) fn new() -> Result<Self> {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(parent)?;
        Ok(Self(tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, with nothing of this machine's environment but the path to other programs.
    pub(crate) fn edrctl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(EDRCTL);
        command.args(arguments).current_dir(self.path()).env_clear().env("HOME", self.path());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    /// A file that only its owner reads.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.at(name);
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// A file with the ids of the first `count` hosts, one a line.
    pub(crate) fn guids(&self, name: &str, count: u32) -> Result<PathBuf> {
        self.lines(name, None, count)
    }

    /// A fleet of so many hosts, with the same ids.
    pub(crate) fn fleet(&self, count: u32) -> Result<PathBuf> {
        self.lines("fleet.csv", Some("guid"), count)
    }

    fn lines(&self, name: &str, head: Option<&str>, count: u32) -> Result<PathBuf> {
        let path = self.at(name);
        let mut out = BufWriter::new(File::create(&path)?);
        if let Some(head) = head {
            writeln!(out, "{head}")?;
        }
        for n in 0..count {
            // Spread, as ids are, and each one different.
            let a = n.wrapping_mul(0x9e37_79b1);
            let b = n.wrapping_mul(0x85eb_ca6b) >> 16;
            writeln!(out, "{a:08x}-{b:04x}-4{:03x}-9a55-{n:012x}", b & 0xfff)?;
        }
        out.flush()?;
        Ok(path)
    }
}
