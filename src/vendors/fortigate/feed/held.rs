//! What is done while nobody else writes: everything is read again, because whoever had the folder before has changed it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::File,
};

use super::{
    super::{
        channel::{Created, Deleted},
        objects::Object,
    },
    COUNTS, MARKS,
    class::{Class, LONGEST_LINE},
    disk::{Content, Folder, PRIVATE, PUBLIC},
    list::{Found, List, ListFile},
    marks::{Counts, Marks},
    shrunk,
};
use crate::{
    domain::{failure::FailureKind, indicator::IndicatorKind},
    vendors::{Again, VendorError},
};

/// What becomes of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Add,
    Remove,
}

type Done<T> = Result<Vec<Result<T, VendorError>>, VendorError>;

/// The folder, as long as it is ours alone.
pub(super) struct Held<'f> {
    folder: &'f Folder,
    class: Class,
    marks: Marks,
    marks_were: Content,
    counts: Counts,
    counts_were: Content,
    _lock: File,
}

impl<'f> Held<'f> {
    pub(super) fn new(folder: &'f Folder, class: Class) -> Result<Self, VendorError> {
        let lock = folder.lock()?;
        let (marks_were, marks) = super::marks(folder)?;
        let (counts_were, counts) = super::counts(folder)?;
        Ok(Self { folder, class, marks, marks_were, counts, counts_were, _lock: lock })
    }

    fn read(&self, file: ListFile) -> Result<(Content, List), VendorError> {
        let content = self.folder.read(file.name())?;
        let list = List::new(file, content.text.clone());
        Ok((content, list))
    }

    fn keep_marks(&self) -> Result<(), VendorError> {
        self.folder.replace(MARKS, &self.marks_were, &self.marks.text(), PRIVATE)
    }

    fn keep_counts(&self) -> Result<(), VendorError> {
        self.folder.replace(COUNTS, &self.counts_were, &self.counts.text(), PRIVATE)
    }

    /// Fails if so much more would be cut off by the firewall.
    fn check_room(&self, file: ListFile, lines: usize, bytes: usize) -> Result<(), VendorError> {
        let by = format!("the limit of `feed_class = \"{}\"`", self.class.word());
        let full = |text: String| Err(VendorError::stops_run(FailureKind::TableFull, text));
        let files = self.class.together().iter().find(|files| files.contains(&file)).copied().unwrap_or_default();
        let mut taken = 0;
        for file in files {
            taken += self.read(*file)?.1.lines();
        }
        let limit = self.class.lines(file);
        if taken + lines > limit {
            let text = format!("{lines} more lines do not fit: `{}` has {taken}, and {by} is {limit}", file.name());
            return full(text);
        }
        let (has, limit) = (self.read(file)?.1.bytes(), self.class.bytes());
        if has + bytes as u64 > limit {
            let name = file.name();
            return full(format!("{bytes} more bytes do not fit: `{name}` has {has}, and {by} is {limit}"));
        }
        Ok(())
    }

    /// Fails if a list has lost its lines by somebody else's doing: to write it would make that last.
    fn check_whole(&self, list: &List) -> Result<(), VendorError> {
        let (file, now) = (list.file(), list.entries());
        if !self.counts.have_shrunk(file, now) {
            return Ok(());
        }
        Err(VendorError::stops_run(FailureKind::FolderFailed, shrunk(self.folder, file, self.counts.of(file), now)))
    }

    /// Marks lines that are on no list yet.
    pub(super) fn create(&mut self, objects: &[Object]) -> Done<Created> {
        let mut of_file: BTreeMap<ListFile, Vec<String>> = BTreeMap::new();
        for object in objects {
            let Some(value) = &object.value else { continue };
            of_file.entry(ListFile::of(value.kind())).or_default().push(value.canonical());
        }
        let mut there: HashSet<String> = HashSet::new();
        for (file, values) in &of_file {
            let list = self.read(*file)?.1;
            self.check_whole(&list)?;
            let wanted: HashSet<&str> = values.iter().map(String::as_str).collect();
            there.extend(list.values().filter(|value| wanted.contains(&**value)).map(|value| value.into_owned()));
            let new: Vec<&String> = values.iter().filter(|value| !there.contains(*value)).collect();
            self.check_room(*file, new.len(), new.iter().map(|value| value.len() + 1).sum())?;
        }
        let mut done = Vec::new();
        let mut made = false;
        for object in objects {
            done.push(match &object.value {
                None => Err(worthless()),
                Some(value) => {
                    let text = value.canonical();
                    if text.len() > LONGEST_LINE {
                        Err(worthless())
                    } else if self.marks.has(&text) || there.contains(&text) {
                        Ok(Created::WasThere)
                    } else {
                        self.marks.set(&text, value, &object.comment);
                        made = true;
                        Ok(Created::Made)
                    }
                }
            });
        }
        if made {
            self.keep_marks()?;
        }
        Ok(done)
    }

    /// Gives marks another comment.
    pub(super) fn change(&mut self, objects: &[Object]) -> Done<()> {
        let mut done = Vec::new();
        for object in objects {
            let value = object.value.as_ref().map(|value| (value.canonical(), value));
            done.push(match value {
                Some((text, value)) if self.marks.has(&text) => {
                    self.marks.set(&text, value, &object.comment);
                    Ok(())
                }
                _ => {
                    let text = "the mark was not there any more, and was not made anew";
                    Err(VendorError::new(FailureKind::Conflict, text, Again::Look))
                }
            });
        }
        self.keep_marks()?;
        Ok(done)
    }

    /// Writes marked lines, or takes them out.
    pub(super) fn edit(&mut self, names: &[String], edit: Edit) -> Done<()> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let marked = self.marks.of_names(&names);
        let mut of_file: BTreeMap<ListFile, Vec<&str>> = BTreeMap::new();
        for (value, kind) in marked.values() {
            of_file.entry(ListFile::of(*kind)).or_default().push(value);
        }
        let mut failed: BTreeMap<IndicatorKind, VendorError> = BTreeMap::new();
        for (file, values) in &of_file {
            if let Err(error) = self.edit_list(*file, values, edit) {
                failed.insert(file.kind(), error);
            }
        }
        let result = |name: &&str| match marked.get(name) {
            Some((_, kind)) => failed.get(kind).map_or(Ok(()), |error| Err(error.clone())),
            // What has no mark is not ours: it is neither written nor taken out.
            None if edit == Edit::Remove => Ok(()),
            None => {
                let text = "the mark was not there any more, and the line was not written";
                Err(VendorError::new(FailureKind::Conflict, text, Again::Look))
            }
        };
        Ok(names.iter().map(result).collect())
    }

    fn edit_list(&mut self, file: ListFile, values: &[&str], edit: Edit) -> Result<(), VendorError> {
        let (was, list) = self.read(file)?;
        self.check_whole(&list)?;
        let found = list.count_of(values.iter().copied());
        self.count_others(&found, edit)?;
        let (add, remove) = match edit {
            Edit::Add => (values, BTreeSet::new()),
            Edit::Remove => (&[][..], values.iter().copied().collect()),
        };
        if edit == Edit::Add {
            let new = || values.iter().filter(|value| found.get(**value).is_none_or(|found| found.plain == 0));
            self.check_room(file, new().count(), new().map(|value| value.len() + 1).sum())?;
        }
        let text = list.changed(|value| self.marks.whose(file, value), add, &remove);
        let entries = List::new(file, text.clone()).entries();
        let count = (self.counts.of(file) != entries).then_some(entries);
        if let Some(entries) = count {
            self.counts.set(file, entries);
        }
        // Whoever is stopped in between leaves a count that is too small, and never one that is too large.
        let fewer = entries < list.entries();
        if count.is_some() && fewer {
            self.keep_counts()?;
            self.counts_were = self.folder.read(COUNTS)?;
        }
        if text != was.text {
            self.folder.replace(file.name(), &was, &text, PUBLIC)?;
        }
        if count.is_some() && !fewer {
            self.keep_counts()?;
            self.counts_were = self.folder.read(COUNTS)?;
        }
        Ok(())
    }

    /// Takes marks away whose lines are on no list any more.
    pub(super) fn delete(&mut self, names: &[String]) -> Done<Deleted> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let marked = self.marks.of_names(&names);
        let mut there: HashMap<String, Found> = HashMap::new();
        for file in ListFile::ALL {
            let of = marked.values().filter(|(_, kind)| ListFile::of(*kind) == file).map(|(value, _)| value.as_str());
            let values: Vec<&str> = of.collect();
            if values.is_empty() {
                continue;
            }
            let found = self.read(file)?.1.count_of(values.iter().copied());
            // What a firewall does not take for an entry is no member that could have been taken out.
            let rest = |value: &&str| {
                found.get(value).is_some_and(|found| found.plain == 0 && found.named > self.marks.others(value))
            };
            let rest: Vec<&str> = values.iter().copied().filter(rest).collect();
            if rest.is_empty() {
                there.extend(found.into_iter().map(|(value, found)| (value.to_owned(), found)));
            } else {
                self.edit_list(file, &rest, Edit::Remove)?;
                let found = self.read(file)?.1.count_of(values.iter().copied());
                there.extend(found.into_iter().map(|(value, found)| (value.to_owned(), found)));
            }
        }
        let mut done = Vec::new();
        for name in &names {
            let Some((value, _)) = marked.get(name) else {
                done.push(Ok(Deleted::Gone));
                continue;
            };
            let named = there.get(value).map_or(0, |found| found.named);
            // As long as one line may be ours, its mark stays: without it nobody could take the line out.
            if named > self.marks.others(value) {
                done.push(Ok(Deleted::InUse));
                continue;
            }
            self.marks.forget(value);
            done.push(Ok(if named == 0 { Deleted::Gone } else { Deleted::Others }));
        }
        self.keep_marks()?;
        Ok(done)
    }

    /// Keeps how many lines are somebody else's before one of ours is taken out beside them, or put there: whoever is stopped in
    /// between must not take theirs for ours.
    fn count_others(&mut self, found: &HashMap<&str, Found>, edit: Edit) -> Result<(), VendorError> {
        let mut differs = false;
        for (value, found) in found {
            let kept = self.marks.others(value);
            let others = match edit {
                // One that was counted earlier stays counted: ours may be out already.
                Edit::Remove => kept.max(found.named.saturating_sub(1)),
                Edit::Add => kept.min(found.named),
            };
            if others != kept {
                self.marks.set_others(value, others);
                differs = true;
            }
        }
        if differs {
            self.keep_marks()?;
            self.marks_were = self.folder.read(MARKS)?;
        }
        Ok(())
    }
}

fn worthless() -> VendorError {
    VendorError::new(FailureKind::Internal, "a line without a value is never written", Again::Never)
}
