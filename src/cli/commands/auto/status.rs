//! `status` over every console.

use std::sync::Arc;

use super::{
    change::go,
    consoles::{self, Consoles, Doors, NAME, Purpose},
    resolve,
};
use crate::{
    cli::{
        args::{TargetArgs, ThroughArgs},
        commands::{act, prepare},
        context::Context,
        error::CommandError,
        signals,
    },
    clock,
    domain::outcome::{Counts, ExitCode},
    engine::{
        Purpose as RunPurpose, Run,
        event::{RunHeader, SEVERAL},
        fleet::{Joint, Part},
        plan::{NOTHING, States, Wish},
        resolve::Rules,
        rollout::Rollout,
    },
    journal::new_run_id,
};

/// Runs it.
pub(crate) async fn status(
    args: ThroughArgs,
    targets: TargetArgs,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    let ThroughArgs { several, console, .. } = args;
    consoles::refuse_special(&targets, &console)?;
    let begun = clock::now();
    let (loaded, vendors) = consoles::choose(&several, console.simulate, console.concurrency, context)?;
    let selected = resolve::targets(&targets, &vendors, context)?;
    let (cancel, _guard) = signals::catch()?;
    let purpose =
        Purpose { concurrency: console.concurrency, max_wait: console.max_wait, uses_reserve: false, errand: None };
    let said = prepare::kind_said(&targets);
    let vendors = resolve::fleets(vendors, console.simulate, &selected.entries, said, false)?;
    let mut consoles = Consoles::open(vendors, &purpose, &loaded, context).await?;
    consoles.prove(&cancel, context).await?;
    let wish = Wish {
        kind: None,
        protection: &NOTHING,
        states: States::Always,
        rules: Rules::default(),
        follows: false,
        keeps_hosts: false,
        product: None,
        queues: true,
    };
    let (sorted, _) =
        resolve::resolve(&mut consoles, &targets, selected, &several.prefer, wish, &cancel, context).await?;
    let header = Arc::new(RunHeader {
        run: new_run_id()?,
        vendor: SEVERAL,
        console_name: NAME,
        console: consoles.address(),
        action: "status",
        waits: false,
        simulated: console.simulate,
        resumed: false,
        dry_run: false,
        targets: u64::from(sorted.roster.len()),
        started: begun,
    });
    let (reading, files) = prepare::reading(&targets, &console);
    let mut reporters = context.ui.reporters(context.ui.setup(context.invocation(reading, files)));
    let aside = sorted.aside().filter_map(|n| act::planned(&sorted.roster, n, "status")).map(Arc::new).collect();
    let mut doors = Doors::default();
    let mut parts = Vec::new();
    for (owner, session) in consoles.sessions.into_iter().enumerate() {
        let (roster, numbers) = sorted.part(owner);
        doors.keep(&session.console.vendor, session.simulator);
        if !roster.is_empty() {
            let run = Run {
                header: Arc::clone(&header),
                purpose: RunPurpose::Read,
                console: session.console,
                roster,
                standings: Vec::new(),
                wait: None,
                first_batch: 0,
                rollout: Rollout::default(),
                news: None,
            };
            parts.push(Part { vendor: session.vendor.word(), run, numbers });
        }
    }
    let joint = Joint { header, parts, aside, before: Counts::default(), absent: Vec::new(), first_batch: 0 };
    Ok(go(joint, None, cancel, &mut reporters, doors, None, context).await)
}
