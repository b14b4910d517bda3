//! The report for programs. Its shape is versioned: fields are added, and a change of meaning raises the version.

use anyhow::{Context as _, Result};
use serde::Serialize;
use verdict::log::{Boot, Failure, Missing, Sure};
use verdict::{Cause, Finding, Line};

use super::report::Explanation;
use super::{look_ups, wording};

#[derive(Serialize)]
struct Json<'a> {
    /// `modbtf-explain`.
    format: &'static str,
    version: u32,
    log: Option<JsonLog<'a>>,
    look_ups: Option<look_ups::Json>,
}

#[derive(Serialize)]
struct JsonLog<'a> {
    summary: String,
    clean: bool,
    lines: u64,
    bytes: u64,
    boot_count: u64,
    boots: Vec<JsonBoot<'a>>,
}

#[derive(Serialize)]
struct JsonBoot<'a> {
    release: Option<&'a str>,
    hint: Option<String>,
    /// Failures beyond those that are listed.
    omitted: u64,
    failures: Vec<JsonFailure<'a>>,
}

#[derive(Serialize)]
struct JsonFailure<'a> {
    finding: Finding,
    title: &'static str,
    cause: Cause,
    sure: Sure,
    module: Option<String>,
    errno: Option<JsonErrno>,
    check: Option<JsonLine>,
    subject: Option<JsonLine>,
    tolerated: bool,
    not_inserted: bool,
    interleaved: bool,
    about: Vec<String>,
    times: u64,
    uptime_us: Option<u64>,
    first_line: u64,
    last_line: u64,
    meaning: String,
    advice: &'a [&'a str],
    evidence: Vec<JsonEvidence>,
    missing: Vec<JsonMissing>,
}

#[derive(Serialize)]
struct JsonErrno {
    number: i32,
    name: Option<&'static str>,
}

#[derive(Serialize)]
struct JsonLine {
    form: &'static str,
    text: String,
}

#[derive(Serialize)]
struct JsonEvidence {
    line: u64,
    text: String,
}

#[derive(Serialize)]
struct JsonMissing {
    part: Missing,
    what: &'static str,
    command: &'static str,
}

/// The report as JSON.
pub(super) fn text(explanation: &Explanation) -> Result<String> {
    let log = explanation.report.as_ref().map(|report| JsonLog {
        summary: wording::headline(report),
        clean: report.is_clean(),
        lines: report.lines,
        bytes: report.bytes,
        boot_count: report.boot_count,
        boots: report.boots.iter().map(boot).collect(),
    });
    let look_ups = explanation.look_ups.as_ref().map(look_ups::Json::from);
    serde_json::to_string_pretty(&Json { format: "modbtf-explain", version: 1, log, look_ups })
        .context("cannot write JSON")
}

fn boot(boot: &Boot) -> JsonBoot<'_> {
    JsonBoot {
        release: boot.release.as_deref(),
        hint: wording::timing(boot),
        omitted: boot.omitted,
        failures: boot.failures.iter().map(failure).collect(),
    }
}

fn failure(failure: &Failure) -> JsonFailure<'_> {
    let line = |line: &Line| JsonLine { form: line.form.name(), text: wording::text_of(line) };
    JsonFailure {
        finding: failure.finding,
        title: failure.finding.title(),
        cause: failure.cause(),
        sure: failure.sure,
        module: failure.module.as_ref().map(ToString::to_string),
        errno: failure.errno.map(|errno| JsonErrno { number: errno.0.wrapping_neg(), name: errno.name() }),
        check: failure.check.as_ref().map(line),
        subject: failure.subject.as_ref().map(line),
        tolerated: failure.tolerated,
        not_inserted: failure.not_inserted,
        interleaved: failure.interleaved,
        about: failure.about.iter().map(ToString::to_string).collect(),
        times: failure.times,
        uptime_us: failure.uptime,
        first_line: failure.first_line(),
        last_line: failure.last_line,
        meaning: wording::meaning(failure),
        advice: failure.finding.advice(),
        evidence: failure
            .evidence
            .iter()
            .map(|row| JsonEvidence { line: row.line, text: row.text.to_string() })
            .collect(),
        missing: failure
            .missing
            .iter()
            .map(|&part| JsonMissing { part, what: part.what(), command: part.command() })
            .collect(),
    }
}
