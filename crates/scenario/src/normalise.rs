//! The normaliser: what varies by build is renamed, what matters stays.
//!
//! A kernel's complaint about BTF names type ids, offsets and string offsets. They change with every build of the same
//! source, while the check that fired, the errno and the order of the lines do not. Each [`Rule`] finds one kind of
//! varying number and renames it: the first value of a class becomes `<class#1>`, the next other one `<class#2>`, and an
//! equal value gets an equal name, so that "the same id again" stays visible. Zero is never renamed: it means *void*, *no
//! name* or *at the start*.
//!
//! A [`Normaliser`] is one scope of names. The records of one step are one scope, so a change in one module's log does
//! not rename its neighbours'.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

/// What a renamed number is. Values are equal only within a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A type id.
    Type,
    /// An offset into the strings.
    String,
    /// An offset of a member or a variable.
    Offset,
    /// An address in the kernel's memory, or whatever else a register held.
    Address,
    /// The bytes around an instruction: addresses are among them.
    Code,
    /// A process id.
    Process,
    /// A speed that a driver measured.
    Speed,
}

impl Class {
    const fn word(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::String => "str",
            Self::Offset => "off",
            Self::Address => "addr",
            Self::Code => "code",
            Self::Process => "pid",
            Self::Speed => "speed",
        }
    }
}

/// One rule: the numbers that a pattern's groups capture are of a class.
pub struct Rule {
    /// The rule's name, for counting its hits.
    pub name: &'static str,
    class: Class,
    pattern: Regex,
}

/// Every rule. Where two match the same number, the earlier one has it.
pub static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    // `kernel/bpf/btf.c` is the source of the `BPF:` lines (`__btf_verifier_log_type`, `btf_verifier_log_member`,
    // `btf_verifier_log_vsi`, the `*_log` of each kind); `tools/lib/bpf/btf_relocate.c` of the relocation's.
    let rules = [
        ("type-in-brackets", Class::Type, r"^BPF: ?\[(\d+)\]"),
        ("type-referred-to", Class::Type, r"^BPF:.*?\b(?:type_id|type|return)=(\d+)"),
        ("array-index-type", Class::Type, r"^BPF:.*?\bindex_type_id=(\d+)"),
        ("prototype-argument", Class::Type, r"^BPF: ?(?:args=\()?(\d+)(?: [A-Za-z_.]|[,)])"),
        ("member-offset", Class::Offset, r"^BPF:.*?\b(?:bits_)?offset=(\d+)"),
        ("name-offset", Class::String, r"^BPF:.*?\bname_offset:(\d+)"),
        ("relocated-type", Class::Type, r"\btype (?:'[^']*' )?\[(\d+)\]"),
        ("relocated-id", Class::Type, r"\bBTF id \[(\d+)\]"),
        ("relocated-candidates", Class::Type, r"\(ids \[(\d+), (\d+)\]\)"),
        ("relocated-string", Class::String, r"^string '.*' \[offset (\d+)\]"),
        // `arch/x86/kernel/dumpstack.c` and `process_64.c`: the registers and the code of a warning or an oops.
        ("register-or-address", Class::Address, r"\b(?:0x)?([0-9a-f]{16})\b"),
        ("code-bytes", Class::Code, r"^Code: (.+)$"),
        ("process-id", Class::Process, r"\bPID: (\d+)"),
        // `lib/raid6/algos.c`, `crypto/xor.c`: measured, so another instruction before it is another figure.
        ("speed", Class::Speed, r"\b(\d+) MB/s"),
    ];
    rules
        .into_iter()
        .map(|(name, class, pattern)| Rule { name, class, pattern: Regex::new(pattern).expect("a constant pattern") })
        .collect()
});

/// One scope of renamed values, and how often each rule matched in it.
#[derive(Debug, Default)]
pub struct Normaliser {
    names: BTreeMap<Class, Vec<String>>,
    hits: BTreeMap<&'static str, usize>,
}

impl Normaliser {
    /// A scope in which nothing has been renamed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A record's text, as `/dev/kmsg` escapes it, with its varying numbers renamed.
    pub fn line(&mut self, text: &str) -> String {
        let mut found: Vec<(usize, usize, Class)> = Vec::new();
        for rule in RULES.iter() {
            for captures in rule.pattern.captures_iter(text) {
                for group in captures.iter().skip(1).flatten() {
                    let (start, end) = (group.start(), group.end());
                    let taken = found.iter().any(|&(from, to, _)| start < to && from < end);
                    let zero = group.as_str().bytes().all(|byte| byte == b'0');
                    if !zero && !taken {
                        found.push((start, end, rule.class));
                        *self.hits.entry(rule.name).or_default() += 1;
                    }
                }
            }
        }
        found.sort_unstable_by_key(|&(start, ..)| start);

        let mut line = String::with_capacity(text.len());
        let mut at = 0;
        for (start, end, class) in found {
            line.push_str(&text[at..start]);
            line.push_str(&self.rename(class, &text[start..end]));
            at = end;
        }
        line.push_str(&text[at..]);
        line
    }

    /// How often each rule matched in this scope. A rule without a hit is absent.
    #[must_use]
    pub fn hits(&self) -> &BTreeMap<&'static str, usize> {
        &self.hits
    }

    fn rename(&mut self, class: Class, value: &str) -> String {
        let names = self.names.entry(class).or_default();
        let at = names.iter().position(|name| name == value).unwrap_or_else(|| {
            names.push(value.to_owned());
            names.len() - 1
        });
        format!("<{}#{}>", class.word(), at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one rule does, and that it is that rule which does it.
    fn check(rule: &str, text: &str, expected: &str) {
        let mut normaliser = Normaliser::new();
        assert_eq!(normaliser.line(text), expected);
        assert!(normaliser.hits().contains_key(rule), "{rule} did not match: {:?}", normaliser.hits());
    }

    #[test]
    fn each_rule_renames_its_number() {
        check("type-in-brackets", "BPF: [45626] Invalid name_offset:0", "BPF: [<type#1>] Invalid name_offset:0");
        check("type-in-brackets", "BPF:[45626] STRUCT ", "BPF:[<type#1>] STRUCT ");
        check("type-referred-to", r"BPF: \x09 type_id=28 bits_offset=0", r"BPF: \x09 type_id=<type#1> bits_offset=0");
        check("type-referred-to", "BPF: type=7 component_idx=-1", "BPF: type=<type#1> component_idx=-1");
        check("type-referred-to", "BPF: return=7 args=(", "BPF: return=<type#1> args=(");
        check(
            "array-index-type",
            "BPF: type_id=28 index_type_id=9 nr_elems=16",
            "BPF: type_id=<type#1> index_type_id=<type#2> nr_elems=16",
        );
        check("prototype-argument", "BPF: 12 dentry, ", "BPF: <type#1> dentry, ");
        check("member-offset", r"BPF: \x09x type_id=0 bits_offset=608", r"BPF: \x09x type_id=0 bits_offset=<off#1>");
        check("member-offset", "BPF: \\x09 type_id=0 offset=16 size=8", "BPF: \\x09 type_id=0 offset=<off#1> size=8");
        check("name-offset", "BPF: [0] Invalid name_offset:798900", "BPF: [0] Invalid name_offset:<str#1>");
        check(
            "relocated-type",
            "distilled base BTF type 'sk_buff' [7] is not mapped to base BTF id",
            "distilled base BTF type 'sk_buff' [<type#1>] is not mapped to base BTF id",
        );
        check(
            "relocated-id",
            "base BTF id [7] maps to invalid distilled base BTF id [8]",
            "base BTF id [<type#1>] maps to invalid distilled base BTF id [<type#2>]",
        );
        check(
            "relocated-candidates",
            "distilled base BTF type 'x' [3], size 8 has multiple candidates of the same size (ids [5, 3]) in base BTF",
            "distilled base BTF type 'x' [<type#1>], size 8 has multiple candidates of the same size (ids [<type#2>, <type#1>]) in base BTF",
        );
        check(
            "relocated-string",
            "string 'int' [offset 77] is not mapped to base BTF",
            "string 'int' [offset <str#1>] is not mapped to base BTF",
        );
        check("register-or-address", "at ffffffffc0401234 in", "at <addr#1> in");
        check(
            "register-or-address",
            "FS:  0000000000000000(0000) GS:ff45d481faa00000(0000)",
            "FS:  0000000000000000(0000) GS:<addr#1>(0000)",
        );
        check("code-bytes", "Code: 0c 24 <0f> 0b", "Code: <code#1>");
        check("process-id", "CPU: 0 PID: 253 Comm: x", "CPU: 0 PID: <pid#1> Comm: x");
        check("speed", "raid6: avx2x4   gen()  1436 MB/s", "raid6: avx2x4   gen()  <speed#1> MB/s");
    }

    #[test]
    fn every_rule_has_a_test_here() {
        let source = include_str!("normalise.rs");
        for rule in RULES.iter() {
            let quoted = format!("\"{}\"", rule.name);
            assert!(source.matches(&quoted).count() > 1, "{} is not tested", rule.name);
        }
    }

    #[test]
    fn equal_values_get_equal_names_and_other_values_other_names() {
        let mut normaliser = Normaliser::new();
        assert_eq!(normaliser.line("BPF: [7] PTR "), "BPF: [<type#1>] PTR ");
        assert_eq!(normaliser.line("BPF: type_id=9"), "BPF: type_id=<type#2>");
        assert_eq!(normaliser.line("BPF: type_id=7"), "BPF: type_id=<type#1>");
        assert_eq!(normaliser.line("BPF: [9] Invalid name_offset:7"), "BPF: [<type#2>] Invalid name_offset:<str#1>");
    }

    #[test]
    fn what_matters_stays() {
        for text in [
            "failed to validate module [overlay] BTF: -22",
            "BPF: Invalid name",
            "BPF: ",
            "BPF:  ",
            "BPF: size=4 vlen=3",
            "BPF: vlen != 0",
            r"BPF: \x09 type_id=0 bits_offset=0",
            "overlay: disagrees about version of symbol module_layout",
            "Invalid btf_info:82000000",
            "usbcore: registered new interface driver hub 12 type=3",
        ] {
            let mut normaliser = Normaliser::new();
            assert_eq!(normaliser.line(text), text);
            assert!(normaliser.hits().is_empty());
        }
    }
}
