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

    /// A fleet of so many Apex Central agents, with the same ids.
    pub(crate) fn agents(&self, count: u32) -> Result<PathBuf> {
        let path = self.at("agents.json");
        let mut out = BufWriter::new(File::create(&path)?);
        let mut before = "[";
        for n in 0..count {
            let id = id(n).to_ascii_uppercase();
            let (high, low) = (n / 250 % 250, n % 250);
            writeln!(
                out,
                r#"{before}{{"entity_id":"{id}","product":"SLF_PRODUCT_OFFICESCAN_CE","managing_server_id":"9D40B7E1-22AF-4C0B-8E65-71F3A8C95D02","ad_domain":"corp.example.test","folder_path":"Finance\\Second floor\\Desktops","ip_address_list":"10.20.{high}.{low},fe80::1c2d:3e4f:5a6b:{n:x}%4,2001:db8:1c2d:3e4f:5a6b::{n:x}","mac_address_list":"02-00-5E-10-{high:02X}-{low:02X},02-00-5E-11-{high:02X}-{low:02X}","host_name":"FIN-DESK-{n:06}"}}"#
            )?;
            before = ",";
        }
        writeln!(out, "]")?;
        out.flush()?;
        Ok(path)
    }

    fn lines(&self, name: &str, head: Option<&str>, count: u32) -> Result<PathBuf> {
        let path = self.at(name);
        let mut out = BufWriter::new(File::create(&path)?);
        if let Some(head) = head {
            writeln!(out, "{head}")?;
        }
        for n in 0..count {
            writeln!(out, "{}", id(n))?;
        }
        out.flush()?;
        Ok(path)
    }
}

/// The id of the host with this number: spread, as ids are, and each one different.
fn id(n: u32) -> String {
    let a = n.wrapping_mul(0x9e37_79b1);
    let b = n.wrapping_mul(0x85eb_ca6b) >> 16;
    format!("{a:08x}-{b:04x}-4{:03x}-9a55-{n:012x}", b & 0xfff)
}
