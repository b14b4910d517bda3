//! `modbtf encode`.

mod batch;
mod input;
mod output;
mod progress;
mod report;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ::encode::{Features, Options, PreparedBase};
use anyhow::{Context as _, Result};
use clap::{ArgGroup, ValueEnum};

pub use input::{Overlap, UsageError};
pub(crate) use output::{sections, spare, write_files};

use batch::Batch;
use cli::Exit;
use cli::Format;
use cli::terminal::say;
use output::Output;
use progress::Display;
use report::Report;

/// The exit codes, for the help.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 every file was encoded; 1 a file could not be encoded, and the report \
    names it; 2 usage; 3 a base that is not usable, or a file that could not be read or written; 130 interrupted.";

/// Makes BTF from the DWARF of kernels and modules.
///
/// Modules share one base, which is read and prepared once: the BTF of the vmlinux that they were built with. A directory stands
/// for all modules in it. What cannot be encoded is named at the end, and the others go on.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
#[command(group(ArgGroup::new("output").required(true).args(["in_place", "detached", "out"])))]
#[command(group(ArgGroup::new("over").args(["base", "standalone"])))]
pub struct Arguments {
    /// Modules, directories of modules, or a vmlinux.
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,

    /// The base of modules: a vmlinux, a bzImage, or BTF as in /sys/kernel/btf/vmlinux.
    #[arg(long, short, value_name = "VMLINUX|BTF")]
    base: Option<PathBuf>,

    /// Gives modules BTF that needs no base. No kernel takes it from a module.
    #[arg(long)]
    standalone: bool,

    /// Puts .BTF into the files, each replaced whole. Compressed modules are compressed again in the same way.
    #[arg(long)]
    in_place: bool,

    /// Puts the BTF of each file into a file of its own below this directory, NAME.btf, and a base of its own into
    /// NAME.btf.base; one of before goes if there is none now. No file that is read is written over.
    #[arg(long, value_name = "DIR")]
    detached: Option<PathBuf>,

    /// Puts the BTF of the one file here, and a base of its own into FILE.base; one of before goes if there is none now.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Cuts off the signature of signed modules, which no longer holds. Without it they are refused.
    #[arg(long, conflicts_with_all = ["detached", "out"])]
    drop_signature: bool,

    /// How many files are encoded at a time; with a single file, how many threads read it. As many as there are processors if
    /// not given.
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// What is encoded, by the names of pahole's --btf_features; may be repeated. `default` are those that a kernel asks for,
    /// `+NAME` adds one to them.
    #[arg(long, value_name = "LIST", conflicts_with = "like")]
    features: Vec<String>,

    /// Encodes what pahole of that version does when a kernel of its time asks it to.
    #[arg(long, value_enum, default_value_t = Like::Pahole130)]
    like: Like,

    /// The report's form, human or json, and possibly a file for it; may be repeated.
    #[arg(long, value_name = "FORM[:FILE]", default_value = "human")]
    format: Vec<Format<Form>>,
}

/// The forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Human,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Like {
    /// As Linux 6.1 asks pahole 1.24.
    #[value(name = "pahole-1.24")]
    Pahole124,
    /// As Linux 6.12 and later ask pahole 1.30.
    #[value(name = "pahole-1.30")]
    Pahole130,
}

/// Encodes what the arguments name, and reports.
///
/// # Errors
///
/// [`UsageError`]; and where the base or a directory cannot be used, or a report cannot be written. What is wrong with single
/// files is in the report.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let options = arguments.options()?;
    let inputs = input::collect(&arguments.files)?;
    let output = Output::new(arguments, &inputs)?;
    let base = arguments.base.as_deref().map(prepare).transpose()?;
    cli::interrupt::watch()?;
    let start = Instant::now();
    let jobs = arguments.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let display = Display::new(inputs.len());
    let batch = Batch { base: base.as_ref(), standalone: arguments.standalone, options, jobs, output: &output };
    let results = batch.run(inputs, &|done| display.done(done))?;
    drop(display);
    let report = Report::new(results, base.as_ref().map(PreparedBase::len), start.elapsed());
    let printed: Vec<Result<()>> = arguments.format.iter().map(|format| print(&report, format)).collect();
    match printed.into_iter().collect() {
        Ok(()) => Ok(report.exit()),
        Err(error) => {
            say(&report.summary());
            Err(error)
        }
    }
}

fn print(report: &Report, format: &Format<Form>) -> Result<()> {
    format.write(match format.form {
        Form::Human => report.human(format.style().width),
        Form::Json => report.json()?,
    })?;
    Ok(())
}

/// Reads a base and prepares it.
pub(crate) fn prepare(path: &Path) -> Result<PreparedBase> {
    let btf = kmod::kernel_btf(path).context("failed to read the base")?;
    PreparedBase::new(&btf.bytes).with_context(|| format!("failed to use {} as a base", path.display()))
}

impl Arguments {
    fn options(&self) -> Result<Options> {
        if self.features.is_empty() {
            return Ok(match self.like {
                Like::Pahole124 => Options::pahole_1_24(),
                Like::Pahole130 => Options::kernel(),
            });
        }
        let mut features = Features::none();
        let unknown: Vec<_> = self.features.iter().flat_map(|list| features.add(list)).collect();
        if unknown.is_empty() {
            return Ok(Options { exclude_rust: true, ..features.options() });
        }
        let (unknown, known) = (unknown.join(", "), Features::NAMES.join(", "));
        Err(UsageError::Features { unknown, known }.into())
    }
}
