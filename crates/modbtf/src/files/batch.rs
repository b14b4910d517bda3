//! The work on each file, several files at a time.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cli::interrupt;
use cli::progress::Bar;
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};
use tracing::{Span, info_span};

use super::find::Input;

/// The result for a file.
#[derive(Debug)]
pub(crate) struct Done<T, E> {
    pub(crate) path: PathBuf,
    /// `None` if the run was interrupted before the file was started.
    pub(crate) result: Option<Result<T, E>>,
}

/// Works on every file, `jobs` at a time and the largest first, so that no large one remains at the end. Returns the
/// results in the order of the files.
///
/// # Errors
///
/// Threads cannot be started.
pub(crate) fn run<T: Send, E: Send>(
    inputs: Vec<Input>,
    jobs: usize,
    work: impl Fn(&Input) -> Result<T, E> + Sync,
) -> Result<Vec<Done<T, E>>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().context("cannot start threads")?;
    let mut order: Vec<(usize, &Input)> = inputs.iter().enumerate().collect();
    order.sort_by_key(|(_, input)| Reverse(input.path.metadata().map_or(0, |metadata| metadata.len())));
    let (bar, span) = (Bar::files(inputs.len()), Span::current());
    let one = |(place, input): (usize, &Input)| {
        let result = (!interrupt::asked()).then(|| {
            let _span = info_span!(parent: &span, "file", path = %input.path.display()).entered();
            work(input)
        });
        if let Some(bar) = &bar {
            bar.advance();
            bar.message(name(&input.path));
        }
        (place, result)
    };
    // A queue, because rayon's own division into halves would start with one large and one small file.
    let mut results: Vec<_> = pool.install(|| order.into_iter().par_bridge().map(one).collect());
    results.sort_unstable_by_key(|&(place, _)| place);
    Ok(inputs.into_iter().zip(results).map(|(input, (_, result))| Done { path: input.path, result }).collect())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
