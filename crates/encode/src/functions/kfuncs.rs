//! Which functions of a kernel may be called by BPF programs.
//!
//! The kernel lists them in sets (`BTF_KFUNCS_START` and `BTF_ID_FLAGS` in `include/linux/btf_ids.h`): each set, and each
//! entry in it, has a symbol in `.BTF_ids`. A flag of the set is set if it lists such functions; flags of an entry describe the
//! function. The section is read as by pahole (`btf_encoder__collect_kfuncs` in `btf_encoder.c`), which skips what it does not
//! understand. [`kmod::BtfIds`] is not used here, since it refuses a section that is not as `resolve_btfids` expects it.

use std::collections::HashMap;

use kmod::ElfFile;
use util::Endian;

use crate::error::EncodeError;
use crate::ids::id32;
use crate::symbols::{Symbol, Symbols, endian_of};

/// The functions by name, with their flags.
#[derive(Debug, Default)]
pub(crate) struct Kfuncs<'s>(HashMap<&'s [u8], u32>);

/// The flag of a set that lists such functions: `BTF_SET8_KFUNCS`.
const SET_OF_KFUNCS: u32 = 1;
/// The flag of a function that keeps the registers that calls may change: `KF_FASTCALL`.
const FASTCALL: u32 = 1 << 12;

/// The attribute of pointers into an arena.
pub(crate) const ARENA: &[u8] = b"address_space(1)";

/// Which of a function's pointers lead into BPF's arena: `KF_ARENA_RET`, `KF_ARENA_ARG1` and `KF_ARENA_ARG2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arena {
    pub(crate) returns: bool,
    /// The first parameters.
    pub(crate) params: [bool; 2],
}

impl Arena {
    pub(crate) const fn of(flags: u32) -> Self {
        Self { returns: flags >> 13 & 1 == 1, params: [flags >> 14 & 1 == 1, flags >> 15 & 1 == 1] }
    }
}

const SET_PREFIX: &[u8] = b"__BTF_ID__set8__";
const FUNCTION_PREFIX: &[u8] = b"__BTF_ID__func__";

/// The tags that a function gets by its flags.
pub(crate) fn tags_of(flags: u32) -> impl Iterator<Item = &'static [u8]> {
    let fastcall: Option<&[u8]> = (flags & FASTCALL != 0).then_some(b"bpf_fastcall");
    std::iter::once(&b"bpf_kfunc"[..]).chain(fastcall)
}

impl<'s> Kfuncs<'s> {
    /// Reads the sets of a file; one without `.BTF_ids` has none.
    pub(crate) fn of(elf: &ElfFile, symbols: &'s Symbols) -> Result<Self, EncodeError> {
        let Some(head) = elf.find(".BTF_ids") else { return Ok(Self::default()) };
        let section = id32(head.index);
        let ids = Ids { bytes: elf.read_all(&head)?, address: head.address, endian: endian_of(elf) };
        let entries = || symbols.iter().filter(move |symbol| symbol.section == section);
        let is_set = |symbol: &Symbol<'_>| {
            symbol.name().starts_with(SET_PREFIX)
                && ids.flags(symbol.value).is_some_and(|flags| flags & SET_OF_KFUNCS != 0)
        };
        // A set that reaches beyond all addresses ends at the last one.
        let mut sets: Vec<_> =
            entries().filter(is_set).map(|set| set.value..set.value.saturating_add(set.size)).collect();
        sets.sort_by_key(|set| set.start);
        // With each set, the end of the one up to it that reaches furthest.
        let reaches: Vec<u64> = sets
            .iter()
            .scan(0u64, |reach, set| {
                *reach = set.end.max(*reach);
                Some(*reach)
            })
            .collect();
        let is_listed = |value: u64| {
            let before = sets.partition_point(|set| set.start <= value);
            before.checked_sub(1).and_then(|last| reaches.get(last)).is_some_and(|&reach| value < reach)
        };
        let listed = entries().filter(|symbol| is_listed(symbol.value));
        let known = listed.filter_map(|symbol| Some((function_name(symbol.name())?, ids.flags(symbol.value)?)));
        Ok(Self(known.collect()))
    }

    /// The flags of a function, if BPF programs may call it.
    pub(crate) fn flags(&self, name: &[u8]) -> Option<u32> {
        self.0.get(name).copied()
    }
}

/// The content of `.BTF_ids`.
struct Ids {
    bytes: Vec<u8>,
    address: u64,
    endian: Endian,
}

impl Ids {
    /// The second word at an address: the flags of a set or of an entry.
    fn flags(&self, address: u64) -> Option<u32> {
        let place = usize::try_from(address.checked_sub(self.address)?).ok()?.checked_add(4)?;
        self.endian.u32_at(&self.bytes, place)
    }
}

/// The name of the function in that of an entry: `__BTF_ID__func__NAME__NUMBER`.
fn function_name(entry: &[u8]) -> Option<&[u8]> {
    let rest = entry.strip_prefix(FUNCTION_PREFIX)?;
    let end = rest.iter().rposition(|&byte| byte == b'_')?;
    rest.get(..end)?.strip_suffix(b"_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_function_is_between_prefix_and_number() {
        assert_eq!(function_name(b"__BTF_ID__func__vfs_close__1"), Some(&b"vfs_close"[..]));
        assert_eq!(function_name(b"__BTF_ID__func__a__b__77"), Some(&b"a__b"[..]));
        assert_eq!(function_name(b"__BTF_ID__struct__sock__1"), None);
        assert_eq!(function_name(b"__BTF_ID__func__odd_1"), None);
        assert_eq!(function_name(b"__BTF_ID__func__"), None);
    }

    #[test]
    fn flags_beside_the_section_are_none() {
        let ids = Ids { bytes: vec![1, 0, 0, 0, 0, 0x10, 0, 0], address: 100, endian: Endian::Little };
        assert_eq!(ids.flags(100), Some(0x1000));
        assert_eq!([ids.flags(99), ids.flags(101), ids.flags(u64::MAX)], [None; 3]);
        assert_eq!(Ids { endian: Endian::Big, ..ids }.flags(100), Some(0x10_0000));
        assert_eq!(tags_of(0x1000).count(), 2);
        assert_eq!(tags_of(!0x1000).collect::<Vec<_>>(), [b"bpf_kfunc"]);
    }
}
