//! A build's output: progress, the reason for a failure, and errors that kbuild ignored.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, LineWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use container::process::says_disk_full;

/// The number of lines from the end of a log that an error shows.
const END: usize = 25;

/// The number of error lines that an error shows. The first ones matter: later ones are mostly consequences.
const ERRORS: usize = 12;

/// The number of findings that are kept. One is enough to refuse a build.
const FINDINGS: usize = 10;

/// A line on which kbuild should have failed, and its meaning.
struct Rule {
    /// Texts that all occur in the line.
    words: &'static [&'static str],
    meaning: &'static str,
}

/// kbuild continues after these. Sources: scripts/link-vmlinux.sh, scripts/Makefile.modfinal and scripts/gen-btf.sh,
/// kconfig.
const RULES: [Rule; 7] = [
    Rule { words: &["BTF: ", "pahole"], meaning: "vmlinux has no BTF" },
    Rule { words: &["Failed to generate BTF for vmlinux"], meaning: "vmlinux has no BTF" },
    Rule { words: &["Skipping BTF generation"], meaning: "a module has no BTF" },
    Rule { words: &["FAILED: "], meaning: "a tool that patches the BTF ids failed" },
    Rule { words: &["pahole: ", "rror"], meaning: "pahole complains, so types may be missing" },
    Rule { words: &["version generation failed"], meaning: "a symbol has no CRC" },
    Rule { words: &["Module.symvers is missing"], meaning: "symbols were not checked" },
];

/// The whole log as a file, and a summary for the end of the build.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: LineWriter<File>,
    /// A line said that the disk is full.
    full: bool,
    /// A line could not be written.
    broken: Option<io::Error>,
    steps: u64,
    end: VecDeque<String>,
    errors: Vec<String>,
    findings: Vec<String>,
}

impl Log {
    /// Creates a log, replacing an earlier one.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(|source| Error::io("create", path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file: LineWriter::new(file),
            full: false,
            broken: None,
            steps: 0,
            end: VecDeque::new(),
            errors: Vec::new(),
            findings: Vec::new(),
        })
    }

    /// Adds a line. Returns whether it was a step of kbuild.
    pub(super) fn line(&mut self, line: &str) -> bool {
        if self.broken.is_none() {
            self.broken = writeln!(self.file, "{line}").err();
        }
        if self.end.len() == END {
            self.end.pop_front();
        }
        self.end.push_back(line.to_owned());
        self.full |= says_disk_full(line);
        if is_error(line) && self.errors.len() < ERRORS {
            self.errors.push(line.to_owned());
        }
        if let Some(finding) = finding(line).filter(|_| self.findings.len() < FINDINGS) {
            self.findings.push(finding);
        }
        let step = is_step(line);
        self.steps += u64::from(step);
        step
    }

    /// The number of kbuild's steps so far.
    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }

    /// Ends the log of a build, and combines `result` with what the log says.
    ///
    /// # Errors
    ///
    /// [`container::Error::DiskFull`] if a build failed or is incomplete because the disk is full, or if its log
    /// could not be written for that reason; otherwise [`Error::BuildFailed`] in place of
    /// [`container::Error::Failed`], [`Error::BuildIncomplete`] for a build that should have failed but did not, and
    /// [`container::Error::Io`] if the log cannot be written.
    pub(super) fn finish(mut self, result: Result<(), Error>, what: &str) -> Result<u64, Error> {
        let written = self.broken.take().map_or_else(|| self.file.flush(), Err);
        let no_space = |error: &io::Error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        let bad = result.is_err() || !self.findings.is_empty();
        let full = bad && self.full || written.as_ref().is_err_and(no_space);
        match result {
            Err(Error::Container(container::Error::Failed { .. })) | Ok(()) if full => {
                let doing = "finish the build that is logged in";
                Err(Error::Container(container::Error::DiskFull { doing, path: self.path, needed: None, free: None }))
            }
            Err(Error::Container(container::Error::Failed { status, .. })) => {
                let shown = if self.errors.is_empty() { Vec::from(self.end) } else { self.errors };
                let output = shown.join("\n");
                Err(Error::BuildFailed { what: what.to_owned(), status, output, log: self.path })
            }
            Err(other) => Err(other),
            Ok(()) if !self.findings.is_empty() => {
                Err(Error::BuildIncomplete { what: what.to_owned(), findings: self.findings, log: self.path })
            }
            Ok(()) => written.map(|()| self.steps).map_err(|source| Error::io("write", &self.path, source)),
        }
    }
}

/// Recognises a step of kbuild, `  CC [M]  fs/overlayfs/super.o`: two blanks, a name in capitals, and the target.
fn is_step(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("  ") else { return false };
    let name = rest.split(' ').next().unwrap_or_default();
    name.len() > 1
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
        && rest.len() > name.len()
}

/// Recognises an error line of compilers, linkers, modpost and make.
fn is_error(line: &str) -> bool {
    let make = line.starts_with("make") && line.contains("***");
    make || ["error: ", "ERROR: ", "undefined reference", "No space left on device", "FAILED: "]
        .iter()
        .any(|text| line.contains(text))
}

fn finding(line: &str) -> Option<String> {
    let rule = RULES.iter().find(|rule| rule.words.iter().all(|word| line.contains(word)))?;
    let line: String = line.trim().chars().take(200).collect();
    Some(format!("{} ({line:?})", rule.meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
make: Entering directory '/usr/src/linux'
make[1]: Entering directory '/build'
  SYNC    include/config/auto.conf.cmd
  GEN     Makefile
  CC      kernel/fork.o
  CC [M]  fs/overlayfs/super.o
  BTFIDS  vmlinux
  BTF [M] fs/overlayfs/overlay.ko
WARN: resolve_btfids: unresolved symbol bpf_link
Kernel: arch/x86/boot/bzImage is ready  (#1)
  a line of somebody else's
  ";

    fn logged(text: &str, result: Result<(), Error>) -> (Result<u64, Error>, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = Log::create(&path).unwrap();
        for line in text.lines() {
            log.line(line);
        }
        let result = log.finish(result, "6.1 base");
        (result, std::fs::read_to_string(&path).unwrap())
    }

    fn failed() -> Result<(), Error> {
        let text = String::new;
        Err(Error::Container(container::Error::Failed {
            doing: text(),
            program: text(),
            status: "exit status: 2".into(),
            output: text(),
        }))
    }

    #[test]
    fn the_steps_of_a_good_build_are_counted_and_all_of_it_is_kept() {
        let (result, kept) = logged(GOOD, Ok(()));
        assert_eq!(result.unwrap(), 6);
        assert_eq!(kept.trim_end(), GOOD.trim_end());
    }

    #[test]
    fn each_line_that_kbuild_should_have_failed_on_refuses_the_build() {
        for line in [
            "BTF: .tmp_vmlinux.btf: pahole (pahole) is not available",
            "pahole: .tmp_vmlinux.btf: Error loading file",
            "Failed to generate BTF for vmlinux",
            "Skipping BTF generation for fs/exportfs/exportfs.ko due to unavailability of vmlinux",
            "FAILED: load BTF from vmlinux: Invalid argument",
            "WARNING: modpost: EXPORT symbol \"x\" [vmlinux] version generation failed, symbol will not be versioned.",
            "WARNING: Module.symvers is missing.",
        ] {
            let (result, _) = logged(&format!("{GOOD}\n{line}\n{GOOD}"), Ok(()));
            let Err(Error::BuildIncomplete { findings, .. }) = result else { panic!("{line}: {result:?}") };
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].contains(&line[..20].replace('"', "\\\"")), "{findings:?}");
        }
    }

    #[test]
    fn a_failed_build_shows_its_errors_first_or_else_its_end() {
        let text = format!("{GOOD}\nkernel/fork.c:1:1: error: expected x\n{}", "  CC      a.o\n".repeat(100));
        let (result, kept) = logged(&text, failed());
        let Err(Error::BuildFailed { output, log, .. }) = result else { panic!("{result:?}") };
        assert_eq!(output, "kernel/fork.c:1:1: error: expected x");
        assert!(log.ends_with("log") && kept.lines().count() > 100);

        let many: String = (0..1000).map(|number| format!("line {number}\n")).collect();
        let (result, _) = logged(&many, failed());
        let Err(Error::BuildFailed { output, .. }) = result else { panic!("{result:?}") };
        assert!(output.starts_with("line 975\n") && output.ends_with("line 999"), "{output}");
    }

    #[test]
    fn a_full_disk_is_told_before_what_it_leads_to() {
        let full = format!("as: a.o: No space left on device\n{}", "make: error: x\n".repeat(50));
        assert!(matches!(logged(&full, failed()).0, Err(Error::Container(container::Error::DiskFull { .. }))));
        let incomplete = format!("{full}Failed to generate BTF for vmlinux\n");
        assert!(matches!(logged(&incomplete, Ok(())).0, Err(Error::Container(container::Error::DiskFull { .. }))));
        assert!(logged(&full, Ok(())).0.is_ok(), "it went well all the same");
        let stopped = Err(Error::Container(container::Error::Cancelled { doing: "build".into() }));
        assert!(matches!(logged(&full, stopped).0, Err(Error::Container(container::Error::Cancelled { .. }))));

        for result in [failed(), Ok(())] {
            let mut log = Log::create(Path::new("/dev/full")).unwrap();
            log.line("FAILED: a tool");
            assert!(matches!(log.finish(result, "6.1"), Err(Error::Container(container::Error::DiskFull { .. }))));
        }
    }

    #[test]
    fn a_stopped_build_is_no_failed_one() {
        let (result, _) = logged(GOOD, Err(Error::Container(container::Error::Cancelled { doing: "build".into() })));
        assert!(matches!(result, Err(Error::Container(container::Error::Cancelled { .. }))));
    }
}
