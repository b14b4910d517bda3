//! `modbtf explain --explain ID` and `--list`: the table of findings.

use anyhow::{Context as _, Result};
use cli::{Format, Page, Style};
use serde::Serialize;
use util::error::{Class, Classified};
use util::suggest::Suggestion;
use verdict::{Cause, Finding};

use super::report::Form;
use super::wording::cause;

/// An id that no finding has.
#[derive(Debug, thiserror::Error)]
#[error("cannot explain {id}: there is no such finding; {suggestion}")]
pub(super) struct UnknownFinding {
    id: String,
    suggestion: Suggestion,
}

impl Classified for UnknownFinding {
    fn class(&self) -> Class {
        Class::Usage
    }
}

#[derive(Serialize)]
struct JsonFinding {
    id: &'static str,
    title: &'static str,
    cause: Cause,
    explanation: &'static str,
    advice: &'static [&'static str],
    source: &'static str,
}

/// Prints one finding, or the list of all.
pub(super) fn print(id: Option<&str>, formats: &[Format<Form>]) -> Result<()> {
    let findings = match id {
        None => Finding::ALL.to_vec(),
        Some(id) => vec![find(id)?],
    };
    for format in formats {
        format.write(match (format.form, id) {
            (Form::Json, _) => json(&findings)?,
            (Form::Human, None) => list(&findings, format.style()),
            (Form::Human, Some(_)) => findings.iter().map(|&finding| page(finding, format.style())).collect(),
        })?;
    }
    Ok(())
}

fn find(id: &str) -> Result<Finding, UnknownFinding> {
    Finding::from_id(id).ok_or_else(|| {
        let ids = Finding::ALL.iter().map(|finding| finding.id());
        UnknownFinding { id: id.to_owned(), suggestion: Suggestion::new(id, ids) }
    })
}

fn list(findings: &[Finding], style: Style) -> String {
    let mut page = Page::new(style);
    page.facts("", &findings.iter().map(|finding| (finding.id(), finding.title())).collect::<Vec<_>>());
    page.blank();
    page.paragraph("", "", "Each is documented by: modbtf explain --explain ID");
    page.finish()
}

fn page(finding: Finding, style: Style) -> String {
    let mut page = Page::new(style);
    page.headline(&format!("{}: {}", finding.id(), finding.title()));
    page.blank();
    page.paragraph("", "", finding.explanation());
    page.blank();
    page.facts("", &[("cause", cause(finding.cause())), ("decided by", finding.source())]);
    page.blank();
    page.line("What to do:");
    for step in finding.advice() {
        page.paragraph("  - ", "    ", step);
    }
    page.finish()
}

fn json(findings: &[Finding]) -> Result<String> {
    let findings = findings.iter().map(|finding| JsonFinding {
        id: finding.id(),
        title: finding.title(),
        cause: finding.cause(),
        explanation: finding.explanation(),
        advice: finding.advice(),
        source: finding.source(),
    });
    serde_json::to_string_pretty(&findings.collect::<Vec<_>>()).context("cannot write JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_a_page_and_a_line() {
        let list = list(Finding::ALL, Style::plain(80));
        for &finding in Finding::ALL {
            let page = page(finding, Style::plain(80)).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(list.contains(finding.id()) && page.contains(finding.title()), "{page}");
        }
    }

    #[test]
    fn find_suggests_what_is_close() {
        let error = find("name-beyond-string").unwrap_err().to_string();
        assert!(error.contains("did you mean name-beyond-strings"), "{error}");
    }
}
