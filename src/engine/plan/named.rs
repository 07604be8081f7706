//! A plan for targets that need no inventory: an indicator is its own id, and all that is asked is how it stands.

use std::{collections::HashMap, sync::Arc};

use super::{Survey, Wish, found};
use crate::{
    domain::{
        failure::{Failure, FailureKind},
        host::HostId,
        outcome::Outcome,
        selector::{IdForm, Selector, SelectorKind},
    },
    engine::{
        cancel::Cancel,
        console::{Console, Halt, Notice},
        roster::Roster,
    },
};

/// Looks up every target of `roster` that has not ended yet, and ends those for which nothing is to be done.
///
/// # Errors
///
/// [`Halt`] when the console cannot be asked: then nothing may be sent.
pub async fn look_up(
    console: &mut Console,
    id_form: fn(&str) -> IdForm,
    roster: &mut Roster,
    wish: Wish<'_>,
    cancel: &Cancel,
    tell: &mut (dyn FnMut(Notice) + Send),
) -> Result<Survey, Halt> {
    let most = console.vendor.capabilities().max_find.max(1);
    let mut survey = Survey { read: true, ..Survey::default() };
    let open: Vec<u32> = roster.to_act().collect();
    for part in open.chunks(most) {
        let mut numbers: HashMap<HostId, u32> = HashMap::with_capacity(part.len());
        let mut selectors = Vec::with_capacity(part.len());
        for n in part.iter().copied() {
            let Some(id) = roster.item(n).and_then(|item| item.host.clone()) else { continue };
            if let Ok(selector) = Selector::parse(id.as_str(), Some(SelectorKind::Id), id_form) {
                selectors.push(selector);
                numbers.insert(id, n);
            }
        }
        let selectors: Arc<[Selector]> = selectors.into();
        let hosts = console
            .ask(cancel, tell, move |vendor| {
                let selectors = Arc::clone(&selectors);
                async move { vendor.find(&selectors).await }
            })
            .await?;
        survey.hosts += hosts.len() as u64;
        for host in hosts {
            if let Some(n) = numbers.remove(&host.id) {
                found(roster, n, host, wish);
            }
        }
        for n in numbers.into_values() {
            let failure = Failure::new(FailureKind::Protocol, "the console's answer leaves this target out");
            roster.settle(n, Outcome::Unresolved, Some(failure));
        }
        tell(Notice::Listed { hosts: survey.hosts, total: Some(open.len() as u64) });
    }
    Ok(survey)
}
