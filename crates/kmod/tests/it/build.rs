//! The module with which many tests begin.

use kmod::Module;
use test_elf::{Builder, Section, Target};

/// `SHT_NOBITS`.
pub const NOBITS: u32 = 8;

/// A section without bytes in the file.
pub fn without_bytes(name: &str, length: usize) -> Section {
    Section { kind: NOBITS, ..Section::new(name, vec![1; length]) }
}

/// A module called `sample` with BTF, versions, an import and two exports.
pub fn module(target: Target) -> Builder {
    Builder::new(target)
        .section(".BTF", b"\x9f\xebtypes")
        .section(".modinfo", b"\0depends=libx,y-z\0name=sample\0vermagic=6.1.0-56 SMP mod_unload modversions \0")
        .section("__versions", &version_records(target, &[("module_layout", 0xfedc_ba98), ("used", 7)]))
        .section("__ksymtab", &[0; 12])
        .section("__ksymtab_gpl", &[0; 12])
        .section("__kcrctab", &target.u32(0x1234_5678))
        .section("__kcrctab_gpl", &target.u32(0x9abc_def0))
        .section("__ksymtab_strings", b"plain\0\0fancy\0NS\0")
        .symbol("__ksymtab_plain", 0, 4)
        .symbol("__ksymtab_fancy", 0, 5)
        .symbol("__crc_plain", 0, 6)
        .symbol("__crc_fancy", 0, 7)
        .symbol("__kstrtabns_plain", 6, 8)
        .symbol("__kstrtabns_fancy", 13, 8)
        .symbol("used", 0, 0)
        .weak("perhaps")
}

/// The bytes of `__versions`.
pub fn version_records(target: Target, versions: &[(&str, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, (name, crc)) in versions.iter().enumerate() {
        bytes.extend(target.word(u64::from(*crc)));
        bytes.extend(name.as_bytes());
        bytes.resize((index + 1) * 64, 0);
    }
    bytes
}

/// Parses a file as a module.
pub trait Read {
    fn read(&self) -> Module;
}

impl Read for Builder {
    fn read(&self) -> Module {
        Module::from_bytes(self.bytes()).unwrap()
    }
}
