//! `edrctl block`.

use std::time::Duration;

use clap::Args;

use super::{
    act,
    blocklist::{self, Deed, IndicatorArgs, Prefixes, Wanted},
    indicators::{self, Moment, WantedArgs, moment},
    session::{Opening, Session, overrides},
};
use crate::{
    cli::{
        args::{IndicatorActArgs, duration, source},
        context::Context,
        error::CommandError,
        signals,
    },
    clock,
    domain::{action::ActionKind, outcome::ExitCode},
    simulator::Fleet,
    vendors::{VendorName, Wishes, indicators::Route},
};

/// Have a firewall drop what comes from and goes to indicators
///
/// Each indicator is vetted before anything is sent: private and special addresses, public resolvers, the hosts of the
/// consoles, what `[safety]` protects and wide networks are refused, each with its reason. What is left becomes an address
/// object in one group that a deny policy of yours uses. Everything written is read back.
#[derive(Debug, Args)]
pub(crate) struct BlockArgs {
    #[command(flatten)]
    targets: IndicatorArgs,
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    act: IndicatorActArgs,
    #[command(flatten)]
    prefixes: Prefixes,
    /// How many new indicators a run may put in [default: 50]
    #[arg(long, value_name = "N", help_heading = "Safety")]
    max_new: Option<u64>,
    /// Take them out again after this long; `edrctl expire` does it, from cron
    #[arg(long, visible_alias = "for", value_name = "DURATION", help_heading = "Run", value_parser = duration)]
    expires: Option<Duration>,
}

/// Indicators that a console tells, instead of files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Targets")]
struct FromArgs {
    /// Take the hostile connections of this console, as `edrctl indicators` lists them, instead of files
    #[arg(long, value_name = "V", conflicts_with = "files", value_parser = source())]
    from: Option<VendorName>,
    /// From when on: so long ago, or a moment [default: 24h]
    #[arg(long, value_name = "TIME", requires = "from", conflicts_with = "files", value_parser = moment)]
    since: Option<Moment>,
    /// Up to when [default: now]
    #[arg(long, value_name = "TIME", requires = "from", conflicts_with = "files", value_parser = moment)]
    until: Option<Moment>,
    /// Where the console takes them from [default: malops]
    #[arg(long, value_name = "ROUTE", requires = "from", conflicts_with = "files")]
    route: Option<Route>,
    /// Also take what people have closed, or called a false alarm
    #[arg(long, requires = "from", conflicts_with = "files")]
    include_closed: bool,
}

/// A day, unless the command line says otherwise.
const DAY: Duration = Duration::from_secs(86_400);

/// What a console tells, and whether that is all.
async fn told(vendor: VendorName, args: &BlockArgs, context: &Context) -> Result<(Vec<Wanted>, bool), CommandError> {
    let from = &args.from;
    let wanted = WantedArgs {
        since: from.since.unwrap_or(Moment::Ago(DAY)),
        until: from.until,
        route: from.route.unwrap_or(Route::Malops),
        kind: Vec::new(),
        detection: Vec::new(),
        include_closed: from.include_closed,
    };
    let simulate = args.act.console.simulate;
    let loaded = context.configuration(overrides(vendor, None))?;
    let (cancel, _guard) = signals::catch()?;
    let opening = Opening {
        vendor,
        simulate: simulate.then(|| Fleet::of_size(indicators::SIMULATED_HOSTS)),
        faults: None,
        concurrency: None,
        max_wait: args.act.console.firewall.max_wait,
        uses_reserve: false,
        wishes: Wishes::default(),
    };
    let mut session = Session::open(opening, Some(&loaded), context).await?;
    let harvest = indicators::harvest(&mut session, &wanted, &cancel, context).await;
    session.close().await;
    let harvest = harvest?;
    let complete = harvest.missing.is_empty();
    let found = harvest.indicators.into_keys().map(Wanted::of);
    // What is no indicator stays a target, and is refused by name.
    let unreadable = harvest.unreadable.keys().map(|text| Wanted::of_text(text));
    Ok((found.chain(unreadable).collect(), complete))
}

/// Runs it.
pub(crate) async fn run(args: BlockArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let (wanted, complete) = match args.from.from {
        Some(vendor) => told(vendor, &args, context).await?,
        None => blocklist::read(&args.targets, context)?,
    };
    if wanted.is_empty() && !complete {
        return Err(blocklist::nothing_of_some());
    }
    if wanted.is_empty() {
        return Err(CommandError::text(ExitCode::Refused, "the console tells no indicator; nothing was sent"));
    }
    let mut deed = deed(ActionKind::Block, (wanted, complete), args.act, &args.targets)?;
    deed.prefixes = args.prefixes;
    deed.max_new = args.max_new;
    deed.expires = match args.expires {
        Some(after) => Some(due_in(after)?),
        None => None,
    };
    blocklist::run(deed, context).await
}

/// When a time from now is.
fn due_in(after: Duration) -> Result<jiff::Timestamp, CommandError> {
    clock::now()
        .checked_add(after)
        .map_err(|_| CommandError::text(ExitCode::Usage, "`--expires` is longer than time is counted here"))
}

/// What `block` and `unblock` have in common, for the indicators of a list and whether that is whole.
pub(super) fn deed(
    kind: ActionKind,
    (wanted, complete): (Vec<blocklist::Wanted>, bool),
    args: IndicatorActArgs,
    targets: &IndicatorArgs,
) -> Result<Deed, CommandError> {
    Ok(Deed {
        kind,
        vendor: args.vendor,
        run: act::run_id()?,
        wanted,
        incomplete: !complete,
        expires: None,
        takes_back: None,
        max_new: None,
        prefixes: Prefixes::default(),
        console: args.console.into(),
        consent: args.consent,
        dry_run: args.dry_run,
        comment: args.comment,
        ticket: args.ticket,
        profile: None,
        address: None,
        part: None,
        reading: blocklist::reading(targets),
        rollout: args.rollout,
        frees: false,
        paper: None,
    })
}
