//! The report on all files, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use util::number::{grouped, of};

use super::one_file::{Failure, Written};
use crate::files::batch::Done;
use crate::files::report::{self, JsonFile, failure_lines, failures, json_files, not_begun, results};
use cli::{Exit, Page, Style};

/// The indentation of continuation lines.
const NEXT: &str = "    ";

/// The results of all files.
pub(super) struct Report {
    files: Vec<Done<Written, Failure>>,
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
struct Json<'a> {
    summary: Total,
    base_types: Option<u32>,
    milliseconds: u64,
    files: Vec<JsonFile<JsonEncoded<'a>>>,
}

/// A file that was encoded.
#[derive(Serialize)]
struct JsonEncoded<'a> {
    /// Always `encoded`.
    outcome: &'a str,
    bytes: usize,
    units: u32,
    types: u32,
    functions: u32,
    variables: u32,
    left_out: BTreeMap<String, u32>,
}

impl Report {
    pub(super) fn new(files: Vec<Done<Written, Failure>>, base_types: Option<u32>, elapsed: Duration) -> Self {
        Self { files, base_types, elapsed }
    }

    pub(super) fn exit(&self) -> Exit {
        report::exit(&self.files)
    }

    fn total(&self) -> Total {
        let mut total = Total { failed: failures(&self.files).count() as u64, ..Total::default() };
        total.not_begun = not_begun(&self.files) as u64;
        for written in results(&self.files) {
            total.encoded += 1;
            total.bytes += written.bytes as u64;
            total.types += u64::from(written.report.types);
            total.functions += u64::from(written.report.functions);
            total.variables += u64::from(written.report.variables);
        }
        total
    }

    /// The summary, the omissions, and the failed files.
    pub(super) fn human(&self, width: usize) -> String {
        let mut page = Page::new(Style::plain(width));
        page.paragraph("", NEXT, &self.summary());
        let left_out = self.left_out();
        if !left_out.is_empty() {
            page.blank();
            page.line("Left out:");
            let widest = left_out.values().map(|(times, _)| grouped(*times).len()).max().unwrap_or(0);
            for (what, (times, files)) in left_out {
                page.paragraph("", NEXT, &format!("  {:>widest$}  {what}, in {}", grouped(times), of(files, "file")));
            }
        }
        let failed = failure_lines(&self.files);
        if !failed.is_empty() {
            page.blank();
            page.line("Not encoded, and as they were:");
            failed.iter().for_each(|failure| page.paragraph("", NEXT, failure));
        }
        page.finish()
    }

    /// The main result in one sentence.
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

    /// What was omitted: how often in total, and in how many files.
    fn left_out(&self) -> BTreeMap<String, (u64, usize)> {
        let mut all = BTreeMap::new();
        for written in results(&self.files) {
            for (what, times) in written.report.left_out() {
                let entry: &mut (u64, usize) = all.entry(what).or_default();
                *entry = (entry.0 + u64::from(times), entry.1 + 1);
            }
        }
        all
    }

    pub(super) fn json(&self) -> Result<String> {
        let files = json_files(&self.files, |Written { bytes, report }| JsonEncoded {
            outcome: "encoded",
            bytes: *bytes,
            units: report.units,
            types: report.types,
            functions: report.functions,
            variables: report.variables,
            left_out: report.left_out().into_iter().collect(),
        });
        let json = Json {
            summary: self.total(),
            base_types: self.base_types,
            milliseconds: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            files,
        };
        serde_json::to_string_pretty(&json).context("cannot write JSON")
    }
}
