//! Tests with a second user of `files`: a command that prepends a line to each file, which is as different from
//! encoding as possible.

use std::fs;
use std::path::Path;

use cli::Exit;
use kmod::SectionEdits;

use super::batch::{self, Done};
use super::claims::{PathClaims, Role};
use super::find::{self, Input};
use super::output::{Output, OutputArguments, OutputError, SideFile};
use super::report::{self, Failure, failure_lines, json_files};

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("cannot number an empty file")]
    Empty,
    #[error(transparent)]
    Write(kmod::Error),
}

impl Failure for Refused {
    fn is_environment(&self) -> bool {
        matches!(self, Self::Write(error) if error.is_environment())
    }
}

/// Writes the length of each file beside it.
fn measure(inputs: Vec<Input>, output: &Output) -> Vec<Done<usize, Refused>> {
    let work = |input: &Input| {
        let bytes = fs::read(&input.path).unwrap_or_default();
        if bytes.is_empty() {
            return Err(Refused::Empty);
        }
        let text = bytes.len().to_string();
        let side = SideFile { suffix: "", bytes: Some(text.as_bytes()), is_stale: |_| false };
        output.write(input, SectionEdits::new(), &[side]).map_err(Refused::Write)?;
        Ok(bytes.len())
    };
    batch::run(inputs, 2, work).unwrap()
}

fn modules(dir: &Path, files: &[(&str, &str)]) -> Vec<Input> {
    for (name, content) in files {
        fs::write(dir.join(name), content).unwrap();
    }
    find::collect(&[dir.to_owned()]).unwrap()
}

#[test]
fn a_command_that_is_not_encode_finds_works_writes_and_reports() {
    let dir = tempfile::tempdir().unwrap();
    let inputs =
        modules(dir.path(), &[("a.ko", "four"), ("b.ko.xz", ""), ("c.ko", "no longer"), ("d.txt", "no module")]);
    let out = dir.path().join("out");
    let arguments = OutputArguments { detached: Some(out.clone()), ..OutputArguments::default() };
    let mut claims = PathClaims::default();
    inputs.iter().for_each(|input| claims.read(&input.path, Role::Input));
    let output = Output::new(&arguments, &inputs, &mut claims, "length", &[""]).unwrap();
    let done = measure(inputs, &output);
    assert_eq!(report::results(&done).copied().collect::<Vec<_>>(), [4, 9]);
    assert_eq!(fs::read_to_string(out.join("a.length")).unwrap(), "4");
    assert_eq!(fs::read_to_string(out.join("c.length")).unwrap(), "9");
    assert!(!out.join("b.length").exists());
    assert_eq!(report::exit(&done), Exit::Failed);
    let lines = failure_lines(&done);
    assert!(lines[0].ends_with("b.ko.xz") && lines[1] == "    cannot number an empty file", "{lines:?}");
    let json = serde_json::to_value(json_files(
        &done,
        |length| serde_json::json!({ "outcome": "measured", "length": length }),
    ));
    let json = json.unwrap();
    assert_eq!((&json[0]["outcome"], &json[0]["length"]), (&"measured".into(), &4.into()));
    assert_eq!((&json[1]["outcome"], &json[1]["causes"][0]), (&"failed".into(), &"cannot number an empty file".into()));
}

#[test]
fn output_refuses_what_would_lose_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = modules(dir.path(), &[("a.ko", "one"), ("a.ko.gz", "two")]);
    let new = |arguments: OutputArguments, inputs: &[Input]| {
        let mut claims = PathClaims::default();
        inputs.iter().for_each(|input| claims.read(&input.path, Role::Input));
        Output::new(&arguments, inputs, &mut claims, "ko", &[""])
    };
    let detached = || OutputArguments { detached: Some(dir.path().to_owned()), ..OutputArguments::default() };
    assert!(matches!(new(detached(), &inputs), Err(OutputError::SamePlace { .. })));
    assert!(matches!(new(detached(), &inputs[..1]), Err(OutputError::Overlap(_))));
    let out = OutputArguments { out: Some("x".into()), ..OutputArguments::default() };
    assert!(matches!(new(out, &inputs), Err(OutputError::ManyForOne { files: 2 })));
}
