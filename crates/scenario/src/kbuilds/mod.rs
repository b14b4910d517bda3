//! Scenarios that run kbuild and record what it prints, what it changes, and which BTF it makes. No machine boots.
//!
//! A [`BuildDefinition`](crate::definition::BuildDefinition) is a list of steps on a private copy of an output tree ([`kernels::kbuild::sandbox`]). [`run()`] does them
//! and gives back a [`Transcript`], raw; `snapshot` is a pure function of the two. So the log of a build is recorded,
//! replayed and compared as a kernel's log is.
//!
//! Paths are those inside the container, which are the same on every host: the source at `/usr/src/linux`, the output tree
//! at `/build`, modules of our own at `/usr/src/external`, tools at `/tools`.

mod encoding;
mod error;
mod files;
mod module;
mod run;
mod snapshot;
mod symbols;
mod transcript;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use run::{BuildEvent, BuildRun, find_tools, run};
pub use snapshot::{chance, odd, of_any_encoder, snapshot, summary};
pub use transcript::{
    BtfBase, BuildHeader, BuildProvenance, ChangeKind, CommandOutcome, EncodedBtf, EncodingDifference, EncodingOrder,
    EncodingResult, EncodingRun, FileChange, FileChanges, FoundModule, ModuleBtf, ModuleFinding, RecordedCommand,
    StepRecord, SymbolFinding, SymbolValue, Transcript, VERSION,
};
