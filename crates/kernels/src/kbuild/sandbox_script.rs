//! The script that runs commands in a build sandbox and unpacks packages, `ci/workbench.sh`.

use std::ffi::OsString;
use std::path::Path;

use container::engine::Mount;

use super::build_env::BuildEnv;
use crate::error::Error;

pub(super) const SCRIPT: &str = include_str!("../../../../ci/workbench.sh");

/// The directory of tools in the container.
pub(crate) const TOOLS: &str = "/tools";

/// Unpacks a Debian package in the cache into a directory in the cache.
pub(crate) fn unpack(build_env: &BuildEnv<'_>, package: &Path, into: &Path) -> Result<(), Error> {
    let mut argv: Vec<OsString> = ["bash", "-c", SCRIPT, "workbench.sh", "unpack"].map(OsString::from).into();
    argv.extend([package, into].map(OsString::from));
    let mounts = vec![Mount::writable(build_env.context.cache.root())];
    build_env.run_program(argv, mounts, Path::new("/"), Vec::new(), "unpack a package", &mut |_, _| {})
}
