//! `cargo xtask test`: the whole suite, with nextest.

use anyhow::{Context as _, Result};
use scenario::exit::Exit;
use xshell::{Shell, cmd};

/// Runs the whole suite with nextest, which is brought where it is missing, and the documentation's examples.
///
/// The tests need no virtual machine, no network and no root.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// nextest's profile: `default`, or `ci`, which also writes JUnit XML
    #[arg(long, default_value = "default")]
    profile: String,
    /// Further arguments for nextest, such as a filter
    #[arg(last = true)]
    further: Vec<String>,
}

/// Runs the suite. A failed test is a difference.
///
/// # Errors
///
/// nextest is missing and cannot be brought.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let sh = Shell::new()?;
    sh.change_dir(crate::root());
    let cargo = crate::cargo();
    bring_nextest(&sh, &cargo)?;

    let Arguments { profile, further } = arguments;
    let tests = cmd!(sh, "{cargo} nextest run --workspace --profile {profile} {further...}").env("INSTA_UPDATE", "no");
    let examples = cmd!(sh, "{cargo} test --workspace --doc --quiet");
    let mut passed = tests.run().is_ok();
    if further.is_empty() {
        passed &= examples.run().is_ok();
    }
    Ok(if passed { Exit::Recorded } else { Exit::Differs })
}

fn bring_nextest(sh: &Shell, cargo: &str) -> Result<()> {
    if cmd!(sh, "{cargo} nextest --version").quiet().ignore_stdout().ignore_stderr().run().is_ok() {
        return Ok(());
    }
    crate::progress::say("cargo-nextest is missing: installing it (this takes a few minutes, once)");
    cmd!(sh, "{cargo} install --locked cargo-nextest")
        .run()
        .context("failed to install cargo-nextest; install it by hand: cargo install --locked cargo-nextest")
}
