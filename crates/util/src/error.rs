//! An error and its causes as text, and the class of an error.
//!
//! An error's `Display` does not repeat its `source()`, so each cause is printed once. Some errors of other crates
//! break this rule. If an error's text already ends with its cause, the cause is dropped here.

use std::error::Error;

/// The class of an error. A program maps it to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request is invalid, or refers to something that does not exist.
    Usage,
    /// The machine, the network or the archive lacks something.
    Environment,
    /// The user asked to stop.
    Cancelled,
}

/// An error with a class.
pub trait Classified: Error + 'static {
    /// Its class.
    fn class(&self) -> Class;
}

/// The texts of an error and of its causes, outermost first.
#[must_use]
pub fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let chain = std::iter::successors(Some(error), |&error| error.source());
    for text in chain.map(ToString::to_string) {
        if causes.last().is_none_or(|parent| !parent.ends_with(&text)) {
            causes.push(text);
        }
    }
    causes
}

/// An error and its causes in one line: `cannot read base: no such file`.
#[must_use]
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    causes(error).join(": ").lines().collect::<Vec<_>>().join(" ")
}

/// An error and its causes, each cause on its own line.
#[must_use]
pub fn one_cause_a_line(error: &(dyn Error + 'static)) -> String {
    causes(error).join("\n  because: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("cannot start")]
        Plain(#[source] std::fmt::Error),
        #[error("cannot start: {0}")]
        Repeating(#[source] std::fmt::Error),
        #[error(transparent)]
        Transparent(#[from] std::fmt::Error),
    }

    #[test]
    fn causes_are_printed_once() {
        let inner = std::fmt::Error;
        let once = format!("cannot start: {inner}");
        assert_eq!(one_line(&Outer::Plain(inner)), once);
        assert_eq!(one_line(&Outer::Repeating(inner)), once);
        assert_eq!(one_line(&Outer::Transparent(inner)), inner.to_string());
        assert_eq!(one_cause_a_line(&Outer::Plain(inner)), format!("cannot start\n  because: {inner}"));
    }
}
