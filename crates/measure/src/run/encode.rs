//! Encoding in a container with `ci/sizes.sh`, and parsing its output.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use container::Progress;
use container::engine::{Mount, RunSpec};
use kernels::kbuild::BuildEnv;
use kernels::stage;

use crate::{Encoded, Error};

/// The message of programs when the disk is full.
const FULL: &str = "No space left on device";

const SCRIPT: &str = include_str!("../../../../ci/sizes.sh");

/// The files to encode.
pub(super) struct Task<'a> {
    pub release: &'a str,
    /// The kernel with its debug information.
    pub vmlinux: &'a Path,
    /// The directory of the modules with their debug information.
    pub modules: &'a Path,
    /// The number of modules.
    pub count: usize,
    pub flags: &'a [String],
}

/// The results.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Results {
    /// The kernel's own BTF; `None` if the script did not report it.
    pub base: Option<Encoded>,
    /// BTF without a base and against the base, by the path below the directory of modules.
    pub modules: BTreeMap<String, (Encoded, Encoded)>,
}

/// Encodes everything, with one process per core.
///
/// # Errors
///
/// [`Error::Unreadable`], a full disk, and the errors of the engine.
pub(super) fn encode(build_env: &BuildEnv<'_>, task: &Task<'_>) -> Result<Results, Error> {
    let context = build_env.context;
    let mut argv: Vec<OsString> = ["sh", "-c", SCRIPT, "sizes.sh"].map(OsString::from).into();
    argv.push(super::cores().to_string().into());
    argv.extend([task.vmlinux.into(), task.modules.into()]);
    argv.extend(task.flags.iter().map(OsString::from));
    let directories = [task.vmlinux.parent().unwrap_or(task.vmlinux), task.modules];
    let mut mounts: Vec<Mount> = directories.into_iter().map(Mount::read_only).collect();
    mounts.dedup();
    let spec = RunSpec { image: build_env.image.name.clone(), argv, mounts, workdir: "/".into(), ..RunSpec::default() };
    let (mut results, mut wrong) = (Results::default(), None);
    let doing = format!("encode the BTF of {}", task.release);
    let ran = build_env.engine.command(&spec)?.follow(context, &doing, &mut |line| {
        if results.take(line).is_none() {
            wrong.get_or_insert_with(|| line.chars().take(200).collect::<String>());
        }
        let (done, total) = (results.modules.len() as u64, task.count as u64);
        (context.progress)(Progress::Amount { stage: stage::MEASURE, done, total: total.max(done) });
    });
    match ran {
        Err(container::Error::Failed { output, .. }) if output.contains(FULL) => {
            return Err(full_disk());
        }
        Ok(()) if results.says_full() => return Err(full_disk()),
        other => other?,
    }
    match wrong {
        Some(line) => Err(Error::Unreadable { release: task.release.to_owned(), line }),
        None => Ok(results),
    }
}

fn full_disk() -> Error {
    let (doing, path) = ("encode BTF in a container's", "/tmp".into());
    container::Error::DiskFull { doing, path, needed: None, free: None }.into()
}

impl Results {
    /// Whether pahole failed because the disk is full. A missing size is then not the module's fault.
    fn says_full(&self) -> bool {
        let both = self.modules.values().flat_map(|(full, split)| [full, split]);
        let mut all = self.base.iter().chain(both);
        all.any(|encoded| matches!(encoded, Encoded::Failed(why) if why.contains(FULL)))
    }

    /// Parses a line; `None` if it is invalid.
    fn take(&mut self, line: &str) -> Option<()> {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            ["base", bytes, said] => self.base = Some(encoded(bytes, said)?),
            ["module", path, full, split, said_full, said_split] => {
                let both = (encoded(full, said_full)?, encoded(split, said_split)?);
                self.modules.insert((*path).to_owned(), both);
            }
            _ => return None,
        }
        Some(())
    }
}

fn encoded(bytes: &str, said: &str) -> Option<Encoded> {
    Some(match bytes {
        "-" if said.trim().is_empty() => Encoded::Failed("pahole wrote nothing and did not say why".into()),
        "-" => Encoded::Failed(format!("pahole says: {}", said.trim())),
        bytes => Encoded::Bytes(bytes.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    #[test]
    fn lines_are_read_and_what_is_none_is_noticed() {
        let mut results = Results::default();
        assert_eq!(results.take("base\t4139516\t"), Some(()));
        assert_eq!(results.take("module\tfs/a.ko\t125950\t-\t\tpahole: fs/a.ko: Invalid argument "), Some(()));
        assert_eq!(results.take("module\tb.ko\t-\t-\t\t"), Some(()));
        let says = Encoded::Failed("pahole says: pahole: fs/a.ko: Invalid argument".into());
        assert_eq!(results.modules["fs/a.ko"], (Encoded::Bytes(125_950), says));
        assert!(matches!(&results.modules["b.ko"].0, Encoded::Failed(why) if why.contains("did not say why")));
        assert!(!results.says_full());
        results.take("module\tfull.ko\t1\t-\t\tpahole: write: No space left on device").unwrap();
        assert!(results.says_full());
        for line in ["", "base\t1", "base\tx\t", "module\ta.ko\t1\t2\t", "module\ta\tb.ko\t1\t2\t\t", "sh: not found"] {
            assert_eq!(results.take(line), None, "{line}");
        }
    }

    /// A fake pahole that executes its input's content, and overwrites its output without truncating it.
    const PAHOLE: &str = r#"#!/bin/sh
for argument; do
    case $argument in
    --btf_encode_detached=*) out=${argument#*=} ;;
    --btf_base) split=yes ;;
    esac
    module=$argument
done
echo "$*" >>"$LOG"
case $(cat "$module") in
fails) printf 'pahole:\tbad\nDWARF\n' >&2; exit 1 ;;
silent) exit 0 ;;
partly) [ -z "${split-}" ] || exit 3 ;;
esac
if [ -n "${split-}" ]; then printf 1234567890; else printf 12345678901234567890; fi | dd of="$out" conv=notrunc 2>/dev/null
"#;

    #[test]
    fn the_script_tells_of_every_module_whatever_becomes_of_it() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("bin")).unwrap();
        fs::create_dir_all(path("tree/fs")).unwrap();
        // Another process writes the file: if this one did, a concurrent fork could inherit the descriptor and keep
        // the file busy.
        let write = ["-c", "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"", "sh", PAHOLE];
        assert!(Command::new("sh").args(write).arg(path("bin/pahole")).status().unwrap().success());
        let files = [
            ("vmlinux", "good"),
            ("a.ko", "good"),
            ("fs/b.ko", "fails"),
            ("fs/c.ko", "silent"),
            ("d'e f.ko", "partly"),
        ];
        files.iter().for_each(|(name, text)| fs::write(path("tree").join(name), text).unwrap());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/sizes.sh");
        let environment = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args([script.as_ref(), "2".as_ref(), path("tree/vmlinux").as_os_str(), path("tree").as_os_str()])
            .args(["--one", "--two"])
            .env("PATH", format!("{}:{environment}", path("bin").display()))
            .env("LOG", path("log"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut results = Results::default();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().for_each(|line| results.take(line).unwrap_or_else(|| panic!("{line}")));
        let bytes = |name: &str| (results.modules[name].0.bytes(), results.modules[name].1.bytes());
        assert_eq!((results.base.as_ref().unwrap().bytes(), results.modules.len()), (Some(20), 4));
        assert_eq!(bytes("a.ko"), (Some(20), Some(10)), "the second is not what the first left");
        assert_eq!(
            (bytes("fs/b.ko"), bytes("fs/c.ko"), bytes("d'e f.ko")),
            ((None, None), (None, None), (Some(20), None))
        );
        assert_eq!(results.modules["fs/b.ko"].0, Encoded::Failed("pahole says: pahole: bad DWARF".into()));
        let log = fs::read_to_string(path("log")).unwrap();
        assert!(log.lines().all(|line| line.starts_with("-J ") && line.contains(" --one --two ")), "{log}");
        assert_eq!(fs::read_to_string(path("tree/a.ko")).unwrap(), "good");
    }
}
