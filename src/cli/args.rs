//! The command line, as parsed: global options and the enum of subcommands.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::commands::{check, completions, hosts, isolate, man, resume, runs, simulate, status, unisolate};

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
  0  every target succeeded           5  refused before anything was sent
  1  internal error                   6  some targets did not succeed
  2  wrong usage or target file       7  stopped early: edrctl resume
  3  configuration or secret          8  journal
  4  console, certificate or credentials refused, nothing changed

Try it without a console:
  edrctl isolate --vendor cisco --simulate FILE";

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Configuration file [default: edrctl/config.toml in the platform's configuration folder]
    #[arg(long, global = true, value_name = "FILE", env = "EDRCTL_CONFIG", hide_env = true)]
    pub(crate) config: Option<PathBuf>,
    /// Profile of the configuration: one of several tenants
    #[arg(long, global = true, value_name = "NAME", env = "EDRCTL_PROFILE", hide_env = true)]
    pub(crate) profile: Option<String>,
    /// Folder of the journals [default: edrctl in the platform's state folder]
    #[arg(long, global = true, value_name = "DIR", env = "EDRCTL_STATE_DIR", hide_env = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// What standard output carries
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "human")]
    pub(crate) output: OutputFormat,
    /// Data and errors only: no progress, no summary beside the data
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Tell every failed try; twice: trace every exchange with the console, without secrets
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
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
    Check(check::CheckArgs),
    Runs(runs::RunsArgs),
    Resume(resume::ResumeArgs),
    Simulate(simulate::SimulateArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// The console that is spoken to.
#[derive(Clone, Debug, Args)]
pub(crate) struct VendorArgs {
    /// The console
    #[arg(long, value_name = "V")]
    pub(crate) vendor: VendorChoice,
    /// Rehearse against an embedded simulated console; no real host is touched
    #[arg(long)]
    pub(crate) simulate: bool,
    /// Faults of the simulated console, as a TOML file (docs/simulator.md)
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub(crate) faults: Option<PathBuf>,
    /// Requests in flight [default: 64, or the configuration's]
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<std::num::NonZeroUsize>,
    /// The longest wait for the console's quota; beyond it the run stops and can be resumed
    #[arg(long, value_name = "DURATION", default_value = "70m", value_parser = duration)]
    pub(crate) max_wait: std::time::Duration,
}

/// The consoles that this version speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VendorChoice {
    /// Cisco Secure Endpoint
    Cisco,
}

impl VendorChoice {
    /// The vendor's name.
    pub(crate) const fn name(self) -> crate::vendors::VendorName {
        match self {
            Self::Cisco => crate::vendors::VendorName::Cisco,
        }
    }
}

/// Where the targets come from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Targets")]
pub(crate) struct TargetArgs {
    /// Files with one target a line: id, host name, IP or MAC address; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Take this column of a CSV or TSV file with a header
    #[arg(long, value_name = "NAME", conflicts_with = "field")]
    pub(crate) column: Option<String>,
    /// Take this JSON pointer of each line of JSON Lines, such as /connector_guid
    #[arg(long, value_name = "POINTER")]
    pub(crate) field: Option<String>,
    /// Take every target as this, whatever its form
    #[arg(long, value_name = "KIND")]
    pub(crate) by: Option<ByChoice>,
    /// Leave malformed lines out instead of stopping at them
    #[arg(long)]
    pub(crate) skip_invalid: bool,
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
    #[command(flatten)]
    pub(crate) vendor: VendorArgs,
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    /// Resolve, check and print the plan; send nothing that changes anything
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Why; the console keeps it with each host, the journal with the run
    #[arg(long, value_name = "TEXT", value_parser = line_of_text)]
    pub(crate) comment: Option<String>,
    /// The ticket, for the journal
    #[arg(long, value_name = "ID", value_parser = line_of_text)]
    pub(crate) ticket: Option<String>,
}

/// How consent is given.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Consent")]
pub(crate) struct ConsentArgs {
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Do not ask if the targets resolve to exactly N hosts; refuse otherwise
    #[arg(long, value_name = "N")]
    pub(crate) expect_count: Option<u64>,
}

/// Whether proof is waited for.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WaitArgs {
    /// Wait until the console confirms each host [bare: 10m]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m", value_parser = duration)]
    pub(crate) wait: Option<std::time::Duration>,
}

/// Reads `2s`, `10m`, `4h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::domain::duration::parse(text).map_err(|error| error.to_string())
}

/// A text that goes to a console and into a journal: one line, nothing that a terminal would obey.
fn line_of_text(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("it has a control character or a line break".to_owned());
    }
    if text.chars().count() > 500 {
        return Err("it is longer than 500 characters".to_owned());
    }
    Ok(text.to_owned())
}
