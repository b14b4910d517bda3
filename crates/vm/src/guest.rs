//! Building the guest's PID 1.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "guest";

/// The reason why the guest's PID 1 could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GuestError {
    /// Cargo could not be run.
    #[error("cannot run {cargo:?} to build the guest's PID 1")]
    Run {
        /// The program.
        cargo: OsString,
        /// The cause.
        source: io::Error,
    },
    /// Cargo failed.
    #[error("cannot build the guest's PID 1: {status}\n{output}")]
    Build {
        /// Cargo's exit status.
        status: String,
        /// The standard error of cargo and the compiler.
        output: String,
    },
    /// Cargo succeeded, but the program does not exist.
    #[error("cannot find the guest's PID 1 at {path} after it was built")]
    Missing {
        /// The expected path.
        path: PathBuf,
    },
}

/// Builds a guest's PID 1, `guest-init` or `guest-cases`, of the workspace at `root` as a static program and returns its path.
/// If nothing has changed, this takes a fraction of a second.
///
/// `target` is a separate target directory, because the running command may hold cargo's lock on the usual one.
///
/// # Errors
///
/// [`GuestError`].
pub fn build_guest(root: &Path, target: &Path, program: &str) -> Result<PathBuf, GuestError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .current_dir(root)
        .args(["build", "--locked", "--quiet", "--package", program, "--profile", PROFILE, "--target", TARGET])
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
    let path = target.join(TARGET).join(PROFILE).join(program);
    if path.is_file() { Ok(path) } else { Err(GuestError::Missing { path }) }
}

/// The compiler's flags, in cargo's encoding. They keep the path of the sources out of the program, because the
/// program's length appears in the kernel's log.
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
