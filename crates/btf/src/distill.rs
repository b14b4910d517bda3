//! Giving a module's BTF a base of its own, so that it outlives the kernel that it was built with.
//!
//! A module that is built outside the kernel's tree carries, from 6.11 on, `.BTF.base` below its `.BTF`: of the base that it
//! was made with as much as is needed to find the same types in another one. The kernel does so when it loads the module:
//! see [`mod@crate::relocate`].
//!
//! # The rules
//!
//! The source of every rule is `btf__distill_base` in `tools/lib/bpf/btf.c`, which pahole calls for
//! `--btf_features=distilled_base` and, from Linux 7.0 on, resolve_btfids for `--distill_base`. It is the same in 6.12 and 7.2.
//! Of the base, what the module refers to is needed, and what that refers to, but for the members of a struct or union with
//! a name. Of what is needed
//!
//! - integers, floats and forward declarations go to the distilled base as they are;
//! - structs, unions and enums with a name go there without members and values: kind, name and size remain. An enum of 64
//!   bits becomes an enum;
//! - all else is only reached through others, or has no name to be found by: it is copied to the module, behind its own types.
//!
//! Both keep the order of their ids. Functions, variables, data sections and declaration tags of a base are nothing that a
//! module could refer to. Strings are stored once, in the order of their use, those of the distilled base first.

use std::collections::HashMap;

use bstr::ByteSlice as _;

use crate::{Btf, Builder, Field, Kind, ParseError, Record, StrOff, Type, TypeId, Value, View, WriteError};

/// Split BTF with a base of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distilled {
    /// The content of `.BTF`.
    pub split: Vec<u8>,
    /// The content of `.BTF.base`, over which `split` is to be read.
    pub base: Vec<u8>,
}

/// Why BTF could not be distilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no base.
    #[error("cannot distill: the BTF has no base; distill split BTF instead from one")]
    NoBase,
    /// The split refers to a type of the base that none can refer to.
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
    /// A type refers to one that is not there.
    #[error("cannot distill: type {holder} refers to type {id}, which does not exist; re-encode the module")]
    NoSuchType {
        /// The type that refers to it.
        holder: TypeId,
        /// What it refers to.
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
    /// A type of the module is of a kind that is not known, so what it refers to cannot be told.
    #[error("cannot distill: type {id} is of kind {kind}, which is not known; use a newer version of this program")]
    UnknownKind {
        /// The type.
        id: TypeId,
        /// The number of its kind.
        kind: u8,
    },
    /// What was distilled cannot be written.
    #[error("cannot write what was distilled")]
    Write(#[from] WriteError),
    /// The distilled base cannot be read again.
    #[error("cannot read the distilled base again, over which the module is to be written")]
    Read(#[from] ParseError),
}

/// Splits the base of `view` into what its top needs to be relocated to another base, and moves the rest to the top.
///
/// # Errors
/// See [`enum@Error`]. libbpf refuses the same, but for names and references that lead nowhere, which it does not look for.
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

/// Where a type of the base goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// To the distilled base.
    Below,
    /// To the module.
    Above,
}

impl Place {
    /// `btf_add_distilled_types`; `None` for what nothing can refer to.
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

/// How a type is written to the distilled base.
enum Below {
    AsItIs,
    /// As one of this kind with its name and size.
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

/// By id, where those types of the base go that the split needs (`btf_add_distilled_type_ids`).
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

/// Adds a type with other ids, and its strings where the builder has them.
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
