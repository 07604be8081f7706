//! Aligned columns for commands that list things: `hosts`, `runs list`, `streams list`.

use super::{
    clean::clean,
    paint::{STRONG, paint},
    words::{fit, pad, width},
};

/// The columns between two columns.
const GAP: usize = 2;
/// What a column keeps of itself, however narrow the terminal is.
const LEAST: usize = 6;
/// What a column of text needs to say something.
const READABLE: usize = 12;

/// Rows under a header. Cells are cleaned when they come in.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// One column of a [`Table`].
#[derive(Clone, Debug)]
pub struct Column {
    title: &'static str,
    whole: bool,
    right: bool,
}

impl Column {
    /// A column of text, cut where the terminal is too narrow.
    pub const fn new(title: &'static str) -> Self {
        Self { title, whole: false, right: false }
    }

    /// Never cut: ids are there to be copied.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// A number: never cut, and aligned to the right.
    pub const fn number(title: &'static str) -> Self {
        Self { title, whole: true, right: true }
    }
}

impl Table {
    /// Makes an empty one.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row; a missing cell is empty.
    pub fn push<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(|cell| clean(cell.as_ref()).into_owned()).collect());
    }

    /// Takes out the columns in which every cell says nothing.
    pub fn drop_empty(&mut self, nothing: &str) {
        let says = |index: usize| self.rows.iter().any(|row| row.get(index).is_some_and(|cell| cell != nothing));
        let keep: Vec<bool> = (0..self.columns.len()).map(says).collect();
        let kept = |index: &mut usize| {
            let kept = keep.get(*index).copied().unwrap_or(true);
            *index += 1;
            kept
        };
        for row in &mut self.rows {
            let mut index = 0;
            row.retain(|_| kept(&mut index));
        }
        let mut index = 0;
        self.columns.retain(|_| kept(&mut index));
    }

    /// Whether no row was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, each with its line break, the header first. `columns`: the terminal's width, if there is one.
    pub fn render(&self, columns: Option<usize>, colour: bool) -> String {
        let widths = self.widths(columns);
        let titles = self.columns.iter().map(|column| column.title).collect::<Vec<_>>();
        let mut text = paint(&self.line(&titles, &widths), STRONG, colour);
        text.push('\n');
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    /// The columns of a terminal below which too much would be cut.
    pub fn needs(&self) -> usize {
        let least = |(column, due): (&Column, usize)| if column.whole { due } else { due.min(READABLE) };
        let gaps = GAP * self.columns.len().saturating_sub(1);
        self.columns.iter().zip(self.widths(None)).map(least).sum::<usize>() + gaps
    }

    fn line<C: AsRef<str>>(&self, cells: &[C], widths: &[usize]) -> String {
        let mut line = String::new();
        for (index, (column, &columns)) in self.columns.iter().zip(widths).enumerate() {
            let cell = cells.get(index).map_or("", AsRef::as_ref);
            let cell = if column.whole { cell.to_owned() } else { fit(cell, columns) };
            if index > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            if column.right {
                line.push_str(&" ".repeat(columns.saturating_sub(width(&cell))));
                line.push_str(&cell);
            } else {
                line.push_str(&pad(&cell, columns));
            }
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// What every column gets: all it needs, or else the widest give way, one column at a time.
    fn widths(&self, columns: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| width(column.title)).collect();
        for row in &self.rows {
            for (due, cell) in widths.iter_mut().zip(row) {
                *due = (*due).max(width(cell));
            }
        }
        let Some(columns) = columns else { return widths };
        for (column, due) in self.columns.iter().zip(&mut widths) {
            if !column.whole {
                *due = (*due).min(columns);
            }
        }
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > columns {
            let widest = self
                .columns
                .iter()
                .zip(&mut widths)
                .filter(|(column, due)| !column.whole && **due > LEAST)
                .map(|(_, due)| due)
                .max();
            match widest {
                Some(due) => *due -= 1,
                None => break,
            }
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn hosts() -> Table {
        let mut table =
            Table::new([Column::new("ID").whole(), Column::new("NAME"), Column::number("PORT"), Column::new("GROUP")]);
        table.push(["0a1b2c3d-01", "web01.corp.example", "443", "Servers, protected by the audit policy"]);
        table.push(["0a1b2c3d-02", "端末\u{1b}[31m", "5", "a\nb"]);
        table.push(["0a1b2c3d-03"]);
        table
    }

    #[test]
    fn columns_are_aligned_by_what_they_take_on_the_screen() {
        assert_snapshot!(hosts().render(None, false), @r"
        ID           NAME                PORT  GROUP
        0a1b2c3d-01  web01.corp.example   443  Servers, protected by the audit policy
        0a1b2c3d-02  端末\u{1b}[31m         5  a\nb
        0a1b2c3d-03
        ");
    }

    #[test]
    fn a_column_that_says_nothing_takes_no_room() {
        let mut table = Table::new([Column::new("NAME"), Column::new("OS"), Column::new("GROUP")]);
        table.push(["web01", "-", "-"]);
        table.push(["web02", "-", "Servers"]);
        table.drop_empty("-");
        assert_eq!(table.render(None, false), "NAME   GROUP\nweb01  -\nweb02  Servers\n");
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_text_and_never_an_id() {
        let text = hosts().render(Some(44), false);
        assert!(text.lines().all(|line| width(line) <= 44), "{text}");
        assert_snapshot!(text, @r"
        ID           NAME          PORT  GROUP
        0a1b2c3d-01  web01.corp.…   443  Servers, p…
        0a1b2c3d-02  端末\u{1b}[…     5  a\nb
        0a1b2c3d-03
        ");
        let text = hosts().render(Some(5), false);
        assert!(text.contains("0a1b2c3d-02"), "{text}");
    }

    #[test]
    fn a_table_says_what_it_needs() {
        // The ids whole, and the rest in part.
        assert_eq!(hosts().needs(), 11 + 12 + 4 + 12 + 3 * GAP);
        assert_eq!(Table::new([Column::new("NAME"), Column::new("OS")]).needs(), 4 + 2 + GAP);
    }

    #[test]
    fn an_empty_table_has_its_header() {
        let table = Table::new([Column::new("RUN"), Column::number("HOSTS")]);
        assert!(table.is_empty());
        assert_eq!(table.render(Some(80), false), "RUN  HOSTS\n");
        assert_eq!(table.render(None, true), "\u{1b}[1mRUN  HOSTS\u{1b}[0m\n");
    }
}
