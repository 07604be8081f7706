//! Isolation: a word for each sensor, which is all that is answered.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Cybereason, reply::Reply};
use crate::simulator::{
    faults::{IsolationAnswer, MalopId, SensorStatus, UnknownSensor},
    truth::{Inner, Truth, agents::Deed},
};

/// What is said of a sensor that takes the request; nothing, if the answer leaves it out.
const DONE: [&str; 5] = ["Succeeded", "Pending", "Started", "InProgress", ""];

/// How often a sensor has earned the word that somebody said of it.
pub(super) type Earned = HashMap<u32, u32>;

impl Cybereason {
    /// Answers `POST …/commands/isolate` and `…/commands/un-isolate`.
    pub(super) fn isolate(&self, body: &Value, isolate: bool) -> Reply {
        let Some(ids) = body.get("pylumIds").and_then(Value::as_array) else {
            return Reply::status(400, "pylumIds is missing");
        };
        let malop = body.get("malopId").and_then(Value::as_str).filter(|id| !id.is_empty());
        if self.settings().malop_id == MalopId::Required && malop.is_none() {
            return Reply::status(400, "malopId is missing");
        }
        let deed = if isolate { Deed::Isolate } else { Deed::Restore };
        let mut inner = self.truth.lock();
        let mut words = Map::new();
        let mut known = false;
        for id in ids.iter().filter_map(Value::as_str) {
            let number = inner.fleet.find_text(id).filter(|number| {
                // An id is compared to the letter, as this console tells capitals apart.
                (!self.settings().case_sensitive || inner.fleet.id(*number) == id)
                    && !self.truth.is_gone(&inner, *number)
            });
            let word = match number {
                Some(number) => {
                    known = true;
                    self.word(&mut inner, number, &deed)
                }
                None if self.settings().unknown_sensor == UnknownSensor::Told => Some("UnknownProbe".to_owned()),
                None => None,
            };
            if let Some(word) = word {
                words.insert(id.to_owned(), word.into());
            }
        }
        match self.settings().unknown_sensor {
            UnknownSensor::NoContent if !known => Reply::status(204, ""),
            UnknownSensor::NoMatch if !known => Reply::status(400, "NO_MATCHING_SENSORS"),
            _ => match self.settings().isolation_answer {
                IsolationAnswer::Words => Reply::json(&Value::Object(words)),
                IsolationAnswer::NoContent => Reply::status(204, ""),
                IsolationAnswer::Empty => Reply::status(200, ""),
                IsolationAnswer::Text => Reply { kind: "text/plain", ..Reply::status(200, "OK") },
                IsolationAnswer::Elsewhere => Reply::redirect("https://sso.example/session"),
            },
        }
    }

    /// What is answered for a sensor, and what is done; `None` if it is left out.
    fn word(&self, inner: &mut Inner, number: u32, deed: &Deed) -> Option<String> {
        Truth::count(inner, number, deed, false);
        let said = self.truth.script.sensor(inner.fleet.guid(number));
        let earned = said.and_then(|sensor| {
            let word = sensor.answer.as_deref()?;
            let mut earned = self.earned();
            let times = earned.entry(number).or_default();
            *times += 1;
            sensor.times.is_none_or(|most| *times <= most).then_some(word)
        });
        let offline = self.status(inner, number) != SensorStatus::Online;
        let word = match earned {
            Some(word) => word,
            None if offline => &self.settings().offline_answer,
            None => "Succeeded",
        };
        // Who is offline takes nothing; who is left out has taken it all the same, and the answer is what was lost.
        if DONE.contains(&word) && !offline {
            Truth::count(inner, number, deed, true);
            self.truth.begin(inner, number, deed);
        }
        (!word.is_empty()).then(|| word.to_owned())
    }
}
