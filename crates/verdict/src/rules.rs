//! What differs between kernels: one table, and the rules of one kernel.

use crate::version::KernelVersion;

/// What decides a kernel's verdict besides the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The kernel's version.
    pub version: KernelVersion,
    /// `CONFIG_MODULE_ALLOW_BTF_MISMATCH`. Before 5.18 there is no such option and a refused module is not loaded.
    pub allow_mismatch: bool,
    /// `CONFIG_PRINTK_CALLER`: up to 6.2 it shortens the longest record by 16 bytes.
    pub printk_caller: bool,
}

/// One difference between kernels.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// The three numbers of the first release with it.
    pub since: (u32, u32, u32),
    /// What changed.
    pub what: &'static str,
    /// The kernel's commit, or the first source in which it was seen.
    pub source: &'static str,
}

macro_rules! differences {
    ($($name:ident $major:literal, $minor:literal, $patch:literal $what:literal $source:literal;)*) => {
        /// Every difference, in the order of the versions.
        pub const DIFFERENCES: &[Difference] = &[$(Difference {
            since: ($major, $minor, $patch),
            what: $what,
            source: $source,
        }),*];

        impl Rules {
            $(
                #[doc = concat!("Since ", $major, ".", $minor, ".", $patch, ": ", $what)]
                pub(crate) fn $name(&self) -> bool {
                    self.version.at_least($major, $minor, $patch)
                }
            )*
        }
    };
}

differences! {
    has_float 5, 13, 0 "FLOAT is a kind, and the kind has five bits" "b1828f0b0482";
    has_decl_tag 5, 16, 0 "DECL_TAG is a kind" "b5ea834dde6b";
    space_after_bpf 5, 16, 0 "a line begins `BPF: `; before, `BPF:`" "known by logs only: 5.15 prints none, 6.1 does";
    has_type_tag 5, 17, 0 "TYPE_TAG is a kind" "8c42d2fa4eed";
    checks_chains 5, 18, 0 "chains of modifiers are followed: 32 at most, tags before modifiers" "eb596b090558";
    may_allow_mismatch 5, 18, 0 "CONFIG_MODULE_ALLOW_BTF_MISMATCH lets a module load without its BTF" "5e214f2e43e4";
    has_enum64 6, 0, 0 "ENUM64 is a kind" "6089fb325cf7";
    long_names 6, 1, 0 "a name may have 512 bytes; before, 128" "KSYM_NAME_LEN in the source of 6.1";
    dots_in_names 6, 1, 36 "a dot is valid in every name; before, only in names of variables and sections" "about 6.1.36 and 6.4; seen in the source of 6.1.192";
    mismatch_is_quiet 6, 3, 0 "with CONFIG_MODULE_ALLOW_BTF_MISMATCH most lines are left out, and one is printed once a boot" "9cb61e50bf6b";
    long_records 6, 4, 0 "a record has up to 1,021 bytes; before, 989 (973 with CONFIG_PRINTK_CALLER)" "seen in the source of 6.12.117";
    relocates 6, 11, 0 "`.BTF.base` is a distilled base, from which the module's BTF is relocated" "8646db238997";
    printable_sections 6, 12, 0 "the name of a DATASEC may have any printable character" "seen in the source of 6.12.117";
    sorts_two_at_once 6, 12, 0 "`sort()` extracts the two largest elements at once, which decides the order of equal ones" "seen in the source of 6.12.117";
    wide_info 7, 2, 0 "vlen has 24 bits and the kind 7; no bit of the info word is reserved" "seen in the source of 7.2.13";
    tags_anywhere 7, 2, 0 "a type tag may follow a modifier, and tags may have kflag" "seen in the source of 7.2.13";
    has_layout 7, 2, 0 "the header has 32 bytes, with a layout section" "seen in the source of 7.2.13";
    ends_string_warning 7, 2, 0 "the warning about an unmapped string ends its line" "seen in the source of 7.2.13";
}

/// Series whose predictions were held against booted kernels.
const VERIFIED: [KernelVersion; 3] =
    [KernelVersion::series(6, 1), KernelVersion::series(6, 12), KernelVersion::series(7, 2)];

impl Rules {
    /// The rules of a kernel of this version.
    #[must_use]
    pub const fn new(version: KernelVersion, allow_mismatch: bool) -> Self {
        Self { version, allow_mismatch, printk_caller: false }
    }

    /// Whether the predictions for kernels of this series were held against booted ones.
    #[must_use]
    pub fn verified(&self) -> bool {
        VERIFIED.iter().any(|series| series.same_series(self.version))
    }

    /// Whether a module whose BTF is refused is loaded all the same.
    #[must_use]
    pub fn loads_without_btf(&self) -> bool {
        self.allow_mismatch && self.may_allow_mismatch()
    }

    /// The highest number of a kind (`BTF_KIND_MAX`).
    pub(crate) fn last_kind(&self) -> u32 {
        match self {
            _ if self.has_enum64() => 19,
            _ if self.has_type_tag() => 18,
            _ if self.has_decl_tag() => 17,
            _ if self.has_float() => 16,
            _ => 15,
        }
    }

    /// The bits of the info word that must be 0.
    pub(crate) fn reserved_info(&self) -> u32 {
        match self {
            _ if self.wide_info() => 0,
            _ if self.has_float() => 0x60ff_0000,
            _ => 0x70ff_0000,
        }
    }

    /// The longest name in bytes (`KSYM_NAME_LEN`).
    pub(crate) fn longest_name(&self) -> usize {
        if self.long_names() { 512 } else { 128 }
    }

    /// The longest text of a log record in bytes (`vprintk_store`): the buffer also holds a NUL, and the two bytes of the level
    /// (`KERN_ERR`), which are taken off afterwards.
    pub(crate) fn longest_record(&self) -> usize {
        match self {
            _ if self.long_records() => 1021,
            _ if self.printk_caller => 973,
            _ => 989,
        }
    }

    /// The bytes of the header that the kernel knows (`sizeof(struct btf_header)`).
    pub(crate) fn header_len(&self) -> u32 {
        if self.has_layout() { btf::HEADER_LEN_LAYOUT } else { btf::HEADER_LEN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(version: &str) -> Rules {
        Rules::new(version.parse().unwrap(), true)
    }

    #[test]
    fn differences_are_in_order() {
        assert!(DIFFERENCES.is_sorted_by_key(|difference| difference.since));
    }

    #[test]
    fn rules_follow_the_version() {
        assert_eq!(rules("5.11").last_kind(), 15);
        assert_eq!(rules("6.1.192").last_kind(), 19);
        assert_eq!(rules("6.1").reserved_info(), !0x9f00_ffff);
        assert_eq!(rules("5.11").reserved_info(), !0x8f00_ffff);
        assert!(!rules("6.1.35").dots_in_names() && rules("6.1.192").dots_in_names());
        assert!(rules("6.1.0-56-cloud-amd64").dots_in_names() && !rules("6.0").dots_in_names());
        assert!(!rules("5.15").loads_without_btf() && rules("6.1").loads_without_btf());
    }

    #[test]
    fn only_series_that_were_booted_are_verified() {
        assert!(rules("6.12.115+deb13").verified());
        assert!(!rules("6.13").verified() && !rules("5.15").verified());
    }
}
