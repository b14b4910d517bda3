//! Tests of fetching kernels from a fake archive into a cache, with the failures that can occur.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::cache::Directories as _;
use crate::cache::fixture;
use crate::error::Error;
use crate::pins::{KernelSpec, Pin, Pins};
use container::{Class, Context};
use util::Sha256;

/// A fake archive that can fail. Each package contains its own name.
#[derive(Default)]
struct FakeArchive {
    entries: Vec<Entry>,
    unreachable: bool,
    /// The content served in place of a package.
    comes: Option<Vec<u8>>,
    unpack_fails: Cell<bool>,
    /// The connection breaks before this package.
    breaks_before: Cell<Option<usize>>,
    calls: RefCell<Vec<&'static str>>,
}

impl Archive for FakeArchive {
    fn index(&self, _suites: &BTreeSet<String>) -> Result<Vec<Entry>, Error> {
        self.calls.borrow_mut().push("index");
        if self.unreachable {
            return Err(Error::Container(container::Error::TimedOut {
                doing: "read the archive's index".into(),
                seconds: 120,
            }));
        }
        Ok(self.entries.clone())
    }

    fn download(&self, entries: &[Entry], into: &Path) -> Result<(), Error> {
        self.calls.borrow_mut().push("download");
        for (number, entry) in entries.iter().enumerate() {
            if self.breaks_before.get() == Some(number) {
                return Err(Error::Container(container::Error::TimedOut { doing: "download".into(), seconds: 1 }));
            }
            let bytes = self.comes.clone().unwrap_or_else(|| entry.package.clone().into_bytes());
            fs::write(into.join(entry.file_name()), bytes).unwrap();
        }
        Ok(())
    }

    fn unpack(&self, packages: &[(PathBuf, PathBuf)]) -> Result<(), Error> {
        self.calls.borrow_mut().push("unpack");
        for (package, directory) in packages {
            let package = fs::read_to_string(package).unwrap();
            let release = package.strip_prefix("linux-image-").unwrap();
            if let Some(release) = release.strip_suffix("-dbg") {
                let root = directory.join("usr/lib/debug");
                fs::create_dir_all(root.join("boot")).unwrap();
                fs::write(root.join(format!("boot/vmlinux-{release}")), "kernel").unwrap();
                fs::create_dir_all(root.join(format!("lib/modules/{release}/kernel"))).unwrap();
                continue;
            }
            let release = release.strip_suffix("-unsigned").unwrap();
            fs::create_dir_all(directory.join("boot")).unwrap();
            fs::write(directory.join(format!("boot/vmlinuz-{release}")), "kernel").unwrap();
            if self.unpack_fails.get() {
                return Err(Error::Container(container::Error::DiskFull {
                    doing: "write to",
                    path: directory.clone(),
                    needed: None,
                    free: None,
                }));
            }
            fs::create_dir_all(directory.join(format!("lib/modules/{release}/kernel"))).unwrap();
        }
        Ok(())
    }
}

fn entry(release: &str, version: &str) -> Entry {
    let package = format!("linux-image-{release}-unsigned");
    Entry {
        suite: "bookworm".into(),
        release: release.into(),
        version: version.into(),
        size: package.len() as u64,
        unpacked: 10,
        sha256: Sha256::of(package.as_bytes()),
        package,
    }
}

fn archive() -> FakeArchive {
    let entries = vec![entry("6.1.0-55-cloud-amd64", "6.1.192-1"), entry("6.1.0-56-cloud-amd64", "6.1.192-2")];
    FakeArchive { entries, ..FakeArchive::default() }
}

fn pins(archive: &FakeArchive) -> Vec<Pin> {
    archive.entries.iter().map(Entry::to_pin).collect()
}

fn listing(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn acquire_fetches_kernels_in_one_batch_and_then_takes_them_from_the_cache() {
    let fixture = fixture();
    let context = fixture.context();
    let archive = archive();
    let mut wanted = pins(&archive);
    wanted.push(wanted[0].clone());
    let kernels = acquire(&context, &archive, &wanted).unwrap();
    assert_eq!(*archive.calls.borrow(), ["index", "download", "unpack"]);
    let first = kernels[0].as_ref().into_result().unwrap();
    assert_eq!(first.pin, wanted[0]);
    assert!(first.image.ends_with("boot/vmlinuz-6.1.0-55-cloud-amd64") && first.image.is_file());
    assert!(first.modules.ends_with("lib/modules/6.1.0-55-cloud-amd64"));
    assert_eq!(kernels[2].as_ref().into_result().unwrap(), first);
    assert_eq!(listing(&context.cache.debs()), [""; 0], "packages are not kept once they are unpacked");
    assert_eq!(listing(&context.cache.root().join("tmp")), [""; 0]);

    let offline = Context { offline: true, ..context };
    assert_eq!(acquire(&offline, &archive, &wanted).unwrap(), kernels);
    assert_eq!(archive.calls.borrow().len(), 3, "a warm run asks nobody");
}

#[test]
fn acquire_reports_a_vanished_pin_as_unavailable_and_fetches_the_others() {
    let fixture = fixture();
    let archive = archive();
    let mut wanted = pins(&archive);
    wanted.push(entry("6.1.0-50-cloud-amd64", "6.1.176-1").to_pin());
    let kernels = acquire(&fixture.context(), &archive, &wanted).unwrap();
    assert!(kernels[0].is_available() && kernels[1].is_available());
    let why = kernels[2].clone().into_result().unwrap_err();
    assert!(matches!(&why.reason, Reason::NotFound { suites, .. } if *suites == ["bookworm"]));
    assert_eq!(why.nearest.as_ref().unwrap().version, "6.1.192-1");
    assert_eq!(why.have.len(), 2);
    let text = why.to_string();
    assert!(text.starts_with("linux-image-6.1.0-50-cloud-amd64-unsigned=6.1.176-1 is unavailable"), "{text}");
    assert!(text.ends_with("the nearest is linux-image-6.1.0-55-cloud-amd64-unsigned=6.1.192-1"), "{text}");
}

#[test]
fn acquire_without_network_reports_missing_kernels_as_unavailable() {
    let fixture = fixture();
    let archive = FakeArchive { unreachable: true, ..archive() };
    let wanted = pins(&archive);
    let kernels = acquire(&fixture.context(), &archive, &wanted).unwrap();
    assert!(
        matches!(&kernels[0].clone().into_result().unwrap_err().reason, Reason::Unreachable { detail } if detail.contains("120 s"))
    );

    let offline = Context { offline: true, ..fixture.context() };
    let kernels = acquire(&offline, &archive, &wanted).unwrap();
    assert_eq!(kernels[1].clone().into_result().unwrap_err().reason, Reason::Offline);
    assert_eq!(*archive.calls.borrow(), ["index"], "offline asks nobody");
}

#[test]
fn acquire_refuses_a_wrong_hash_and_keeps_nothing() {
    let fixture = fixture();
    let good = archive();
    let wanted = pins(&good);
    let same_length = vec![b'x'; good.entries[0].package.len()];
    let archive = FakeArchive { comes: Some(same_length), ..archive() };
    let error = acquire(&fixture.context(), &archive, &wanted).unwrap_err();
    assert!(matches!(error, Error::WrongHash { .. }), "{error}");
    assert_eq!(error.class(), Class::Environment);
    assert_eq!(listing(&fixture.context().cache.kernels()), [""; 0]);
    assert_eq!(listing(&fixture.context().cache.debs()), [""; 0]);
    assert!(
        acquire(&fixture.context(), &good, &wanted).unwrap().iter().all(Availability::is_available),
        "the next run is right"
    );
}

#[test]
fn acquire_never_downloads_a_pin_whose_hash_the_archive_does_not_confirm() {
    let fixture = fixture();
    let archive = archive();
    let mut wanted = pins(&archive);
    wanted[1].sha256 = Sha256::of(b"another");
    let error = acquire(&fixture.context(), &archive, &wanted).unwrap_err();
    assert!(matches!(&error, Error::WrongHash { got, .. } if *got == archive.entries[1].sha256), "{error}");
    assert_eq!(*archive.calls.borrow(), ["index"]);
}

#[test]
fn acquire_distinguishes_a_cut_download_from_a_wrong_hash() {
    let fixture = fixture();
    let archive = FakeArchive { comes: Some(b"linux-im".to_vec()), ..archive() };
    let error = acquire(&fixture.context(), &archive, &pins(&archive)).unwrap_err();
    assert!(matches!(error, Error::CutShort { got: 8, .. }), "{error}");
    assert_eq!(listing(&fixture.context().cache.kernels()), [""; 0]);
}

#[test]
fn acquire_keeps_packages_that_came_before_a_failed_download() {
    let fixture = fixture();
    let archive = archive();
    let wanted = pins(&archive);
    archive.breaks_before.set(Some(1));
    assert!(acquire(&fixture.context(), &archive, &wanted).is_err());
    assert_eq!(listing(&fixture.context().cache.debs()), [archive.entries[0].file_name()]);
    archive.breaks_before.set(None);
    assert!(acquire(&fixture.context(), &archive, &wanted).unwrap().iter().all(Availability::is_available));
    assert_eq!(listing(&fixture.context().cache.debs()), [""; 0]);
}

#[test]
fn acquire_publishes_nothing_on_a_full_disk_and_the_next_run_does_not_download_again() {
    let fixture = fixture();
    let archive = archive();
    let wanted = pins(&archive);
    archive.unpack_fails.set(true);
    let error = acquire(&fixture.context(), &archive, &wanted).unwrap_err();
    assert!(matches!(error, Error::Container(container::Error::DiskFull { .. })), "{error}");
    assert_eq!(listing(&fixture.context().cache.kernels()), [""; 0]);
    archive.unpack_fails.set(false);
    archive.calls.borrow_mut().clear();
    assert!(acquire(&fixture.context(), &archive, &wanted).unwrap().iter().all(Availability::is_available));
    assert_eq!(*archive.calls.borrow(), ["unpack"], "what was verified before is used");
}

#[test]
fn acquire_fetches_a_damaged_package_again() {
    let fixture = fixture();
    let archive = archive();
    let wanted = pins(&archive);
    let kept = fixture.context().cache.debs().join(archive.entries[0].file_name());
    fs::write(&kept, "damaged").unwrap();
    assert!(acquire(&fixture.context(), &archive, &wanted).unwrap().iter().all(Availability::is_available));
    assert_eq!(*archive.calls.borrow(), ["index", "download", "unpack"]);
}

#[test]
fn cached_kernels_have_a_manifest() {
    let fixture = fixture();
    let archive = archive();
    let wanted = pins(&archive);
    let kernel = acquire(&fixture.context(), &archive, &wanted).unwrap().remove(0).into_result().unwrap();
    fs::remove_file(kernel.directory.join("manifest.json")).unwrap();
    assert_eq!(acquire(&fixture.context(), &archive, &wanted).unwrap()[0].as_ref().into_result().unwrap(), &kernel);
    assert_eq!(archive.calls.borrow().len(), 6);
}

#[test]
fn acquire_refuses_more_than_the_disk_holds_before_the_download() {
    let fixture = fixture();
    let mut archive = archive();
    archive.entries[0].unpacked = u64::MAX;
    let error = acquire(&fixture.context(), &archive, &pins(&archive)).unwrap_err();
    assert!(
        matches!(error, Error::Container(container::Error::DiskFull { needed: Some(_), free: Some(_), .. })),
        "{error}"
    );
    assert_eq!(*archive.calls.borrow(), ["index"]);
}

#[test]
fn resolve_finds_kernels_that_are_not_pinned_in_the_archive() {
    let fixture = fixture();
    let archive = FakeArchive { entries: vec![entry("6.1.0-60-cloud-amd64", "6.1.200-1")], ..FakeArchive::default() };
    let pins = Pins::builtin().unwrap();
    let specs = ["6.1.0-55", "6.1.0-60", "6.1.0-99", "linux-image-6.1.0-60-cloud-amd64-unsigned=6.1.200-1"];
    let specs: Vec<KernelSpec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
    let found = resolve(&fixture.context(), &archive, &pins, &specs).unwrap();
    assert_eq!(found[0].as_ref().into_result().unwrap(), pins.release("6.1.0-55-cloud-amd64").unwrap());
    assert_eq!(found[1].as_ref().into_result().unwrap(), &archive.entries[0].to_pin());
    let gone = found[2].as_ref().into_result().unwrap_err();
    assert_eq!(gone.nearest.as_deref(), archive.entries.first());
    assert_eq!(found[3], found[1]);
    assert_eq!(*archive.calls.borrow(), ["index"], "the archive is asked once");

    archive.calls.borrow_mut().clear();
    assert!(resolve(&fixture.context(), &archive, &pins, &specs[..1]).unwrap()[0].is_available());
    assert_eq!(archive.calls.borrow().len(), 0, "pins need no archive");
}

#[test]
fn index_is_read_beside_a_build_but_not_while_another_run_may_change_it() {
    let fixture = fixture();
    let context = fixture.context();
    let _building = context.cache.lock(&context.monitor()).unwrap();
    let archive = archive();
    let specs: Vec<KernelSpec> = vec!["6.1.0-99".parse().unwrap()];
    let found = resolve(&context, &archive, &Pins::builtin().unwrap(), &specs).unwrap();
    assert!(!found[0].is_available(), "a name that the archive does not have");
    assert_eq!(archive.calls.take(), ["index"]);

    let apt = context.cache.hold_alone(&context.monitor(), &context.cache.apt()).unwrap();
    let stop = |progress| {
        if matches!(progress, container::Progress::Waiting { .. }) {
            fixture.cancel();
        }
    };
    let waiting = Context { progress: &stop, ..context.clone() };
    let error = resolve(&waiting, &archive, &Pins::builtin().unwrap(), &specs).unwrap_err();
    assert_eq!(error.class(), Class::Cancelled);
    assert_eq!(archive.calls.borrow().len(), 0);
    drop(apt);
}

#[test]
fn acquire_by_two_runs_at_once_fetches_once() {
    struct Shared<'a>(std::sync::Mutex<&'a mut FakeArchive>);
    impl Archive for Shared<'_> {
        fn index(&self, suites: &BTreeSet<String>) -> Result<Vec<Entry>, Error> {
            self.0.lock().unwrap().index(suites)
        }
        fn download(&self, entries: &[Entry], into: &Path) -> Result<(), Error> {
            std::thread::sleep(std::time::Duration::from_millis(50));
            self.0.lock().unwrap().download(entries, into)
        }
        fn unpack(&self, packages: &[(PathBuf, PathBuf)]) -> Result<(), Error> {
            self.0.lock().unwrap().unpack(packages)
        }
    }
    let fixture = fixture();
    let context = fixture.context();
    let mut archive = archive();
    let wanted = pins(&archive);
    let shared = Shared(std::sync::Mutex::new(&mut archive));
    let (one, other) = std::thread::scope(|scope| {
        let run = || acquire(&context, &shared, &wanted).unwrap();
        let (one, other) = (scope.spawn(run), scope.spawn(run));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert!(one.iter().all(Availability::is_available));
    assert_eq!(one, other);
    assert_eq!(*archive.calls.borrow(), ["index", "download", "unpack"]);
}

#[test]
fn debug_information_is_published_beside_the_kernels_and_fetched_once() {
    let fixture = fixture();
    let context = fixture.context();
    let mut archive = archive();
    let package = "linux-image-6.1.0-56-cloud-amd64-dbg".to_owned();
    let sha256 = Sha256::of(package.as_bytes());
    let size = package.len() as u64;
    archive.entries.push(Entry { package, sha256, size, ..entry("6.1.0-56-cloud-amd64", "6.1.192-2") });
    let pin = archive.entries[2].to_pin();
    let debug = acquire_debug(&context, &archive, &pin).unwrap().into_result().unwrap();
    assert!(debug.vmlinux.is_file() && debug.modules.join("kernel").is_dir());
    assert_eq!(listing(&context.cache.debs()), [""; 0], "the package is not kept once it is unpacked");
    assert_eq!(listing(&context.cache.root().join("tmp")), [""; 0]);
    assert_eq!(listing(&context.cache.kernels()), [""; 0]);
    assert_eq!(acquire_debug(&context, &archive, &pin).unwrap().into_result().unwrap(), debug);
    assert_eq!(*archive.calls.borrow(), ["index", "download", "unpack"]);
}

#[test]
fn debug_information_that_does_not_fit_is_never_requested() {
    let fixture = fixture();
    let archive = archive();
    let pin = Pin { size: u64::MAX, ..archive.entries[0].to_pin() };
    let error = acquire_debug(&fixture.context(), &archive, &pin).unwrap_err();
    assert!(matches!(error, Error::Container(container::Error::DiskFull { .. })), "{error}");
    assert_eq!(archive.calls.borrow().len(), 0);
}

#[test]
fn resolve_finds_a_cached_kernel_where_the_archive_cannot_be_asked() {
    let fixture = fixture();
    let context = fixture.context();
    let archive = FakeArchive { entries: vec![entry("6.1.0-60-cloud-amd64", "6.1.200-1")], ..FakeArchive::default() };
    let pins = Pins::builtin().unwrap();
    let specs: Vec<KernelSpec> = ["6.1.0-60", "6.1.0-61"].map(|spec| spec.parse().unwrap()).into();
    let offline = Context { offline: true, ..context.clone() };
    let found = |context: &Context<'_>, archive: &FakeArchive| resolve(context, archive, &pins, &specs).unwrap();
    assert!(!found(&offline, &archive)[0].is_available(), "it is not in the cache yet");

    let pin = archive.entries[0].to_pin();
    assert!(acquire(&context, &archive, std::slice::from_ref(&pin)).unwrap()[0].is_available());
    let unreachable = FakeArchive { unreachable: true, ..FakeArchive::default() };
    let emptied = FakeArchive::default();
    for (context, archive) in [(&offline, &archive), (&context, &unreachable), (&context, &emptied)] {
        let found = found(context, archive);
        assert_eq!(found[0].as_ref().into_result().unwrap(), &pin);
        assert!(!found[1].is_available());
    }
}
