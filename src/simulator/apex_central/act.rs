//! Actions: which agents an action is for, whether it may be done, and doing it.

use serde_json::{Map, Value};

use super::{
    ApexCentral,
    envelope::{Code, Reply},
    selectors::Selectors,
};
use crate::simulator::{
    faults::{Deed as FaultDeed, NoSelector, SnapshotState},
    fleet::agents::Capability,
    truth::{
        Inner, Truth,
        agents::{Deed, Place},
    },
};

/// An action, read.
#[derive(Debug)]
struct Asked {
    deed: Deed,
    several: bool,
    selectors: Selectors,
}

impl ApexCentral {
    /// Does what a body asks for, and shows the agents as they were before.
    pub(super) fn act(&self, body: &[u8], fault: Option<&FaultDeed>) -> Result<Reply, Code> {
        let settings = &self.faults.apex;
        let asked = Asked::read(&members(body).ok_or(Code::INVALID_PARAMETER)?)?;
        let mut inner = self.truth.lock();
        let matched = match settings.no_selector {
            NoSelector::Refused if asked.selectors.is_empty() => return Err(Code::INVALID_PARAMETER),
            NoSelector::None if asked.selectors.is_empty() => Vec::new(),
            _ => asked.selectors.matches(&self.truth, &inner, settings.host_name_match),
        };
        if let Deed::Relocate(place) = &asked.deed {
            self.may_move_to(&inner, place)?;
        }
        if matches!(fault, Some(FaultDeed::Nothing | FaultDeed::OtherAgent)) {
            let shown = self.bend(&inner, matched, fault);
            return Ok(Reply::content(&self.records(&inner, &shown)));
        }
        for number in &matched {
            Truth::count(&mut inner, *number, &asked.deed, false);
        }
        if matched.len() > 1 && !asked.several {
            return Err(Code::SEVERAL_MATCHES);
        }
        let able = |number: &u32| Truth::can(&inner, *number, asked.deed.needs());
        let able: Vec<u32> = matched.into_iter().filter(able).collect();
        for number in &able {
            if let Some(code) = Truth::refusal(&mut inner, *number) {
                return Err(Code(code));
            }
        }
        let shown = self.bend(&inner, able.clone(), fault);
        let before = Reply::content(&self.records(&inner, &shown));
        for number in able {
            Truth::count(&mut inner, number, &asked.deed, true);
            self.truth.begin(&mut inner, number, &asked.deed);
        }
        Ok(match settings.answer_state {
            SnapshotState::Before => before,
            SnapshotState::After => Reply::content(&self.records(&inner, &shown)),
        })
    }

    /// The first agent that a body's selectors match, for the faults that are for some agents only.
    pub(super) fn first_of_body(&self, body: &[u8]) -> Option<u32> {
        let selectors = Selectors::of_members(&members(body)?).ok()?;
        selectors.first(&self.truth, &self.truth.lock(), self.faults.apex.host_name_match)
    }

    fn may_move_to(&self, inner: &Inner, place: &Place) -> Result<(), Code> {
        if !inner.fleet.servers().iter().any(|server| server.eq_ignore_ascii_case(&place.server)) {
            return Err(Code::NO_SUCH_SERVER);
        }
        let bare = |folder: &str| folder.trim_start_matches('\\').to_lowercase();
        let wanted = bare(&place.folder);
        let exists = || self.truth.agents(inner).any(|number| bare(&self.truth.place(inner, number).1) == wanted);
        if self.faults.apex.folder_must_exist && !exists() { Err(Code::INVALID_PARAMETER) } else { Ok(()) }
    }
}

fn members(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

impl Asked {
    fn read(members: &Map<String, Value>) -> Result<Self, Code> {
        let act = members.get("act").and_then(Value::as_str).and_then(Capability::from_word);
        let act = act.ok_or(Code::INVALID_ACTION)?;
        let several = match members.get("allow_multiple_match") {
            Some(Value::Bool(several)) => *several,
            Some(Value::String(word)) if word.eq_ignore_ascii_case("true") => true,
            Some(Value::String(word)) if word.eq_ignore_ascii_case("false") => false,
            _ => return Err(Code::INVALID_PARAMETER),
        };
        let text = |name: &str| {
            let text = members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(Into::into).ok_or(Code::INVALID_PARAMETER)
        };
        let deed = match act {
            Capability::Isolate => Deed::Isolate,
            Capability::Restore => Deed::Restore,
            Capability::Uninstall => Deed::Uninstall,
            Capability::Relocate => Deed::Relocate(Place {
                server: text("relocate_to_server_id")?,
                folder: text("relocate_to_folder_path")?,
            }),
        };
        Ok(Self { deed, several, selectors: Selectors::of_members(members)? })
    }
}
