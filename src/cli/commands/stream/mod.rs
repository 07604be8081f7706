//! `edrctl stream`: live events, from the event stream's queue to durable sinks.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};

use super::streams::{FilterArgs, StreamConsoleArgs, talk::Talk, wanted};
use crate::{
    cli::{args::duration, context::Context, error::CommandError},
    domain::outcome::ExitCode,
    http::{ClientError, Trust},
    reporters::words,
    stream::{
        amqp::{AmqpOptions, AmqpSource},
        cancel::Cancel,
        dead_letters::DeadLetters,
        filter::{Filter, Judged},
        place::Place,
        pump::{Ending, Pump, PumpLimits},
        store::{NameOrId, StoredStream},
    },
};

mod end;
mod metrics;
mod open;
mod places;
mod watch;

use metrics::Metrics;
use watch::Watch;

/// Take live events from an event stream, and keep them
///
/// An event is acknowledged only after every sink has it safely; one that the queue delivers twice is kept once, and
/// counted. Stop it with Ctrl-C: what was taken is kept and acknowledged first. The stream's password is read from the
/// state folder, where `edrctl streams create` has put it.
///
/// Without --to, events go to standard output: a readable line each, or with -o jsonl the body as it came. `edrctl isolate -`
/// reads its input to the end before it acts, so a stream that goes to it needs --drain, --for or --count.
#[derive(Debug, Args)]
pub(crate) struct StreamArgs {
    /// The stream's name or number [default: the only one whose password is on this machine]
    #[arg(value_name = "NAME|ID", value_parser = wanted)]
    stream: Option<NameOrId>,
    #[command(flatten)]
    console: StreamConsoleArgs,
    /// Make the stream if the console has none of this name, with --event-type and --group; nothing is asked
    #[arg(long, requires = "stream", help_heading = "Stream")]
    create: bool,
    #[command(flatten)]
    filters: FilterArgs,
    /// Let other programs take events of the same stream; each event goes to one of them
    #[arg(long, help_heading = "Stream")]
    shared: bool,
    /// Deliveries taken and not acknowledged yet, at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(2..), help_heading = "Stream")]
    prefetch: u16,
    /// Where events go; may be repeated: `-`, a file, syslog://HOST, syslog+tls://HOST,
    /// syslog+udp://HOST, splunk+https://HOST:8088, elastic+https://HOST:9200/INDEX
    #[arg(long, value_name = "PLACE", help_heading = "Sinks", value_parser = places::PlaceParser)]
    to: Vec<Place>,
    /// How an event is written: raw, the body as it came, or event, in an envelope of ours
    #[arg(long, value_name = "FORMAT", default_value = "raw", hide_possible_values = true, help_heading = "Sinks")]
    format: FormatChoice,
    #[command(flatten)]
    rotation: places::RotationArgs,
    /// Keep only events that fit, such as 'severity >= high and host = web*', and those that cannot be read; the others are
    /// acknowledged and counted
    #[arg(long = "where", value_name = "FILTER", help_heading = "Events", value_parser = filter)]
    wanted: Option<Filter>,
    /// End after so many events
    #[arg(long, value_name = "N", help_heading = "Events", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time
    #[arg(long = "for", value_name = "DURATION", help_heading = "Events", value_parser = duration)]
    time: Option<Duration>,
    /// End once the queue is empty: for cron
    #[arg(long, help_heading = "Events")]
    drain: bool,
    /// Keep figures in this file, as Prometheus text
    #[arg(long, value_name = "FILE", help_heading = "Events")]
    metrics: Option<PathBuf>,
    /// Where events go that a sink will never take [default: beside the password, in the state folder]
    #[arg(long, value_name = "FILE", help_heading = "Sinks")]
    dead_letters: Option<PathBuf>,
}

/// The time that one try to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often both sides say that they live.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatChoice {
    /// The body as it came
    Raw,
    /// In an envelope of ours
    Event,
}

fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| error.to_string())
}

/// Runs it.
pub(crate) async fn run(args: StreamArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let begun = Instant::now();
    open::check(&args)?;
    places::prove(&args)?;
    let mut talk = Talk::open(&args.console, context).await?;
    let found = open::stream(&args, &mut talk).await?;
    let ledger = open::ledger(&talk, &found, args.shared)?;
    let sinks = places::sinks(&args, context)?;
    let dead_letters = args.dead_letters.clone().unwrap_or_else(|| open::beside(&talk, &found, "dead.jsonl"));
    let source = source(&found, talk.session.trust.clone(), args.shared)?;
    let limits = PumpLimits {
        prefetch: args.prefetch,
        batch_events: usize::from(args.prefetch / 2).max(1),
        count: args.count,
        until: args.time.map(|time| tokio::time::Instant::now() + time),
        drain: args.drain,
        ..PumpLimits::default()
    };
    if let Some(wanted) = &args.wanted {
        open::check_types(wanted, &mut talk).await;
    }
    let metrics = args.metrics.clone().map(|path| Metrics::new(path, &found.name));
    let watch = Watch::new(context.ui, found.name.clone(), metrics);
    let mut pump = Pump::new(Box::new(source), sinks, ledger, DeadLetters::new(dead_letters), limits)
        .with_listener(Box::new(watch));
    let unreadable = Arc::new(AtomicU64::new(0));
    if let Some(wanted) = args.wanted.clone() {
        let unreadable = Arc::clone(&unreadable);
        pump = pump.with_filter(Box::new(move |event| match wanted.judge(event) {
            Judged::Wanted => true,
            Judged::Unwanted => false,
            Judged::Unreadable => {
                unreadable.fetch_add(1, Ordering::Relaxed);
                true
            }
        }));
    }
    let cancel = Cancel::new();
    let ending = tokio::select! {
        ending = pump.run(&cancel) => ending,
        never = interrupts(&talk, &cancel) => match never {},
    };
    let unreadable = unreadable.load(Ordering::Relaxed);
    if unreadable > 0 {
        let events = words::count(unreadable, "event", "events");
        context
            .ui
            .warn(&format!("{events} had no readable field for --where to judge by, and so went on to every place"));
    }
    if !context.ui.quiet {
        context.ui.show(&format!("{}\n", watch::summary(&found.name, pump.stats(), begun.elapsed())));
    }
    let connected = pump.stats().connections > 0;
    talk.close().await;
    end::judge(ending, &found, connected)
}

/// Passes interrupts on: the first for an orderly end, the second for one at once.
async fn interrupts(talk: &Talk<'_>, cancel: &Cancel) -> std::convert::Infallible {
    talk.cancel.requested().await;
    cancel.interrupt();
    talk.cancel.beyond(crate::engine::cancel::Urgency::Drain).await;
    cancel.interrupt();
    std::future::pending().await
}

/// Where a stream's events come from.
pub(super) fn source(found: &StoredStream, trust: Trust, shared: bool) -> Result<AmqpSource, ClientError> {
    let options = AmqpOptions {
        host: found.host.clone(),
        port: found.port,
        user: found.user.clone(),
        password: found.password.clone(),
        queue: found.queue.clone(),
        trust,
        exclusive: !shared,
        plain: false,
        connect_timeout: CONNECT_TIMEOUT,
        heartbeat: HEARTBEAT,
    };
    AmqpSource::new(options)
}

/// What an [`Ending`] means for a script.
const fn exit_of(ending: &Ending, connected: bool) -> ExitCode {
    match ending {
        Ending::Cancelled | Ending::Count | Ending::Time | Ending::Drained | Ending::ReaderGone { .. } => {
            ExitCode::Success
        }
        Ending::Source(_) if !connected => ExitCode::Console,
        Ending::Abandoned | Ending::Late { .. } | Ending::Source(_) | Ending::Sink { .. } => ExitCode::Stopped,
        Ending::Ledger(_) | Ending::DeadLetters(_) => ExitCode::Journal,
    }
}
