//! `cargo xtask fuzz`: the fuzz targets, on the stable toolchain.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use scenario::exit::Exit;
use xshell::{Shell, cmd};

/// Fuzzes the BTF parser or the encoder, guided by coverage. Runs on the stable toolchain and needs a C++ compiler.
///
/// What it finds lies in crates/btf/fuzz/artifacts or crates/encode/fuzz/artifacts; what it learns, in the corpus beside it.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What is fed with damaged input
    #[arg(long, value_enum, default_value_t = Target::Parse)]
    target: Target,
    /// How long, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Modules with debug information to begin with, whole, cut and section by section; for `elf` and `dwarf`
    #[arg(long, value_name = "FILE", num_args = 1..)]
    seeds: Vec<PathBuf>,
}

/// A fuzz target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// BTF
    Parse,
    /// Files to be encoded
    Elf,
    /// The debug information of files to be encoded
    Dwarf,
}

/// Fuzzes. A crash is a difference.
///
/// # Errors
///
/// The target's folder cannot be prepared.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let sh = Shell::new()?;
    let (folder, max) = match arguments.target {
        Target::Parse => ("crates/btf/fuzz", "4096"),
        Target::Elf | Target::Dwarf => ("crates/encode/fuzz", "1048576"),
    };
    // The folder's own cargo configuration has the compiler's flags for coverage.
    sh.change_dir(crate::root().join(folder));
    for folder in ["corpus", "corpus/elf", "corpus/dwarf", "artifacts"] {
        sh.create_dir(folder).with_context(|| format!("failed to make {folder}"))?;
    }
    let cargo = crate::cargo();
    let (target, corpus): (_, &[&str]) = match arguments.target {
        Target::Parse => ("parse", &["corpus", "../tests/samples"]),
        Target::Elf => ("elf", &["corpus/elf"]),
        Target::Dwarf => ("dwarf", &["corpus/dwarf"]),
    };
    if arguments.target != Target::Parse {
        let seeds = arguments.seeds.iter().map(std::path::absolute).collect::<std::io::Result<Vec<_>>>()?;
        let [elf, dwarf] = ["elf", "dwarf"].map(|target| crate::root().join(folder).join("corpus").join(target));
        // From the root, without the flags for coverage, which belong to the targets.
        let _root = sh.push_dir(crate::root());
        cmd!(sh, "{cargo} run --package encode --example fuzz_seeds -- {elf} {dwarf} {seeds...}")
            .run()
            .context("failed to write what to begin with")?;
    }
    let seconds = arguments.seconds.to_string();
    let bounds = ["-timeout=20", "-rss_limit_mb=2048", "-artifact_prefix=artifacts/"];
    let fuzz = cmd!(
        sh,
        "{cargo} run --release --bin {target} -- -max_total_time={seconds} -max_len={max} {bounds...} {corpus...}"
    );
    // The flags of the workspace's own build are not the target's.
    let fuzz = fuzz.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
    Ok(if fuzz.run().is_ok() { Exit::Recorded } else { Exit::Differs })
}
