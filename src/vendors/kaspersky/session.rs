//! Sessions, each on a connection of its own, and who may sign in when.
//!
//! The console takes one request after the other on a connection, keeps what it was asked for under a session, and blocks
//! an account after too many wrong passwords. So there are as many slots as requests in flight, each with one connection
//! and one session; whoever has a conversation has a slot. The first logon goes alone, and one that is refused is the
//! last: the password is not shown to the console again.

use std::{
    fmt,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};
use zeroize::Zeroizing;

use super::{
    Account,
    answers::{self, Refusal, Why},
    requests::{self, Call},
};
use crate::{
    domain::failure::{Failure, FailureKind},
    http::{self, Client, HeaderValue, Method, Request, Response, SingleClients, Url, header},
    vendors::{Again, Hidden, Scope, VendorError},
};

/// A session that has been idle for this long is asked whether it still is one. A little less than what a connection is
/// kept open for, so that no change is the first request on one that may be closing.
const IDLE: Duration = Duration::from_secs(45);

/// How long the end of a session may take; it ends by itself as well.
const GOODBYE: Duration = Duration::from_secs(3);

/// Logons at the same time: fewer than what blocks an account, should the password have changed just now.
const LOGONS: usize = 4;

/// How long a logon that has succeeded speaks for others. Somebody may think about a question for long, and change the
/// password meanwhile.
const PROVED_FOR: Duration = Duration::from_secs(5);

/// So many ids of sessions are kept from being quoted.
const MOST_SESSIONS: usize = 512;

/// The slots of one console.
pub(super) struct Pool {
    base: Url,
    authorization: HeaderValue,
    virtual_server: Option<HeaderValue>,
    /// The password, plain and as it is sent.
    secrets: [Zeroizing<String>; 2],
    seats: Vec<Seat>,
    /// How many seats are free.
    free: Semaphore,
    /// Held by the first logon, until it is known how it ends.
    first: Semaphore,
    /// Held by every logon: so many passwords at the most are on their way to a console that counts the wrong ones.
    logons: Semaphore,
    /// When a logon has succeeded, unless a session has been lost since.
    proved: Mutex<Option<Instant>>,
    /// The ids of all sessions. Whoever is quoted may quote that of another connection.
    sessions: Mutex<Vec<Zeroizing<String>>>,
    /// Why the console refused the credentials. Set once.
    refused: OnceLock<Failure>,
}

struct Seat {
    client: Client,
    turn: Semaphore,
    session: Mutex<Option<Session>>,
}

/// A session; its id, in the header, is as good as the password.
struct Session {
    header: HeaderValue,
    used: Instant,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("slots", &self.seats.len()).finish_non_exhaustive()
    }
}

impl Pool {
    /// Makes the slots; nothing is sent.
    pub(super) fn new(
        clients: &SingleClients,
        base: &Url,
        account: &Account,
        slots: usize,
    ) -> Result<Self, VendorError> {
        let seat = |_| {
            let client = clients.client().map_err(|error| super::no_client(&error))?;
            Ok(Seat { client, turn: Semaphore::new(1), session: Mutex::new(None) })
        };
        let virtual_server = account.virtual_server.as_deref().map(|name| header_value(&BASE64_STANDARD.encode(name)));
        let password = account.password.expose();
        Ok(Self {
            base: base.clone(),
            authorization: authorization(account)?,
            virtual_server: virtual_server.transpose()?,
            secrets: [Zeroizing::new(password.to_owned()), Zeroizing::new(BASE64_STANDARD.encode(password))],
            seats: (0..slots.max(1)).map(seat).collect::<Result<_, VendorError>>()?,
            free: Semaphore::new(slots.max(1)),
            first: Semaphore::new(1),
            logons: Semaphore::new(LOGONS),
            proved: Mutex::default(),
            sessions: Mutex::default(),
            refused: OnceLock::new(),
        })
    }

    /// Waits for any slot.
    pub(super) async fn talk(&self) -> Result<Talk<'_>, VendorError> {
        let free = self.free.acquire().await.map_err(|_| closed())?;
        loop {
            let mut seats = self.seats.iter().enumerate();
            if let Some((number, turn)) = seats.find_map(|(number, seat)| Some((number, seat.turn.try_acquire().ok()?)))
            {
                return Ok(self.seated(number, free, turn));
            }
            // There is one for every permit, and while it was looked for it changed places.
            tokio::task::yield_now().await;
        }
    }

    /// Waits for this slot: a result set belongs to the session that asked for it.
    pub(super) async fn talk_at(&self, number: usize) -> Result<Talk<'_>, VendorError> {
        let seat = self.seats.get(number).ok_or_else(closed)?;
        let free = self.free.acquire().await.map_err(|_| closed())?;
        let turn = seat.turn.acquire().await.map_err(|_| closed())?;
        Ok(self.seated(number, free, turn))
    }

    fn seated<'p>(&'p self, number: usize, free: SemaphorePermit<'p>, turn: SemaphorePermit<'p>) -> Talk<'p> {
        let session = self.seats.get(number).and_then(Seat::take);
        Talk { pool: self, number, session, _permits: [turn, free] }
    }

    /// Ends every session that is not in use, as far as the console still listens.
    pub(super) async fn close(&self) {
        let goodbyes = self.seats.iter().filter_map(|seat| {
            let session = seat.take()?;
            Some(async move {
                let Ok(call) = requests::end_session() else { return };
                let request = self.request(&call, Some(&session));
                // It ends by itself after some minutes, too.
                drop(tokio::time::timeout(GOODBYE, http::send(&seat.client, request)).await);
            })
        });
        futures::future::join_all(goodbyes).await;
    }

    /// Signs in. The first logon is awaited by all others, and what the console refuses once is not sent again.
    async fn log_on(&self, client: &Client) -> Result<Session, Refusal> {
        let first = if self.is_proved() {
            None
        } else {
            let turn = self.first.acquire().await.map_err(|_| closed())?;
            // Somebody else may have proved it in the meantime: then all go, a few at a time.
            (!self.is_proved()).then_some(turn)
        };
        let turn = self.logons.acquire().await.map_err(|_| closed())?;
        if let Some(failure) = self.refused.get() {
            return Err(VendorError::stops_run(failure.kind, failure.text.clone()).into());
        }
        let call = requests::start_session()?;
        let response = self.exchange(client, self.request(&call, None), &call).await?;
        let id = requests::judge_session(&response).map_err(|refusal| self.judge_log_on(refusal))?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST_SESSIONS {
            sessions.remove(0);
        }
        sessions.push(Zeroizing::new(id.clone()));
        drop(sessions);
        let session = Session::new(id)?;
        *self.proved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        drop((turn, first));
        Ok(session)
    }

    fn is_proved(&self) -> bool {
        let proved = *self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        proved.is_some_and(|proved| proved.elapsed() < PROVED_FOR)
    }

    fn judge_log_on(&self, refusal: Refusal) -> Refusal {
        let refusal = match refusal.why {
            Why::SessionGone => {
                let text = format!("the console does not let this user sign in ({})", refusal.error);
                VendorError::stops_run(FailureKind::Forbidden, text).into()
            }
            Why::NoMethod => {
                let text = format!(
                    "there is no Open API at this address: check `url`; it has a port of its own, 13299 ({})",
                    refusal.error
                );
                VendorError::stops_run(FailureKind::Protocol, text).into()
            }
            _ => refusal,
        };
        self.remember(&refusal);
        refusal
    }

    /// Keeps a refusal of the credentials, wherever it came.
    fn remember(&self, refusal: &Refusal) {
        let error = &refusal.error;
        if error.scope() == Scope::Run && error.failure().kind == FailureKind::CredentialsRefused {
            let failure = Failure::new(error.failure().kind, self.hidden().scrub(&error.failure().text));
            // The first one stands.
            drop(self.refused.set(failure));
        }
    }

    fn request(&self, call: &Call, session: Option<&Session>) -> Request {
        let mut url = self.base.clone();
        url.set_path(&format!("{}api/v1.0/{}", self.base.path(), call.method));
        let mut request = Request::new(Method::POST, url);
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match session {
            Some(session) => drop(headers.insert("x-ksc-session", session.header.clone())),
            None => {
                headers.insert(header::AUTHORIZATION, self.authorization.clone());
                if let Some(name) = &self.virtual_server {
                    headers.insert("x-ksc-vserver", name.clone());
                }
            }
        }
        *request.body_mut() = Some(call.body.clone().into());
        request
    }

    async fn exchange(&self, client: &Client, request: Request, call: &Call) -> Result<Response, VendorError> {
        http::send(client, request).await.map_err(|error| answers::judge_silence(&error, call.changes))
    }

    fn hidden(&self) -> Hidden {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        Hidden::new(self.secrets.iter().chain(sessions.iter()).map(|secret| secret.as_str()))
    }
}

impl Seat {
    fn take(&self) -> Option<Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Session {
    fn new(id: String) -> Result<Self, VendorError> {
        let header = header_value(&Zeroizing::new(id))?;
        Ok(Self { header, used: Instant::now() })
    }
}

/// A conversation: several calls in a row on one connection, in one session.
pub(super) struct Talk<'p> {
    pool: &'p Pool,
    number: usize,
    session: Option<Session>,
    _permits: [SemaphorePermit<'p>; 2],
}

impl Drop for Talk<'_> {
    /// Gives the session back before the slot.
    fn drop(&mut self) {
        if let Some(seat) = self.pool.seats.get(self.number) {
            *seat.session.lock().unwrap_or_else(PoisonError::into_inner) = self.session.take();
        }
    }
}

impl Talk<'_> {
    /// The slot's number.
    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Makes one call. A session that has ended is renewed, and a call that changes nothing made again, once.
    pub(super) async fn ask<T>(
        &mut self,
        call: Result<Call, VendorError>,
        judge: impl Fn(&Response) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let call = call?;
        self.ready().await.map_err(|refusal| self.shown(refusal))?;
        // A console that starts anew forgets a session that it has just made as well.
        let mut renewed = false;
        loop {
            match self.once(&call, &judge).await {
                // Whether a change was carried out before is looked for, not guessed.
                Err(refusal) if refusal.why == Why::SessionGone && call.changes => {
                    let refusal = self.shown(refusal);
                    self.forget();
                    return Err(refusal);
                }
                Err(refusal) if refusal.why == Why::SessionGone && !renewed => {
                    self.forget();
                    self.ready().await.map_err(|refusal| self.shown(refusal))?;
                    renewed = true;
                }
                Err(refusal) => return Err(self.shown(refusal)),
                Ok(value) => return Ok(value),
            }
        }
    }

    /// Makes sure that there is a session.
    async fn ready(&mut self) -> Result<(), Refusal> {
        if self.session.as_ref().is_some_and(|session| session.used.elapsed() > IDLE) {
            match self.once(&requests::ping()?, &|response| requests::judge_done(response, false)).await {
                Ok(()) => {}
                Err(refusal) if refusal.why == Why::SessionGone => self.forget(),
                Err(refusal) => return Err(refusal),
            }
        }
        if self.session.is_some() {
            return Ok(());
        }
        let seat = self.pool.seats.get(self.number).ok_or_else(closed)?;
        self.session = Some(self.pool.log_on(&seat.client).await?);
        Ok(())
    }

    /// The password may have been changed since: the next logon goes alone again.
    fn forget(&mut self) {
        self.session = None;
        *self.pool.proved.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn once<T>(&mut self, call: &Call, judge: &impl Fn(&Response) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let seat = self.pool.seats.get(self.number).ok_or_else(closed)?;
        let request = self.pool.request(call, self.session.as_ref());
        let response = self.pool.exchange(&seat.client, request, call).await?;
        if let Some(session) = &mut self.session {
            session.used = Instant::now();
        }
        let judged = judge(&response);
        if let Err(refusal) = &judged {
            self.pool.remember(refusal);
        }
        judged
    }

    /// No error quotes our credentials.
    fn shown(&self, refusal: Refusal) -> Refusal {
        Refusal { error: refusal.error.without(&self.pool.hidden()), ..refusal }
    }
}

/// `KSCBasic user="…", pass="…", internal="1"`.
fn authorization(account: &Account) -> Result<HeaderValue, VendorError> {
    let encoded = |text: &str| BASE64_STANDARD.encode(text);
    let domain = account.domain.as_deref().map(|domain| {
        let domain = if account.domain_base64 { encoded(domain) } else { domain.to_owned() };
        format!("domain=\"{domain}\", ")
    });
    let value = Zeroizing::new(format!(
        "KSCBasic user=\"{}\", pass=\"{}\", {}internal=\"{}\"",
        encoded(&account.user),
        Zeroizing::new(encoded(account.password.expose())).as_str(),
        domain.unwrap_or_default(),
        u8::from(account.internal)
    ));
    header_value(&value)
}

fn header_value(text: &str) -> Result<HeaderValue, VendorError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        VendorError::stops_run(FailureKind::Internal, "a name or a session cannot be written into a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn closed() -> VendorError {
    VendorError::new(FailureKind::Internal, "the console has no such slot", Again::Never)
}
