//! `--format FORM[:FILE]`: the form of a report, and the file to write it to.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use util::suggest::Suggestion;

use crate::page::Style;
use crate::terminal::{self, columns};

/// A form of a report and its file, or standard output if there is no file. Each command has its own forms.
#[derive(Debug, Clone)]
pub struct Format<F> {
    /// The form.
    pub form: F,
    file: Option<PathBuf>,
}

/// A report that was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Standard output cannot be written to.
    #[error("cannot print the report")]
    Print(#[source] io::Error),
    /// A pipe or device cannot be written to.
    #[error("cannot write the report to {}", path.display())]
    Device {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file cannot be replaced.
    #[error("cannot write the report")]
    Replace(#[source] util::atomic::Error),
}

impl<F> Format<F> {
    /// A form on standard output.
    pub const fn standard(form: F) -> Self {
        Self { form, file: None }
    }

    /// The file of the report, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The colour and width of the report.
    pub fn style(&self) -> Style {
        match &self.file {
            Some(_) => Style::plain(terminal::WIDTH),
            None => {
                let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                Style { colour, width: columns() }
            }
        }
    }

    /// Writes a report to its file or to standard output. A file is replaced atomically, and a line on standard error
    /// reports it. A closed pipe on standard output is not an error.
    ///
    /// # Errors
    ///
    /// [`WriteError`].
    pub fn write(&self, mut text: String) -> Result<(), WriteError> {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        match &self.file {
            Some(path) => {
                write(path, text.as_bytes())?;
                terminal::say(&format!("the report is in {}", path.display()));
                Ok(())
            }
            None => match io::stdout().write_all(text.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                other => other.map_err(WriteError::Print),
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
            let forms = forms.map(|form| form.get_name().to_owned());
            format!("{form} is not a form of this report; {}", Suggestion::new(form, forms))
        })?;
        Ok(Self { form, file })
    }
}

/// Replaces a file, or writes to a pipe or a device.
fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            fs::write(path, bytes).map_err(|source| WriteError::Device { path: path.to_owned(), source })
        }
        _ => util::atomic::replace(path, bytes).map_err(WriteError::Replace),
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
        assert_eq!((junit.form, junit.file()), (Form::Junit, Some(Path::new("out/a:b.xml"))));
        let human: Format<Form> = "human".parse().unwrap();
        assert_eq!((human.form, human.file), (Form::Human, None));
        assert!("junit:".parse::<Format<Form>>().is_err());
        let error = "xml".parse::<Format<Form>>().unwrap_err();
        assert_eq!(error, "xml is not a form of this report; known: human, junit");
        let error = "jnuit:x".parse::<Format<Form>>().unwrap_err();
        assert_eq!(error, "jnuit is not a form of this report; did you mean junit?");
    }

    #[test]
    fn a_report_replaces_a_file_and_is_written_to_a_device() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        for text in ["longer", "short"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
        write(Path::new("/dev/null"), b"text").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
