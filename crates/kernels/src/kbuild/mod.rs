//! Building kernels and their upgrades from source.
//!
//! A *first build* is made from nothing: the fragments are merged onto `allnoconfig`, the result is checked, and kbuild builds
//! into an output tree beside the cache. An *upgrade* is made from a copy of that tree, with the source changed by one patch, so
//! that kbuild builds only what the change reaches: as a distribution's security fix is built from the same tree as the kernel
//! that is running.
//!
//! A build that was interrupted starts over. kbuild cannot tell an object that was half written, or a module that was linked and
//! has no BTF yet, from one that is done, so going on could publish either.
//!
//! Of the first builds only that of `strict` is made from nothing. Those of other configurations are made from a copy of its
//! output tree, which is configured anew: kbuild knows of each object which symbols it depends on and by which command it was
//! made (scripts/basic/fixdep.c, and what syncconfig touches below include/config), and makes again what differs.

mod build_env;
mod config;
mod encoder;
mod entry;
pub mod external;
mod kernel_configs;
mod key;
mod log;
mod lost_symbol;
mod make;
mod plan;
pub mod sandbox;
pub(crate) mod sandbox_script;
#[cfg(test)]
pub(crate) mod testing;

use std::path::PathBuf;

pub use build_env::BuildEnv;
pub use config::Symbols;
pub use encoder::{Encoder, static_program};
pub use entry::{Build, Clean, Manifest, clean, list};
pub use kernel_configs::{Config, KernelConfigs, NONE};
pub use key::Key;
pub use lost_symbol::LostSymbol;
pub use plan::Request;

use crate::error::Error;
use make::ensure_tree;
use plan::{Plan, has_tree, tree, upgraded};

/// The build of a request, if the cache has it.
///
/// # Errors
///
/// As [`build`], for what cannot be looked up.
pub fn find(build_env: &BuildEnv<'_>, request: &Request<'_>) -> Result<Option<Build>, Error> {
    let first = Plan::first(build_env, *request)?;
    let inputs = match request.upgrade {
        None => first.inputs,
        Some(upgrade) => upgraded(&first, upgrade)?.0,
    };
    Ok(entry::find(&build_env.context.cache, &inputs))
}

/// Builds a kernel, or its upgrade and before that what it is an upgrade of; what the cache has costs nothing.
///
/// # Errors
///
/// [`Error::UnknownName`] and [`Error::BadFragment`] for what `configs` does not have or is wrong in it; [`Error::ConfigLost`],
/// [`Error::PatchFailed`], [`Error::BuildFailed`], [`Error::BuildIncomplete`]; [`container::Error::NeedsContainer`] on the host;
/// [`container::Error::DiskFull`], [`container::Error::Io`], [`container::Error::Failed`], [`container::Error::Cancelled`]. Nothing is published then.
pub fn build(build_env: &BuildEnv<'_>, request: &Request<'_>) -> Result<Build, Error> {
    if let Some(build) = find(build_env, request)? {
        return Ok(build);
    }
    let first = Plan::first(build_env, *request)?;
    let lock = build_env.context.cache.lock(&build_env.context.monitor())?;
    // Another run may have built it meanwhile.
    if let Some(build) = find(build_env, request)? {
        return Ok(build);
    }
    match request.upgrade {
        None => make::first(build_env, &first, &lock),
        Some(upgrade) => {
            let (inputs, change) = upgraded(&first, upgrade)?;
            ensure_tree(build_env, &first, &lock)?;
            make::upgrade(build_env, &first, &inputs, &change, &lock)
        }
    }
}

/// The first build of a request with the output tree that [`output_tree`] gives; both are built again if either is missing.
///
/// # Errors
///
/// As [`build`].
pub fn build_with_tree(build_env: &BuildEnv<'_>, request: &Request<'_>) -> Result<(Build, PathBuf), Error> {
    let request = Request { upgrade: None, ..*request };
    let tree = ensure_first(build_env, &Plan::first(build_env, request)?)?;
    Ok((build(build_env, &request)?, tree))
}

/// The output tree of a first build, which is built where it is missing.
fn ensure_first(build_env: &BuildEnv<'_>, first: &Plan<'_>) -> Result<PathBuf, Error> {
    if !has_tree(build_env, first) {
        let lock = build_env.context.cache.lock(&build_env.context.monitor())?;
        ensure_tree(build_env, first, &lock)?;
    }
    Ok(tree(build_env, first))
}

/// The output tree that a first build leaves, on which its upgrades and external modules are built, if it is there. It is to be
/// copied, not changed.
///
/// # Errors
///
/// As [`find`].
pub fn output_tree(build_env: &BuildEnv<'_>, request: &Request<'_>) -> Result<Option<PathBuf>, Error> {
    let first = Plan::first(build_env, *request)?;
    Ok(Some(tree(build_env, &first)).filter(|tree| tree.is_dir()))
}

#[cfg(test)]
mod tests;
