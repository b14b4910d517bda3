//! Which type of a base stands for each of the distilled base: `btf_relocate_map_distilled_base`.

use core::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use bstr::BStr;

use crate::relocate::Error;
use crate::{IntData, Kind, StrOff, Type, TypeId, View};

/// What was found for every type of a distilled base.
pub(super) struct Found {
    /// By id in the distilled base: the base's type. `void` stands for itself.
    pub(super) stands_for: Vec<TypeId>,
    /// By offset of a name in the distilled base: its offset in the base.
    pub(super) names: HashMap<StrOff, StrOff>,
}

/// A type of the distilled base, `void` included, as it is looked up.
struct Wanted<'a> {
    name: &'a BStr,
    size: Size,
    id: TypeId,
    ty: Type<'a>,
}

/// A size in bytes by which types are looked up: the kernel keeps 31 bits of it, next to a flag.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
struct Size(u32);

impl Size {
    fn of(ty: &Type<'_>) -> Self {
        Self(bytes(ty) & 0x7fff_ffff)
    }
}

/// The third word of a type that has no references: its size in bytes, 0 for a forward declaration and `void`.
fn bytes(ty: &Type<'_>) -> u32 {
    ty.size().unwrap_or(0)
}

/// Looks for every type of the distilled base in a base. `embedded` says, by id, which of them the module contains by
/// value.
pub(super) fn find(distilled: View<'_>, base: View<'_>, embedded: &[bool]) -> Result<Found, Error> {
    let wanted = wanted(distilled);
    let shared = shared_names(base);
    let mut stands_for: Vec<TypeId> = wanted.iter().map(|_| TypeId::VOID).collect();
    let mut names = HashMap::new();
    for (id, ty) in base.own_types() {
        let Some(needs_size) = looked_for(&ty, &shared) else { continue };
        let Some(name) = base.name(&ty).filter(|_| !ty.name().is_none()) else { continue };
        for candidate in with_name(&wanted, name) {
            if needs_size && Size::of(&ty) != candidate.size {
                continue;
            }
            if candidate.id == TypeId::VOID {
                return Err(Error::InvalidDistilled { base: id, distilled: candidate.id });
            }
            let place = usize::try_from(candidate.id.0).unwrap_or(usize::MAX);
            let embedded = embedded.get(place).copied().unwrap_or_default();
            let Some(found) = stands_for.get_mut(place).filter(|_| fits(&candidate.ty, &ty, embedded)) else {
                continue;
            };
            if *found != TypeId::VOID {
                let (name, size) = (name.into(), bytes(&ty));
                return Err(Error::Ambiguous { name, distilled: candidate.id, size, candidates: [*found, id] });
            }
            *found = id;
            names.insert(candidate.ty.name(), ty.name());
        }
    }
    let lost = distilled.own_types().zip(stands_for.iter().skip(1)).find(|(_, found)| **found == TypeId::VOID);
    match lost {
        Some(((distilled_id, ty), _)) => {
            let name = distilled.name(&ty).unwrap_or_default().into();
            Err(Error::NotMapped { name, distilled: distilled_id })
        }
        None => Ok(Found { stands_for, names }),
    }
}

/// The types of the distilled base and `void`, by name, the largest of those with one name first. The kernel leaves
/// open which of two with one name and size comes first; it matters only to which of them an error names.
fn wanted(distilled: View<'_>) -> Vec<Wanted<'_>> {
    let void = core::iter::once((TypeId::VOID, Type::VOID));
    let wanted = |(id, ty)| Wanted { name: distilled.name(&ty).unwrap_or_default(), size: Size::of(&ty), id, ty };
    let mut all: Vec<_> = void.chain(distilled.own_types()).map(wanted).collect();
    all.sort_by_key(|wanted| (wanted.name, Reverse(wanted.size), wanted.id));
    all
}

fn with_name<'w, 'a>(wanted: &'w [Wanted<'a>], name: &BStr) -> impl Iterator<Item = &'w Wanted<'a>> {
    let first = wanted.partition_point(|wanted| wanted.name < name);
    let length = |from: &[Wanted<'_>]| from.partition_point(|wanted| wanted.name == name);
    let from = wanted.get(first..).unwrap_or_default();
    from.iter().take(length(from))
}

/// The names that several structs or unions of a base have, told apart by where the string lies.
fn shared_names(base: View<'_>) -> HashSet<StrOff> {
    let mut once = HashSet::new();
    let composite = base.own_types().map(|(_, ty)| ty).filter(|ty| ty.kind().is_composite() && !ty.name().is_none());
    composite.map(|ty| ty.name()).filter(|&name| !once.insert(name)).collect()
}

/// Whether a type of a base may stand for anything, and if so, whether it is looked up by size as well as by name.
fn looked_for(ty: &Type<'_>, shared: &HashSet<StrOff>) -> Option<bool> {
    match ty.kind() {
        Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 => Some(true),
        Kind::Fwd => Some(false),
        Kind::Struct | Kind::Union => Some(shared.contains(&ty.name())),
        _ => None,
    }
}

/// Whether a type of a base may stand for one of the distilled base with the same name.
fn fits(distilled: &Type<'_>, base: &Type<'_>, embedded: bool) -> bool {
    match (distilled.kind(), base.kind()) {
        (Kind::Fwd, Kind::Fwd) => distilled.kflag() == base.kflag(),
        (Kind::Fwd, Kind::Struct) => !base.kflag(),
        (Kind::Fwd, Kind::Union) => base.kflag(),
        (Kind::Int, Kind::Int) => base.int().map(IntData::encoding) == distilled.int().map(IntData::encoding),
        (Kind::Float, Kind::Float) | (Kind::Enum, Kind::Enum | Kind::Enum64) => true,
        (Kind::Struct | Kind::Union, _) => !embedded || bytes(base) == bytes(distilled),
        _ => false,
    }
}
