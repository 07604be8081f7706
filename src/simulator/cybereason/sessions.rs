//! Who is signed in: cookies, some of nobody, and the form that asks for user and password.

use std::{collections::HashMap, time::Duration};

use hyper::{HeaderMap, header};

use super::{reply::Reply, totp};
use crate::simulator::{
    Credentials,
    faults::{CybereasonFaults, PasswordState},
};

/// What stands behind a cookie.
#[derive(Clone, Copy, Debug)]
struct Session {
    stage: Stage,
    born: Duration,
    calls: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody's.
    Anonymous,
    /// The password was right, and a code is wanted.
    WantsCode,
    /// Somebody's.
    SignedIn,
}

/// Every cookie that was given out.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: HashMap<String, Session>,
    /// The half minute whose code was used last.
    last_step: Option<i64>,
    closed: bool,
}

/// Who may sign in, and when it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door<'a> {
    pub(super) credentials: &'a Credentials,
    pub(super) settings: &'a CybereasonFaults,
    pub(super) key: [u8; 20],
    pub(super) now: Duration,
    /// Seconds of the day's clock.
    pub(super) clock: i64,
}

/// What became of a form.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) reply: Reply,
    /// Whether somebody is signed in by it; `None` where it goes on.
    pub(super) signed_in: Option<bool>,
}

impl Sessions {
    /// From now on everything is refused.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.known.clear();
    }

    pub(super) fn end_all(&mut self) {
        self.known.clear();
    }

    pub(super) fn end(&mut self, headers: &HeaderMap) {
        if let Some(cookie) = cookie(headers) {
            self.known.remove(&cookie);
        }
    }

    fn start(&mut self, stage: Stage, now: Duration) -> String {
        let mut bytes = [0; 16];
        // Without randomness the number of sessions still tells them apart.
        if getrandom::fill(&mut bytes).is_err() {
            bytes = (self.known.len() as u128).to_be_bytes();
        }
        let cookie: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        self.known.insert(cookie.clone(), Session { stage, born: now, calls: 0 });
        cookie
    }

    /// Whether a request comes from somebody who is signed in; it is counted.
    pub(super) fn enter(&mut self, headers: &HeaderMap, door: Door<'_>) -> bool {
        let settings = door.settings;
        let Some(cookie) = cookie(headers) else { return false };
        let Some(session) = self.known.get_mut(&cookie) else { return false };
        session.calls += 1;
        let worn_out = settings.session_calls > 0 && session.calls > settings.session_calls;
        let too_old = door.now.saturating_sub(session.born) >= settings.session_life.0;
        if worn_out || too_old {
            self.known.remove(&cookie);
            return false;
        }
        session.stage == Stage::SignedIn
    }

    /// Whether a request comes from somebody whose code is still wanted.
    pub(super) fn wants_code(&self, headers: &HeaderMap) -> bool {
        cookie(headers).and_then(|cookie| self.known.get(&cookie)).is_some_and(|known| known.stage == Stage::WantsCode)
    }

    /// A request without a session is given one that is nobody's.
    pub(super) fn turned_away(&mut self, reply: Reply, door: Door<'_>) -> Reply {
        let cookie = self.start(Stage::Anonymous, door.now);
        reply.with_session(&cookie, door.settings.session_life.0.as_secs())
    }

    /// Judges user and password.
    pub(super) fn sign_in(&mut self, fields: &HashMap<String, String>, door: Door<'_>) -> Judged {
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let right = !self.closed
            && field("username") == door.credentials.client_id
            && field("password") == door.credentials.api_key;
        if !right {
            let reply = self.turned_away(Reply::redirect("/login.html?error"), door);
            return Judged { reply, signed_in: Some(false) };
        }
        if door.settings.password == PasswordState::Expired {
            let reply = self.turned_away(Reply::redirect("/login.html?reset&originalurl=/current?"), door);
            return Judged { reply, signed_in: Some(false) };
        }
        let life = door.settings.session_life.0.as_secs();
        if door.settings.totp {
            let cookie = self.start(Stage::WantsCode, door.now);
            let reply = if door.settings.totp_late { Reply::redirect("/") } else { Reply::code_page() };
            return Judged { reply: reply.with_session(&cookie, life), signed_in: None };
        }
        let cookie = self.start(Stage::SignedIn, door.now);
        let reply = Reply::redirect("/#/current?").with_session(&cookie, life).without_remembering();
        Judged { reply, signed_in: Some(true) }
    }

    /// Judges a code, which is good once.
    pub(super) fn second_factor(
        &mut self,
        headers: &HeaderMap,
        fields: &HashMap<String, String>,
        door: Door<'_>,
    ) -> Judged {
        let waiting = cookie(headers)
            .filter(|cookie| self.known.get(cookie).is_some_and(|session| session.stage == Stage::WantsCode));
        let now = door.clock.div_euclid(30);
        let given = fields.get("totpCode").map(String::as_str).unwrap_or_default();
        let step = (now - 1..=now + 1).find(|step| totp::code(door.key, *step) == given);
        match (waiting, step) {
            (Some(cookie), Some(step)) if self.last_step.is_none_or(|last| step > last) => {
                self.last_step = Some(step);
                if let Some(session) = self.known.get_mut(&cookie) {
                    session.stage = Stage::SignedIn;
                }
                Judged { reply: Reply::redirect("/#/current?").without_remembering(), signed_in: Some(true) }
            }
            _ => Judged { reply: Reply::redirect("/login.html?error"), signed_in: Some(false) },
        }
    }
}

/// The session that a request names.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == "JSESSIONID").map(|(_, value)| value.to_owned())
}
