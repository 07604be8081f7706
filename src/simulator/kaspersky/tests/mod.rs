//! The simulated Security Center, asked in raw JSON over real HTTPS.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};

use crate::simulator::{
    Console, Credentials, Faults, Fleet, HostTruth, Model, Options, faults::Endpoint, start, tests::until,
};

mod bad_day;
mod incidents;
mod searches;
mod sessions;
mod tasks;
mod transport;

const USER: &str = "svc-response";
const PASSWORD: &str = "pässword \"17\"";
const NOW: &str = "2026-01-02T03:04:05Z";

/// The service is quick and so are the hosts.
const SWIFT: &str = "kaspersky.pick_up_after = '5ms'\nconfirm = [{ after = '20ms' }]\n";

/// A console with fixed credentials, at a fixed time, with a client of one connection that has logged on.
struct Room {
    console: Console,
    client: Client,
    session: String,
}

impl Room {
    /// A console on which nobody has logged on.
    async fn closed(fleet: Fleet, faults: &str) -> Self {
        let options = Options {
            console: Model::Kaspersky,
            fleet,
            faults: Faults::parse(faults).unwrap(),
            now: NOW.parse().unwrap(),
            credentials: Some(Credentials { client_id: USER.to_owned(), api_key: PASSWORD.to_owned() }),
            ..Options::default()
        };
        let console = start(options).await.unwrap();
        Self { console, client: client(), session: String::new() }
    }

    async fn with(fleet: Fleet, faults: &str) -> Self {
        let mut room = Self::closed(fleet, faults).await;
        room.log_on().await;
        room
    }

    async fn of(hosts: u32, faults: &str) -> Self {
        Self::with(Fleet::of_size(hosts), faults).await
    }

    async fn log_on(&mut self) {
        let started = Reply::of(self.post("Session.StartSession").header("Authorization", basic(PASSWORD))).await;
        self.session = started.value().as_str().unwrap().to_owned();
    }

    fn url(&self, method: &str) -> String {
        format!("{}/api/v1.0/{method}", self.console.base_url())
    }

    /// A request without a body and without a session.
    fn post(&self, method: &str) -> RequestBuilder {
        self.client.post(self.url(method))
    }

    fn request(&self, method: &str, arguments: &Value) -> RequestBuilder {
        let request = self.post(method).header("Content-Type", "application/json").body(arguments.to_string());
        request.header("X-KSC-Session", &self.session)
    }

    async fn call(&self, method: &str, arguments: Value) -> Reply {
        Reply::of(self.request(method, &arguments)).await
    }

    async fn fails(&self, method: &str, arguments: Value) -> reqwest::Error {
        match self.request(method, &arguments).send().await {
            Ok(response) => response.bytes().await.unwrap_err(),
            Err(error) => error,
        }
    }

    fn host(&self, number: usize) -> HostTruth {
        self.console.fleet().hosts()[number].clone()
    }

    fn id(&self, number: usize) -> String {
        self.host(number).id
    }

    /// Searches for hosts; the ids that were found.
    async fn hosts(&self, filter: &str) -> Vec<String> {
        let found = self.call("HostGroup.FindHosts", search(filter)).await;
        let rows = self.rows(&found).await;
        rows.iter().map(|row| row["KLHST_WKS_HOSTNAME"].as_str().unwrap().to_owned()).collect()
    }

    /// Every row of a result, read at once.
    async fn rows(&self, found: &Reply) -> Vec<Value> {
        let arguments = json!({"strAccessor": found.at("/strAccessor"), "nStart": 0, "nCount": 100_000});
        let chunk = self.call("ChunkAccessor.GetItemsChunk", arguments).await;
        let rows = chunk.at("/pChunk/KLCSP_ITERATOR_ARRAY");
        rows.as_array().unwrap_or_else(|| panic!("{}", chunk.text)).iter().map(|row| row["value"].clone()).collect()
    }

    async fn add(&self, host: &str, body: &Value) -> Reply {
        self.call("HostGroup.AddIncident", json!({"pData": incident(host, body)})).await
    }

    async fn update(&self, id: &Value, host: &str) -> Reply {
        let data = json!({"KLINCDT_IS_HANDLED": false, "KLHST_WKS_HOSTNAME": host});
        self.call("HostGroup.UpdateIncident", json!({"nId": id, "pData": data})).await
    }

    /// Adds an incident that isolates a host, and lets the service have it.
    async fn isolate(&self, number: usize) -> Value {
        let host = self.id(number);
        let id = self.add(&host, &isolation(&host, 1)).await.value();
        assert_eq!(self.update(&id, &host).await.json(), json!({}));
        id
    }
}

/// A client of one connection, to which a certificate is no matter.
fn client() -> Client {
    Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_gzip()
        .pool_max_idle_per_host(1)
        .no_proxy()
        .redirect(Policy::none())
        .build()
        .unwrap()
}

/// The header of an internal user.
fn basic(password: &str) -> String {
    basic_with(password, ", internal=\"1\"")
}

fn basic_with(password: &str, more: &str) -> String {
    format!("KSCBasic user=\"{}\", pass=\"{}\"{more}", STANDARD.encode(USER), STANDARD.encode(password))
}

fn search(filter: &str) -> Value {
    json!({"wstrFilter": filter, "vecFieldsToReturn": ["KLHST_WKS_HOSTNAME"], "lMaxLifeTime": 60})
}

fn isolation(host: &str, action: u8) -> Value {
    json!({
        "task": "isolateHost",
        "targetHost": host,
        "params": {"action": action},
        "responseEventIncident": true,
        "responseEventIncidentArea": "edrctl",
    })
}

fn incident(host: &str, body: &Value) -> Value {
    json!({
        "KLINCDT_SEVERITY": 2,
        "KLINCDT_ADDED": {"type": "datetime", "value": NOW},
        "KLINCDT_BODY": body.to_string(),
        "KLHST_WKS_HOSTNAME": host,
    })
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
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    /// The result of a call that went right.
    #[track_caller]
    fn value(&self) -> Value {
        assert_eq!((self.status, self.at("/PxgError")), (200, Value::Null), "{}", self.text);
        self.at("/PxgRetVal")
    }

    /// Module and code of an error, which comes with 200.
    #[track_caller]
    fn error(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text);
        let text = |name: &str| self.at(&format!("/PxgError/{name}"));
        format!("{} {}", text("module").as_str().unwrap_or_default(), text("code"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
