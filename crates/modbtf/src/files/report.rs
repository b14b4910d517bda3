//! The failed files with their causes, and the exit code.

use std::error::Error;

use cli::Exit;
use serde::Serialize;
use util::error::{causes, one_cause_a_line};

use super::batch::Done;

/// The reason why the work on a file failed.
pub(crate) trait Failure: Error + 'static {
    /// Whether the cause is the environment (reading or writing) rather than the file's content.
    fn is_environment(&self) -> bool;
}

impl Failure for kmod::Error {
    fn is_environment(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Replace(_))
    }
}

/// Whether a module was refused because its signature would become invalid. No command changes a signed module
/// without an option such as `--drop-signature`.
pub(crate) fn is_signed(error: &kmod::Error) -> bool {
    matches!(error, kmod::Error::Change { source, .. } if matches!(**source, kmod::Error::Signed))
}

/// The exit code. If several apply, it is the first of interrupted, environment and failed.
pub(crate) fn exit<T, E: Failure>(files: &[Done<T, E>]) -> Exit {
    let failures = || failures(files).map(|(_, failure)| failure);
    if not_begun(files) > 0 {
        Exit::Interrupted
    } else if failures().any(Failure::is_environment) {
        Exit::Environment
    } else if failures().next().is_some() {
        Exit::Failed
    } else {
        Exit::Success
    }
}

/// The results of the files that succeeded.
pub(crate) fn results<T, E>(files: &[Done<T, E>]) -> impl Iterator<Item = &T> {
    files.iter().filter_map(|file| file.result.as_ref()?.as_ref().ok())
}

/// The files that failed.
pub(crate) fn failures<T, E>(files: &[Done<T, E>]) -> impl Iterator<Item = (&Done<T, E>, &E)> {
    files.iter().filter_map(|file| Some((file, file.result.as_ref()?.as_ref().err()?)))
}

/// The number of files that were not started.
pub(crate) fn not_begun<T, E>(files: &[Done<T, E>]) -> usize {
    files.iter().filter(|file| file.result.is_none()).count()
}

/// Lines with each failed file, followed by its causes.
pub(crate) fn failure_lines<T, E: Failure>(files: &[Done<T, E>]) -> Vec<String> {
    let mut lines = Vec::new();
    for (file, failure) in failures(files) {
        lines.push(format!("  {}", file.path.display()));
        lines.extend(one_cause_a_line(failure).lines().map(|cause| format!("    {}", cause.trim_start())));
    }
    lines
}

/// A file in the JSON report.
#[derive(Debug, Serialize)]
pub(crate) struct JsonFile<S> {
    path: String,
    #[serde(flatten)]
    outcome: JsonOutcome<S>,
}

/// The outcome for a file. Each command has its own word for success in `outcome`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum JsonOutcome<S> {
    Done(S),
    Other(OtherOutcome),
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum OtherOutcome {
    Failed { causes: Vec<String> },
    NotBegun,
}

/// The files for the JSON report. `show` returns the JSON for a success, including its field `outcome`.
pub(crate) fn json_files<T, E: Failure, S>(files: &[Done<T, E>], show: impl Fn(&T) -> S) -> Vec<JsonFile<S>> {
    let outcome = |result: &Option<Result<T, E>>| match result {
        Some(Ok(done)) => JsonOutcome::Done(show(done)),
        Some(Err(failure)) => JsonOutcome::Other(OtherOutcome::Failed { causes: causes(failure) }),
        None => JsonOutcome::Other(OtherOutcome::NotBegun),
    };
    files
        .iter()
        .map(|file| JsonFile { path: file.path.display().to_string(), outcome: outcome(&file.result) })
        .collect()
}
