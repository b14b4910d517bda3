//! `--format FORM[:FILE]`: in which form the report is given, and where it goes.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};

/// A form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// A form and where it goes: standard output if nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) form: Form,
    file: Option<PathBuf>,
}

impl Format {
    pub(crate) const HUMAN: Self = Self { form: Form::Human, file: None };

    /// The file that the report goes to, if it goes to one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// How many columns a line may have.
    pub(crate) fn width(&self) -> usize {
        let terminal = self.file.is_none() && io::stdout().is_terminal();
        let width = if terminal { console::Term::stdout().size().1.into() } else { 120 };
        width.clamp(40, 160)
    }

    /// Writes a report to where it goes. That nobody reads on is no failure.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        match &self.file {
            Some(path) => write(path, text.as_bytes()).context("failed to write the report"),
            None => match io::stdout().write_all(text.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                other => other.context("failed to print the report"),
            },
        }
    }
}

/// Replaces a file whole; a pipe or a device is written to as it is.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    match path.metadata() {
        Ok(there) if !there.is_file() => std::fs::write(path, bytes).with_context(|| path.display().to_string()),
        _ => Ok(kmod::replace_file(path, bytes)?),
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (form, file) = match text.split_once(':') {
            Some((_, "")) => return Err("a file name is missing after the colon".into()),
            Some((form, file)) => (form, Some(file.into())),
            None => (text, None),
        };
        let form = match form {
            "human" => Form::Human,
            "json" => Form::Json,
            _ => return Err(format!("{form} is not a format: use one of human, json")),
        };
        Ok(Self { form, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_a_form_and_possibly_a_file() {
        assert_eq!("human".parse(), Ok(Format::HUMAN));
        assert_eq!("json:a:b".parse(), Ok(Format { form: Form::Json, file: Some("a:b".into()) }));
        assert!("json:".parse::<Format>().is_err());
        assert_eq!("xml".parse::<Format>().unwrap_err(), "xml is not a format: use one of human, json");
    }
}
