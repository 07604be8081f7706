//! One session, shared by every request, and who signs in when.
//!
//! The console knows its client by a cookie, and gives one to anybody: what proves a login is where its answer leads, and
//! then one call that wants nothing but a session. Whoever finds the session lost has it renewed; all others wait for that
//! and use what comes of it. A password that was refused once is not shown to the console again.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::{
    Account,
    answers::{self, Door, Instead},
    totp::{self, Key},
};
use crate::{
    clock,
    domain::failure::{Failure, FailureKind},
    http::{self, Client, HeaderValue, Method, Request, Response, Url, header},
    vendors::{Again, Hidden, Scope, VendorError},
};

/// How long the end of the session may take; it ends by itself as well.
const GOODBYE: Duration = Duration::from_secs(3);

/// The longest answer of most calls.
pub(super) const USUAL: usize = 64 * 1024 * 1024;

/// What a request is made of, beside the session.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// Behind the console's address, without a slash in front.
    pub(super) path: &'static str,
    /// The body; a request without one reads.
    pub(super) body: Option<Vec<u8>>,
    /// Whether it changes hosts.
    pub(super) changes: bool,
    /// The largest answer that is believed, in bytes.
    pub(super) limit: usize,
}

impl Draft {
    /// Reads.
    pub(super) const fn get(path: &'static str) -> Self {
        Self { path, body: None, changes: false, limit: USUAL }
    }

    /// Asks with a body, and changes nothing.
    pub(super) fn ask(path: &'static str, body: &impl serde::Serialize) -> Result<Self, VendorError> {
        let body = serde_json::to_vec(body).map_err(|error| {
            VendorError::new(FailureKind::Internal, format!("a request cannot be written: {error}"), Again::Never)
        })?;
        Ok(Self { path, body: Some(body), changes: false, limit: USUAL })
    }
}

/// The door of one console, and who is through it.
pub(super) struct Sessions {
    client: Client,
    base: Url,
    account: Account,
    /// Held by whoever signs in.
    turn: Semaphore,
    current: Mutex<Option<Arc<Session>>>,
    /// How many sessions there were.
    count: AtomicU64,
    /// The half minute whose code was sent: a code is good once.
    last_step: AtomicU64,
    /// Why the console refused the credentials. Set once.
    refused: OnceLock<Failure>,
}

/// A session; its cookies are as good as the password.
struct Session {
    number: u64,
    cookies: Jar,
    header: HeaderValue,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Sessions {
    /// Makes the door; nothing is sent.
    pub(super) fn new(client: Client, base: Url, account: Account) -> Self {
        Self {
            client,
            base,
            account,
            turn: Semaphore::new(1),
            current: Mutex::default(),
            count: AtomicU64::new(0),
            last_step: AtomicU64::new(0),
            refused: OnceLock::new(),
        }
    }

    /// Makes one call. A session that was lost is renewed, and the call made again, once: either it was not carried out, or
    /// doing it twice comes to the same.
    pub(super) async fn ask<T>(
        &self,
        draft: &Draft,
        judge: impl FnOnce(&Response) -> Result<T, VendorError>,
    ) -> Result<T, VendorError> {
        let mut session = self.session(None).await?;
        let (mut renewed, mut doubt) = (false, false);
        loop {
            let request = self.request(draft, &session);
            let response = match self.exchange(request, draft).await {
                Ok(response) => response,
                Err(error) => return Err(self.shown(error, &session.cookies)),
            };
            let Some(instead) = answers::instead(&response) else {
                return judge(&response).map_err(|error| self.shown(error, &session.cookies));
            };
            // What is no data may be an answer that was spoilt on its way: then the request was carried out.
            doubt |= draft.changes && instead != Instead::Door;
            if renewed {
                return Err(self.shown(turned_away(draft, instead, doubt, &response), &session.cookies));
            }
            session = match self.session(Some(session.number)).await {
                Ok(session) => session,
                Err(error) if doubt => return Err(in_doubt(&error)),
                Err(error) => return Err(error),
            };
            renewed = true;
        }
    }

    /// The session, unless it is the one that was found lost; one signs in for all.
    async fn session(&self, lost: Option<u64>) -> Result<Arc<Session>, VendorError> {
        let good = || self.current().clone().filter(|session| lost != Some(session.number));
        if let Some(session) = good() {
            return Ok(session);
        }
        let _turn = self.turn.acquire().await.map_err(|_| closed())?;
        if let Some(session) = good() {
            return Ok(session);
        }
        if let Some(failure) = self.refused.get() {
            return Err(VendorError::stops_run(failure.kind, failure.text.clone()));
        }
        *self.current() = None;
        let session = Arc::new(self.sign_in().await.inspect_err(|error| self.remember(error))?);
        *self.current() = Some(Arc::clone(&session));
        Ok(session)
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<Session>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a refusal of the credentials: the console must not be shown them again.
    fn remember(&self, error: &VendorError) {
        let failure = error.failure();
        let ours = matches!(
            failure.kind,
            FailureKind::CredentialsRefused | FailureKind::PasswordExpired | FailureKind::SecondFactor
        );
        if error.scope() == Scope::Run && ours {
            // The first one stands.
            drop(self.refused.set(failure.clone()));
        }
    }

    async fn sign_in(&self) -> Result<Session, VendorError> {
        // Whoever must wait for the next code need not show the password before that.
        self.may_send_code()?;
        let mut cookies = Jar::default();
        let Account { username, password, totp } = &self.account;
        let form = form(&[("username", username), ("password", password.expose())]);
        let door = self.send_form("login.html", &form, &mut cookies).await?;
        match door {
            Door::Open => {}
            Door::Refused => {
                return Err(VendorError::stops_run(
                    FailureKind::CredentialsRefused,
                    "the console refused user name or password",
                ));
            }
            Door::Expired => return Err(expired()),
            Door::WantsCode => self.send_code(totp.as_ref(), &mut cookies).await?,
        }
        let session =
            Session { number: self.count.fetch_add(1, Ordering::Relaxed) + 1, header: header_of(&cookies)?, cookies };
        match self.prove(&session).await {
            Err(error) if error.failure().kind == FailureKind::SessionLost && door == Door::Open => {}
            proved => return proved.map(|()| session),
        }
        // The page that asks for the code may be one redirect away, and redirects are not followed. So it is looked for only
        // where the session turns out to be half of one.
        if !self.is_asked_for_code(&session).await? {
            return Err(forgotten());
        }
        let mut cookies = session.cookies;
        self.send_code(self.account.totp.as_ref(), &mut cookies).await?;
        let session = Session { number: session.number, header: header_of(&cookies)?, cookies };
        self.prove(&session).await?;
        Ok(session)
    }

    /// Whether the console's first page asks for a code.
    async fn is_asked_for_code(&self, session: &Session) -> Result<bool, VendorError> {
        let draft = Draft::get("");
        let response = self
            .exchange(self.request(&draft, session), &draft)
            .await
            .map_err(|error| self.shown(error, &session.cookies))?;
        Ok(answers::asks_for_code(&response))
    }

    async fn send_code(&self, key: Option<&Key>, cookies: &mut Jar) -> Result<(), VendorError> {
        let stop = |text: &str| Err(VendorError::stops_run(FailureKind::SecondFactor, text));
        let Some(key) = key else {
            return stop(
                "the console wants a second factor, and `totp_secret` is not set; a user that is for the API can be made \
                 without one",
            );
        };
        let step = self.may_send_code()?;
        self.last_step.store(step, Ordering::Relaxed);
        let form = form(&[("totpCode", key.code(step).as_str()), ("submit", "Login")]);
        match self.send_form("", &form, cookies).await? {
            Door::Open => Ok(()),
            Door::Expired => Err(expired()),
            Door::Refused | Door::WantsCode => stop(
                "the console refused the code of the second factor: `totp_secret` is another user's, or this machine's \
                 clock is wrong",
            ),
        }
    }

    /// The half minute whose code may be sent now: a code is good once.
    fn may_send_code(&self) -> Result<u64, VendorError> {
        let now = u64::try_from(clock::now().as_second()).unwrap_or_default();
        let step = now / totp::STEP;
        if self.last_step.load(Ordering::Relaxed) != step {
            return Ok(step);
        }
        let wait = Duration::from_secs(totp::STEP - now % totp::STEP);
        let text = "a code of the second factor is good once, and that of this half minute has been used";
        Err(VendorError::new(FailureKind::Throttled, text, Again::Throttled(Some(wait))))
    }

    async fn send_form(&self, path: &str, form: &str, cookies: &mut Jar) -> Result<Door, VendorError> {
        let mut request = Request::new(Method::POST, self.at(path));
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(cookie) = cookies.header() {
            headers.insert(header::COOKIE, cookie);
        }
        *request.body_mut() = Some(form.to_owned().into());
        let response = http::send(&self.client, request)
            .await
            .map_err(|error| self.shown(answers::judge_silence(&error, false), cookies))?;
        cookies.take(&response);
        answers::judge_form(&response).map_err(|error| self.shown(error, cookies))
    }

    /// A cookie proves nothing: everybody is given one. This call wants a session and no role.
    async fn prove(&self, session: &Session) -> Result<(), VendorError> {
        let draft = Draft::get("rest/users/current");
        let response = self
            .exchange(self.request(&draft, session), &draft)
            .await
            .map_err(|error| self.shown(error, &session.cookies))?;
        if answers::instead(&response).is_some() {
            return Err(forgotten());
        }
        match response.status.as_u16() {
            // Slower, or later: the session is as good as it was.
            429 | 502..=504 => Err(answers::judge_status(&response, false)),
            // Not every version has the call, and not every role may make it; what matters is that it was no login page.
            _ => Ok(()),
        }
    }

    fn request(&self, draft: &Draft, session: &Session) -> Request {
        let method = if draft.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::new(method, self.at(draft.path));
        let headers = request.headers_mut();
        headers.insert(header::COOKIE, session.header.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        // The guide wants it on every call, with a body or without.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = draft.body.clone().map(Into::into);
        request
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url
    }

    async fn exchange(&self, request: Request, draft: &Draft) -> Result<Response, VendorError> {
        http::send_up_to(&self.client, request, draft.limit)
            .await
            .map_err(|error| answers::judge_silence(&error, draft.changes))
    }

    /// Signs out, as far as the console still listens.
    pub(super) async fn close(&self) {
        let Some(session) = self.current().take() else { return };
        let mut request = Request::new(Method::GET, self.at("logout"));
        request.headers_mut().insert(header::COOKIE, session.header.clone());
        // It ends by itself after some hours, too.
        drop(tokio::time::timeout(GOODBYE, http::send(&self.client, request)).await);
    }

    /// No error quotes our credentials.
    fn shown(&self, error: VendorError, cookies: &Jar) -> VendorError {
        let secrets = cookies.0.iter().map(|(_, value)| value.as_str());
        error.without(&Hidden::new(secrets.chain([self.account.password.expose()])))
    }
}

/// Signed in anew, and proved to be, and still no answer: this user is shown the door here, or something stands in between.
fn turned_away(draft: &Draft, instead: Instead, doubt: bool, response: &Response) -> VendorError {
    let (path, number) = (draft.path, response.status.as_u16());
    match instead {
        Instead::Door => {
            let text = format!(
                "the console took the login, and for `/{path}` shows its login page again: the user's role may not do this"
            );
            if doubt {
                VendorError::stops_run_in_doubt(FailureKind::Forbidden, text)
            } else {
                VendorError::stops_run(FailureKind::Forbidden, text)
            }
        }
        Instead::Elsewhere | Instead::NoData => {
            let what = match instead {
                Instead::Elsewhere => "a redirect to another place, which is not followed",
                _ => "something that is no data",
            };
            let text = format!(
                "`/{path}` was answered twice with {what} (HTTP {number}): something between here and the console answers \
                 in its place"
            );
            let again = if doubt { Again::InDoubt } else { Again::Backoff };
            VendorError::new(FailureKind::Gateway, text, again)
        }
    }
}

/// The same failure, where something may have been done before it.
fn in_doubt(error: &VendorError) -> VendorError {
    let failure = error.failure();
    match error.scope() {
        Scope::Run => VendorError::stops_run_in_doubt(failure.kind, failure.text.clone()),
        Scope::Targets => VendorError::new(failure.kind, failure.text.clone(), Again::InDoubt),
    }
}

fn expired() -> VendorError {
    VendorError::stops_run(
        FailureKind::PasswordExpired,
        "the password has expired: sign in to the console with a browser and renew it",
    )
}

fn forgotten() -> VendorError {
    VendorError::stops_run(
        FailureKind::SessionLost,
        "the console took user name and password, and does not know the session that it gave for them",
    )
}

fn header_of(cookies: &Jar) -> Result<HeaderValue, VendorError> {
    cookies.header().ok_or_else(|| {
        VendorError::stops_run(FailureKind::Protocol, "the console took the login and gave no session for it")
    })
}

fn closed() -> VendorError {
    VendorError::new(FailureKind::Internal, "nobody can sign in any more", Again::Never)
}

fn form(fields: &[(&str, &str)]) -> Zeroizing<String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    Zeroizing::new(form.finish())
}

/// The cookies that a login has given.
#[derive(Default)]
struct Jar(Vec<(String, Zeroizing<String>)>);

impl Jar {
    fn take(&mut self, response: &Response) {
        for given in response.headers.get_all(header::SET_COOKIE) {
            let Ok(given) = given.to_str() else { continue };
            let mut parts = given.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            self.0.retain(|(known, _)| known != name);
            let taken_back = parts.any(|part| {
                part.split_once('=').is_some_and(|(key, age)| key.eq_ignore_ascii_case("max-age") && age.trim() == "0")
            });
            if !taken_back && !value.is_empty() {
                self.0.push((name.to_owned(), Zeroizing::new(value.to_owned())));
            }
        }
    }

    /// All of them; `None` if there is none.
    fn header(&self) -> Option<HeaderValue> {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={}", value.as_str())).collect();
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok().filter(|_| !pairs.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }
}
