//! `cargo xtask transcript`: prints recorded transcripts as text.

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cli::Exit;
use scenario::run;
use scenario::selection::{Selection, choose};
use scenario::transcript::read_text;

/// Print transcripts: a header and then one JSON document per line.
///
/// Git shows how transcripts differ after `git config diff.transcript.textconv "cargo xtask transcript"`.
///
/// Exit codes: 0 printed; 2 unknown scenario; 3 a transcript cannot be read.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A scenario, such as `debian-upgrade` or `upgrade-grow@6.12` (`upgrade-grow` is that of 6.1), or the path of a transcript
    /// or of the folder with it
    #[arg(value_name = "SCENARIO|PATH", required = true)]
    of: Vec<String>,
}

/// Prints transcripts in the given order.
///
/// # Errors
///
/// A scenario is unknown, or a transcript cannot be read or printed.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    for name in &arguments.of {
        for path in paths(name)? {
            let text = read_text(&path)?;
            match io::stdout().write_all(text.as_bytes()) {
                // The reader has closed the pipe.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Exit::Success),
                printed => printed.context("cannot print the transcript")?,
            }
        }
    }
    Ok(Exit::Success)
}

/// The files or folders for an argument. An argument with a slash, or that names a file, is a path.
fn paths(name: &str) -> Result<Vec<PathBuf>> {
    if name.contains('/') || Path::new(name).is_file() {
        return Ok(vec![name.into()]);
    }
    let all = snapshots::scenarios().map_err(run::Error::from)?;
    let chosen = choose(all, &[name.to_owned()], &Selection::Default).map_err(run::Error::from)?;
    Ok(chosen.into_iter().filter_map(|scenario| scenario.dir).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_a_path_or_a_scenario() {
        assert_eq!(paths("./x").unwrap(), [Path::new("./x")]);
        let dir = |path: &str| snapshots::root().join(path);
        assert_eq!(paths("debian-upgrade").unwrap(), [dir("debian-upgrade")]);
        assert_eq!(paths("upgrade-grow@6.12").unwrap(), [dir("upgrade-grow/6.12")]);
        assert_eq!(paths("upgrade-grow").unwrap(), [dir("upgrade-grow/6.1")]);
        assert!(read_text(&paths("pahole-gate@7.2").unwrap()[0]).unwrap().starts_with("{\"build_transcript\":1,"));
        assert_eq!(crate::exit_of(&paths("upgrade-gorw").unwrap_err()), Exit::Usage);
    }
}
