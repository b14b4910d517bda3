//! Tests of the `pahole` command line, as the kernel's build calls it.

use std::fs;

use kmod::Module;

use crate::support::{Bench, PAHOLE, Ran, stripped};

fn pahole(bench: &Bench, line: &str) -> Ran {
    bench.run(PAHOLE, &line.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn pahole_reports_a_version_that_kernels_compare() {
    let bench = Bench::new();
    assert_eq!(pahole(&bench, "--version").expect(0).out(), "v1.30\n");
    assert_eq!(pahole(&bench, "--numeric_version").expect(0).out(), "130\n");
    let features = pahole(&bench, "--supported_btf_features").expect(0).out();
    assert!(features.contains("consistent_func,") && features.ends_with('\n'), "{features}");
}

#[test]
fn pahole_encodes_a_vmlinux_and_a_module_as_linux_6_1_asks() {
    let bench = Bench::new();
    let flags = "-J --btf_gen_floats -j --lang_exclude=rust --skip_encoding_btf_inconsistent_proto --btf_gen_optimized";
    pahole(&bench, &format!("{flags} vmlinux.plain")).expect(0);
    assert_eq!(kmod::kernel_btf(bench.path("vmlinux.plain")).unwrap().bytes, bench.base());
    pahole(&bench, &format!("{flags} --btf_base vmlinux.plain modules/fs/one.ko")).expect(0);
    let module = Module::open(bench.path("modules/fs/one.ko")).unwrap();
    assert_eq!(Bench::structs(module.btf().unwrap(), Some(&bench.base())), ["one"]);
}

#[test]
fn pahole_writes_btf_beside_the_module_for_linux_7_2() {
    let bench = Bench::new();
    let before = bench.read("modules/three.ko");
    bench.write("modules/three.ko.BTF.1", &[7; 1000]);
    let line = "-J -j2 --btf_features=encode_force,var,float,enum64,decl_tag,type_tag,optimized_func,consistent_func,\
                decl_tag_kfuncs --btf_features=attributes,layout,of_next_year --lang_exclude=rust --btf_base vmlinux \
                --btf_encode_detached=modules/three.ko.BTF.1 modules/three.ko";
    pahole(&bench, line).expect(0);
    assert_eq!(bench.read("modules/three.ko"), before);
    let detached = bench.read("modules/three.ko.BTF.1");
    assert_eq!(Bench::structs(&detached, Some(&bench.base())), ["three"], "what was there is gone");
    assert_eq!(detached[4..8], 24u32.to_le_bytes(), "a header without a layout");
}

#[test]
fn pahole_writes_an_empty_section_for_a_module_without_types_of_its_own() {
    let bench = Bench::new();
    let plain = crate::support::with_structs(crate::support::Kind::Module, &["of_vmlinux"]);
    bench.write("same.ko", &plain);
    pahole(&bench, "-J --btf_base vmlinux same.ko").expect(0);
    let module = Module::open(bench.path("same.ko")).unwrap();
    let btf = btf::Btf::parse(module.btf().unwrap()).unwrap();
    assert_eq!(btf.len(), 0);
}

#[test]
fn pahole_never_overwrites_its_inputs() {
    let bench = Bench::new();
    fs::hard_link(bench.path("modules/three.ko"), bench.path("hard")).unwrap();
    let (names, before) = (bench.names(), bench.all());
    let lines = [
        ("-J --btf_base vmlinux --btf_encode_detached=./vmlinux modules/three.ko", "./vmlinux is the base"),
        ("-J --btf_base vmlinux --btf_encode_detached=hard modules/three.ko", "hard is a file to be encoded"),
        ("-J --btf_encode_detached=modules/../vmlinux.plain vmlinux.plain", "is a file to be encoded"),
        ("-J --btf_base vmlinux ./vmlinux", "./vmlinux is the base"),
    ];
    for (line, why) in lines {
        let said = pahole(&bench, line).expect(1).err();
        assert!(said.contains(why) && said.contains("would be lost"), "{line}: {said}");
        assert_eq!((bench.names(), bench.all()), (names.clone(), before.clone()), "{line}");
    }
}

#[test]
fn pahole_reports_unsupported_requests_and_changes_nothing() {
    let bench = Bench::new();
    bench.write("no-dwarf.ko", &stripped());
    let (names, before) = (bench.names(), bench.read("no-dwarf.ko"));
    let lines = [
        ("-J --btf_base vmlinux no-dwarf.ko", 1, "no DWARF"),
        ("-J --btf_base nowhere modules/three.ko", 1, "nowhere"),
        ("-J --btf_base vmlinux nowhere.ko", 1, "nowhere.ko"),
        ("-J --btf_base vmlinux a.ko b.ko", 1, "exactly one"),
        ("modules/three.ko", 1, "give -J"),
        ("-J --sort_output vmlinux", 2, "--sort_output"),
        ("-J --btf_features_strict=of_next_year vmlinux", 1, "of_next_year"),
    ];
    for (line, code, why) in lines {
        let said = pahole(&bench, line).expect(code).err();
        assert!(said.contains(why), "{line}: {said}");
    }
    assert_eq!((bench.names(), bench.read("no-dwarf.ko")), (names, before));
}
