//! `--format FORM[:FILE]`: in which form a report is given, and where it goes.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

/// How many columns a line may have where nobody says it.
const WIDTH: usize = 120;

/// How many columns a line may have on standard output: those of the terminal, if it is one.
#[must_use]
pub fn columns() -> usize {
    let terminal = console::Term::stdout();
    if terminal.is_term() { terminal.size().1.into() } else { WIDTH }
}

/// A form of a report and where it goes; standard output if nowhere else. The forms are a command's own.
#[derive(Debug, Clone)]
pub struct Format<F> {
    /// The form.
    pub form: F,
    file: Option<PathBuf>,
}

impl<F> Format<F> {
    /// This form on standard output.
    pub const fn standard(form: F) -> Self {
        Self { form, file: None }
    }

    /// The file that the report goes to, if it goes to one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Whether it is coloured, and how many columns a line may have.
    pub fn style(&self) -> (bool, usize) {
        let terminal = self.file.is_none() && io::stdout().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        (colour, if self.file.is_none() { columns() } else { WIDTH })
    }

    /// Writes a report to where it goes. A file is replaced whole, and it is said that it was written; that nobody reads on is
    /// no failure.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn write(&self, mut text: String) -> Result<()> {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        match &self.file {
            Some(path) => {
                write(path, text.as_bytes()).context("failed to write the report")?;
                crate::say(&format!("the report is in {}", path.display()));
                Ok(())
            }
            None => match io::stdout().write_all(text.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                other => other.context("failed to print the report"),
            },
        }
    }
}

impl<F: ValueEnum> FromStr for Format<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (form, file) = match text.split_once(':') {
            Some((_, "")) => return Err("a file name is missing after the colon".into()),
            Some((form, file)) => (form, Some(file.into())),
            None => (text, None),
        };
        let form = F::from_str(form, false).map_err(|_| {
            let forms = F::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let forms: Vec<_> = forms.map(|form| form.get_name().to_owned()).collect();
            format!("{form} is not a format: use one of {}", forms.join(", "))
        })?;
        Ok(Self { form, file })
    }
}

/// Replaces a file; a pipe or a device is written to as it is.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            fs::write(path, bytes).with_context(|| format!("failed to write {}", path.display()))
        }
        _ => Ok(util::atomic::replace(path, bytes)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
    enum Form {
        Human,
        Junit,
    }

    #[test]
    fn a_format_is_a_form_and_possibly_a_file() {
        let junit: Format<Form> = "junit:out/a:b.xml".parse().unwrap();
        assert_eq!((junit.form, junit.file.as_deref()), (Form::Junit, Some(Path::new("out/a:b.xml"))));
        let human: Format<Form> = "human".parse().unwrap();
        assert_eq!((human.form, human.file), (Form::Human, None));
        assert!("junit:".parse::<Format<Form>>().is_err());
        let error = "xml".parse::<Format<Form>>().unwrap_err();
        assert_eq!(error, "xml is not a format: use one of human, junit");
    }

    #[test]
    fn a_report_is_replaced_whole_and_a_device_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        for text in ["longer", "short"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        write(Path::new("/dev/null"), b"text").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
