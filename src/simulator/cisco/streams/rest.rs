//! The console's side of event streams: list, make, show, change and delete them, and the types of events.

use hyper::{StatusCode, body::Bytes};
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use super::{EVENT_TYPES, NewStream, Stream, StreamError, Streams, event_types::EventType, known_type};
use crate::simulator::{
    cisco::{
        Cisco,
        computers::metadata,
        envelope::{Links, Metadata, Reply, Results},
        refusal::Refusal,
        route::Route,
    },
    faults::{Deleted, PortForm},
    guid::Guid,
};

/// What a form is called.
const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Serialize)]
struct Told {
    id: u64,
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_guids: Vec<Guid>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    event_types: Vec<u32>,
    amqp_credentials: ToldAccess,
}

#[derive(Serialize)]
struct ToldAccess {
    user_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    queue_name: String,
    host: String,
    port: Value,
    proto: String,
}

#[derive(Serialize)]
struct Nothing {}

impl Cisco {
    /// Whatever is asked of event streams.
    pub(in crate::simulator::cisco) fn event_streams(
        &self,
        route: &Route,
        body: &Bytes,
        kind: Option<&str>,
    ) -> Result<Reply, Refusal> {
        Refusal::of_unexpected(route, &[])?;
        match (route.id.as_deref(), route.method.as_str()) {
            (None, "GET") => Ok(Reply::data(metadata(route), self.streams.told())),
            (None, "POST") => {
                let asked = Asked::read(body, kind)?;
                let mut reply = Reply::data(metadata(route), self.streams.make(asked)?);
                reply.status = StatusCode::CREATED;
                Ok(reply)
            }
            (None, _) => Err(Refusal::WrongMethod("GET, POST")),
            (Some(id), method) => {
                let id = id.parse().ok().filter(|id| self.streams.queue(*id).is_some());
                let gone = || Refusal::NoSuchStream(self.streams.faults.unknown_id.number());
                let id: u64 = id.ok_or_else(gone)?;
                match method {
                    "GET" => {}
                    "PATCH" => self.streams.alter(id, Asked::read(body, kind)?)?,
                    "DELETE" => {
                        self.streams.delete(id);
                        return Ok(match self.streams.faults.deleted {
                            Deleted::Ok => Reply::data(metadata(route), Nothing {}),
                            Deleted::NoContent => Reply::empty(),
                        });
                    }
                    _ => return Err(Refusal::WrongMethod("GET, PATCH, DELETE")),
                }
                let told = self.streams.told().into_iter().find(|told| told.id == id).ok_or_else(gone)?;
                Ok(Reply::data(metadata(route), told))
            }
        }
    }

    /// Every type of event, on one page.
    pub(in crate::simulator::cisco) fn event_types(route: &Route) -> Result<Reply, Refusal> {
        Refusal::of_unexpected(route, &[])?;
        let results = Results { total: EVENT_TYPES.len(), page: None };
        let links = Links { own: &route.own, prev: None, next: None };
        Ok(Reply::data(Metadata { links, results: Some(results) }, &EVENT_TYPES[..]))
    }
}

impl Streams {
    /// Every stream, as the console tells it: without passwords.
    fn told(&self) -> Vec<Told> {
        self.lock().streams.iter().map(|(id, stream)| self.tell_of(*id, stream, None)).collect()
    }

    fn tell_of(&self, id: u64, stream: &Stream, password: Option<String>) -> Told {
        let port = self.address.port();
        Told {
            id,
            name: stream.name.clone(),
            group_guids: stream.groups.iter().copied().collect(),
            event_types: stream.event_types.iter().copied().collect(),
            amqp_credentials: ToldAccess {
                user_name: stream.queue.user().to_owned(),
                password,
                queue_name: stream.queue.name().to_owned(),
                host: self.address.ip().to_string(),
                port: match self.faults.port {
                    PortForm::Text => port.to_string().into(),
                    PortForm::Number => port.into(),
                },
                proto: self.faults.proto.clone(),
            },
        }
    }

    /// Makes a stream; the one answer that has its password.
    fn make(&self, asked: Asked) -> Result<Told, StreamError> {
        let wanted = NewStream {
            name: asked.name.unwrap_or_default(),
            event_types: asked.event_types.unwrap_or_default(),
            group_guids: asked.group_guids.unwrap_or_default(),
        };
        let access = self.create(&wanted)?;
        let inner = self.lock();
        let stream = inner.streams.get(&access.id).ok_or(StreamError::NoName)?;
        let told = self.tell_of(access.id, stream, Some(access.password));
        // As it was seen: an answer to a creation tells nothing of filters.
        Ok(Told { group_guids: Vec::new(), event_types: Vec::new(), ..told })
    }

    /// Changes what is given of a stream.
    fn alter(&self, id: u64, asked: Asked) -> Result<(), StreamError> {
        let types = asked.event_types.map(|ids| ids.into_iter().map(known_type).collect::<Result<_, _>>());
        let groups = asked.group_guids.map(|ids| ids.iter().map(|id| self.known_group(id)).collect::<Result<_, _>>());
        let (types, groups) = (types.transpose()?, groups.transpose()?);
        let mut inner = self.lock();
        if let Some(name) = &asked.name {
            inner.check_name(name, Some(id))?;
        }
        if let Some(stream) = inner.streams.get_mut(&id) {
            if let Some(name) = asked.name {
                stream.queue.rename(&name);
                stream.name = name;
            }
            stream.event_types = types.unwrap_or_else(|| std::mem::take(&mut stream.event_types));
            stream.groups = groups.unwrap_or_else(|| std::mem::take(&mut stream.groups));
        }
        Ok(())
    }
}

/// What came with a request to make or change a stream.
#[derive(Debug, Default)]
struct Asked {
    name: Option<String>,
    event_types: Option<Vec<u32>>,
    group_guids: Option<Vec<String>>,
}

impl Asked {
    fn read(body: &Bytes, kind: Option<&str>) -> Result<Self, Refusal> {
        let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        let is_form = match kind {
            Some(kind) => kind.eq_ignore_ascii_case(FORM),
            None => !body.trim_ascii_start().starts_with(b"{"),
        };
        if is_form { Self::read_form(body) } else { Self::read_json(body) }
    }

    fn read_json(body: &Bytes) -> Result<Self, Refusal> {
        let value = serde_json::from_slice(body).map_err(|_| Refusal::MalformedJson)?;
        let Value::Object(fields) = value else { return Err(Refusal::MalformedJson) };
        let mut asked = Self::default();
        for (name, value) in fields {
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("name", Value::String(text)) => asked.name = Some(text),
                ("name", _) => return Err(Refusal::NotText(name)),
                ("event_type", Value::Array(values)) => {
                    asked.event_types = Some(values.iter().map(event_type).collect::<Result<_, _>>()?);
                }
                ("event_type", _) => return Err(Refusal::BadParameter("event_type")),
                ("group_guid", Value::Array(values)) => {
                    let text = |value: &Value| value.as_str().map(str::to_owned);
                    let guids = values.iter().map(text).collect::<Option<_>>();
                    asked.group_guids = Some(guids.ok_or(Refusal::BadParameter("group_guid"))?);
                }
                ("group_guid", _) => return Err(Refusal::BadParameter("group_guid")),
                _ => return Err(Refusal::Unexpected(name)),
            }
        }
        Ok(asked)
    }

    /// A form: a list has its brackets, and a key without them may stand once.
    fn read_form(body: &Bytes) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match name.as_ref() {
                "name" if asked.name.is_none() => asked.name = Some(value.into_owned()),
                "name" => return Err(Refusal::BadParameter("name")),
                "event_type[]" => {
                    asked.event_types.get_or_insert_default().push(event_type(&Value::from(value.into_owned()))?);
                }
                "event_type" if asked.event_types.is_none() => {
                    asked.event_types = Some(vec![event_type(&Value::from(value.into_owned()))?]);
                }
                "event_type" => return Err(Refusal::BadParameter("event_type")),
                "group_guid[]" => asked.group_guids.get_or_insert_default().push(value.into_owned()),
                "group_guid" if asked.group_guids.is_none() => asked.group_guids = Some(vec![value.into_owned()]),
                "group_guid" => return Err(Refusal::BadParameter("group_guid")),
                _ => return Err(Refusal::Unexpected(name.into_owned())),
            }
        }
        Ok(asked)
    }
}

/// The id of a type, as a number or as digits.
fn event_type(value: &Value) -> Result<u32, Refusal> {
    let number = match value {
        Value::String(digits) => digits.parse().ok(),
        number => number.as_u64(),
    };
    let known = number.and_then(|number| u32::try_from(number).ok()).and_then(EventType::find);
    let told = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    known.map(|kind| kind.id).ok_or_else(|| StreamError::UnknownType(told).into())
}

impl From<StreamError> for Refusal {
    fn from(error: StreamError) -> Self {
        Self::BadStream(error.to_string())
    }
}
