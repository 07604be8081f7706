//! Incidents: what a client writes, and nothing more. What stands in a body is not the console's affair.

use serde_json::Value;

use super::{
    Answer, Caller, Kaspersky, Params,
    arguments::Arguments,
    errors::PxgError,
    filter::Operand,
    groups, hosts, returns,
    sessions::Rows,
    values::{Field, wrapped},
};
use crate::simulator::{
    guid::Guid,
    truth::{
        Inner, Truth,
        responses::{Incident, Update},
    },
};

const BODY: &str = "KLINCDT_BODY";
const HOST: &str = "KLHST_WKS_HOSTNAME";

/// What incidents can be searched by.
const FILTERABLE: [&str; 6] = ["KLINCDT_ID", "KLINCDT_SEVERITY", "KLINCDT_ADDED", "KLINCDT_IS_HANDLED", BODY, HOST];

/// What incidents can be sorted by.
const ORDERABLE: [&str; 4] = ["KLINCDT_ID", "KLINCDT_SEVERITY", "KLINCDT_ADDED", "KLINCDT_IS_HANDLED"];

/// One attribute of an incident; `None` if it is not given, an error if it is not of its type.
fn given(data: &Params, name: &str) -> Result<Option<Field>, PxgError> {
    let Some(value) = data.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let field = Field::read(value).filter(|field| {
        matches!(
            (name, field),
            ("KLINCDT_SEVERITY", Field::Int(_))
                | ("KLINCDT_ADDED", Field::Time(_))
                | ("KLINCDT_IS_HANDLED", Field::Bool(_))
                | (BODY | HOST, Field::Text(_))
        )
    });
    field.map(Some).ok_or_else(|| PxgError::malformed(name))
}

fn needed(data: &Params, name: &str) -> Result<Field, PxgError> {
    given(data, name)?.ok_or_else(|| PxgError::no_parameter(name))
}

fn text(field: Field) -> String {
    if let Field::Text(text) = field { text } else { String::new() }
}

impl Kaspersky {
    fn fitting_body(&self, body: String) -> Result<String, PxgError> {
        let limit = self.settings().body_limit;
        if limit > 0 && body.len() > limit { Err(PxgError::too_long(BODY)) } else { Ok(body) }
    }

    pub(super) fn add_incident(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let data = arguments.container("pData")?;
        let severity = needed(data, "KLINCDT_SEVERITY")?;
        let added = needed(data, "KLINCDT_ADDED")?;
        let body = self.fitting_body(text(needed(data, BODY)?))?;
        let host = text(needed(data, HOST)?);
        let mut inner = self.truth.lock();
        let number = self.find(&inner, &host, caller)?;
        let (Some(severity), Field::Time(added)) = (severity.number(), added) else {
            return Err(PxgError::malformed("pData").into());
        };
        let id = self.truth.add_incident(&mut inner, Incident::new(number, severity, added, body));
        let id = id.ok_or_else(|| PxgError::not_permitted("AddIncident"))?;
        Ok(if self.settings().id_as_text { returns(id.to_string()) } else { returns(id) })
    }

    /// The incident that a call is about: by a number, or by the text of one.
    fn incident(inner: &Inner, arguments: &Arguments) -> Result<(i32, u32), PxgError> {
        const NAME: &str = "nId";
        let value = arguments.given(NAME).ok_or_else(|| PxgError::no_parameter(NAME))?;
        let id = value.as_i64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(|| PxgError::malformed(NAME))?;
        let incident = i32::try_from(id).ok().and_then(|id| Some((id, inner.responses.as_ref()?.incident(id)?.host)));
        incident.ok_or_else(|| PxgError::not_found(&id.to_string()))
    }

    pub(super) fn update_incident(&self, arguments: &Arguments) -> Answer {
        let data = arguments.container("pData")?;
        let mut inner = self.truth.lock();
        let (id, number) = Self::incident(&inner, arguments)?;
        match given(data, HOST)?.map(text) {
            Some(host) if Truth::find(&inner, Guid::of_text(&host)) == Some(number) => {}
            Some(_) => return Err(PxgError::not_permitted(HOST).into()),
            None if self.settings().update_needs_host => return Err(PxgError::no_parameter(HOST).into()),
            None => {}
        }
        let body = given(data, BODY)?.map(text).map(|body| self.fitting_body(body)).transpose()?;
        let update = Update {
            severity: given(data, "KLINCDT_SEVERITY")?.and_then(|field| field.number()),
            added: given(data, "KLINCDT_ADDED")?
                .and_then(|field| if let Field::Time(time) = field { Some(time) } else { None }),
            body,
            handled: given(data, "KLINCDT_IS_HANDLED")?.map(|field| field == Field::Bool(true)),
        };
        self.truth.update_incident(&mut inner, id, update);
        Ok(Params::new())
    }

    pub(super) fn delete_incident(&self, arguments: &Arguments) -> Answer {
        let mut inner = self.truth.lock();
        let (id, _) = Self::incident(&inner, arguments)?;
        Truth::delete_incident(&mut inner, id);
        Ok(Params::new())
    }

    pub(super) fn find_incidents(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let filter = self.filter(arguments.text_or_empty("strFilter")?, &FILTERABLE)?;
        let mut wrong = false;
        filter.each_test(&mut |test| {
            // Words are searched from their beginning.
            wrong |= test.attribute == BODY && matches!(&test.operand, Operand::Text(pattern) if pattern.begins_open());
        });
        let fields = arguments.names("pFieldsToReturn")?;
        let order = arguments.order("pFieldsToOrder")?;
        if wrong || order.iter().any(|(name, _)| !ORDERABLE.contains(&name.as_str())) {
            return Err(PxgError::malformed("strFilter, pFieldsToOrder").into());
        }
        let around = self.circumstances();
        let inner = self.truth.lock();
        let incidents = inner.responses.iter().flat_map(|responses| responses.incidents());
        let attribute = |(id, incident): &(i32, &Incident), name: &str| self.of_incident(&inner, *id, incident, name);
        let mut found: Vec<(i32, &Incident)> =
            incidents.filter(|one| caller.sees_hosts && filter.passes(&|name| attribute(one, name), around)).collect();
        hosts::sort(&mut found, &order, attribute);
        let tell = |one: &(i32, &Incident)| -> Value {
            let told = fields.iter().filter_map(|name| Some((name.clone(), attribute(one, name)?.json())));
            wrapped(told.collect())
        };
        let rows = found.iter().map(tell).collect();
        drop(inner);
        self.keep(Rows::Ready(rows), arguments, caller)
    }

    fn of_incident(&self, inner: &Inner, id: i32, incident: &Incident, name: &str) -> Option<Field> {
        Some(match name {
            "KLINCDT_ID" => Field::Int(id.into()),
            "KLINCDT_SEVERITY" => Field::Int(incident.severity),
            "KLINCDT_ADDED" => Field::Time(incident.added),
            BODY => Field::Words(incident.body.clone()),
            "KLINCDT_IS_HANDLED" => Field::Bool(incident.handled),
            "KLHST_WKS_GROUPID" => Field::Int(groups::group_of(inner, incident.host)),
            HOST | "KLHST_WKS_DN" | "KLHST_WKS_WINHOSTNAME" => self.attribute(inner, incident.host, name)?,
            _ => return None,
        })
    }
}
