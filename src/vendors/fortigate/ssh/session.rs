//! A session: the connection, and the conversation on it.

use std::{borrow::Cow, path::Path, sync::Arc, time::Duration};

use russh::{
    ChannelMsg, Disconnect, MethodKind, Preferred,
    client::{self, AuthResult, KeyboardInteractiveAuthResponse},
    kex,
    keys::{PrivateKeyWithHashAlg, load_secret_key},
};
use tokio::time::timeout;

use super::{
    dialogue::{Dialogue, Prompt, Said, Step},
    judge::Trouble,
    line::{Line, WIDTH},
    reading,
    trust::{self, Door, Expected},
};
use crate::{
    domain::failure::FailureKind,
    secret::Secret,
    vendors::{Again, VendorError, fortigate::channel::Device},
};

/// What is needed to open one.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) expected: Expected,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) key_file: Option<std::path::PathBuf>,
    pub(super) key_passphrase: Option<Secret>,
    pub(super) legacy: bool,
    pub(super) vdom: String,
    pub(super) patience: Duration,
}

/// The most blanks that are typed at once for a long answer.
const BLANKS: usize = 16;

/// The most rounds of questions at sign-in: a firewall that never ends them is none.
const QUESTIONS: usize = 4;

/// An open session.
pub(super) struct Session {
    handle: client::Handle<Door>,
    channel: russh::Channel<client::Msg>,
    dialogue: Dialogue,
    patience: Duration,
    /// Where the session stands between two conversations.
    top: Option<String>,
    has_vdoms: bool,
    pub(super) device: Device,
}

/// The session is of no use any more.
fn lost(kind: FailureKind, text: impl Into<String>) -> VendorError {
    VendorError::new(kind, text, Again::Backoff)
}

fn cut(error: &russh::Error) -> VendorError {
    lost(FailureKind::Cut, format!("the session with the firewall broke off: {error}"))
}

impl Session {
    /// Opens one: proves the firewall, then ourselves, then goes to where our objects are.
    pub(super) async fn open(way: &Way) -> Result<Self, VendorError> {
        let mut session = Self::connect(way).await?;
        session.settle_in(&way.vdom).await?;
        Ok(session)
    }

    async fn connect(way: &Way) -> Result<Self, VendorError> {
        trust::readable(&way.expected.known_hosts)?;
        let Expected { host, port, .. } = &way.expected;
        let (door, refused) = Door::new(way.expected.clone());
        let config = Arc::new(config(way.legacy));
        let connected = timeout(way.patience, client::connect(config, (host.as_str(), *port), door)).await;
        let mut handle = match connected {
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => {
                let refused = refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                return Err(refused.unwrap_or_else(|| unreachable(&error)));
            }
            Err(_) => return Err(lost(FailureKind::Timeout, "the firewall did not answer over SSH in time")),
        };
        let shell = async {
            sign_in(&mut handle, way).await?;
            let channel = handle.channel_open_session().await.map_err(|error| cut(&error))?;
            channel.request_pty(false, "vt100", WIDTH, 24, 0, 0, &[]).await.map_err(|error| cut(&error))?;
            channel.request_shell(false).await.map_err(|error| cut(&error))?;
            Ok(channel)
        };
        let channel = match timeout(way.patience, shell).await {
            Ok(channel) => channel?,
            Err(_) => return Err(lost(FailureKind::Timeout, "the firewall did not finish the login in time")),
        };
        Ok(Self {
            handle,
            channel,
            dialogue: Dialogue::default(),
            patience: way.patience,
            top: None,
            has_vdoms: false,
            device: Device::default(),
        })
    }

    /// Learns who answers, and enters the virtual domain if there are any. One that is not there is never entered: that would
    /// make it.
    async fn settle_in(&mut self, vdom: &str) -> Result<(), VendorError> {
        self.answer().await?;
        let said = self.one(&Line::new("get system status")).await?;
        let (device, has_vdoms) = reading::device(&said.lines).ok_or_else(|| {
            lost(FailureKind::Protocol, "what answers over SSH does not describe itself as a FortiGate does")
        })?;
        self.device = device;
        self.has_vdoms = has_vdoms;
        if self.device.hostname.as_deref().is_some_and(|name| Some(name) != self.dialogue.host()) {
            return Err(lost(FailureKind::Protocol, "the firewall's prompt does not begin with its name"));
        }
        if !has_vdoms {
            self.device.has_vdom = vdom == "root";
            self.device.managed_elsewhere = self.is_managed().await?;
            return Ok(());
        }
        if self.one(&Line::new("config global")).await?.after.is_at(Some("global")) {
            self.device.managed_elsewhere = self.is_managed().await?;
            self.one(&Line::new("end")).await?;
        }
        let said = self.one(&Line::new("config vdom")).await?;
        if !said.after.is_at(Some("vdom")) {
            let text = "the administrator may not enter virtual domains";
            return Err(VendorError::stops_run(FailureKind::Forbidden, text));
        }
        let said = self.one(&Line::new("show")).await?;
        let names = said.lines.iter().filter_map(|line| line.trim().strip_prefix("edit "));
        self.device.has_vdom = names.map(|name| name.trim().trim_matches('"')).any(|name| name == vdom);
        if !self.device.has_vdom {
            return Ok(());
        }
        let said = self.one(&Line::new("edit").word(vdom)).await?;
        if Trouble::of(&said.lines).is_some() || !said.after.is_at(Some(vdom)) {
            let text = format!("the virtual domain `{vdom}` cannot be entered");
            return Err(VendorError::stops_run(FailureKind::Forbidden, text));
        }
        self.top = Some(vdom.to_owned());
        Ok(())
    }

    async fn is_managed(&mut self) -> Result<bool, VendorError> {
        let said = self.one(&Line::new("show system central-management")).await?;
        Ok(said.lines.iter().any(|line| line.trim() == "set type fortimanager"))
    }

    /// Whether the connection is known to be gone.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Whether a prompt stands where a conversation begins and ends.
    pub(super) fn is_top(&self, prompt: &Prompt) -> bool {
        prompt.is_at(self.top.as_deref())
    }

    /// Whether the end of one entry and the beginning of the next may be typed together. Where there are virtual domains
    /// they may not: whoever falls out of a table there might fall into one in which `edit` makes a virtual domain.
    pub(super) const fn may_run_on(&self) -> bool {
        !self.has_vdoms
    }

    /// Types one line.
    pub(super) async fn one(&mut self, line: &Line) -> Result<Said, VendorError> {
        let mut said = self.ask(std::slice::from_ref(line)).await?;
        said.pop().ok_or_else(|| lost(FailureKind::Protocol, "a line was not answered"))
    }

    /// Types lines at once, and reads what came of each. An error leaves the session of no use.
    pub(super) async fn ask(&mut self, lines: &[Line]) -> Result<Vec<Said>, VendorError> {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend(line.bytes()?);
        }
        if self.dialogue.at().is_none() {
            return Err(lost(FailureKind::Protocol, "the firewall is still answering something else"));
        }
        self.dialogue.typed(lines);
        self.channel.data_bytes(bytes).await.map_err(|error| cut(&error))?;
        let said = self.answer().await?;
        if said.len() != lines.len() {
            return Err(lost(FailureKind::Protocol, "the firewall answered more or fewer lines than were typed"));
        }
        Ok(said)
    }

    /// Reads until every line that was typed is answered.
    async fn answer(&mut self) -> Result<Vec<Said>, VendorError> {
        let mut screens = 0_u32;
        loop {
            let message = timeout(self.patience, self.channel.wait())
                .await
                .map_err(|_| lost(FailureKind::Timeout, "the firewall did not answer in time"))?;
            let bytes = match message {
                Some(ChannelMsg::Data { data }) => data,
                Some(ChannelMsg::Failure) => {
                    let text = "the firewall refuses a terminal to this administrator";
                    return Err(VendorError::stops_run(FailureKind::Forbidden, text));
                }
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => {
                    return Err(lost(FailureKind::Cut, "the firewall ended the session"));
                }
                Some(_) => continue,
            };
            match self.dialogue.take(&bytes) {
                Step::Wait => {}
                Step::Type(keys) => {
                    // A long answer is asked for in ever bigger pieces. A blank too many stands before the next line, where
                    // it means nothing.
                    let times = 1_usize.checked_shl(screens.saturating_sub(1)).unwrap_or(BLANKS).min(BLANKS);
                    screens += 1;
                    let times = if keys == super::dialogue::GO_ON { times } else { 1 };
                    self.channel.data_bytes(keys.repeat(times)).await.map_err(|error| cut(&error))?;
                }
                Step::Done(said) => return Ok(said),
                Step::Lost(why) => return Err(lost(FailureKind::Protocol, why)),
            }
        }
    }

    /// Leaves. What was not saved is not saved.
    pub(super) async fn leave(self) {
        // Whoever leaves has heard all there was to hear.
        let left = self.handle.disconnect(Disconnect::ByApplication, "", "en");
        drop(timeout(Duration::from_secs(1), left).await);
    }
}

/// What is offered to the firewall. Its own list is old where it is old; what is not safe any more takes an explicit key.
fn config(legacy: bool) -> client::Config {
    let mut offered: Vec<kex::Name> = Preferred::DEFAULT.kex.to_vec();
    if legacy {
        offered.push(kex::DH_G14_SHA1);
    }
    client::Config {
        preferred: Preferred { kex: Cow::Owned(offered), ..Preferred::DEFAULT },
        nodelay: true,
        // An answer may take long. How long is bounded where it is waited for.
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(30)),
        ..client::Config::default()
    }
}

fn unreachable(error: &russh::Error) -> VendorError {
    match error {
        russh::Error::NoCommonAlgo { .. } => VendorError::stops_run(
            FailureKind::Unreachable,
            format!(
                "the firewall and this program have no way of encryption in common ({error}); an old one may need \
                 `fortigate.ssh_legacy_algorithms = true`"
            ),
        ),
        russh::Error::IO(error) => {
            lost(FailureKind::Unreachable, format!("no connection to the firewall over SSH: {error}"))
        }
        error => lost(FailureKind::Unreachable, format!("the firewall does not speak SSH as it should: {error}")),
    }
}

async fn sign_in(handle: &mut client::Handle<Door>, way: &Way) -> Result<(), VendorError> {
    let user = way.user.as_str();
    let mut tried = Vec::new();
    if let Some(path) = &way.key_file {
        let key = key(path, way.key_passphrase.as_ref())?;
        let hash = handle.best_supported_rsa_hash().await.map_err(|error| cut(&error))?.flatten();
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        if handle.authenticate_publickey(user, key).await.map_err(|error| cut(&error))?.success() {
            return Ok(());
        }
        tried.push("the key");
    }
    if let Some(password) = &way.password {
        let said = handle.authenticate_password(user, password.expose()).await.map_err(|error| cut(&error))?;
        // A password that was looked at is not given again: every refusal counts towards a lock-out.
        let asks = match said {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods: left, .. } => {
                left.contains(&MethodKind::KeyboardInteractive) && !left.contains(&MethodKind::Password)
            }
        };
        if asks && by_questions(handle, user, password).await? {
            return Ok(());
        }
        tried.push("the password");
    }
    let text = format!("the firewall refuses {} of `{user}`", tried.join(" and "));
    Err(VendorError::stops_run(FailureKind::CredentialsRefused, text))
}

/// Answers the one hidden question that a firewall may ask in place of taking the password. More than one question, or one
/// whose answer would be shown, is for something else (a second factor), and the password is not given to it.
async fn by_questions(handle: &mut client::Handle<Door>, user: &str, password: &Secret) -> Result<bool, VendorError> {
    let mut given = false;
    let mut said = handle.authenticate_keyboard_interactive_start(user, None).await.map_err(|error| cut(&error))?;
    for _ in 0..QUESTIONS {
        let answers = match said {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => match prompts.as_slice() {
                [] => Vec::new(),
                [one] if !one.echo && !given => {
                    given = true;
                    vec![password.expose().to_owned()]
                }
                _ => {
                    let text = "the firewall asks for more than a password, and only a password can be given";
                    return Err(VendorError::stops_run(FailureKind::SecondFactor, text));
                }
            },
        };
        said = handle.authenticate_keyboard_interactive_respond(answers).await.map_err(|error| cut(&error))?;
    }
    Ok(false)
}

fn key(path: &Path, passphrase: Option<&Secret>) -> Result<russh::keys::PrivateKey, VendorError> {
    load_secret_key(path, passphrase.map(Secret::expose)).map_err(|error| {
        let text = match error {
            russh::keys::Error::KeyIsEncrypted => format!(
                "the key file `{}` has a passphrase, and `fortigate.ssh_key_passphrase` does not tell it",
                path.display()
            ),
            error => format!("the key file `{}` cannot be used: {error}", path.display()),
        };
        VendorError::stops_run(FailureKind::CredentialsRefused, text)
    })
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("device", &self.device).finish_non_exhaustive()
    }
}
