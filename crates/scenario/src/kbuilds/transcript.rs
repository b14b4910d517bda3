//! The transcript of a build: its output, changed files and BTF, unchanged.
//!
//! The first line is a [`BuildHeader`], every further one a [`StepRecord`]. A parsed transcript is complete and in
//! order. Counts, lengths and digests are stored as observed; [`super::snapshot()`] selects those for the snapshot.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::transcript::{self, EncoderId, Error};

/// The version of the schema. A reader refuses another one.
pub const VERSION: u32 = 1;

/// The header of a build's transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildHeader {
    /// The writer's [`VERSION`].
    pub build_transcript: u32,
    /// The scenario's name, with its series: `rebuild-rules@6.1`.
    pub scenario: String,
    /// The origin of all parts.
    pub provenance: BuildProvenance,
    /// The number of steps that follow.
    pub steps: usize,
}

/// The origin of the parts of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildProvenance {
    /// The kernel series.
    #[serde(rename = "line")]
    pub series: String,
    /// The source's version.
    pub version: String,
    /// The hash of the source's package or tarball, or of the tree.
    pub sha256: String,
    /// The container image in which kbuild ran.
    pub image: String,
    /// Versions of the image's packages that affect kbuild.
    pub toolchain: BTreeMap<String, String>,
    /// The encoder, if it is not the image's pahole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderId>,
}

/// One step, as executed and observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// Its position among the steps of its series, from 0.
    pub step: usize,
    /// Its title.
    pub title: String,
    /// Files of the source that were restored to their content before the patch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<String>,
    /// Files that were copied into the output tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought: Vec<String>,
    /// Files whose time stamps were set to the time of the step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touched: Vec<String>,
    /// The command, unless the step encodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<CommandOutcome>,
    /// The files it changed, if they were watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<FileChanges>,
    /// The modules that were inspected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleFinding>,
    /// The symbols that were inspected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<SymbolFinding>,
    /// The encodings, the serial ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<EncodingRun>,
}

/// A command that ran in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCommand {
    /// The program and its arguments, without those that `make` always gets.
    pub argv: Vec<String>,
    /// Variables of its environment, besides those that every command has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Whether it had a pinned `KBUILD_BUILD_TIMESTAMP`.
    pub reproducible: bool,
}

/// A command and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandOutcome {
    /// The command.
    pub command: RecordedCommand,
    /// Its exit status.
    pub status: i32,
    /// Its output, both streams in the order of arrival. Terminal control characters except tabs are escaped.
    pub lines: Vec<String>,
}

impl CommandOutcome {
    /// The result of a command that wrote these lines.
    #[must_use]
    pub fn new(command: RecordedCommand, status: i32, lines: Vec<String>) -> Self {
        let lines = lines.into_iter().map(|line| if line.contains(controls) { escaped(&line) } else { line }).collect();
        Self { command, status, lines }
    }
}

fn controls(char: char) -> bool {
    char.is_control() && char != '\t'
}

fn escaped(line: &str) -> String {
    let escape = |char: char| if controls(char) { char.escape_default().to_string() } else { char.to_string() };
    line.chars().map(escape).collect()
}

/// The files that a command wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileChanges {
    /// The number of watched files that existed before or after it.
    pub watched: usize,
    /// The files that it wrote, sorted by path.
    pub files: Vec<FileChange>,
}

/// A file that a command wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileChange {
    /// Its path in the output tree.
    pub path: String,
    /// The kind of change.
    pub how: ChangeKind,
}

/// The kind of a file's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The file is new.
    New,
    /// The file was removed.
    Gone,
    /// It was written, with the same bytes.
    Same,
    /// Its bytes changed. If it is a module, its `.BTF` did not.
    OtherBytes,
    /// It is a module, and its `.BTF` changed, was added or was removed.
    OtherBtf,
}

/// The result of inspecting a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleFinding {
    /// Its path in the container.
    pub path: String,
    /// The result.
    pub found: FoundModule,
}

/// The content at a module's path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundModule {
    /// No file.
    Nothing,
    /// A module without `.BTF`.
    NoBtf,
    /// A module with `.BTF` that could be parsed over its base.
    Btf(ModuleBtf),
    /// Something that could not be read or parsed.
    Unusable(String),
}

/// A module's BTF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleBtf {
    /// The base over which it was parsed.
    pub over: BtfBase,
    /// The length of `.BTF` in bytes.
    pub size: usize,
    /// Its SHA-256.
    pub sha256: String,
    /// The number of types.
    pub types: u32,
    /// The number of dangling references and names in them.
    pub dangling: usize,
}

/// The base of a module's BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BtfBase {
    /// The BTF of the tree's vmlinux.
    Vmlinux,
    /// The module's own `.BTF.base`.
    Distilled {
        /// The number of its types.
        types: u32,
    },
}

/// A symbol of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SymbolFinding {
    /// Its name, with its `CONFIG_`.
    pub symbol: String,
    /// Its value.
    pub setting: SymbolValue,
}

/// The value of a configuration symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SymbolValue {
    /// The symbol has this value.
    Is(String),
    /// The symbol is known but not set.
    Off,
    /// The symbol is not mentioned: its dependencies are off, or this series does not have it.
    Absent,
}

/// One encoding of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodingRun {
    /// The order in which the tool processes the compilation units.
    pub order: EncodingOrder,
    /// The tool's run.
    pub ran: CommandOutcome,
    /// The result.
    pub made: EncodingResult,
}

/// The result of an encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncodingResult {
    /// BTF.
    Btf(EncodedBtf),
    /// No readable and valid BTF, and the reason.
    Unusable(String),
}

/// The order in which a tool processes compilation units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncodingOrder {
    /// One after the other.
    Serial,
    /// Several at a time, with `-j`.
    Parallel,
}

/// BTF that was encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodedBtf {
    /// Its length in bytes.
    pub size: usize,
    /// Its SHA-256.
    pub sha256: String,
    /// The number of types.
    pub types: u32,
    /// The comparison with the first encoding.
    pub against: EncodingDifference,
}

/// The comparison by meaning of an encoding with the first one, ignoring the order of types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodingDifference {
    /// Named data types, with everything that they reach, that only the first one has.
    pub data_lost: usize,
    /// Named data types that only this one has.
    pub data_gained: usize,
    /// Names of functions that only the first one has.
    pub functions_lost: usize,
    /// Names of functions that only this one has.
    pub functions_gained: usize,
    /// Functions whose name both have, with a prototype that the other one lacks for that name.
    pub other_prototypes: usize,
}

/// A complete run of a build scenario on one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The header.
    pub header: BuildHeader,
    /// The steps, in order.
    pub steps: Vec<StepRecord>,
}

impl Transcript {
    /// Joins a header and the steps of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Version`], or [`Error::Sequence`] if the steps are not those that the header announces, in order, or
    /// if a line contains a line break.
    pub fn new(header: BuildHeader, steps: Vec<StepRecord>) -> Result<Self, Error> {
        if header.build_transcript != VERSION {
            return Err(Error::Version { found: header.build_transcript, known: VERSION });
        }
        if header.steps != steps.len() {
            let what = format!("the header announces {} steps, but there are {}", header.steps, steps.len());
            return Err(Error::Sequence { what });
        }
        if let Some((at, recorded)) = steps.iter().enumerate().find(|(at, recorded)| *at != recorded.step) {
            return Err(Error::Sequence { what: format!("expected step {at}, found step {}", recorded.step) });
        }
        for recorded in &steps {
            let outcomes = recorded.ran.iter().chain(recorded.encodings.iter().map(|encoding| &encoding.ran));
            if let Some(line) = outcomes.flat_map(|outcome| &outcome.lines).find(|line| line.contains(controls)) {
                return Err(Error::Sequence {
                    what: format!("a line of step {} is not escaped: {line:?}", recorded.step),
                });
            }
        }
        Ok(Self { header, steps })
    }

    /// Parses the text of a transcript.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] for a line that is not JSON of the schema, and the errors of [`Transcript::new`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (header, steps) = transcript::parse(text)?;
        Self::new(header, steps)
    }

    /// Reads the transcript of a folder of records, or of a file, compressed or not.
    ///
    /// # Errors
    ///
    /// Same as [`Transcript::parse`], and [`Error::Read`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&transcript::read_text(path)?)
    }

    /// The transcript's text: a header and its steps, one JSON document a line.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] if a part cannot be written as JSON. No part of today's schema can cause this.
    pub fn to_text(&self) -> Result<String, Error> {
        transcript::to_text(&self.header, &self.steps)
    }

    /// Replaces the transcript in a folder of records.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        transcript::write(dir, &self.to_text()?)
    }
}
