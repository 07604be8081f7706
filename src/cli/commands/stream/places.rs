//! Makes sinks of the places that were named.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Arg, Args, Command, ValueEnum, builder::TypedValueParser, error::ErrorKind};

use super::{FormatChoice, StreamArgs};
use crate::{
    cli::{
        args::{OutputFormat, duration},
        context::Context,
        error::CommandError,
        event_line,
    },
    config::Overrides,
    domain::outcome::ExitCode,
    http::{self, Trust},
    stream::{
        config::StreamSection,
        envelope::Format,
        place::{Place, PlaceError, Transport},
        sinks::{
            Sink,
            file::{Compress, FileOptions, FileSink, absolute},
            http::{ElasticOptions, HttpOptions, HttpSink, SplunkOptions},
            stdout::StdoutSink,
            syslog::{DATAGRAM, Link, SyslogOptions, SyslogSink},
        },
    },
};

/// Reads a place. The usual way repeats what was written in its error, and somebody may have written a password there.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlaceParser;

impl TypedValueParser for PlaceParser {
    type Value = Place;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Place, clap::Error> {
        let wrong = |text: &str| {
            clap::Error::raw(ErrorKind::ValueValidation, format!("a `--to` is not understood: {text}\n"))
                .with_cmd(command)
        };
        let text = value.to_str().ok_or_else(|| wrong("it is not valid UTF-8"))?;
        text.parse().map_err(|error: PlaceError| wrong(&error.to_string()))
    }
}

/// When a file of events is put away.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Files")]
pub(super) struct RotationArgs {
    /// Put a file away before it would be larger than this, such as 100M
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
    /// Put a file away after this time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_age: Option<Duration>,
    /// How many files that were put away stay [default: all]
    #[arg(long, value_name = "N")]
    keep: Option<std::num::NonZeroUsize>,
    /// Compress files that were put away: none, gzip or zstd
    #[arg(long, value_name = "HOW", default_value = "none", hide_possible_values = true)]
    compress: CompressChoice,
}

/// How files are compressed that were put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CompressChoice {
    /// Not at all
    None,
    /// With gzip
    Gzip,
    /// With Zstandard
    Zstd,
}

/// Reads `500000`, `100K`, `100M`, `2G`.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || "a size is written like 500000, 100K, 100M or 2G".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.strip_prefix(digits).unwrap_or_default().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|size| *size >= 1024).ok_or_else(|| "a file holds at least 1K".to_owned())
}

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The largest body of one request: what receivers take unless they are told otherwise.
const LARGEST_REQUEST: usize = 1024 * 1024;

/// The facility of syslog messages: local use 0.
const FACILITY: u8 = 16;

/// The places that were named, or the usual one.
fn places(args: &StreamArgs) -> &[Place] {
    const USUAL: &[Place] = &[Place::Stdout];
    if args.to.is_empty() { USUAL } else { &args.to }
}

/// Refuses places that cannot be, before anything is asked of anybody.
pub(super) fn prove(args: &StreamArgs) -> Result<(), CommandError> {
    let places = places(args);
    let refused = |text: String| CommandError::text(ExitCode::Usage, text);
    let keys: Vec<Place> = places.iter().map(key).collect();
    for (n, place) in places.iter().enumerate() {
        if keys.iter().take(n).any(|other| Some(other) == keys.get(n)) {
            return Err(refused(format!("`{place}` is named twice")));
        }
        if let Place::File(path) = place {
            prove_file(path).map_err(refused)?;
        }
    }
    // A standard output that is closed is opened as this when a program starts, so the two cannot be told apart.
    if places.iter().all(|place| *place == Place::Stdout) && stdout_is_null() {
        return Err(refused("standard output is closed or /dev/null: events would be gone".to_owned())
            .hint("name a place with `--to`, such as `--to events.jsonl`"));
    }
    Ok(())
}

/// The same for every way to name one place.
fn key(place: &Place) -> Place {
    match place {
        Place::File(path) => Place::File(fs::canonicalize(path).unwrap_or_else(|_| absolute(path))),
        place => place.clone(),
    }
}

fn prove_file(path: &Path) -> Result<(), String> {
    let path_shown = path.display();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(format!("`{path_shown}` is a folder; events go to a file")),
        Ok(metadata) if !metadata.is_file() => Err(format!("`{path_shown}` is not a plain file")),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder: PathBuf = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
            if folder.is_dir() { Ok(()) } else { Err(format!("the folder of `{path_shown}` is not there")) }
        }
        // Whatever else it is, is told by who writes.
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn stdout_is_null() -> bool {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    // A handle that cannot be looked at cannot be written to, either.
    let Ok(copy) = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned() else { return true };
    let (Ok(ours), Ok(null)) = (fs::File::from(copy).metadata(), fs::metadata("/dev/null")) else { return false };
    ours.file_type().is_char_device() && ours.rdev() == null.rdev()
}

#[cfg(not(unix))]
const fn stdout_is_null() -> bool {
    false
}

/// The sinks, in the order in which they were named.
pub(super) fn sinks(args: &StreamArgs, context: &Context) -> Result<Vec<Box<dyn Sink>>, CommandError> {
    let format = match args.format {
        FormatChoice::Raw => Format::Raw,
        FormatChoice::Event => Format::Event,
    };
    let unusable = |error| CommandError::new(ExitCode::Usage, error);
    let receivers = receivers(context)?;
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    for place in places(args) {
        sinks.push(match place {
            Place::Stdout => Box::new(stdout_sink(args.format, format, context)?),
            Place::File(path) => {
                let rotation = &args.rotation;
                let options = FileOptions {
                    format,
                    max_bytes: rotation.max_size,
                    max_age: rotation.max_age,
                    keep: rotation.keep.map(std::num::NonZeroUsize::get),
                    compress: match rotation.compress {
                        CompressChoice::None => Compress::None,
                        CompressChoice::Gzip => Compress::Gzip,
                        CompressChoice::Zstd => Compress::Zstd,
                    },
                    ..FileOptions::new(path.clone())
                };
                Box::new(FileSink::new(options).map_err(unusable)?)
            }
            Place::Syslog { transport, host, port } => {
                let link = match transport {
                    Transport::Tcp => Link::Tcp,
                    Transport::Udp => Link::Udp(DATAGRAM),
                    Transport::Tls => Link::Tls(Arc::new(http::tls_config(&receivers)?)),
                };
                Box::new(SyslogSink::new(SyslogOptions {
                    host: host.clone(),
                    port: *port,
                    link,
                    format,
                    facility: FACILITY,
                    timeout: TIMEOUT,
                }))
            }
            Place::Splunk(url) => {
                let loaded = context.configuration(Overrides::default())?;
                let (token, index) =
                    loaded.stream(|section, lookup| Ok((section.splunk_token(lookup)?, section.splunk_index())))?;
                let options = SplunkOptions {
                    url: url.clone(),
                    token,
                    index,
                    source: "edrctl".to_owned(),
                    sourcetype: "cisco:secure_endpoint".to_owned(),
                };
                Box::new(HttpSink::splunk(options, &http_options(format, &receivers)).map_err(unusable)?)
            }
            Place::Elastic { url, index } => {
                let loaded = context.configuration(Overrides::default())?;
                let auth = loaded.stream(StreamSection::elastic)?;
                let options = ElasticOptions { url: url.clone(), index: index.clone(), auth };
                Box::new(HttpSink::elastic(options, &http_options(format, &receivers)).map_err(unusable)?)
            }
        });
    }
    Ok(sinks)
}

/// How the certificates of receivers are trusted: they need not be of the same authority as the console's.
fn receivers(context: &Context) -> Result<Trust, CommandError> {
    let ca_file = context.configuration(Overrides::default())?.stream(|section, _| Ok(section.sink_ca_file()))?;
    Ok(ca_file.map_or(Trust::System, Trust::SystemAnd))
}

fn http_options(format: Format, trust: &Trust) -> HttpOptions {
    HttpOptions { trust: trust.clone(), timeout: TIMEOUT, proxy: true, gzip: true, max_bytes: LARGEST_REQUEST, format }
}

/// Standard output: for people a line each, for programs the body or the envelope.
fn stdout_sink(choice: FormatChoice, format: Format, context: &Context) -> Result<StdoutSink, CommandError> {
    let sink = match (context.ui.output, choice) {
        (OutputFormat::Human, FormatChoice::Raw) => {
            let colour = context.ui.stdout_colour;
            let line = move |event: &_, lines: &mut Vec<u8>| {
                lines.extend_from_slice(event_line::line(event, colour).as_bytes());
                lines.push(b'\n');
            };
            StdoutSink::of_lines(std::io::stdout(), Box::new(line))
        }
        (OutputFormat::Human | OutputFormat::Jsonl, _) => StdoutSink::new(format),
        (OutputFormat::Json | OutputFormat::Csv, _) => {
            return Err(CommandError::text(ExitCode::Usage, "a stream has no end, so it is told in lines")
                .hint("use `-o human` or `-o jsonl`"));
        }
    };
    sink.map_err(|error| CommandError::new(ExitCode::Internal, error))
}
