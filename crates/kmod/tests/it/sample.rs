//! Tests on a distribution's module.

use kmod::{Compression, LoadGraph, Module, ModuleInfo, abi};

pub const SAMPLE: &[u8] = include_bytes!("../samples/crc-itu-t.ko.xz");

#[test]
fn a_real_module_says_what_readelf_says_of_it() {
    let module = Module::from_bytes(SAMPLE.to_vec()).unwrap();
    assert_eq!(module.compression(), Some(Compression::Xz));
    assert_eq!(module.bytes().len(), 6662);
    assert_eq!(module.name().as_deref(), Some("crc_itu_t"));
    assert_eq!(module.btf().map(<[u8]>::len), Some(0x5e));
    assert!(module.btf().unwrap().starts_with(&[0x9f, 0xeb, 1, 0]));
    let vermagic = module.vermagic().unwrap();
    assert_eq!(vermagic.release, "6.12.115+deb13-cloud-amd64");
    assert_eq!(vermagic.flags, ["SMP", "preempt", "mod_unload", "modversions"]);
    assert_eq!(module.modinfo().depends(), Vec::<String>::new());
    let versions: Vec<_> = module.versions().unwrap().iter().map(|version| (version.symbol, version.crc)).collect();
    assert_eq!(versions, [("__x86_return_thunk", 0x5b82_39ca), ("module_layout", 0x2f9b_2b9a)]);
    let exports: Vec<_> =
        module.exports().unwrap().iter().map(|export| (export.symbol, export.gpl_only, export.crc)).collect();
    assert_eq!(exports, [("crc_itu_t", false, Some(0x09a3_4a2b)), ("crc_itu_t_table", false, Some(0xd819_a524))]);
    let imports: Vec<_> = module.imports().unwrap().iter().map(|import| import.symbol).collect();
    assert_eq!(imports, ["__x86_return_thunk"]);
    let signature = module.signature().unwrap();
    assert_eq!((signature.id_type, signature.signature_len), (2, 0x106));
    assert!(module.bytes()[..signature.content_len].len() < module.bytes().len());
}

#[test]
fn a_real_module_is_compatible_with_itself() {
    let module = Module::from_bytes(SAMPLE.to_vec()).unwrap();
    let versions = abi::ModuleVersions::new("crc_itu_t", &module.versions().unwrap());
    let own = abi::SymbolCrcs::from_modules([&versions]);
    assert!(abi::compare(&own, [&versions]).is_compatible());

    let mut running = abi::SymbolCrcs::default();
    running.add("vmlinux", [("module_layout", 1)]);
    let report = abi::compare(&running, [&versions]);
    assert_eq!(report.differing_symbols(), ["module_layout"]);
    assert_eq!(report.unknown_symbols, ["__x86_return_thunk"]);
    assert_eq!(report.modules_with_differing_crc, 1);

    let graph = LoadGraph::new(vec![ModuleInfo::new(&module, "kernel/lib/crc-itu-t.ko.xz".as_ref())]).unwrap();
    assert_eq!(graph.closure("crc-itu-t").unwrap()[0].name, "crc_itu_t");
}
