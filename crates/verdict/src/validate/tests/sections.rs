//! The header, the strings, distilled bases, and what depends on the configuration.

use super::*;
use crate::Errno;

#[test]
fn a_header_is_checked() {
    let bytes = |words, rest: &[u8]| [&header(words)[..], rest].concat();
    let check = |version: &str, btf: &[u8]| verdict_over(version, false, btf, None, &base());
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![0x9f, 0xeb, 1, 0, 24, 0, 0], "hdr_len not found"),
        (header([25, 0, 0, 0, 0]), "btf_header not found"),
        (vec![0; 24], "Invalid magic"),
        (bytes([24, 4, 0, 0, 0], b"abcd"), "Unsupported section found"),
        (bytes([24, 0, 0, 5, 0], b"abcd"), "Invalid section offset"),
        (bytes([24, 0, 4, 2, 2], b"abcd"), "Section overlap found"),
        (bytes([24, 0, 4, 4, 1], b"abcd"), "Total section length too long"),
        (bytes([24, 0, 2, 2, 1], b"abcd"), "Unsupported section found"),
        (bytes([24, 1, 3, 0, 1], b"\0bcd"), "String section is not at the end"),
        (bytes([24, 0, 0, 0, 4], b"abcd"), "Invalid string section"),
        (vec![0x9f, 0xeb, 1, 0, 4, 0, 0, 0], "Unsupported section found"),
    ];
    for (btf, reason) in cases {
        assert_eq!(check("6.1", &btf), plain(reason));
    }
    let with = |nth: usize, byte: u8| {
        let mut bytes = header([24, 0, 0, 0, 0]);
        bytes[nth] = byte;
        bytes
    };
    assert_eq!(check("6.1", &with(2, 2)), refused("BPF: Unsupported version", 524));
    assert_eq!(check("6.1", &with(3, 1)), refused("BPF: Unsupported flags", 524));
    assert_eq!(check("6.1", &with(9, 0)), "accepted", "a header alone");
    let mut longer = header([32, 0, 0, 0, 0]);
    longer.extend_from_slice(&[0; 8]);
    assert_eq!(check("6.1", &longer), "accepted");
    longer[31] = 1;
    assert_eq!(check("6.1", &longer), refused("BPF: Unsupported btf_header", 7));
    assert_eq!(check("7.2", &longer), plain("Total section length too long"), "a layout section");
    assert_eq!(check("6.1", &[]), "no BTF");
}

#[test]
fn strings_may_precede_types_in_a_long_header() {
    let mut btf = header([32, 8, 12, 0, 8]);
    btf.extend_from_slice(&[0; 8]);
    btf.extend_from_slice(b"a\0\0\0\0\0\0\0");
    btf.extend([0, info(PTR, 0), 1].iter().flat_map(|word| word.to_le_bytes()));
    assert_eq!(verdict_over("7.2", false, &btf, None, &base()), "accepted");
    assert_eq!(verdict_over("6.12", false, &btf, None, &base()), plain("String section is not at the end"));
}

#[test]
fn what_is_printed_depends_on_the_configuration() {
    let digit = section(&[DIGIT, info(TYPEDEF, 0), 1], STRINGS);
    let beyond = section(&[BEYOND, info(TYPEDEF, 0), 1], STRINGS);
    let section = section(&[NAME, info(DATASEC, 1), 8, 0, 0, 4], STRINGS);
    let check = |version: &str, btf: &[u8]| verdict_over(version, true, btf, None, &base());
    let once = "Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules|22 loads";
    assert_eq!(check("6.12", &digit), once);
    assert_eq!(check("6.12", &beyond), format!("BPF: [2] Invalid name_offset:10|{once}"));
    let var = "BPF: \t type_id=0 offset=0 size=4|BPF:  |BPF: Invalid type_id|BPF: ";
    assert_eq!(check("6.12", &section), format!("{var}|{once}"), "variables are not left out");
    assert_eq!(check("6.1", &digit), format!("{} loads", of_type("TYPEDEF 9", "type_id=1", "Invalid name")));
    assert_eq!(check("5.15", &digit), of_type("TYPEDEF 9", "type_id=1", "Invalid name").replace("BPF: ", "BPF:"));
}

#[test]
fn the_mismatch_is_reported_once_a_boot() {
    let parsed_base = base();
    let parsed = Btf::parse(&parsed_base).unwrap();
    let running = RawBtf::running(&parsed);
    let rules = Rules::new("6.12".parse().unwrap(), true);
    let kernel = Kernel { base: Some(&running), rules, endian: Endian::Little };
    let btf = section(&[DIGIT, info(TYPEDEF, 0), 1], STRINGS);
    let mut state = BootState::default();
    let mut lines = || kernel.module_btf("m".into(), ModuleBtf { btf: &btf, base: None }, &mut state).lines.len();
    assert_eq!((lines(), lines()), (1, 0));
}

#[test]
fn without_a_base_every_module_is_refused() {
    let rules = Rules::new("6.1".parse().unwrap(), false);
    let kernel = Kernel { base: None, rules, endian: Endian::Little };
    let btf = section(&[], &[]);
    let verdict = kernel.module_btf("m".into(), ModuleBtf { btf: &btf, base: None }, &mut BootState::default());
    assert_eq!(verdict.lines.len(), 1);
    assert_eq!(verdict.load_errno(), Some(Errno::EINVAL));
}

#[test]
fn a_distilled_base_is_relocated_from() {
    let running = section(&[1, info(INT, 0), 4, 32, 1, info(STRUCT, 0), 8], BASE_STRINGS);
    // The distilled base has "int" at 1 and "x" at 5; the module's strings begin at 7.
    let distilled = |types: &[u32]| section(types, b"\0int\0x\0");
    let module = |types: &[u32]| section(types, b"a\0");
    let check = |version: &str, base: &[u32], types: &[u32]| {
        verdict_over(version, false, &module(types), Some(&distilled(base)), &running)
    };
    let pointer = [0, info(PTR, 0), 1];
    assert_eq!(check("6.12", &[1, info(INT, 0), 4, 32], &pointer), "accepted");
    assert_eq!(
        check("6.12", &[1, info(STRUCT, 0), 4], &pointer),
        refused(
            "distilled base BTF type 'int' [1], size 8 has multiple candidates of the same size (ids [2, 1]) in base BTF",
            22
        )
    );
    assert_eq!(
        check("6.12", &[5, info(STRUCT, 0), 4], &pointer),
        refused("distilled base BTF type 'x' [1] is not mapped to base BTF id", 22)
    );
    assert_eq!(
        check("6.12", &[0, info(PTR, 0), 0], &pointer),
        refused("type [1] in distilled based BTF has unexpected kind [2]", 22)
    );
    assert_eq!(
        check("6.12", &[0, info(STRUCT, 0), 4], &pointer),
        refused("type [1], kind [4] is invalid for distilled base BTF; it is anonymous", 22)
    );
    let named = [5, info(FUNC, 0), 1];
    assert_eq!(
        check("6.12", &[1, info(INT, 0), 4, 32], &named),
        refused("string '' [offset 5] is not mapped to base BTF", 2)
    );
    let contained = [7, info(STRUCT, 1), 9, 7, 1, 0];
    assert_eq!(
        check("6.12", &[1, info(STRUCT, 0), 5], &contained),
        refused("distilled base BTF type 'int' [1] is not mapped to base BTF id", 22)
    );
    assert_eq!(
        check("6.12", &[1, info(INT, 0), 4, 32], &[0, info(PTR, 0), 9]),
        format!("{:?}", Undefined::BeyondIdMap)
    );
    assert_eq!(
        check("6.12", &[1, info(INT, 0), 4, 32], &[7, info(STRUCT, 1), 9, 7, 9, 0]),
        format!("{:?}", Undefined::NullPointer)
    );
    let cycle = [0, info(ARRAY, 0), 0, 2, 1, 1, 7, info(STRUCT, 1), 9, 7, 2, 0];
    assert_eq!(check("6.12", &[1, info(INT, 0), 4, 32], &cycle), format!("{:?}", Undefined::EndlessLoop));
    assert_eq!(check("6.1", &[1, info(STRUCT, 0), 4], &pointer), "accepted", "6.1 does not know the section");
}

#[test]
fn a_distilled_base_is_validated_and_never_quiet() {
    let distilled = section(&[2, info(TYPEDEF, 0), 0], b"\x009\0");
    let module = section(&[], &[]);
    let lines = verdict_over("6.12", true, &module, Some(&distilled), &base());
    assert!(lines.starts_with("BPF: [1] Invalid name_offset") || lines.starts_with("BPF: [1] TYPEDEF"), "{lines}");
    let empty = verdict_over("6.12", false, &module, Some(&header([24, 0, 0, 0, 0])), &base());
    assert_eq!(empty, plain("No data"));
    let first = verdict_over("6.12", false, &module, Some(&section(&[], b"x\0")), &base());
    assert_eq!(first, plain("Invalid string section"));
}

proptest::proptest! {
    #[test]
    fn anything_gets_a_verdict(
        btf in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200),
        types in proptest::collection::vec(0_u32..24, 0..40),
        kinds in proptest::collection::vec(1_u32..20, 1..8),
    ) {
        for version in ["5.11", "6.1", "6.12", "7.2"] {
            verdict_over(version, false, &btf, Some(&btf), &base());
            let words: Vec<u32> = types.iter().enumerate()
                .map(|(nth, &word)| if nth % 3 == 1 { info(kinds[nth % kinds.len()], word % 3) } else { word }).collect();
            verdict_over(version, true, &section(&words, STRINGS), Some(&section(&words, BASE_STRINGS)), &base());
        }
    }
}
