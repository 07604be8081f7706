//! `edrctl check`.

use clap::Args;
use serde::Serialize;

use super::{
    prepare,
    session::{Opening, Session, overrides},
};
use crate::{
    cli::{args::OutputFormat, context::Context, error::CommandError, signals, ui},
    domain::outcome::ExitCode,
    reporters::{clean::clean, json_text},
    simulator::Fleet,
    vendors::{VendorName, Wishes},
};

/// Prove configuration and credentials; changes nothing
///
/// Whether the API client may isolate cannot be proved without isolating; `check` proves everything before that.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The consoles [default: all that this version speaks to]
    #[arg(value_name = "V")]
    vendors: Vec<VendorName>,
    /// Check the embedded simulated console
    #[arg(long)]
    simulate: bool,
}

/// The answer, as published.
#[derive(Serialize)]
struct Checked<'a> {
    schema: &'static str,
    vendor: &'static str,
    console: &'a str,
    detail: Option<&'a str>,
    profile: Option<&'a str>,
    credentials: &'a str,
    quota_left: Option<u64>,
    simulated: bool,
}

/// Runs it.
pub(crate) async fn run(args: CheckArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let (cancel, _guard) = signals::catch()?;
    let vendors: Vec<VendorName> =
        if args.vendors.is_empty() { VendorName::ALL.to_vec() } else { args.vendors.clone() };
    for vendor in vendors {
        let loaded = context.configuration(overrides(vendor, None))?;
        // A list that cannot be read would stop every change; better told now than at three in the morning.
        let safety = loaded.safety()?;
        let opening = Opening {
            vendor,
            simulate: args.simulate.then(|| Fleet::of_size(10)),
            faults: None,
            concurrency: None,
            max_wait: crate::engine::limits::DEFAULT_MAX_WAIT,
            uses_reserve: false,
            wishes: Wishes::default(),
        };
        let mut session = Session::open(opening, Some(&loaded), context).await?;
        let tenant = prepare::prove(&mut session, &cancel, context).await?;
        let checked = Checked {
            schema: "edrctl.check/1",
            vendor: vendor.word(),
            console: &tenant.console,
            detail: tenant.detail.as_deref(),
            profile: loaded.profile(),
            credentials: &session.key_from,
            quota_left: session.console.pace.left(),
            simulated: session.simulator.is_some(),
        };
        let name = session.console.vendor.capabilities().console;
        let text = match context.ui.output {
            OutputFormat::Human => human(name, &checked, safety.protected.len()),
            OutputFormat::Jsonl | OutputFormat::Json => json_text::to_line(&checked).unwrap_or_default(),
            OutputFormat::Csv => {
                return Err(CommandError::text(ExitCode::Usage, "`check` has no CSV output")
                    .hint("use `-o human` or `-o jsonl`"));
            }
        };
        ui::print(format!("{}\n", text.trim_end_matches('\n')).as_bytes())?;
        session.close().await;
    }
    Ok(ExitCode::Success)
}

fn human(name: &str, checked: &Checked<'_>, protected: usize) -> String {
    let mut lines = vec![format!("{}: good", checked.vendor), format!("  console      {name} at {}", checked.console)];
    if let Some(detail) = checked.detail {
        lines.push(format!("  answers as   {detail}"));
    }
    if let Some(profile) = checked.profile {
        lines.push(format!("  profile      {profile}"));
    }
    lines.push(format!("  API key      {}", checked.credentials));
    if let Some(left) = checked.quota_left {
        lines.push(format!("  quota left   {left} requests"));
    }
    if protected > 0 {
        lines.push(format!("  protected    {protected} entries in [safety]"));
    }
    let lines: Vec<String> = lines.iter().map(|line| clean(line).into_owned()).collect();
    lines.join("\n")
}
