//! Tests of fetching tools: pinned packages from a fake archive.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::*;
use crate::archive::Entry;
use crate::cache::fixture;
use crate::kbuild::testing::FakeImage;

/// A fake archive with a program and its library. Each package contains its own name.
struct FakeArchive {
    indexes: Cell<u32>,
}

impl Archive for FakeArchive {
    fn index(&self, _suites: &BTreeSet<String>) -> Result<Vec<Entry>, Error> {
        self.indexes.set(self.indexes.get() + 1);
        let entry = |pin: &PackagePin| Entry {
            suite: pin.suite.clone(),
            package: pin.package.clone(),
            release: pin.package.clone(),
            version: pin.version.clone(),
            size: pin.size,
            unpacked: 1,
            sha256: pin.sha256,
        };
        Ok(pin("usr/bin/pahole").packages.iter().map(entry).collect())
    }

    fn download(&self, entries: &[Entry], into: &Path) -> Result<(), Error> {
        entries.iter().for_each(|entry| fs::write(into.join(entry.file_name()), &entry.package).unwrap());
        Ok(())
    }

    fn unpack(&self, _packages: &[(PathBuf, PathBuf)]) -> Result<(), Error> {
        panic!("a tool is no kernel");
    }
}

fn pin(program: &str) -> ToolPin {
    let package = |name: &str, version: &str| PackagePin {
        package: name.into(),
        version: version.into(),
        suite: "bookworm".into(),
        size: name.len() as u64,
        sha256: Sha256::of(name.as_bytes()),
    };
    let packages = vec![package("pahole", "1.24-4.1"), package("libbpf1", "1:1.1.2-0")];
    ToolPin { name: "pahole-1.24".into(), program: program.into(), libraries: "usr/lib".into(), packages }
}

#[test]
fn tool_is_fetched_once_and_runs_with_its_own_libraries() {
    let (fixture, archive) = (fixture(), FakeArchive { indexes: Cell::new(0) });
    let context = fixture.context();
    let fake = FakeImage::new(&fixture);
    let build_env = fake.build_env(&context);
    let pin = pin("usr/bin/pahole");
    assert_eq!(find(&build_env, &pin), None);
    let tool = acquire(&build_env, &archive, &pin).unwrap().into_result().unwrap();
    assert_eq!(tool.program, "/tools/pahole-1.24/bin/pahole");
    let script = tool.directory.join("bin/pahole");
    let line = "LD_LIBRARY_PATH=/tools/pahole-1.24/usr/lib exec /tools/pahole-1.24/usr/bin/pahole \"$@\"";
    assert!(fs::read_to_string(&script).unwrap().ends_with(&format!("\n{line}\n")));
    assert!(fs::metadata(&script).unwrap().permissions().mode() & 0o111 == 0o111);
    assert!(tool.directory.join("usr/bin/libbpf1").is_file(), "both packages are in it");

    let indexes = archive.indexes.get();
    assert_eq!(acquire(&build_env, &archive, &pin).unwrap().into_result().unwrap(), tool);
    assert_eq!(archive.indexes.get(), indexes, "warm, nothing is asked for");
    assert_eq!(fs::read_dir(context.cache.debs()).unwrap().count(), 0);
}

#[test]
fn tool_is_refused_if_its_packages_vanished_or_lack_the_program() {
    let (fixture, archive) = (fixture(), FakeArchive { indexes: Cell::new(0) });
    let context = fixture.context();
    let fake = FakeImage::new(&fixture);
    let build_env = fake.build_env(&context);
    let error = acquire(&build_env, &archive, &pin("usr/bin/dwarves")).unwrap_err();
    assert!(matches!(error, Error::NoTool { .. }), "{error}");
    let mut gone = pin("usr/bin/pahole");
    gone.packages[0].version = "1.23-1".into();
    let unavailable = acquire(&build_env, &archive, &gone).unwrap().into_result().unwrap_err();
    assert_eq!(
        unavailable.to_string(),
        "pahole=1.23-1 is unavailable: no package pahole=1.23-1 in bookworm; the nearest is pahole=1.24-4.1"
    );
    assert_eq!(fs::read_dir(context.cache.tools()).unwrap().count(), 0);
}
