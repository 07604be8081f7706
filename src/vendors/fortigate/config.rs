//! The `[fortigate]` section of the configuration: where the firewall is, who asks, and into which group.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use url::Url;

use super::{
    Fortigate, Groups, advice,
    channel::Channel,
    feed::{CLASSES, Class, Feed},
    rest::Rest,
    ssh::{Ssh, SshSettings},
};
use crate::{
    domain::console_url::UrlError,
    http::Client,
    secret::{Lookup, Secret, SecretSource},
    settings::{Given, Section, Setting, SettingError},
    vendors::{
        Advice, ConsoleSection, Link, Ready, Vendor, VendorError, Wishes,
        reach::{Reach, Usual},
    },
};

/// The section, and the firewall's word everywhere else.
pub(super) const NAME: &str = "fortigate";

/// The virtual domain, where there are none of them.
const VDOM: &str = "root";

/// Where the command line listens, unless somebody has moved it.
const SSH_PORT: u16 = 22;

/// Batches in flight unless the configuration says otherwise: a firewall has other things to do.
const CONCURRENCY: usize = 16;

/// Members of the group unless the configuration says otherwise. How many a model takes is nowhere said.
const MAX_MEMBERS: u64 = 500;

/// How long an answer may take unless the configuration says otherwise; a full unit saves slowly.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What is so unless the configuration says otherwise.
const USUAL: Usual = Usual { section: NAME, concurrency: CONCURRENCY, timeout: TIMEOUT, risk: "read the token" };

/// The ways to the firewall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Transport {
    /// The REST interface.
    #[default]
    Rest,
    /// The command line, over SSH.
    Ssh,
    /// Lists that the firewall fetches by itself.
    Feed,
}

const TRANSPORTS: [(&str, Transport); 3] =
    [("rest", Transport::Rest), ("ssh", Transport::Ssh), ("feed", Transport::Feed)];

/// The section as far as it has been set.
#[derive(Clone, Debug, Default)]
pub struct FortigateSection {
    transport: Option<Setting<Transport>>,
    ssh_host: Option<Setting<String>>,
    ssh_port: Option<Setting<u64>>,
    ssh_user: Option<Setting<String>>,
    ssh_password: Option<Setting<SecretSource>>,
    ssh_key_file: Option<Setting<PathBuf>>,
    ssh_key_passphrase: Option<Setting<SecretSource>>,
    ssh_known_hosts: Option<Setting<PathBuf>>,
    ssh_legacy_algorithms: Option<Setting<bool>>,
    url: Option<Setting<Url>>,
    token: Option<Setting<SecretSource>>,
    vdom: Option<Setting<String>>,
    group: Option<Setting<String>>,
    group6: Option<Setting<String>>,
    max_members: Option<Setting<u64>>,
    feed_folder: Option<Setting<PathBuf>>,
    feed_class: Option<Setting<Class>>,
    reach: Reach,
}

impl Section for FortigateSection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "transport",
            "ssh_host",
            "ssh_port",
            "ssh_user",
            "ssh_password",
            "ssh_key_file",
            "ssh_key_passphrase",
            "ssh_known_hosts",
            "ssh_legacy_algorithms",
            "url",
            "token",
            "vdom",
            "group",
            "group6",
            "max_members",
            "feed_folder",
            "feed_class",
            "ca_file",
            "certificate_sha256",
            "insecure",
            "concurrency",
            "timeout",
        ]
    }

    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), SettingError> {
        match key {
            "transport" => self.transport = Some(given.word(&TRANSPORTS)?),
            "ssh_host" => self.ssh_host = Some(name(given, is_host, "a host name or an address, without a port")?),
            "ssh_port" => self.ssh_port = Some(given.whole(1..=65_535)?),
            "ssh_user" => self.ssh_user = Some(given.line()?),
            "ssh_password" => self.ssh_password = Some(given.secret()?),
            "ssh_key_file" => self.ssh_key_file = Some(given.path()?),
            "ssh_key_passphrase" => self.ssh_key_passphrase = Some(given.secret()?),
            "ssh_known_hosts" => self.ssh_known_hosts = Some(given.path()?),
            "ssh_legacy_algorithms" => self.ssh_legacy_algorithms = Some(given.truth()?),
            "url" => self.url = Some(given.url(without_path)?),
            "token" => self.token = Some(given.secret()?),
            "vdom" => {
                self.vdom = Some(name(given, is_vdom, "the name of a virtual domain: letters, digits, `_` and `-`")?)
            }
            "group" => self.group = Some(name(given, is_group, GROUP)?),
            "group6" => self.group6 = Some(name(given, is_group, GROUP)?),
            "max_members" => self.max_members = Some(given.whole(1..=100_000)?),
            "feed_folder" => self.feed_folder = Some(given.path()?),
            "feed_class" => self.feed_class = Some(given.word(&CLASSES)?),
            "certificate_sha256" => return self.reach.pin(given),
            _ => return self.reach.set(key, given),
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<&Setting<SecretSource>> {
        self.token.iter().chain(&self.ssh_password).chain(&self.ssh_key_passphrase).collect()
    }
}

/// What is needed to speak to one firewall.
#[derive(Clone, Debug)]
pub struct FortigateConfig {
    /// How it is reached.
    pub link: Link,
    /// How it is spoken to.
    way: Way,
    /// The virtual domain.
    vdom: String,
    /// The groups.
    groups: Groups,
    max_members: usize,
}

/// What stands for the groups of the two tables where there are lists.
const LISTS: (&str, &str) = ("ip4.txt and domain.txt", "ip6.txt");

/// What each way needs.
#[derive(Clone, Debug)]
enum Way {
    /// The API administrator's token.
    Rest(Secret),
    /// An administrator of the command line.
    Ssh(SshSettings),
    /// The folder of the lists.
    Feed(PathBuf, Class),
}

impl Ready for FortigateConfig {
    fn link(&self) -> &Link {
        &self.link
    }

    fn account(&self) -> Option<&str> {
        Some(&self.vdom)
    }

    fn advice(&self) -> Option<&'static Advice> {
        Some(match self.way {
            Way::Rest(_) => &advice::REST,
            Way::Ssh(_) => &advice::SSH,
            Way::Feed(..) => &advice::FEED,
        })
    }

    fn part(&self) -> Option<String> {
        if matches!(self.way, Way::Feed(..)) {
            return None;
        }
        let Groups { v4, v6 } = &self.groups;
        let groups = if v4 == v6 { format!("group `{v4}`") } else { format!("groups `{v4}` and `{v6}`") };
        Some(format!("virtual domain `{}`, {groups}", self.vdom))
    }

    fn open(&self, client: Client, wishes: Wishes) -> Result<Arc<dyn Vendor>, VendorError> {
        let channel: Box<dyn Channel> = match &self.way {
            Way::Rest(token) => Box::new(Rest::new(client, self.link.url.clone(), &self.vdom, token)?),
            Way::Feed(folder, class) => Box::new(Feed::new(folder.clone(), *class)),
            Way::Ssh(settings) => Box::new(Ssh::new(settings.clone(), &self.vdom, self.link.timeout)),
        };
        Ok(Arc::new(Fortigate::new(
            channel,
            self.link.address.clone(),
            &self.vdom,
            self.groups.clone(),
            self.max_members,
            self.link.concurrency,
            wishes.errand,
        )))
    }
}

impl ConsoleSection for FortigateSection {
    fn complete(&self, lookup: Lookup<'_>) -> Result<Box<dyn Ready>, SettingError> {
        Ok(Box::new(self.completed(lookup)?))
    }

    fn is_set(&self) -> bool {
        self.url.is_some() || self.token.is_some() || self.ssh_host.is_some() || self.feed_folder.is_some()
    }

    fn url(&self) -> Result<Url, SettingError> {
        match self.transport() {
            Transport::Rest => {}
            Transport::Ssh => return self.ssh_url(),
            Transport::Feed => return self.feed().map(|(url, _)| url),
        }
        let url = self.url.as_ref().ok_or(SettingError::Missing { section: NAME, key: "url" })?;
        Ok(url.value.clone())
    }

    fn also_at(&self) -> Vec<Url> {
        self.url.iter().map(|url| url.value.clone()).chain(self.ssh_url()).collect()
    }

    fn boxed(&self) -> Box<dyn ConsoleSection> {
        Box::new(self.clone())
    }
}

impl FortigateSection {
    fn transport(&self) -> Transport {
        self.transport.as_ref().map_or_else(Transport::default, |setting| setting.value)
    }

    fn ssh_port(&self) -> u16 {
        self.ssh_port.as_ref().and_then(|setting| u16::try_from(setting.value).ok()).unwrap_or(SSH_PORT)
    }

    /// Where the command line is, as an address: for whoever tells it, and for what must stay reachable.
    fn ssh_url(&self) -> Result<Url, SettingError> {
        let host = self.ssh_host.as_ref().ok_or(SettingError::Missing { section: NAME, key: "ssh_host" })?;
        let bare = if host.value.contains(':') { format!("[{}]", host.value) } else { host.value.clone() };
        Url::parse(&format!("ssh://{bare}:{}/", self.ssh_port()))
            .map_err(|_| SettingError::Url { origin: host.origin.clone(), source: UrlError::NotAUrl })
    }

    /// Where the lists are, as an address and as a path.
    fn feed(&self) -> Result<(Url, PathBuf), SettingError> {
        let folder = self.feed_folder.as_ref().ok_or(SettingError::Missing { section: NAME, key: "feed_folder" })?;
        let wrong =
            || SettingError::Wrong { origin: folder.origin.clone(), expected: "the path of a folder".to_owned() };
        let path = std::path::absolute(&folder.value).map_err(|_| wrong())?;
        let url = Url::from_file_path(&path).map_err(|()| wrong())?;
        Ok((url, path))
    }

    fn completed(&self, lookup: Lookup<'_>) -> Result<FortigateConfig, SettingError> {
        let missing = |key| SettingError::Missing { section: NAME, key };
        let read = |setting: &Setting<SecretSource>, key| setting.read(NAME, key, lookup);
        let url = ConsoleSection::url(self)?;
        let group = match (&self.group, self.transport()) {
            (_, Transport::Feed) => LISTS.0.to_owned(),
            (Some(group), _) => group.value.clone(),
            (None, _) => return Err(missing("group")),
        };
        let trust = self.reach.trust()?;
        let (way, credentials_from) = match self.transport() {
            Transport::Rest => {
                let token = self.token.as_ref().ok_or_else(|| missing("token"))?;
                let (secret, origin) = read(token, "token")?;
                (Way::Rest(secret), origin)
            }
            Transport::Ssh => {
                let user = self.ssh_user.as_ref().ok_or_else(|| missing("ssh_user"))?;
                let password = self.ssh_password.as_ref().map(|password| read(password, "ssh_password")).transpose()?;
                let key_file = self.ssh_key_file.as_ref();
                let key_origin = key_file.map(|setting| setting.origin.clone());
                let origin = password.as_ref().map(|(_, origin)| origin.clone()).or(key_origin);
                let passphrase = self.ssh_key_passphrase.as_ref();
                let passphrase = passphrase.map(|phrase| read(phrase, "ssh_key_passphrase")).transpose()?;
                let settings = SshSettings {
                    host: self.ssh_host.as_ref().ok_or_else(|| missing("ssh_host"))?.value.clone(),
                    port: self.ssh_port(),
                    user: user.value.clone(),
                    password: password.map(|(secret, _)| secret),
                    key_file: key_file.map(|setting| setting.value.clone()),
                    key_passphrase: passphrase.map(|(secret, _)| secret),
                    known_hosts: self.ssh_known_hosts.as_ref().ok_or_else(|| missing("ssh_known_hosts"))?.value.clone(),
                    legacy: self.ssh_legacy_algorithms.as_ref().is_some_and(|setting| setting.value),
                };
                (Way::Ssh(settings), origin.ok_or_else(|| missing("ssh_password"))?)
            }
            Transport::Feed => {
                let origin = self.feed_folder.as_ref().ok_or_else(|| missing("feed_folder"))?.origin.clone();
                let class = self.feed_class.as_ref().map_or_else(Class::default, |setting| setting.value);
                (Way::Feed(self.feed()?.1, class), origin)
            }
        };
        let max_members = self.max_members.as_ref().map_or(MAX_MEMBERS, |setting| setting.value);
        let link = self.reach.link(url, trust, credentials_from, USUAL);
        let link = match &way {
            Way::Rest(_) => link,
            // One session holds one conversation: a second one would only wait, and be in doubt if the first breaks off. A
            // list is written whole. And no certificate is looked at.
            Way::Ssh(_) | Way::Feed(..) => Link {
                address: link.url.as_str().trim_end_matches('/').to_owned(),
                concurrency: NonZeroUsize::MIN,
                warnings: Vec::new(),
                ..link
            },
        };
        Ok(FortigateConfig {
            way,
            vdom: self.vdom.as_ref().map_or_else(|| VDOM.to_owned(), |setting| setting.value.clone()),
            groups: match (self.transport(), &self.group6) {
                (Transport::Feed, _) => Groups { v4: group, v6: LISTS.1.to_owned() },
                (_, Some(group6)) => Groups { v4: group, v6: group6.value.clone() },
                (_, None) => Groups { v6: group.clone(), v4: group },
            },
            max_members: usize::try_from(max_members).unwrap_or(usize::MAX),
            link,
        })
    }
}

const GROUP: &str = "the name of an address group: at most 63 letters, digits, blanks, `.`, `_` and `-`";

/// A name of the firewall's that goes into addresses and command lines.
fn name(given: Given<'_>, fits: fn(&str) -> bool, expected: &str) -> Result<Setting<String>, SettingError> {
    let line = given.line()?;
    if fits(&line.value) {
        return Ok(line);
    }
    Err(SettingError::Wrong { origin: line.origin, expected: expected.to_owned() })
}

fn is_host(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
        || (1..=253).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn is_vdom(text: &str) -> bool {
    (1..=31).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn is_group(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'.' | b'_' | b'-');
    (1..=63).contains(&text.len()) && text.bytes().all(plain) && text.trim() == text && !matches!(text, "." | "..")
}

/// Cuts the interface's own path off. What is in front of it is a proxy's, and is kept.
fn without_path(mut url: Url) -> Result<Url, UrlError> {
    let path = url.path().trim_end_matches('/').to_owned();
    let path = path.split("/api/v2").next().unwrap_or_default().trim_end_matches('/');
    let path = format!("{path}/");
    url.set_path(&path);
    Ok(url)
}
