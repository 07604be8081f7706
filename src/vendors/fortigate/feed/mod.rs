//! The firewall over lists that it fetches by itself (`system external-resource`): one plain file for each kind of indicator, in
//! a folder that a web server serves. Nothing is said to the firewall.
//!
//! A group is the lines of the lists, and an object is a mark beside them. So what makes a line ours, when it is due and who
//! wanted it is kept where the lines are, as it is with address objects. A line without a mark is somebody else's. The mark is
//! written first and taken away last: a line of ours without one would be nobody's to take out.
//!
//! Three things can go wrong with a list that cannot with a group, and each is refused before anything is written: a firewall
//! cuts off without a word what is over its limits; a list that was emptied by accident unblocks everything that was on it; two
//! who write at once lose each other's lines.
//!
//! | file | what it does |
//! |---|---|
//! | `class` | how much a firewall takes |
//! | `list`, `marks` | lines, and whose they are: pure |
//! | `disk` | read whole, written whole, by one at a time |
//! | `held` | what is done while the folder is held |

use std::{fmt, path::PathBuf, sync::Arc};

use async_trait::async_trait;

use super::{
    channel::{Channel, Created, Deleted, Device, Group, Policy},
    objects::{Object, Table, name_of_text},
};
use crate::{
    domain::failure::{Failure, FailureKind},
    vendors::{Again, Preflight, Unit, Vacancies, VendorError},
};

mod class;
mod disk;
mod held;
mod list;
mod marks;
#[cfg(test)]
mod tests;

use class::LONGEST_LINE;
pub(super) use class::{CLASSES, Class};
use disk::{Folder, PRIVATE, PUBLIC};
use held::Held;
use list::{List, ListFile};
use marks::{Counts, Marks};

/// Lines that are written together: a list is written whole, whether one line of it changes or a thousand.
const BATCH: usize = 1_000;

/// Where the marks are.
const MARKS: &str = ".edrctl-marks.jsonl";

/// Where it stands how many entries each list had.
const COUNTS: &str = ".edrctl-counts.json";

/// What has to be known of every list.
const NOTE: &str = "`confirmed` means that the list has the line. When the firewall fetches the list, and whether a policy uses it, \
                    is not looked at; there, `diagnose sys external-resource stats` tells how many lines it has taken";

/// What has to be known of domains in a list.
pub(super) const OF_DOMAINS: &str =
    "a firewall uses a list of domains in a DNS filter alone, and in no policy by itself";

/// The lists of one folder.
pub(super) struct Feed {
    folder: Arc<Folder>,
    class: Class,
}

impl Feed {
    pub(super) fn new(folder: PathBuf, class: Class) -> Self {
        Self { folder: Arc::new(Folder::new(folder)), class }
    }

    /// Does something with the folder where it keeps nobody waiting.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, VendorError> + Send + 'static,
    ) -> Result<T, VendorError> {
        let folder = Arc::clone(&self.folder);
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        done.unwrap_or_else(|error| {
            Err(VendorError::new(FailureKind::Internal, format!("writing a list broke off: {error}"), Again::InDoubt))
        })
    }

    /// Does something for several at once, alone. Why it cannot be done holds for each of them.
    async fn hold<T: Clone + Send + 'static>(
        &self,
        many: usize,
        work: impl FnOnce(&mut Held<'_>) -> Result<Vec<Result<T, VendorError>>, VendorError> + Send + 'static,
    ) -> Vec<Result<T, VendorError>> {
        let class = self.class;
        let done = self.with(move |folder| work(&mut Held::new(folder, class)?)).await;
        done.unwrap_or_else(|error| std::iter::repeat_with(|| Err(error.clone())).take(many).collect())
    }
}

/// Reads the marks.
fn marks(folder: &Folder) -> Result<(disk::Content, Marks), VendorError> {
    let content = folder.read(MARKS)?;
    let marks = Marks::read(&content.text).map_err(|line| {
        let path = folder.path().join(MARKS);
        let text = format!(
            "line {line} of {} cannot be read, so nobody knows which lines of the lists are ours",
            path.display()
        );
        VendorError::stops_run(FailureKind::FolderFailed, text)
    })?;
    Ok((content, marks))
}

/// Reads how many entries each list had.
fn counts(folder: &Folder) -> Result<(disk::Content, Counts), VendorError> {
    let content = folder.read(COUNTS)?;
    if !content.is_there() {
        return Ok((content, Counts::default()));
    }
    let counts = Counts::read(&content.text).ok_or_else(|| {
        let text = format!(
            "{} cannot be read, so nobody knows whether a list has lost its lines. Put it back; or, if the lists are as they are \
             meant to be, delete it",
            folder.path().join(COUNTS).display()
        );
        VendorError::stops_run(FailureKind::FolderFailed, text)
    })?;
    Ok((content, counts))
}

fn list(folder: &Folder, file: ListFile) -> Result<List, VendorError> {
    Ok(List::new(file, folder.read(file.name())?.text))
}

/// What is said of a list that has lost its lines.
fn shrunk(folder: &Folder, file: ListFile, then: usize, now: usize) -> String {
    format!(
        "`{}` had {then} entries when it was last written here and has {now} now, and nobody here has taken them out. Put the list \
         back; or, if they are meant to be gone, delete {}",
        file.name(),
        folder.path().join(COUNTS).display()
    )
}

/// The lines and marks of one table, as objects: a line that nobody has marked is an object without a mark.
fn objects(folder: &Folder, table: Table, names: &[String]) -> Result<Vec<Object>, VendorError> {
    let wanted: std::collections::HashSet<&str> = names.iter().map(String::as_str).collect();
    let (_, marks) = marks(folder)?;
    let mut found: Vec<Object> = marks.objects(table).filter(|object| wanted.contains(object.name.as_str())).collect();
    for file in ListFile::of_table(table) {
        let list = list(folder, *file)?;
        for value in list.values().filter(|value| !marks.has(value)) {
            let name = name_of_text(file.kind(), &value);
            if !wanted.contains(name.as_str()) || found.iter().any(|object| object.name == name) {
                continue;
            }
            let value = crate::domain::indicator::Indicator::parse(&value).ok().map(|parsed| parsed.indicator);
            found.push(Object { table, name, value, comment: String::new() });
        }
    }
    Ok(found)
}

fn group(folder: &Folder, table: Table, name: String) -> Result<Group, VendorError> {
    let mut members = Vec::new();
    for file in ListFile::of_table(table) {
        let list = list(folder, *file)?;
        members.extend(list.values().map(|value| name_of_text(file.kind(), &value)));
    }
    Ok(Group { name, members, ..Group::default() })
}

/// What stands in the way, and how much room there is.
fn ahead(folder: &Folder, class: Class) -> Result<Preflight, VendorError> {
    let mut ahead = Preflight { notes: vec![NOTE.to_owned()], of_domains: Some(OF_DOMAINS), ..Preflight::default() };
    let refusal = |text: String| Some(Failure::new(FailureKind::FolderFailed, text));
    if let Some(why) = folder.unusable() {
        ahead.refusal = refusal(why);
        return Ok(ahead);
    }
    marks(folder)?;
    let counts = counts(folder)?.1;
    let mut lists = Vec::new();
    for file in ListFile::ALL {
        let list = list(folder, file)?;
        let entries = list.entries();
        if counts.have_shrunk(file, entries) {
            ahead.refusal = refusal(shrunk(folder, file, counts.of(file), entries));
            return Ok(ahead);
        }
        if list.longest() > LONGEST_LINE {
            ahead.warnings.push(format!(
                "a line of `{}` has {} characters, and a firewall reads {LONGEST_LINE}",
                file.name(),
                list.longest()
            ));
        }
        lists.push(list);
    }
    // What cannot be written is better known before anything is.
    for (name, mode) in
        ListFile::ALL.map(|file| (file.name(), PUBLIC)).into_iter().chain([(MARKS, PRIVATE), (COUNTS, PRIVATE)])
    {
        if let Err(error) = folder.prove(name, mode) {
            ahead.refusal = Some(error.into_failure());
            return Ok(ahead);
        }
    }
    let by = format!("the limit of `feed_class = \"{}\"`", class.word());
    for files in class.together() {
        let of = || lists.iter().filter(|list| files.contains(&list.file()));
        let Some(limit) = files.first().map(|file| class.lines(*file)) else { continue };
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.name())).collect();
        let taken = of().map(List::lines).sum();
        if taken > limit {
            let names = names.join(" and ");
            ahead
                .warnings
                .push(format!("{names} has {taken} lines, over {by} of {limit}: a firewall cuts off the rest"));
        }
        let what = format!("lines of {}", names.join(" and "));
        let kinds = files.iter().map(|file| file.kind()).collect();
        ahead.vacancies.push(Vacancies {
            kinds,
            unit: Unit::Targets,
            limit,
            taken,
            what,
            by: by.clone(),
            is_fixed: true,
        });
    }
    for list in &lists {
        let (limit, taken) = (class.bytes(), list.bytes());
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        ahead.vacancies.push(Vacancies {
            kinds: vec![list.file().kind()],
            unit: Unit::Bytes,
            limit: size(limit),
            taken: size(taken),
            what: format!("bytes of `{}`", list.file().name()),
            by: by.clone(),
            is_fixed: true,
        });
    }
    Ok(ahead)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[async_trait]
impl Channel for Feed {
    fn batch(&self) -> usize {
        BATCH
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn not_ours(&self, object: &Object) -> String {
        let value = object.value.as_ref().map_or_else(|| object.name.clone(), ToString::to_string);
        format!(
            "`{value}` is on the list, and no run of ours has put it there: it is somebody else's, and was left alone"
        )
    }

    async fn ahead(&self) -> Result<Option<Preflight>, VendorError> {
        let class = self.class;
        self.with(move |folder| ahead(folder, class)).await.map(Some)
    }

    async fn detail(&self) -> Result<Option<String>, VendorError> {
        let lines = |folder: &Folder| {
            let told = ListFile::ALL
                .into_iter()
                .map(|file| Ok(format!("{} with {} entries", file.name(), list(folder, file)?.entries())));
            told.collect::<Result<Vec<_>, VendorError>>()
        };
        let told =
            self.with(move |folder| folder.unusable().map_or_else(|| lines(folder).map(Some), |_| Ok(None))).await?;
        Ok(Some(told.map_or_else(|| "lists that cannot be written".to_owned(), |told| told.join(", "))))
    }

    async fn device(&self) -> Result<Device, VendorError> {
        Ok(Device { has_vdom: true, ..Device::default() })
    }

    async fn groups(&self, _: Table) -> Result<Vec<Group>, VendorError> {
        Ok(Vec::new())
    }

    /// A list that is not there is empty: the first line makes it.
    async fn group(&self, table: Table, name: &str) -> Result<Option<Group>, VendorError> {
        let name = name.to_owned();
        self.with(move |folder| group(folder, table, name)).await.map(Some)
    }

    async fn policies(&self, _: &Device) -> Result<Vec<Policy>, VendorError> {
        Ok(Vec::new())
    }

    async fn objects(&self, table: Table, names: &[&str]) -> Result<Vec<Object>, VendorError> {
        let names = owned(names);
        self.with(move |folder| objects(folder, table, &names)).await
    }

    async fn ours(&self, table: Table) -> Result<Vec<Object>, VendorError> {
        self.with(move |folder| Ok(marks(folder)?.1.objects(table).collect())).await
    }

    async fn create(&self, objects: &[&Object]) -> Vec<Result<Created, VendorError>> {
        let objects: Vec<Object> = objects.iter().map(|object| (*object).clone()).collect();
        self.hold(objects.len(), move |held| held.create(&objects)).await
    }

    async fn change(&self, objects: &[&Object]) -> Vec<Result<(), VendorError>> {
        let objects: Vec<Object> = objects.iter().map(|object| (*object).clone()).collect();
        self.hold(objects.len(), move |held| held.change(&objects)).await
    }

    async fn add(&self, _: Table, _: &str, members: &[&str]) -> Vec<Result<(), VendorError>> {
        let members = owned(members);
        self.hold(members.len(), move |held| held.edit(&members, held::Edit::Add)).await
    }

    async fn remove(&self, _: Table, _: &str, members: &[&str]) -> Vec<Result<(), VendorError>> {
        let members = owned(members);
        self.hold(members.len(), move |held| held.edit(&members, held::Edit::Remove)).await
    }

    async fn delete(&self, _: Table, names: &[&str]) -> Vec<Result<Deleted, VendorError>> {
        let names = owned(names);
        self.hold(names.len(), move |held| held.delete(&names)).await
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("folder", &self.folder).field("class", &self.class).finish()
    }
}
