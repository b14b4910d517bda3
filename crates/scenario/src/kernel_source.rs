//! Traits for the source of a run's kernels, so that whole runs can be tested without an archive, a container engine
//! or a kernel build.
//!
//! [`RunEnvironment`](crate::run::RunEnvironment) is the real source. Each method does one thing and decides nothing:
//! the run decides what is needed, in which order, and what a failure means.

use std::path::PathBuf;

use container::image::Image;
use kernels::Availability;
use kernels::Error;
use kernels::archive::{Debug, Kernel};
use kernels::kbuild::external::{External, ExternalRequest};
use kernels::kbuild::sandbox::{Command, Place, Ran, Setup};
use kernels::kbuild::{Build, Request};
use kernels::pins::Pin;
use kernels::source::{Source, SourcePin};
use kernels::tools::{Tool, ToolPin};

/// Supplies and builds kernels, their debug information and their sources.
///
/// Every method returns an error if it fails to fetch or build something. If the archive lacks it, that is not a
/// failure but `Unavailable`.
#[expect(clippy::missing_errors_doc, reason = "the errors of all methods are described once, above")]
pub trait KernelSource: Sync {
    /// Prebuilt kernels, in the order of `pins`. All are requested in one call, so that the archive's index is read
    /// once.
    fn packages(&self, pins: &[Pin]) -> Result<Vec<Availability<Kernel>>, Error>;

    /// The debug information of a prebuilt kernel.
    fn debug_info(&self, pin: &Pin) -> Result<Availability<Debug>, Error>;

    /// The source of a kernel.
    fn source(&self, pin: &SourcePin) -> Result<Availability<Source>, Error>;

    /// A tool for build scenarios.
    fn tool(&self, pin: &ToolPin) -> Result<Availability<Tool>, Error>;

    /// The image in which kernels are built.
    fn build_image(&self) -> Result<&Image, Error>;

    /// A kernel, built if necessary.
    fn build(&self, request: &Request<'_>) -> Result<Build, Error>;

    /// The output tree of a first build, built if necessary. The caller may copy but not change it.
    fn output_tree(&self, request: &Request<'_>) -> Result<PathBuf, Error>;

    /// External modules for a kernel, built if necessary.
    fn external_modules(&self, request: &ExternalRequest<'_>) -> Result<External, Error>;

    /// A private copy of an output tree in which commands run.
    fn sandbox(&self, setup: &Setup<'_>) -> Result<Box<dyn Sandbox + '_>, Error>;
}

/// A private source and output tree in which commands run. It is removed when dropped.
#[expect(clippy::missing_errors_doc, reason = "each fails with what the system or the container engine says")]
pub trait Sandbox {
    /// A directory of the sandbox, on the host.
    fn dir(&self, place: Place) -> PathBuf;

    /// The directory for results, on the host; `/out` in the container.
    fn out(&self) -> PathBuf;

    /// Sets a file's time stamps to now, as `touch` does.
    fn touch(&self, place: Place, path: &str) -> Result<(), Error>;

    /// Runs a command. A failing command is not an error: its status is part of the result.
    fn run(&self, command: &Command, on_line: &mut dyn FnMut(&str)) -> Result<Ran, Error>;
}
