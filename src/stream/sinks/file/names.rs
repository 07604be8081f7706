//! The names of finished files: `events.20261122T031502Z.jsonl`, and `0001`, `0002` behind the time where it is taken.
//!
//! The time is the one at which the file was begun, so that the file that holds a moment is the last one named before it.
//! Names only grow: a clock that is set back, or stands still in a test, makes the number grow in place of the time.
//!
//! They also sort that way, byte by byte: a digit comes after the dot that is in its place without a number. Files with
//! `-1`, `-2` behind the time are of former versions; they are read, and no more are made.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// How a time is written in a name.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The largest number behind a time, and so the digits of all.
const LAST: u32 = 9999;

/// What a compressed file's name ends in.
pub(super) const GZIP: &str = ".gz";

/// The same for the other form.
pub(super) const ZSTD: &str = ".zst";

/// What the name of a file that is being compressed ends in, behind that.
pub(super) const DRAFT: &str = ".draft";

/// The names around one active file.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The folder.
    pub(super) folder: PathBuf,
    /// The active file.
    pub(super) active: PathBuf,
    stem: String,
    extension: String,
}

/// The place of a finished file among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial {
    /// When it was begun, to the second.
    pub(super) begun: Timestamp,
    number: u32,
}

impl Serial {
    /// The serial for a file that is begun now, behind all that were before.
    pub(super) fn next(now: Timestamp, last: Option<Self>) -> Self {
        let begun = Timestamp::from_second(now.as_second()).unwrap_or(now);
        match last {
            Some(last) if last.begun >= begun && last.number < LAST => Self { number: last.number + 1, ..last },
            // No name of that second is left, so it is a later one, even if the clock has not come so far.
            Some(last) if last.begun >= begun => {
                let second = last.begun.as_second().saturating_add(1);
                Self { begun: Timestamp::from_second(second).unwrap_or(last.begun), number: 0 }
            }
            _ => Self { begun, number: 0 },
        }
    }
}

/// A finished file as it stands in the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finished {
    pub(super) serial: Serial,
    pub(super) form: Form,
    pub(super) path: PathBuf,
}

/// What is in a finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Plain,
    Compressed,
    /// Compressed to an unknown point.
    Draft,
}

impl Names {
    /// The names around this path; `None` if it names no file.
    pub(super) fn new(path: &Path) -> Option<Self> {
        let name = path.file_name()?;
        let stem = path.file_stem().unwrap_or(name).to_str()?.to_owned();
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or("jsonl").to_owned();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(Self { folder: folder.to_owned(), active: path.to_owned(), stem, extension })
    }

    /// The name of the finished file.
    pub(super) fn finished(&self, serial: Serial) -> String {
        match serial.number {
            0 => self.named(serial, ""),
            number => self.named(serial, &format!("{number:04}")),
        }
    }

    /// The name that former versions gave it.
    fn formerly(&self, serial: Serial) -> String {
        self.named(serial, &format!("-{}", serial.number))
    }

    fn named(&self, serial: Serial, behind: &str) -> String {
        let time = serial.begun.strftime(TIME);
        format!("{}.{time}{behind}.{}", self.stem, self.extension)
    }

    /// Reads the name of a finished file; `None` if it is none of ours.
    pub(super) fn serial(&self, name: &str) -> Option<Serial> {
        let middle = name.strip_prefix(&self.stem)?.strip_prefix('.')?;
        let middle = middle.strip_suffix(&self.extension)?.strip_suffix('.')?;
        let (time, behind) = middle.split_at_checked(middle.find('Z')? + 1)?;
        let begun = DateTime::strptime(TIME, time).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let number = match behind.trim_start_matches('-') {
            "" => 0,
            number => number.parse().ok()?,
        };
        let serial = Serial { begun, number };
        // Only what is written exactly as we write it is ours: a human may have put something similar there.
        let ours = self.finished(serial) == name || (number > 0 && self.formerly(serial) == name);
        ours.then_some(serial)
    }

    /// Every finished file in the folder, the oldest first.
    pub(super) fn list(&self) -> io::Result<Vec<Finished>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let (whole, draft) = name.strip_suffix(DRAFT).map_or((name, false), |whole| (whole, true));
            let compressed = [GZIP, ZSTD].iter().find_map(|end| whole.strip_suffix(end));
            let (plain, form) = match compressed {
                Some(plain) if draft => (plain, Form::Draft),
                Some(plain) => (plain, Form::Compressed),
                None => (name, Form::Plain),
            };
            if let Some(serial) = self.serial(plain) {
                found.push(Finished { serial, form, path: entry.path() });
            }
        }
        found.sort();
        Ok(found)
    }

    /// Where it is noted that somebody else took a file away.
    pub(super) fn taken_note(&self) -> PathBuf {
        self.folder.join(format!(".{}.{}.taken", self.stem, self.extension))
    }
}

/// A path with something behind its name.
pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(suffix);
    PathBuf::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_only_grow_whatever_the_clock_does() {
        let names = Names::new(Path::new("/var/log/events.jsonl")).unwrap();
        let at = |second: i64| Timestamp::from_second(1_795_317_302 + second).unwrap();
        let mut last = None;
        let mut seen = Vec::new();
        for second in [0, 0, -50, 1] {
            let serial = Serial::next(at(second), last);
            assert!(Some(serial) > last);
            last = Some(serial);
            seen.push(names.finished(serial));
        }
        let expected = ["20261122T031502Z", "20261122T031502Z0001", "20261122T031502Z0002", "20261122T031503Z"];
        assert_eq!(seen, expected.map(|middle| format!("events.{middle}.jsonl")));
    }

    #[test]
    fn names_sort_as_they_were_given_even_where_a_second_has_no_more_of_them() {
        let names = Names::new(Path::new("/var/log/events.jsonl")).unwrap();
        let now = Timestamp::from_second(1_795_317_302).unwrap();
        let mut last = None;
        let mut before = String::new();
        for _ in 0..=LAST + 2 {
            let serial = Serial::next(now, last);
            let name = names.finished(serial);
            assert!(name > before, "{name} after {before}");
            assert_eq!(names.serial(&name), Some(serial));
            (last, before) = (Some(serial), name);
        }
        assert_eq!(before, "events.20261122T031503Z0001.jsonl");
    }

    #[test]
    fn a_name_is_read_back_and_others_are_left_alone() {
        let names = Names::new(Path::new("events")).unwrap();
        let serial = Serial { begun: Timestamp::from_second(1_795_317_302).unwrap(), number: 3 };
        assert_eq!(names.serial(&names.finished(serial)), Some(serial));
        assert_eq!(names.serial("events.20261122T031502Z-3.jsonl"), Some(serial), "of a former version");
        for other in ["", "-0", "-03", "--3", "3", "0", "0000", "00003", "-0003", "+003", "Z"] {
            let other = format!("events.20261122T031502Z{other}.jsonl");
            let is_first = other == "events.20261122T031502Z.jsonl";
            assert_eq!(names.serial(&other).is_some(), is_first, "{other}");
        }
        for other in ["events", "events.jsonl", "x.jsonl"] {
            assert_eq!(names.serial(other), None, "{other}");
        }
    }
}
