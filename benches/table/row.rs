//! One line of the table, and the table.

/// What was seen, held against what must be reached.
pub(crate) struct Row {
    case: String,
    measure: String,
    seen: String,
    must: String,
    verdict: Verdict,
}

enum Verdict {
    Reached,
    Missed,
    NotMeasured,
    Broken,
}

impl Row {
    /// A figure that must not be smaller than `must`; `facts` are what it was made from.
    pub(crate) fn at_least(case: &str, measure: &str, seen: f64, must: f64, facts: &str) -> Self {
        let verdict = if seen >= must { Verdict::Reached } else { Verdict::Missed };
        Self {
            case: case.to_owned(),
            measure: measure.to_owned(),
            seen: format!("{} ({facts})", number(seen)),
            must: format!("≥ {}", number(must)),
            verdict,
        }
    }

    /// A figure that must not be larger than `must`.
    pub(crate) fn at_most(case: &str, measure: &str, seen: f64, must: f64, unit: &str, facts: &str) -> Self {
        let verdict = if seen <= must { Verdict::Reached } else { Verdict::Missed };
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        Self {
            case: case.to_owned(),
            measure: measure.to_owned(),
            seen: format!("{}{unit} ({facts})", number(seen)),
            must: format!("≤ {}{unit}", number(must)),
            verdict,
        }
    }

    /// A figure that could not be taken, and the command that would change that.
    pub(crate) fn not_measured(case: &str, measure: &str, must: &str, install: &str) -> Self {
        Self {
            case: case.to_owned(),
            measure: measure.to_owned(),
            seen: format!("first: `{install}`"),
            must: must.to_owned(),
            verdict: Verdict::NotMeasured,
        }
    }

    /// A case that went wrong.
    pub(crate) fn broken(case: &str, error: &anyhow::Error) -> Self {
        Self {
            case: case.to_owned(),
            measure: String::new(),
            seen: format!("{error:#}").replace(['\n', '|'], " "),
            must: String::new(),
            verdict: Verdict::Broken,
        }
    }
}

/// Two digits that matter, and a thousand in groups.
fn number(value: f64) -> String {
    if value < 100.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The table, as Markdown that is also straight on a terminal.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["case", "measure", "seen", "must reach", "verdict"].map(ToOwned::to_owned);
    let mut lines = vec![head];
    lines.extend(rows.iter().map(|row| {
        let verdict = match row.verdict {
            Verdict::Reached => "reached",
            Verdict::Missed => "MISSED",
            Verdict::NotMeasured => "not measured",
            Verdict::Broken => "BROKEN",
        };
        [row.case.clone(), row.measure.clone(), row.seen.clone(), row.must.clone(), verdict.to_owned()]
    }));
    let mut widths = [0; 5];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(widths) {
            text.push_str(&format!("| {cell}{} ", " ".repeat(width - cell.chars().count())));
        }
        text.push_str("|\n");
        if n == 0 {
            widths.iter().for_each(|width| text.push_str(&format!("|{}", "-".repeat(width + 2))));
            text.push_str("|\n");
        }
    }
    text
}
