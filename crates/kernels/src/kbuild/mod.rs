//! Building kernels and their upgrades from source.
//!
//! A *first build* merges the fragments onto `allnoconfig`, checks the final configuration, and runs kbuild in an
//! output tree beside the cache. An *upgrade* changes the source by one patch and runs kbuild on a copy of that
//! output tree, so kbuild rebuilds only what the patch affects. A distribution builds a security fix from the same
//! tree as the running kernel in the same way.
//!
//! An interrupted build starts over. kbuild cannot distinguish a half-written object, or a module that was linked but
//! has no BTF yet, from a finished one. Continuing could publish either.
//!
//! Only the configuration `strict` is built from scratch. A first build of another configuration uses a copy of that
//! output tree with a new `.config`. kbuild knows for each object the symbols it depends on and the command that made
//! it (scripts/basic/fixdep.c, and the files that syncconfig touches below include/config), and rebuilds those that
//! differ.

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

/// The build for a request, if it is in the cache.
///
/// # Errors
///
/// Same as [`build`], limited to what a lookup can raise.
pub fn find(build_env: &BuildEnv<'_>, request: &Request<'_>) -> Result<Option<Build>, Error> {
    let first = Plan::first(build_env, *request)?;
    let inputs = match request.upgrade {
        None => first.inputs,
        Some(upgrade) => upgraded(&first, upgrade)?.0,
    };
    Ok(entry::find(&build_env.context.cache, &inputs))
}

/// Builds a kernel; for an upgrade, its first build comes first. Builds that are in the cache are reused.
///
/// # Errors
///
/// [`Error::UnknownName`] and [`Error::BadFragment`] for names missing from `configs` and for invalid fragments;
/// [`Error::ConfigLost`], [`Error::PatchFailed`], [`Error::BuildFailed`], [`Error::BuildIncomplete`];
/// [`container::Error::NeedsContainer`] on the host; [`container::Error::DiskFull`], [`container::Error::Io`],
/// [`container::Error::Failed`], [`container::Error::Cancelled`]. After an error nothing is published.
pub fn build(build_env: &BuildEnv<'_>, request: &Request<'_>) -> Result<Build, Error> {
    if let Some(build) = find(build_env, request)? {
        return Ok(build);
    }
    let first = Plan::first(build_env, *request)?;
    let lock = build_env.context.cache.lock(&build_env.context.monitor())?;
    // Another run may have built it since the lookup.
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

/// The first build of a request and its output tree, see [`output_tree`]. If either is missing, both are built again.
///
/// # Errors
///
/// Same as [`build`].
pub fn build_with_tree(build_env: &BuildEnv<'_>, request: &Request<'_>) -> Result<(Build, PathBuf), Error> {
    let request = Request { upgrade: None, ..*request };
    let tree = ensure_first(build_env, &Plan::first(build_env, request)?)?;
    Ok((build(build_env, &request)?, tree))
}

/// The output tree of a first build. If it is missing it is built.
fn ensure_first(build_env: &BuildEnv<'_>, first: &Plan<'_>) -> Result<PathBuf, Error> {
    if !has_tree(build_env, first) {
        let lock = build_env.context.cache.lock(&build_env.context.monitor())?;
        ensure_tree(build_env, first, &lock)?;
    }
    Ok(tree(build_env, first))
}

/// The output tree of a first build, if it is in the cache. Upgrades and external modules are built on copies of it;
/// the tree itself must not be changed.
///
/// # Errors
///
/// Same as [`find`].
pub fn output_tree(build_env: &BuildEnv<'_>, request: &Request<'_>) -> Result<Option<PathBuf>, Error> {
    let first = Plan::first(build_env, *request)?;
    Ok(Some(tree(build_env, &first)).filter(|tree| tree.is_dir()))
}

#[cfg(test)]
mod tests;
