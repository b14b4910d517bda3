//! Debian's archive, read by apt in a container with a private state directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::access::Archive;
use super::entry::{self, Entry};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::stage;
use container::Stage;
use container::engine::{Engine, Mount, RunSpec};
use container::process::{Stream, Watch, disk_full_in};
use container::{Context, Progress};
use container::{check_mountable, require_space};
use util::Sha256;

const SCRIPT: &str = include_str!("../../../../ci/archive.sh");

/// The path of the Debian archive's keys in the image.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The approximate size of the suites' indexes and apt's own caches, in bytes.
const STATE_SIZE: u64 = 100_000_000;

/// The longest time without progress in an index or a download.
const STALL: Duration = Duration::from_secs(120);

/// Debian's archive, read with an image's apt.
#[derive(Debug)]
pub struct AptArchive<'a> {
    context: &'a Context<'a>,
    engine: &'a Engine,
    image: &'a str,
}

impl<'a> AptArchive<'a> {
    /// The archive, read with the apt of this image (its name in the engine).
    #[must_use]
    pub const fn new(context: &'a Context<'a>, engine: &'a Engine, image: &'a str) -> Self {
        Self { context, engine, image }
    }

    /// Runs the script and returns its standard output.
    fn run(&self, task: Task<'_>, on_tick: &mut dyn FnMut(Duration) -> bool) -> Result<String, Error> {
        let mut argv = vec!["sh".into(), "-c".into(), SCRIPT.into(), "archive.sh".into()];
        argv.extend(task.arguments.into_iter().map(Into::into));
        let spec = RunSpec {
            image: self.image.to_owned(),
            argv,
            mounts: task.mounts,
            workdir: "/".into(),
            env: self.environment(),
            devices: Vec::new(),
            network: task.network,
        };
        let mut text = String::new();
        let invocation = self.engine.command(&spec)?;
        invocation
            .run(Watch {
                doing: task.doing.to_owned(),
                cancel: self.context.cancel,
                on_line: &mut |stream, line| match stream {
                    Stream::Out => {
                        text.push_str(line);
                        text.push('\n');
                        (task.on_line)(line);
                    }
                    Stream::Err => {
                        (self.context.progress)(Progress::Line { stage: task.stage, text: line.to_owned() });
                    }
                },
                on_tick,
                grace: Duration::ZERO,
            })
            .map_err(|error| disk_full_in(error, "write to", self.context.cache.root()))?;
        Ok(text)
    }

    fn environment(&self) -> Vec<(String, String)> {
        let proxies = self.context.apt.proxies().into_iter().map(|(name, value)| (name.to_owned(), value));
        proxies.chain([("LC_ALL".to_owned(), "C.UTF-8".to_owned())]).collect()
    }

    /// Writes the private apt state's configuration and sources.
    fn configure(&self, suites: &BTreeSet<String>) -> Result<PathBuf, Error> {
        let state = self.context.cache.apt();
        for directory in ["lists/partial", "cache/archives/partial"] {
            let path = state.join(directory);
            fs::create_dir_all(&path).map_err(|source| Error::io("create", &path, source))?;
        }
        let mut sources = String::new();
        for suite in suites {
            let mirror = self.context.apt.mirror_of(suite)?;
            // Debian sometimes serves an index of sid past its expiry date. Pins do not depend on a fresh index.
            let late = if suite == "sid" { " check-valid-until=no" } else { "" };
            sources.push_str(&format!("deb [signed-by={KEYRING}{late}] {mirror} {suite} main\n"));
        }
        write(&state.join("sources.list"), &sources)?;
        write(&state.join("apt.conf"), &configuration(&state, &self.context.apt.configuration()))?;
        Ok(state)
    }
}

/// One call of the script.
struct Task<'a> {
    stage: Stage,
    doing: &'a str,
    arguments: Vec<String>,
    mounts: Vec<Mount>,
    network: bool,
    on_line: &'a mut dyn FnMut(&str),
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::io("write", path, source))
}

/// An apt.conf that overrides the configuration of the image and of the host.
fn configuration(state: &Path, of_machine: &[String]) -> String {
    let state = state.display();
    let own = format!(
        r#"Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "{state}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{state}";
Dir::State::status "/dev/null";
Dir::Cache "{state}/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "{state}";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::GzipIndexes "true";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
"#
    );
    of_machine.iter().fold(own, |text, line| text + line + "\n")
}

impl Archive for AptArchive<'_> {
    fn index(&self, suites: &BTreeSet<String>) -> Result<Vec<Entry>, Error> {
        require_space("read the archive's index into", self.context.cache.root(), STATE_SIZE)?;
        let state = self.configure(suites)?;
        let mut stall = Stall::new(&state.join("lists"));
        let text = self.run(
            Task {
                stage: stage::INDEX,
                doing: "read the archive's index",
                arguments: vec!["index".into(), text(&state)?],
                mounts: vec![Mount::writable(&state)],
                network: true,
                on_line: &mut |_| {},
            },
            &mut |elapsed| stall.moves(elapsed).is_some(),
        )?;
        entry::parse(&text)
    }

    fn download(&self, entries: &[Entry], into: &Path) -> Result<(), Error> {
        let state = self.context.cache.apt();
        let total = entries.iter().map(|entry| entry.size).fold(0, u64::saturating_add);
        let report = |done| (self.context.progress)(Progress::Amount { stage: stage::DOWNLOAD, done, total });
        let mut stall = Stall::new(into);
        let mut arguments = vec!["download".into(), text(&state)?, text(into)?];
        arguments.extend(entries.iter().map(|entry| format!("{}={}", entry.package, entry.version)));
        let result = self.run(
            Task {
                stage: stage::DOWNLOAD,
                doing: "download kernel packages",
                arguments,
                mounts: vec![Mount::writable(&state), Mount::writable(into)],
                network: true,
                on_line: &mut |_| {},
            },
            &mut |elapsed| stall.moves(elapsed).map(|bytes| report(bytes.min(total))).is_some(),
        );
        result.map(|_| report(total)).map_err(|error| explain(error, entries, into))
    }

    fn unpack(&self, packages: &[(PathBuf, PathBuf)]) -> Result<(), Error> {
        let total = packages.len() as u64;
        let mut done = 0;
        let mut on_line = |_: &str| {
            done += 1;
            (self.context.progress)(Progress::Amount { stage: stage::UNPACK, done, total });
        };
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let mut arguments = vec!["unpack".into(), jobs.to_string()];
        for (package, directory) in packages {
            arguments.extend([text(package)?, text(directory)?]);
        }
        self.run(
            Task {
                stage: stage::UNPACK,
                doing: "unpack kernel packages",
                arguments,
                mounts: vec![Mount::writable(self.context.cache.root())],
                network: false,
                on_line: &mut on_line,
            },
            &mut |_| true,
        )?;
        Ok(())
    }
}

fn text(path: &Path) -> Result<String, Error> {
    check_mountable(path)?;
    Ok(path.to_string_lossy().into_owned())
}

/// Detects a transfer without progress.
struct Stall {
    directory: PathBuf,
    bytes: u64,
    since: Duration,
}

impl Stall {
    fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), bytes: 0, since: Duration::ZERO }
    }

    /// The bytes downloaded so far, or `None` if that number has not changed for too long.
    fn moves(&mut self, elapsed: Duration) -> Option<u64> {
        let bytes = size_of(&self.directory);
        if bytes != self.bytes {
            (self.bytes, self.since) = (bytes, elapsed);
        }
        (elapsed.saturating_sub(self.since) < STALL).then_some(bytes)
    }
}

/// The total size of the files in a directory and its `partial`, in bytes.
fn size_of(directory: &Path) -> u64 {
    [directory.to_owned(), directory.join("partial")]
        .iter()
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .fold(0, u64::saturating_add)
}

/// Turns apt's complaint into a typed error. apt verifies each download and reports a failure as a line that begins
/// with `E: Failed to fetch` and names the file, followed by the hashes. A partial download is still in the
/// directory.
fn explain(error: Error, entries: &[Entry], into: &Path) -> Error {
    let Error::Container(container::Error::Failed { doing, program, status, output }) = error else { return error };
    let wrong = output.split("E: Failed to fetch ").skip(1).find_map(|complaint| {
        // apt escapes `+` and `~`, which occur in kernel versions, as `%2b` and `%7e` in URIs.
        let line = complaint.lines().next().unwrap_or_default().replace("%2b", "+").replace("%7e", "~");
        let entry = entries.iter().find(|entry| line.contains(&entry.file_name()))?;
        let (file, wanted) = (entry.file_name(), entry.size);
        let received = complaint.split_once("received file:").and_then(|(_, hashes)| hash_in(hashes));
        let said = line.split_once("unexpected size (").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let there = || fs::metadata(into.join(&file)).ok().map(|metadata| metadata.len());
        match (received, said.or_else(there).filter(|got| *got < wanted)) {
            (_, Some(got)) => Some(Error::CutShort { file, wanted, got }),
            (Some(got), None) => {
                Some(Error::WrongHash { file, wanted: entry.sha256, got, source_of_hash: "computed by apt" })
            }
            (None, None) => None,
        }
    });
    wrong.unwrap_or(Error::Container(container::Error::Failed { doing, program, status, output }))
}

fn hash_in(text: &str) -> Option<Sha256> {
    text.lines().find_map(|line| line.split_once("SHA256:")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::fixture;
    use std::sync::atomic::Ordering;

    fn entry(number: u32) -> Entry {
        let hash = Sha256::of(b"good");
        let line = format!("s linux-image-6.1.{number}+deb13-cloud-amd64-unsigned 6.1.{number}-1~b1 1000 2 {hash}");
        entry::parse(&line).unwrap().remove(0)
    }

    /// The error for apt's complaint about the second of two packages.
    fn explained(complaint: &str, into: &Path) -> Error {
        let (first, second) = (entry(1).package, entry(2).file_name().replace('+', "%2b").replace('~', "%7e"));
        let output = format!(
            "Get:1 http://m.invalid/debian bookworm/main amd64 {first} amd64 6.1.1-1 [26.5 MB]\n\
             E: Failed to fetch http://m.invalid/pool/l/linux/{second}  {complaint}\n"
        );
        let (doing, program, status) = ("x".to_owned(), "podman".to_owned(), "exit status: 100".to_owned());
        explain(
            Error::Container(container::Error::Failed { doing, program, status, output }),
            &[entry(1), entry(2)],
            into,
        )
    }

    #[test]
    fn explain_turns_apt_s_complaint_into_a_typed_error() {
        let directory = tempfile::tempdir().unwrap();
        let into = directory.path();
        let cut = explained("File has unexpected size (400 != 1000). Mirror sync in progress? [IP: 1]", into);
        assert!(
            matches!(&cut, Error::CutShort { got: 400, wanted: 1000, file } if *file == entry(2).file_name()),
            "{cut}"
        );

        let bad = Sha256::of(b"bad");
        let good = Sha256::of(b"good");
        let hashes = format!(
            "Hash Sum mismatch\n   Hashes of expected file:\n    - SHA256:{good}\n   \
             Hashes of received file:\n    - SHA256:{bad}\n    - Filesize:1000 [weak]"
        );
        let wrong = explained(&hashes, into);
        assert!(
            matches!(&wrong, Error::WrongHash { got, file, .. } if *got == bad && *file == entry(2).file_name()),
            "{wrong}"
        );

        let closed = "Error reading from server. Remote end closed connection [IP: 1]";
        assert!(matches!(explained(closed, into), Error::Container(container::Error::Failed { .. })));
        fs::write(into.join(entry(2).file_name()), [0; 300]).unwrap();
        assert!(matches!(explained(closed, into), Error::CutShort { got: 300, .. }));
    }

    #[test]
    fn the_configuration_is_private_and_carries_what_the_machine_says() {
        let text = configuration(Path::new("/c/apt"), &["Acquire::Check-Date \"false\";".to_owned()]);
        for line in ["Dir::Etc::parts \"/dev/null\";", "Dir::State \"/c/apt\";", "Acquire::Check-Date \"false\";"] {
            assert!(text.lines().any(|other| other == line), "{line}");
        }
        assert!(!text.contains("Check-Valid-Until"));
    }

    #[test]
    fn the_index_is_read_through_the_engine_from_the_suites_that_are_needed() {
        let fixture = fixture();
        let line = format!("trixie linux-image-6.12.1-cloud-amd64-unsigned 6.12.1-1 5 6 {}", Sha256::of(b"x"));
        let program = fixture.program("podman", &format!("echo '{line}'; echo 'Get:1 something' >&2"));
        let engine = Engine::Podman { program, runtime: "runc".into(), version: String::new() };
        let context = fixture.context();
        let archive = AptArchive::new(&context, &engine, "localhost/i:1");
        let suites = ["trixie".to_owned(), "trixie-security".to_owned()].into();
        assert_eq!(archive.index(&suites).unwrap().len(), 1);
        let sources = fs::read_to_string(context.cache.apt().join("sources.list")).unwrap();
        assert_eq!(
            sources,
            format!(
                "deb [signed-by={KEYRING}] http://mirror.invalid/debian trixie main\n\
                 deb [signed-by={KEYRING}] http://mirror.invalid/debian-security trixie-security main\n"
            )
        );
    }

    #[test]
    fn configure_ignores_the_date_of_sid_alone() {
        let fixture = fixture();
        let program = fixture.program("podman", ":");
        let engine = Engine::Podman { program, runtime: "runc".into(), version: String::new() };
        let context = fixture.context();
        let archive = AptArchive::new(&context, &engine, "localhost/i:1");
        archive.configure(&["sid".to_owned(), "trixie".to_owned()].into()).unwrap();
        let sources = fs::read_to_string(context.cache.apt().join("sources.list")).unwrap();
        let late: Vec<_> = sources.lines().map(|line| line.contains("check-valid-until=no")).collect();
        assert_eq!(late, [true, false], "{sources}");
    }

    #[test]
    fn stopping_a_download_removes_its_container() {
        let fixture = fixture();
        let log = fixture.path().join("log");
        let script = format!(
            "case \"$*\" in *' run '*) : > {0}.started; exec sleep 1000;; *) echo \"$*\" >> {0};; esac",
            log.display()
        );
        let program = fixture.program("podman", &script);
        let engine = Engine::Podman { program, runtime: "runc".into(), version: String::new() };
        let context = fixture.context();
        let into = fixture.path().join("into");
        fs::create_dir(&into).unwrap();
        thread::scope(|scope| {
            let run = scope.spawn(|| AptArchive::new(&context, &engine, "i").download(&[entry(1)], &into));
            while !log.with_extension("started").exists() {
                thread::sleep(Duration::from_millis(5));
            }
            context.cancel.store(true, Ordering::Relaxed);
            assert!(matches!(run.join().unwrap(), Err(Error::Container(container::Error::Cancelled { .. }))));
        });
        let log = fs::read_to_string(&log).unwrap();
        assert!(log.contains("rm --force --time 0 --ignore modbtf-"), "{log}");
    }

    #[test]
    fn a_download_that_stands_still_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let mut stall = Stall::new(directory.path());
        fs::write(directory.path().join("a"), "abc").unwrap();
        assert_eq!(stall.moves(Duration::from_secs(100)), Some(3));
        assert_eq!(stall.moves(Duration::from_secs(219)), Some(3));
        assert_eq!(stall.moves(Duration::from_secs(220)), None);
    }
}
