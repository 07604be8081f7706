//! `edrctl indicators`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufWriter, Write},
};

use clap::{Args, ValueEnum, builder::PossibleValue};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    prepare,
    session::{Opening, Session, overrides},
};
use crate::{
    cli::{
        args::{OutputFormat, VendorArgs, duration},
        context::Context,
        error::CommandError,
        signals, ui,
    },
    clock,
    domain::{
        indicator::{Indicator, IndicatorKind},
        outcome::ExitCode,
    },
    engine::{
        cancel::Cancel,
        extract::{self, Collected, Period},
    },
    reporters::{
        clean::clean_to,
        csv, json_text,
        table::{Column, Table},
        words,
    },
    simulator::Fleet,
    vendors::{
        VendorName, Wishes,
        indicators::{Route, Sighting, Verdict},
    },
};

/// List the hostile connections of a period, as indicators; changes nothing
///
/// Every address and domain that the console holds against somebody comes once, in one spelling, with what is held against it.
/// Names that are no address and no domain are told on standard error and left out. If some are missing because the console
/// cuts its answers off, that is told as well, and the exit code is 6.
#[derive(Debug, Args)]
pub(crate) struct IndicatorsArgs {
    #[command(flatten)]
    vendor: VendorArgs,
    #[command(flatten)]
    wanted: WantedArgs,
    /// Print one indicator a line, and nothing else
    #[arg(long, conflicts_with = "output", help_heading = "Indicators")]
    plain: bool,
}

/// Which indicators are wanted.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Indicators")]
pub(crate) struct WantedArgs {
    /// From when on: so long ago, as in 24h, or a moment, as in 2026-11-22T03:00:00Z
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = moment)]
    pub(crate) since: Moment,
    /// Up to when, in the same way [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,
    /// Where they are taken from
    #[arg(long, value_name = "ROUTE", default_value = "malops")]
    pub(crate) route: Route,
    /// Only indicators of this kind; may be repeated
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<IndicatorKind>,
    /// Only indicators that this is held against; may be repeated
    #[arg(long, value_name = "VERDICT")]
    pub(crate) detection: Vec<Verdict>,
    /// Also take what people have closed, or called a false alarm
    #[arg(long)]
    pub(crate) include_closed: bool,
}

impl ValueEnum for Route {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Malops, Self::Reputation]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Malops => "The causes of the console's MalOps: its own verdicts, and few requests",
            Self::Reputation => "What was connected to, by the reputation that the console has of it",
        };
        Some(PossibleValue::new(self.word()).help(help))
    }
}

impl ValueEnum for Verdict {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()))
    }
}

impl ValueEnum for IndicatorKind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()))
    }
}

/// A moment as it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// So long ago.
    Ago(std::time::Duration),
    /// Then.
    At(Timestamp),
}

impl Moment {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH),
            Self::At(at) => at,
        }
    }
}

/// Reads a moment.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Moment::At(at));
    }
    let wrong = "a duration like 24h or 7d is wanted, or a moment like 2026-11-22T03:00:00Z";
    duration(text).map(Moment::Ago).map_err(|_| wrong.to_owned())
}

/// What is known of one indicator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// What is held against it.
    pub(crate) verdicts: BTreeSet<Verdict>,
    /// The MalOps that it is the cause of.
    pub(crate) malops: BTreeSet<String>,
    /// The machines that connected to it.
    pub(crate) machines: BTreeSet<String>,
    /// When it was first seen.
    pub(crate) first_seen: Option<Timestamp>,
    /// When it was last seen.
    pub(crate) last_seen: Option<Timestamp>,
}

/// The indicators of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Harvest {
    /// Each with what is known of it.
    pub(crate) indicators: BTreeMap<Indicator, Known>,
    /// Names that are none, each with why.
    pub(crate) unreadable: BTreeMap<String, String>,
    /// Why some may be missing; nothing, if all is there.
    pub(crate) missing: Vec<String>,
    /// MalOps that were left out because people have closed them or called them false alarms.
    pub(crate) left_out: u64,
    /// What the console could not be asked as it was meant to.
    pub(crate) notes: Vec<String>,
    /// The period that was asked about, exactly: whoever asks for the next one begins at its end.
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

/// Reads the indicators of a period from an open console, and tells on standard error what is not among them.
pub(crate) async fn harvest(
    session: &mut Session,
    wanted: &WantedArgs,
    cancel: &Cancel,
    context: &Context,
) -> Result<Harvest, CommandError> {
    let period = period(wanted)?;
    let mut tell = prepare::teller(context);
    let collected = extract::collect(&mut session.console, period, cancel, &mut tell).await;
    let collected = collected.map_err(|halt| prepare::failed(session, halt))?;
    let harvest = Harvest { since: period.since, until: period.until, ..Harvest::of(collected, wanted) };
    harvest.tell(context);
    Ok(harvest)
}

fn period(wanted: &WantedArgs) -> Result<Period, CommandError> {
    let now = clock::now();
    let (since, until) = (wanted.since.at(now), wanted.until.map_or(now, |until| until.at(now)));
    if since >= until {
        return Err(CommandError::text(ExitCode::Usage, "the period is empty: `--since` is not before `--until`"));
    }
    Ok(Period { route: wanted.route, since, until, with_closed: wanted.include_closed })
}

impl Harvest {
    fn of(collected: Collected, wanted: &WantedArgs) -> Self {
        let Collected { sightings, missing, left_out, notes } = collected;
        let mut harvest = Self { missing, left_out, notes, ..Self::default() };
        for sighting in sightings {
            let verdict = sighting.verdict;
            if !wanted.detection.is_empty() && !wanted.detection.contains(&verdict) {
                continue;
            }
            match read(&sighting) {
                Ok(indicator) if wanted.kind.is_empty() || wanted.kind.contains(&indicator.kind()) => {
                    harvest.indicators.entry(indicator).or_default().learn(sighting);
                }
                Ok(_) => {}
                Err(why) => {
                    harvest.unreadable.insert(sighting.name, why);
                }
            }
        }
        harvest
    }

    fn tell(&self, context: &Context) {
        if self.left_out > 0 {
            let malops = words::count(self.left_out, "MalOp was", "MalOps were");
            context
                .ui
                .tell(&format!("{malops} left out, closed or called a false alarm; `--include-closed` takes them"));
        }
        if !self.unreadable.is_empty() {
            let names = words::count(self.unreadable.len() as u64, "name is", "names are");
            context.ui.warn(&format!("{names} no indicator, and left out:"));
            for (name, why) in self.unreadable.iter().take(SHOWN) {
                context.ui.warn(&format!("  `{}`: {why}", clean_to(name, WIDEST)));
            }
            if self.unreadable.len() > SHOWN {
                context.ui.warn(&format!("  and {} more", self.unreadable.len() - SHOWN));
            }
        }
        for note in &self.notes {
            context.ui.tell(note);
        }
        for why in &self.missing {
            context.ui.warn(&format!("incomplete: {why}"));
        }
    }
}

/// Names that are shown one by one, and how wide.
const SHOWN: usize = 10;
const WIDEST: usize = 120;

/// The indicator that a name is. The console says what kind of thing it is, and a name that is another one is none.
fn read(sighting: &Sighting) -> Result<Indicator, String> {
    let parsed = Indicator::parse(&sighting.name).map_err(|error| error.to_string())?;
    let is_single = match &parsed.indicator {
        Indicator::V4(net) => net.prefix_len() == 32,
        Indicator::V6(net) => net.prefix_len() == 128,
        Indicator::Domain(_) => true,
    };
    let is_domain = parsed.indicator.kind() == IndicatorKind::Domain;
    if sighting.is_odd || sighting.verdict.is_of_an_address() == is_domain {
        return Err("the console calls it something else".to_owned());
    }
    if parsed.narrowed || !is_single {
        return Err("it says more than an address or a domain does".to_owned());
    }
    Ok(parsed.indicator)
}

impl Known {
    fn learn(&mut self, sighting: Sighting) {
        self.verdicts.insert(sighting.verdict);
        self.malops.extend(sighting.detection);
        self.machines.extend(sighting.machines);
        let both = [self.first_seen, sighting.first_seen];
        self.first_seen = both.into_iter().flatten().min();
        self.last_seen = self.last_seen.max(sighting.last_seen);
    }
}

/// One indicator, as published.
#[derive(Serialize)]
struct IndicatorV1<'a> {
    schema: &'static str,
    kind: &'static str,
    value: String,
    source: &'static str,
    detection: Vec<&'static str>,
    malops: &'a BTreeSet<String>,
    machines: &'a BTreeSet<String>,
    first_seen: Option<String>,
    last_seen: Option<String>,
}

impl<'a> IndicatorV1<'a> {
    fn new(indicator: &Indicator, known: &'a Known, vendor: VendorName) -> Self {
        Self {
            schema: "edrctl.indicator/1",
            kind: indicator.kind().word(),
            value: indicator.canonical(),
            source: vendor.word(),
            detection: known.verdicts.iter().map(|verdict| verdict.word()).collect(),
            malops: &known.malops,
            machines: &known.machines,
            first_seen: known.first_seen.map(clock::rfc3339),
            last_seen: known.last_seen.map(clock::rfc3339),
        }
    }
}

/// All of them, as one document; and, without them, the last line of an incomplete list.
#[derive(Serialize)]
struct IndicatorsV1<'a> {
    schema: &'static str,
    source: &'static str,
    route: &'static str,
    since: String,
    until: String,
    complete: bool,
    missing: &'a [String],
    left_out: u64,
    unreadable: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    indicators: Option<Vec<IndicatorV1<'a>>>,
}

/// Hosts of the simulated console.
pub(crate) const SIMULATED_HOSTS: u32 = 20;

/// Runs it.
pub(crate) async fn run(args: IndicatorsArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let vendor = args.vendor.vendor;
    if !vendor.driver().takes.indicators {
        let text = format!("{} does not tell hostile connections", vendor.console());
        return Err(CommandError::text(ExitCode::Usage, text).hint("`--vendor cybereason` does"));
    }
    period(&args.wanted)?;
    let loaded = context.configuration(overrides(vendor, args.vendor.console.concurrency))?;
    let (cancel, _guard) = signals::catch()?;
    let opening = Opening {
        vendor,
        simulate: args.vendor.console.simulate.then(|| Fleet::of_size(SIMULATED_HOSTS)),
        faults: args.vendor.console.faults.as_deref(),
        concurrency: args.vendor.console.concurrency,
        max_wait: args.vendor.console.max_wait,
        uses_reserve: false,
        wishes: Wishes { product: args.vendor.console.product.clone(), ..Wishes::default() },
    };
    let mut session = Session::open(opening, Some(&loaded), context).await?;
    let harvest = harvest(&mut session, &args.wanted, &cancel, context).await;
    session.close().await;
    let harvest = harvest?;
    ui::written(print(&args, &harvest, context))?;
    let indicators = words::count(harvest.indicators.len() as u64, "indicator", "indicators");
    context.ui.tell(&if harvest.missing.is_empty() {
        indicators
    } else {
        format!("{indicators}, and some are missing")
    });
    Ok(if harvest.missing.is_empty() { ExitCode::Success } else { ExitCode::SomeFailed })
}

fn print(args: &IndicatorsArgs, harvest: &Harvest, context: &Context) -> io::Result<()> {
    let vendor = args.vendor.vendor;
    let mut out = BufWriter::new(io::stdout());
    let published = || harvest.indicators.iter().map(|(indicator, known)| IndicatorV1::new(indicator, known, vendor));
    if args.plain {
        for indicator in harvest.indicators.keys() {
            writeln!(out, "{indicator}")?;
        }
        return out.flush();
    }
    match context.ui.output {
        OutputFormat::Jsonl => {
            for one in published() {
                line(&mut out, &one)?;
            }
            // Whoever reads a list that is cut off has to meet it there, and not on a terminal that nobody reads.
            if !harvest.missing.is_empty() {
                line(&mut out, &document(args, harvest, None))?;
            }
        }
        OutputFormat::Json => {
            line(&mut out, &document(args, harvest, Some(published().collect())))?;
        }
        OutputFormat::Csv => {
            out.write_all(&csv::row(COLUMNS)?)?;
            for one in published() {
                let texts = |all: &BTreeSet<String>| all.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
                let time = |at: &Option<String>| at.clone().unwrap_or_default();
                let cells = [
                    one.value.clone(),
                    one.kind.to_owned(),
                    one.source.to_owned(),
                    one.detection.join(" "),
                    texts(one.malops),
                    texts(one.machines),
                    time(&one.first_seen),
                    time(&one.last_seen),
                ];
                out.write_all(&csv::row(cells.iter().map(String::as_str))?)?;
            }
        }
        OutputFormat::Human => {
            let columns = [
                Column::new("INDICATOR").whole(),
                Column::new("KIND"),
                Column::new("DETECTION"),
                Column::number("MALOPS"),
                Column::new("MACHINES"),
                Column::new("LAST SEEN"),
            ];
            let mut table = Table::new(columns);
            for one in published() {
                let machines: Vec<&str> = one.machines.iter().map(String::as_str).collect();
                table.push([
                    one.value.as_str(),
                    one.kind,
                    &one.detection.join(", "),
                    &one.malops.len().to_string(),
                    &if machines.is_empty() { "-".to_owned() } else { machines.join(", ") },
                    one.last_seen.as_deref().unwrap_or("-"),
                ]);
            }
            if !table.is_empty() {
                let text = table.render(context.ui.table_columns(), context.ui.stdout_colour);
                out.write_all(text.as_bytes())?;
            }
        }
    }
    out.flush()
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", json_text::to_line(value)?.trim_end_matches('\n'))
}

/// The columns of `-o csv`.
const COLUMNS: [&str; 8] = ["value", "kind", "source", "detection", "malops", "machines", "first_seen", "last_seen"];

fn document<'a>(
    args: &IndicatorsArgs,
    harvest: &'a Harvest,
    indicators: Option<Vec<IndicatorV1<'a>>>,
) -> IndicatorsV1<'a> {
    IndicatorsV1 {
        schema: "edrctl.indicators/1",
        source: args.vendor.vendor.word(),
        route: args.wanted.route.word(),
        since: clock::rfc3339(harvest.since),
        until: clock::rfc3339(harvest.until),
        complete: harvest.missing.is_empty(),
        missing: &harvest.missing,
        left_out: harvest.left_out,
        unreadable: harvest.unreadable.len(),
        indicators,
    }
}
