//! The simulated console, asked by a real client over real HTTPS.

use std::path::Path;

use reqwest::{Certificate, Client, Method, RequestBuilder, Response};
use serde_json::Value;

use super::*;

mod bad_day;
mod isolation;
mod listing;
mod requests;
mod streams;
mod switches;
mod transport;

/// A console with a client that may ask it.
struct Room {
    console: Console,
    client: Client,
}

impl Room {
    async fn with(fleet: Fleet, faults: &str) -> Self {
        let faults = Faults::parse(faults).unwrap();
        let console = start(Options { fleet, faults, ..Options::default() }).await.unwrap();
        let client = client(&console).build().unwrap();
        Self { console, client }
    }

    async fn of(hosts: u32, faults: &str) -> Self {
        Self::with(Fleet::of_size(hosts), faults).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.console.base_url())
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let Credentials { client_id, api_key } = self.console.credentials();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, self.url(path)).basic_auth(client_id, Some(api_key))
    }

    async fn send(&self, method: &str, path: &str) -> Reply {
        Reply::read(self.request(method, path).send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", path).await
    }

    /// Asks for something, and does not get a whole answer.
    async fn fails(&self, method: &str, path: &str) -> reqwest::Error {
        match self.request(method, path).send().await {
            Ok(response) => response.bytes().await.unwrap_err(),
            Err(error) => error,
        }
    }

    fn guid(&self, number: usize) -> String {
        self.console.fleet().hosts()[number].id.clone()
    }

    fn isolation(&self, number: usize) -> String {
        format!("/v1/computers/{}/isolation", self.guid(number))
    }

    fn host(&self, number: usize) -> HostTruth {
        self.console.fleet().hosts()[number].clone()
    }
}

/// Lets everything else go on until this is so.
pub(super) async fn until(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
}

/// A client that trusts a console.
pub(super) fn client(console: &Console) -> reqwest::ClientBuilder {
    let ca = Certificate::from_pem(console.ca_pem().as_bytes()).unwrap();
    Client::builder().tls_certs_only([ca]).no_proxy().redirect(reqwest::redirect::Policy::none())
}

/// An answer, read whole.
struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Reply {
    async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        Self { status, headers, text: response.text().await.unwrap() }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn detail(&self) -> String {
        self.at("/errors/0/details/0").as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn the_ready_configuration_names_the_console_and_its_credentials() {
    let room = Room::of(1, "").await;
    let text = room.console.ready_config(Path::new("/tmp/a \"quoted\" ca.pem"));
    let table: toml::Table = text.parse().unwrap();
    let cisco = table["cisco"].as_table().unwrap();
    let credentials = room.console.credentials();
    assert_eq!(cisco["base_url"].as_str(), Some(room.console.base_url()));
    assert_eq!(cisco["client_id"].as_str(), Some(credentials.client_id.as_str()));
    assert_eq!(cisco["api_key"].as_str(), Some(credentials.api_key.as_str()));
    assert_eq!(cisco["ca_file"].as_str(), Some("/tmp/a \"quoted\" ca.pem"));
    assert_eq!(cisco.len(), 4);
}

#[tokio::test]
async fn credentials_are_new_at_each_start_and_not_shown() {
    let one = Room::of(0, "").await;
    let two = Room::of(0, "").await;
    let credentials = one.console.credentials();
    assert_ne!(credentials, two.console.credentials());
    assert_eq!(credentials.client_id.len(), 20);
    assert!(credentials.client_id.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(guid::Guid::parse(&credentials.api_key).is_some());
    assert!(!format!("{:?}", one.console).contains(&credentials.api_key));
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let room = Room::of(0, "").await;
    let listen = room.console.base_url().strip_prefix("https://").unwrap().parse().unwrap();
    let error = start(Options { listen, ..Options::default() }).await.unwrap_err();
    assert_eq!(error.to_string(), format!("listen on {listen}"));
}
