//! The stages of getting a kernel.

use container::Stage;

/// Reading the archive's index.
pub const INDEX: Stage = Stage::new("archive index");
/// Downloading packages.
pub const DOWNLOAD: Stage = Stage::new("download");
/// Unpacking packages into the cache.
pub const UNPACK: Stage = Stage::new("unpack");
/// Making a source tree in the cache.
pub const SOURCE: Stage = Stage::new("kernel source");
/// Making and checking a kernel's configuration.
pub const CONFIGURE: Stage = Stage::new("configuration");
/// Building a kernel and its modules.
pub const BUILD: Stage = Stage::new("kernel build");
/// Copying the files that are booted and loaded out of a finished build.
pub const COLLECT: Stage = Stage::new("collect");
/// Measuring a kernel that was built or fetched.
pub const MEASURE: Stage = Stage::new("measure");
