//! Comparing the logs of two runs that should be byte-identical.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The number of bytes of a line that are compared at once. Longer lines are compared in parts of this length.
const LINE_MAX: u64 = 64 * 1024;

/// The first difference of two logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDifference {
    /// The offset of the first differing byte, from 0.
    pub offset: u64,
    /// The number of its line, from 1.
    pub line: u64,
    /// The line in the first log, without its newline; `None` if that log has ended.
    pub first: Option<String>,
    /// The line in the second log.
    pub second: Option<String>,
}

impl fmt::Display for LogDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |line: &Option<String>| line.clone().unwrap_or_else(|| "(the log has ended)".into());
        writeln!(f, "the logs differ from byte {} on, in line {}:", self.offset, self.line)?;
        writeln!(f, "  first:  {}", line(&self.first))?;
        write!(f, "  second: {}", line(&self.second))
    }
}

/// Compares two files byte by byte. Returns `None` if they are equal.
///
/// # Errors
///
/// A file cannot be read.
pub fn first_difference(first: &Path, second: &Path) -> io::Result<Option<LogDifference>> {
    let (mut first, mut second) = (Lines::open(first)?, Lines::open(second)?);
    let (mut offset, mut line) = (0, 1);
    loop {
        first.next()?;
        second.next()?;
        let (a, b) = (&first.piece, &second.piece);
        if a != b {
            let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let (first, second) = (text(a), text(b));
            return Ok(Some(LogDifference { offset: offset + common as u64, line, first, second }));
        }
        if a.is_empty() {
            return Ok(None);
        }
        offset += a.len() as u64;
        line += u64::from(a.ends_with(b"\n"));
    }
}

struct Lines {
    reader: BufReader<File>,
    /// A line with its newline, or a part of a long one; empty at the end.
    piece: Vec<u8>,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { reader: BufReader::new(File::open(path)?), piece: Vec::new() })
    }

    fn next(&mut self) -> io::Result<()> {
        self.piece.clear();
        self.reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut self.piece).map(drop)
    }
}

fn text(piece: &[u8]) -> Option<String> {
    (!piece.is_empty()).then(|| String::from_utf8_lossy(piece).trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(first: &str, second: &str) -> Option<LogDifference> {
        let directory = tempfile::tempdir().unwrap();
        let (a, b) = (directory.path().join("a"), directory.path().join("b"));
        std::fs::write(&a, first).unwrap();
        std::fs::write(&b, second).unwrap();
        first_difference(&a, &b).unwrap()
    }

    #[test]
    fn equal_logs_do_not_differ() {
        let long = "x".repeat(200_000);
        for log in ["", "one\n", "one\r\ntwo", &long] {
            assert_eq!(compare(log, log), None);
        }
    }

    #[test]
    fn the_first_difference_is_told_with_its_place_and_both_lines() {
        let difference = compare("one\r\ntwo 123\nthree\n", "one\r\ntwo 129\nthree\n").unwrap();
        let expected =
            LogDifference { offset: 11, line: 2, first: Some("two 123".into()), second: Some("two 129".into()) };
        assert_eq!(difference, expected);
    }

    #[test]
    fn a_shorter_log_and_a_changed_line_end_differ() {
        let difference = compare("one\n", "one\ntwo\n").unwrap();
        assert_eq!((difference.offset, difference.line, &difference.first), (4, 2, &None));
        assert!(difference.to_string().contains("first:  (the log has ended)"));
        assert_eq!(compare("one\n", "one").unwrap().offset, 3);
        assert_eq!(compare("one\r\n", "one\n").unwrap().offset, 3);
        let (a, b) = ("x".repeat(100_000), format!("{}y", "x".repeat(99_999)));
        assert_eq!(compare(&a, &b).unwrap().offset, 99_999);
    }
}
