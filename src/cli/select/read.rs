//! Opens the sources one after the other and feeds what they hold to a form.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;

use super::{
    bad_line::BadReason,
    columns::Columns,
    decode::{DecodeError, Decoder},
    error::SelectError,
    gather::{Gather, Selected},
    json_field::{self, Pointer},
    lines::{Line, Lines},
};
use crate::domain::selector::{IdForm, MAX_SELECTOR_BYTES, SelectorKind};

/// Where targets are read from, and how.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The files, in order; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// How targets stand in them.
    pub form: Form,
    /// What every target is, unless a prefix says otherwise (`--by`).
    pub by: Option<SelectorKind>,
    /// Whether malformed lines are left out instead of stopping the command.
    pub skip_invalid: bool,
    /// Whether every text is taken as it is, and judged elsewhere: indicators are, because an attacker may have chosen them,
    /// and must not stop a whole list by that.
    pub verbatim: bool,
}

/// How targets stand in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// One a line; `#` begins a comment.
    Lines,
    /// In the column of this name of a CSV or TSV file.
    Column(String),
    /// In the first field of JSON Lines that one of these JSON pointers leads to.
    Field(Vec<String>),
    /// Indicators: one a line as it is written, or as the object that `edrctl indicators` prints.
    Indicators,
}

/// A form while a file is read.
enum Reading<'s> {
    Lines(Lines),
    Column(Columns<'s>),
    Field(Lines, &'s [Pointer]),
    Indicators(Lines, &'s [Pointer]),
}

/// Reads every target that the sources name. Sources without any are no error here.
///
/// # Errors
///
/// [`SelectError`]: a source that cannot be read or is no text, or malformed lines that are not to be left out.
pub fn read(sources: &Sources, stdin: &mut dyn Read, id_form: fn(&str) -> IdForm) -> Result<Selected, SelectError> {
    let is_stdin = |path: &Path| path.as_os_str() == "-";
    let count = sources.files.len();
    if count > usize::from(u16::MAX) + 1 {
        return Err(SelectError::TooManyFiles { count });
    }
    if sources.files.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(SelectError::StdinTwice);
    }
    let pointers = match &sources.form {
        Form::Field(pointers) => pointers.iter().map(|pointer| Pointer::parse(pointer)).collect::<Result<_, _>>()?,
        Form::Indicators => vec![Pointer::parse(INDICATOR)?],
        Form::Lines | Form::Column(_) => Vec::new(),
    };
    // What is plainly wrong is told before standard input is waited for.
    for path in sources.files.iter().filter(|path| !is_stdin(path)) {
        check(path)?;
    }
    let mut gather = Gather::new(sources.by, id_form, sources.form == Form::Lines, sources.verbatim);
    for path in &sources.files {
        let reading = match &sources.form {
            Form::Column(column) => Reading::Column(Columns::new(column)),
            Form::Field(_) => Reading::Field(Lines::new(json_field::MAX_LINE, false), &pointers),
            // An object may be long, and a `#` in it is no comment.
            Form::Indicators => Reading::Indicators(Lines::new(json_field::MAX_LINE, false), &pointers),
            Form::Lines => Reading::Lines(Lines::new(MAX_SELECTOR_BYTES + 1, true)),
        };
        if is_stdin(path) {
            gather.begin(None);
            drain(stdin, reading, &mut gather).map_err(|error| error.in_file(None))?;
        } else {
            let mut file = File::open(path).map_err(|error| cannot(path, error))?;
            let name = name(path);
            gather.begin(Some(Arc::clone(&name)));
            drain(&mut file, reading, &mut gather).map_err(|error| error.in_file(Some(&name)))?;
        }
    }
    gather.finish(sources.skip_invalid)
}

fn name(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}

fn check(path: &Path) -> Result<(), SelectError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(SelectError::Directory { file: Some(name(path)) }),
        Ok(_) => Ok(()),
        Err(error) => Err(cannot(path, error)),
    }
}

fn cannot(path: &Path, source: io::Error) -> SelectError {
    let file = Some(name(path));
    match source.kind() {
        io::ErrorKind::NotFound => SelectError::Missing { file },
        io::ErrorKind::IsADirectory => SelectError::Directory { file },
        _ => SelectError::Unreadable { file, source },
    }
}

fn drain(input: &mut dyn Read, mut reading: Reading<'_>, gather: &mut Gather) -> Result<(), SelectError> {
    let mut decoder = Decoder::new(input);
    loop {
        let block = decoder.next_block().map_err(|error| match error {
            DecodeError::Io(source) => SelectError::Unreadable { file: None, source },
            DecodeError::NotText(what) => SelectError::NotText { file: None, what },
        })?;
        match (&mut reading, block) {
            (Reading::Lines(lines), Some(block)) => lines.feed(block, &mut |line| plain(line, gather))?,
            (Reading::Lines(lines), None) => return lines.finish(&mut |line| plain(line, gather)),
            (Reading::Column(columns), Some(block)) => columns.feed(block, gather)?,
            (Reading::Column(columns), None) => return columns.finish(gather),
            (Reading::Field(lines, pointers), Some(block)) => {
                lines.feed(block, &mut |line| field(line, pointers, gather))?;
            }
            (Reading::Field(lines, pointers), None) => {
                return lines.finish(&mut |line| field(line, pointers, gather));
            }
            (Reading::Indicators(lines, pointers), Some(block)) => {
                lines.feed(block, &mut |line| indicator(line, pointers, gather))?;
            }
            (Reading::Indicators(lines, pointers), None) => {
                return lines.finish(&mut |line| indicator(line, pointers, gather));
            }
        }
    }
}

/// A line's text; `None` if it is blank, or if it was told as malformed.
fn text<'l>(line: &Line<'l>, gather: &mut Gather) -> Option<&'l str> {
    let bad = |reason: BadReason, gather: &mut Gather| {
        gather.bad(line.number, &String::from_utf8_lossy(line.text), || reason);
        None
    };
    if line.cut {
        return bad(BadReason::LongLine(line.bytes), gather);
    }
    match std::str::from_utf8(line.text) {
        // Files that were put together keep their byte order marks.
        Ok(text) => Some(text.trim_start_matches('\u{feff}').trim()).filter(|text| !text.is_empty()),
        Err(_) => bad(BadReason::NotUtf8, gather),
    }
}

fn plain(line: &Line<'_>, gather: &mut Gather) -> Result<(), SelectError> {
    match text(line, gather) {
        Some(text) => gather.target(line.number, text),
        None => Ok(()),
    }
}

/// Where the object of an indicator has it.
const INDICATOR: &str = "/value";

/// How an object says that it is a list, or the end of one that is not whole.
const LIST: &str = "edrctl.indicators/1";

/// The document of a list, or the last line of one, which has no indicators of its own.
#[derive(Deserialize)]
struct List {
    schema: String,
    #[serde(default)]
    complete: bool,
    indicators: Option<Vec<Listed>>,
}

/// An indicator in a document.
#[derive(Deserialize)]
struct Listed {
    value: String,
}

/// The document, if a text is one.
fn list(text: &str) -> Option<List> {
    // Most lines are none, and are not read twice. A slash may be written in two ways.
    let may_be = text.starts_with('{') && text.contains("edrctl.indicators");
    let list: List = may_be.then(|| serde_json::from_str(text).ok())??;
    (list.schema == LIST).then_some(list)
}

/// How much of a text that can be no indicator is kept to be shown.
const KEPT: usize = 200;

/// An indicator as it is written, with a comment behind it, or the object of one.
fn indicator(line: &Line<'_>, pointers: &[Pointer], gather: &mut Gather) -> Result<(), SelectError> {
    let Some(text) = text(line, gather) else { return Ok(()) };
    if text.starts_with('{') {
        if let Some(list) = list(text) {
            if !list.complete {
                gather.misses_some();
            }
            let listed = list.indicators.unwrap_or_default();
            return listed.iter().try_for_each(|listed| named(line.number, &listed.value, gather));
        }
        return match json_field::first(pointers, text) {
            Ok(target) => named(line.number, &target, gather),
            Err(reason) => {
                gather.bad(line.number, text, || reason);
                Ok(())
            }
        };
    }
    match text.split('#').next().unwrap_or_default().trim() {
        "" => Ok(()),
        text => named(line.number, text, gather),
    }
}

/// Takes an indicator whatever is in it.
fn named(line: u32, text: &str, gather: &mut Gather) -> Result<(), SelectError> {
    let text = text.trim();
    if text.is_empty() {
        gather.bad(line, text, || BadReason::EmptyCell);
        return Ok(());
    }
    if text.len() <= MAX_SELECTOR_BYTES {
        return gather.target(line, text);
    }
    let cut: String = text.chars().take(KEPT).chain(['\u{2026}']).collect();
    gather.target(line, &cut)
}

fn field(line: &Line<'_>, pointers: &[Pointer], gather: &mut Gather) -> Result<(), SelectError> {
    let Some(text) = text(line, gather) else { return Ok(()) };
    // Of indicators, the last line may say that some are missing, whichever field they stand in.
    let end = gather.takes_verbatim().then(|| list(text)).flatten().filter(|list| list.indicators.is_none());
    if let Some(end) = end {
        if !end.complete {
            gather.misses_some();
        }
        return Ok(());
    }
    match json_field::first(pointers, text) {
        Ok(target) => gather.target(line.number, target.trim()),
        Err(reason) => {
            gather.bad(line.number, text, || reason);
            Ok(())
        }
    }
}
