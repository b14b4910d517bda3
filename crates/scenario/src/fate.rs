//! What became of one module, told from what the guest reported: loaded or not, with its BTF or without, and which check
//! of the kernel's spoke against it.

use guest_protocol::{Load, Record, SysfsBtf};
use nix::errno::Errno;
use serde::Serialize;

use crate::transcript::Given;

/// What became of a module and of its BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Loaded, and sysfs shows its BTF, byte for byte its `.BTF` section.
    Kept,
    /// Loaded, and sysfs shows BTF of other bytes than its `.BTF` section (as after a relocation against `.BTF.base`).
    Relocated,
    /// Loaded, but its BTF was dropped.
    Dropped,
    /// Loaded; it has no BTF to lose.
    Bare,
    /// Not loaded, because its BTF was refused.
    Refused,
    /// Not loaded, because a symbol that it imports has another CRC in the running kernel.
    Crc,
    /// Not loaded, for a reason that has nothing to do with BTF.
    Failed,
}

impl Fate {
    /// Every fate, in the order of tables.
    pub const ALL: [Self; 7] =
        [Self::Kept, Self::Relocated, Self::Dropped, Self::Bare, Self::Refused, Self::Crc, Self::Failed];

    /// What became of the module that a step loaded.
    #[must_use]
    pub fn of(given: &Given, load: &Load, records: &[Record]) -> Self {
        if load.errno != 0 {
            return if validation_errno(&load.module, records) == Some(-load.errno) {
                Self::Refused
            } else if records.iter().any(|record| record.text.contains(": disagrees about version of symbol ")) {
                Self::Crc
            } else {
                Self::Failed
            };
        }
        match (&given.btf, &load.btf) {
            (Some(section), Some(shown)) if section == shown => Self::Kept,
            (_, Some(_)) => Self::Relocated,
            (Some(SysfsBtf { size: 1.., .. }), None) => Self::Dropped,
            (_, None) => Self::Bare,
        }
    }

    /// Whether the kernel took the module and its BTF.
    #[must_use]
    pub const fn accepted(self) -> bool {
        matches!(self, Self::Kept | Self::Relocated)
    }

    /// The words for tables.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Kept => "loads with its BTF",
            Self::Relocated => "loads with relocated BTF",
            Self::Dropped => "loads, loses its BTF",
            Self::Bare => "loads, has no BTF",
            Self::Refused => "refused for its BTF",
            Self::Crc => "refused by CRC",
            Self::Failed => "does not load",
        }
    }
}

/// The errno's name, `EINVAL`, or its number where it has none for user space (524 is the kernel's own `ENOTSUPP`).
#[must_use]
pub fn errno_name(errno: i32) -> String {
    match Errno::from_raw(errno) {
        Errno::UnknownErrno => errno.to_string(),
        known => format!("{known:?}"),
    }
}

/// The errno with which the kernel refused a module's BTF, negative, as it printed it.
///
/// Source: `kernel/bpf/btf.c`, `btf_module_notify`: `failed to validate module [%s] BTF: %ld`.
#[must_use]
pub fn validation_errno(module: &str, records: &[Record]) -> Option<i32> {
    let opening = format!("failed to validate module [{module}] BTF: ");
    records.iter().find_map(|record| record.text.strip_prefix(&opening)?.trim_end().parse().ok())
}

/// The kernel's reason, in its own words: the last `BPF:` line that says anything before the module's BTF was refused,
/// or, for a module that did not load, the last line about that module.
#[must_use]
pub fn reason<'a>(module: &str, records: &'a [Record]) -> Option<&'a str> {
    let said = |record: &'a Record| {
        let text = record.text.strip_prefix("BPF:")?.trim();
        (!text.is_empty()).then_some(text)
    };
    let own = |record: &'a Record| {
        let text = record.text.strip_prefix(module)?.strip_prefix(": ")?.trim();
        (!text.is_empty()).then_some(text)
    };
    records.iter().rev().find_map(said).or_else(|| records.iter().rev().find_map(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(btf: Option<SysfsBtf>) -> Given {
        Given { module: "overlay".into(), path: "kernel/fs/overlayfs/overlay.ko".into(), btf }
    }

    fn load(errno: i32, btf: Option<SysfsBtf>) -> Load {
        Load { module: "overlay".into(), errno, live: errno == 0, btf }
    }

    fn btf(size: u64, digit: char) -> SysfsBtf {
        SysfsBtf { size, sha256: digit.to_string().repeat(64) }
    }

    fn records(lines: &[&str]) -> Vec<Record> {
        let record = |text: &&str| Record { seq: 0, us: 0, level: 3, text: (*text).to_owned() };
        lines.iter().map(record).collect()
    }

    #[test]
    fn a_module_that_loads_is_judged_by_its_bytes_in_sysfs() {
        let section = btf(100, 'a');
        let of = |given_btf, shown| Fate::of(&given(given_btf), &load(0, shown), &[]);
        assert_eq!(of(Some(section.clone()), Some(section.clone())), Fate::Kept);
        assert_eq!(of(Some(section.clone()), Some(btf(100, 'b'))), Fate::Relocated);
        assert_eq!(of(Some(section), None), Fate::Dropped);
        assert_eq!(of(Some(btf(0, 'e')), None), Fate::Bare);
        assert_eq!(of(None, None), Fate::Bare);
    }

    #[test]
    fn a_refusal_is_the_btf_s_only_if_the_kernel_said_so_of_this_module_with_this_errno() {
        let of = |errno, lines: &[&str]| Fate::of(&given(Some(btf(1, 'a'))), &load(errno, None), &records(lines));
        assert_eq!(of(22, &["BPF: Invalid name", "failed to validate module [overlay] BTF: -22"]), Fate::Refused);
        assert_eq!(of(22, &["failed to validate module [exportfs] BTF: -22"]), Fate::Failed);
        assert_eq!(of(19, &["failed to validate module [overlay] BTF: -22"]), Fate::Failed);
        assert_eq!(of(8, &["overlay: disagrees about version of symbol module_layout"]), Fate::Crc);
        assert_eq!(of(19, &[]), Fate::Failed);
    }

    #[test]
    fn the_reason_is_the_last_line_that_says_anything() {
        let lines = ["BPF: \\x09 type_id=28 bits_offset=608", "BPF:  ", "BPF: Invalid name", "BPF: "];
        let log = records(&[&lines[..], &["failed to validate module [overlay] BTF: -22"]].concat());
        assert_eq!(reason("overlay", &log), Some("Invalid name"));
        assert_eq!(
            reason("overlay", &records(&["overlay: Unknown symbol exportfs_x (err -2)", "other: x"])),
            Some("Unknown symbol exportfs_x (err -2)")
        );
        assert_eq!(reason("overlay", &records(&["other: x"])), None);
    }

    #[test]
    fn errnos_have_names_where_user_space_has_them() {
        assert_eq!(errno_name(22), "EINVAL");
        assert_eq!(errno_name(524), "524");
    }
}
