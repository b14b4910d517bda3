//! Where a run's kernels come from, as traits: so that whole runs are tested without an archive, a container engine or a
//! kernel build.
//!
//! [`RunEnvironment`](crate::run::RunEnvironment) is the real source. Each method does one thing and decides nothing: what is
//! needed, in which order, and what a failure means is up to the run.

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

/// Where kernels, their debug information and their sources come from, and what builds them.
///
/// Every method fails with what keeps the thing from being acquired or built. That the archive does not have it is no failure
/// but `Unavailable`.
#[expect(clippy::missing_errors_doc, reason = "the errors of all methods are described once, above")]
pub trait KernelSource: Sync {
    /// Prebuilt kernels, in the order of `pins`. One call for all, so that the archive's index is read once.
    fn packages(&self, pins: &[Pin]) -> Result<Vec<Availability<Kernel>>, Error>;

    /// The debug information of a prebuilt kernel.
    fn debug_info(&self, pin: &Pin) -> Result<Availability<Debug>, Error>;

    /// The source of a kernel.
    fn source(&self, pin: &SourcePin) -> Result<Availability<Source>, Error>;

    /// A program for build scenarios.
    fn tool(&self, pin: &ToolPin) -> Result<Availability<Tool>, Error>;

    /// The image that kernels are built in.
    fn build_image(&self) -> Result<&Image, Error>;

    /// A kernel, built if need be.
    fn build(&self, request: &Request<'_>) -> Result<Build, Error>;

    /// The output tree of a first build, built if need be. It is to be copied, not changed.
    fn output_tree(&self, request: &Request<'_>) -> Result<PathBuf, Error>;

    /// External modules, built against a kernel if need be.
    fn external_modules(&self, request: &ExternalRequest<'_>) -> Result<External, Error>;

    /// A private copy of an output tree, to run commands on.
    fn sandbox(&self, setup: &Setup<'_>) -> Result<Box<dyn Sandbox + '_>, Error>;
}

/// A private source and output tree, on which commands are run. Removed when dropped.
#[expect(clippy::missing_errors_doc, reason = "each fails with what the system or the container engine says")]
pub trait Sandbox {
    /// The directory of a place, on the host.
    fn dir(&self, place: Place) -> PathBuf;

    /// The directory for results, on the host; `/out` inside.
    fn out(&self) -> PathBuf;

    /// Gives a file the present time, as `touch` does.
    fn touch(&self, place: Place, path: &str) -> Result<(), Error>;

    /// Runs a command. One that fails is no error: its status is part of the result.
    fn run(&self, command: &Command, on_line: &mut dyn FnMut(&str)) -> Result<Ran, Error>;
}
