//! Parsing a kernel's BTF and walking all of it, compared with the crate btf-rs; and the heap memory that each uses.
//!
//! The input is the raw BTF file in `MODBTF_BENCH_BASE`, else the running kernel's BTF, else generated BTF of about
//! the same size. The bench prints which input it uses and the bytes of heap.

use std::hint::black_box;
use std::path::Path;

use btf::{Btf, Builder, Endian, IntData, Kind, Member, Record, StrOff, TypeId, Value};
use criterion::{Criterion, Throughput};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const KERNEL: &str = "/sys/kernel/btf/vmlinux";

fn main() {
    let bytes = input();
    println!("demanded of btf: to parse a base of 4 MB in at most 10 ms, and to hold at most 2.00 times its size");
    report_heap("btf", &bytes, bytes.len(), || Btf::parse(&bytes).expect("BTF"));
    report_heap("btf-rs", &bytes, 0, || btf_rs::Btf::from_bytes(&bytes).expect("BTF"));

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("base");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("parse/btf", |b| b.iter(|| Btf::parse(black_box(&bytes)).expect("BTF")));
    group.bench_function("parse/btf-rs", |b| b.iter(|| btf_rs::Btf::from_bytes(black_box(&bytes)).expect("BTF")));
    group.bench_function("parse and walk/btf", |b| b.iter(|| walk(black_box(&bytes))));
    group.bench_function("parse and walk/btf-rs", |b| b.iter(|| walk_btf_rs(black_box(&bytes))));
    group.finish();
    criterion.final_summary();
}

/// Reads every field of every type.
fn walk(bytes: &[u8]) -> u64 {
    let btf = Btf::parse(bytes).expect("BTF");
    let fields = btf.iter().flat_map(|ty| ty.fields());
    fields.fold(0, |sum, field| {
        sum.wrapping_add(match field.value() {
            Value::Name(StrOff(n)) | Value::Type(TypeId(n)) | Value::Number(n) => u64::from(n),
        })
    })
}

/// Reads every type with its elements: btf-rs creates a value for each. It has no walk over the fields.
fn walk_btf_rs(bytes: &[u8]) -> u64 {
    let btf = btf_rs::Btf::from_bytes(bytes).expect("BTF");
    let types = (1..).map_while(|id| btf.resolve_type_by_id(id).ok());
    let names = types.filter_map(|ty| black_box(&ty).as_btf_type().and_then(btf_rs::BtfType::get_name_offset));
    names.fold(0, |sum, name| sum.wrapping_add(u64::from(name)))
}

/// Prints the heap memory that parsing leaves, and that plus `borrows` bytes of the input.
fn report_heap<T>(name: &str, input: &[u8], borrows: usize, parse: impl FnOnce() -> T) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let parsed = parse();
    let [held, peak] = [HEAP.current_usage(), HEAP.peak_usage()].map(|bytes| bytes.saturating_sub(before));
    drop(parsed);
    let times = (held + borrows) as f64 / input.len() as f64;
    println!(
        "{name} holds {held} bytes on the heap (at most {peak} while parsing) and borrows {borrows}: \
         {times:.2} times the input"
    );
}

fn input() -> Vec<u8> {
    let named = std::env::var_os("MODBTF_BENCH_BASE");
    let path = named.as_deref().map_or(Path::new(KERNEL), Path::new);
    match std::fs::read(path) {
        Ok(bytes) => {
            println!("base: {}, {} bytes", path.display(), bytes.len());
            bytes
        }
        Err(error) if named.is_some() => panic!("cannot read {}: {error}", path.display()),
        Err(_) => {
            let bytes = made_up();
            println!("base: made up, since there is no {KERNEL}: {} bytes", bytes.len());
            bytes
        }
    }
}

/// Generates BTF of about the size and mix of a distribution kernel's: 90,000 types, a quarter of them pointers or
/// qualifiers.
fn made_up() -> Vec<u8> {
    const GROUPS: u32 = 15_000;
    let mut btf = Builder::new(Endian::NATIVE);
    let int = name(&mut btf, "int");
    let int = btf.add(&Record::int(int, 4, IntData::new(IntData::SIGNED, 0, 32))).expect("an int");
    for n in 0..GROUPS {
        let strukt = name(&mut btf, &format!("structure_{n:07}"));
        let mut record = Record::sized(Kind::Struct, strukt, 48);
        for m in 0..n % 24 {
            let member = name(&mut btf, &format!("member_{:05}", n / 8 + m));
            record = record.member(Member { name: member, ty: int, bit_offset: 32 * m, bitfield_size: 0 });
        }
        let strukt = btf.add(&record).expect("a struct");
        let pointer = btf.add(&Record::reference(Kind::Ptr, StrOff::NONE, strukt)).expect("a pointer");
        btf.add(&Record::reference(Kind::Const, StrOff::NONE, strukt)).expect("a qualifier");
        let record = Record::reference(Kind::FuncProto, StrOff::NONE, int);
        let (a, b) = (name(&mut btf, "self"), name(&mut btf, "other"));
        let proto = btf.add(&record.param(a, pointer).param(b, int)).expect("a prototype");
        let func = name(&mut btf, &format!("some_function_number_{n:08}"));
        btf.add(&Record::reference(Kind::Func, func, proto)).expect("a function");
        let value = name(&mut btf, &format!("SOME_VALUE_{n:07}"));
        let list = Record::sized(Kind::Enum, StrOff::NONE, 4).enumerator(value, i64::from(n));
        btf.add(&list).expect("an enum");
    }
    btf.to_bytes().expect("a few megabytes")
}

fn name(btf: &mut Builder<'_>, name: &str) -> StrOff {
    btf.add_string(name).expect("a string without NUL")
}
