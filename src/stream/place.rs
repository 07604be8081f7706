//! Where events are to go, as it is written behind `--to`.
//!
//! An address holds no credentials: arguments are seen by everybody on the machine. No error repeats the text, for somebody
//! may have written them there all the same.

use std::{fmt, path::PathBuf, str::FromStr};

use url::{Host, Url};

use crate::domain::console_url::{self, UrlError};

/// Syslog over TCP or UDP, where no port is given.
const SYSLOG: u16 = 514;

/// Syslog over TLS, where no port is given.
const SYSLOG_TLS: u16 = 6514;

/// The longest name of an index.
const LONGEST_INDEX: usize = 255;

/// Where events are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// A syslog receiver.
    Syslog {
        /// How it is spoken to.
        transport: Transport,
        /// A name or an address, without brackets.
        host: String,
        /// Its port.
        port: u16,
    },
    /// Splunk's HTTP event collector: the address, with a path that ends in a slash.
    Splunk(Url),
    /// Elasticsearch.
    Elastic {
        /// The address up to the index, with a path that ends in a slash.
        url: Url,
        /// The index or the data stream.
        index: String,
    },
}

/// How a syslog receiver is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In the clear, in order.
    Tcp,
    /// Encrypted, in order.
    Tls,
    /// In the clear, and nobody knows whether it arrives.
    Udp,
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if text == "-" || text == "stdout" {
            return Ok(Self::Stdout);
        }
        // `splunk+https` is a scheme; `C:\events.jsonl` and `./a:b` are paths.
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "syslog" | "syslog+tcp" => syslog(Transport::Tcp, rest),
                "syslog+tls" => syslog(Transport::Tls, rest),
                "syslog+udp" => syslog(Transport::Udp, rest),
                "splunk+https" | "splunk+http" => Ok(Self::Splunk(address(text)?)),
                "elastic+https" | "elastic+http" => elastic(address(text)?),
                "file" => file(rest),
                _ => Err(PlaceError::Scheme),
            };
        }
        match text.split_once(':') {
            Some(("file", path)) => file(path),
            Some(("syslog" | "syslog+tls" | "syslog+udp" | "splunk+https" | "elastic+https", _)) => {
                Err(PlaceError::Slashes)
            }
            _ => file(text),
        }
    }
}

fn file(path: &str) -> Result<Place, PlaceError> {
    if path.is_empty() || path.ends_with('/') {
        return Err(PlaceError::NoFile);
    }
    Ok(Place::File(PathBuf::from(path)))
}

fn syslog(transport: Transport, rest: &str) -> Result<Place, PlaceError> {
    // The standard's reading of addresses is that of `https`; of an unknown scheme it is a laxer one. A port that is the
    // usual one there would not be told from none, so it is looked for in the text.
    let url = Url::parse(&format!("https://{rest}")).map_err(|_| PlaceError::Syslog)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(PlaceError::Credentials);
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(PlaceError::Syslog);
    }
    let host = match url.host().ok_or(PlaceError::Syslog)? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let usual = if transport == Transport::Tls { SYSLOG_TLS } else { SYSLOG };
    let written = rest.trim_end_matches('/').rsplit_once(':').is_some_and(|(_, port)| port == "443");
    let port = url.port().unwrap_or(if written { 443 } else { usual });
    if port == 0 {
        return Err(PlaceError::Syslog);
    }
    Ok(Place::Syslog { transport, host, port })
}

/// The address behind `splunk+` or `elastic+`.
fn address(text: &str) -> Result<Url, PlaceError> {
    let (_, address) = text.split_once('+').ok_or(PlaceError::Scheme)?;
    console_url::parse(address).map_err(|error| match error {
        UrlError::UserInfo | UrlError::Query => PlaceError::Credentials,
        UrlError::PlainHttp => PlaceError::PlainHttp,
        _ => PlaceError::NotAUrl,
    })
}

fn elastic(mut url: Url) -> Result<Place, PlaceError> {
    let path = url.path().trim_matches('/').to_owned();
    let (before, index) = path.rsplit_once('/').map_or(("", path.as_str()), |(before, index)| (before, index));
    if index.is_empty() {
        return Err(PlaceError::NoIndex);
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let begins = index.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
    if !begins || !index.chars().all(fits) || index.len() > LONGEST_INDEX || index.chars().all(|c| c == '.') {
        return Err(PlaceError::Index);
    }
    url.set_path(&if before.is_empty() { "/".to_owned() } else { format!("/{before}/") });
    Ok(Place::Elastic { url, index: index.to_owned() })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Syslog { transport, host, port } => {
                let scheme = match transport {
                    Transport::Tcp => "syslog",
                    Transport::Tls => "syslog+tls",
                    Transport::Udp => "syslog+udp",
                };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
            Self::Splunk(url) => write!(f, "splunk+{url}"),
            Self::Elastic { url, index } => write!(f, "elastic+{url}{index}"),
        }
    }
}

/// What is wrong with a text that should be a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// A scheme that nothing here speaks.
    #[error(
        "events go to `stdout`, `file:PATH`, `syslog://HOST:PORT`, `syslog+tls://…`, `syslog+udp://…`, \
         `splunk+https://HOST:PORT` or `elastic+https://HOST:PORT/INDEX`"
    )]
    Scheme,
    /// `syslog:host`.
    #[error("an address has `//` behind its scheme, as in `syslog://collector.example:514`")]
    Slashes,
    /// No name of a file.
    #[error("no file is named, as in `file:/var/log/events.jsonl`")]
    NoFile,
    /// Not a host and a port.
    #[error("a syslog receiver is a host and a port, as in `syslog+tls://collector.example:6514`")]
    Syslog,
    /// `user:password@`, or something behind `?`.
    #[error("an address holds no user, password or token; they come from the environment or the configuration")]
    Credentials,
    /// Plain HTTP to another machine.
    #[error("plain `http` is for this machine only; credentials go over `https`")]
    PlainHttp,
    /// Not a URL.
    #[error("not an address; it is written like `splunk+https://collector.example:8088`")]
    NotAUrl,
    /// No index.
    #[error("no index is named, as in `elastic+https://search.example:9200/edr-events`")]
    NoIndex,
    /// An index that cannot be.
    #[error("the name of an index has small letters, digits, `-`, `_` and `.`, and begins with a letter or a digit")]
    Index,
}

#[cfg(test)]
mod tests;
