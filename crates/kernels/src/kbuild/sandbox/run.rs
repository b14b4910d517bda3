//! Running a command in a sandbox, and its result.

use std::ffi::OsString;
use std::path::Path;

use super::BuildSandbox;
use crate::error::Error;
use crate::kbuild::build_env::{PINNED, REPRODUCIBLE, SOURCE, TREE};
use crate::kbuild::sandbox_script::SCRIPT;
use container::process::Stream;

/// The prefix of the script's own line.
const REPORT: &str = "workbench.sh: status ";

/// Arguments that make always gets: the source, the output tree and the architecture.
const MAKE: [&str; 4] = ["-C", SOURCE, "O=/build", "ARCH=x86_64"];

/// A command to run in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments: `["make", "M=fs/fuse", "modules"]`. `make` gets `-C /usr/src/linux O=/build
    /// ARCH=x86_64` before its other arguments. Other programs run in `/build`.
    pub argv: Vec<String>,
    /// Environment variables. They override the default ones.
    pub env: Vec<(String, String)>,
    /// Whether the time stamp, user and host in the kernel are fixed, as in every other build here. If a time stamp
    /// is given, kbuild makes a reproducible build. `LC_ALL`, `TZ` and `KBUILD_BUILD_VERSION` are always set.
    pub reproducible: bool,
}

impl Command {
    /// `make` with these arguments, reproducible.
    #[must_use]
    pub fn make(arguments: &[&str]) -> Self {
        let argv = ["make"].iter().chain(arguments).map(|&argument| argument.to_owned()).collect();
        Self { argv, env: Vec::new(), reproducible: true }
    }

    /// The complete command line.
    fn line(&self) -> Vec<&str> {
        let mut line: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        if line.first() == Some(&"make") {
            line.splice(1..1, MAKE);
        }
        line
    }

    fn environment(&self) -> Vec<(String, String)> {
        let own = |name: &str| self.env.iter().any(|(given, _)| given == name);
        let pinned = PINNED.iter().filter(|_| self.reproducible);
        let always = REPRODUCIBLE.iter().filter(|(name, _)| !PINNED.iter().any(|(pinned, _)| pinned == name));
        let ours = pinned.chain(always).filter(|(name, _)| !own(name));
        let ours = ours.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ours.chain(self.env.iter().cloned()).collect()
    }
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// Its exit status, or 128 plus the signal's number if a signal ended it.
    pub status: i32,
    /// Its lines on standard output and standard error, in the order in which they arrived.
    pub lines: Vec<String>,
    /// The time it took.
    pub times: Times,
}

impl Ran {
    /// Whether it exited with 0.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        self.status == 0
    }
}

/// The time that a command and its children took, in seconds, measured in the container: without the container's
/// start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Times {
    /// Wall-clock time.
    pub real: f64,
    /// Time in user mode, summed over all processors.
    pub user: f64,
    /// Time in the kernel, summed over all processors.
    pub system: f64,
}

impl BuildSandbox<'_> {
    /// Runs a command and passes its lines to `on_line` as they arrive. A failing command is not an error: see its
    /// status.
    ///
    /// # Errors
    ///
    /// [`container::Error::Cancelled`]; [`container::Error::DiskFull`] for a command that failed for that reason;
    /// [`container::Error::NeedsContainer`] on the host; [`container::Error::Start`], [`container::Error::Failed`]
    /// and [`Error::Unreadable`] if the engine could not run it.
    pub fn run(&self, command: &Command, on_line: &mut dyn FnMut(&str)) -> Result<Ran, Error> {
        let mut argv: Vec<OsString> = ["bash", "-c", SCRIPT, "workbench.sh", "run"].map(OsString::from).into();
        argv.extend(command.line().into_iter().map(OsString::from));
        let (mut lines, mut report) = (Vec::new(), String::new());
        let mut take = |stream, line: &str| match stream {
            Stream::Out => {
                on_line(line);
                lines.push(line.to_owned());
            }
            // The engine may print lines of its own before and after.
            Stream::Err if line.starts_with(REPORT) || !report.starts_with(REPORT) => line.clone_into(&mut report),
            Stream::Err => {}
        };
        let doing = format!("run {} in a build sandbox", command.argv.join(" "));
        let (mut mounts, mut env) = (self.mounts(), command.environment());
        self.build_env.with_encoder(&mut mounts, &mut env);
        self.build_env.run_program(argv, mounts, Path::new(TREE), env, &doing, &mut take)?;
        let (status, times) = parse_report(&report).ok_or_else(|| Error::Unreadable {
            doing: "run a command in a build sandbox",
            line: report.chars().take(200).collect(),
        })?;
        if status != 0 && lines.iter().any(|line| line.contains("No space left on device")) {
            let path = self.tree();
            return Err(Error::Container(container::Error::DiskFull {
                doing: "build in",
                path,
                needed: None,
                free: None,
            }));
        }
        Ok(Ran { status, lines, times })
    }
}

/// Parses the script's line.
fn parse_report(line: &str) -> Option<(i32, Times)> {
    let words: Vec<&str> = line.strip_prefix(REPORT)?.split_whitespace().collect();
    let [status, "real", real, "user", user, "system", system] = words.as_slice() else { return None };
    let seconds = |text: &str| text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let times = Times { real: seconds(real)?, user: seconds(user)?, system: seconds(system)? };
    Some((status.parse().ok()?, times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_read_and_nothing_else_is_taken_for_one() {
        let (status, times) = parse_report("workbench.sh: status 2 real 1.250 user 2.000 system 0.125").unwrap();
        assert_eq!((status, times), (2, Times { real: 1.25, user: 2.0, system: 0.125 }));
        for bad in [
            "",
            "make: *** [Makefile:1: all] Error 2",
            "workbench.sh: status 0 real 1.0 user 2.0",
            "workbench.sh: status 0 real NaN user 2.0 system 1.0",
            "workbench.sh: status x real 1.0 user 2.0 system 1.0",
        ] {
            assert_eq!(parse_report(bad), None, "{bad}");
        }
    }

    #[test]
    fn make_is_told_where_everything_is_and_others_are_not() {
        let make = Command::make(&["M=fs/fuse", "modules"]);
        assert_eq!(make.line(), ["make", "-C", "/usr/src/linux", "O=/build", "ARCH=x86_64", "M=fs/fuse", "modules"]);
        let other = Command { argv: vec!["pahole".into(), "--version".into()], env: Vec::new(), reproducible: true };
        assert_eq!(other.line(), ["pahole", "--version"]);
    }

    #[test]
    fn a_time_stamp_is_given_where_it_is_wanted_and_a_variable_once() {
        let value = |command: &Command, name: &str| -> Vec<String> {
            let all = command.environment().into_iter();
            all.filter(|(given, _)| given == name).map(|(_, value)| value).collect()
        };
        let mut command = Command::make(&[]);
        assert_eq!(value(&command, "KBUILD_BUILD_TIMESTAMP").len(), 1);
        command.reproducible = false;
        assert_eq!(value(&command, "KBUILD_BUILD_TIMESTAMP"), Vec::<String>::new());
        command.env = vec![("TZ".into(), "CET".into()), ("KBUILD_BUILD_TIMESTAMP".into(), "now".into())];
        assert_eq!(value(&command, "TZ"), ["CET"]);
        assert_eq!(value(&command, "KBUILD_BUILD_TIMESTAMP"), ["now"]);
        assert_eq!(value(&command, "LC_ALL"), ["C"]);
    }
}
