//! What was written to indicators, each once; what cannot be read stays a target, and is refused by name.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use clap::Args;

use crate::{
    cli::{
        commands::prepare,
        context::Context,
        error::CommandError,
        select::{Form, Sources},
    },
    domain::{
        indicator::{BadIndicator, Indicator},
        outcome::ExitCode,
        selector::{IdForm, Named},
    },
    engine::event::Duplicate,
};

/// Where indicators come from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Targets")]
pub(crate) struct IndicatorArgs {
    /// Files with one indicator a line: an address, a network or a domain, plain or defanged (hxxp://bad[.]example/x is its
    /// host), or the objects that `edrctl indicators` prints as JSON; `-` is standard input
    #[arg(id = "files", value_name = "FILE", help_heading = None)]
    pub(crate) files: Vec<PathBuf>,
    /// Take this column of a CSV or TSV file with a header
    #[arg(long, value_name = "NAME", conflicts_with = "field")]
    pub(crate) column: Option<String>,
    /// Take this JSON pointer of each line of JSON Lines, such as /indicator; of several, the first that is there
    #[arg(long, value_name = "POINTER")]
    pub(crate) field: Vec<String>,
    /// Leave out lines that are no text, no row or no JSON, instead of stopping at them
    #[arg(long)]
    pub(crate) skip_invalid: bool,
}

/// One target of a run on indicators.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// As written.
    pub(crate) written: Arc<str>,
    /// The file; `None` for standard input, and where there is none.
    pub(crate) file: Option<Arc<str>>,
    /// The line.
    pub(crate) line: u32,
    /// What it is.
    pub(crate) found: Result<Indicator, BadIndicator>,
    /// Whether more was written than an indicator: a path, a port.
    pub(crate) narrowed: bool,
    /// Further lines that name the same.
    pub(crate) duplicates: Vec<Duplicate>,
}

impl Wanted {
    /// An indicator from elsewhere than a file.
    pub(crate) fn of(indicator: Indicator) -> Self {
        Self {
            written: indicator.canonical().into(),
            file: None,
            line: 0,
            found: Ok(indicator),
            narrowed: false,
            duplicates: Vec::new(),
        }
    }

    /// A text from elsewhere than a file, such as a console.
    pub(crate) fn of_text(text: &str) -> Self {
        let (found, narrowed) = parse(text);
        Self { written: text.into(), file: None, line: 0, found, narrowed, duplicates: Vec::new() }
    }
}

/// Prefixes that settle what a target is, as target files may have them.
const PREFIXES: [&str; 3] = ["ip:", "host:", "domain:"];

fn parse(text: &str) -> (Result<Indicator, BadIndicator>, bool) {
    let is = |prefix: &&&str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    let bare = PREFIXES.iter().find(is).and_then(|prefix| text.get(prefix.len()..)).unwrap_or(text);
    match Indicator::parse(bare) {
        Ok(parsed) => (Ok(parsed.indicator), parsed.narrowed),
        Err(error) => (Err(error), false),
    }
}

/// Reads the targets, and whether the lists are whole as far as they say; none at all is a refusal.
pub(crate) fn read(args: &IndicatorArgs, context: &Context) -> Result<(Vec<Wanted>, bool), CommandError> {
    if args.files.is_empty() {
        return Err(CommandError::text(ExitCode::Usage, "no file of indicators is named")
            .hint("name one, or `-` for standard input; `edrctl block --from cybereason` takes them from a console"));
    }
    let form = match (&args.column, args.field.as_slice()) {
        (Some(column), _) => Form::Column(column.clone()),
        (None, []) => Form::Indicators,
        (None, pointers) => Form::Field(pointers.to_vec()),
    };
    let sources =
        Sources { files: args.files.clone(), form, by: None, skip_invalid: args.skip_invalid, verbatim: true };
    let selected = prepare::read(&sources, |_| IdForm::Id(None), context)?;
    if selected.incomplete {
        context.ui.warn("the list says of itself that it is not whole: there are indicators that it does not have");
    }
    if selected.entries.is_empty() && selected.incomplete {
        return Err(nothing_of_some());
    }
    if selected.entries.is_empty() {
        return Err(CommandError::text(ExitCode::Refused, "there is no target; nothing was sent")
            .hint("a target file has one indicator a line: an address, a network or a domain"));
    }
    let mut wanted: Vec<Wanted> = Vec::with_capacity(selected.entries.len());
    let mut first_of: HashMap<Indicator, usize> = HashMap::new();
    for (n, entry) in selected.entries.iter().enumerate() {
        let text = match entry.selector.named() {
            Named::Id(text) => Arc::clone(text),
            _ => Arc::clone(entry.selector.written()),
        };
        let (found, narrowed) = parse(&text);
        let file = selected.file_of(entry).cloned();
        let mut duplicates = selected.duplicates_of(n);
        if let Ok(indicator) = &found {
            if let Some(first) = first_of.get(indicator).and_then(|first| wanted.get_mut(*first)) {
                first.duplicates.push(Duplicate { target: text, file, line: entry.line });
                first.duplicates.append(&mut duplicates);
                continue;
            }
            first_of.insert(indicator.clone(), wanted.len());
        }
        wanted.push(Wanted { written: text, file, line: entry.line, found, narrowed, duplicates });
    }
    Ok((wanted, !selected.incomplete))
}

/// Nothing came, and something is known to be missing: that is no empty list, and nothing that was refused.
pub(crate) fn nothing_of_some() -> CommandError {
    CommandError::text(ExitCode::SomeFailed, "no indicator came, and some are missing; nothing was sent")
        .hint("`edrctl indicators` tells why some are missing")
}

/// What has to be repeated to read the same targets again.
pub(crate) fn reading(args: &IndicatorArgs) -> (Vec<String>, Vec<String>) {
    let mut reading = Vec::new();
    let fields = args.field.iter().map(|field| ("--field", field));
    for (flag, value) in args.column.iter().map(|column| ("--column", column)).chain(fields) {
        reading.extend([flag.to_owned(), value.clone()]);
    }
    if args.skip_invalid {
        reading.push("--skip-invalid".to_owned());
    }
    (reading, args.files.iter().map(|file| file.display().to_string()).collect())
}
