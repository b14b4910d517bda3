//! An encoder that replaces the build image's pahole.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use util::Sha256;

/// The name of an encoder among the tools of a build. It makes the build's key differ from that of a build with the
/// image's pahole.
pub(super) const ENCODER: &str = "encoder";

/// The separator between an encoder's name and its hash.
pub(super) const SHA256: &str = " sha256 ";

/// Our own program that replaces pahole in a build.
const DROP_IN: &str = "modbtf-pahole";

/// The target for which our encoder is built: statically linked, so that it runs in any image.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A program that replaces pahole in builds: kbuild runs with `PAHOLE=<program>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoder {
    /// Its name: `modbtf-pahole`.
    pub name: String,
    /// The absolute path of the program on the host. It must run in the build image.
    pub program: PathBuf,
    /// Its hash, which is part of each build's key.
    pub sha256: Sha256,
}

impl fmt::Display for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SHA256}{}", self.name, self.sha256)
    }
}

impl Encoder {
    /// The encoder in this file.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`] for a file that cannot be read.
    pub fn program(path: &Path) -> Result<Self, Error> {
        let program = path.canonicalize().map_err(|source| Error::io("find", path, source))?;
        let sha256 = Sha256::of_file(&program).map_err(|source| Error::io("read", &program, source))?.0;
        let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, program, sha256 })
    }

    /// Builds our own encoder from the workspace at `root`, optimised and statically linked. If nothing has changed
    /// this takes a fraction of a second.
    ///
    /// `target` is a separate target directory, because the running command may hold cargo's lock on the usual one.
    ///
    /// # Errors
    /// [`container::Error::Start`] and [`container::Error::Failed`] if cargo cannot be run or fails;
    /// [`container::Error::Io`].
    pub fn ours(root: &Path, target: &Path) -> Result<Self, Error> {
        Self::program(&static_program(root, target, DROP_IN)?)
    }
}

/// Builds a program of the crate `modbtf` from the workspace at `root`, fully optimised and statically linked, so
/// that it runs in any image.
///
/// # Errors
///
/// Same as [`Encoder::ours`].
pub fn static_program(root: &Path, target: &Path, name: &str) -> Result<PathBuf, Error> {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&program)
        .current_dir(root)
        .args(["build", "--locked", "--quiet", "--release", "--package", "modbtf", "--bin", name, "--target", TARGET])
        .arg("--target-dir")
        .arg(target)
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static\u{1f}-Crelocation-model=static")
        .stdin(Stdio::null())
        .output();
    let cargo = program.to_string_lossy().into_owned();
    let output = output.map_err(|source| {
        Error::Container(container::Error::Io { doing: "run", path: cargo.clone().into(), source })
    })?;
    if !output.status.success() {
        let (doing, status) = (format!("build {name}"), output.status.to_string());
        let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Container(container::Error::Failed { doing, program: cargo, status, output }));
    }
    Ok(target.join(TARGET).join("release").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_is_told_by_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            Encoder::program(&path).unwrap()
        };
        let (one, other) = (at("pahole", "one"), at("pahole-2", "other"));
        assert_ne!(one.sha256, other.sha256);
        assert_eq!(one.to_string(), format!("pahole sha256 {}", Sha256::of(b"one")));
        assert!(one.program.is_absolute());
        assert!(matches!(
            Encoder::program(&dir.path().join("none")),
            Err(Error::Container(container::Error::Io { .. }))
        ));
    }
}
