//! `--stream NAME`: hosts are confirmed by what the console pushes of them, and no quota is spent on asking.
//!
//! The queue is looked at and nothing is taken out of it, so nobody's events are lost by this. Nobody else may take from
//! it meanwhile: deliveries go to one consumer only, and we would not hear of hosts whose events went elsewhere.
//!
//! A stream that is not heard is no reason to leave hosts on the network: the run goes on, and asks by listings.

use std::path::PathBuf;

use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    prepare,
    session::Session,
    stream,
    streams::{refused, talk},
};
use crate::{
    cli::{context::Context, error::CommandError},
    domain::{action::ActionKind, failure::FailureKind, host::HostId, outcome::ExitCode},
    engine::{NEWS_AT_ONCE, News, Sighting, cancel::Cancel, console::Halt},
    stream::{
        event::ConsoleEvent,
        lookout::{Lookout, Seen},
        source::SourceErrorKind,
        store::{NameOrId, StoredStream, StreamStore},
    },
    vendors::streams::{IsolationEvent, NewStream, StreamId},
};

/// The stream that will be listened to.
#[derive(Debug)]
pub(super) enum Wanted {
    /// Its password is here.
    Kept(Box<StoredStream>),
    /// It is made at the simulated console, under this name.
    Rehearsed(String),
}

/// What is heard, and the task that hears it.
pub(super) struct Hearing {
    task: Option<JoinHandle<()>>,
    news: Option<mpsc::Receiver<News>>,
}

impl Hearing {
    /// Nothing.
    pub(super) const fn none() -> Self {
        Self { task: None, news: None }
    }

    /// What the run is to take; once it does not any longer, the task ends.
    pub(super) const fn news(&mut self) -> Option<mpsc::Receiver<News>> {
        self.news.take()
    }

    /// Waits until the queue has everything back.
    pub(super) async fn close(self) {
        drop(self.news);
        if let Some(task) = self.task {
            // A panic in it has cost the run nothing: hosts were asked for then.
            drop(task.await);
        }
    }
}

/// Finds the stream that is meant, before anything is asked of the console.
pub(super) fn find(
    wanted: Option<&NameOrId>,
    session: &Session,
    context: &Context,
    state_dir: Option<PathBuf>,
) -> Result<Option<Wanted>, CommandError> {
    let Some(wanted) = wanted else { return Ok(None) };
    if !session.vendor.driver().takes.event_streams {
        return Err(talk::without_streams(session.vendor));
    }
    if session.simulator.is_some() {
        return Ok(Some(Wanted::Rehearsed(wanted.to_string())));
    }
    let store = StreamStore::at(&context.state_path(state_dir)?).of(session.account.clone());
    match store.find(&session.address, wanted)? {
        Some(found) => Ok(Some(Wanted::Kept(Box::new(found)))),
        None => Err(CommandError::text(
            ExitCode::Config,
            format!("the password of an event stream `{wanted}` is not on this machine; nothing was sent"),
        )
        .hint("`edrctl streams create NAME` makes one and keeps its password; without `--stream`, hosts are confirmed by listings")),
    }
}

/// Begins to listen. What cannot be listened to is told, and the run does without.
pub(super) async fn listen(
    wanted: Option<Wanted>,
    kind: ActionKind,
    session: &mut Session,
    cancel: &Cancel,
    context: &Context,
) -> Hearing {
    let Some(wanted) = wanted else { return Hearing::none() };
    let listening = async {
        let found = match wanted {
            Wanted::Kept(found) => *found,
            Wanted::Rehearsed(name) => make(&name, session, cancel, context).await?,
        };
        let events = wanted_events(&found, kind, session, cancel, context).await?;
        let source = stream::source(&found, session.trust.clone(), false).map_err(|error| error.to_string())?;
        let mut lookout = Lookout::new(Box::new(source));
        tokio::select! {
            begun = lookout.begin() => begun.map_err(|error| match error.kind {
                SourceErrorKind::Taken => {
                    format!("somebody takes the events of `{}`; a run needs a stream of its own", found.name)
                }
                _ => error.to_string(),
            })?,
            () = cancel.requested() => return Err("interrupted".to_owned()),
        }
        Ok::<_, String>((lookout, events))
    };
    match listening.await {
        Ok((lookout, events)) => {
            let (tell, news) = mpsc::channel(NEWS_AT_ONCE);
            Hearing { task: Some(tokio::spawn(hear(lookout, events, tell))), news: Some(news) }
        }
        Err(why) => {
            context.ui.warn(&format!("the event stream is not heard: {why}; hosts are confirmed by listings"));
            Hearing::none()
        }
    }
}

/// The stream of a rehearsal.
async fn make(name: &str, session: &mut Session, cancel: &Cancel, context: &Context) -> Result<StoredStream, String> {
    let new = NewStream { name: name.to_owned(), event_types: Vec::new(), groups: Vec::new() };
    let mut tell = prepare::teller(context);
    let made = session.console.change(cancel, &mut tell, |vendor| {
        let new = new.clone();
        async move { talk::streams(&vendor)?.create(&new).await }
    });
    let made = made.await.map_err(halted)?.map_err(|refusal| refusal.said)?;
    Ok(StoredStream {
        console: session.address.clone(),
        id: made.id.0,
        name: name.to_owned(),
        host: made.queue.host,
        port: made.queue.port,
        queue: made.queue.queue_name,
        user: made.queue.user_name,
        password: made.password,
    })
}

/// What there is to hear: a stream that leaves out what is waited for would be silent, and nobody would know why.
async fn wanted_events(
    found: &StoredStream,
    kind: ActionKind,
    session: &mut Session,
    cancel: &Cancel,
    context: &Context,
) -> Result<&'static [IsolationEvent], String> {
    let Some(events) = session.console.vendor.streams().map(|streams| streams.isolation_events()) else {
        return Err("this console has no event streams".to_owned());
    };
    let mut tell = prepare::teller(context);
    let id = StreamId(found.id);
    let shown =
        session.console.ask(cancel, &mut tell, move |vendor| async move { talk::streams(&vendor)?.show(id).await });
    let shown = match shown.await {
        Ok(shown) => shown,
        Err(Halt::Failed(failure)) if failure.kind == FailureKind::NotFound => {
            return Err(format!("the console has no stream `{}`, number {id}, any longer", found.name));
        }
        Err(halt) => return Err(halted(halt)),
    };
    let missing: Vec<String> = events
        .iter()
        .filter(|event| event.kind == kind && !shown.event_types.is_empty())
        .filter(|event| !shown.event_types.contains(&event.type_id))
        .map(|event| event.type_id.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(events);
    }
    let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    Err(format!("`{}` leaves out the events of type {}", found.name, refused::quoted(&missing)))
}

fn halted(halt: Halt) -> String {
    match halt {
        Halt::Failed(failure) => failure.text,
        Halt::QuotaWait(_) => "the console's quota is spent".to_owned(),
        Halt::Interrupted => "interrupted".to_owned(),
    }
}

/// Hears until nobody takes the news any longer.
async fn hear(mut lookout: Lookout, events: &'static [IsolationEvent], tell: mpsc::Sender<News>) {
    loop {
        let seen = tokio::select! {
            seen = lookout.next() => seen,
            // The run has ended.
            () = tell.closed() => break,
        };
        let news = match seen {
            None => break,
            Some(Seen::Event(event)) => match sighting(&event, events) {
                Some(sighting) => News::Host(sighting),
                None => continue,
            },
            Some(Seen::Lost(error) | Seen::Over(error)) => News::Lost(error.to_string()),
            Some(Seen::Back) => News::Back,
        };
        if tell.send(news).await.is_err() {
            break;
        }
    }
    lookout.close().await;
}

/// What an event says of a host, if it says anything of an isolation. When that was, the run judges.
fn sighting(event: &ConsoleEvent, events: &[IsolationEvent]) -> Option<Sighting> {
    let fields = event.fields()?;
    let type_id = u64::try_from(fields.event_type_id?).ok()?;
    let told = events.iter().find(|event| event.type_id == type_id)?;
    let at = fields.time();
    let guid = fields.connector_guid.or_else(|| fields.computer?.connector_guid)?;
    let name = fields.event_type.unwrap_or_default();
    let said = match fields.error {
        Some(error) if name.is_empty() => error.into_owned(),
        Some(error) => format!("{name}: {error}"),
        None => name.into_owned(),
    };
    let host = HostId::new(&*guid);
    Some(Sighting { host, kind: told.kind, reached: told.reached, state: told.state.clone(), said, at })
}
