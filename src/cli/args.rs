//! The command line, as parsed: global options and the enum of subcommands.

use std::path::PathBuf;

use clap::{
    ArgAction, Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};

use super::commands::{
    apex_isolate, block, check, completions, expire, hosts, indicators, isolate, ksc_task, man,
    plan::{apply, approve, make},
    report, rerun, resume,
    rollout::RolloutArgs,
    runs, simulate, status, stream, streams, unblock, undo, unisolate,
};
use super::protection::AllowArgs;
use crate::{domain::action::Thing, engine::event::SEVERAL, stream::store::NameOrId, vendors::VendorName};

/// Isolates lists of hosts through the EDR console that manages them, proves that it happened, and puts exactly those
/// hosts back.
#[derive(Debug, Parser)]
#[command(name = "edrctl", version, arg_required_else_help = true, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  every target succeeded
  1  internal error: a bug
  2  wrong usage or a malformed target file; nothing was sent
  3  configuration or secret missing or wrong; nothing was sent
  4  console, its certificate or our credentials failed; nothing was changed
  5  refused by a rule, or no consent; nothing was sent
  6  the run ended, and some targets did not succeed
  7  stopped early; go on with `edrctl resume`
  8  the journal cannot be written, locked, read or trusted

Try it without a console: edrctl isolate --vendor cisco --simulate FILE
`edrctl COMMAND -h` is the short help of a command, `--help` the long one.";

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Configuration file [default: edrctl/config.toml in the platform's configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Profile of the configuration: one of several tenants
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Folder of the journals [default: edrctl in the platform's state folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// What standard output carries
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "human")]
    pub(crate) output: OutputFormat,
    /// Data, warnings and errors only: no progress, no notes on standard error
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Tell every failed try; twice: trace every exchange with the console, without secrets
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Colour: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(crate) color: ColorChoice,
}

/// What standard output carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// A line a target, then a summary
    Human,
    /// A JSON object a target, as it settles
    Jsonl,
    /// One JSON document at the end
    Json,
    /// A row a target, with a header
    Csv,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Isolate(isolate::IsolateArgs),
    Unisolate(unisolate::UnisolateArgs),
    Status(status::StatusArgs),
    Hosts(hosts::HostsArgs),
    ApexIsolate(apex_isolate::ApexIsolateArgs),
    KscTask(Box<ksc_task::KscTaskArgs>),
    Block(Box<block::BlockArgs>),
    Unblock(Box<unblock::UnblockArgs>),
    Plan(make::PlanArgs),
    Apply(Box<apply::ApplyArgs>),
    Approve(approve::ApproveArgs),
    Expire(Box<expire::ExpireArgs>),
    Undo(Box<undo::UndoArgs>),
    Rerun(Box<rerun::RerunArgs>),
    Stream(Box<stream::StreamArgs>),
    Streams(streams::StreamsArgs),
    Indicators(Box<indicators::IndicatorsArgs>),
    Check(check::CheckArgs),
    Runs(runs::RunsArgs),
    Report(report::ReportArgs),
    Resume(resume::ResumeArgs),
    Simulate(simulate::SimulateArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// The console that is spoken to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Console")]
pub(crate) struct VendorArgs {
    /// The console
    #[arg(long, value_name = "V", value_parser = host_console())]
    pub(crate) vendor: VendorName,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
}

/// How the console is spoken to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Console")]
pub(crate) struct ConsoleArgs {
    /// Only agents of this product, as the console calls it, such as SLF_PRODUCT_OFFICESCAN_CE; for consoles that know one
    /// machine by an agent of each product
    #[arg(long, value_name = "PRODUCT", value_parser = product)]
    pub(crate) product: Option<String>,
    /// Rehearse against an embedded simulated console; no real host is touched
    #[arg(long)]
    pub(crate) simulate: bool,
    /// Faults of the simulated console, as a TOML file (docs/simulator.md)
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub(crate) faults: Option<PathBuf>,
    /// Requests in flight [default: the configuration's, or 64]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<std::num::NonZeroUsize>,
    /// The longest wait for the console's quota; edrctl stops rather than wait longer (exit code 7)
    #[arg(long, value_name = "DURATION", default_value = "70m", value_parser = duration)]
    pub(crate) max_wait: std::time::Duration,
}

impl ValueEnum for VendorName {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()).help(self.console()))
    }
}

/// How a firewall is spoken to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Console")]
pub(crate) struct FirewallArgs {
    /// Batches in flight [default: the configuration's, or 16]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<std::num::NonZeroUsize>,
    /// The longest wait that the firewall may ask for; edrctl stops rather than wait longer (exit code 7)
    #[arg(long, value_name = "DURATION", default_value = "70m", value_parser = duration)]
    pub(crate) max_wait: std::time::Duration,
}

impl From<FirewallArgs> for ConsoleArgs {
    fn from(args: FirewallArgs) -> Self {
        let FirewallArgs { concurrency, max_wait } = args;
        Self { product: None, simulate: false, faults: None, concurrency, max_wait }
    }
}

/// The same of whatever console an earlier run was at.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Console")]
pub(crate) struct AnyConsoleArgs {
    /// Requests in flight; at a firewall: batches [default: the configuration's, or 64; at a firewall 16]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<std::num::NonZeroUsize>,
    /// The longest wait for the console's quota, or that a firewall may ask for; edrctl stops rather than wait longer (exit code 7)
    #[arg(long, value_name = "DURATION", default_value = "70m", value_parser = duration)]
    pub(crate) max_wait: std::time::Duration,
}

impl From<AnyConsoleArgs> for ConsoleArgs {
    fn from(args: AnyConsoleArgs) -> Self {
        let AnyConsoleArgs { concurrency, max_wait } = args;
        Self { product: None, simulate: false, faults: None, concurrency, max_wait }
    }
}

/// The same, where a simulated firewall can take its place.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Console")]
pub(crate) struct RehearsedArgs {
    /// Rehearse against an embedded simulated firewall; no real one is touched
    #[arg(long)]
    pub(crate) simulate: bool,
    /// Faults of the simulated firewall, as a TOML file (docs/simulator.md)
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub(crate) faults: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) firewall: FirewallArgs,
}

impl From<RehearsedArgs> for ConsoleArgs {
    fn from(args: RehearsedArgs) -> Self {
        Self { simulate: args.simulate, faults: args.faults, ..args.firewall.into() }
    }
}

/// What a command that changes a firewall may be told.
#[derive(Clone, Debug, Args)]
pub(crate) struct IndicatorActArgs {
    /// The firewall
    #[arg(long, value_name = "V", help_heading = "Console", value_parser = firewall())]
    pub(crate) vendor: VendorName,
    #[command(flatten)]
    pub(crate) console: RehearsedArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) rollout: RolloutArgs,
    /// Vet, check and print the plan; send nothing that changes anything
    #[arg(long, help_heading = "Consent")]
    pub(crate) dry_run: bool,
    /// Why, in words: kept in the journal, and in the comment of each object as far as it takes them
    #[arg(long, help_heading = "Run", value_name = "TEXT", value_parser = line_of_text)]
    pub(crate) comment: Option<String>,
    /// Why, as the number of a ticket: for the journal
    #[arg(long, help_heading = "Run", value_name = "ID", value_parser = line_of_text)]
    pub(crate) ticket: Option<String>,
}

/// The words of the consoles that act on this.
fn console_of(thing: Thing) -> impl TypedValueParser<Value = VendorName> {
    let word = |vendor: VendorName| PossibleValue::new(vendor.word()).help(vendor.console());
    PossibleValuesParser::new(VendorName::that_act_on(thing).map(word))
        .try_map(|word| VendorName::from_word(&word).ok_or("no console of this name"))
}

/// A console that tells hostile connections.
pub(crate) fn source() -> impl TypedValueParser<Value = VendorName> {
    let word = |vendor: VendorName| PossibleValue::new(vendor.word()).help(vendor.console());
    let sources = VendorName::ALL.into_iter().filter(|vendor| vendor.driver().takes.indicators);
    PossibleValuesParser::new(sources.map(word))
        .try_map(|word| VendorName::from_word(&word).ok_or("no console of this name"))
}

/// The console that is spoken to, or all that manage hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// This one.
    One(VendorName),
    /// Every one that the configuration speaks of.
    All,
}

/// A console that manages hosts, or the word for all of them.
fn through() -> impl TypedValueParser<Value = Through> {
    let word = |vendor: VendorName| PossibleValue::new(vendor.word()).help(vendor.console());
    let all = PossibleValue::new(SEVERAL).help("Every one of these that is configured: each host where it lives");
    PossibleValuesParser::new(VendorName::that_act_on(Thing::Host).map(word).chain([all])).try_map(|word| {
        if word == SEVERAL {
            return Ok(Through::All);
        }
        VendorName::from_word(&word).map(Through::One).ok_or("no console of this name")
    })
}

/// What is said of several consoles.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Console")]
pub(crate) struct SeveralArgs {
    /// With `--vendor auto`: ask only these consoles, instead of every one that is configured
    #[arg(long, value_name = "V,...", value_delimiter = ',', value_parser = host_console())]
    pub(crate) only: Vec<VendorName>,
    /// With `--vendor auto`: take a host that several consoles have from the first of these that has it, instead of leaving
    /// it alone
    #[arg(long, value_name = "V,...", value_delimiter = ',', value_parser = host_console())]
    pub(crate) prefer: Vec<VendorName>,
}

/// The console, or all of them, and how they are spoken to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Console")]
pub(crate) struct ThroughArgs {
    /// The console
    #[arg(long, value_name = "V", value_parser = through())]
    pub(crate) vendor: Through,
    #[command(flatten)]
    pub(crate) several: SeveralArgs,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
}

/// A console that manages hosts.
pub(crate) fn host_console() -> impl TypedValueParser<Value = VendorName> {
    console_of(Thing::Host)
}

/// A firewall.
pub(crate) fn firewall() -> impl TypedValueParser<Value = VendorName> {
    console_of(Thing::Indicator)
}

/// Where the targets come from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Targets")]
pub(crate) struct TargetArgs {
    /// Files with one target a line: id, host name, IP or MAC address; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["groups", "malops"], help_heading = None)]
    pub(crate) files: Vec<PathBuf>,
    /// Take every host of this administration group, without those of its subgroups, by its name, its name with those above
    /// it (Managed devices/Servers), or its number (id:7); may be repeated. For consoles that have them: kaspersky
    #[arg(id = "groups", long = "group", value_name = "NAME")]
    pub(crate) groups: Vec<String>,
    /// Take every machine of this MalOp, by its id; may be repeated. For consoles that have them: cybereason
    #[arg(id = "malops", long = "malop", value_name = "ID")]
    pub(crate) malops: Vec<String>,
    /// Take this column of a CSV or TSV file with a header
    #[arg(long, value_name = "NAME", conflicts_with = "field")]
    pub(crate) column: Option<String>,
    /// Take this JSON pointer of each line of JSON Lines, such as /connector_guid; of several, the first that is there
    #[arg(long, value_name = "POINTER")]
    pub(crate) field: Vec<String>,
    /// Take every target as this, whatever its form: id, host (a name), ip or mac
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    pub(crate) by: Option<ByChoice>,
    /// Leave malformed lines out instead of stopping at them
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Also take a host whose name is the first 15 characters of the target's, where the console cuts names off; each
    /// is told
    #[arg(long)]
    pub(crate) netbios: bool,
}

impl TargetArgs {
    /// Nothing is read: the targets come from elsewhere.
    pub(crate) const fn none() -> Self {
        Self {
            files: Vec::new(),
            groups: Vec::new(),
            malops: Vec::new(),
            column: None,
            field: Vec::new(),
            by: None,
            skip_invalid: false,
            netbios: false,
        }
    }
}

/// How long hosts stay isolated.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct LastsArgs {
    /// Have each host put back so long after it was isolated, unless a later run wants it longer; `edrctl expire` does it,
    /// from cron
    #[arg(id = "lasts", long = "for", value_name = "DURATION", value_parser = lasting)]
    pub(crate) lasts: Option<std::time::Duration>,
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ByChoice {
    /// The console's own id
    Id,
    /// A host name
    Host,
    /// An IP address
    Ip,
    /// A MAC address
    Mac,
}

/// What a changing command may be told.
#[derive(Clone, Debug, Args)]
pub(crate) struct ActArgs {
    /// The console
    #[arg(long, value_name = "V", help_heading = "Console", value_parser = through())]
    pub(crate) vendor: Through,
    #[command(flatten)]
    pub(crate) several: SeveralArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    #[command(flatten)]
    pub(crate) hearing: HearingArgs,
    #[command(flatten)]
    pub(crate) crowd: CrowdArgs,
    #[command(flatten)]
    pub(crate) offline: OfflineArgs,
}

/// What is done with hosts that the console has lost touch with.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct OfflineArgs {
    /// Send requests for hosts that the console has lost touch with, too, where they are otherwise refused: nobody knows
    /// whether it keeps them for later. For cybereason
    #[arg(long)]
    pub(crate) queue_offline: bool,
}

/// What is done where a console keeps only so much work, or nobody is there to carry it out.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct CrowdArgs {
    /// Let older tasks be pushed out at a console that keeps only so many, done or not; for kaspersky
    #[arg(long)]
    pub(crate) allow_rotation: bool,
    /// Send nothing unless the console says that somebody is connected who carries tasks out, where it otherwise warns;
    /// for kaspersky
    #[arg(long)]
    pub(crate) require_console: bool,
}

/// How hosts are heard of.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct HearingArgs {
    /// Confirm hosts by the events of this event stream (its name or number) instead of by listings, which spend the
    /// console's quota; listings remain for what is not heard. Needs --wait, and a stream that nobody else takes
    #[arg(long, value_name = "NAME|ID", requires = "wait", value_parser = streams::wanted)]
    pub(crate) stream: Option<NameOrId>,
}

/// The same, but for the console's word.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) rollout: RolloutArgs,
    #[command(flatten)]
    pub(crate) allowed: AllowArgs,
    /// Resolve, check and print the plan; send nothing that changes anything
    #[arg(long, help_heading = "Consent")]
    pub(crate) dry_run: bool,
    /// Why, in words: kept in the journal, and by the console with each host where it has room for them
    #[arg(long, help_heading = "Run", value_name = "TEXT", value_parser = line_of_text)]
    pub(crate) comment: Option<String>,
    /// Why, as the number of a ticket: for the journal
    #[arg(long, help_heading = "Run", value_name = "ID", value_parser = line_of_text)]
    pub(crate) ticket: Option<String>,
}

/// How consent is given.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Consent")]
pub(crate) struct ConsentArgs {
    /// Do not ask before hosts are changed
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Do not ask if the targets resolve to exactly N hosts; refuse if they do not
    #[arg(long, value_name = "N")]
    pub(crate) expect_count: Option<u64>,
}

/// Whether proof is waited for.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct WaitArgs {
    /// Wait until the console confirms each host, 10m unless DURATION says otherwise
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m", value_parser = duration)]
    pub(crate) wait: Option<std::time::Duration>,
}

/// Reads `2s`, `10m`, `4h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::domain::duration::parse(text).map_err(|error| error.to_string())
}

/// Reads how long something is to last.
fn lasting(text: &str) -> Result<std::time::Duration, String> {
    let time = duration(text)?;
    if time.is_zero() || time > MOST_LASTING {
        return Err("more than nothing is wanted, and at most ten years".to_owned());
    }
    Ok(time)
}

/// What is to last longer is to last for good.
pub(crate) const MOST_LASTING: std::time::Duration = std::time::Duration::from_secs(3_660 * 86_400);

/// Reads a product: it becomes a part of an address.
pub(crate) fn product(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
        return Err(
            "a product is written in letters, digits, `_`, `-` and `.`, such as SLF_PRODUCT_OFFICESCAN_CE".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// Reads a number of requests in flight; the bounds are the configuration's.
pub(crate) fn concurrency(text: &str) -> Result<std::num::NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number: &std::num::NonZeroUsize| number.get() <= 256);
    number.ok_or_else(|| "a whole number from 1 to 256 is wanted".to_owned())
}

/// A text that goes to a console and into a journal: one line, nothing that a terminal would obey.
pub(crate) fn line_of_text(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("it has a control character or a line break".to_owned());
    }
    if text.chars().count() > 500 {
        return Err("it is longer than 500 characters".to_owned());
    }
    Ok(text.to_owned())
}
