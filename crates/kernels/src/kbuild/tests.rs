//! Tests of building kernels: what is built, reused, refused and published. A fake image imitates kbuild.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::testing::Bed;
use super::*;
use crate::cache::Directories as _;
use crate::source;
use crate::stage;
use container::testing::Log as Progresses;
use container::{Context, Progress};
use util::Sha256;

#[test]
fn kernel_is_built_once_and_its_upgrade_on_its_tree() {
    let bed = Bed::new();
    let first = bed.build(None).unwrap();
    assert_eq!(bed.fake.calls(), ["import", "configure", "make", "collect"]);
    assert!(first.manifest.name.starts_with("6.1-strict-"), "{}", first.manifest.name);
    assert_eq!(first.manifest.steps, 2);
    assert_eq!(fs::read_to_string(&first.image).unwrap(), "CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\n");
    assert!(first.modules.join("kernel/a.ko").is_file() && first.symvers.is_file() && first.config.is_file());
    assert_eq!(first.manifest.files["bzImage"], Sha256::of_file(&first.image).unwrap().0);

    assert_eq!(bed.build(None).unwrap(), first);
    assert_eq!(bed.fake.calls(), Vec::<String>::new(), "warm, nothing is run");

    let grown = bed.build(Some("grow")).unwrap();
    assert_eq!(bed.fake.calls(), ["patch", "copy", "make", "collect"]);
    assert_eq!((grown.manifest.steps, grown.manifest.upgrade.as_deref()), (1, Some("grow")));
    assert!(fs::read_to_string(&grown.image).unwrap().ends_with("grows"));
    assert_eq!(bed.build(None).unwrap(), first, "the first build's tree was not touched");

    let again = bed.build(Some(NONE)).unwrap();
    assert_eq!(bed.fake.calls(), ["copy", "relink", "make", "collect"]);
    assert_eq!(again.manifest.files, first.manifest.files);
    assert_eq!(list(&bed.fixture.context().cache).unwrap().len(), 3);
}

#[test]
fn build_of_another_configuration_uses_the_tree_of_strict_unchanged() {
    let mut bed = Bed::new();
    let strict = bed.build(None).unwrap();
    bed.fake.calls();
    bed.config = Config::new(&["lenient"]);
    let lenient = bed.build(None).unwrap();
    assert_eq!(bed.fake.calls(), ["copy", "configure", "make", "collect"]);
    assert!(lenient.manifest.name.starts_with("6.1-lenient-"), "{}", lenient.manifest.name);
    assert_eq!(lenient.manifest.steps, 1, "vmlinux was there");
    assert!(fs::read_to_string(&lenient.image).unwrap().contains("CONFIG_C=y"));
    assert_eq!(bed.published().len(), 4, "two builds with a tree each: {:?}", bed.published());

    bed.build(Some("grow")).unwrap();
    assert_eq!(bed.fake.calls(), ["patch", "copy", "make", "collect"]);
    bed.config = Config::new(&["strict"]);
    assert_eq!(bed.build(None).unwrap(), strict);
    assert_eq!(bed.build(Some(NONE)).unwrap().manifest.files, strict.manifest.files);
}

#[test]
fn build_of_another_configuration_builds_strict_first_and_names_symbols_expected_off_for_both() {
    let mut bed = Bed::new();
    bed.fake.set("loses", Some("CONFIG_B"));
    bed.config = Config::new(&["lenient"]);
    let error = bed.build(None).unwrap_err().to_string();
    assert!(error.contains("6.1-strict-") && error.contains("CONFIG_B should be m"), "{error}");
    bed.config.expected_off.insert("CONFIG_B".into());
    bed.fake.calls();
    bed.build(None).unwrap();
    assert_eq!(
        bed.fake.calls(),
        ["configure", "make", "collect", "copy", "configure", "make", "collect"],
        "the source was there"
    );
}

#[test]
fn build_without_a_fragment_strict_starts_from_an_empty_tree() {
    let mut bed = Bed::new();
    fs::remove_file(bed.fixture.path().join("configs/fragments/strict.config")).unwrap();
    bed.config = Config::new(&["lenient"]);
    bed.build(None).unwrap();
    assert_eq!(bed.fake.calls(), ["import", "configure", "make", "collect"]);
}

#[test]
fn upgrade_rebuilds_a_first_build_that_lost_its_tree() {
    let bed = Bed::new();
    bed.build(None).unwrap();
    fs::remove_dir_all(bed.fixture.context().cache.trees()).unwrap();
    fs::create_dir(bed.fixture.context().cache.trees()).unwrap();
    bed.fake.calls();
    bed.build(Some("grow")).unwrap();
    assert_eq!(bed.fake.calls(), ["configure", "make", "collect", "patch", "copy", "make", "collect"]);
}

#[test]
fn build_that_lost_its_tree_is_built_again_when_both_are_needed() {
    let bed = Bed::new();
    let context = bed.fixture.context();
    let build_env = bed.fake.build_env(&context);
    let source = bed.source(&build_env).unwrap();
    let both = || build_with_tree(&build_env, &bed.request(&source, Some("grow"))).unwrap();
    let (first, tree) = both();
    fs::remove_dir_all(&tree).unwrap();
    bed.fake.calls();
    let (again, tree) = both();
    assert!(tree.join("vmlinux").is_file() && again.manifest.files == first.manifest.files);
    assert_eq!(bed.fake.calls(), ["configure", "make", "collect"]);
    assert_eq!(both().0, again);
    assert_eq!(bed.fake.calls(), Vec::<String>::new());
}

#[test]
fn build_key_changes_with_fragment_patch_and_compiler_and_not_with_tzdata() {
    let mut bed = Bed::new();
    let mut seen = vec![bed.build(Some("grow")).unwrap().manifest.key];
    let mut another = |bed: &Bed| {
        let key = bed.build(Some("grow")).unwrap().manifest.key;
        let new = !seen.contains(&key);
        seen.push(key);
        new
    };
    bed.fake.image.manifest.packages.insert("tzdata".into(), "2".into());
    assert!(!another(&bed));
    fs::write(bed.fixture.path().join("configs/upgrades/grow.patch"), "grows more").unwrap();
    assert!(another(&bed));
    fs::write(bed.fixture.path().join("configs/fragments/strict.config"), "CONFIG_C=y\n").unwrap();
    assert!(another(&bed));
    bed.fake.image.manifest.packages.insert("gcc-14".into(), "14.2.0-20".into());
    assert!(another(&bed));
    fs::write(bed.fixture.path().join("linux/Makefile"), "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 193\n").unwrap();
    assert!(another(&bed));
    bed.config.expected_off.insert("CONFIG_Z".into());
    assert!(another(&bed));
}

#[test]
fn build_names_a_vanished_symbol_unless_it_is_expected_off() {
    let mut bed = Bed::new();
    bed.fake.set("loses", Some("CONFIG_B"));
    let error = bed.build(None).unwrap_err();
    assert!(error.to_string().contains("CONFIG_B should be m and is n;"), "{error}");
    assert_eq!(bed.published(), Vec::<String>::new());
    bed.config.expected_off.insert("CONFIG_B".into());
    bed.build(None).unwrap();
}

#[test]
fn build_that_fails_or_is_incomplete_publishes_nothing_and_the_next_run_succeeds() {
    let bed = Bed::new();
    let context = bed.fixture.context();
    source::own(&bed.fake.build_env(&context), &bed.fixture.path().join("linux")).unwrap();

    bed.fake.set("fails", Some("kernel/fork.c:1: error: no\n"));
    let Err(Error::BuildFailed { output, log, .. }) = bed.build(None) else { panic!("it was built") };
    assert_eq!(output, "kernel/fork.c:1: error: no");
    assert!(fs::read_to_string(log).unwrap().contains("CC [M]"), "the whole log is kept");
    bed.fake.set("fails", Some("ld: final link failed: No space left on device\n"));
    assert!(matches!(bed.build(None), Err(Error::Container(container::Error::DiskFull { .. }))));
    bed.fake.set("fails", None);

    bed.fake.set("says", Some("Skipping BTF generation for a.ko due to unavailability of vmlinux\n"));
    let Err(error @ Error::BuildIncomplete { .. }) = bed.build(None) else { panic!("it was built") };
    assert!(error.to_string().contains("a module has no BTF"), "{error}");
    bed.fake.set("says", None);

    bed.fake.set("forgets", Some(""));
    assert!(matches!(bed.build(None), Err(Error::NoKernel { .. })));
    bed.fake.set("forgets", None);
    let published = bed.published();
    assert!(published.iter().all(|name| name.starts_with("6.1-strict-")) && published.len() == 1, "{published:?}");
    bed.build(Some("grow")).unwrap();
}

#[test]
fn patch_that_does_not_apply_is_reported_with_the_source_and_the_output_of_patch() {
    let bed = Bed::new();
    let error = bed.build(Some("misfit")).unwrap_err().to_string();
    assert!(error.contains("cannot apply the upgrade misfit to 6.1 6.1.192"), "{error}");
    assert!(error.contains("Hunk #1 FAILED at 7."), "{error}");
    assert_eq!(list(&bed.fixture.context().cache).unwrap().len(), 1, "the first build only");
    let error = bed.build(Some("shrink")).unwrap_err().to_string();
    assert!(error.contains("cannot find the upgrade `shrink`: known: grow, misfit, none"), "{error}");
}

#[test]
fn build_that_is_stopped_leaves_nothing_and_starts_over() {
    let bed = Bed::new();
    bed.fake.set("hangs", Some(""));
    thread::scope(|scope| {
        let run = scope.spawn(|| bed.build(None));
        while !fs::read_to_string(bed.fixture.path().join("calls")).unwrap_or_default().contains("make") {
            thread::sleep(Duration::from_millis(5));
        }
        bed.fixture.cancel();
        assert!(matches!(run.join().unwrap(), Err(Error::Container(container::Error::Cancelled { .. }))));
    });
    assert_eq!(bed.published(), Vec::<String>::new());
    bed.fake.set("hangs", None);
    bed.fake.calls();
    bed.fixture.context().cancel.store(false, Ordering::Relaxed);
    bed.build(None).unwrap();
    assert_eq!(bed.fake.calls(), ["configure", "make", "collect"]);
}

#[test]
fn progress_counts_steps_against_those_of_the_previous_build() {
    let bed = Bed::new();
    let progresses = Progresses::default();
    let report = |progress| progresses.push(progress);
    let context = Context { progress: &report, ..bed.fixture.context() };
    let amounts = || -> Vec<(u64, u64)> {
        let amount = |progress| match progress {
            Progress::Amount { stage: stage::BUILD, done, total } => Some((done, total)),
            _ => None,
        };
        progresses.take().into_iter().filter_map(amount).collect()
    };
    bed.build_in(&context, None).unwrap();
    assert_eq!(amounts(), [(1, make::FIRST_STEPS), (2, make::FIRST_STEPS)]);
    fs::write(bed.fixture.path().join("configs/fragments/strict.config"), "CONFIG_C=y\n").unwrap();
    bed.build_in(&context, None).unwrap();
    assert_eq!(amounts(), [(1, 2), (2, 2)]);
}

#[test]
fn build_refuses_the_engine_host() {
    let bed = Bed::new();
    bed.build(None).unwrap();
    let context = bed.fixture.context();
    let source = source::own(&bed.fake.build_env(&context), &bed.fixture.path().join("linux")).unwrap();
    let build_env = BuildEnv { engine: &container::engine::Engine::Host, ..bed.fake.build_env(&context) };
    let config = Config::new(&[]);
    let request = Request { source: &source, configs: &bed.configs, config: &config, upgrade: None };
    assert!(matches!(build(&build_env, &request), Err(Error::Container(container::Error::NeedsContainer { .. }))));
}

#[test]
fn encoder_is_part_of_the_build_key_and_is_passed_to_make() {
    let bed = Bed::new();
    let with_pahole = bed.build(None).unwrap();
    assert_eq!(with_pahole.manifest.encoder(), None);
    let path = bed.fixture.path().join("modbtf-pahole");
    fs::write(&path, "a program").unwrap();
    let encoder = Encoder::program(&path).unwrap();
    let context = bed.fixture.context();
    let build_env = BuildEnv { encoder: Some(&encoder), ..bed.fake.build_env(&context) };
    let source = bed.source(&build_env).unwrap();
    let ours = build(&build_env, &bed.request(&source, None)).unwrap();
    assert_ne!(ours.manifest.key, with_pahole.manifest.key);
    let sha256 = Sha256::of(b"a program").to_string();
    assert_eq!(ours.manifest.encoder(), Some(("modbtf-pahole", sha256.as_str())));
    assert_eq!(bed.build(None).unwrap(), with_pahole, "the key of what pahole encodes does not change");

    let (mut mounts, mut env) = (Vec::new(), Vec::new());
    build_env.with_encoder(&mut mounts, &mut env);
    assert_eq!(env, [("MAKEFLAGS".to_owned(), "PAHOLE=/encoder/pahole".to_owned())]);
    assert_eq!(mounts.len(), 1);
    assert!(mounts[0].inside == Path::new("/encoder/pahole") && !mounts[0].writable, "{mounts:?}");
    bed.fake.build_env(&context).with_encoder(&mut mounts, &mut env);
    assert_eq!((mounts.len(), env.len()), (1, 1), "without one nothing is added");
}

#[test]
fn clean_removes_one_series_completely_and_no_other() {
    let bed = Bed::new();
    bed.build(Some("grow")).unwrap();
    let context = bed.fixture.context();
    fs::create_dir(context.cache.builds().join("6.12-strict-00000000")).unwrap();
    let clean_series = |series: &[&str], sources| {
        let series = series.iter().map(|line| (*line).to_owned()).collect();
        clean(&context, &Clean { series, sources }).unwrap().len()
    };
    assert_eq!(clean_series(&["7.2"], true), 0);
    assert_eq!(clean_series(&["6.1"], false), 5, "two builds, a tree, two logs");
    assert_eq!(bed.published(), ["6.12-strict-00000000"]);
    let others = ["debug/6.1.0-1-x", "debs/x.deb"].map(|name| context.cache.root().join(name));
    fs::create_dir(&others[0]).unwrap();
    fs::write(&others[1], "x").unwrap();
    assert_eq!((clean_series(&["6.12"], true), clean_series(&[], false)), (1, 0));
    assert!(others.iter().all(|path| path.exists()), "of no line");
    assert_eq!(clean_series(&[], true), 3, "and a source");
    assert!(!others.iter().any(|path| path.exists()));
    bed.build(Some("grow")).unwrap();
}
