//! What the kernel makes of a module whose BTF brings a distilled base of its own.
//!
//! A module that is built outside the kernel's tree carries, from 6.11 on, two sections: `.BTF`, and `.BTF.base` below
//! it. The latter, the *distilled* base, has of the base that the module was built with only what the module refers to:
//! the names, kinds and sizes of integers, floats, forward declarations, structs, unions and enums. When the module is
//! loaded, the kernel looks for each of them in the running base and renumbers the module's BTF to what it finds. So
//! the BTF survives another base, at the price of what a distilled type does not say: members and values may have
//! changed.
//!
//! [`relocate`] does the same. The source of every rule here is `btf_relocate` in `tools/lib/bpf/btf_relocate.c`, which
//! the kernel compiles too, called from `btf_parse_module` in `kernel/bpf/btf.c`, after it validated both sections. In
//! 6.12 and 7.2 the two are the same but for a newline at the end of one message, so there is nothing to choose by
//! version.
//!
//! # The rules
//!
//! A type of the running base stands for a type of the distilled base of the same name if
//!
//! - the distilled one is an integer: it is one of the same size and encoding; the number of bits may differ;
//! - … a float: it is one of the same size;
//! - … an enum: it is an enum of either width of the same size. Values are not known;
//! - … a struct or union: it has the same size, where the module contains the type by value, or where the base has
//!   several structs or unions with that name; elsewhere the size may differ. Its kind is *not* compared: a union, a
//!   forward declaration, or an enum or integer of the same size stands for a struct as well;
//! - … a forward declaration: it is one with the same kflag, or a struct *without* kflag, or a union *with* kflag. In a
//!   forward declaration kflag tells a union from a struct, but here it is the struct's own, which says that it has
//!   bit-fields: a forward declaration of a struct finds no struct with bit-fields, and one of a union no union
//!   without.
//!
//! Each needs exactly one. Whether the base has several structs or unions with a name is decided by the name's string
//! offset: the same, as long as the base has each string once.
//!
//! # The result
//!
//! The bytes of `.BTF` with words of its types replaced: header, strings and all else stay. Ids of the distilled base
//! become those of the running one; the module's own ids and string offsets move by the difference in number of types
//! and length of strings. An offset into the distilled base's strings must be where the name of one of its types
//! begins, and becomes the offset of the name that was found.

use std::collections::HashMap;

use crate::{Btf, Field, Kind, Section, StrOff, TypeId, Value, View};

mod candidates;
mod embedded;
mod error;

#[cfg(test)]
mod tests;

pub use error::Error;

/// Split BTF that was relocated to a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocated {
    /// What the kernel then has in `/sys/kernel/btf/<module>`. It is to be read over the base that it was relocated to.
    pub bytes: Vec<u8>,
    /// For each type of the distilled base, `void` first, the base's type that stands for it. The kernel passes the ids
    /// in a module's `.BTF_ids` through the same map.
    pub stands_for: Vec<TypeId>,
}

/// Relocates a module's BTF from the distilled base that it brings to a full base: the running one, or any other.
///
/// The kernel validates both of the module's sections before it relocates. That is not done here: what a validated
/// module cannot have is an error or passes through.
///
/// It takes a look-up by name for each type of the base, and a look at every type of the distilled base that has the
/// same name.
///
/// # Errors
/// What the kernel refuses, in its order: the first thing that it stumbles on. And what it does not foresee: see
/// [`Error::errno`].
pub fn relocate(distilled: &Btf<'_>, split: &Btf<'_>, base: &Btf<'_>) -> Result<Relocated, Error> {
    let view = split.over(distilled);
    only_what_can_be_distilled(distilled.alone())?;
    let embedded = embedded::find(view)?;
    let found = candidates::find(distilled.alone(), base.alone(), &embedded)?;
    let moves = Moves { view, base: base.alone(), stands_for: found.stands_for, names: found.names };
    let mut bytes = split.bytes().to_vec();
    rewrite(&mut bytes, view, |holder, field| moves.id(holder, field))?;
    rewrite(&mut bytes, view, |holder, field| moves.string(holder, field))?;
    Ok(Relocated { bytes, stands_for: moves.stands_for })
}

/// `btf_relocate_validate_distilled_base`.
fn only_what_can_be_distilled(distilled: View<'_>) -> Result<(), Error> {
    for (id, ty) in distilled.own_types() {
        let kind = ty.kind();
        match kind {
            Kind::Int | Kind::Float | Kind::Enum | Kind::Struct | Kind::Union | Kind::Fwd => {}
            _ => return Err(Error::UnexpectedKind { id, kind }),
        }
        if ty.name().is_none() {
            return Err(Error::Anonymous { id, kind });
        }
    }
    Ok(())
}

/// Where ids and string offsets go.
struct Moves<'a> {
    /// The module over its distilled base.
    view: View<'a>,
    base: View<'a>,
    /// By id in the distilled base.
    stands_for: Vec<TypeId>,
    /// By offset of a name in the distilled base: where it is in the base.
    names: HashMap<StrOff, StrOff>,
}

impl Moves<'_> {
    /// `btf_relocate_rewrite_type_id`. That function takes any id for one that it has a place for.
    fn id(&self, holder: TypeId, field: Field) -> Result<Option<u32>, Error> {
        let Value::Type(id) = field.value() else { return Ok(None) };
        let (before, after) = (self.view.first_id(), self.base.type_count());
        if self.view.is_own(id) {
            return Ok(Some(id.0.wrapping_sub(before.0).wrapping_add(after)));
        }
        let place = usize::try_from(id.0).ok();
        let found = place.and_then(|place| self.stands_for.get(place));
        found.map(|found| Some(found.0)).ok_or(Error::NoSuchType { holder, id })
    }

    /// `btf_relocate_rewrite_strs`.
    fn string(&self, holder: TypeId, field: Field) -> Result<Option<u32>, Error> {
        let Value::Name(offset) = field.value() else { return Ok(None) };
        if offset.is_none() {
            return Ok(None);
        }
        if self.view.is_own_string(offset) {
            let after = self.base.own().header().strings.length;
            return Ok(Some(offset.0.wrapping_sub(self.view.first_string().0).wrapping_add(after)));
        }
        let found = self.names.get(&offset);
        found.map(|found| Some(found.0)).ok_or_else(|| Error::StringNotMapped {
            holder,
            offset,
            string: self.view.string(offset).unwrap_or_default().into(),
        })
    }
}

/// Replaces the words of a module's types for which there is another. What is asked about is what the module had
/// before.
fn rewrite(
    bytes: &mut [u8],
    view: View<'_>,
    mut other: impl FnMut(TypeId, Field) -> Result<Option<u32>, Error>,
) -> Result<(), Error> {
    let mut start = view.own().header().range(Section::Types).start;
    for (id, ty) in view.own_types() {
        if ty.kind().shape().is_none() {
            return Err(Error::UnknownKind { id, kind: ty.kind().number() });
        }
        for field in ty.fields() {
            let Some(word) = other(id, field)? else { continue };
            let offset = usize::try_from(start.saturating_add(u64::from(field.offset))).ok();
            let place = offset.and_then(|offset| bytes.get_mut(offset..)).and_then(<[u8]>::first_chunk_mut);
            if let Some(place) = place {
                *place = ty.endian().write_u32(word);
            }
        }
        start = start.saturating_add(ty.bytes().len() as u64);
    }
    Ok(())
}
