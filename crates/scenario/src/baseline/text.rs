//! Comparing the recorded and the observed text of a run.

use std::path::Path;
use std::time::Duration;

use similar::TextDiff;

use super::files::{Error, recorded_snapshot};
use crate::exit::Ending;
use crate::transcript::EncoderId;

/// The time limit for finding a small difference. For two long logs without common lines the time would grow with the
/// square of their length.
const PATIENCE: Duration = Duration::from_secs(2);

/// The result of a comparison with the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineComparison {
    /// The scenario's ending.
    pub ending: Ending,
    /// A note for the user about the comparison.
    pub note: Option<String>,
}

impl From<Ending> for BaselineComparison {
    fn from(ending: Ending) -> Self {
        Self { ending, note: None }
    }
}

/// Compares the text of a run, of any kind, with the snapshot in a folder.
///
/// # Errors
///
/// The snapshot cannot be read.
pub fn compare_text(dir: &Path, text: &str) -> Result<Ending, Error> {
    Ok(match recorded_snapshot(dir)? {
        None => Ending::Differs { diff: "nothing is recorded yet: record this run with --bless".into() },
        Some(recorded) => compare_texts(&recorded, text),
    })
}

pub(super) fn compare_texts(recorded: &str, text: &str) -> Ending {
    match recorded.trim_end() == text.trim_end() {
        true => Ending::Pass,
        false => Ending::Differs { diff: unified(recorded, text, "recorded", "seen") },
    }
}

pub(super) fn encoded_by(encoder: &EncoderId) -> String {
    format!("the BTF was encoded by {}", encoder.name)
}

/// Joins the notes into one line.
pub(super) fn joined<const N: usize>(notes: [Option<String>; N]) -> Option<String> {
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// The parts that differ, recorded and observed.
pub(super) fn other_parts(before: &[String], seen: &[String]) -> Option<(String, String)> {
    let only = |these: &[String], those: &[String]| {
        let parts: Vec<_> = these.iter().filter(|part| !those.contains(part)).map(String::as_str).collect();
        if parts.is_empty() { "fewer parts".to_owned() } else { parts.join(", ") }
    };
    (before != seen).then(|| (only(before, seen), only(seen, before)))
}

pub(super) fn unified(before: &str, after: &str, from: &str, to: &str) -> String {
    TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(before.trim_end(), after.trim_end())
        .unified_diff()
        .context_radius(2)
        .missing_newline_hint(false)
        .header(from, to)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_diff_with_both_sides_named() {
        let diff = unified("a\nb\nc\n", "a\nx\nc\n", "recorded", "seen");
        assert_eq!(diff, "--- recorded\n+++ seen\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    }
}
