//! Signatures: hashes of what equal structs and unions have in common.

use btf::Kind;

use crate::encoded::{self, FieldRole};
use crate::hash::mix;

/// How deep types without names are followed for a signature.
const MAX_DEPTH: u32 = 64;

/// Types that refer to each other: those of a CU, or of a base.
pub(crate) trait TypeGraph {
    /// The place of the type that a reference leads to; `None` for `void`.
    fn place(&self, reference: u32) -> Option<u32>;

    /// The words of the type at a place.
    fn words(&self, place: u32) -> &[u32];
}

/// The signature of a struct or union with these words. `memo` has a 0 for each place of the graph at first.
#[inline]
pub(crate) fn composite_signature(graph: &impl TypeGraph, memo: &mut [u64], words: &[u32]) -> u64 {
    signature(words, |reference| designation(graph, memo, reference, 0))
}

/// The hash of a type with what its references designate.
#[inline]
fn signature(words: &[u32], mut designate: impl FnMut(u32) -> u64) -> u64 {
    encoded::hash(words, |role, reference| if role == FieldRole::Index { 0 } else { designate(reference) })
}

/// What a reference shows of the type it leads to: the kind and name of one that has a name, else its contents, and so on.
/// A forward declaration shows the same as what it declares, since the two may turn out to be one.
#[inline(always)]
fn designation(graph: &impl TypeGraph, memo: &mut [u64], reference: u32, depth: u32) -> u64 {
    let Some(place) = graph.place(reference).filter(|_| depth <= MAX_DEPTH) else { return CUT };
    match memo.get(place as usize) {
        Some(0) => designation_of(graph, memo, place, depth),
        Some(&known) => known,
        None => CUT,
    }
}

/// What is shown of `void`, and of a type that is followed no further.
const CUT: u64 = 1;

#[inline(never)]
fn designation_of(graph: &impl TypeGraph, memo: &mut [u64], place: u32, depth: u32) -> u64 {
    if let Some(slot) = memo.get_mut(place as usize) {
        *slot = CUT;
    }
    let words = graph.words(place);
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
        signature(words, |reference| designation(graph, memo, reference, depth.wrapping_add(1)))
    };
    let hash = hash.max(2);
    if let Some(slot) = memo.get_mut(place as usize) {
        *slot = hash;
    }
    hash
}
