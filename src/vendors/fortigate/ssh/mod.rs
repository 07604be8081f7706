//! The firewall over its command line, in a terminal session of SSH.
//!
//! An error is told only by what is printed, and a line that failed does not stop the next one. So nothing is saved before
//! every line of an entry has been answered without a complaint; at the first complaint the entry is abandoned (`abort`), and
//! that the session is back at the top is proved by its prompt. Lines are typed together only where a failure of one cannot make
//! the others save anything. Members are only ever added and taken out by name. No setting of the firewall is touched: its
//! pager is answered.
//!
//! | file | what it does |
//! |---|---|
//! | `line` | the only bytes that may be typed |
//! | `screen`, `dialogue` | bytes in, answers out: pure |
//! | `judge`, `reading` | whether an answer is a refusal, and what is shown: pure |
//! | `write` | the conversations that change something |
//! | `trust`, `session` | the host key, the login, the connection |

use std::{fmt, path::PathBuf, time::Duration};

use async_trait::async_trait;
use tokio::sync::{Mutex, MutexGuard};

use super::{
    channel::{Channel, Created, Deleted, Device, Group, Policy},
    codes::Meaning,
    objects::{Object, PREFIX, Table, is_our_name},
};
use crate::{
    domain::failure::FailureKind,
    secret::Secret,
    vendors::{Again, Hidden, VendorError},
};

mod dialogue;
mod judge;
mod line;
mod reading;
mod screen;
mod session;
mod trust;
mod write;

use dialogue::Said;
use judge::Trouble;
use line::Line;
use reading::Entry;
use session::{Session, Way};
use trust::Expected;

/// Lines that only show something, typed together.
const TOGETHER: usize = 50;

/// What is needed to reach the command line.
#[derive(Clone, Debug)]
pub(super) struct SshSettings {
    /// The firewall's host.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// The administrator.
    pub(super) user: String,
    /// Its password, if it has one.
    pub(super) password: Option<Secret>,
    /// Its private key, if it has one.
    pub(super) key_file: Option<PathBuf>,
    /// What opens the private key, if it is encrypted.
    pub(super) key_passphrase: Option<Secret>,
    /// The keys that the firewall may show.
    pub(super) known_hosts: PathBuf,
    /// Whether key exchanges are offered that are not safe any more.
    pub(super) legacy: bool,
}

/// The command line of one firewall. One session, one conversation at a time.
pub(super) struct Ssh {
    way: Way,
    hidden: Hidden,
    session: Mutex<Option<Session>>,
}

impl Ssh {
    pub(super) fn new(settings: SshSettings, vdom: &str, patience: Duration) -> Self {
        let SshSettings { host, port, user, password, key_file, key_passphrase, known_hosts, legacy } = settings;
        let hidden = Hidden::new(password.iter().chain(&key_passphrase).map(Secret::expose));
        let expected = Expected { host, port, known_hosts };
        let way = Way { expected, user, password, key_file, key_passphrase, legacy, vdom: vdom.to_owned(), patience };
        Self { way, hidden, session: Mutex::new(None) }
    }

    /// Takes the session, opened if there is none.
    async fn sit(&self) -> Result<Seat<'_>, VendorError> {
        let mut session = self.session.lock().await;
        if session.as_ref().is_none_or(Session::is_closed) {
            *session = None;
            *session = Some(Session::open(&self.way).await.map_err(|error| error.without(&self.hidden))?);
        }
        Ok(Seat { session, hidden: &self.hidden })
    }

    /// Takes the session for what needs the virtual domain.
    async fn sit_inside(&self) -> Result<Seat<'_>, VendorError> {
        let seat = self.sit().await?;
        if seat.get().is_some_and(|session| session.device.has_vdom) {
            return Ok(seat);
        }
        let text = format!("there is no virtual domain `{}`", self.way.vdom);
        Err(VendorError::stops_run(FailureKind::NotFound, text))
    }

    /// The entries that a command shows.
    async fn shown(&self, line: Line) -> Result<Vec<Entry>, VendorError> {
        let said = self.sit_inside().await?.one(&line).await?;
        read(&said)
    }
}

/// The entries in an answer.
fn read(said: &Said) -> Result<Vec<Entry>, VendorError> {
    if let Some(entries) = reading::entries(&said.lines) {
        return Ok(entries);
    }
    Err(match Trouble::of(&said.lines) {
        Some(trouble) => trouble.verdict(),
        None => VendorError::new(FailureKind::Protocol, "what the firewall shows is not whole", Again::Backoff),
    })
}

/// The same where there may be no such entry.
fn read_one(said: &Said) -> Result<Option<Entry>, VendorError> {
    match reading::entries(&said.lines) {
        Some(mut entries) => Ok(entries.pop()),
        None if Trouble::of(&said.lines).is_some_and(|trouble| trouble.means(Meaning::NotFound)) => Ok(None),
        None => read(said).map(|_| None),
    }
}

/// The session, while one conversation has it.
struct Seat<'s> {
    session: MutexGuard<'s, Option<Session>>,
    hidden: &'s Hidden,
}

impl Seat<'_> {
    fn get(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    fn is_top(&self, said: &Said) -> bool {
        self.get().is_some_and(|session| session.is_top(&said.after))
    }

    fn may_run_on(&self) -> bool {
        self.get().is_some_and(Session::may_run_on)
    }

    /// Ends the session: what it has not saved is not saved.
    fn end(&mut self) {
        *self.session = None;
    }

    /// Types lines together. After an error the session is over.
    async fn ask(&mut self, lines: &[Line]) -> Result<Vec<Said>, VendorError> {
        let over = || VendorError::new(FailureKind::Cut, "the session with the firewall is over", Again::Backoff);
        let session = self.session.as_mut().ok_or_else(over)?;
        match session.ask(lines).await {
            Ok(said) => Ok(said),
            Err(error) => {
                self.end();
                Err(error.without(self.hidden))
            }
        }
    }

    async fn one(&mut self, line: &Line) -> Result<Said, VendorError> {
        let mut said = self.ask(std::slice::from_ref(line)).await?;
        let missing = || VendorError::new(FailureKind::Protocol, "a line was not answered", Again::Backoff);
        said.pop().ok_or_else(missing)
    }
}

fn show(table: &str) -> Line {
    Line::new("show firewall").word(table)
}

#[async_trait]
impl Channel for Ssh {
    /// Going into a table and out again costs the same for one as for many.
    fn batch(&self) -> usize {
        TOGETHER
    }

    async fn device(&self) -> Result<Device, VendorError> {
        let seat = self.sit().await?;
        Ok(seat.get().map(|session| session.device.clone()).unwrap_or_default())
    }

    async fn groups(&self, table: Table) -> Result<Vec<Group>, VendorError> {
        Ok(self.shown(show(table.groups())).await?.iter().map(reading::group).collect())
    }

    async fn group(&self, table: Table, name: &str) -> Result<Option<Group>, VendorError> {
        let said = self.sit_inside().await?.one(&show(table.groups()).quoted(name)).await?;
        Ok(read_one(&said)?.filter(|entry| entry.name == name).map(|entry| reading::group(&entry)))
    }

    async fn policies(&self, device: &Device) -> Result<Vec<Policy>, VendorError> {
        let mut policies: Vec<Policy> = self.shown(show("policy")).await?.iter().map(reading::policy).collect();
        // IPv6 had policies of its own once.
        if device.release().is_some_and(|release| release < (6, 4)) {
            let said = self.sit_inside().await?.one(&show("policy6")).await?;
            match reading::entries(&said.lines) {
                Some(six) => policies.extend(six.iter().map(|entry| reading::policy(entry).of_ipv6())),
                // A unit without IPv6 has no such table, and says so.
                None if Trouble::of(&said.lines).is_some() => {}
                None => drop(read(&said)?),
            }
        }
        Ok(policies)
    }

    async fn objects(&self, table: Table, names: &[&str]) -> Result<Vec<Object>, VendorError> {
        let mut seat = self.sit_inside().await?;
        let lines: Vec<Line> = names.iter().map(|name| show(table.addresses()).quoted(name)).collect();
        let mut found = Vec::new();
        for (lines, names) in lines.chunks(TOGETHER).zip(names.chunks(TOGETHER)) {
            for (said, name) in seat.ask(lines).await?.iter().zip(names) {
                let entry = read_one(said)?.filter(|entry| entry.name == *name);
                found.extend(entry.map(|entry| reading::object(table, &entry)));
            }
        }
        Ok(found)
    }

    async fn ours(&self, table: Table) -> Result<Vec<Object>, VendorError> {
        let said = self.sit_inside().await?.one(&show(table.addresses()).word("| grep").word(PREFIX)).await?;
        // A comment that happens to say something bad is no refusal.
        let refused = said.lines.last().is_some_and(|line| line.starts_with("Command fail"));
        if let Some(trouble) = Trouble::of(&said.lines).filter(|_| refused) {
            return Err(trouble.verdict());
        }
        let names = reading::our_names(&said.lines, is_our_name);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.objects(table, &names).await
    }

    async fn create(&self, objects: &[&Object]) -> Vec<Result<Created, VendorError>> {
        let written = self.write(objects, true).await.into_iter();
        written.map(|written| written.map(|()| Created::Made)).collect()
    }

    async fn change(&self, objects: &[&Object]) -> Vec<Result<(), VendorError>> {
        self.write(objects, false).await
    }

    async fn add(&self, table: Table, group: &str, members: &[&str]) -> Vec<Result<(), VendorError>> {
        self.edit_group((table, group), "append member", members).await
    }

    async fn remove(&self, table: Table, group: &str, members: &[&str]) -> Vec<Result<(), VendorError>> {
        self.edit_group((table, group), "unselect member", members).await
    }

    async fn delete(&self, table: Table, names: &[&str]) -> Vec<Result<Deleted, VendorError>> {
        self.delete_objects(table, names).await
    }

    async fn close(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.leave().await;
        }
    }
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssh").field("host", &self.way.expected.host).finish_non_exhaustive()
    }
}
