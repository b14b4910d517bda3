//! `cargo xtask fuzz`: runs the fuzz targets on the stable toolchain.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use cli::Exit;
use xshell::{Cmd, Shell, cmd};

/// Fuzz the BTF parser, the encoder, the readers of archives and kernel images, or the reader of logs, guided by coverage. Runs on the
/// stable toolchain and needs a C++ compiler.
///
/// Findings are written to the folder `artifacts` of fuzz in crates/btf, crates/encode, crates/archives or crates/verdict, the corpus
/// beside it.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to feed with damaged input
    #[arg(long, value_enum, default_value_t = Target::Parse)]
    target: Target,
    /// How long, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Modules with debug information to add to the corpus of `elf` and `dwarf`: whole, cut, and section by section
    #[arg(long, value_name = "FILE", num_args = 1..)]
    seeds: Vec<PathBuf>,
    /// Build all targets and run none: a check that they still compile and that their lock files are current
    #[arg(long, conflicts_with_all = ["target", "seconds", "seeds"])]
    build_only: bool,
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
    /// Packages
    Package,
    /// Initramfs archives
    Initramfs,
    /// Kernel images
    Image,
    /// Logs to be explained
    Log,
}

/// The folders of the fuzz crates. Each is a separate workspace whose cargo configuration has the compiler flags for
/// coverage.
const FOLDERS: [&str; 4] = ["crates/btf/fuzz", "crates/encode/fuzz", "crates/archives/fuzz", "crates/verdict/fuzz"];

/// Runs a fuzz target. A crash, or a target that does not build, exits with 1.
///
/// # Errors
///
/// The target's folder cannot be prepared.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let sh = Shell::new()?;
    if arguments.build_only {
        return build(&sh);
    }
    let (folder, max) = match arguments.target {
        Target::Parse => (FOLDERS[0], "4096"),
        Target::Elf | Target::Dwarf => (FOLDERS[1], "1048576"),
        Target::Package | Target::Initramfs | Target::Image => (FOLDERS[2], "16384"),
        Target::Log => (FOLDERS[3], "8192"),
    };
    sh.change_dir(crate::workspace::root().join(folder));
    for folder in
        ["corpus", "corpus/elf", "corpus/dwarf", "corpus/package", "corpus/initramfs", "corpus/image", "artifacts"]
    {
        sh.create_dir(folder).with_context(|| format!("cannot make {folder}"))?;
    }
    let cargo = crate::workspace::cargo();
    let (target, corpus): (_, &[&str]) = match arguments.target {
        Target::Parse => ("parse", &["corpus", "../tests/samples"]),
        Target::Elf => ("elf", &["corpus/elf"]),
        Target::Dwarf => ("dwarf", &["corpus/dwarf"]),
        Target::Package => ("package", &["corpus/package", "../tests/samples"]),
        Target::Initramfs => ("initramfs", &["corpus/initramfs", "../tests/samples"]),
        Target::Image => ("image", &["corpus/image"]),
        Target::Log => ("log", &["corpus", "../tests/logs"]),
    };
    if matches!(arguments.target, Target::Elf | Target::Dwarf) {
        let seeds = arguments.seeds.iter().map(std::path::absolute).collect::<std::io::Result<Vec<_>>>()?;
        let [elf, dwarf] =
            ["elf", "dwarf"].map(|target| crate::workspace::root().join(folder).join("corpus").join(target));
        // Runs in the root, because the coverage flags apply only in the folders of the targets.
        let _root = sh.push_dir(crate::workspace::root());
        cmd!(sh, "{cargo} run --locked --package encode --example fuzz_seeds -- {elf} {dwarf} {seeds...}")
            .run()
            .context("cannot write the seeds")?;
    }
    let seconds = arguments.seconds.to_string();
    let bounds = ["-timeout=20", "-rss_limit_mb=2048", "-artifact_prefix=artifacts/"];
    let fuzz = cmd!(
        sh,
        "{cargo} run --locked --release --bin {target} -- -max_total_time={seconds} -max_len={max} {bounds...} {corpus...}"
    );
    Ok(if outside_workspace(fuzz).run().is_ok() { Exit::Success } else { Exit::Failed })
}

/// Builds all targets without optimisation, which does not affect whether they compile.
fn build(sh: &Shell) -> Result<Exit> {
    let cargo = crate::workspace::cargo();
    let mut exit = Exit::Success;
    for folder in FOLDERS {
        let _folder = sh.push_dir(crate::workspace::root().join(folder));
        if outside_workspace(cmd!(sh, "{cargo} build --locked --bins")).run().is_err() {
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

/// Removes the flags of the workspace's own build, which do not apply to the targets.
fn outside_workspace(command: Cmd<'_>) -> Cmd<'_> {
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR")
}
