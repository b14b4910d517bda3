//! What came of it all, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use util::number::{grouped, of};

use super::batch::{Done, Failure, Written};
use cli::Exit;
use util::error::{causes, one_cause_a_line};

/// What came of all files.
pub(super) struct Report {
    files: Vec<Done>,
    base_types: Option<u32>,
    elapsed: Duration,
}

#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Total {
    encoded: u64,
    failed: u64,
    not_begun: u64,
    bytes: u64,
    types: u64,
    functions: u64,
    variables: u64,
}

#[derive(Serialize)]
struct Json {
    summary: Total,
    base_types: Option<u32>,
    milliseconds: u64,
    files: Vec<JsonFile>,
}

#[derive(Serialize)]
struct JsonFile {
    path: String,
    #[serde(flatten)]
    outcome: JsonOutcome,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum JsonOutcome {
    Encoded { bytes: usize, units: u32, types: u32, functions: u32, variables: u32, left_out: BTreeMap<String, u32> },
    Failed { causes: Vec<String> },
    NotBegun,
}

impl Report {
    pub(super) fn new(files: Vec<Done>, base_types: Option<u32>, elapsed: Duration) -> Self {
        Self { files, base_types, elapsed }
    }

    pub(super) fn exit(&self) -> Exit {
        let failures = || self.failures().map(|(_, failure)| failure);
        if self.files.iter().any(|file| file.result.is_none()) {
            Exit::Interrupted
        } else if failures().any(Failure::is_environment) {
            Exit::Environment
        } else if failures().next().is_some() {
            Exit::Failed
        } else {
            Exit::Success
        }
    }

    fn written(&self) -> impl Iterator<Item = &Written> {
        self.files.iter().filter_map(|file| file.result.as_ref()?.as_ref().ok())
    }

    fn failures(&self) -> impl Iterator<Item = (&Done, &Failure)> {
        self.files.iter().filter_map(|file| Some((file, file.result.as_ref()?.as_ref().err()?)))
    }

    fn total(&self) -> Total {
        let mut total = Total { failed: self.failures().count() as u64, ..Total::default() };
        total.not_begun = self.files.iter().filter(|file| file.result.is_none()).count() as u64;
        for written in self.written() {
            total.encoded += 1;
            total.bytes += written.bytes as u64;
            total.types += u64::from(written.report.types);
            total.functions += u64::from(written.report.functions);
            total.variables += u64::from(written.report.variables);
        }
        total
    }

    /// The summary, what was left out, and which files failed.
    pub(super) fn human(&self, width: usize) -> String {
        let (mut text, width) = (String::new(), width.clamp(40, 160));
        let mut line = |line: &str| {
            for line in textwrap::wrap(line, textwrap::Options::new(width).subsequent_indent("    ")) {
                let _ = writeln!(text, "{line}");
            }
        };
        line(&self.summary());
        let left_out = self.left_out();
        if !left_out.is_empty() {
            line("");
            line("Left out:");
            let widest = left_out.values().map(|(times, _)| grouped(*times).len()).max().unwrap_or(0);
            for (what, (times, files)) in left_out {
                line(&format!("  {:>widest$}  {what}, in {}", grouped(times), of(files, "file")));
            }
        }
        if self.failures().next().is_some() {
            line("");
            line("Not encoded, and as they were:");
            for (file, failure) in self.failures() {
                line(&format!("  {}", file.path.display()));
                for cause in one_cause_a_line(failure).lines() {
                    line(&format!("    {}", cause.trim_start()));
                }
            }
        }
        text
    }

    /// The one sentence that matters.
    pub(super) fn summary(&self) -> String {
        let Total { encoded, failed, not_begun, bytes, types, functions, variables } = self.total();
        let mut text = format!("{} encoded in {:.2} s", of(encoded, "file"), self.elapsed.as_secs_f64());
        if encoded > 0 {
            let [types, functions] = [of(types, "type"), of(functions, "function")];
            let _ = write!(text, ": {types}, {functions}, {}; {}", of(variables, "variable"), of(bytes, "byte"));
        }
        if let Some(base) = self.base_types {
            let _ = write!(text, ", over a base of {}", of(base, "type"));
        }
        if failed > 0 {
            let _ = write!(text, "; {} NOT encoded", grouped(failed));
        }
        if not_begun > 0 {
            let _ = write!(text, "; interrupted before {}", of(not_begun, "other"));
        }
        text.push('.');
        text
    }

    /// What was left out: how often in all, and in how many files.
    fn left_out(&self) -> BTreeMap<String, (u64, usize)> {
        let mut all = BTreeMap::new();
        for written in self.written() {
            for (what, times) in written.report.left_out() {
                let entry: &mut (u64, usize) = all.entry(what).or_default();
                *entry = (entry.0 + u64::from(times), entry.1 + 1);
            }
        }
        all
    }

    pub(super) fn json(&self) -> Result<String> {
        let files = self.files.iter().map(|file| {
            let outcome = match &file.result {
                Some(Ok(Written { bytes, report })) => JsonOutcome::Encoded {
                    bytes: *bytes,
                    units: report.units,
                    types: report.types,
                    functions: report.functions,
                    variables: report.variables,
                    left_out: report.left_out().into_iter().collect(),
                },
                Some(Err(failure)) => JsonOutcome::Failed { causes: causes(failure) },
                None => JsonOutcome::NotBegun,
            };
            JsonFile { path: file.path.display().to_string(), outcome }
        });
        let json = Json {
            summary: self.total(),
            base_types: self.base_types,
            milliseconds: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            files: files.collect(),
        };
        serde_json::to_string_pretty(&json).context("failed to write JSON")
    }
}
