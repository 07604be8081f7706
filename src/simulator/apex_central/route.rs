//! What a request is for, and the parameters that came with it.

use hyper::Request;
use url::form_urlencoded;

use crate::simulator::faults::Endpoint;

/// A request's head, read.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) endpoint: Endpoint,
    /// Whether the second form of the list was asked for.
    pub(super) second: bool,
    /// Path and query, as they were received.
    pub(super) target: String,
    pub(super) parameters: Vec<(String, String)>,
}

impl Route {
    pub(super) fn read<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let path = uri.path().to_ascii_lowercase();
        let path = path.strip_suffix('/').unwrap_or(&path);
        let rest = path.strip_prefix("/webapp/api/").unwrap_or_default();
        let (second, rest) = match rest.strip_prefix("v2/") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix("v1/").unwrap_or(rest)),
        };
        let endpoint = match rest {
            "agentresource/productagents" => Endpoint::Agents,
            "serverresource/productservers" if !second => Endpoint::Servers,
            _ => Endpoint::Other,
        };
        let query = uri.query().unwrap_or_default();
        Self {
            method: request.method().as_str().to_owned(),
            endpoint,
            second,
            target: target.to_owned(),
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        }
    }
}
