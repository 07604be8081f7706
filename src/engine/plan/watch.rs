//! A look for what is protected without anybody having written it down, where targets are ids alone: nothing else would have
//! these looked up.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::protection::{Protection, Verdict};
use crate::{
    domain::{
        failure::FailureKind,
        host::{Host, HostId, HostState},
        selector::{Entry, Named, Selector},
    },
    engine::{
        cancel::Cancel,
        console::{Console, Halt, Notice},
    },
};

/// The hosts that something built in protects.
#[derive(Debug, Default)]
pub(super) struct Watch {
    found: HashMap<HostId, Verdict>,
    /// The targets, each with its state where the look has shown it: whoever takes a run back goes by what was before it.
    states: HashMap<HostId, Option<HostState>>,
    /// Whether every target has been looked for.
    pub(super) complete: bool,
}

impl Watch {
    /// What protects the host of this id.
    pub(super) fn verdict(&self, id: &HostId) -> Verdict {
        self.found.get(id).cloned().unwrap_or(Verdict::Free)
    }

    /// The state of a target before the run, where the look has shown it.
    pub(super) fn state(&mut self, id: &HostId) -> Option<HostState> {
        self.states.remove(id).flatten()
    }

    fn offer(&mut self, protection: &Protection, host: &Host) {
        match protection.judge(host.id.as_str(), Some(host)) {
            Verdict::Free => {}
            verdict => drop(self.found.insert(host.id.clone(), verdict)),
        }
        if let Some(state) = self.states.get_mut(&host.id) {
            state.clone_from(&host.state);
        }
    }

    /// Looks through the inventory, or for each target by itself where that costs less. Kept are what is protected, and the states of targets.
    ///
    /// A console that does not list its hosts can still isolate: then the look is incomplete, and whoever asked says so.
    pub(super) async fn look(
        console: &mut Console,
        entries: &[Entry],
        protection: &Protection,
        cancel: &Cancel,
        tell: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<Self, Halt> {
        let ids = entries.iter().filter_map(|entry| match entry.selector.named() {
            Named::Id(id) => Some((HostId::new(Arc::clone(id)), None)),
            _ => None,
        });
        let mut watch = Self { states: ids.collect(), ..Self::default() };
        match watch.look_through(console, entries, protection, cancel, tell).await {
            // What was found until then is known, whatever else is not.
            Err(Halt::Failed(failure)) if is_about_the_list(failure.kind) => Ok(watch),
            looked => looked.map(|complete| Self { complete, ..watch }),
        }
    }

    /// Whether all of it was seen.
    async fn look_through(
        &mut self,
        console: &mut Console,
        entries: &[Entry],
        protection: &Protection,
        cancel: &Cancel,
        tell: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<bool, Halt> {
        let inventory = console.vendor.capabilities().inventory;
        let singly = console.vendor.capabilities().finds_ids;
        let mut cursor = None;
        let mut cursors = HashSet::new();
        let mut hosts = 0_u64;
        loop {
            let page = console.page(cursor.clone(), cancel, tell).await?;
            let first = cursor.is_none();
            hosts += page.hosts.len() as u64;
            page.hosts.iter().for_each(|host| self.offer(protection, host));
            tell(Notice::Listed { hosts, total: page.total });
            let Some(next) = page.next else { return Ok(true) };
            let pages = page.total.map_or(u64::MAX, |total| inventory.pages(total));
            if first && singly && pages > entries.len() as u64 {
                return self.look_singly(console, entries, protection, cancel, tell).await.map(|()| true);
            }
            if !cursors.insert(next.clone()) {
                return Ok(false);
            }
            cursor = Some(next);
        }
    }

    async fn look_singly(
        &mut self,
        console: &mut Console,
        entries: &[Entry],
        protection: &Protection,
        cancel: &Cancel,
        tell: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<(), Halt> {
        for entry in entries {
            let selectors: Arc<[Selector]> = Arc::new([entry.selector.clone()]);
            let hosts = console
                .ask(cancel, tell, move |vendor| {
                    let selectors = Arc::clone(&selectors);
                    async move { vendor.find(&selectors).await }
                })
                .await?;
            hosts.iter().for_each(|host| self.offer(protection, host));
        }
        Ok(())
    }
}

/// Whether a failure says nothing against asking this console for something else.
pub(super) const fn is_about_the_list(kind: FailureKind) -> bool {
    !kind.is_about_us() && !matches!(kind, FailureKind::Certificate | FailureKind::Unreachable | FailureKind::Timeout)
}
