//! `edrctl status`.

use std::sync::Arc;

use clap::Args;

use super::{
    auto, prepare,
    session::{Opening, Session, fleet_of, overrides},
};
use crate::{
    cli::{
        args::{TargetArgs, Through, ThroughArgs},
        context::Context,
        error::CommandError,
        signals,
    },
    clock,
    domain::outcome::ExitCode,
    engine::{
        Purpose, Run,
        event::RunHeader,
        plan::{NOTHING, States, Wish},
        rollout::Rollout,
    },
    journal::new_run_id,
    vendors::Wishes,
};

/// Read the isolation state of hosts; changes nothing
///
/// A host whose state was read is `confirmed`, and `state` has the console's own word for it. Where the console keeps nothing that
/// tells it, the host is `unconfirmed`. Keeps no journal.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    vendor: ThroughArgs,
    #[command(flatten)]
    targets: TargetArgs,
}

/// Runs it.
pub(crate) async fn run(args: StatusArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let vendor = match args.vendor.vendor {
        Through::One(vendor) => vendor,
        Through::All => return auto::status(args.vendor, args.targets, context).await,
    };
    auto::refuse_alone(&args.vendor.several)?;
    let loaded = context.configuration(overrides(vendor, args.vendor.console.concurrency))?;
    let rules = prepare::rules(vendor, &args.targets, false)?;
    let mut selected = prepare::targets(&args.targets, vendor, context)?;
    let (cancel, _guard) = signals::catch()?;
    let opening = Opening {
        vendor,
        simulate: fleet_of(&args.vendor.console, &selected.entries, &args.targets.groups, false)?,
        faults: args.vendor.console.faults.as_deref(),
        concurrency: args.vendor.console.concurrency,
        max_wait: args.vendor.console.max_wait,
        uses_reserve: false,
        wishes: Wishes { product: args.vendor.console.product.clone(), ..Wishes::default() },
    };
    let mut session = Session::open(opening, Some(&loaded), context).await?;
    prepare::prove_before_plan(&mut session, false, &cancel, context).await?;
    prepare::add_groups(&mut selected, &args.targets, &mut session, &cancel, context).await?;
    let product = args.vendor.console.product.as_deref();
    let wish = Wish {
        kind: None,
        protection: &NOTHING,
        states: States::IfCheap,
        rules,
        follows: false,
        keeps_hosts: false,
        product,
        queues: true,
    };
    let (roster, _) = prepare::plan(&mut session, selected, wish, &cancel, context).await?;
    let header = Arc::new(RunHeader {
        run: new_run_id()?,
        vendor: vendor.word(),
        console_name: session.console.vendor.capabilities().console,
        console: session.address.clone(),
        action: "status",
        waits: false,
        simulated: session.simulator.is_some(),
        resumed: false,
        dry_run: false,
        targets: u64::from(roster.len()),
        started: clock::now(),
    });
    let (reading, files) = prepare::reading(&args.targets, &args.vendor.console);
    let mut reporters = context.ui.reporters(context.ui.setup(context.invocation(reading, files)));
    let vendor = Arc::clone(&session.console.vendor);
    let run = Run {
        header,
        purpose: Purpose::Read,
        console: session.console,
        roster,
        standings: Vec::new(),
        wait: None,
        first_batch: 0,
        rollout: Rollout::default(),
        news: None,
    };
    let report = run.go(None, cancel, &mut reporters).await;
    vendor.close().await;
    if let Some(simulator) = session.simulator {
        simulator.stop().await;
    }
    Ok(report.exit)
}
