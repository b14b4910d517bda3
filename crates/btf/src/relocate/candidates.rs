//! Which type of a base stands for each of the distilled base: `btf_relocate_map_distilled_base`.
//!
//! The kernel compares each type of the base with all distilled types of its name. Here those that fit are looked up, since
//! distilled types of one name can be as many as a file holds. A type that fits is found once, or the relocation fails.

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
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy, Hash)]
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
    let index = Index::new(&wanted, embedded);
    for (id, ty) in base.own_types() {
        let Some(needs_size) = looked_for(&ty, &shared) else { continue };
        let Some(name) = base.name(&ty).filter(|_| !ty.name().is_none()) else { continue };
        for candidate in index.fitting(name, &ty, needs_size) {
            if candidate.id == TypeId::VOID {
                return Err(Error::InvalidDistilled { base: id, distilled: candidate.id });
            }
            let place = usize::try_from(candidate.id.0).unwrap_or(usize::MAX);
            let Some(found) = stands_for.get_mut(place) else { continue };
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

/// What a distilled type demands of a type of the base with its name, besides the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Demand {
    /// A forward declaration with this flag, or a struct or union.
    Fwd(bool),
    /// An integer with this encoding.
    Int(Option<u8>),
    Float,
    Enum,
    /// Nothing: a struct or union that the module does not contain by value.
    Anything,
    /// As many bytes: a struct or union that the module contains by value.
    Bytes(u32),
    /// It is `void`, for which nothing may stand.
    Void,
}

impl Demand {
    /// What a distilled type demands; `None` if nothing can stand for it.
    fn of(ty: &Type<'_>, is_embedded: bool) -> Option<Self> {
        Some(match ty.kind() {
            Kind::Void => Self::Void,
            Kind::Fwd => Self::Fwd(ty.kflag()),
            Kind::Int => Self::Int(ty.int().map(IntData::encoding)),
            Kind::Float => Self::Float,
            Kind::Enum => Self::Enum,
            Kind::Struct | Kind::Union if is_embedded => Self::Bytes(bytes(ty)),
            Kind::Struct | Kind::Union => Self::Anything,
            _ => return None,
        })
    }

    /// The requirements of distilled types that a type of the running base satisfies.
    fn met_by(ty: &Type<'_>) -> impl Iterator<Item = Self> {
        let any_fwd = [Some(Self::Fwd(false)), Some(Self::Fwd(true))];
        let own = match ty.kind() {
            Kind::Fwd => [Some(Self::Fwd(ty.kflag())), None],
            Kind::Struct if !ty.kflag() => any_fwd,
            Kind::Union if ty.kflag() => any_fwd,
            Kind::Int => [Some(Self::Int(ty.int().map(IntData::encoding))), None],
            Kind::Float => [Some(Self::Float), None],
            Kind::Enum | Kind::Enum64 => [Some(Self::Enum), None],
            _ => [None, None],
        };
        own.into_iter().flatten().chain([Self::Anything, Self::Bytes(bytes(ty)), Self::Void])
    }
}

/// The types of a distilled base, to be looked up by what may stand for them.
struct Index<'w, 'a> {
    wanted: &'w [Wanted<'a>],
    /// By the place of the first one with the name, the demand, and with and without the size: places in `wanted`, ascending.
    places: HashMap<(usize, Demand, Option<Size>), Vec<usize>>,
}

impl<'w, 'a> Index<'w, 'a> {
    /// `wanted` is in order; `embedded` says, by id, which types the module contains by value.
    fn new(wanted: &'w [Wanted<'a>], embedded: &[bool]) -> Self {
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        let mut first = 0;
        for (place, one) in wanted.iter().enumerate() {
            if wanted.get(first).is_some_and(|before| before.name != one.name) {
                first = place;
            }
            let is_embedded = usize::try_from(one.id.0).ok().and_then(|id| embedded.get(id)) == Some(&true);
            if let Some(demand) = Demand::of(&one.ty, is_embedded) {
                places.entry((first, demand, None)).or_default().push(place);
                places.entry((first, demand, Some(one.size))).or_default().push(place);
            }
        }
        Self { wanted, places }
    }

    /// The distilled types that a type of a base with this name may stand for, in order.
    fn fitting(&self, name: &BStr, ty: &Type<'_>, needs_size: bool) -> impl Iterator<Item = &'w Wanted<'a>> {
        let first = self.wanted.partition_point(|wanted| wanted.name < name);
        let mut fitting = Vec::new();
        if self.wanted.get(first).is_some_and(|wanted| wanted.name == name) {
            let size = needs_size.then(|| Size::of(ty));
            let places = Demand::met_by(ty).filter_map(|demand| self.places.get(&(first, demand, size)));
            fitting.extend(places.flatten().copied());
            fitting.sort_unstable();
        }
        fitting.into_iter().filter_map(|place| self.wanted.get(place))
    }
}
