//! `edrctl simulate`: every console that is asked for, until it is stopped.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::Args;

use super::session;
use crate::{
    cli::{
        context::Context,
        error::CommandError,
        select::{self, Form, Sources},
        signals,
    },
    clock,
    domain::outcome::ExitCode,
    simulator::{self, Faults, Fleet, FleetError, Model, Options},
    vendors::VendorName,
};

/// Serve simulated consoles until stopped, for rehearsals and tests
///
/// Prints a ready configuration: addresses, CA file and credentials. The credentials are new at every start. Other clients
/// of the same console work against it.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The console; each `--vendor` is one more
    #[arg(long, value_name = "V", required = true)]
    vendor: Vec<VendorName>,
    /// Where to listen; port 0 takes a free one, and the next console the next port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The hosts: how many, a target file, or a CSV or JSON file with what is known of each (docs/simulator.md)
    #[arg(long, value_name = "N|FILE", default_value = "20")]
    fleet: String,
    /// What goes wrong, as a TOML file (docs/simulator.md)
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Write the configuration here, readable by this user only, as well as to standard output
    #[arg(long, value_name = "FILE")]
    write_config: Option<PathBuf>,
    /// Write the CA certificate here [default: a file in the state folder, removed at the end]
    #[arg(long, value_name = "FILE")]
    write_ca: Option<PathBuf>,
}

/// Runs it.
pub(crate) async fn run(args: SimulateArgs, context: &Context) -> Result<ExitCode, CommandError> {
    if !args.listen.ip().is_loopback() {
        context.ui.warn("the simulated console listens beyond this machine");
    }
    let faults = session::faults(args.faults.as_deref())?;
    let mut all = Vec::new();
    for vendor in args.vendor.iter().copied() {
        let options = options(vendor, &args, &faults)?;
        if !all.iter().any(|known: &Options| known.console == options.console) {
            all.push(options);
        }
    }
    let (cancel, _guard) = signals::catch()?;
    let mut consoles = Vec::new();
    for (number, mut options) in (0..).zip(all) {
        if options.listen.port() > 0 {
            let port = options.listen.port().checked_add(number).ok_or_else(|| {
                CommandError::text(ExitCode::Usage, "there is no port behind the last one for the next console")
            })?;
            options.listen.set_port(port);
        }
        let console = simulator::start(options)
            .await
            .map_err(|error| CommandError::new(ExitCode::Console, error).context("start the simulated console"))?;
        consoles.push(console);
    }
    let (ca_file, temporary) = match args.write_ca {
        Some(path) => (path, false),
        None => {
            let folder = context.state_path(None)?.join("simulator");
            fs::create_dir_all(&folder).map_err(|error| {
                CommandError::new(ExitCode::Journal, error).context(format!("make the folder `{}`", folder.display()))
            })?;
            (folder.join(format!("ca-{}.pem", std::process::id())), true)
        }
    };
    let written = |path: &Path, error: io::Error| {
        CommandError::new(ExitCode::Usage, error).context(format!("write `{}`", path.display()))
    };
    let mut files: Vec<PathBuf> = Vec::new();
    let mut sections = Vec::new();
    for console in &consoles {
        let path = trust_file(&ca_file, console, &consoles);
        // One file for all authorities: a client trusts each certificate in it.
        let same = |other: &&simulator::Console| trust_file(&ca_file, other, &consoles) == path;
        let certificates: String = consoles.iter().filter(same).map(simulator::Console::ca_pem).collect();
        write_private(&path, &certificates).map_err(|error| written(&path, error))?;
        let path = fs::canonicalize(&path).unwrap_or(path);
        sections.push(console.ready_config(&path));
        if let Some((known_hosts, text)) = console.known_hosts(&path) {
            write_private(&known_hosts, &text).map_err(|error| written(&known_hosts, error))?;
            files.push(known_hosts);
        }
        if !files.contains(&path) {
            files.push(path);
        }
    }
    let config = sections.join("\n");
    if let Some(path) = &args.write_config {
        write_private(path, &config).map_err(|error| written(path, error))?;
    }
    // Somebody waits for this text to know that the console is ready; that nobody does is no failure.
    drop(io::stdout().write_all(config.as_bytes()).and_then(|()| io::stdout().flush()));
    for console in &consoles {
        context.ui.tell(&format!("serving {} until stopped", console.base_url()));
        if let Some(address) = console.ssh_address() {
            context.ui.tell(&format!("its command line is at {address} over SSH"));
        }
        if let Some(streams) = console.streams() {
            context.ui.tell(&format!("its event streams come from amqps://{}", streams.amqp_address()));
        }
    }
    cancel.requested().await;
    let requests: u64 = consoles.iter().map(|console| console.stats().total()).sum();
    let isolated: usize = consoles.iter().map(|console| console.fleet().isolated()).sum();
    for console in consoles {
        console.stop().await;
    }
    for path in files.iter().filter(|_| temporary) {
        fs::remove_file(path).map_err(|error| written(path, error))?;
    }
    context.ui.tell(&format!("stopped after {requests} requests; {isolated} hosts isolated"));
    Ok(ExitCode::Success)
}

/// Where a console's certificate is written: one that a client has to know as it is stands alone in its file.
fn trust_file(ca_file: &Path, console: &simulator::Console, all: &[simulator::Console]) -> PathBuf {
    if !console.is_pinned() || all.len() == 1 {
        return ca_file.to_owned();
    }
    let stem = ca_file.file_stem().unwrap_or_default().to_string_lossy();
    ca_file.with_file_name(format!("{stem}-{}.pem", console.model().word()))
}

/// What the console of one vendor is to be.
fn options(vendor: VendorName, args: &SimulateArgs, faults: &Faults) -> Result<Options, CommandError> {
    let console = Model::from_word(vendor.word())
        .ok_or_else(|| CommandError::text(ExitCode::Internal, format!("nobody simulates `{vendor}`")))?;
    let fleet = fleet(&args.fleet, vendor)?;
    Ok(Options { console, listen: args.listen, fleet, faults: faults.clone(), now: clock::now(), credentials: None })
}

/// Makes the fleet: a number of made-up hosts, those of a CSV file, or those that a target file names.
fn fleet(text: &str, vendor: VendorName) -> Result<Fleet, CommandError> {
    if let Ok(count) = text.parse::<u32>() {
        return Ok(Fleet::of_size(count));
    }
    let path = Path::new(text);
    match Fleet::read(path) {
        Ok(fleet) => Ok(fleet),
        // The first line is no header: then it may be a list of targets.
        Err(error @ FleetError::UnknownColumn(_)) => {
            let sources = Sources {
                files: vec![path.to_owned()],
                form: Form::Lines,
                by: None,
                skip_invalid: false,
                verbatim: false,
            };
            let listed = select::read(&sources, &mut io::empty(), vendor.id_form());
            let fleet = listed.ok().and_then(|selected| session::fleet_of_entries(&selected.entries, false).ok());
            fleet.ok_or_else(|| fleet_error(error))
        }
        Err(error) => Err(fleet_error(error)),
    }
}

fn fleet_error(error: FleetError) -> CommandError {
    CommandError::new(ExitCode::Usage, error)
        .hint("`--fleet` takes a number, a target file, or a CSV or JSON file as in `docs/simulator.md`")
}

/// Writes a file that only this user reads, over whatever was there.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
