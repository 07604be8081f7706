//! What a request is for, and the parameters that came with it.

use hyper::{Request, header, http::uri::Authority};
use url::form_urlencoded;

use crate::simulator::{faults::Endpoint, guid::Guid};

/// A request's head, read.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) endpoint: Endpoint,
    /// The host it is for; `None` for an id that is no GUID, and where there is none.
    pub(super) guid: Option<Guid>,
    /// The id in the path, as it is written there.
    pub(super) id: Option<String>,
    /// The console's address as this client knows it.
    pub(super) base: String,
    /// The whole address of what was asked for.
    pub(super) own: String,
    pub(super) parameters: Vec<(String, String)>,
}

impl Route {
    /// Reads a request's head; `base_url` is the console's address for clients that do not say how they know it.
    pub(super) fn read<B>(request: &Request<B>, base_url: &str) -> Self {
        let uri = request.uri();
        // A published script writes two slashes in a row.
        let parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
        let (endpoint, id) = match *parts.as_slice() {
            ["v1", "version"] => (Endpoint::Version, None),
            ["v1", "computers"] => (Endpoint::Computers, None),
            ["v1", "computers", id] => (Endpoint::Computer, Some(id)),
            ["v1", "computers", id, "isolation"] => (Endpoint::Isolation, Some(id)),
            ["v1", "groups"] => (Endpoint::Groups, None),
            ["v1", "event_streams"] => (Endpoint::EventStreams, None),
            ["v1", "event_streams", id] => (Endpoint::EventStreams, Some(id)),
            ["v1", "event_types"] => (Endpoint::EventTypes, None),
            _ => (Endpoint::Other, None),
        };
        let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let authority = named.and_then(|host| host.parse::<Authority>().ok()).or_else(|| uri.authority().cloned());
        let base = match authority {
            Some(authority) if !authority.as_str().contains('@') => format!("https://{authority}"),
            _ => base_url.to_owned(),
        };
        let query = uri.query().unwrap_or_default();
        let mut own = format!("{base}/{}", parts.join("/"));
        if !query.is_empty() {
            own.push('?');
            own.push_str(query);
        }
        Self {
            method: request.method().as_str().to_owned(),
            endpoint,
            guid: id.and_then(Guid::parse),
            id: id.map(str::to_owned),
            base,
            own,
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        }
    }

    /// The first parameter whose name is not among these.
    pub(super) fn unexpected(&self, known: &[&str]) -> Option<&str> {
        self.parameters.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name))
    }

    /// The last value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter, under either of its spellings.
    pub(super) fn all<'a>(&'a self, list: &'a str, single: &'a str) -> impl Iterator<Item = &'a str> {
        let fits = move |key: &str| key == list || key == single;
        self.parameters.iter().filter(move |(key, _)| fits(key)).map(|(_, value)| value.as_str())
    }
}
