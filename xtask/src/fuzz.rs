//! `cargo xtask fuzz`: the fuzz target of the BTF parser, on the stable toolchain.

use anyhow::{Context as _, Result};
use scenario::exit::Exit;
use xshell::{Shell, cmd};

/// Fuzzes the BTF parser, guided by coverage. Runs on the stable toolchain and needs a C++ compiler.
///
/// What it finds lies in crates/btf/fuzz/artifacts; what it learns, in crates/btf/fuzz/corpus.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How long, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Fuzzes. A crash is a difference.
///
/// # Errors
///
/// The target's folder cannot be prepared.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let sh = Shell::new()?;
    // The folder's own cargo configuration has the compiler's flags for coverage.
    sh.change_dir(crate::root().join("crates/btf/fuzz"));
    for folder in ["corpus", "artifacts"] {
        sh.create_dir(folder).with_context(|| format!("failed to make {folder}"))?;
    }
    let cargo = crate::cargo();
    let seconds = arguments.seconds.to_string();
    let fuzz = cmd!(
        sh,
        "{cargo} run --release --bin parse -- -max_total_time={seconds} -max_len=4096 -artifact_prefix=artifacts/ corpus ../tests/samples"
    );
    // The flags of the workspace's own build are not the target's.
    let fuzz = fuzz.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
    Ok(if fuzz.run().is_ok() { Exit::Recorded } else { Exit::Differs })
}
