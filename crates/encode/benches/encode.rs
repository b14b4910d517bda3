//! Encoding one file whole, beside what gimli needs to read every attribute of it: about the least that an encoder could do
//! which leaves nothing out, since it makes nothing of what it reads.
//!
//! The file is what `MODBTF_BENCH_ELF` names, a vmlinux with DWARF for instance, else this program itself, whose Rust units
//! are encoded as well. Which one it is gets printed.

use std::env;
use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput};
use encode::{Encoder, Options};
use gimli::{DebugAbbrev, DebugInfo, EndianSlice, RunTimeEndian};
use kmod::ElfFile;

fn main() {
    let named = env::var_os("MODBTF_BENCH_ELF").map(PathBuf::from);
    let path = named.unwrap_or_else(|| env::current_exe().expect("the path of this program"));
    let elf = ElfFile::open(&path).expect("an ELF file");
    let info = section(&elf, ".debug_info");
    let abbreviations = section(&elf, ".debug_abbrev");
    let endian = if elf.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    println!("{}: {} bytes of .debug_info", path.display(), info.len());

    let mut options = Options::kernel();
    options.exclude_rust = false;
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("file");
    group.throughput(Throughput::Bytes(info.len() as u64));
    group.bench_function("every attribute/gimli", |b| b.iter(|| attributes(&info, &abbreviations, endian)));
    for threads in [1, 2] {
        let encoder = Encoder::new(options.clone()).with_threads(threads);
        let name = format!("encode/{threads} thread{}", if threads == 1 { "" } else { "s" });
        group.bench_function(name, |b| b.iter(|| encoder.encode_elf(black_box(&elf)).expect("DWARF of C or Rust")));
    }
    group.finish();
    criterion.final_summary();
}

/// How many attributes there are, each of which was read.
fn attributes(info: &[u8], abbreviations: &[u8], endian: RunTimeEndian) -> u64 {
    let tables = DebugAbbrev::new(abbreviations, endian);
    let mut units = DebugInfo::from(EndianSlice::new(black_box(info), endian)).units();
    let mut count = 0;
    while let Some(unit) = units.next().expect("the header of a unit") {
        let table = unit.abbreviations(&tables).expect("abbreviations");
        let mut entries = unit.entries_raw(&table, None).expect("entries");
        while !entries.is_empty() {
            let Some(abbreviation) = entries.read_abbreviation().expect("an abbreviation") else { continue };
            for specification in abbreviation.attributes() {
                black_box(entries.read_attribute(*specification).expect("an attribute"));
                count += 1;
            }
        }
    }
    count
}

fn section(elf: &ElfFile, name: &str) -> Vec<u8> {
    let head = elf.find(name).unwrap_or_else(|| panic!("there is no {name}"));
    elf.content(&head).and_then(kmod::Content::into_bytes).expect("the content of a section")
}
