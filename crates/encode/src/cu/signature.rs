//! Signatures: hashes of what equal structs and unions have in common.

use btf::Kind;

use crate::cu::reference::LOCAL;
use crate::encoded::{self, FieldRole};
use crate::hash::mix;

/// How deep types without names are followed for a signature.
const MAX_DEPTH: u32 = 64;

/// The hash of a type with what its references designate.
pub(crate) fn signature(words: &[u32], mut designate: impl FnMut(u32) -> u64) -> u64 {
    encoded::hash(words, |role, id| if role == FieldRole::Index { 0 } else { designate(id) })
}

/// What a reference shows of the type it leads to: the kind and name of one that has a name, else its contents, and so on.
/// A forward declaration shows the same as what it declares, since the two may turn out to be one.
#[inline]
pub(crate) fn designation<'g>(
    graph: &impl Fn(u32) -> &'g [u32],
    memo: &mut [u64],
    index: u32,
    is_void: bool,
    depth: u32,
) -> u64 {
    if is_void || depth > MAX_DEPTH {
        return CUT;
    }
    match memo.get(index as usize) {
        Some(0) => designation_of(graph, memo, index, depth),
        Some(&known) => known,
        None => CUT,
    }
}

/// What is shown of `void`, and of a type that is followed no further.
const CUT: u64 = 1;

fn designation_of<'g>(graph: &impl Fn(u32) -> &'g [u32], memo: &mut [u64], index: u32, depth: u32) -> u64 {
    if let Some(slot) = memo.get_mut(index as usize) {
        *slot = CUT;
    }
    let words = graph(index);
    let name = encoded::name(words);
    let kind = encoded::kind(words);
    let class = match kind {
        Kind::Fwd if encoded::info(words) >> 31 == 1 => Kind::Union,
        Kind::Fwd => Kind::Struct,
        Kind::Enum64 => Kind::Enum,
        kind => kind,
    };
    let hash = if !name.is_empty() && !matches!(kind, Kind::TypeTag | Kind::Func | Kind::Var | Kind::DeclTag) {
        mix(u64::from(class.number()), u64::from(name.raw()))
    } else {
        signature(words, |id| designation(graph, memo, id & !LOCAL, id == 0, depth.wrapping_add(1)))
    };
    let hash = hash.max(2);
    if let Some(slot) = memo.get_mut(index as usize) {
        *slot = hash;
    }
    hash
}
