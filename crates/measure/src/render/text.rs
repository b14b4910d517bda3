//! Paragraphs and tables on a terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use textwrap::WordSplitter;

use super::Style;

/// What is indented below a headline.
const INDENT: &str = "  ";

/// Text that grows by paragraphs.
pub(super) struct Text {
    style: Style,
    text: String,
}

impl Text {
    pub(super) fn new(style: Style) -> Self {
        Self { style: Style { width: style.width.clamp(40, 160), ..style }, text: String::new() }
    }

    /// The one sentence that matters, or a heading.
    pub(super) fn headline(&mut self, sentence: &str) {
        self.blank();
        for line in textwrap::wrap(sentence, self.wrapped("", "")) {
            match self.style.colour {
                true => self.line(&format!("\x1b[1m{line}\x1b[0m")),
                false => self.line(&line),
            }
        }
    }

    /// A paragraph, indented.
    pub(super) fn paragraph(&mut self, text: &str) {
        for line in textwrap::wrap(text, self.wrapped(INDENT, INDENT)) {
            self.line(&line);
        }
    }

    /// Names with what is said of them, indented.
    pub(super) fn facts(&mut self, facts: &[(&str, String)]) {
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in facts {
            let first = format!("{INDENT}{name:width$}  ");
            let next = " ".repeat(first.len());
            let lines = textwrap::wrap(value, self.wrapped(&first, &next));
            lines.iter().for_each(|line| self.line(line));
        }
    }

    /// A table: names on the left, figures on the right.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(self.style.width - INDENT.len()).unwrap_or(u16::MAX));
        table.set_header(head);
        table.add_rows(rows);
        for column in table.column_iter_mut() {
            let first = column.index == 0;
            column.set_padding((if first { 0 } else { 2 }, 0));
            column.set_cell_alignment(if first { CellAlignment::Left } else { CellAlignment::Right });
        }
        self.blank();
        table.lines().for_each(|line| self.line(&format!("{INDENT}{line}")));
    }

    /// How text is broken into lines: never in names with a hyphen.
    fn wrapped<'a>(&self, first: &'a str, next: &'a str) -> textwrap::Options<'a> {
        let options = textwrap::Options::new(self.style.width).word_splitter(WordSplitter::NoHyphenation);
        options.initial_indent(first).subsequent_indent(next)
    }

    /// A line between what is apart.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The first names, and how many more there are.
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
