//! The simulated Apex Central, asked by a real client over real HTTPS.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::simulator::{
    Console, Credentials, Faults, Fleet, HostTruth, Model, Options, start,
    tests::{client, until},
};

mod actions;
mod bad_day;
mod listing;
mod tokens;

const APPLICATION: &str = "1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1";
const KEY: &str = "0A1B2C3D-4E5F-4061-8293-A4B5C6D7E8F9";
const AGENTS: &str = "/WebApp/API/AgentResource/ProductAgents";
const SERVERS: &str = "/WebApp/API/ServerResource/ProductServers";
const NOW: i64 = 1_700_000_150;

/// The hosts confirm at once, as far as a person can tell.
const SWIFT: &str = "[[confirm]]\nafter = '10ms'\n";

/// A console with fixed credentials, at a fixed time, with a client that may ask it.
struct Room {
    console: Console,
    client: Client,
}

impl Room {
    async fn with(fleet: Fleet, faults: &str) -> Self {
        let options = Options {
            console: Model::ApexCentral,
            fleet,
            faults: Faults::parse(faults).unwrap(),
            now: jiff::Timestamp::from_second(NOW).unwrap(),
            credentials: Some(Credentials { client_id: APPLICATION.to_owned(), api_key: KEY.to_owned() }),
            ..Options::default()
        };
        let console = start(options).await.unwrap();
        let client = client(&console).build().unwrap();
        Self { console, client }
    }

    async fn of(agents: u32, faults: &str) -> Self {
        Self::with(Fleet::of_size(agents), faults).await
    }

    /// The fleet that comes with the documentation.
    async fn of_examples(faults: &str) -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/apex-agents.json");
        Self::with(Fleet::read(std::path::Path::new(path)).unwrap(), faults).await
    }

    fn request(&self, method: &str, target: &str, token: &str) -> RequestBuilder {
        let url = format!("{}{target}", self.console.base_url());
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, url).header("Authorization", format!("Bearer {token}"))
    }

    /// Asks with this token, whatever it is.
    async fn ask(&self, method: &str, target: &str, body: &str, token: &str) -> Reply {
        Reply::of(self.request(method, target, token).body(body.to_owned())).await
    }

    fn signed(&self, method: &str, target: &str, body: &str) -> RequestBuilder {
        let token = token(KEY, NOW, &checksum(method, target, body));
        self.request(method, target, &token).body(body.to_owned())
    }

    async fn list(&self, query: &str) -> Vec<Value> {
        let target = format!("{AGENTS}{query}");
        Reply::of(self.signed("GET", &target, "")).await.content()
    }

    async fn post(&self, body: &Value) -> Reply {
        Reply::of(self.signed("POST", AGENTS, &body.to_string())).await
    }

    /// Isolates or restores the agent with this id.
    async fn act(&self, act: &str, id: &str) -> Reply {
        self.post(&json!({"entity_id": id, "act": act, "allow_multiple_match": false})).await
    }

    async fn fails(&self, request: RequestBuilder) -> reqwest::Error {
        match request.send().await {
            Ok(response) => response.bytes().await.unwrap_err(),
            Err(error) => error,
        }
    }

    fn host(&self, number: usize) -> HostTruth {
        self.console.fleet().hosts()[number].clone()
    }

    fn named(&self, name: &str) -> HostTruth {
        self.console.fleet().hosts().into_iter().find(|host| host.name == name).unwrap()
    }

    async fn status_of(&self, id: &str) -> String {
        let found = self.list(&format!("?entity_id={id}")).await;
        found[0]["isolation_status"].as_str().unwrap().to_owned()
    }
}

/// Base64 of the SHA-256 of what a request without `API` headers consists of.
fn checksum(method: &str, target: &str, body: &str) -> String {
    let canonical = format!("{method}|{}||{body}", target.to_ascii_lowercase());
    STANDARD.encode(Sha256::digest(canonical))
}

fn token(key: &str, iat: i64, checksum: &str) -> String {
    let claims = json!({"appid": APPLICATION, "iat": iat, "version": "V1", "checksum": checksum});
    sign(key, &json!({"alg": "HS256", "typ": "JWT"}), &claims)
}

fn sign(key: &str, head: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap().chain_update(&signed).finalize();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes()))
}

/// An answer, read whole.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Reply {
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The status, and the code in the body.
    fn told(&self) -> (u16, i64) {
        (self.status, self.json()["result_code"].as_i64().unwrap())
    }

    #[track_caller]
    fn content(&self) -> Vec<Value> {
        assert_eq!(self.told(), (200, 1), "{}", self.text);
        self.json()["result_content"].as_array().unwrap().clone()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
