//! `edrctl check`.

use clap::Args;
use serde::Serialize;

use super::{
    certificate, prepare,
    session::{self, Opening, Session, overrides},
};
use crate::{
    cli::{args::OutputFormat, context::Context, error::CommandError, signals, ui},
    config::Overrides,
    domain::outcome::ExitCode,
    engine::cancel::Cancel,
    http::Url,
    reporters::{clean::clean, json_text},
    simulator::Fleet,
    vendors::{VendorName, Wishes},
};

/// Prove configuration and credentials; changes nothing
///
/// Whether the API client may isolate cannot be proved without isolating; `check` proves everything before that.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The consoles [default: all that the configuration speaks of]
    #[arg(value_name = "V")]
    vendors: Vec<VendorName>,
    /// Check the embedded simulated console
    #[arg(long)]
    simulate: bool,
    /// Only show the certificate that the console presents, to compare and to pin it; nothing is sent to the console
    #[arg(long)]
    show_certificate: bool,
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
    /// Seconds that the console's clock is ahead of ours, where requests depend on it.
    clock_skew_seconds: Option<i64>,
    /// What would keep requests from being carried out.
    warnings: &'a [String],
    simulated: bool,
}

/// Runs it. A console that fails does not hide those behind it.
pub(crate) async fn run(args: CheckArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let (cancel, _guard) = signals::catch()?;
    let vendors = if args.vendors.is_empty() { configured(&args, context)? } else { args.vendors.clone() };
    let mut exit = ExitCode::Success;
    let mut last = None;
    for vendor in vendors {
        if let Some(error) = last.take() {
            exit = tell_error(&error, exit, context);
        }
        let result = if args.show_certificate {
            show_certificate(vendor, &args, context).await
        } else {
            check(vendor, &args, &cancel, context).await
        };
        last = result.err();
    }
    match last {
        Some(error) if exit == ExitCode::Success => Err(error),
        Some(error) => Ok(tell_error(&error, exit, context)),
        None => Ok(exit),
    }
}

/// Tells an error that is not the end; the first one's code is the command's.
fn tell_error(error: &CommandError, exit: ExitCode, context: &Context) -> ExitCode {
    // If standard error is gone, the exit code still tells.
    drop(error.write(&mut std::io::stderr(), context.ui.stderr_colour));
    if exit == ExitCode::Success { error.exit() } else { exit }
}

/// The consoles that the configuration speaks of.
fn configured(args: &CheckArgs, context: &Context) -> Result<Vec<VendorName>, CommandError> {
    if args.simulate {
        return Ok(VendorName::ALL.to_vec());
    }
    let found = context.configuration(Overrides::default())?.consoles();
    if found.is_empty() {
        let words: Vec<String> = VendorName::ALL.iter().map(|vendor| format!("`[{vendor}]`")).collect();
        return Err(CommandError::text(ExitCode::Config, "no console is configured").hint(format!(
            "the configuration has a section for each console: {}; `config.example.toml` shows every key",
            words.join(", ")
        )));
    }
    Ok(found)
}

async fn show_certificate(vendor: VendorName, args: &CheckArgs, context: &Context) -> Result<(), CommandError> {
    if args.simulate {
        let simulator = session::simulate(vendor, Fleet::of_size(1), None).await?;
        let url = Url::parse(simulator.base_url()).map_err(|error| CommandError::new(ExitCode::Internal, error))?;
        let shown = certificate::show(vendor, &url, false, context).await;
        simulator.stop().await;
        return shown;
    }
    let url = context.configuration(Overrides::default())?.console_url(vendor)?;
    if !matches!(url.scheme(), "https" | "http") {
        let text = format!("{} is not reached over TLS, so it shows no certificate", url.as_str());
        return Err(CommandError::text(ExitCode::Usage, text));
    }
    certificate::show(vendor, &url, true, context).await
}

async fn check(vendor: VendorName, args: &CheckArgs, cancel: &Cancel, context: &Context) -> Result<(), CommandError> {
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
    let tenant = prepare::prove(&mut session, cancel, context).await?;
    let ahead = prepare::look_ahead(&mut session, Some(0), true, cancel, context).await?;
    ahead.notes.iter().for_each(|note| context.ui.tell(note));
    let warnings = ahead.warnings;
    for warning in &warnings {
        context.ui.warn(warning);
    }
    let checked = Checked {
        schema: "edrctl.check/1",
        vendor: vendor.word(),
        console: &tenant.console,
        detail: tenant.detail.as_deref(),
        profile: loaded.profile(),
        credentials: &session.key_from,
        quota_left: session.console.pace.left(),
        clock_skew_seconds: tenant.clock_skew,
        warnings: &warnings,
        simulated: session.simulator.is_some(),
    };
    let name = session.console.vendor.capabilities().console;
    let text = match context.ui.output {
        OutputFormat::Human => human(name, session.advice.secret, &checked, safety.protected.len()),
        OutputFormat::Jsonl | OutputFormat::Json => json_text::to_line(&checked).unwrap_or_default(),
        OutputFormat::Csv => return Err(no_csv()),
    };
    ui::print(format!("{}\n", text.trim_end_matches('\n')).as_bytes())?;
    session.close().await;
    Ok(())
}

/// There is no row that would hold what is told here.
pub(super) fn no_csv() -> CommandError {
    CommandError::text(ExitCode::Usage, "`check` has no CSV output").hint("use `-o human` or `-o jsonl`")
}

fn human(name: &str, secret: &str, checked: &Checked<'_>, protected: usize) -> String {
    let mut lines = vec![format!("{}: good", checked.vendor), format!("  console      {name} at {}", checked.console)];
    if let Some(detail) = checked.detail {
        lines.push(format!("  answers as   {detail}"));
    }
    if let Some(profile) = checked.profile {
        lines.push(format!("  profile      {profile}"));
    }
    lines.push(format!("  {secret:<12} {}", checked.credentials));
    if let Some(left) = checked.quota_left {
        lines.push(format!("  quota left   {left} requests"));
    }
    if let Some(skew) = checked.clock_skew_seconds {
        // The console tells the time in whole seconds.
        lines.push(match skew {
            -1..=1 => "  clock        agrees with this machine's".to_owned(),
            i64::MIN..=-2 => format!("  clock        {} s behind this machine's", skew.unsigned_abs()),
            2.. => format!("  clock        {skew} s ahead of this machine's"),
        });
    }
    if protected > 0 {
        lines.push(format!("  protected    {protected} entries in [safety]"));
    }
    let lines: Vec<String> = lines.iter().map(|line| clean(line).into_owned()).collect();
    lines.join("\n")
}
