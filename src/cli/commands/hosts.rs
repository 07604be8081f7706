//! `edrctl hosts`.

use std::{
    collections::HashSet,
    io::{self, BufWriter, Write},
};

use clap::Args;
use serde::Serialize;

use super::{
    prepare,
    session::{Opening, Session, overrides},
};
use crate::{
    cli::{
        args::{OutputFormat, VendorArgs},
        context::Context,
        error::CommandError,
        signals, ui,
    },
    domain::{
        host::{Host, HostId, Isolation, short_name},
        outcome::ExitCode,
        selector::{IdForm, Named, Selector, fold_name},
    },
    reporters::{
        clean::{clean, is_hostile},
        csv, json_text,
        table::{Column, Table},
        words,
    },
    simulator::Fleet,
    vendors::{VendorName, Wishes},
};

/// List the console's hosts: to make, check and complete target files
///
/// `--plain` makes a target file that needs no option, `-o csv` one that `--column id` reads, `-o jsonl` one that
/// `--field /id` reads.
#[derive(Debug, Args)]
pub(crate) struct HostsArgs {
    #[command(flatten)]
    vendor: VendorArgs,
    /// Only hosts of this name; `*` stands for anything
    #[arg(long, value_name = "PATTERN", help_heading = "Hosts")]
    name: Option<String>,
    /// Only hosts in this state, in the console's word, such as isolated or pending_start
    #[arg(long, value_name = "STATE", help_heading = "Hosts")]
    state: Option<String>,
    /// Only hosts whose group has this name
    #[arg(long, value_name = "NAME", help_heading = "Hosts")]
    group: Option<String>,
    /// Print a target file: an id a line, with its name as a comment
    #[arg(long, conflicts_with = "output", help_heading = "Hosts")]
    plain: bool,
}

/// One host, as published.
#[derive(Serialize)]
struct HostV1<'a> {
    schema: &'static str,
    vendor: &'static str,
    id: &'a str,
    name: Option<&'a str>,
    state: Option<&'a str>,
    capable: Option<bool>,
    /// Whether the console says that it can be put back.
    releasable: Option<bool>,
    addresses: Vec<String>,
    macs: Vec<String>,
    os: Option<&'a str>,
    group: Option<&'a str>,
    last_seen: Option<&'a str>,
    /// The product whose agent this is, where one machine may have several.
    product: Option<&'a str>,
    /// Its domain, where the console keeps names without one.
    domain: Option<&'a str>,
}

/// Hosts of the simulated console, where no target names any.
const SIMULATED_HOSTS: u32 = 20;

/// Runs it.
pub(crate) async fn run(args: HostsArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let vendor = args.vendor.vendor;
    let loaded = context.configuration(overrides(vendor, args.vendor.console.concurrency))?;
    let (cancel, _guard) = signals::catch()?;
    let opening = Opening {
        vendor,
        simulate: args.vendor.console.simulate.then(|| Fleet::of_size(SIMULATED_HOSTS)),
        faults: args.vendor.console.faults.as_deref(),
        concurrency: args.vendor.console.concurrency,
        max_wait: args.vendor.console.max_wait,
        uses_reserve: false,
        wishes: Wishes { product: args.vendor.console.product.clone(), ..Wishes::default() },
    };
    let mut session = Session::open(opening, Some(&loaded), context).await?;
    let mut tell = prepare::teller(context);
    let mut printer = Printer::new(&args, context, vendor);
    let mut seen: HashSet<HostId> = HashSet::new();
    let mut unnamed = 0_u64;
    let mut cursor = None;
    let mut cursors = HashSet::new();
    let mut total = None;
    let mut shrank = false;
    loop {
        let page = match session.console.page(cursor, &cancel, &mut tell).await {
            Ok(page) => page,
            Err(halt) => return Err(prepare::failed(&session, halt)),
        };
        // A host that goes moves one from a page that is to come onto a page that was read.
        shrank |= page.total.zip(total).is_some_and(|(now, before)| now < before);
        total = page.total.or(total);
        for host in &page.hosts {
            // The inventory moves while it is read; a host that slid onto the next page comes twice.
            if host.id.is_empty() {
                unnamed += 1;
            }
            if (host.id.is_empty() || seen.insert(host.id.clone()))
                && wanted(&args, host)
                && let Err(error) = printer.host(host)
            {
                session.close().await;
                return ui::written(Err(error)).map(|()| ExitCode::Success);
            }
        }
        match page.next {
            Some(next) if cursors.insert(next.clone()) => cursor = Some(next),
            Some(_) => {
                return Err(CommandError::text(ExitCode::Console, "the console's list of hosts leads in a circle"));
            }
            None => break,
        }
    }
    ui::written(printer.finish(context))?;
    let listed = seen.len() as u64 + unnamed;
    if shrank || total.is_some_and(|total| listed < total) {
        context.ui.warn("the console's inventory changed while it was read; a host may be missing: list it again");
    }
    context.ui.tell(&format!("{} of {}", words::number(printer.printed), words::hosts(listed)));
    session.close().await;
    Ok(ExitCode::Success)
}

fn wanted(args: &HostsArgs, host: &Host) -> bool {
    let named = |pattern: &str| {
        let pattern = fold_name(pattern);
        host.name.as_deref().is_some_and(|name| {
            let name = fold_name(name);
            fits(&pattern, &name) || fits(&pattern, short_name(&name))
        })
    };
    args.name.as_deref().is_none_or(named)
        && args.state.as_deref().is_none_or(|state| host.state.as_ref().is_some_and(|known| known.word == state))
        && args
            .group
            .as_deref()
            .is_none_or(|group| host.group.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(group)))
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.split_once(part) {
            Some((_, behind)) => text = behind,
            None => return false,
        }
    }
    true
}

/// A line of a target file that names this host and no other; a comment where there is none.
fn target_line(id: &str, name: &str, id_form: fn(&str) -> IdForm) -> String {
    // An id that could be taken for a name says what it is.
    let prefix = match id_form(id) {
        IdForm::Id(_) => Some(""),
        IdForm::IfSaid(_) | IdForm::DamagedUnlessSaid(..) => Some("id:"),
        IdForm::NotAnId | IdForm::Damaged(_) => None,
    };
    // What is written out or cut at a comment's sign would be read back as another id.
    let as_it_is = |id: &str| !id.contains('#') && !id.chars().any(|c| c.is_whitespace() || is_hostile(c));
    let reads_back = |prefix: &str| {
        let selector = Selector::parse(&format!("{prefix}{id}"), None, id_form);
        selector.is_ok_and(
            |selector| matches!(selector.named(), Named::Id(read) if HostId::new(&**read) == HostId::new(id)),
        )
    };
    let (shown, name) = (clean(id), clean(name));
    match prefix.filter(|prefix| as_it_is(id) && reads_back(prefix)) {
        Some(prefix) => format!("{prefix}{shown} # {name}"),
        None => format!("# its id cannot stand in a list: {shown} # {name}"),
    }
}

struct Printer {
    format: OutputFormat,
    plain: bool,
    vendor: VendorName,
    out: BufWriter<io::Stdout>,
    table: Table,
    printed: u64,
}

impl Printer {
    fn new(args: &HostsArgs, context: &Context, vendor: VendorName) -> Self {
        let columns = [
            Column::new("NAME"),
            Column::new("ID").whole(),
            Column::new("STATE"),
            Column::new("ADDRESS"),
            Column::new("LAST SEEN"),
            Column::new("OS"),
            Column::new("GROUP"),
            Column::new("PRODUCT"),
        ];
        Self {
            format: context.ui.output,
            plain: args.plain,
            vendor,
            out: BufWriter::new(io::stdout()),
            table: Table::new(columns),
            printed: 0,
        }
    }

    fn host(&mut self, host: &Host) -> io::Result<()> {
        let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
        let macs: Vec<String> = host.macs.iter().map(ToString::to_string).collect();
        let state = host.state.as_ref().map(|state| state.word.as_ref());
        self.printed += 1;
        if self.plain {
            let line = target_line(host.id.as_str(), host.name.as_deref().unwrap_or("-"), self.vendor.id_form());
            return writeln!(self.out, "{line}");
        }
        match self.format {
            OutputFormat::Human => {
                let isolation = host.state.as_ref().map(|state| state.isolation);
                let state = match (state, host.able.isolate) {
                    (Some(_), Some(false)) if isolation == Some(Isolation::NotIsolated) => "not available".to_owned(),
                    (state, _) => state.unwrap_or("-").to_owned(),
                };
                self.table.push([
                    host.name.as_deref().unwrap_or("-"),
                    host.id.as_str(),
                    &state,
                    addresses.first().map_or("-", String::as_str),
                    host.last_seen.as_deref().unwrap_or("-"),
                    host.os.as_deref().unwrap_or("-"),
                    host.group.as_deref().unwrap_or("-"),
                    host.product.as_deref().unwrap_or("-"),
                ]);
                Ok(())
            }
            OutputFormat::Jsonl | OutputFormat::Json => {
                let line = json_text::to_line(&HostV1 {
                    schema: "edrctl.host/1",
                    vendor: self.vendor.word(),
                    id: host.id.as_str(),
                    name: host.name.as_deref(),
                    state,
                    capable: host.able.isolate,
                    releasable: host.able.release,
                    addresses,
                    macs,
                    os: host.os.as_deref(),
                    group: host.group.as_deref(),
                    last_seen: host.last_seen.as_deref(),
                    product: host.product.as_deref(),
                    domain: host.domain.as_deref(),
                })?;
                let line = line.trim_end_matches('\n');
                match (self.format, self.printed) {
                    (OutputFormat::Json, 1) => write!(self.out, "[{line}"),
                    (OutputFormat::Json, _) => write!(self.out, ",\n{line}"),
                    _ => writeln!(self.out, "{line}"),
                }
            }
            OutputFormat::Csv => {
                if self.printed == 1 {
                    self.csv_header()?;
                }
                let word = |able: Option<bool>| able.map_or("", |able| if able { "true" } else { "false" });
                let (capable, releasable) = (word(host.able.isolate), word(host.able.release));
                let row = csv::row([
                    host.id.as_str(),
                    host.name.as_deref().unwrap_or(""),
                    state.unwrap_or(""),
                    capable,
                    &addresses.join(" "),
                    &macs.join(" "),
                    host.os.as_deref().unwrap_or(""),
                    host.group.as_deref().unwrap_or(""),
                    host.last_seen.as_deref().unwrap_or(""),
                    host.product.as_deref().unwrap_or(""),
                    host.domain.as_deref().unwrap_or(""),
                    releasable,
                ])?;
                self.out.write_all(&row)
            }
        }
    }

    fn csv_header(&mut self) -> io::Result<()> {
        let header = [
            "id",
            "name",
            "state",
            "capable",
            "addresses",
            "macs",
            "os",
            "group",
            "last_seen",
            "product",
            "domain",
            "releasable",
        ];
        self.out.write_all(&csv::row(header)?)
    }

    fn finish(&mut self, context: &Context) -> io::Result<()> {
        if !self.plain {
            match (self.format, self.printed) {
                (OutputFormat::Human, 0) => {}
                (OutputFormat::Human, _) => {
                    self.table.drop_empty("-");
                    let text = self.table.render(context.ui.table_columns(), context.ui.stdout_colour);
                    self.out.write_all(text.as_bytes())?;
                }
                (OutputFormat::Json, 0) => self.out.write_all(b"[]\n")?,
                (OutputFormat::Json, _) => self.out.write_all(b"]\n")?,
                (OutputFormat::Csv, 0) => self.csv_header()?,
                _ => {}
            }
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::cli::select::{self, Form, Sources};

    /// The ids that a target file of these bytes names.
    fn read_back(text: &str, id_form: fn(&str) -> IdForm) -> Vec<HostId> {
        let sources =
            Sources { files: vec!["-".into()], form: Form::Lines, by: None, skip_invalid: false, verbatim: false };
        let selected = select::read(&sources, &mut Cursor::new(text), id_form).unwrap();
        let id = |named| match named {
            Named::Id(id) => HostId::new(&**id),
            named => panic!("{named:?} is no id"),
        };
        selected.entries.iter().map(|entry| id(entry.selector.named())).collect()
    }

    #[test]
    fn an_id_that_a_line_cannot_hold_is_a_comment() {
        let apex = VendorName::Apex.id_form();
        for id in
            ["a b", "a#b", "", " ", "a\tb", "a\u{200b}b", "a\u{fe0f}b", "a\u{3164}", "\u{a0}a", "a\nb", "a\u{1b}[2J"]
        {
            let line = target_line(id, "web01", apex);
            assert!(line.starts_with('#') && read_back(&line, apex).is_empty(), "{id:?}: {line}");
        }
        for id in ["A-1", "ü", "id:a", "host:web01", "10.0.0.1", "aa:bb:cc:dd:ee:ff", "\"a\"", "a,b", "-"] {
            assert_eq!(read_back(&target_line(id, "web01", apex), apex), [HostId::new(id)], "{id}");
        }
    }

    proptest! {
        #[test]
        fn a_line_that_is_no_comment_names_exactly_the_host_that_it_was_made_for(
            id in prop_oneof![
                any::<String>(),
                "[ -~]{0,12}",
                "[a#:\" \u{200b}\u{a0}\u{feff}\u{3164}{}-]{1,6}",
                "[0-9A-Fa-f]{8}-[0-9a-f]{4}-4000-8000-[0-9a-f]{11,13}",
            ],
            name in prop_oneof![any::<String>(), "[a-z\r\n#]{0,9}"],
        ) {
            for vendor in VendorName::ALL {
                let line = target_line(&id, &name, vendor.id_form());
                let expected = if line.starts_with('#') { Vec::new() } else { vec![HostId::new(id.as_str())] };
                prop_assert_eq!(read_back(&format!("{line}\n"), vendor.id_form()), expected);
            }
        }
    }
}
