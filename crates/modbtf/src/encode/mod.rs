//! `modbtf encode`.

mod one_file;
mod product;
mod report;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ::encode::{Features, Options, PreparedBase};
use anyhow::{Context as _, Result};
use clap::{ArgGroup, ValueEnum};
use cli::exit::ClassOf;
use cli::terminal::say;
use cli::{Exit, Format, interrupt};
use tracing::{info, info_span};
use util::error::{Class, Classified};
use util::suggest::Suggestion;

pub(crate) use product::{check_spared, sections, side_files};

use crate::files::batch;
use crate::files::claims::{PathClaims, Role};
use crate::files::find::{self, FindError};
use crate::files::output::{Output, OutputArguments, OutputError};
use one_file::Work;
use report::Report;

/// The exit codes, for the help.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 every file was encoded; 1 a file could not be encoded, and the report \
    names it; 2 usage; 3 a base that is not usable, or a file that could not be read or written; 130 interrupted.";

/// Encode BTF from the DWARF of kernels and modules.
///
/// Modules share one base, which is read and prepared once: the BTF of the vmlinux that they were built with. A directory stands
/// for all modules in it. A file that cannot be encoded does not stop the others; the report names it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
#[command(group(ArgGroup::new("over").args(["base", "standalone"])))]
pub struct Arguments {
    /// Modules, directories of modules, or a vmlinux.
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,

    /// The base of modules: a vmlinux, a bzImage, or BTF as in /sys/kernel/btf/vmlinux.
    #[arg(long, short, value_name = "VMLINUX|BTF")]
    base: Option<PathBuf>,

    /// Encode modules without a base. No kernel accepts such BTF from a module.
    #[arg(long)]
    standalone: bool,

    #[command(flatten)]
    output: OutputArguments,

    /// How many files to encode at a time; with a single file, how many threads read it. The default is the number of processors.
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// What to encode, by the names of pahole's --btf_features; can be given several times. `default` stands for what a kernel
    /// build asks for, `+NAME` adds one to it.
    #[arg(long, value_name = "LIST", conflicts_with = "like")]
    features: Vec<String>,

    /// Encode what this version of pahole encodes when a kernel of its time asks for it.
    #[arg(long, value_enum, default_value_t = Like::Pahole130)]
    like: Like,

    /// The report's form, human or json, and the file to write it to; can be given several times.
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

/// A feature has an unknown name.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode {given}: there is no such feature; {suggestion}")]
pub struct UnknownFeature {
    given: String,
    suggestion: Suggestion,
}

impl Classified for UnknownFeature {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// This command's errors that have an exit code of their own.
#[must_use]
pub fn classified() -> [ClassOf; 3] {
    [cli::exit::class_of::<FindError>, cli::exit::class_of::<OutputError>, cli::exit::class_of::<UnknownFeature>]
}

/// Encodes the given files and reports the results.
///
/// # Errors
///
/// The arguments are invalid, a base or a directory cannot be used, or a report cannot be written. Errors of single
/// files are in the report.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let _span = info_span!("encode").entered();
    let options = arguments.options()?;
    let inputs = info_span!("find files").in_scope(|| find::collect(&arguments.files))?;
    let output = arguments.claim(&inputs)?;
    let base = arguments.base.as_deref().map(prepare).transpose()?;
    interrupt::watch()?;
    let start = Instant::now();
    let jobs = arguments.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    info!(files = inputs.len(), jobs, "encoding");
    let threads = if inputs.len() == 1 { jobs } else { 1 };
    let work = Work { base: base.as_ref(), standalone: arguments.standalone, options, threads, output: &output };
    let results = batch::run(inputs, jobs, |input| work.one(input))?;
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
///
/// # Errors
///
/// The file cannot be read, or its BTF cannot be used.
pub(crate) fn prepare(path: &Path) -> Result<PreparedBase> {
    let _span = info_span!("prepare the base", path = %path.display()).entered();
    let btf = kmod::kernel_btf(path).context("cannot read the base")?;
    PreparedBase::new(&btf.bytes).with_context(|| format!("cannot use {} as a base", path.display()))
}

impl Arguments {
    /// The place for the results, or an error if writing there would destroy an input.
    fn claim(&self, inputs: &[find::Input]) -> Result<Output, OutputError> {
        let mut claims = PathClaims::default();
        self.base.iter().for_each(|base| claims.read(base, Role::Base));
        inputs.iter().for_each(|input| claims.read(&input.path, Role::Input));
        let output = Output::new(&self.output, inputs, &mut claims, "btf", &product::SUFFIXES)?;
        self.format.iter().filter_map(Format::file).try_for_each(|report| claims.write(report))?;
        Ok(output)
    }

    fn options(&self) -> Result<Options> {
        if self.features.is_empty() {
            return Ok(match self.like {
                Like::Pahole124 => Options::pahole_1_24(),
                Like::Pahole130 => Options::kernel(),
            });
        }
        let mut features = Features::none();
        let unknown: Vec<_> = self.features.iter().flat_map(|list| features.add(list)).collect();
        match unknown.into_iter().next() {
            None => Ok(Options { exclude_rust: true, ..features.options() }),
            Some(given) => {
                let suggestion = Suggestion::new(&given, ["default", "all"].iter().chain(Features::NAMES));
                Err(UnknownFeature { given: given.to_string(), suggestion }.into())
            }
        }
    }
}
