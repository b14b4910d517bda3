//! Pinned programs in the cache, for use beside those of the build image.
//!
//! A tool's packages are verified, unpacked beside the cache, described by a manifest that is written last, and
//! published by one rename, so a tool in the cache is always complete. It is started by a script that makes it use
//! its own libraries. Other programs are not affected.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub use crate::pins::{PackagePin, ToolPin, ToolPins};

use crate::archive::{Archive, Availability, fetch_package};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::kbuild::BuildEnv;
use crate::kbuild::sandbox_script::{self, TOOLS};
use crate::stage;
use container::{json_file, require_space};
use util::Sha256;

/// Written last: a directory without this file is not a complete tool.
const MANIFEST: &str = "manifest.json";

/// Upper bound for unpacked size divided by package size.
const UNPACKED_RATIO: u64 = 10;

/// A program in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name: `pahole-1.24`.
    pub name: String,
    /// The program's path in a build sandbox: `/tools/pahole-1.24/bin/pahole`.
    pub program: String,
    /// Its directory; read-only.
    pub directory: PathBuf,
}

impl Tool {
    /// The tool of a pin in its directory.
    fn describe(pin: &ToolPin, directory: PathBuf) -> Self {
        let program = format!("{TOOLS}/{}/bin/{}", pin.name, base_name(&pin.program));
        Self { name: pin.name.clone(), program, directory }
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A tool, if it is in the cache.
#[must_use]
pub fn find(build_env: &BuildEnv<'_>, pin: &ToolPin) -> Option<Tool> {
    let directory = directory(build_env, pin);
    let published: Option<ToolPin> = json_file::read(&directory.join(MANIFEST));
    (published.as_ref() == Some(pin)).then(|| Tool::describe(pin, directory))
}

/// Fetches a tool into the cache. If it is cached, nothing is fetched.
///
/// # Errors
///
/// Same as [`crate::archive::acquire`]; [`Error::NoTool`] for packages without the program. A package that the
/// archive lacks, or that cannot be looked up, is reported as [`crate::Unavailable`].
pub fn acquire(build_env: &BuildEnv<'_>, archive: &dyn Archive, pin: &ToolPin) -> Result<Availability<Tool>, Error> {
    if let Some(tool) = find(build_env, pin) {
        return Ok(Availability::Available(tool));
    }
    let context = build_env.context;
    let lock = context.cache.lock(&context.monitor())?;
    if let Some(tool) = find(build_env, pin) {
        return Ok(Availability::Available(tool));
    }
    let mut packages = Vec::new();
    for package in &pin.packages {
        match fetch_package(context, archive, &package.to_pin(), &lock)? {
            Availability::Available(file) => packages.push(file),
            Availability::Unavailable(why) => return Ok(Availability::Unavailable(why)),
        }
    }
    let bytes = pin.packages.iter().map(|package| package.size).fold(0, u64::saturating_add);
    require_space("unpack a tool into", context.cache.root(), bytes.saturating_mul(UNPACKED_RATIO))?;
    let temporary = context.cache.temporary(&lock)?;
    context.stage(stage::UNPACK, format!("unpacking {}", pin.name), || {
        packages.iter().try_for_each(|package| sandbox_script::unpack(build_env, package, temporary.path()))
    })?;
    write_script(pin, temporary.path())?;
    json_file::write(&temporary.path().join(MANIFEST), pin)?;
    let target = directory(build_env, pin);
    context.cache.publish(&context.monitor(), temporary.path(), &target, &lock)?;
    packages.iter().try_for_each(|file| fs::remove_file(file).map_err(|source| Error::io("remove", file, source)))?;
    Ok(Availability::Available(Tool::describe(pin, target)))
}

fn directory(build_env: &BuildEnv<'_>, pin: &ToolPin) -> PathBuf {
    // Serialisation fails only for a map whose keys are not strings, and there is none.
    let key = Sha256::of(&serde_json::to_vec(pin).unwrap_or_default());
    build_env.context.cache.tools().join(format!("{}-{}", pin.name, key.short(8)))
}

/// Writes the script that starts the program. Setting `LD_LIBRARY_PATH` for a whole build would affect the compiler.
fn write_script(pin: &ToolPin, root: &Path) -> Result<(), Error> {
    if !root.join(&pin.program).is_file() {
        return Err(Error::NoTool { tool: pin.name.clone(), program: pin.program.clone() });
    }
    let inside = format!("{TOOLS}/{}", pin.name);
    let (libraries, program) = (&pin.libraries, &pin.program);
    let text = format!("#!/bin/sh\nLD_LIBRARY_PATH={inside}/{libraries} exec {inside}/{program} \"$@\"\n");
    let script = root.join("bin").join(base_name(program));
    let failed = |source| Error::io("write", &script, source);
    fs::create_dir_all(root.join("bin")).map_err(failed)?;
    fs::write(&script, text).map_err(failed)?;
    fs::set_permissions(&script, Permissions::from_mode(0o755)).map_err(failed)
}

#[cfg(test)]
mod tests;
