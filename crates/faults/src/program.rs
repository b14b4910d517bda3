//! Running this program again, and comparing its exit code and its report with the expected ones.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};
use cli::Exit;

/// This program with only these arguments.
pub fn program(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.args(arguments).stdin(Stdio::null());
    Ok(command)
}

/// Runs a command to its end. Returns the lines that contain these texts, if the exit code is as expected and each
/// text occurs.
pub fn demand(mut command: Command, code: Exit, said: &[&str]) -> Result<String> {
    let output = command.output().context("cannot run this program")?;
    let text = [output.stdout, output.stderr].concat();
    demand_said(output.status, &String::from_utf8_lossy(&text), code, said)
}

/// Returns the lines of a report that contain these texts, if the exit code is as expected and each text occurs.
pub fn demand_said(status: ExitStatus, text: &str, code: Exit, said: &[&str]) -> Result<String> {
    let lines = said.iter().map(|said| text.lines().find(|line| line.contains(said)).map(str::trim));
    let lines: Option<Vec<_>> = lines.collect();
    match lines.filter(|_| status.code() == Some(code.code().into())) {
        Some(lines) => Ok(format!("exit {}: {}", code.code(), lines.join(" "))),
        None => bail!("expected exit {} and the text {said:?}; got {status} with the output:\n{text}", code.code()),
    }
}

/// The names in a directory, sorted. Empty if the directory does not exist.
pub fn names(directory: &Path) -> Result<Vec<String>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let name = |name: &OsStr| name.to_string_lossy().into_owned();
    let mut names: Vec<String> =
        fs::read_dir(directory)?.map(|entry| Ok(name(&entry?.file_name()))).collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}
