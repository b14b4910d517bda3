//! JSON lines: one JSON value per line, each line ended by a newline.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A line that is not valid JSON, or not of the expected form.
#[derive(Debug, thiserror::Error)]
#[error("cannot read line {line} as JSON")]
pub struct LineError {
    /// Its number, from 1.
    pub line: usize,
    /// The parser's error.
    #[source]
    pub source: serde_json::Error,
}

/// Parses one line. An error contains its number (from 1).
///
/// # Errors
///
/// [`LineError`] if the line is not a `T` in JSON.
pub fn parse_line<T: DeserializeOwned>(line: usize, text: &str) -> Result<T, LineError> {
    serde_json::from_str(text).map_err(|source| LineError { line, source })
}

/// Parses every line of a text, with line numbers that begin at `first`.
///
/// # Errors
///
/// [`LineError`] for the first line that is not a `T` in JSON. An empty line is also an error.
pub fn parse<T: DeserializeOwned>(text: &str, first: usize) -> Result<Vec<T>, LineError> {
    text.lines().enumerate().map(|(at, text)| parse_line(first + at, text)).collect()
}

/// Appends a value and a newline.
///
/// # Errors
///
/// `serde_json` cannot write a map whose keys are not strings.
pub fn push(out: &mut String, value: &impl Serialize) -> Result<(), serde_json::Error> {
    out.push_str(&serde_json::to_string(value)?);
    out.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_are_written() {
        let mut text = String::new();
        for value in [Some(1), None] {
            push(&mut text, &value).unwrap();
        }
        assert_eq!(text, "1\nnull\n");
        assert_eq!(parse::<Option<u32>>(&text, 1).unwrap(), [Some(1), None]);
    }

    #[test]
    fn the_bad_line_is_named() {
        assert_eq!(parse::<u32>("1\nx\n", 2).unwrap_err().line, 3);
        assert_eq!(parse::<u32>("1\n\n2\n", 1).unwrap_err().line, 2);
    }
}
