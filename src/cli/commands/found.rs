//! The hosts that targets came to, as a table: what is looked at before anything is done.

use crate::{
    cli::ui::Ui,
    domain::{action::ActionKind, host::Host},
    engine::roster::{Detail, Roster},
    reporters::{
        table::{Column, Table},
        words,
    },
};

/// No eye reads more rows than these before a question.
const MOST_ROWS: usize = 50;

/// A row for each host that was found: what it is, whether the action can be done to it, and what is planned for it.
pub(crate) fn table(roster: &Roster, kind: ActionKind, ui: &Ui) -> String {
    let columns = [
        // Two names that are cut to the same beginning are two hosts that look like one.
        Column::new("HOST").whole(),
        Column::new("PRODUCT"),
        Column::new("ADDRESS"),
        Column::new("STATE").whole(),
        Column::new("ABLE").whole(),
        Column::new("PLAN").whole(),
        Column::new("ID").whole(),
    ];
    let mut table = Table::new(columns);
    let found = || (0..roster.len()).filter_map(|n| Some((n, roster.detail(n)?)));
    let found = || found().filter_map(|(_, detail)| Some((detail, detail.host.as_deref()?)));
    for (detail, host) in found().take(MOST_ROWS) {
        table.push(row(detail, host, kind));
    }
    let total = found().count() as u64;
    let mut text = format!("found {}\n", words::count(total, "agent", "agents"));
    if total > 0 {
        text.push_str(&table.render(ui.stderr_columns(), ui.stderr_colour));
    }
    let more = total.saturating_sub(MOST_ROWS as u64);
    if more > 0 {
        text.push_str(&format!("and {} more; `--dry-run -o csv` lists them all\n", words::number(more)));
    }
    text
}

fn row(detail: &Detail, host: &Host, kind: ActionKind) -> [String; 7] {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
    let able = host.able.of(kind).map_or("-", |able| if able { "yes" } else { "no" });
    let plan = detail.settled.as_ref().map_or(kind.word(), |settled| settled.outcome.word());
    [
        text(host.name.as_deref()),
        text(host.product.as_deref()),
        text(host.addresses.first().map(ToString::to_string).as_deref()),
        text(host.state.as_ref().map(|state| state.word.as_ref())),
        able.to_owned(),
        plan.to_owned(),
        host.id.to_string(),
    ]
}
