//! `cargo xtask kernel`: builds, lists and removes kernels from source.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use cli::Exit;
use cli::terminal::columns;
use container::Context;
use kernels::Availability;
use kernels::archive::AptArchive;
use kernels::kbuild::external::{self, External, ExternalRequest};
use kernels::kbuild::{self, Build, BuildEnv, Clean, Config, KernelConfigs, Request};
use kernels::source::{self, Source, SourcePins};

use crate::build_env::in_build_env;
use crate::environment::Environment;
use crate::progress::Display;
use cli::terminal::beside;

/// Build kernels from source, list them, remove them.
///
/// Exit codes: 0 done; 2 no such series, configuration or upgrade; 3 the environment, or a build that failed; 130
/// interrupted.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(Building),
    List(Listing),
    Clean(Cleaning),
}

/// Build a kernel, or its upgrade on top of it, and modules against it. Builds in the cache are reused.
#[derive(Debug, clap::Args)]
struct Building {
    /// The kernel series: 6.1, 6.12 or 7.2
    #[arg(required_unless_present = "source", conflicts_with = "source")]
    line: Option<String>,
    /// Build from this tree or tarball instead of Debian's source
    #[arg(long, value_name = "DIR|TARBALL")]
    source: Option<PathBuf>,
    /// The configuration: fragments of kernel-configs/fragments on top of the base, separated by commas; `base` for
    /// none
    #[arg(long, default_value = "strict", value_delimiter = ',', value_name = "NAME,…")]
    config: Vec<String>,
    /// The upgrade: a patch of kernel-configs/upgrades, or `none` for the same source once more
    #[arg(long, value_name = "NAME")]
    upgrade: Option<String>,
    /// Also build, with `make M=`, the modules of these directories of the source (`fs/fuse`) or of
    /// kernel-configs/external
    #[arg(long, value_name = "DIR")]
    external: Vec<String>,
    /// A symbol that must be off, whatever the fragments say
    #[arg(long, value_name = "CONFIG_X")]
    expect_off: Vec<String>,
    /// Use this directory instead of kernel-configs: its fragments, upgrades and modules, and its sources.toml if it
    /// has one
    #[arg(long, value_name = "DIR")]
    kernel_configs: Option<PathBuf>,
    #[command(flatten)]
    environment: Environment,
}

/// List what was built: kernels, and modules that were built against them, including those of earlier sources,
/// recipes and encoders.
#[derive(Debug, clap::Args)]
struct Listing {
    /// Print all details as JSON
    #[arg(long)]
    json: bool,
}

/// Remove builds with their output trees and logs, and build sandboxes that killed runs left behind.
#[derive(Debug, clap::Args)]
struct Cleaning {
    /// The kernel series to remove; by default all
    lines: Vec<String>,
    /// Also remove the source trees; if no series is given, also the tools, the debug information of prebuilt
    /// kernels, and downloaded packages that were not unpacked
    #[arg(long)]
    sources: bool,
    #[command(flatten)]
    environment: Environment,
}

/// Builds, lists or removes kernels.
///
/// # Errors
///
/// A kernel cannot be built, or the cache cannot be read.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    match &arguments.command {
        Command::Build(arguments) => {
            check_names(arguments)?;
            in_build_env(&arguments.environment, |build_env| build(arguments, build_env))
        }
        Command::List(arguments) => list(arguments),
        Command::Clean(arguments) => clean(arguments),
    }
}

/// Refuses a series, configuration or upgrade that does not exist, before anything is set up. The series of a user's own
/// source is known only after it was read, so names for any series are accepted for it.
fn check_names(arguments: &Building) -> Result<()> {
    let series = arguments.line.as_deref();
    if let Some(series) = series {
        source_pins(arguments)?.series(series)?;
    }
    kernel_configs(arguments).check_names(&config(arguments), arguments.upgrade.as_deref(), series)?;
    Ok(())
}

fn kernel_configs(arguments: &Building) -> KernelConfigs {
    KernelConfigs::at(
        arguments.kernel_configs.clone().unwrap_or_else(|| crate::workspace::root().join("kernel-configs")),
    )
}

fn source_pins(arguments: &Building) -> Result<SourcePins, kernels::Error> {
    let own = arguments.kernel_configs.as_ref().map(|dir| dir.join("sources.toml")).filter(|path| path.exists());
    own.map_or_else(SourcePins::builtin, |path| SourcePins::load(&path))
}

fn config(arguments: &Building) -> Config {
    let fragments: Vec<&str> = arguments.config.iter().map(String::as_str).filter(|name| *name != "base").collect();
    let mut config = Config::new(&fragments);
    config.expected_off.extend(arguments.expect_off.iter().cloned());
    config
}

fn build(arguments: &Building, build_env: &BuildEnv<'_>) -> Result<Exit> {
    let Some(source) = source(arguments, build_env)? else { return Ok(Exit::Environment) };
    let configs = kernel_configs(arguments);
    let config = config(arguments);
    let upgrade = arguments.upgrade.as_deref();
    let request = Request { source: &source, configs: &configs, config: &config, upgrade };
    let cached = kbuild::find(build_env, &request)?.is_some();
    let built = kbuild::build(build_env, &request)?;
    print(&built.manifest.name, &built.directory, cached, &summary(&built));
    if !arguments.external.is_empty() {
        let request = ExternalRequest { request, sources: &arguments.external };
        let cached = external::find(build_env, &request)?.is_some();
        let modules = external::build(build_env, &request)?;
        print(&modules.manifest.name, &modules.directory, cached, &external_summary(&modules));
    }
    Ok(Exit::Success)
}

/// Prints the result on standard output. Its name is on a separate line.
fn print(name: &str, directory: &Path, cached: bool, summary: &str) {
    cli::terminal::print_line(name);
    cli::terminal::print_line(&format!("  in {}", directory.display()));
    let when = if cached { ", from the cache: built earlier" } else { "" };
    cli::terminal::print_line(&format!("  {summary}{when}"));
}

/// The source. If the archive lacks it, prints the reason and returns `None`.
fn source(arguments: &Building, build_env: &BuildEnv<'_>) -> Result<Option<Source>> {
    if let Some(path) = &arguments.source {
        return Ok(Some(source::own(build_env, path)?));
    }
    let line = arguments.line.as_deref().context("a kernel series is needed")?;
    let pins = source_pins(arguments)?;
    let archive = AptArchive::new(build_env.context, build_env.engine, &build_env.image.name);
    match source::acquire(build_env, &archive, pins.series(line)?)? {
        Availability::Available(source) => Ok(Some(source)),
        Availability::Unavailable(unavailable) => {
            cli::terminal::say(&format!("error: {unavailable}"));
            Ok(None)
        }
    }
}

fn summary(build: &Build) -> String {
    let manifest = &build.manifest;
    let modules = manifest.files.keys().filter(|name| name.ends_with(".ko")).count();
    let seconds = manifest.milliseconds / 1000;
    let encoder = manifest.encoder().map(|(name, sha256)| format!(", BTF by {name} {sha256:.8}")).unwrap_or_default();
    format!("{}{encoder}, {modules} modules, {} steps in {seconds} s", manifest.release, manifest.steps)
}

fn external_summary(external: &External) -> String {
    let manifest = &external.manifest;
    let seconds = manifest.milliseconds / 1000;
    format!("{} for {}, {} steps in {seconds} s", manifest.sources.join(" "), manifest.kernel, manifest.steps)
}

fn list(arguments: &Listing) -> Result<Exit> {
    let cache = kernels::cache::from_env()?;
    let (builds, externals) = (kbuild::list(&cache)?, external::list(&cache)?);
    if arguments.json {
        let kernels: Vec<_> = builds.iter().map(|build| &build.manifest).collect();
        let externals: Vec<_> = externals.iter().map(|external| &external.manifest).collect();
        let all = serde_json::json!({ "kernels": kernels, "externals": externals });
        cli::terminal::print_line(&serde_json::to_string_pretty(&all).context("cannot write JSON")?);
        return Ok(Exit::Success);
    }
    let kernels = builds.iter().map(|build| (&build.manifest.name, &build.directory, summary(build)));
    let externals =
        externals.iter().map(|external| (&external.manifest.name, &external.directory, external_summary(external)));
    let rows: Vec<_> = kernels.chain(externals).collect();
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    for (name, directory, summary) in &rows {
        let column = format!("{name:width$}  {:>4} MB  ", container::kept::disk_usage(directory) / 1_000_000);
        cli::terminal::print_line(&beside(&column, summary, columns()));
    }
    if rows.is_empty() {
        cli::terminal::print_line("nothing was built yet: cargo xtask kernel build 6.1");
    }
    if repeats(rows.iter().map(|(name, ..)| name.as_str())) {
        cli::terminal::print_line("");
        let why = "Entries whose names differ only in the last part were built from another source, or with another recipe or \
                   encoder. The older ones are no longer used: `cargo xtask kernel clean` removes all builds.";
        cli::terminal::print_line(&beside("", why, columns()));
    }
    Ok(Exit::Success)
}

/// Whether several names differ only in the key at their end.
fn repeats<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let mut known = BTreeSet::new();
    names.filter_map(|name| name.rsplit_once('-')).any(|(stem, _)| !known.insert(stem))
}

fn clean(arguments: &Cleaning) -> Result<Exit> {
    let display = Display::default();
    let show = |progress| display.preparation(progress);
    let cancel = cli::interrupt::watch()?;
    let apt = arguments.environment.apt()?;
    let context: Context<'_> = arguments.environment.context(&apt, cancel, &show)?;
    let what = Clean { series: arguments.lines.clone(), sources: arguments.sources };
    let removed = kbuild::clean(&context, &what)?;
    removed.iter().for_each(|path| cli::terminal::print_line(&format!("removed {}", path.display())));
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use util::error::Class;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    /// Otherwise the container would be set up first, which takes minutes on a fresh machine.
    #[test]
    fn build_refuses_an_unknown_series_configuration_or_upgrade_before_anything_is_set_up() {
        for (line, text) in [
            (&["kernel", "build", "9.9"][..], "9.9"),
            (&["kernel", "build", "6.1", "--config", "strikt"], "strikt"),
            (&["kernel", "build", "6.1", "--upgrade", "grwo"], "grwo"),
            (&["kernel", "build", "--source", "/no/such/tree", "--config", "strikt"], "strikt"),
            (&["kernel", "build", "--source", "/no/such/tree", "--upgrade", "grwo"], "grwo"),
        ] {
            let error = run(&Line::try_parse_from(line).unwrap().arguments).unwrap_err();
            let error = error.downcast_ref::<kernels::Error>().unwrap();
            assert_eq!(error.class(), Class::Usage, "{error}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn repeats_finds_names_that_differ_in_their_key_alone() {
        assert!(repeats(["6.1-strict-01234567", "6.1-strict-grow-89abcdef", "6.1-strict-76543210"].into_iter()));
        assert!(!repeats(["6.1-strict-01234567", "6.1-strict-grow-89abcdef", "6.12-strict-01234567"].into_iter()));
    }
}
