//! The names of finished files: `events.20261122T031502Z.jsonl`, and `-1`, `-2` behind the time where it is taken.
//!
//! The time is the one at which the file was begun, so that the file that holds a moment is the last one named before it.
//! Names only grow: a clock that is set back, or stands still in a test, makes the number grow in place of the time.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// How a time is written in a name.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// What a compressed file's name ends in.
pub(super) const GZIP: &str = ".gz";

/// What the name of a file that is being compressed ends in.
pub(super) const DRAFT: &str = ".gz.draft";

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
            Some(last) if last.begun >= begun => Self { begun: last.begun, number: last.number.saturating_add(1) },
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
    Gzip,
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
        let time = serial.begun.strftime(TIME);
        let (stem, extension) = (&self.stem, &self.extension);
        match serial.number {
            0 => format!("{stem}.{time}.{extension}"),
            number => format!("{stem}.{time}-{number}.{extension}"),
        }
    }

    /// Reads the name of a finished file; `None` if it is none of ours.
    pub(super) fn serial(&self, name: &str) -> Option<Serial> {
        let middle = name.strip_prefix(&self.stem)?.strip_prefix('.')?;
        let middle = middle.strip_suffix(&self.extension)?.strip_suffix('.')?;
        let (time, number) = middle.split_once('-').map_or((middle, Some(0)), |(time, n)| (time, n.parse().ok()));
        let begun = DateTime::strptime(TIME, time).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let serial = Serial { begun, number: number? };
        // Only what is written exactly as we write it is ours: a human may have put something similar there.
        (self.finished(serial) == name).then_some(serial)
    }

    /// Every finished file in the folder, the oldest first.
    pub(super) fn list(&self) -> io::Result<Vec<Finished>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let (plain, form) = match (name.strip_suffix(DRAFT), name.strip_suffix(GZIP)) {
                (Some(plain), _) => (plain, Form::Draft),
                (None, Some(plain)) => (plain, Form::Gzip),
                (None, None) => (name, Form::Plain),
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
        let expected = ["20261122T031502Z", "20261122T031502Z-1", "20261122T031502Z-2", "20261122T031503Z"];
        assert_eq!(seen, expected.map(|middle| format!("events.{middle}.jsonl")));
    }

    #[test]
    fn a_name_is_read_back_and_others_are_left_alone() {
        let names = Names::new(Path::new("events")).unwrap();
        let serial = Serial { begun: Timestamp::from_second(1_795_317_302).unwrap(), number: 3 };
        assert_eq!(names.serial(&names.finished(serial)), Some(serial));
        for other in
            ["events", "events.jsonl", "events.20261122T031502Z-0.jsonl", "events.20261122T031502Z-03.jsonl", "x.jsonl"]
        {
            assert_eq!(names.serial(other), None, "{other}");
        }
    }
}
