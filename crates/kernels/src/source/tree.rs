//! A source tree's version and hash.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sha2::Digest;
use walkdir::WalkDir;

use crate::error::Error;
use container::Context;
use util::Sha256;

/// The number of lines of a Makefile in which the version is searched.
const HEAD: usize = 20;

/// The version at the beginning of a tree's Makefile: `6.1.192`, `7.2.0-rc1`. It equals the output of `make
/// kernelversion`.
///
/// # Errors
///
/// [`Error::NoSource`] for a directory without a kernel source, or in which a kernel was built (kbuild refuses `O=`
/// there).
pub(super) fn version(tree: &Path) -> Result<String, Error> {
    let bad = |why: &str| Error::NoSource { path: tree.to_owned(), why: why.to_owned() };
    let text = fs::read_to_string(tree.join("Makefile")).map_err(|_| bad("it has no Makefile"))?;
    let value = |key: &str| {
        let of_key = |line: &str| Some(line.strip_prefix(key)?.trim_start().strip_prefix('=')?.trim().to_owned());
        text.lines().take(HEAD).find_map(of_key)
    };
    let numbers = ["VERSION", "PATCHLEVEL", "SUBLEVEL"].map(|key| value(key).filter(|number| is_number(number)));
    let [Some(version), Some(patch), Some(sub)] = numbers else {
        return Err(bad("its Makefile does not begin with a kernel's version"));
    };
    if !tree.join("scripts/Makefile.modpost").is_file() {
        return Err(bad("scripts/Makefile.modpost is missing"));
    }
    if tree.join(".config").exists() || tree.join("include/config").exists() {
        return Err(bad("a kernel was built in it; `make mrproper` there first, or give a clean checkout"));
    }
    let extra: String = value("EXTRAVERSION").unwrap_or_default();
    let extra: String = extra.chars().filter(|c| c.is_ascii_alphanumeric() || "-.+~".contains(*c)).take(40).collect();
    Ok(format!("{version}.{patch}.{sub}{extra}"))
}

fn is_number(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The hash of a tree: every path, its executable bit and its content. The history in `.git` and time stamps are
/// excluded.
///
/// # Errors
///
/// [`container::Error::Io`], [`container::Error::Cancelled`].
pub(super) fn hash(context: &Context<'_>, tree: &Path) -> Result<Sha256, Error> {
    let mut hasher = sha2::Sha256::new();
    let files = WalkDir::new(tree).sort_by_file_name().into_iter();
    let history = tree.join(".git");
    for entry in files.filter_entry(|entry| entry.path() != history) {
        context.check_cancel("hash a source tree")?;
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(tree).to_owned();
            Error::io("read", &path, error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()))
        })?;
        let path = entry.path();
        let failed = |source| Error::io("read", path, source);
        let content = match entry.file_type() {
            kind if kind.is_dir() => continue,
            kind if kind.is_symlink() => {
                format!("link {}", Sha256::of(fs::read_link(path).map_err(failed)?.as_os_str().as_bytes()))
            }
            kind if kind.is_file() => {
                let executable = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o100 != 0;
                format!("{} {}", if executable { "program" } else { "file" }, Sha256::of_file(path).map_err(failed)?.0)
            }
            _ => continue,
        };
        let name = path.strip_prefix(tree).unwrap_or(path).as_os_str().as_bytes();
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(content);
    }
    Ok(Sha256::of(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::fixture;
    use container::testing::Fixture;

    fn tree(fixture: &Fixture, makefile: &str) -> std::path::PathBuf {
        let tree = fixture.path().join("linux");
        fs::create_dir_all(tree.join("scripts")).unwrap();
        fs::write(tree.join("scripts/Makefile.modpost"), "").unwrap();
        fs::write(tree.join("Makefile"), makefile).unwrap();
        tree
    }

    const MAKEFILE: &str = "# SPDX\nVERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\nNAME = x\n";

    #[test]
    fn a_tree_says_its_version_and_what_is_none_is_refused() {
        let fixture = fixture();
        let tree = tree(&fixture, MAKEFILE);
        assert_eq!(version(&tree).unwrap(), "7.2.0-rc1");
        fs::write(tree.join("Makefile"), MAKEFILE.replace("-rc1", "")).unwrap();
        assert_eq!(version(&tree).unwrap(), "7.2.0");
        fs::write(tree.join(".config"), "").unwrap();
        assert!(version(&tree).unwrap_err().to_string().contains("make mrproper"));
        fs::write(tree.join("Makefile"), "VERSION = $(shell reboot)\nPATCHLEVEL = 2\nSUBLEVEL = 0\n").unwrap();
        assert!(version(&tree).unwrap_err().to_string().contains("does not begin with a kernel's version"));
        assert!(matches!(version(fixture.path()), Err(Error::NoSource { .. })));
    }

    #[test]
    fn a_tree_is_its_names_its_contents_and_what_can_be_executed() {
        let fixture = fixture();
        let context = fixture.context();
        let tree = tree(&fixture, MAKEFILE);
        let first = hash(&context, &tree).unwrap();
        fs::create_dir(tree.join(".git")).unwrap();
        fs::write(tree.join(".git/HEAD"), "x").unwrap();
        assert_eq!(hash(&context, &tree).unwrap(), first, "the history does not count");

        let mut seen = vec![first];
        let mut changed = |what: &str| {
            let now = hash(&context, &tree).unwrap();
            assert!(!seen.contains(&now), "{what}");
            seen.push(now);
        };
        fs::write(tree.join("a"), "x").unwrap();
        changed("a file more");
        fs::rename(tree.join("a"), tree.join("b")).unwrap();
        changed("another name");
        fs::write(tree.join("b"), "y").unwrap();
        changed("another content");
        fs::set_permissions(tree.join("b"), fs::Permissions::from_mode(0o755)).unwrap();
        changed("a program");
        fs::remove_file(tree.join("b")).unwrap();
        std::os::unix::fs::symlink("y", tree.join("b")).unwrap();
        changed("a link");
    }
}
