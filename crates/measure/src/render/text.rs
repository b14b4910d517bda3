//! Paragraphs and tables on a terminal.

use cli::{Page, Style, Table};

/// The indentation below a headline.
const INDENT: &str = "  ";

/// A text that is built from paragraphs.
pub(super) struct Text(Page);

impl Text {
    pub(super) fn new(style: Style) -> Self {
        Self(Page::new(style))
    }

    /// The main sentence, or a heading.
    pub(super) fn headline(&mut self, sentence: &str) {
        self.0.blank();
        self.0.headline(sentence);
    }

    /// A paragraph, indented.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.0.paragraph(INDENT, INDENT, text);
    }

    /// Names with their values, indented.
    pub(super) fn facts(&mut self, facts: &[(&str, String)]) {
        self.0.facts(INDENT, facts);
    }

    /// A table: names on the left, numbers on the right.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new(head.iter().copied());
        rows.iter().for_each(|cells| table.row(cells));
        self.0.blank();
        self.0.table(INDENT, &table);
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.0.blank();
    }

    pub(super) fn finish(self) -> String {
        self.0.finish()
    }
}

/// The first names, and the number of the others.
pub(super) fn some_of(names: &[&str], most: usize) -> String {
    let first = names[..names.len().min(most)].join(", ");
    match names.len().saturating_sub(most) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_to_its_width_and_aligns_figures() {
        let mut text = Text::new(Style { colour: false, width: 40 });
        text.table(&["module", "bytes"], &[vec!["a".into(), "1".into()], vec!["overlay".into(), "1,000".into()]]);
        assert_eq!(text.finish(), "  module   bytes\n  a            1\n  overlay  1,000\n");
    }

    #[test]
    fn many_names_are_counted() {
        assert_eq!(some_of(&["a", "b"], 2), "a, b");
        assert_eq!(some_of(&["a", "b", "c"], 2), "a, b and 1 more");
    }
}
