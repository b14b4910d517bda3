//! Many files, side by side.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use encode::{EncodeError, Encoder, Options, PreparedBase};
use kmod::ElfFile;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::input::Input;
use super::output::Output;

/// What is done with each file.
pub(super) struct Batch<'a> {
    pub(super) base: Option<&'a PreparedBase>,
    /// Whether modules are encoded without a base.
    pub(super) standalone: bool,
    pub(super) options: Options,
    pub(super) jobs: usize,
    pub(super) output: &'a Output,
}

/// What came of a file.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) path: PathBuf,
    /// Nothing if it was not begun before an interrupt.
    pub(super) result: Option<Result<Written, Failure>>,
}

/// What was written of a file.
#[derive(Debug)]
pub(super) struct Written {
    /// The length of `.BTF`, and of `.BTF.base`, in bytes.
    pub(super) bytes: usize,
    pub(super) report: encode::Report,
}

/// Why nothing was.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Its BTF could not be put where it was to go.
    #[error(transparent)]
    Write(kmod::Error),
    /// It is signed.
    #[error("failed to put BTF into a signed module; give --drop-signature, and sign it again")]
    Signed(#[source] kmod::Error),
    /// A module, and no base.
    #[error("failed to choose a base: this is a module; give --base, or --standalone for types that no kernel takes")]
    NoBase,
    /// A kernel, and a base.
    #[error(
        "failed to use the base: this is no module but a linked file, whose BTF has none; encode it without --base"
    )]
    NotAModule,
}

impl From<kmod::Error> for Failure {
    fn from(error: kmod::Error) -> Self {
        match &error {
            kmod::Error::Change { source, .. } if matches!(**source, kmod::Error::Signed) => Self::Signed(error),
            _ => Self::Write(error),
        }
    }
}

impl Failure {
    /// Whether the file is not to blame, but where it is read from or written to.
    pub(super) fn is_environment(&self) -> bool {
        let error = match self {
            Self::Encode(EncodeError::Elf(error)) | Self::Write(error) => error,
            _ => return false,
        };
        matches!(error, kmod::Error::Io { .. } | kmod::Error::Replace(_))
    }
}

impl Batch<'_> {
    /// Encodes the files, the largest first, so that none is left for the end; gives back what came of each, in their order.
    pub(super) fn run(&self, inputs: Vec<Input>, on_done: &(dyn Fn(&Done) + Sync)) -> Result<Vec<Done>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.jobs).build().context("failed to start threads")?;
        let threads = if inputs.len() == 1 { self.jobs } else { 1 };
        let mut order: Vec<(usize, &Input)> = inputs.iter().enumerate().collect();
        order.sort_by_key(|(_, input)| std::cmp::Reverse(input.path.metadata().map_or(0, |metadata| metadata.len())));
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || -> Vec<(usize, Done)> {
            let take = || order.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            let finish = |&(place, input): &(usize, &Input)| {
                let result = (!cli::interrupt::asked()).then(|| self.one(input, threads));
                let done = Done { path: input.path.clone(), result };
                on_done(&done);
                (place, done)
            };
            std::iter::from_fn(take).map(finish).collect()
        };
        let mut done: Vec<(usize, Done)> =
            pool.install(|| (0..self.jobs).into_par_iter().flat_map_iter(|_| work()).collect());
        done.sort_by_key(|&(place, _)| place);
        Ok(done.into_iter().map(|(_, done)| done).collect())
    }

    fn one(&self, input: &Input, threads: usize) -> Result<Written, Failure> {
        let elf = ElfFile::open(&input.path).map_err(EncodeError::Elf)?;
        let base = match (elf.is_relocatable(), self.base) {
            (true, None) if !self.standalone => return Err(Failure::NoBase),
            (false, Some(_)) => return Err(Failure::NotAModule),
            (_, base) => base,
        };
        let options = self.options.clone();
        let encoder = base.map_or_else(|| Encoder::new(options.clone()), |base| Encoder::over(base, options.clone()));
        let encoded = encoder.with_threads(threads).encode_elf(&elf)?;
        drop(elf);
        self.output.write(input, &encoded)?;
        let bytes = encoded.btf.len() + encoded.base.as_ref().map_or(0, Vec::len);
        Ok(Written { bytes, report: encoded.report })
    }
}
