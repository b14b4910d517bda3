//! The context of a run: paths and settings, and the traits through which a run gets kernels, starts machines, predicts
//! boots and reports progress.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use container::image::Image;
use kernels::kbuild::Encoder;
use vm::{AccelChooser, Launcher};

use super::{Predictor, ProgressSink, Sources};
use crate::baseline::TypeOrder;
use crate::kernel_source::KernelSource;

/// The encoder that replaces the build image's pahole for kernels that are built.
#[derive(Debug, Clone)]
pub struct Encoding {
    /// The program.
    pub encoder: Encoder,
    /// The order in which it writes types. It decides how much must be as recorded.
    pub order: TypeOrder,
}

/// The context of a run. A run gets kernels from `kernels`, starts machines with `launcher`, and compares each boot with
/// the prediction of `predictor`. Apart from these three, it accesses only files below `runs` and in the scenarios'
/// folders.
#[derive(Clone)]
pub struct RunContext<'a> {
    /// The time at which preparing the environment began.
    pub begun: Instant,
    /// Set it to stop the run.
    pub cancel: &'a AtomicBool,
    /// The source of kernels.
    pub kernels: &'a dyn KernelSource,
    /// Starts machines.
    pub launcher: &'a dyn Launcher,
    /// Chooses the accelerator of boots that are not recorded. Its limits apply to all boots.
    pub chooser: &'a AccelChooser,
    /// The engine that runs QEMU, for the report.
    pub engine: String,
    /// The image in which QEMU runs.
    pub image: &'a Image,
    /// The guest's PID 1.
    pub guest: &'a Path,
    /// The parent of the folders of runs.
    pub runs: &'a Path,
    /// The encoder that replaces the build image's pahole for kernels that are built, if any.
    pub encoding: Option<&'a Encoding>,
    /// The sources of kernels that are built.
    pub sources: &'a Sources,
    /// Predicts each boot.
    pub predictor: &'a dyn Predictor,
    /// Receives progress.
    pub progress: ProgressSink<'a>,
}

impl RunContext<'_> {
    /// Whether the run was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// The order of the types of built kernels.
    pub(super) fn order(&self) -> TypeOrder {
        self.encoding.map_or(TypeOrder::Paholes, |encoding| encoding.order)
    }
}
