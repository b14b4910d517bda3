//! A table without lines: names on the left, numbers on the right.

use comfy_table::{CellAlignment, ContentArrangement, presets};

/// A table: its first column is aligned left, the others right. Cells are wrapped if the table is too wide.
#[derive(Debug, Clone, Default)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings and no rows.
    #[must_use]
    pub fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The lines of the table, none wider than this and none with blanks at its end.
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX)).set_header(&self.head).add_rows(&self.rows);
        for column in table.column_iter_mut() {
            let first = column.index == 0;
            column.set_padding((if first { 0 } else { 2 }, 0));
            column.set_cell_alignment(if first { CellAlignment::Left } else { CellAlignment::Right });
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_aligns_numbers_on_the_right() {
        let mut table = Table::new(["module", "bytes"]);
        table.row(["a", "1"]);
        table.row(["overlay", "1,000"]);
        assert_eq!(table.lines(40), ["module   bytes", "a            1", "overlay  1,000"]);
    }
}
