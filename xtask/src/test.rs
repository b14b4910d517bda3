//! `cargo xtask test`: runs the whole test suite with nextest.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use cli::Exit;
use xshell::{Shell, cmd};

use cli::terminal::say;

/// Run the examples in the documentation, then all tests with nextest, which is installed if it is missing. The last line says
/// how many tests passed.
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

/// Runs the suite. A failed test exits with 1.
///
/// # Errors
///
/// nextest is missing and cannot be installed, or cargo cannot be run.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let sh = Shell::new()?;
    sh.change_dir(crate::workspace::root());
    let cargo = crate::workspace::cargo();
    bring_nextest(&sh, &cargo)?;

    let Arguments { profile, further } = arguments;
    // The examples run first, because each crate prints a summary for them, and the summary of the tests should come
    // last.
    let failed = if further.is_empty() { examples(&cargo)? } else { None };
    let tests =
        cmd!(sh, "{cargo} nextest run --locked --workspace --profile {profile} {further...}").env("INSTA_UPDATE", "no");
    let passed = tests.run().is_ok();
    if let Some(said) = &failed {
        say(said);
        say("error: examples in the documentation failed");
    }
    Ok(if passed && failed.is_none() { Exit::Success } else { Exit::Failed })
}

/// Runs the documentation's examples and prints how many passed. If one fails, returns the output.
fn examples(cargo: &str) -> Result<Option<String>> {
    say("examples in the documentation");
    let mut command = Command::new(cargo);
    command
        .args(["test", "--locked", "--workspace", "--doc"])
        .current_dir(crate::workspace::root())
        .stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot run {cargo}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Ok(Some(said.into_owned()));
    }
    say(&format!("examples in the documentation: {} passed", passed_in(&said)));
    Ok(None)
}

/// The number of passed tests, according to the test harness of each crate.
fn passed_in(said: &str) -> usize {
    let counts = said.lines().filter_map(|line| line.strip_prefix("test result: ok. ")?.split_once(" passed"));
    counts.filter_map(|(count, _)| count.parse::<usize>().ok()).sum()
}

fn bring_nextest(sh: &Shell, cargo: &str) -> Result<()> {
    if cmd!(sh, "{cargo} nextest --version").quiet().ignore_stdout().ignore_stderr().run().is_ok() {
        return Ok(());
    }
    say("cargo-nextest is missing: installing it (this takes a few minutes, once)");
    cmd!(sh, "{cargo} install --locked cargo-nextest")
        .run()
        .context("cannot install cargo-nextest; install it by hand: cargo install --locked cargo-nextest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_in_adds_up_the_crates() {
        let said = "running 2 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\
                    test result: ok. 12 passed; 0 failed\ntest result: FAILED. 7 passed; 1 failed\n";
        assert_eq!(passed_in(said), 14);
    }
}
