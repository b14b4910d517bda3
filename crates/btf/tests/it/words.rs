//! Types written word by word as in `include/uapi/linux/btf.h`. These tests find errors that the writer and the
//! reader have in common.

use btf::{Array, Btf, Enumerator, Kind, Member, Param, SectionVar, StrOff, Type, TypeId};

/// The type that consists of these words.
fn with<T>(words: &[u32], check: impl FnOnce(Type<'_>) -> T) -> T {
    let types: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let length = u32::try_from(types.len()).unwrap().to_le_bytes();
    let header = [[0x9f, 0xeb, 1, 0], [24, 0, 0, 0], [0; 4], length, length, [1, 0, 0, 0]];
    let bytes = [header.as_flattened(), &types, &[0]].concat();
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.len(), 1);
    check(btf.nth(0).unwrap())
}

#[test]
fn int() {
    with(&[9, 0x0100_0000, 4, 0x0105_0020], |ty| {
        let data = ty.int().unwrap();
        assert_eq!((ty.kind(), ty.name(), ty.size()), (Kind::Int, StrOff(9), Some(4)));
        assert_eq!((data.encoding(), data.bit_offset(), data.bits()), (1, 5, 32));
    });
}

#[test]
fn references() {
    let kinds = [Kind::Ptr, Kind::Typedef, Kind::Volatile, Kind::Const, Kind::Restrict, Kind::Func, Kind::TypeTag];
    for (kind, number) in kinds.into_iter().zip([2, 8, 9, 10, 11, 12, 18]) {
        with(&[5, number << 24, 77], |ty| {
            assert_eq!((ty.kind(), ty.name(), ty.target(), ty.size()), (kind, StrOff(5), Some(TypeId(77)), None));
        });
    }
}

#[test]
fn array() {
    let expected = Array { element: TypeId(6), index: TypeId(7), count: 8 };
    with(&[0, 0x0300_0000, 0, 6, 7, 8], |ty| assert_eq!(ty.array(), Some(expected)));
}

#[test]
fn composites() {
    let plain = Member { name: StrOff(3), ty: TypeId(4), bit_offset: 0x0500_0020, bitfield_size: 0 };
    let field = Member { bit_offset: 0x20, bitfield_size: 5, ..plain };
    for (info, kind, member) in [
        (0x0400_0001, Kind::Struct, plain),
        (0x0500_0001, Kind::Union, plain),
        (0x8400_0001, Kind::Struct, field),
        (0x8500_0001, Kind::Union, field),
    ] {
        with(&[1, info, 64, 3, 4, 0x0500_0020], |ty| {
            assert_eq!((ty.kind(), ty.size()), (kind, Some(64)));
            assert!(ty.members().eq([member]));
        });
    }
}

#[test]
fn enums() {
    let value = |ty: Type<'_>| ty.enumerators().collect::<Vec<_>>();
    let expected = |value| vec![Enumerator { name: StrOff(3), value }];
    assert_eq!(with(&[1, 0x0600_0001, 4, 3, 0xffff_fffe], value), expected(0xffff_fffe));
    assert_eq!(with(&[1, 0x8600_0001, 4, 3, 0xffff_fffe], value), expected(-2));
    assert_eq!(with(&[1, 0x1300_0001, 8, 3, 2, 0xffff_ffff], value), expected(0xffff_ffff_0000_0002));
    assert_eq!(with(&[1, 0x9300_0001, 8, 3, 2, 0xffff_ffff], value), expected(-0xffff_fffe));
}

#[test]
fn forward() {
    with(&[1, 0x0700_0000, 0], |ty| assert_eq!((ty.kind(), ty.kflag()), (Kind::Fwd, false)));
    with(&[1, 0x8700_0000, 0], |ty| assert_eq!((ty.kind(), ty.kflag()), (Kind::Fwd, true)));
}

#[test]
fn prototype() {
    with(&[0, 0x0d00_0002, 4, 3, 5, 0, 0], |ty| {
        let params = [(3, 5), (0, 0)].map(|(name, ty)| Param { name: StrOff(name), ty: TypeId(ty) });
        assert_eq!(ty.target(), Some(TypeId(4)));
        assert!(ty.params().eq(params));
    });
}

#[test]
fn function_linkage_is_its_vlen() {
    with(&[1, 0x0c00_0002, 4], |ty| assert_eq!((ty.kind(), ty.linkage()), (Kind::Func, Some(2))));
}

#[test]
fn variable_and_section() {
    with(&[1, 0x0e00_0000, 4, 1], |ty| assert_eq!((ty.target(), ty.linkage()), (Some(TypeId(4)), Some(1))));
    let expected = SectionVar { ty: TypeId(7), offset: 8, size: 9 };
    with(&[1, 0x0f00_0001, 17, 7, 8, 9], |ty| {
        assert_eq!(ty.size(), Some(17));
        assert!(ty.section_vars().eq([expected]));
    });
}

#[test]
fn float_and_tags() {
    with(&[1, 0x1000_0000, 8], |ty| assert_eq!((ty.kind(), ty.size()), (Kind::Float, Some(8))));
    with(&[1, 0x1100_0000, 4, 0xffff_ffff], |ty| {
        assert_eq!((ty.kind(), ty.target(), ty.component()), (Kind::DeclTag, Some(TypeId(4)), Some(-1)));
    });
    with(&[1, 0x9200_0000, 4], |ty| assert_eq!((ty.kind(), ty.kflag()), (Kind::TypeTag, true)));
}
