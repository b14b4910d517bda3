//! Distilling: giving a module's BTF its own base, so that it stays valid on other kernels than the one it was built
//! for.
//!
//! From 6.11 on, a module that is built outside of the kernel's tree has a section `.BTF.base` in addition to `.BTF`.
//! It contains enough of the original base to find the same types in another base. The kernel does this when it loads
//! the module: see [`mod@crate::relocate`].
//!
//! # The rules
//!
//! The source of every rule is `btf__distill_base` in `tools/lib/bpf/btf.c`. pahole calls it for
//! `--btf_features=distilled_base` and, from Linux 7.0 on, resolve_btfids calls it for `--distill_base`. It is the
//! same in 6.12 and 7.2. A type of the base is needed if the module refers to it, or if a needed type refers to it,
//! except through the members of a named struct or union. Of the needed types,
//!
//! - integers, floats and forward declarations are copied to the distilled base unchanged;
//! - named structs, unions and enums are copied there without members and values: only kind, name and size remain. An
//!   enum of 64 bits becomes an enum;
//! - all others are reached only through other types, or have no name to search for. They are copied to the module,
//!   after its own types.
//!
//! Both parts keep the order of the ids. A module cannot refer to functions, variables, data sections and declaration
//! tags of a base. Strings are stored without duplicates, in the order of their use, those of the distilled base
//! first.

use std::collections::HashMap;

use bstr::ByteSlice as _;

use crate::{Btf, Builder, Field, Kind, ParseError, Record, StrOff, Type, TypeId, Value, View, WriteError};

/// Split BTF with its own base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distilled {
    /// The content of `.BTF`.
    pub split: Vec<u8>,
    /// The content of `.BTF.base`, the base of `split`.
    pub base: Vec<u8>,
}

/// The reason why BTF could not be distilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no base.
    #[error("cannot distill: the BTF has no base; distill split BTF instead from one")]
    NoBase,
    /// The split BTF refers to a type of the base to which references are not allowed.
    #[error(
        "cannot distill: type {holder} refers to type {id} of the base, which is of kind {kind}; re-encode the module"
    )]
    UnexpectedKind {
        /// The type that refers to it.
        holder: TypeId,
        /// The base's type.
        id: TypeId,
        /// Its kind.
        kind: Kind,
    },
    /// A type refers to one that does not exist.
    #[error("cannot distill: type {holder} refers to type {id}, which does not exist; re-encode the module")]
    NoSuchType {
        /// The type that refers to it.
        holder: TypeId,
        /// The id that it refers to.
        id: TypeId,
    },
    /// A name lies outside the strings.
    #[error("cannot distill: type {holder} has a name at offset {offset}, where there is no string")]
    NoSuchString {
        /// The type.
        holder: TypeId,
        /// The offset.
        offset: StrOff,
    },
    /// A type of the module is of an unknown kind, so its references are unknown.
    #[error("cannot distill: type {id} is of kind {kind}, which is not known; use a newer version of this program")]
    UnknownKind {
        /// The type.
        id: TypeId,
        /// The number of its kind.
        kind: u8,
    },
    /// The result cannot be written.
    #[error("cannot write what was distilled")]
    Write(#[from] WriteError),
    /// The distilled base cannot be read again.
    #[error("cannot read the distilled base again, over which the module is to be written")]
    Read(#[from] ParseError),
}

/// Splits the base of `view` into the part that its own BTF needs for relocation to another base, and the part that
/// moves to the module.
///
/// # Errors
/// See [`enum@Error`]. libbpf refuses the same inputs, except that it does not detect dangling names and references.
pub fn distill(view: View<'_>) -> Result<Distilled, Error> {
    if view.base().is_none() {
        return Err(Error::NoBase);
    }
    let needed = needed(view)?;
    let of_base = |place: Place| {
        let types = view.base_view().into_iter().flat_map(|base| base.own_types()).zip(needed.iter().skip(1));
        types.filter(move |(_, needed)| **needed == Some(place)).map(|(ty, _)| ty)
    };
    let mut ids = HashMap::from([(TypeId::VOID, TypeId::VOID)]);

    let mut builder = Builder::new(view.own().endian());
    for (id, ty) in of_base(Place::Below) {
        let new = match Below::of(&ty) {
            Below::AsItIs => copy(&mut builder, view, (id, &ty), &ids)?,
            Below::Sized(kind) => {
                let name = string(view, id, ty.name())?;
                let name = builder.add_string(name)?;
                builder.add(&Record::sized(kind, name, ty.size().unwrap_or(0)))?
            }
        };
        ids.insert(id, new);
    }
    let base = builder.to_bytes()?;

    let below = Btf::parse(&base)?;
    let mut builder = Builder::over(&below);
    let all = || view.own_types().chain(of_base(Place::Above));
    ids.extend(all().map(|(id, _)| id).zip((builder.next_id().0..).map(TypeId)));
    for (id, ty) in all() {
        copy(&mut builder, view, (id, &ty), &ids)?;
    }
    Ok(Distilled { split: builder.to_bytes()?, base })
}

/// The destination of a base's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The distilled base.
    Below,
    /// The module.
    Above,
}

impl Place {
    /// See `btf_add_distilled_types`. `None` for a type that cannot be referred to.
    fn of(ty: &Type<'_>) -> Option<Self> {
        match ty.kind() {
            Kind::Int | Kind::Float | Kind::Fwd => Some(Self::Below),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 if ty.name().is_none() => Some(Self::Above),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => Some(Self::Below),
            Kind::Array
            | Kind::Typedef
            | Kind::Ptr
            | Kind::Const
            | Kind::Restrict
            | Kind::Volatile
            | Kind::FuncProto
            | Kind::TypeTag => Some(Self::Above),
            _ => None,
        }
    }
}

/// The form of a type in the distilled base.
enum Below {
    AsItIs,
    /// A type of this kind with its name and size.
    Sized(Kind),
}

impl Below {
    fn of(ty: &Type<'_>) -> Self {
        match ty.kind() {
            kind if kind.is_composite() => Self::Sized(kind),
            kind if kind.is_enum() => Self::Sized(Kind::Enum),
            _ => Self::AsItIs,
        }
    }
}

/// The destinations of the base's types that the split needs, by id (`btf_add_distilled_type_ids`).
fn needed(view: View<'_>) -> Result<Vec<Option<Place>>, Error> {
    let mut needed = vec![None; usize::try_from(view.first_id().0).unwrap_or(0)];
    let mut left = Vec::new();
    for (id, ty) in view.own_types() {
        if ty.kind().shape().is_none() {
            return Err(Error::UnknownKind { id, kind: ty.kind().number() });
        }
        left.push((id, ty));
        while let Some((holder, ty)) = left.pop() {
            for field in ty.fields() {
                let Value::Type(id) = field.value() else { continue };
                if id == TypeId::VOID || view.is_own(id) {
                    continue;
                }
                let used = view.get(id).ok_or(Error::NoSuchType { holder, id })?;
                let slot = usize::try_from(id.0).ok().and_then(|id| needed.get_mut(id));
                let Some(slot) = slot.filter(|slot| slot.is_none()) else { continue };
                let kind = used.kind();
                *slot = Some(Place::of(&used).ok_or(Error::UnexpectedKind { holder, id, kind })?);
                if *slot == Some(Place::Above) {
                    left.push((id, used));
                }
            }
        }
    }
    Ok(needed)
}

/// Adds a type with other ids, and adds its strings to the builder.
fn copy(
    builder: &mut Builder<'_>,
    view: View<'_>,
    (holder, ty): (TypeId, &Type<'_>),
    ids: &HashMap<TypeId, TypeId>,
) -> Result<TypeId, Error> {
    let mut words = Vec::new();
    for field in ty.fields() {
        words.push(match field.value() {
            Value::Name(offset) => builder.add_string(string(view, holder, offset)?)?.0,
            Value::Type(id) => ids.get(&id).ok_or(Error::NoSuchType { holder, id })?.0,
            Value::Number(number) => number,
        });
    }
    let word = |field: Field| words.get(usize::try_from(field.offset / 4).ok()?).copied();
    Ok(builder.add_mapped(ty, |field| word(field).unwrap_or(field.raw))?)
}

fn string(view: View<'_>, holder: TypeId, offset: StrOff) -> Result<&[u8], Error> {
    view.string(offset).map(|string| string.as_bytes()).ok_or(Error::NoSuchString { holder, offset })
}
