//! A report as text that fits the terminal: headlines, paragraphs, facts and tables.

use textwrap::{Options, WordSplitter};

use crate::table::Table;

/// The style of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to emphasise by escape sequences.
    pub colour: bool,
    /// The maximum number of columns of a line.
    pub width: usize,
}

impl Style {
    /// Without colour.
    #[must_use]
    pub const fn plain(width: usize) -> Self {
        Self { colour: false, width }
    }

    /// In bold.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// In red.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// In green.
    #[must_use]
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// In yellow.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// How text is broken into lines: only at blanks, because names contain hyphens.
    fn wrapping<'a>(self, first: &'a str, next: &'a str) -> Options<'a> {
        let options = Options::new(self.width).break_words(false).word_splitter(WordSplitter::NoHyphenation);
        options.initial_indent(first).subsequent_indent(next)
    }
}

/// A text that is built line by line.
#[derive(Debug, Clone)]
pub struct Page {
    style: Style,
    text: String,
}

impl Page {
    /// An empty page, between 40 and 160 columns wide.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style: Style { width: style.width.clamp(40, 160), ..style }, text: String::new() }
    }

    /// How it looks.
    #[must_use]
    pub const fn style(&self) -> Style {
        self.style
    }

    /// Adds a line unchanged, however long.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Adds an empty line, unless the page is empty or ends with one.
    pub fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Adds the main sentence or a heading, in bold.
    pub fn headline(&mut self, sentence: &str) {
        for line in textwrap::wrap(sentence, self.style.wrapping("", "")) {
            self.line(&self.style.bold(&line));
        }
    }

    /// Adds a paragraph. Its first line begins with `first`, further lines with `next`. No line ends with blanks.
    pub fn paragraph(&mut self, first: &str, next: &str, text: &str) {
        for line in textwrap::wrap(text, self.style.wrapping(first, next)) {
            self.line(line.trim_end());
        }
    }

    /// Adds names with their values beside them, indented.
    pub fn facts<N: AsRef<str>, V: AsRef<str>>(&mut self, indent: &str, facts: &[(N, V)]) {
        let width = facts.iter().map(|(name, _)| name.as_ref().len()).max().unwrap_or(0);
        for (name, value) in facts {
            let first = format!("{indent}{:width$}  ", name.as_ref());
            self.paragraph(&first, &" ".repeat(first.len()), value.as_ref());
        }
    }

    /// Adds an indented table.
    pub fn table(&mut self, indent: &str, table: &Table) {
        for line in table.lines(self.style.width - indent.len()) {
            self.line(&format!("{indent}{line}"));
        }
    }

    /// The number of lines so far.
    #[must_use]
    pub fn height(&self) -> usize {
        self.text.lines().count()
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_wraps_at_its_width_and_not_in_names() {
        let mut page = Page::new(Style::plain(40));
        page.headline("Two files differ from what the-distribution-shipped.");
        page.blank();
        page.blank();
        page.facts("  ", &[("package", "linux-image-6.1.0-56-cloud-amd64, 1.2 s"), ("a", "b")]);
        let expected = "Two files differ from what\nthe-distribution-shipped.\n\n  package  \
                        linux-image-6.1.0-56-cloud-amd64,\n           1.2 s\n  a        b\n";
        assert_eq!(page.finish(), expected);
    }

    #[test]
    fn a_table_is_indented_and_keeps_to_the_width() {
        let mut page = Page::new(Style::plain(40));
        let mut table = Table::new(["module", "bytes"]);
        table.row(["overlay", "1,000"]);
        page.table("  ", &table);
        assert_eq!(page.finish(), "  module   bytes\n  overlay  1,000\n");
    }

    #[test]
    fn colour_is_an_escape_sequence_around_the_text() {
        assert_eq!(Style { colour: true, width: 80 }.red("no"), "\x1b[31mno\x1b[0m");
        assert_eq!(Style::plain(80).red("no"), "no");
    }
}
