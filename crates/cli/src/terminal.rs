//! Lines on standard output and standard error that fit the terminal and do not disturb progress bars.

use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::sync::LazyLock;

use console::Term;
use indicatif::MultiProgress;
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter, fill};

/// The number of columns if there is no terminal.
pub const WIDTH: usize = 120;

/// All progress bars of this process; none if standard error is not a terminal.
static BARS: LazyLock<Option<MultiProgress>> =
    LazyLock::new(|| std::io::stderr().is_terminal().then(MultiProgress::new));

/// All progress bars of this process; none if standard error is not a terminal.
pub(crate) fn bars() -> Option<&'static MultiProgress> {
    BARS.as_ref()
}

/// The number of columns of standard output.
#[must_use]
pub fn columns() -> usize {
    let terminal = Term::stdout();
    if terminal.is_term() { terminal.size().1.into() } else { WIDTH }
}

/// Prints a line on standard error, above the progress bars. Failures are ignored.
pub fn say(line: &str) {
    let print = || drop(writeln!(std::io::stderr(), "{line}"));
    match bars() {
        Some(bars) => bars.suspend(print),
        None => print(),
    }
}

/// Prints a line on standard output, above the progress bars. Failures are ignored.
pub fn print_line(line: &str) {
    let print = || drop(writeln!(std::io::stdout(), "{line}"));
    match bars() {
        Some(bars) => bars.suspend(print),
        None => print(),
    }
}

/// Prints an error and its causes on standard error: a line for each, wrapped if that is a terminal.
pub fn say_error(error: &(dyn Error + 'static)) {
    let text = format!("error: {}", util::error::one_cause_a_line(error));
    let terminal = Term::stderr();
    match terminal.is_term() {
        true => say(&wrap_lines(&text, terminal.size().1.into())),
        false => say(&text),
    }
}

/// Puts a text beside a first column. Its further lines are aligned with its first one.
#[must_use]
pub fn beside(column: &str, text: &str, columns: usize) -> String {
    let further = " ".repeat(display_width(column));
    fill(text, wrapping(columns).initial_indent(column).subsequent_indent(&further))
}

/// How text is broken into lines: never inside a name or path, so that it can be copied.
pub(crate) fn wrapping(columns: usize) -> Options<'static> {
    Options::new(columns).break_words(false).word_splitter(WordSplitter::NoHyphenation)
}

/// Wraps each line separately. Its further lines are indented by four more columns.
fn wrap_lines(text: &str, columns: usize) -> String {
    let line = |line: &str| {
        let start = line.trim_start();
        let indent = &line[..line.len() - start.len()];
        let further = format!("{indent}    ");
        fill(start, wrapping(columns).initial_indent(indent).subsequent_indent(&further))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_of_an_error_are_indented_below_their_beginning() {
        let text = wrap_lines("error: there is no scenario x; there are a-b, c\n  because: of this", 24);
        assert_eq!(text, "error: there is no\n    scenario x; there\n    are a-b, c\n  because: of this");
    }

    #[test]
    fn text_beside_a_column_stays_beside_it() {
        assert_eq!(beside("engine  ", "podman in user space", 20), "engine  podman in\n        user space");
        assert_eq!(beside("engine  ", "podman", 20), "engine  podman");
    }
}
