//! Normalising kernel log lines: parts that vary by build become placeholders. Important parts stay.
//!
//! A kernel's complaint about BTF contains type ids, offsets and string offsets. They change with every build of the
//! same source. The check that failed, the errno and the order of the lines do not. Each [`PlaceholderRule`] finds
//! one kind of varying number and replaces it: the first value of a kind becomes `<kind#1>`, the next different one
//! `<kind#2>`, and equal values get equal placeholders, so "the same id again" stays visible. Zero is never replaced:
//! it means *void*, *no name* or *at the start*.
//!
//! The logs of kernels built from source vary more than those of pinned prebuilt ones: a point release changes the
//! release string, and a shifted string offset leads to another name. So some rules apply only to the logs of built
//! kernels ([`PlaceholderRule::built_only`]). An empty name, and `(anon)`, which the kernel prints for no name, stay.
//!
//! A [`Normaliser`] is one scope of placeholders. The records of one step are one scope, so a change in one module's log
//! does not change the placeholders of another's.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

/// The kind of a placeholder. Values are compared only within a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placeholder {
    /// A type id.
    Type,
    /// An offset into the strings.
    String,
    /// An offset of a member or a variable.
    Offset,
    /// An address in the kernel's memory, or another register value.
    Address,
    /// The bytes around an instruction, which include addresses.
    Code,
    /// A process id.
    Process,
    /// A speed measured by a driver.
    Speed,
    /// A name found at a string offset.
    Name,
    /// A kernel's release.
    Release,
}

impl Placeholder {
    const fn word(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::String => "str",
            Self::Offset => "off",
            Self::Address => "addr",
            Self::Code => "code",
            Self::Process => "pid",
            Self::Speed => "speed",
            Self::Name => "name",
            Self::Release => "release",
        }
    }
}

/// One rule: a pattern, and the placeholder that replaces the numbers or names captured by its groups.
pub struct PlaceholderRule {
    /// The rule's name, for counting its matches.
    pub name: &'static str,
    /// Whether it applies only to logs of kernels that were built from source.
    pub built_only: bool,
    class: Placeholder,
    pattern: Regex,
}

/// Every rule. If two match the same number, the earlier one applies.
pub static RULES: LazyLock<Vec<PlaceholderRule>> = LazyLock::new(|| {
    // Sources: `kernel/bpf/btf.c` for the `BPF:` lines (`__btf_verifier_log_type`, `btf_verifier_log_member`,
    // `btf_verifier_log_vsi`, the `*_log` of each kind); `tools/lib/bpf/btf_relocate.c` for those of the relocation.
    let rules = [
        ("type-in-brackets", Placeholder::Type, r"^BPF: ?\[(\d+)\]"),
        ("type-referred-to", Placeholder::Type, r"^BPF:.*?\b(?:type_id|type|return)=(\d+)"),
        ("array-index-type", Placeholder::Type, r"^BPF:.*?\bindex_type_id=(\d+)"),
        ("prototype-argument", Placeholder::Type, r"^BPF: ?(?:args=\(|, )?(\d+)(?: [A-Za-z_.]|[,)])"),
        ("member-offset", Placeholder::Offset, r"^BPF:.*?\b(?:bits_)?offset=(\d+)"),
        ("name-offset", Placeholder::String, r"^BPF:.*?\bname_offset:(\d+)"),
        ("relocated-type", Placeholder::Type, r"\btype (?:'[^']*' )?\[(\d+)\]"),
        ("relocated-id", Placeholder::Type, r"\bBTF id \[(\d+)\]"),
        ("relocated-candidates", Placeholder::Type, r"\(ids \[(\d+), (\d+)\]\)"),
        ("relocated-string", Placeholder::String, r"^string '.*' \[offset (\d+)\]"),
        // Sources: `arch/x86/kernel/dumpstack.c` and `process_64.c`, for the registers and the code in a warning or
        // an oops.
        ("register-or-address", Placeholder::Address, r"\b(?:0x)?([0-9a-f]{16})\b"),
        ("code-bytes", Placeholder::Code, r"^Code: (.+)$"),
        ("process-id", Placeholder::Process, r"\bPID: (\d+)"),
        // Sources: `lib/raid6/algos.c`, `crypto/xor.c`. The speed is measured, so it changes with the instructions
        // executed before.
        ("speed", Placeholder::Speed, r"\b(\d+) MB/s"),
    ];
    let of_built = [
        ("type-name", Placeholder::Name, r"^BPF: ?\[\d+\] [A-Z_0-9]+ (\S+)"),
        ("member-name", Placeholder::Name, r"^BPF: ?\\x09(\S+) (?:type_id|bitfield_size)="),
        ("argument-name", Placeholder::Name, r"^BPF: ?(?:args=\(|, )?\d+ ([A-Za-z_.][^\s,)]*)"),
        // `kernel-configs/fragments/base.config` sets the suffix of the release.
        ("release", Placeholder::Release, r"\b(\d+\.\d+\.\d+\S*?-modbtf)\b"),
    ];
    let rule = |built_only| {
        move |(name, class, pattern)| {
            let pattern = Regex::new(pattern).expect("a constant pattern");
            PlaceholderRule { name, built_only, class, pattern }
        }
    };
    rules.into_iter().map(rule(false)).chain(of_built.into_iter().map(rule(true))).collect()
});

/// The kernel's output for a type or member without a name. It stays.
///
/// Source: `kernel/bpf/btf.c`, `__btf_name_by_offset`.
const ANONYMOUS: &str = "(anon)";

/// One scope of placeholders, and the number of matches of each rule in it.
#[derive(Debug, Default)]
pub struct Normaliser {
    of_built: bool,
    names: BTreeMap<Placeholder, Vec<String>>,
    hits: BTreeMap<&'static str, usize>,
}

impl Normaliser {
    /// An empty scope for the logs of prebuilt kernels.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty scope for the logs of kernels that were built from source.
    #[must_use]
    pub fn of_built() -> Self {
        Self { of_built: true, ..Self::default() }
    }

    /// [`Normaliser::of_built`] or [`Normaliser::new`].
    #[must_use]
    pub fn of_kernels(built: bool) -> Self {
        if built { Self::of_built() } else { Self::new() }
    }

    /// Normalises one kernel log line: a record's text, as `/dev/kmsg` escapes it.
    pub fn line(&mut self, text: &str) -> String {
        let mut found: Vec<(usize, usize, Placeholder)> = Vec::new();
        for rule in RULES.iter().filter(|rule| self.of_built || !rule.built_only) {
            for captures in rule.pattern.captures_iter(text) {
                for group in captures.iter().skip(1).flatten() {
                    let (start, end) = (group.start(), group.end());
                    let taken = found.iter().any(|&(from, to, _)| start < to && from < end);
                    let none = group.as_str() == ANONYMOUS || group.as_str().bytes().all(|byte| byte == b'0');
                    if !none && !taken {
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

    /// The number of matches of each rule in this scope. A rule without matches is absent.
    #[must_use]
    pub fn hits(&self) -> &BTreeMap<&'static str, usize> {
        &self.hits
    }

    fn rename(&mut self, class: Placeholder, value: &str) -> String {
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

    /// Checks the result of one rule, and that this rule produced it.
    fn check(rule: &str, text: &str, expected: &str) {
        check_with(Normaliser::new(), rule, text, expected);
    }

    fn check_with(mut normaliser: Normaliser, rule: &str, text: &str, expected: &str) {
        assert_eq!(normaliser.line(text), expected);
        assert!(normaliser.hits().contains_key(rule), "{rule} did not match: {:?}", normaliser.hits());
    }

    #[test]
    fn each_rule_of_built_kernels_renames_its_name() {
        let check = |rule, text, expected| {
            check_with(Normaliser::of_built(), rule, text, expected);
            let mut prebuilt = Normaliser::new();
            prebuilt.line(text);
            assert!(!prebuilt.hits().contains_key(rule), "{rule} is for built kernels only");
        };
        check("type-name", "BPF: [45626] STRUCT imary_device ", "BPF: [<type#1>] STRUCT <name#1> ");
        check("type-name", "BPF:[45626] ENUM64 9lives", "BPF:[<type#1>] ENUM64 <name#1>");
        let member = r"BPF: \x09refs type_id=28 bits_offset=608";
        check("member-name", member, r"BPF: \x09<name#1> type_id=<type#1> bits_offset=<off#1>");
        let bitfield = r"BPF: \x09a\x01b type_id=28 bitfield_size=1 bits_offset=608";
        check("member-name", bitfield, r"BPF: \x09<name#1> type_id=<type#1> bitfield_size=1 bits_offset=<off#1>");
        check("argument-name", "BPF: 12 sk", "BPF: <type#1> <name#1>");
        check("argument-name", "BPF: , 12 sk", "BPF: , <type#1> <name#1>");
        check("release", "Linux version 6.1.192-modbtf (modbtf@modbtf)", "Linux version <release#1> (modbtf@modbtf)");
        check("release", "Not tainted 7.2.0-rc1-modbtf #1", "Not tainted <release#1> #1");
    }

    #[test]
    fn names_keep_their_equality_and_no_name_is_not_renamed() {
        let mut normaliser = Normaliser::of_built();
        assert_eq!(normaliser.line("BPF: [7] STRUCT a "), "BPF: [<type#1>] STRUCT <name#1> ");
        assert_eq!(
            normaliser.line(r"BPF: \x09b type_id=7 bits_offset=0"),
            r"BPF: \x09<name#2> type_id=<type#1> bits_offset=0"
        );
        assert_eq!(normaliser.line("BPF: [8] STRUCT a "), "BPF: [<type#2>] STRUCT <name#1> ");
        assert_eq!(normaliser.line("BPF: [9] ENUM (anon) "), "BPF: [<type#3>] ENUM (anon) ");
        assert_eq!(normaliser.line("BPF: [9] FUNC  "), "BPF: [<type#3>] FUNC  ");
        for text in [
            r"BPF: \x09 type_id=0 bits_offset=0",
            r"BPF: \x09(anon) type_id=0 bits_offset=0",
            "BPF: size=4 vlen=3",
            "BPF: Invalid name",
            "BPF: vlen != 0",
            "failed to validate module [overlay] BTF: -22",
            "string 'int' [offset 0] is not mapped to base BTF",
        ] {
            assert_eq!(normaliser.line(text), text);
        }
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
        check("prototype-argument", "BPF: , 12 sk", "BPF: , <type#1> sk");
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
        let source = include_str!("kernel_log.rs");
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
    fn line_keeps_what_is_not_a_placeholder() {
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
