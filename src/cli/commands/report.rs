//! `edrctl report`.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use super::{replayed, runs};
use crate::{
    cli::{args::OutputFormat, context::Context, error::CommandError, ui},
    domain::outcome::ExitCode,
    journal::StateFolder,
    report::{self, Form, History, Origin, Standing, Story},
};

/// Tell a run to a ticket, a manager or a SIEM, from its journal alone
///
/// Asks no console. A journal that is not as it was written is not told of: exit code 8 says so. The exit code is 0 also for a
/// run that failed; `-o` is for other commands, this one has `--format`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A run's name, a unique prefix of it, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// The form of it
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    format: FormChoice,
    /// Write it to this file instead of standard output: whole or not at all, in place of what was there. A new file can be
    /// read by you alone
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormChoice {
    /// The text of a ticket
    Markdown,
    /// A row a target, with a header
    Csv,
    /// One page with a plot and a table that sorts and filters; needs no network
    Html,
    /// JSON Lines, Remediation Activity of the Open Cybersecurity Schema Framework
    Ocsf,
    /// JSON Lines, Elastic Common Schema
    Ecs,
}

impl From<FormChoice> for Form {
    fn from(choice: FormChoice) -> Self {
        match choice {
            FormChoice::Markdown => Self::Markdown,
            FormChoice::Csv => Self::Csv,
            FormChoice::Html => Self::Html,
            FormChoice::Ocsf => Self::Ocsf,
            FormChoice::Ecs => Self::Ecs,
        }
    }
}

/// Runs it.
pub(crate) fn run(args: &ReportArgs, context: &Context) -> Result<ExitCode, CommandError> {
    if context.ui.output != OutputFormat::Human {
        return Err(CommandError::text(ExitCode::Usage, "`report` has no `-o`")
            .hint("choose its form with `--format`: markdown, csv, html, ocsf or ecs"));
    }
    let journals = context.journals()?;
    let name = runs::find(&journals, &args.run)?;
    // A file system that knows no locks has no process that works on it either.
    let live = journals.is_live(&name).unwrap_or(false);
    let mut history = History::default();
    let account = journals.account(&name, &mut history)?;
    let standing = if account.verified.ended {
        Standing::Ended(replayed::ending_of(&account.replay))
    } else if live {
        Standing::UnderWay
    } else {
        Standing::CutOff
    };
    match &standing {
        Standing::UnderWay => context.ui.warn(&format!("run {name} is still under way; this is how it stands now")),
        Standing::CutOff => context.ui.warn(&format!("run {name} has no end: it was cut off; this is how it was left")),
        Standing::Ended(_) if !account.verified.sealed => {
            context.ui.warn(&format!("run {name} has ended, and its seal is missing"));
        }
        Standing::Ended(_) => {}
    }
    let header = replayed::header_of(&account.replay, account.replay.header.waits.is_some(), false)?;
    let story = Story::new(Origin {
        account,
        history,
        header,
        standing,
        result_of: replayed::result_of,
        invocation: context.invocation(Vec::new(), Vec::new()),
    });
    match &args.out {
        Some(path) if path.as_os_str() != "-" => {
            let form = args.format.into();
            into_file(path, &journals, |out| report::write(form, &story, out))?;
            context.ui.tell(&format!("run {name} is told in {}", path.display()));
        }
        _ => {
            let mut out = BufWriter::new(io::stdout().lock());
            ui::written(report::write(args.format.into(), &story, &mut out).and_then(|()| out.flush()))?;
        }
    }
    Ok(ExitCode::Success)
}

/// Writes a file whole or not at all: beside where it is to be, and then in its place.
fn into_file(
    path: &Path,
    journals: &StateFolder,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CommandError> {
    let wrong = |what: &str| CommandError::text(ExitCode::Usage, format!("write `{}`: {what}", path.display()));
    let failed =
        |error: io::Error| CommandError::new(ExitCode::Usage, error).context(format!("write `{}`", path.display()));
    let (place, mode) = match fs::metadata(path) {
        // A link is followed: what it leads to is replaced.
        Ok(there) if there.is_file() => (fs::canonicalize(path).map_err(failed)?, Some(there.permissions())),
        Ok(_) => {
            return Err(
                wrong("there is something of that name that is no file").hint("leave `--out` out, and redirect")
            );
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(failed(error)),
    };
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).map_err(failed)?;
    if journals.holds(&folder) {
        return Err(wrong("that is the folder of the journals, and a report must not take the place of one"));
    }
    let name = place.file_name().ok_or_else(|| wrong("that is no name of a file"))?;
    let place = folder.join(name);
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|error| CommandError::new(ExitCode::Internal, error))?;
    let mut draft_name = std::ffi::OsString::from(".");
    draft_name.push(name);
    draft_name.push(format!(".{:08x}.tmp", u32::from_le_bytes(random)));
    let draft = folder.join(draft_name);
    let written = write_draft(&draft, mode, write).and_then(|()| fs::rename(&draft, &place));
    if written.is_err() {
        // Half a report is of no use, and that it cannot be removed changes nothing about that.
        drop(fs::remove_file(&draft));
    }
    written.and_then(|()| File::open(&folder)?.sync_all()).map_err(failed)
}

fn write_draft(
    draft: &Path,
    mode: Option<Permissions>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(draft)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Some(mode) = mode {
        file.set_permissions(mode)?;
    }
    file.sync_all()
}
