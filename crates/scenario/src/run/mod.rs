//! From scenarios to a report: acquires or builds kernels, packs modules, boots machines, measures the observations,
//! and compares them with the records.

mod boot_run;
mod build_run;
mod context;
mod coverage;
mod encoded;
mod environment;
mod error;
mod execute;
mod kernel_builder;
mod kernel_files;
mod kernel_paths;
mod launcher;
mod measure;
mod module_file;
mod options;
mod predict;
mod progress;
mod schedule;
mod store;
mod symvers_check;
mod task;
mod unavailable;

pub use context::{Encoding, RunContext};
pub use environment::{EnvironmentOptions, RunEnvironment, known_kvm};
pub use error::Error;
pub use execute::run;
pub use kernel_files::KernelFiles;
pub use kernel_paths::KernelPaths;
pub use launcher::EngineLauncher;
pub use module_file::{ModuleFile, fingerprint};
pub use options::{Mode, RunOptions};
pub use predict::{Model, Predictor};
pub use progress::{Progress, ProgressSink};
pub use task::{Origin, Pair, Sources, Task};
