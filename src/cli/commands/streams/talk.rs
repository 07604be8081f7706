//! A console that is asked about its event streams, at its pace, and the passwords beside it.

use std::{collections::HashSet, sync::Arc};

use super::{
    super::{
        prepare,
        session::{Opening, Session, overrides},
    },
    StreamConsoleArgs, refused,
};
use crate::{
    cli::{context::Context, error::CommandError, signals},
    domain::{
        failure::{Failure, FailureKind},
        outcome::ExitCode,
    },
    engine::{cancel::Cancel, console::Halt},
    simulator::Fleet,
    stream::store::{NameOrId, StoredStream, StreamStore},
    vendors::{
        Answer, Cursor, Vendor, VendorError, VendorName, Wishes,
        streams::{Change, Created, EventStream, EventStreams, EventType, Group, NewStream, Refusal, StreamId},
    },
};

/// Hosts of the simulated console, in whose groups streams are rehearsed.
const SIMULATED_HOSTS: u32 = 20;

/// The passwords that a rehearsal has kept: they end with it.
struct Rehearsed {
    store: StreamStore,
    console: String,
    ids: Vec<u64>,
}

impl Drop for Rehearsed {
    fn drop(&mut self) {
        for id in &self.ids {
            // The console that it would open is gone.
            drop(self.store.remove(&self.console, *id));
        }
    }
}

/// An open console that has streams.
pub(in crate::cli::commands) struct Talk<'a> {
    pub(in crate::cli::commands) context: &'a Context,
    pub(in crate::cli::commands) session: Session,
    pub(in crate::cli::commands) cancel: Cancel,
    pub(in crate::cli::commands) store: StreamStore,
    rehearsed: Rehearsed,
    _guard: signals::Guard,
}

impl<'a> Talk<'a> {
    /// Opens the console.
    pub(in crate::cli::commands) async fn open(
        args: &StreamConsoleArgs,
        context: &'a Context,
    ) -> Result<Self, CommandError> {
        let vendor = vendor(args.vendor)?;
        let loaded = context.configuration(overrides(vendor, None))?;
        let state = context.state_path(loaded.run().state_dir)?;
        let (cancel, guard) = signals::catch()?;
        let opening = Opening {
            vendor,
            simulate: args.simulate.then(|| Fleet::of_size(SIMULATED_HOSTS)),
            faults: args.faults.as_deref(),
            concurrency: None,
            max_wait: args.max_wait,
            uses_reserve: false,
            wishes: Wishes::default(),
        };
        let session = Session::open(opening, Some(&loaded), context).await?;
        let store = StreamStore::at(&state).of(session.account.clone());
        let rehearsed = Rehearsed { store: store.clone(), console: session.address.clone(), ids: Vec::new() };
        Ok(Self { context, session, cancel, store, rehearsed, _guard: guard })
    }

    /// Ends the simulator, if there is one.
    pub(in crate::cli::commands) async fn close(self) {
        self.session.close().await;
    }

    /// Whether the console is the embedded simulator: nothing real is changed.
    pub(in crate::cli::commands) const fn is_rehearsal(&self) -> bool {
        self.session.simulator.is_some()
    }

    /// The most streams that a tenant may have.
    pub(in crate::cli::commands) fn most(&self) -> Option<usize> {
        self.session.console.vendor.streams().and_then(EventStreams::most)
    }

    /// Puts a halt into words, where nothing was changed before it.
    pub(in crate::cli::commands) fn failed(&self, halt: Halt) -> CommandError {
        prepare::failed(&self.session, halt)
    }

    /// Lists the streams.
    pub(in crate::cli::commands) async fn list(&mut self) -> Result<Vec<EventStream>, Halt> {
        self.ask(|vendor| async move { streams(&vendor)?.list().await }).await
    }

    /// Reads one stream.
    pub(in crate::cli::commands) async fn show(&mut self, id: StreamId) -> Result<EventStream, Halt> {
        self.ask(move |vendor| async move { streams(&vendor)?.show(id).await }).await
    }

    /// Lists the types of events.
    pub(in crate::cli::commands) async fn event_types(&mut self) -> Result<Vec<EventType>, Halt> {
        self.ask(|vendor| async move { streams(&vendor)?.event_types().await }).await
    }

    /// Lists the groups, page by page.
    pub(in crate::cli::commands) async fn groups(&mut self) -> Result<Vec<Group>, Halt> {
        let mut groups = Vec::new();
        let mut cursor: Option<Cursor> = None;
        let mut cursors = HashSet::new();
        loop {
            let at = cursor.clone();
            let page = self
                .ask(move |vendor| {
                    let at = at.clone();
                    async move { streams(&vendor)?.groups(at.as_ref()).await }
                })
                .await?;
            groups.extend(page.groups);
            match page.next {
                None => return Ok(groups),
                Some(next) if cursors.insert(next.clone()) => cursor = Some(next),
                Some(_) => {
                    let text = "the console's pages of groups lead in a circle";
                    return Err(Halt::Failed(Failure::new(FailureKind::Protocol, text)));
                }
            }
        }
    }

    /// Makes a stream: one request, awaited whoever interrupts, because its answer is the only one with the password.
    pub(in crate::cli::commands) async fn create(&mut self, new: &NewStream) -> Result<Result<Created, Refusal>, Halt> {
        let new = Arc::new(new.clone());
        self.change(move |vendor| {
            let new = Arc::clone(&new);
            async move { streams(&vendor)?.create(&new).await }
        })
        .await
    }

    /// Changes a stream.
    pub(in crate::cli::commands) async fn update(
        &mut self,
        id: StreamId,
        change: &Change,
    ) -> Result<Result<(), Refusal>, Halt> {
        let change = Arc::new(change.clone());
        self.change(move |vendor| {
            let change = Arc::clone(&change);
            async move { streams(&vendor)?.update(id, &change).await }
        })
        .await
    }

    /// Removes a stream. One that is gone by then is removed, too; after a failure that leaves it in doubt, a look tells.
    pub(in crate::cli::commands) async fn delete(&mut self, id: StreamId) -> Result<(), Halt> {
        let answer = self.change(move |vendor| async move { streams(&vendor)?.delete(id).await }).await;
        let Err(Halt::Failed(failure)) = answer else { return answer };
        let looked = match failure.kind {
            FailureKind::NotFound => return Ok(()),
            kind if may_have_been_done(kind) => self.show(id).await,
            _ => return Err(Halt::Failed(failure)),
        };
        match looked {
            Err(Halt::Failed(look)) if look.kind == FailureKind::NotFound => Ok(()),
            _ => Err(Halt::Failed(failure)),
        }
    }

    async fn ask<T, F>(&mut self, question: impl FnMut(Arc<dyn Vendor>) -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<Answer<T>, VendorError>>,
    {
        let mut tell = prepare::teller(self.context);
        self.session.console.ask(&self.cancel, &mut tell, question).await
    }

    async fn change<T, F>(&mut self, question: impl FnMut(Arc<dyn Vendor>) -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<Answer<T>, VendorError>>,
    {
        let mut tell = prepare::teller(self.context);
        self.session.console.change(&self.cancel, &mut tell, question).await
    }

    /// Keeps the password of a stream that has just been made.
    pub(in crate::cli::commands) fn keep(&mut self, name: &str, made: &Created) -> Result<(), CommandError> {
        if let Some(aside) = self.store.put_aside(&self.session.address, made.id.0)? {
            self.context.ui.warn(&format!(
                "this machine had the password of another event stream with the number {}; it is now in {}",
                made.id,
                aside.display()
            ));
        }
        self.store.save(&StoredStream {
            console: self.session.address.clone(),
            id: made.id.0,
            name: name.to_owned(),
            host: made.queue.host.clone(),
            port: made.queue.port,
            queue: made.queue.queue_name.clone(),
            user: made.queue.user_name.clone(),
            password: made.password.clone(),
        })?;
        if self.is_rehearsal() {
            self.rehearsed.ids.push(made.id.0);
        }
        Ok(())
    }

    /// Finds a stream by its number or its name.
    pub(in crate::cli::commands) async fn find(&mut self, wanted: &NameOrId) -> Result<EventStream, CommandError> {
        if let NameOrId::Id(id) = wanted {
            match self.show(StreamId(*id)).await {
                Ok(stream) => return Ok(stream),
                Err(Halt::Failed(failure)) if failure.kind == FailureKind::NotFound => {}
                Err(halt) => return Err(self.failed(halt)),
            }
        }
        let name = wanted.to_string();
        let mut streams = self.list().await.map_err(|halt| self.failed(halt))?;
        if let Some(at) = streams.iter().position(|one| *wanted == NameOrId::Id(one.id.0)) {
            return Ok(streams.swap_remove(at));
        }
        let of_name: Vec<usize> = (0..).zip(&streams).filter(|(_, one)| one.name == name).map(|(at, _)| at).collect();
        match of_name.as_slice() {
            [at] => Ok(streams.swap_remove(*at)),
            [] => Err(refused::unknown(wanted, &streams)),
            _ => Err(refused::ambiguous(&name, &streams)),
        }
    }
}

/// Whether a request that failed so may have been carried out all the same.
pub(in crate::cli::commands) const fn may_have_been_done(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Timeout
            | FailureKind::Cut
            | FailureKind::ServerError
            | FailureKind::Gateway
            | FailureKind::Protocol
    )
}

/// The console's streams.
pub(in crate::cli::commands) fn streams(vendor: &Arc<dyn Vendor>) -> Result<&dyn EventStreams, VendorError> {
    vendor.streams().ok_or_else(|| VendorError::unsupported("be asked about event streams"))
}

fn has_streams(vendor: &VendorName) -> bool {
    vendor.driver().takes.event_streams
}

/// Refuses a console that has none.
pub(in crate::cli::commands) fn without_streams(vendor: VendorName) -> CommandError {
    let words: Vec<String> =
        VendorName::ALL.iter().filter(|vendor| has_streams(vendor)).map(|vendor| format!("`{vendor}`")).collect();
    CommandError::text(ExitCode::Usage, format!("{} has no event streams", vendor.console()))
        .hint(format!("consoles that have them: {}", words.join(", ")))
}

/// The console that is meant: the one that has streams, if none is named.
fn vendor(named: Option<VendorName>) -> Result<VendorName, CommandError> {
    match named {
        Some(vendor) if has_streams(&vendor) => Ok(vendor),
        Some(vendor) => Err(without_streams(vendor)),
        None => VendorName::ALL
            .into_iter()
            .find(has_streams)
            .ok_or_else(|| CommandError::text(ExitCode::Internal, "no console has event streams")),
    }
}
