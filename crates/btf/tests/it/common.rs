//! BTF that several tests use.

use btf::{Builder, Endian, IntData, Kind, KindLayout, Member, Record, Role, StrOff, TypeId};

/// Real split BTF of Debian's modules: see `tests/samples/README.md`.
pub const SAMPLES: [(&str, &[u8]); 4] = [
    ("dummy-6.1.0-56", include_bytes!("../samples/dummy-6.1.0-56.btf")),
    ("veth-6.1.0-56", include_bytes!("../samples/veth-6.1.0-56.btf")),
    ("overlay-6.1.0-56", include_bytes!("../samples/overlay-6.1.0-56.btf")),
    ("overlay-6.12.115", include_bytes!("../samples/overlay-6.12.115.btf")),
];

/// The recorded output of [`every_kind`]: little-endian, and big-endian with a layout section.
pub const FROZEN: [(Endian, bool, &[u8]); 2] = [
    (Endian::Little, false, include_bytes!("../samples/every-kind-little.btf")),
    (Endian::Big, true, include_bytes!("../samples/every-kind-big-layout.btf")),
];

/// One type of every kind. The id of each equals the number of its kind.
pub fn every_kind(endian: Endian) -> Builder<'static> {
    let mut btf = Builder::new(endian);
    let records = [
        Record::int(name(&mut btf, "int"), 4, IntData::new(IntData::SIGNED, 0, 32)),
        Record::reference(Kind::Ptr, StrOff::NONE, TypeId(1)),
        Record::array(TypeId(2), TypeId(1), 7),
        with_bitfields(&mut btf),
        Record::sized(Kind::Union, name(&mut btf, "either"), 8).member(member(name(&mut btf, "number"), 1, 0, 0)),
        Record::sized(Kind::Enum, name(&mut btf, "sign"), 4)
            .with_kflag(true)
            .enumerator(name(&mut btf, "MINUS"), -1)
            .enumerator(name(&mut btf, "PLUS"), 1),
        Record::new(Kind::Fwd).named(name(&mut btf, "later")).with_kflag(true),
        Record::reference(Kind::Typedef, name(&mut btf, "int_t"), TypeId(1)),
        Record::reference(Kind::Volatile, StrOff::NONE, TypeId(8)),
        Record::reference(Kind::Const, StrOff::NONE, TypeId::VOID),
        Record::reference(Kind::Restrict, StrOff::NONE, TypeId(2)),
        Record::reference(Kind::Func, name(&mut btf, "run"), TypeId(13)).with_vlen(1),
        Record::reference(Kind::FuncProto, StrOff::NONE, TypeId(1))
            .param(name(&mut btf, "format"), TypeId(2))
            .param(StrOff::NONE, TypeId::VOID),
        Record::reference(Kind::Var, name(&mut btf, "counter"), TypeId(1)).with(Role::Linkage, 1),
        Record::sized(Kind::Datasec, name(&mut btf, ".data..percpu"), 16).element(&[
            (Role::Type, 14),
            (Role::Offset, 8),
            (Role::Length, 4),
        ]),
        Record::sized(Kind::Float, name(&mut btf, "double"), 8),
        Record::reference(Kind::DeclTag, name(&mut btf, "bpf_kfunc"), TypeId(12)).with(Role::Component, u32::MAX),
        Record::reference(Kind::TypeTag, name(&mut btf, "user"), TypeId(1)),
        Record::sized(Kind::Enum64, name(&mut btf, "wide"), 8)
            .enumerator(name(&mut btf, "HIGH"), 0x0123_4567_89ab_cdef),
    ];
    for record in records {
        btf.add(&record).expect("a record that fits its kind");
    }
    btf
}

/// A layout section with every known kind.
pub fn full_layout() -> impl Iterator<Item = KindLayout> {
    Kind::KNOWN.iter().map(|kind| {
        let shape = kind.shape().expect("a known kind");
        let [fixed, element] = [shape.fixed, shape.element].map(|roles| 4 * u8::try_from(roles.len()).expect("a few"));
        KindLayout { fixed, element, flags: 0 }
    })
}

fn with_bitfields(btf: &mut Builder<'_>) -> Record {
    let record = Record::sized(Kind::Struct, name(btf, "device"), 8).with_kflag(true);
    let record = record.member(member(name(btf, "id"), 1, 0, 0));
    record.member(member(name(btf, "up"), 1, 32, 3)).member(member(name(btf, "down"), 1, 35, 29))
}

fn name(btf: &mut Builder<'_>, name: &str) -> StrOff {
    btf.add_string(name).expect("a string without NUL")
}

fn member(name: StrOff, ty: u32, bit_offset: u32, bitfield_size: u8) -> Member {
    Member { name, ty: TypeId(ty), bit_offset, bitfield_size }
}
