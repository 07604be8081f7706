//! ZIP archives, as far as a handful of small files needs them: written by us, or looked into before they are sent.
//!
//! The format is forty lines where nothing is encrypted, split or larger than four gigabytes, and a crate for it brings
//! the rest along. What is written has no clock and no user in it: the same files always give the same bytes.

use std::{
    collections::HashSet,
    io::{self, Write as _},
};

use flate2::{Compression, Crc, write::DeflateEncoder};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// The length of the end's record, without a comment.
const END_LENGTH: usize = 22;

/// The longest comment.
const COMMENT: usize = 0xffff;

/// 1 January 1980, the first day that an archive knows.
const DATE: u16 = 0x0021;

/// The bit that says that names are UTF-8.
const UTF8: u16 = 0x0800;

/// Why a text is no archive that can be sent.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is none.
    #[error("it is no ZIP archive, or a damaged one")]
    NotAnArchive,
    /// It is in parts, or larger than is ever looked into.
    #[error("it is a ZIP archive of a kind that is not sent: in parts, or with records of 64 bits")]
    Unusual,
    /// It needs a password.
    #[error("`{0}` in it needs a password")]
    Encrypted(String),
    /// It has an entry that would be unpacked elsewhere.
    #[error("`{0}` in it would be unpacked outside of its folder")]
    Escapes(String),
    /// It has two entries of one name.
    #[error("`{0}` is in it twice")]
    Twice(String),
    /// It could not be written.
    #[error("it cannot be written")]
    Write(#[from] io::Error),
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Its length when it is unpacked, as the archive says.
    pub(super) length: u64,
}

/// Packs files, in their order.
pub(super) fn pack(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, ArchiveError> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let mut crc = Crc::new();
        crc.update(content);
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(content)?;
        let packed = packed.finish()?;
        let offset = length32(archive.len())?;
        let mut record = Vec::new();
        for number in [20, UTF8, 8, 0, DATE] {
            record.extend_from_slice(&u16::to_le_bytes(number));
        }
        for number in [crc.sum(), length32(packed.len())?, length32(content.len())?] {
            record.extend_from_slice(&number.to_le_bytes());
        }
        record.extend_from_slice(&length16(name.len())?.to_le_bytes());
        record.extend_from_slice(&[0, 0]);
        archive.extend_from_slice(&LOCAL.to_le_bytes());
        archive.extend_from_slice(&record);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(&packed);
        directory.extend_from_slice(&CENTRAL.to_le_bytes());
        directory.extend_from_slice(&20_u16.to_le_bytes());
        directory.extend_from_slice(&record);
        // Comment, disk, attributes of both kinds.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (offset, count) = (length32(archive.len())?, length16(files.len())?);
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(&END.to_le_bytes());
    archive.extend_from_slice(&[0; 4]);
    archive.extend_from_slice(&count.to_le_bytes());
    archive.extend_from_slice(&count.to_le_bytes());
    archive.extend_from_slice(&length32(directory.len())?.to_le_bytes());
    archive.extend_from_slice(&offset.to_le_bytes());
    archive.extend_from_slice(&[0, 0]);
    Ok(archive)
}

fn length32(length: usize) -> Result<u32, ArchiveError> {
    u32::try_from(length).map_err(|_| ArchiveError::Unusual)
}

fn length16(length: usize) -> Result<u16, ArchiveError> {
    u16::try_from(length).map_err(|_| ArchiveError::Unusual)
}

/// Looks into an archive: its files, without its folders.
pub(super) fn entries(archive: &[u8]) -> Result<Vec<Entry>, ArchiveError> {
    let bad = || ArchiveError::NotAnArchive;
    let last = archive.len().checked_sub(END_LENGTH).ok_or_else(bad)?;
    let end =
        (last.saturating_sub(COMMENT)..=last).rev().find(|at| number32(archive, *at) == Some(END)).ok_or_else(bad)?;
    let count = number16(archive, end + 10).ok_or_else(bad)?;
    let parts = number16(archive, end + 4).ok_or_else(bad)?;
    let mut at = number32(archive, end + 16).ok_or_else(bad)? as usize;
    if count == u16::MAX || parts != 0 || at == u32::MAX as usize {
        return Err(ArchiveError::Unusual);
    }
    let mut files = Vec::new();
    let mut names = HashSet::new();
    for _ in 0..count {
        if number32(archive, at) != Some(CENTRAL) {
            return Err(bad());
        }
        let field16 = |offset: usize| number16(archive, at + offset).map(usize::from).ok_or_else(bad);
        let field32 = |offset: usize| number32(archive, at + offset).ok_or_else(bad);
        let (flags, length) = (field16(8)?, field32(24)?);
        let (name_length, extra, comment) = (field16(28)?, field16(30)?, field16(32)?);
        let begin = field32(42)? as usize;
        let name = archive.get(at + 46..at + 46 + name_length).ok_or_else(bad)?;
        let name = String::from_utf8_lossy(name).into_owned();
        if length == u32::MAX || begin == u32::MAX as usize {
            return Err(ArchiveError::Unusual);
        }
        // What is unpacked is what stands here, under the name that stands here.
        let same_name =
            archive.get(begin + 30..begin + 30 + name_length) == archive.get(at + 46..at + 46 + name_length);
        if number32(archive, begin) != Some(LOCAL) || !same_name {
            return Err(bad());
        }
        if flags & 1 != 0 {
            return Err(ArchiveError::Encrypted(name));
        }
        if escapes(&name) {
            return Err(ArchiveError::Escapes(name));
        }
        if !names.insert(name.to_lowercase()) {
            return Err(ArchiveError::Twice(name));
        }
        if !name.ends_with('/') {
            files.push(Entry { name, length: u64::from(length) });
        }
        at += 46 + name_length + extra + comment;
    }
    Ok(files)
}

/// Whether a name leads out of the folder that it is unpacked into, on any system.
fn escapes(name: &str) -> bool {
    name.is_empty()
        || name.starts_with('/')
        || name.contains(['\\', ':'])
        || name.chars().any(char::is_control)
        || name.split('/').any(|part| part == "..")
}

fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}
