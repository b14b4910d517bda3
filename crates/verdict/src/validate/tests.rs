//! Each check, with the lines that it logs. Here are the sections that the tests are made of.

mod sections;
mod types;

use btf::{Btf, Endian};

use crate::{BootState, Fate, Kernel, ModuleBtf, RawBtf, Rules, Undefined};

/// A name in the base: "int" at 1.
const BASE_STRINGS: &[u8] = b"\0int\0";
/// Names of the module, from offset 5 on: "a" at 5, "9" at 7, "" at 9.
const STRINGS: &[u8] = b"a\x009\0\0";
const NAME: u32 = 5;
const DIGIT: u32 = 7;
const EMPTY: u32 = 9;
const BEYOND: u32 = 10;

/// The base: one INT, id 1. The module's first id is 2.
fn base() -> Vec<u8> {
    section(&[1, info(INT, 0), 4, 32], BASE_STRINGS)
}

const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const FWD: u32 = 7;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const FUNC: u32 = 12;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const FLOAT: u32 = 16;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;
const KFLAG: u32 = 1 << 31;

fn info(kind: u32, vlen: u32) -> u32 {
    (kind << 24) | vlen
}

fn header(words: [u32; 5]) -> Vec<u8> {
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

fn section(types: &[u32], strings: &[u8]) -> Vec<u8> {
    let length = 4 * types.len() as u32;
    let mut bytes = header([24, 0, length, length, strings.len() as u32]);
    bytes.extend(types.iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend_from_slice(strings);
    bytes
}

/// The verdict on `.BTF`, and `.BTF.base` if there is one: lines joined by `|`, then the errno or `accepted`.
fn verdict_over(version: &str, allow: bool, btf: &[u8], distilled: Option<&[u8]>, base: &[u8]) -> String {
    let parsed = Btf::parse(base).unwrap();
    let running = RawBtf::running(&parsed);
    let rules = Rules::new(version.parse().unwrap(), allow);
    let kernel = Kernel { base: Some(&running), rules, endian: Endian::Little };
    let mut state = BootState::default();
    let verdict = kernel.module_btf("m".into(), ModuleBtf { btf, base: distilled }, &mut state);
    let mut out: Vec<String> = verdict.lines.iter().map(|line| line.record(&rules).to_string()).collect();
    out.push(match verdict.fate {
        Fate::Accepted { .. } => "accepted".into(),
        Fate::Refused { errno, loads } => format!("{}{}", errno.0, if loads { " loads" } else { "" }),
        Fate::NoBtf => "no BTF".into(),
        Fate::Undefined(undefined) => format!("{undefined:?}"),
    });
    out.join("|")
}

fn verdict(version: &str, types: &[u32]) -> String {
    verdict_over(version, false, &section(types, STRINGS), None, &base())
}

fn refused(lines: &str, errno: i32) -> String {
    format!("{lines}|failed to validate module [m] BTF: -{errno}|{errno}")
}

/// What a check of a type prints: `KIND NAME`, details, reason.
fn of_type(subject: &str, details: &str, reason: &str) -> String {
    refused(&format!("BPF: [2] {subject} |BPF: {details}|BPF:  |BPF: {reason}|BPF: "), 22)
}

fn basic(subject: &str, reason: &str) -> String {
    refused(&format!("BPF: [2] {subject}|BPF:  |BPF: {reason}|BPF: "), 22)
}

fn member(line: &str, reason: &str) -> String {
    refused(&format!("BPF: \t{line}|BPF:  |BPF: {reason}|BPF: "), 22)
}

fn plain(reason: &str) -> String {
    refused(&format!("BPF: {reason}"), 22)
}
