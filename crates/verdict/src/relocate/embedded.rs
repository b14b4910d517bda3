//! Which distilled structs and unions a module contains by value: their size must match.
//!
//! Source: `btf_mark_embedded_composite_type_ids` in `tools/lib/bpf/btf_relocate.c`.

use btf::{Kind, Role};

use crate::raw_btf::{RawBtf, place};
use crate::undefined::Undefined;

/// Where following a member's type ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At this struct or union.
    Composite(u32),
    /// At something that contains nothing by value.
    Nothing,
    /// At no type.
    NullPointer,
}

/// The distilled types (ids below `distilled`) that a member of a struct or union of the module contains by value.
///
/// The kernel follows each member anew. Here, what was followed once is remembered, so the time is linear.
pub(super) fn find(module: &RawBtf<'_>, distilled: u32) -> Result<Vec<u32>, Undefined> {
    let mut found = Vec::new();
    let mut ends = vec![None; place(module.count())];
    for id in distilled..module.count() {
        let Some(head) = module.get(id).filter(|head| head.kind().is_composite()) else { continue };
        for (role, member) in module.words(head) {
            if role != Role::Type {
                continue;
            }
            match follow(module, member, &mut ends)? {
                End::Composite(id) if id < distilled => found.push(id),
                End::Composite(_) | End::Nothing => {}
                End::NullPointer => return Err(Undefined::NullPointer),
            }
        }
    }
    Ok(found)
}

/// Follows qualifiers, typedefs and arrays.
fn follow(module: &RawBtf<'_>, first: u32, ends: &mut [Option<End>]) -> Result<End, Undefined> {
    let mut path = Vec::new();
    let mut id = first;
    let end = loop {
        if id == 0 {
            break End::Nothing;
        }
        if let Some(&Some(end)) = ends.get(place(id)) {
            break end;
        }
        let Some(head) = module.get(id) else { break End::NullPointer };
        let next = match head.kind() {
            Kind::Const | Kind::Restrict | Kind::Volatile | Kind::Typedef | Kind::TypeTag => head.word,
            Kind::Array => module.holder(id).word(head.offset, 3).unwrap_or_default(),
            Kind::Struct | Kind::Union => break End::Composite(id),
            _ => break End::Nothing,
        };
        path.push(id);
        if path.len() > ends.len() {
            return Err(Undefined::EndlessLoop);
        }
        id = next;
    };
    for id in path {
        if let Some(known) = ends.get_mut(place(id)) {
            *known = Some(end);
        }
    }
    Ok(end)
}
