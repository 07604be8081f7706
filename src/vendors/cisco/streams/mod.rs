//! The event streams of Secure Endpoint: `/v1/event_streams`, `/v1/event_types`, `/v1/groups`.
//!
//! Oddities, each of which this module must be right about:
//! - Requests say `event_type` and `group_guid`, answers say `event_types` and `group_guids`. Either may be absent.
//! - A stream that is not there is a 400 whose words say so; 404 is for a wrong path, and is taken for the same.
//! - A name that is taken and a sixth stream are both a 400, told apart by words that nobody promises.
//! - The port is a number or a text. `proto` says `https` for what is AMQP over TLS, so it is not read.
//! - The answer to a deletion may be empty.
//! - The password is in the answer to the creation and in no other.

use std::borrow::Cow;

use async_trait::async_trait;

use super::Cisco;
use crate::{
    domain::{
        action::ActionKind,
        host::{HostState, Isolation},
    },
    vendors::{
        Answer, Cursor, VendorError,
        streams::{
            Change, Created, EventStream, EventStreams, EventType, GroupPage, IsolationEvent, NewStream, Refusal,
            StreamId,
        },
    },
};

mod requests;
mod wire;

/// The streams that an organisation may have, as the console documents it.
const MOST: usize = 5;

/// What the agents report of isolations: "Endpoint Isolation Start Success" and so on. Names are changed over the years,
/// numbers are not. The two about updates of an isolation, and the one about unlocking at the host, say nothing of an
/// action of ours.
static ISOLATION_EVENTS: [IsolationEvent; 4] = [
    reported(553_648_202, ActionKind::Isolate, true),
    reported(2_164_260_939, ActionKind::Isolate, false),
    reported(553_648_204, ActionKind::Unisolate, true),
    reported(2_164_260_941, ActionKind::Unisolate, false),
];

const fn reported(type_id: u64, kind: ActionKind, reached: bool) -> IsolationEvent {
    let isolated = matches!(kind, ActionKind::Isolate) == reached;
    let (isolation, word) =
        if isolated { (Isolation::Isolated, "isolated") } else { (Isolation::NotIsolated, "not_isolated") };
    IsolationEvent { type_id, kind, reached, state: HostState { isolation, word: Cow::Borrowed(word) } }
}

#[async_trait]
impl EventStreams for Cisco {
    fn most(&self) -> Option<usize> {
        Some(MOST)
    }

    fn isolation_events(&self) -> &'static [IsolationEvent] {
        &ISOLATION_EVENTS
    }

    async fn list(&self) -> Result<Answer<Vec<EventStream>>, VendorError> {
        self.ask(requests::list(&self.base), requests::judge_list).await
    }

    async fn show(&self, id: StreamId) -> Result<Answer<EventStream>, VendorError> {
        self.ask(requests::show(&self.base, id), |response| requests::judge_show(id, response)).await
    }

    async fn create(&self, new: &NewStream) -> Result<Answer<Result<Created, Refusal>>, VendorError> {
        self.exchange(requests::create(&self.base, new)?, true, requests::judge_create).await
    }

    async fn update(&self, id: StreamId, change: &Change) -> Result<Answer<Result<(), Refusal>>, VendorError> {
        // The same change twice is the same stream, so silence leaves nothing in doubt.
        let draft = requests::update(&self.base, id, change)?;
        self.ask(draft, |response| requests::judge_update(id, response)).await
    }

    async fn delete(&self, id: StreamId) -> Result<Answer<()>, VendorError> {
        self.exchange(requests::delete(&self.base, id), true, |response| requests::judge_delete(id, response)).await
    }

    async fn event_types(&self) -> Result<Answer<Vec<EventType>>, VendorError> {
        self.ask(requests::event_types(&self.base), requests::judge_event_types).await
    }

    async fn groups(&self, cursor: Option<&Cursor>) -> Result<Answer<GroupPage>, VendorError> {
        let draft = requests::groups(&self.base, cursor)?;
        self.ask(draft, |response| requests::judge_groups(&self.base, response)).await
    }
}

#[cfg(test)]
mod tests;
