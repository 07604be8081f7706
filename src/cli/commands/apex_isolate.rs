//! `edrctl apex-isolate`: Apex Central's own flow in one command, over the same engine, journal and outcomes.

use clap::Args;

use super::act::{self, Deed};
use crate::{
    cli::{
        args::{ChangeArgs, LastsArgs, duration},
        context::Context,
        error::CommandError,
    },
    domain::{action::ActionKind, outcome::ExitCode},
    vendors::VendorName,
};

/// Isolate hosts through Apex Central: find the agents, check them, isolate, verify
///
/// Reads the list of agents once, shows those that fit (host, product, address, state, what can be done), asks, isolates
/// each by its id, and then lists until the console reports every one of them `isolated`, or 10 minutes have passed
/// (`--wait=30m` waits longer). It is `isolate --vendor apex --wait` with the agents shown first.
///
/// To only look: --dry-run. To put the same hosts back: --restore. A host that is switched off stays pending until it is
/// back; `edrctl resume --wait` waits for it later.
#[derive(Debug, Args)]
pub(crate) struct ApexIsolateArgs {
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    lasts: LastsArgs,
    /// Put the hosts back on the network instead
    #[arg(long, help_heading = "Run", conflicts_with = "lasts")]
    restore: bool,
    /// Act on every agent that has a target's host name, each by its own id and with its own outcome
    #[arg(long, help_heading = "Targets")]
    allow_multiple: bool,
}

/// How long it is verified unless the command line says otherwise.
const VERIFY: &str = "10m";

/// Runs it.
pub(crate) async fn run(args: ApexIsolateArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let kind = if args.restore { ActionKind::Unisolate } else { ActionKind::Isolate };
    let mut change = args.change;
    // Verifying is a part of this flow, asked for or not.
    change.wait.wait = change.wait.wait.or_else(|| duration(VERIFY).ok());
    let deed = Deed {
        all_agents: args.allow_multiple,
        shows_hosts: true,
        lasts: args.lasts.lasts,
        own_name: Some("apex-isolate"),
        ..Deed::plain(kind, VendorName::Apex)
    };
    act::run(deed, change, context).await
}
