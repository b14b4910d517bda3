//! What a run needs to know of the world around it: data, and two traits.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use container::image::Image;
use kernels::kbuild::Encoder;
use vm::{AccelChooser, Launcher};

use super::{ProgressSink, Sources};
use crate::baseline::TypeOrder;
use crate::kernel_source::KernelSource;

/// What encodes the BTF of kernels that are built, in place of the build image's pahole.
#[derive(Debug, Clone)]
pub struct Encoding {
    /// The program.
    pub encoder: Encoder,
    /// In which order it writes types. It decides how much has to be as recorded.
    pub order: TypeOrder,
}

/// What a run needs to know. It reaches the outside through `kernels` and `launcher` only, besides the files in the folders
/// below `runs` and those of the baseline.
#[derive(Clone)]
pub struct RunContext<'a> {
    /// When preparing the environment began.
    pub begun: Instant,
    /// Set when the run has to stop.
    pub cancel: &'a AtomicBool,
    /// Where kernels come from.
    pub kernels: &'a dyn KernelSource,
    /// What starts machines.
    pub launcher: &'a dyn Launcher,
    /// Chooses the accelerator of boots that are not recorded; its limits hold for all boots.
    pub chooser: &'a AccelChooser,
    /// The engine that runs QEMU, for the report.
    pub engine: String,
    /// The image that QEMU runs in.
    pub image: &'a Image,
    /// The guest's PID 1.
    pub guest: &'a Path,
    /// Where the folders of runs are made.
    pub runs: &'a Path,
    /// What encodes the BTF of kernels that are built, in place of the build image's pahole, if anything does.
    pub encoding: Option<&'a Encoding>,
    /// What kernels are built from.
    pub sources: &'a Sources,
    /// Receives progress.
    pub progress: ProgressSink<'a>,
}

impl RunContext<'_> {
    /// Whether the run has to stop.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// In which order the types of built kernels lie.
    pub(super) fn order(&self) -> TypeOrder {
        self.encoding.map_or(TypeOrder::Paholes, |encoding| encoding.order)
    }
}
