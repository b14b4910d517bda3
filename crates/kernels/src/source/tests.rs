//! Tests of fetching kernel sources: pinned ones from a fake archive, and the user's own trees and tarballs.

use super::*;
use crate::archive::{Entry, Reason};
use crate::cache::fixture;
use crate::kbuild::testing::FakeImage;
use container::{Class, Context};

/// A fake archive with one source. The package's content is its own description.
struct FakeArchive {
    version: &'static str,
    unreachable: bool,
}

const PACKAGE: &[u8] = b"a source";

impl FakeArchive {
    fn has(version: &'static str) -> Self {
        Self { version, unreachable: false }
    }
}

impl Archive for FakeArchive {
    fn index(&self, suites: &std::collections::BTreeSet<String>) -> Result<Vec<Entry>, Error> {
        assert_eq!(suites.iter().collect::<Vec<_>>(), ["bookworm-security"], "only what is needed is read");
        if self.unreachable {
            return Err(Error::Container(container::Error::TimedOut {
                doing: "read the archive's index".into(),
                seconds: 120,
            }));
        }
        Ok(vec![Entry {
            suite: "bookworm-security".into(),
            package: "linux-source-6.1".into(),
            release: "6.1".into(),
            version: self.version.into(),
            size: PACKAGE.len() as u64,
            unpacked: 1,
            sha256: Sha256::of(PACKAGE),
        }])
    }

    fn download(&self, entries: &[Entry], into: &Path) -> Result<(), Error> {
        for entry in entries {
            assert!(entry.file_name().ends_with("_all.deb"));
            fs::write(into.join(entry.file_name()), PACKAGE).unwrap();
        }
        Ok(())
    }

    fn unpack(&self, _packages: &[(PathBuf, PathBuf)]) -> Result<(), Error> {
        panic!("a source is no kernel");
    }
}

fn pin() -> SourcePin {
    SourcePin {
        series: "6.1".into(),
        package: "linux-source-6.1".into(),
        version: "6.1.192-2".into(),
        suite: "bookworm-security".into(),
        size: PACKAGE.len() as u64,
        unpacked: 1,
        sha256: Sha256::of(PACKAGE),
    }
}

fn sources(context: &Context<'_>) -> usize {
    fs::read_dir(context.cache.sources()).unwrap().count()
}

#[test]
fn pinned_source_is_fetched_and_unpacked_once() {
    let fixture = fixture();
    let fake = FakeImage::new(&fixture);
    let context = fixture.context();
    let build_env = fake.build_env(&context);
    let archive = FakeArchive::has("6.1.192-2");
    let source = acquire(&build_env, &archive, &pin()).unwrap().into_result().unwrap();
    assert!(source.tree.join("Makefile").is_file());
    assert!(source.tree.parent().unwrap().ends_with(format!("6.1-6.1.192-2-{}", Sha256::of(PACKAGE).short(8))));
    assert_eq!(fs::read_dir(context.cache.debs()).unwrap().count(), 0, "the package is not kept");

    let gone = FakeArchive { unreachable: true, ..archive };
    assert_eq!(acquire(&build_env, &gone, &pin()).unwrap().into_result().unwrap(), source);
    assert_eq!(fake.calls(), ["unpack"]);
}

#[test]
fn source_with_a_wrong_hash_is_refused_and_a_vanished_one_is_reported_with_the_versions_that_exist() {
    let fixture = fixture();
    let fake = FakeImage::new(&fixture);
    let context = fixture.context();
    let build_env = fake.build_env(&context);
    let wrong = SourcePin { sha256: Sha256::of(b"another"), ..pin() };
    let error = acquire(&build_env, &FakeArchive::has("6.1.192-2"), &wrong).unwrap_err();
    assert!(matches!(error, Error::WrongHash { .. }), "{error}");

    let unavailable = acquire(&build_env, &FakeArchive::has("6.1.200-1"), &pin()).unwrap().into_result().unwrap_err();
    assert!(matches!(unavailable.reason, Reason::NotFound { .. }));
    assert_eq!(
        unavailable.to_string(),
        "linux-source-6.1=6.1.192-2 is unavailable: no package linux-source-6.1=6.1.192-2 in bookworm-security; \
         the nearest is linux-source-6.1=6.1.200-1"
    );
    let offline = Context { offline: true, ..fixture.context() };
    let unavailable =
        acquire(&fake.build_env(&offline), &FakeArchive::has("6.1.192-2"), &pin()).unwrap().into_result().unwrap_err();
    assert_eq!(unavailable.reason, Reason::Offline);
    assert_eq!(sources(&context), 0);
}

#[test]
fn source_that_does_not_unpack_is_not_published() {
    let fixture = fixture();
    let fake = FakeImage::new(&fixture);
    let context = fixture.context();
    let archive = FakeArchive::has("6.1.192-2");
    fake.set("fails", Some("tar: x: Cannot write: No space left on device\n"));
    let error = acquire(&fake.build_env(&context), &archive, &pin()).unwrap_err();
    assert!(matches!(error, Error::Container(container::Error::DiskFull { .. })), "{error}");
    assert_eq!(sources(&context), 0);
    fake.set("fails", None);
    acquire(&fake.build_env(&context), &archive, &pin()).unwrap().into_result().unwrap();
}

#[test]
fn own_tree_is_copied_again_when_it_changed_and_a_tarball_is_identified_by_its_bytes() {
    let fixture = fixture();
    let fake = FakeImage::new(&fixture);
    let context = fixture.context();
    let build_env = fake.build_env(&context);
    let tree = fixture.path().join("linux");
    fs::create_dir_all(tree.join("scripts")).unwrap();
    let makefile = "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\n";
    fs::write(tree.join("Makefile"), makefile).unwrap();
    fs::write(tree.join("scripts/Makefile.modpost"), "").unwrap();

    let first = own(&build_env, &tree).unwrap();
    assert_eq!((first.identity.series.as_str(), first.identity.version.as_str()), ("7.3", "7.3.0-rc1"));
    assert_eq!(own(&build_env, &tree).unwrap(), first);
    assert_eq!(fake.calls(), ["import"]);
    fs::write(tree.join("Makefile"), makefile.replace("rc1", "rc2")).unwrap();
    assert_ne!(own(&build_env, &tree).unwrap().tree, first.tree);
    assert_eq!(fake.calls(), ["import"]);

    let tarball = fixture.path().join("linux.tar");
    fs::write(&tarball, "x").unwrap();
    let unpacked = own(&build_env, &tarball).unwrap();
    assert_eq!(unpacked.identity.sha256, Sha256::of(b"x"));
    assert_eq!(own(&build_env, &tarball).unwrap(), unpacked);
    assert_eq!(fake.calls(), ["extract"]);

    let error = own(&build_env, fixture.path()).unwrap_err();
    assert!(matches!(&error, Error::NoSource { .. }) && error.class() == Class::Usage, "{error}");
}
