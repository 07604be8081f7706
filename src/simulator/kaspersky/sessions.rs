//! Sessions: by a header, or by the connection itself; and what was found in them, which dies with them.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::errors::{Failure, PxgError};

/// The header that names a session.
const SESSION: &str = "x-ksc-session";

/// The longest life of a result, in seconds.
const LONGEST_LIFE: i64 = 7200;

/// Whose a session is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// Whoever names it.
    Named(String),
    /// Whoever speaks on this connection.
    Connection(u64),
}

/// Somebody who has logged on.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) owner: Owner,
    /// Whether the server that was logged on to has the hosts.
    pub(super) sees_hosts: bool,
}

#[derive(Debug)]
struct Session {
    connection: u64,
    sees_hosts: bool,
    last: Duration,
}

/// What a search has found, kept for whoever reads it piece by piece.
#[derive(Clone, Debug)]
pub(super) enum Rows {
    /// Numbers of hosts, and what to tell of them.
    Hosts(Vec<u32>, Vec<String>),
    /// Whatever else there is, ready.
    Ready(Vec<Value>),
}

impl Rows {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Hosts(numbers, _) => numbers.len(),
            Self::Ready(rows) => rows.len(),
        }
    }
}

#[derive(Debug)]
struct Held {
    owner: Owner,
    rows: Rows,
    /// For iterators: how far it was read.
    read: usize,
    life: Duration,
    last: Duration,
}

/// Every session, and every result.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    sessions: HashMap<Owner, Session>,
    held: HashMap<String, Held>,
}

impl Sessions {
    /// Begins a session of its own, and names it.
    pub(super) fn start(&mut self, connection: u64, sees_hosts: bool, now: Duration) -> Result<String, Failure> {
        let name = name()?;
        let session = Session { connection, sees_hosts, last: now };
        self.sessions.insert(Owner::Named(name.clone()), session);
        Ok(name)
    }

    /// Binds a session to a connection.
    pub(super) fn bind(&mut self, connection: u64, sees_hosts: bool, now: Duration) {
        self.sessions.insert(Owner::Connection(connection), Session { connection, sees_hosts, last: now });
    }

    /// Who asks. A session that has ended, by itself or not, is not let in again.
    pub(super) fn enter(
        &mut self,
        headers: &HeaderMap,
        connection: u64,
        shared: bool,
        idle: Duration,
        now: Duration,
    ) -> Result<Caller, Failure> {
        let gone = Failure::Status(StatusCode::FORBIDDEN);
        let named = headers.get(SESSION).map(|name| name.to_str().unwrap_or_default().to_owned());
        let (owner, unknown) = match named {
            Some(name) => (Owner::Named(name), gone.clone()),
            None => (Owner::Connection(connection), Failure::Status(StatusCode::UNAUTHORIZED)),
        };
        let session = self.sessions.get_mut(&owner).ok_or(unknown)?;
        if now.saturating_sub(session.last) >= idle {
            self.end(&owner);
            return Err(gone);
        }
        if !shared && session.connection != connection {
            return Err(gone);
        }
        session.last = now;
        let sees_hosts = session.sees_hosts;
        Ok(Caller { owner, sees_hosts })
    }

    pub(super) fn end(&mut self, owner: &Owner) {
        self.sessions.remove(owner);
        self.held.retain(|_, held| held.owner != *owner);
    }

    pub(super) fn end_all(&mut self) {
        self.sessions.clear();
        self.held.clear();
    }

    /// Keeps a result for its owner; its name.
    pub(super) fn keep(&mut self, owner: &Owner, rows: Rows, life: Duration, now: Duration) -> Result<String, Failure> {
        self.held.retain(|_, held| now.saturating_sub(held.last) < held.life);
        let name = name()?.replace(['+', '/', '='], "");
        self.held.insert(name.clone(), Held { owner: owner.clone(), rows, read: 0, life, last: now });
        Ok(name)
    }

    fn held(&mut self, owner: &Owner, name: &str, now: Duration) -> Result<&mut Held, PxgError> {
        let held = self.held.get_mut(name).filter(|held| held.owner == *owner);
        let held = held.filter(|held| now.saturating_sub(held.last) < held.life);
        let held = held.ok_or_else(|| PxgError::not_found(name))?;
        held.last = now;
        Ok(held)
    }

    /// How many rows a result has.
    pub(super) fn count(&mut self, owner: &Owner, name: &str, now: Duration) -> Result<usize, PxgError> {
        self.held(owner, name, now).map(|held| held.rows.len())
    }

    /// Some rows of a result.
    pub(super) fn slice(
        &mut self,
        owner: &Owner,
        name: &str,
        from: usize,
        count: usize,
        now: Duration,
    ) -> Result<Rows, PxgError> {
        let held = self.held(owner, name, now)?;
        let from = from.min(held.rows.len());
        let to = from.saturating_add(count).min(held.rows.len());
        Ok(match &held.rows {
            Rows::Hosts(numbers, fields) => {
                Rows::Hosts(numbers.get(from..to).unwrap_or_default().to_vec(), fields.clone())
            }
            Rows::Ready(rows) => Rows::Ready(rows.get(from..to).unwrap_or_default().to_vec()),
        })
    }

    /// The next row of an iterator; `None` at the end.
    pub(super) fn next(&mut self, owner: &Owner, name: &str, now: Duration) -> Result<Option<Value>, PxgError> {
        let held = self.held(owner, name, now)?;
        let row = match &held.rows {
            Rows::Ready(rows) => rows.get(held.read).cloned(),
            Rows::Hosts(..) => None,
        };
        held.read += 1;
        Ok(row)
    }

    /// Lets an iterator begin again.
    pub(super) fn rewind(&mut self, owner: &Owner, name: &str, now: Duration) -> Result<(), PxgError> {
        self.held(owner, name, now).map(|held| held.read = 0)
    }

    pub(super) fn release(&mut self, owner: &Owner, name: &str, now: Duration) -> Result<(), PxgError> {
        self.held(owner, name, now)?;
        self.held.remove(name);
        Ok(())
    }
}

/// How long a result may lie unread; too long a life is none.
pub(super) fn life(seconds: i64, name: &str) -> Result<Duration, PxgError> {
    let fits = (1..=LONGEST_LIFE).contains(&seconds);
    let seconds = u64::try_from(seconds).ok().filter(|_| fits);
    seconds.map(Duration::from_secs).ok_or_else(|| PxgError::malformed(name))
}

fn name() -> Result<String, Failure> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).map_err(|_| Failure::Status(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(STANDARD.encode(bytes))
}
