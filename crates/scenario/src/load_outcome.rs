//! The outcome of loading one module, derived from the guest's report: whether it was loaded, whether it kept its
//! BTF, and which of the kernel's checks failed.

use guest_protocol::{Record, SysfsBtf};
use nix::errno::Errno;
use serde::Serialize;

use crate::boots::transcript::LoadStep;

/// The outcome for a module and its BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadOutcome {
    /// Loaded, and the BTF in sysfs equals its `.BTF` section byte for byte.
    Kept,
    /// Loaded, and the BTF in sysfs differs from its `.BTF` section (for example after a relocation against
    /// `.BTF.base`).
    Relocated,
    /// Loaded, but its BTF was dropped.
    Dropped,
    /// Loaded; it has no BTF.
    Bare,
    /// Not loaded because its BTF was refused.
    Refused,
    /// Not loaded because an imported symbol has another CRC in the running kernel.
    Crc,
    /// Not loaded for a reason unrelated to BTF.
    Failed,
}

impl LoadOutcome {
    /// Every outcome, in the order of tables.
    pub const ALL: [Self; 7] =
        [Self::Kept, Self::Relocated, Self::Dropped, Self::Bare, Self::Refused, Self::Crc, Self::Failed];

    /// The outcome for the module that a step loaded.
    #[must_use]
    pub fn of(step: &LoadStep<'_>) -> Self {
        let LoadStep { given, load, records, allows_btf_mismatch } = *step;
        if load.errno != 0 {
            // A kernel that allows a mismatch continues without the BTF. A later failure has another cause, even if
            // the errno is the same.
            let refused = validation_errno(&load.module, records).and_then(i32::checked_neg);
            return if !allows_btf_mismatch && refused == Some(load.errno) {
                Self::Refused
            } else if crc_differs(&load.module, records) {
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

    /// Whether the kernel accepted the module and its BTF.
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

/// The name of an errno, `EINVAL`, or its number if it has no name in user space (524 is the kernel-internal
/// `ENOTSUPP`).
#[must_use]
pub fn errno_name(errno: i32) -> String {
    match Errno::from_raw(errno) {
        Errno::UnknownErrno => errno.to_string(),
        known => format!("{known:?}"),
    }
}

/// The errno with which the kernel refused a module's BTF, negative, as in its log.
///
/// Source: `kernel/bpf/btf.c`, `btf_module_notify`: `failed to validate module [%s] BTF: %ld`.
#[must_use]
pub fn validation_errno(module: &str, records: &[Record]) -> Option<i32> {
    let opening = format!("failed to validate module [{module}] BTF: ");
    records.iter().find_map(|record| record.text.strip_prefix(&opening)?.trim_end().parse().ok())
}

/// Whether the kernel logged that an imported symbol has another CRC.
///
/// Source: `kernel/module/version.c`, `check_version`: `%s: disagrees about version of symbol %s`.
fn crc_differs(module: &str, records: &[Record]) -> bool {
    let opening = format!("{module}: disagrees about version of symbol ");
    records.iter().any(|record| record.text.starts_with(&opening))
}

/// The kernel's own words about a module: the last `BPF:` line with content, else that it refused the BTF without
/// such a line, else the last line with the module's name, which need not be a complaint.
#[must_use]
pub fn objection(module: &str, records: &[Record]) -> Option<String> {
    let last = |find: &dyn Fn(&str) -> Option<String>| records.iter().rev().find_map(|record| find(&record.text));
    let worded = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    last(&|text| worded(text.strip_prefix("BPF:")?))
        .or_else(|| {
            validation_errno(module, records).map(|errno| format!("BTF refused with {errno}, without a reason"))
        })
        .or_else(|| last(&|text| worded(text.strip_prefix(module)?.strip_prefix(": ")?)))
}

#[cfg(test)]
mod tests {
    use guest_protocol::Load;

    use super::*;
    use crate::boots::transcript::GivenModule;

    fn given(btf: Option<SysfsBtf>) -> GivenModule {
        GivenModule { module: "overlay".into(), path: "kernel/fs/overlayfs/overlay.ko".into(), btf }
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

    fn of(btf: Option<SysfsBtf>, load: Load, records: &[Record], allows_btf_mismatch: bool) -> LoadOutcome {
        LoadOutcome::of(&LoadStep { given: &given(btf), load: &load, records, allows_btf_mismatch })
    }

    #[test]
    fn a_module_that_loads_is_judged_by_its_bytes_in_sysfs() {
        let section = btf(100, 'a');
        let of = |given, shown| of(given, load(0, shown), &[], true);
        assert_eq!(of(Some(section.clone()), Some(section.clone())), LoadOutcome::Kept);
        assert_eq!(of(Some(section.clone()), Some(btf(100, 'b'))), LoadOutcome::Relocated);
        assert_eq!(of(Some(section), None), LoadOutcome::Dropped);
        assert_eq!(of(Some(btf(0, 'e')), None), LoadOutcome::Bare);
        assert_eq!(of(None, None), LoadOutcome::Bare);
    }

    #[test]
    fn a_refusal_is_the_btf_s_only_if_the_kernel_said_so_of_this_module_with_this_errno() {
        let strict = |errno, lines: &[&str]| of(Some(btf(1, 'a')), load(errno, None), &records(lines), false);
        let lenient = |errno, lines: &[&str]| of(Some(btf(1, 'a')), load(errno, None), &records(lines), true);
        let refusal = ["BPF: Invalid name", "failed to validate module [overlay] BTF: -22"];
        assert_eq!(strict(22, &refusal), LoadOutcome::Refused);
        assert_eq!(lenient(22, &refusal), LoadOutcome::Failed);
        assert_eq!(strict(22, &["failed to validate module [exportfs] BTF: -22"]), LoadOutcome::Failed);
        assert_eq!(strict(19, &["failed to validate module [overlay] BTF: -22"]), LoadOutcome::Failed);
        assert_eq!(lenient(8, &["overlay: disagrees about version of symbol module_layout"]), LoadOutcome::Crc);
        assert_eq!(lenient(8, &["exportfs: disagrees about version of symbol module_layout"]), LoadOutcome::Failed);
        assert_eq!(strict(19, &[]), LoadOutcome::Failed);
    }

    #[test]
    fn an_errno_that_cannot_be_negated_is_no_panic() {
        let lines = records(&["failed to validate module [overlay] BTF: -2147483648"]);
        assert_eq!(of(Some(btf(1, 'a')), load(i32::MIN, None), &lines, false), LoadOutcome::Failed);
    }

    #[test]
    fn the_objection_is_the_last_line_that_says_anything() {
        let objection = |lines: &[&str]| objection("overlay", &records(lines));
        let refused = "failed to validate module [overlay] BTF: -22";
        let lines = ["BPF: \\x09 type_id=28 bits_offset=608", "BPF:  ", "BPF: Invalid name", "BPF: ", refused];
        assert_eq!(objection(&lines).as_deref(), Some("Invalid name"));
        assert_eq!(objection(&[refused]).as_deref(), Some("BTF refused with -22, without a reason"));
        let unknown = ["overlay: Unknown symbol exportfs_x (err -2)", "other: x"];
        assert_eq!(objection(&unknown).as_deref(), Some("Unknown symbol exportfs_x (err -2)"));
        assert_eq!(objection(&["other: x"]), None);
    }

    #[test]
    fn errnos_have_names_where_user_space_has_them() {
        assert_eq!(errno_name(22), "EINVAL");
        assert_eq!(errno_name(524), "524");
    }
}
