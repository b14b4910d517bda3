//! A whole kernel, as small as can be: what is counted, and that nothing is left out.

use std::fs;

use encode_check::{Error, FileOutcome, FileVerdict, KernelFiles, Report, VERSION, check_kernel};

fn subject(root: &std::path::Path) -> KernelFiles {
    KernelFiles {
        release: "6.1.0".into(),
        package: "p=1".into(),
        pahole: 130,
        vmlinux: root.join("vmlinux"),
        modules: root.join("modules"),
        recorded: None,
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_a_pahole_whose_ways_are_not_known_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let check = |subject: &KernelFiles| check_kernel(subject, &|_, _| {}, &|| false).map(drop);
    assert!(matches!(check(&subject(root.path())), Err(Error::Kmod { .. })));
    let unknown = KernelFiles { pahole: 117, ..subject(root.path()) };
    let error = check(&unknown).unwrap_err().to_string();
    assert!(error.contains("1.17"), "{error}");
}

#[test]
fn a_module_that_cannot_be_compared_is_no_success() {
    let root = tempfile::tempdir().unwrap();
    let subject = subject(root.path());
    fs::create_dir(&subject.modules).unwrap();
    fs::write(subject.modules.join("a.ko"), "no ELF").unwrap();
    fs::write(subject.modules.join("b.txt"), "no module").unwrap();
    // BTF alone is an image of a kernel, too, but has no DWARF.
    let mut base = crate::rules::Source::alone();
    base.int("int", 4);
    fs::write(&subject.vmlinux, base.bytes()).unwrap();
    let kernel = check_kernel(&subject, &|_, _| {}, &|| false).unwrap();
    assert_eq!(kernel.files.iter().map(|file| file.file.as_str()).collect::<Vec<_>>(), ["vmlinux", "a.ko"]);
    assert_eq!(kernel.count(FileVerdict::Failed), 2);
    assert!(kernel.files.iter().all(|file| matches!(file.outcome, FileOutcome::Failed(_))));
    let report = Report { version: VERSION, kernels: vec![kernel], unavailable: Vec::new() };
    assert!(!report.holds());
    assert!(matches!(check_kernel(&subject, &|_, _| {}, &|| true), Err(Error::Interrupted)));
}
