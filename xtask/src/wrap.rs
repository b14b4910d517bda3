//! Text that keeps to the terminal's width.

use console::Term;
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter, fill};

/// Text behind a first column, which it goes on beside where it is longer than a line.
pub fn beside(column: &str, text: &str, columns: usize) -> String {
    let further = " ".repeat(display_width(column));
    fill(text, options(columns).initial_indent(column).subsequent_indent(&further))
}

/// Names and paths stay whole, so that they can be copied.
fn options(columns: usize) -> Options<'static> {
    Options::new(columns).break_words(false).word_splitter(WordSplitter::NoHyphenation)
}

/// An error as a terminal on standard error takes it. What ends there in a file stays as it is.
pub fn error(text: &str) -> String {
    let terminal = Term::stderr();
    match terminal.is_term() {
        true => lines(text, terminal.size().1.into()),
        false => text.to_owned(),
    }
}

/// Each line on its own; what is too long goes on further to the right than it begins.
fn lines(text: &str, columns: usize) -> String {
    let line = |line: &str| {
        let start = line.trim_start();
        let indent = &line[..line.len() - start.len()];
        let further = format!("{indent}    ");
        fill(start, options(columns).initial_indent(indent).subsequent_indent(&further))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_of_an_error_go_on_under_their_beginning() {
        let text = lines("error: there is no scenario x; there are a-b, c\n  because: of this", 24);
        assert_eq!(text, "error: there is no\n    scenario x; there\n    are a-b, c\n  because: of this");
    }

    #[test]
    fn what_stands_beside_a_column_stays_there() {
        assert_eq!(beside("engine  ", "podman in user space", 20), "engine  podman in\n        user space");
        assert_eq!(beside("engine  ", "podman", 20), "engine  podman");
    }
}
