//! Tests of building external modules. A fake image imitates kbuild.

use super::*;
use crate::kbuild::testing::Bed;

fn build_on(bed: &Bed, names: &[&str], upgrade: Option<&str>) -> Result<External, Error> {
    let context = bed.fixture.context();
    let build_env = bed.fake.build_env(&context);
    let source = bed.source(&build_env)?;
    let sources: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let wanted = ExternalRequest { request: bed.request(&source, upgrade), sources: &sources };
    let before = find(&build_env, &wanted)?;
    let built = build(&build_env, &wanted)?;
    assert!(before.is_none_or(|before| before == built));
    assert_eq!(find(&build_env, &wanted)?.as_ref(), Some(&built));
    Ok(built)
}

#[test]
fn external_modules_are_built_once_and_laid_out_like_those_of_a_kernel() {
    let bed = Bed::new();
    let kernel = bed.build(None).unwrap();
    bed.fake.calls();
    let external = build_on(&bed, &["probe", "fs/fuse", "probe"], None).unwrap();
    let makes = ["make fuse", "make fuse", "make probe", "make probe"];
    let calls: Vec<String> = bed.fake.calls().into_iter().filter(|call| call != "run").collect();
    assert_eq!(calls[2..], makes, "patch and copy before");
    let manifest = &external.manifest;
    assert_eq!(
        (manifest.kernel.as_str(), manifest.sources.join(" ")),
        (&*kernel.manifest.name, "fs/fuse probe".into())
    );
    assert!(manifest.name.starts_with("6.1-strict-external-") && manifest.steps == 2, "{manifest:?}");
    assert!(external.modules.ends_with("lib/modules/6.1.192-modbtf"));
    let files: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    let updates = "lib/modules/6.1.192-modbtf/updates";
    assert_eq!(files, [format!("{updates}/fuse.ko"), format!("{updates}/probe.ko")]);

    assert_eq!(build_on(&bed, &["fs/fuse", "probe"], None).unwrap(), external);
    assert_eq!(bed.fake.calls(), Vec::<String>::new(), "warm, nothing is run");
    let cache = bed.fixture.context().cache;
    assert_eq!(list(&cache).unwrap(), [external]);
    assert_eq!(super::super::list(&cache).unwrap(), [kernel], "they are no kernel");
}

#[test]
fn external_build_against_an_upgrade_builds_the_kernel_first() {
    let bed = Bed::new();
    let external = build_on(&bed, &["probe"], Some("grow")).unwrap();
    assert!(external.manifest.name.starts_with("6.1-strict-grow-external-"), "{}", external.manifest.name);
    let calls = bed.fake.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("make ")).count(), 3, "{calls:?}");
}

#[test]
fn external_module_is_built_again_when_it_changed() {
    let bed = Bed::new();
    let first = build_on(&bed, &["probe"], None).unwrap();
    fs::write(bed.fixture.path().join("configs/external/probe/probe.c"), "int x;").unwrap();
    assert_ne!(build_on(&bed, &["probe"], None).unwrap().manifest.key, first.manifest.key);
}

#[test]
fn external_build_refuses_a_module_that_changes_before_it_is_copied() {
    let bed = Bed::new();
    let external = bed.fixture.path().join("configs/external");
    let module = Module { name: "probe".into(), own: Some(hash(&external.join("probe")).unwrap()) };
    module.check(&external).unwrap();
    fs::write(external.join("probe/probe.c"), "int y;").unwrap();
    let error = module.check(&external).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }) && error.to_string().contains("run again"), "{error}");
}

#[test]
fn external_build_that_fails_is_incomplete_or_empty_is_not_published() {
    let bed = Bed::new();
    let build = |names: &[&str]| build_on(&bed, names, None);
    for name in ["fs/ext4", "../linux/fs/fuse", "/fs/fuse", "", "fs//fuse"] {
        let error = build(&[name]).unwrap_err();
        assert!(matches!(&error, Error::UnknownName { known, .. } if *known == ["probe"]), "{name}: {error}");
    }
    let text = "a.c:1: error: no";
    bed.build(None).unwrap();
    bed.fake.set("fails", Some(&format!("{text}\n")));
    let Err(Error::BuildFailed { output, status, .. }) = build(&["probe"]) else { panic!("it was built") };
    assert_eq!((output.as_str(), status.as_str()), (text, "exit status: 2"));
    bed.fake.set("fails", None);
    bed.fake.set("says", Some("Skipping BTF generation for a.ko due to unavailability of vmlinux\n"));
    assert!(matches!(build(&["probe"]), Err(Error::BuildIncomplete { .. })));
    bed.fake.set("says", None);
    bed.fake.set("barren", Some(""));
    let error = build(&["fs/fuse"]).unwrap_err().to_string();
    assert!(error.contains("fs/fuse gave no module"), "{error}");
    bed.fake.set("barren", None);
    assert_eq!(list(&bed.fixture.context().cache).unwrap(), []);
    assert_eq!(bed.published().len(), 2, "the kernel and its tree: {:?}", bed.published());
    build(&["fs/fuse"]).unwrap();
}

#[test]
fn clean_of_a_series_removes_its_external_modules() {
    let bed = Bed::new();
    build_on(&bed, &["probe"], None).unwrap();
    let context = bed.fixture.context();
    let what = crate::kbuild::Clean { series: vec!["6.1".into()], sources: false };
    let removed = crate::kbuild::clean(&context, &what).unwrap();
    assert_eq!(removed.len(), 5, "a kernel, its tree, its modules, two logs: {removed:?}");
    assert_eq!(bed.published(), Vec::<String>::new());
}

/// Cache entries are found by key, so a key that changes for the same inputs causes a rebuild of all modules. Increment
/// [`RECIPE`] to do that on purpose.
#[test]
fn key_of_the_same_modules_never_changes() {
    let modules = [("fs/fuse", None), ("probe", Some(Sha256::of(b"probe")))];
    let modules = modules.map(|(name, own)| Module { name: name.into(), own });
    let key = key(1, "make\n", Key::of(&"kernel"), &modules);
    assert_eq!(key.to_string(), "adcf28c8ba65e14b14dfcf79312b2dbd77f29846196ac76c355f59406bc5253d");
}
