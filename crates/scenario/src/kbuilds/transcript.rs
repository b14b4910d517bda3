//! What a build printed, changed and encoded, unchanged: the schema of the transcript of a build.
//!
//! The first line is a [`BuildHeader`], every further one a [`StepRecord`]. A transcript that is read back is complete and in
//! order. Counts, lengths and digests stand here as they were; what of them goes into a snapshot, [`super::snapshot()`] decides.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::transcript::{self, EncoderId, Error};

/// The version of the schema. A reader refuses another one.
pub const VERSION: u32 = 1;

/// What a transcript says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildHeader {
    /// [`VERSION`] of the writer.
    pub build_transcript: u32,
    /// The scenario's name, with its line: `rebuild-rules@6.1`.
    pub scenario: String,
    /// Where everything came from.
    pub provenance: BuildProvenance,
    /// How many steps follow.
    pub steps: usize,
}

/// Where the parts of a run came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildProvenance {
    /// The kernel line.
    #[serde(rename = "line")]
    pub series: String,
    /// The source's version.
    pub version: String,
    /// The hash of the source's package or tarball, or of the tree.
    pub sha256: String,
    /// The container image that kbuild ran in.
    pub image: String,
    /// Versions of the packages in it that decide what kbuild does.
    pub toolchain: BTreeMap<String, String>,
    /// What encoded BTF, if that is not the image's pahole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderId>,
}

/// One step, as it was done and seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// Its place among the steps of its line, from 0.
    pub step: usize,
    /// Its title.
    pub title: String,
    /// Files of the source that became what they were before the patch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<String>,
    /// Files that were put into the output tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought: Vec<String>,
    /// Files that were given the present time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touched: Vec<String>,
    /// The command, unless the step encodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<CommandOutcome>,
    /// What it changed, where that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<FileChanges>,
    /// The modules that were looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleFinding>,
    /// The symbols that were looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<SymbolFinding>,
    /// The encodings, the serial ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<EncodingRun>,
}

/// A command as it was given to the bench.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCommand {
    /// The program and its arguments, without what `make` is always told.
    pub argv: Vec<String>,
    /// Variables of its environment, besides those that every command has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Whether it had a pinned `KBUILD_BUILD_TIMESTAMP`.
    pub reproducible: bool,
}

/// A command and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandOutcome {
    /// The command.
    pub command: RecordedCommand,
    /// Its exit status.
    pub status: i32,
    /// What it wrote, both streams in the order in which that came; what controls a terminal is escaped, all but tabs.
    pub lines: Vec<String>,
}

impl CommandOutcome {
    /// What came of a command that wrote these lines.
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

/// Which files a command wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileChanges {
    /// How many files were watched: those that were there before or after it.
    pub watched: usize,
    /// Those that it wrote, sorted by path.
    pub files: Vec<FileChange>,
}

/// A file that a command wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileChange {
    /// Its path in the output tree.
    pub path: String,
    /// What became of it.
    pub how: ChangeKind,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It was not there before.
    New,
    /// It is no longer there.
    Gone,
    /// It was written, and holds the same bytes.
    Same,
    /// It holds other bytes. Of a module: and the same `.BTF`.
    OtherBytes,
    /// It is a module, and its `.BTF` is another, or is there and was not, or the other way around.
    OtherBtf,
}

/// What was found of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleFinding {
    /// Its path inside.
    pub path: String,
    /// What was found there.
    pub found: FoundModule,
}

/// What was found at a module's path.
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
    /// What it was parsed over.
    pub over: BtfBase,
    /// The length of `.BTF` in bytes.
    pub size: usize,
    /// Its SHA-256.
    pub sha256: String,
    /// How many types it holds.
    pub types: u32,
    /// How many references and names in them lead nowhere.
    pub dangling: usize,
}

/// What a module's BTF is split from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BtfBase {
    /// The BTF of the tree's vmlinux.
    Vmlinux,
    /// The module's own `.BTF.base`.
    Distilled {
        /// How many types that holds.
        types: u32,
    },
}

/// A symbol of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SymbolFinding {
    /// Its name, with its `CONFIG_`.
    pub symbol: String,
    /// What it is.
    pub setting: SymbolValue,
}

/// What a symbol of the configuration is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SymbolValue {
    /// It has this value.
    Is(String),
    /// It could be set and is not.
    Off,
    /// It is not mentioned: what it depends on is not there, or this line has no such symbol.
    Absent,
}

/// One encoding of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodingRun {
    /// In which order the tool goes through the compilation units.
    pub order: EncodingOrder,
    /// The tool's run.
    pub ran: CommandOutcome,
    /// What came out.
    pub made: EncodingResult,
}

/// What an encoder made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncodingResult {
    /// BTF.
    Btf(EncodedBtf),
    /// Nothing that could be read and parsed, and why.
    Unusable(String),
}

/// In which order a tool goes through compilation units.
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
    /// How many types it holds.
    pub types: u32,
    /// How it compares with the first encoding.
    pub against: EncodingDifference,
}

/// How an encoding compares by meaning with the first one, whatever the order of its types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodingDifference {
    /// Named types of data, in everything that they reach, that only the first one has.
    pub data_lost: usize,
    /// Those that only this one has.
    pub data_gained: usize,
    /// Names of functions that only the first one has.
    pub functions_lost: usize,
    /// Those that only this one has.
    pub functions_gained: usize,
    /// Functions of a name that both have, with a prototype that the other one does not give that name.
    pub other_prototypes: usize,
}

/// A complete run of a build scenario on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// What the run was.
    pub header: BuildHeader,
    /// The steps, in order.
    pub steps: Vec<StepRecord>,
}

impl Transcript {
    /// Joins a header and the steps of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Version`], or [`Error::Sequence`] if the steps are not those that the header announces, in order, or a line is
    /// more than one.
    pub fn new(header: BuildHeader, steps: Vec<StepRecord>) -> Result<Self, Error> {
        if header.build_transcript != VERSION {
            return Err(Error::Version { found: header.build_transcript, known: VERSION });
        }
        if header.steps != steps.len() {
            let what = format!("{} steps are announced and {} are there", header.steps, steps.len());
            return Err(Error::Sequence { what });
        }
        if let Some((at, recorded)) = steps.iter().enumerate().find(|(at, recorded)| *at != recorded.step) {
            return Err(Error::Sequence { what: format!("in the place of step {at} is step {}", recorded.step) });
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

    /// Reads a transcript from its text.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] for a line that is not JSON of the schema, and those of [`Transcript::new`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (header, steps) = transcript::parse(text)?;
        Self::new(header, steps)
    }

    /// Reads the transcript at a path: a folder of records, or its file, compressed or not.
    ///
    /// # Errors
    ///
    /// As [`Transcript::parse`], and [`Error::Read`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&transcript::read_text(path)?)
    }

    /// The transcript's text: a header and its steps, one JSON document a line.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] if a part cannot be written as JSON, which none of today's can be.
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
