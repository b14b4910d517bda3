//! Scenarios that run kbuild and record its output, the files it changes, and the BTF it makes. No machine boots.
//!
//! A [`BuildDefinition`](crate::definition::BuildDefinition) is a list of steps on a private copy of an output tree
//! ([`kernels::kbuild::sandbox`]). [`run()`] executes them and returns a raw [`Transcript`]. `snapshot` is a pure
//! function of the two. So a build's log is recorded, replayed and compared like a kernel's log.
//!
//! Paths are those in the container, which are the same on every host: the source at `/usr/src/linux`, the output
//! tree at `/build`, our own modules at `/usr/src/external`, tools at `/tools`.

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
