//! The active file: begun, added to, and put away once it is large or old enough.

use std::{
    borrow::Cow,
    fs::{self, File},
    io,
    path::PathBuf,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    FileOptions,
    disk::{self, Disk},
    names::{Finished, Form, Names, Serial},
    tail::{Tail, ends_a_line, whole_lines},
};
use crate::stream::sinks::{Position, SinkError, Then};

/// Writes the active file. Every call blocks.
#[derive(Debug)]
pub(super) struct Writer {
    options: FileOptions,
    names: Names,
    disk: Arc<dyn Disk>,
    open: Option<Open>,
    /// The newest serial that was ever given away.
    last: Option<Serial>,
    /// The serial of the last position that was told.
    told: Option<Serial>,
    /// The file of this serial was taken away by somebody else, and no note says so yet.
    lost: Option<Serial>,
    /// A file was put away, and nobody was told yet.
    rotated: bool,
    /// What lay behind the position at the start.
    tail: Option<Tail>,
    /// The position that stays until that is dealt with.
    stands: Option<Position>,
    /// How long the active file was before the last batch, until somebody has asked for another one.
    appended: Option<u64>,
    /// For people, and not told yet.
    notes: Vec<String>,
}

/// The active file.
#[derive(Debug)]
struct Open {
    file: File,
    /// What it will be called once it is finished.
    serial: Serial,
    /// How much of it is kept.
    length: u64,
    /// Something of ours that is not kept may stand behind that, as far as this.
    torn: Option<u64>,
}

/// Says that the file that was to be called `was` is out of our hands, and that ours begins in the active one at `from`.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    was: String,
    from: u64,
}

/// Where the file that a position is about has gone.
enum Whereabouts {
    /// It is the active file still.
    Active(Serial, u64),
    /// It is gone from there, and nothing of the active file behind this length was ever acknowledged.
    Replaced(u64),
    /// Nobody can tell.
    Unknown,
}

impl Writer {
    pub(super) fn new(options: FileOptions, names: Names, disk: Arc<dyn Disk>) -> Self {
        Self {
            options,
            names,
            disk,
            open: None,
            last: None,
            told: None,
            lost: None,
            rotated: false,
            tail: None,
            stands: None,
            appended: None,
            notes: Vec::new(),
        }
    }

    /// Opens the active file and looks at what lies behind what was acknowledged.
    pub(super) fn begin(&mut self, position: Option<&Position>) -> Result<Position, SinkError> {
        let path = self.names.active.clone();
        if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(SinkError { text: format!("`{}` is not a plain file", path.display()), then: Then::Stop });
        }
        self.try_begin(position).map_err(|error| self.failed(&error))
    }

    fn try_begin(&mut self, position: Option<&Position>) -> io::Result<Position> {
        let finished = self.names.list()?;
        let newest = newest(&finished);
        let taken = self.taken()?;
        let told = position.and_then(|position| self.names.serial(&position.file));
        // No name is given twice: not that of a file which somebody else has taken away, either.
        let noted = taken.as_ref().and_then(|taken| self.names.serial(&taken.was));
        self.last = newest.max(told).max(noted);
        let before = fs::metadata(&self.names.active).ok();
        let file = self.open_locked()?;
        let mut tail = Tail::default();
        let whereabouts = self.whereabouts(position, &finished, taken.as_ref(), &mut tail)?;
        self.tidy_notes(noted < told)?;
        let there = file.metadata()?.len();
        let usable = |length| length <= there && ends_a_line(&file, length).unwrap_or(false);
        let (from, serial, followed) = match whereabouts {
            Whereabouts::Active(serial, length) if usable(length) => (length, Some(serial), true),
            Whereabouts::Replaced(length) if usable(length) => (length, None, true),
            // Somebody has put another file into its place, or shortened it. What is there now is not ours to judge.
            Whereabouts::Active(serial, _) => {
                let whole = whole_lines(&file, there)?;
                self.note_taken(serial, whole)?;
                (whole, None, false)
            }
            Whereabouts::Replaced(_) | Whereabouts::Unknown => (whole_lines(&file, there)?, None, false),
        };
        tail.add(&file, from, there)?;
        if there > from {
            // What comes again and is there already is acknowledged, so it has to outlast a power cut.
            self.disk.sync(&file)?;
        }
        let serial = serial.unwrap_or_else(|| {
            let made = before.filter(|_| from > 0).and_then(|before| before.created().ok());
            let begun = made.and_then(|made| made.try_into().ok()).unwrap_or_else(|| self.disk.now());
            Serial::next(begun, self.last)
        });
        self.disk.sync_folder(&self.names.folder)?;
        self.last = self.last.max(Some(serial));
        self.open = Some(Open { file, serial, length: there, torn: None });
        let tail = Some(tail).filter(|tail| !tail.is_empty());
        let position = match position.filter(|_| followed && tail.is_some()) {
            // Another crash must find the same tail.
            Some(position) => {
                self.told = told;
                position.clone()
            }
            None => self.position_at(serial, from),
        };
        self.stands = tail.is_some().then(|| position.clone());
        self.tail = tail;
        Ok(position)
    }

    fn whereabouts(
        &self,
        position: Option<&Position>,
        finished: &[Finished],
        taken: Option<&Taken>,
        tail: &mut Tail,
    ) -> io::Result<Whereabouts> {
        let Some(position) = position else { return Ok(Whereabouts::Unknown) };
        let Some(serial) = self.names.serial(&position.file) else { return Ok(Whereabouts::Unknown) };
        if let Some(taken) = taken.filter(|taken| self.names.serial(&taken.was) == Some(serial)) {
            return Ok(Whereabouts::Replaced(taken.from));
        }
        Ok(match newest(finished) {
            // Put away since. One batch at most lies behind a position, so no other file was finished after it.
            Some(last) if last == serial => {
                self.look_behind(serial, finished, position.length, tail)?;
                Whereabouts::Replaced(0)
            }
            // An old position, out of a backup perhaps. To follow it would remove whole files that were acknowledged.
            Some(last) if last > serial => Whereabouts::Unknown,
            _ => Whereabouts::Active(serial, position.length),
        })
    }

    /// Looks at what lies behind the position in a finished file that is not compressed yet.
    fn look_behind(&self, serial: Serial, finished: &[Finished], length: u64, tail: &mut Tail) -> io::Result<()> {
        // Found by its serial: a former version may have given it its name.
        let plain = finished.iter().find(|file| file.serial == serial && file.form == Form::Plain);
        let Some(Finished { path, .. }) = plain else { return Ok(()) };
        let file = File::open(path)?;
        let there = file.metadata()?.len();
        if there > length && ends_a_line(&file, length)? {
            tail.add_finished(&file, length, there)?;
            self.disk.sync(&file)?;
        }
        Ok(())
    }

    /// Takes back the last batch, before anything else is written: nobody waited for it to be kept.
    pub(super) fn undo(&mut self, position: &Position) {
        self.told = self.names.serial(&position.file).or(self.told);
        if self.tail.is_some() {
            self.stands = Some(position.clone());
        }
        let (Some(before), Some(open)) = (self.appended.take(), &mut self.open) else { return };
        if open.length > before {
            (open.torn, open.length) = (Some(open.length), before);
        }
    }

    /// Adds lines and waits until they are on the disk. After an error, none of them is there.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<Appended, SinkError> {
        self.try_append(lines).map_err(|error| self.failed(&error))
    }

    fn try_append(&mut self, lines: &[u8]) -> io::Result<Appended> {
        self.appended = None;
        if self.stands.is_none() && self.tail.as_ref().is_some_and(Tail::is_claimed) {
            self.tail = None;
        }
        self.cut_torn()?;
        let lines = self.without_what_is_there(lines)?;
        if lines.is_empty()
            && let Some(stands) = self.stands.clone()
            && self.tail.as_ref().is_some_and(|tail| !tail.is_claimed())
        {
            // There is more of it, which may come yet.
            return Ok(self.appended_at(stands));
        }
        self.look_around()?;
        // The file that a position is about does not get its name before everything behind it is dealt with.
        if self.stands.is_none() && self.is_due(lines.len() as u64) {
            self.put_away()?;
        }
        let (disk, open) = (Arc::clone(&self.disk), self.active()?);
        let before = open.length;
        if !lines.is_empty() {
            let reach = before.saturating_add(lines.len() as u64);
            open.torn = Some(reach);
            if let Err(error) = disk.write(&mut open.file, &lines).and_then(|()| disk.sync(&open.file)) {
                // If that fails as well, it is done before anything else is written.
                drop(self.cut_torn());
                return Err(error);
            }
            (open.torn, open.length) = (None, reach);
        }
        let (serial, length) = (open.serial, open.length);
        self.appended = Some(before);
        if self.stands.take().is_some() {
            self.note_strangers();
        }
        let position = self.position_at(serial, length);
        Ok(self.appended_at(position))
    }

    fn appended_at(&mut self, position: Position) -> Appended {
        let (rotated, notes) = (std::mem::take(&mut self.rotated), std::mem::take(&mut self.notes));
        Appended { position, rotated, notes }
    }

    fn note_strangers(&mut self) {
        let lines = self.tail.as_ref().map_or(0, Tail::unclaimed);
        if lines > 0 {
            self.notes.push(format!(
                "somebody else has written to it, or it was another file before: {lines} {} behind where this stream had \
                 stopped, and {}",
                if lines == 1 { "line stands" } else { "lines stand" },
                if lines == 1 { "it stays" } else { "they stay" },
            ));
        }
    }

    /// Leaves out what is in the file already, and deals with a last line that has no end.
    fn without_what_is_there<'a>(&mut self, lines: &'a [u8]) -> io::Result<Cow<'a, [u8]>> {
        let Some(tail) = &mut self.tail else { return Ok(Cow::Borrowed(lines)) };
        let Some(open) = &mut self.open else { return Ok(Cow::Owned(tail.leave_out(lines))) };
        let metadata = open.file.metadata()?;
        if self.stands.is_some() && (disk::is_gone(&metadata) || metadata.len() < open.length) {
            // What was there is there no more.
            (self.tail, self.stands) = (None, None);
            return Ok(Cow::Borrowed(lines));
        }
        let left = tail.leave_out(lines);
        let torn = tail.torn().filter(|_| !left.is_empty());
        if let Some(torn) = torn {
            // Somebody who has gone on behind it has ended it, or will.
            if metadata.len() == torn.end {
                if tail.begins_one_of(&left, &open.file)? {
                    self.disk.cut(&open.file, torn.start)?;
                    open.length = torn.start;
                } else {
                    self.disk.write(&mut open.file, b"\n")?;
                    open.length = torn.end + 1;
                    self.notes
                        .push("its last line had no end and is not one of ours, so it was ended and stays".to_owned());
                }
            }
            tail.mended();
        }
        Ok(Cow::Owned(left))
    }

    /// Cuts off what we have written and what is not kept. Where somebody has written behind that, all of it stays.
    fn cut_torn(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let Some(reach) = open.torn else { return Ok(()) };
        let there = open.file.metadata()?.len();
        if there > reach {
            self.tail.get_or_insert_default().add(&open.file, open.length, there)?;
            open.length = there;
        } else if there > open.length {
            self.disk.cut(&open.file, open.length)?;
        }
        open.torn = None;
        Ok(())
    }

    /// Notices whether somebody else has renamed, removed, shortened or added to the active file.
    fn look_around(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else { return self.begin_anew() };
        let same = disk::is_same(&open.file, &self.names.active)?;
        let there = open.file.metadata()?.len();
        if same && there == open.length {
            return self.begin_anew();
        }
        if same && there > open.length {
            if !ends_a_line(&open.file, there)? {
                // A line of somebody else that has no end would run into ours.
                self.disk.write(&mut open.file, b"\n")?;
            }
            open.length = open.file.metadata()?.len();
            return Ok(());
        }
        // A position is about the file that was told last. One that was begun since and holds nothing is not missed.
        self.lost = self.told;
        self.open = None;
        self.begin_anew()
    }

    /// Begins another file in the place of one that was taken away, and notes that before anything is written there.
    fn begin_anew(&mut self) -> io::Result<()> {
        if let Some(lost) = self.lost {
            let from = self.active()?.length;
            self.note_taken(lost, from)?;
            self.lost = None;
        }
        Ok(())
    }

    fn is_due(&self, more: u64) -> bool {
        let Some(open) = self.open.as_ref().filter(|open| open.length > 0) else { return false };
        let large = self.options.max_bytes.is_some_and(|most| open.length.saturating_add(more) > most);
        let age = self.disk.now().duration_since(open.serial.begun).unsigned_abs();
        large || self.options.max_age.is_some_and(|most| age >= most)
    }

    /// Gives the active file its final name and begins another one.
    fn put_away(&mut self) -> io::Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let to = self.names.folder.join(self.names.finished(open.serial));
        if to.exists() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("`{}` is there already", to.display())));
        }
        self.disk.rename(&self.names.active, &to)?;
        self.open = None;
        self.rotated = true;
        self.active().map(|_| ())
    }

    /// The active file, opened if it is not open.
    fn active(&mut self) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let file = self.open_locked()?;
                self.disk.sync_folder(&self.names.folder)?;
                let length = file.metadata()?.len();
                let whole = whole_lines(&file, length)?;
                if whole < length {
                    self.tail.get_or_insert_default().add(&file, whole, length)?;
                }
                let serial = Serial::next(self.disk.now(), self.last);
                self.last = Some(serial);
                Open { file, serial, length, torn: None }
            }
        };
        Ok(self.open.insert(open))
    }

    fn open_locked(&self) -> io::Result<File> {
        let file = self.disk.open(&self.names.active)?;
        disk::lock(&file)?;
        Ok(file)
    }

    fn position_at(&mut self, serial: Serial, length: u64) -> Position {
        self.told = Some(serial);
        Position { file: self.names.finished(serial), length }
    }

    fn taken(&self) -> io::Result<Option<Taken>> {
        match fs::read(self.names.taken_note()) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes half a note, and a whole one once no position can be about its file any more.
    fn tidy_notes(&self, is_old: bool) -> io::Result<()> {
        let (note, draft) = self.note_paths();
        for path in [Some(draft), is_old.then_some(note)].into_iter().flatten() {
            if path.exists() {
                self.disk.remove(&path)?;
            }
        }
        Ok(())
    }

    fn note_paths(&self) -> (PathBuf, PathBuf) {
        let note = self.names.taken_note();
        let draft = super::names::with(&note, ".draft");
        (note, draft)
    }

    /// Writes the note, whole or not at all.
    fn note_taken(&self, serial: Serial, from: u64) -> io::Result<()> {
        let (note, draft) = self.note_paths();
        let bytes = serde_json::to_vec(&Taken { was: self.names.finished(serial), from })?;
        let mut file = self.disk.open(&draft)?;
        self.disk.cut(&file, 0)?;
        self.disk.write(&mut file, &bytes)?;
        self.disk.sync(&file)?;
        self.disk.rename(&draft, &note)?;
        self.disk.sync_folder(&self.names.folder)
    }

    fn failed(&self, error: &io::Error) -> SinkError {
        use io::ErrorKind as Kind;
        let path = self.names.active.display();
        let (why, then) = match error.kind() {
            Kind::WouldBlock => ("another stream writes it".to_owned(), Then::Stop),
            Kind::StorageFull | Kind::QuotaExceeded => ("the disk is full".to_owned(), Then::Again(None)),
            Kind::NotFound => ("its folder is not there".to_owned(), Then::Stop),
            Kind::PermissionDenied
            | Kind::ReadOnlyFilesystem
            | Kind::IsADirectory
            | Kind::NotADirectory
            | Kind::AlreadyExists => (error.to_string(), Then::Stop),
            _ => (error.to_string(), Then::Again(None)),
        };
        SinkError { text: format!("write `{path}`: {why}"), then }
    }
}

/// What became of lines.
#[derive(Debug)]
pub(super) struct Appended {
    /// Where the sink stands now.
    pub(super) position: Position,
    /// A file was finished.
    pub(super) rotated: bool,
    /// What people should know of the file.
    pub(super) notes: Vec<String>,
}

fn newest(finished: &[Finished]) -> Option<Serial> {
    finished.iter().filter(|file| file.form != Form::Draft).map(|file| file.serial).max()
}
