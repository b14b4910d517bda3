//! Building the guest's PID 1.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "guest";

/// Why the guest's PID 1 could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GuestError {
    /// Cargo could not be run.
    #[error("cannot run {cargo:?} to build guest-init")]
    Run {
        /// The program.
        cargo: OsString,
        /// What went wrong.
        source: io::Error,
    },
    /// Cargo refused.
    #[error("cannot build guest-init: {status}\n{output}")]
    Build {
        /// How cargo ended.
        status: String,
        /// What it and the compiler wrote to standard error.
        output: String,
    },
    /// Cargo was content, and yet the program is not there.
    #[error("cannot find guest-init at {path} after it was built")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
}

/// Builds `guest-init` of the workspace at `root` as a static program and gives its path. Takes a fraction of a second
/// where nothing has changed.
///
/// `target` is a directory of its own for this build: cargo's lock on the usual one may be held by the command that runs this.
///
/// # Errors
///
/// [`GuestError`].
pub fn build_guest(root: &Path, target: &Path) -> Result<PathBuf, GuestError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .current_dir(root)
        .args(["build", "--locked", "--quiet", "--package", "guest-init", "--profile", PROFILE, "--target", TARGET])
        .arg("--target-dir")
        .arg(target)
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root))
        .stdin(Stdio::null())
        .output()
        .map_err(|source| GuestError::Run { cargo, source })?;
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(GuestError::Build { status: output.status.to_string(), output: messages });
    }
    let path = target.join(TARGET).join(PROFILE).join("guest-init");
    if path.is_file() { Ok(path) } else { Err(GuestError::Missing { path }) }
}

/// The compiler's flags, in cargo's encoding. The program's length shows in the kernel's log, so where the sources lie must
/// not get into it.
fn flags(root: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = OsString::from("-Ctarget-feature=+crt-static\u{1f}-Crelocation-model=static");
    for (from, to) in [(home.as_deref(), "/cargo"), (Some(root), "/modbtf")] {
        if let Some(from) = from {
            flags.push("\u{1f}--remap-path-prefix=");
            flags.push(from);
            flags.push("=");
            flags.push(to);
        }
    }
    flags
}
