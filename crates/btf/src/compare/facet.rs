//! The properties of a type that count for each comparison.

use crate::{BStr, Kind, Role, StrOff, Type, TypeId, Value, View};

/// A selection of a type's properties. For [`Facet::Designation`], [`Facet::Layout`] and [`Facet::Closure`] the types
/// form a graph, whose edges are the references with [`Reach::Deep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Facet {
    /// A type's designation where it is used: kind and name, or without a name, its components.
    Designation,
    /// The names in a type, and the designations of the types it refers to.
    Names,
    /// Names and numbers, and the designations of the types that pointers point to.
    Layout,
    /// Everything.
    Closure,
}

/// How far a reference is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The referenced types must be equal in the same facet.
    Deep,
    /// The referenced types must be equal in [`Facet::Designation`].
    Shallow,
    /// The reference is ignored.
    No,
}

impl Facet {
    /// How far the references in a type are followed.
    pub(super) const fn reach(self, kind: Kind, named: bool) -> Reach {
        match (self, kind) {
            (Self::Designation, _) if named => Reach::No,
            (Self::Names, _) | (Self::Layout, Kind::Ptr) => Reach::Shallow,
            _ => Reach::Deep,
        }
    }

    /// Whether the names of a type's elements count.
    pub(super) const fn element_names(self, named: bool) -> bool {
        !(named && matches!(self, Self::Designation))
    }

    /// The part of a number that counts in a type of this kind; `None` if it is ignored.
    ///
    /// In the info word the kind always counts, and so does the flag of a forward declaration that distinguishes
    /// struct and union.
    pub(super) const fn number(self, kind: Kind, role: Role, raw: u32) -> Option<u32> {
        match (self, role, kind) {
            (Self::Layout | Self::Closure, ..) => Some(raw),
            (_, Role::Info, Kind::Fwd) => Some(raw & 0xff00_0000),
            (_, Role::Info, _) => Some(raw & 0x7f00_0000),
            _ => None,
        }
    }
}

/// The content of a type in a facet: the type's own properties, in a form to compare byte by byte, and its deep
/// references, in order.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) label: Vec<u8>,
    pub(super) targets: Vec<TypeId>,
    names: NameBudget,
}

impl Described {
    /// A description of types in this view.
    pub(super) fn in_view(view: View<'_>) -> Self {
        Self { label: Vec::new(), targets: Vec::new(), names: NameBudget::of(view) }
    }

    /// Describes another type. `shallow` returns the block of a type in [`Facet::Designation`]. Returns false if the
    /// type cannot equal any: a name or a reference that counts dangles, its kind is unknown, or its names together
    /// with those before are too long.
    pub(super) fn describe(
        &mut self,
        view: View<'_>,
        ty: &Type<'_>,
        facet: Facet,
        shallow: &dyn Fn(TypeId) -> Option<u32>,
    ) -> bool {
        self.label.clear();
        self.targets.clear();
        let kind = ty.kind();
        let Some(name) = self.names.get(view, ty.name()) else { return false };
        let named = !name.is_empty();
        for field in ty.fields() {
            match field.value() {
                Value::Name(_) if field.element.is_some() && !facet.element_names(named) => {}
                Value::Name(name) => {
                    let Some(name) = self.names.get(view, name) else { return false };
                    self.label.extend((name.len() as u64).to_le_bytes());
                    self.label.extend_from_slice(name);
                }
                Value::Type(id) => match facet.reach(kind, named) {
                    Reach::No => {}
                    Reach::Deep if view.get(id).is_some() => self.targets.push(id),
                    Reach::Shallow if view.get(id).is_some() => {
                        let Some(class) = shallow(id) else { return false };
                        self.label.extend(class.to_le_bytes());
                    }
                    _ => return false,
                },
                Value::Number(_) if field.role == Role::Opaque => return false,
                Value::Number(raw) => {
                    if let Some(number) = facet.number(kind, field.role, raw) {
                        self.label.extend(number.to_le_bytes());
                    }
                }
            }
        }
        true
    }
}

/// The limit for the total length of compared names, as a multiple of the BTF's length. A kernel's names are about as
/// long as its BTF.
const MOST: usize = 32;
/// The lower bound of that limit for short BTF, in bytes.
const LEAST: usize = 64 << 10;

/// Resolves names up to a limit on their total length: any number of fields may refer to one string of any length.
#[derive(Debug)]
pub(super) struct NameBudget {
    /// The number of bytes left.
    left: usize,
}

impl NameBudget {
    pub(super) const fn of(view: View<'_>) -> Self {
        Self { left: view.byte_len().saturating_mul(MOST).saturating_add(LEAST) }
    }

    /// Whether the limit was reached.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// A name; `None` if it dangles or exceeds the limit.
    pub(super) fn get<'a>(&mut self, view: View<'a>, name: StrOff) -> Option<&'a BStr> {
        if self.is_exhausted() {
            return None;
        }
        let name = view.string(name)?;
        self.left = self.left.saturating_sub(name.len().saturating_add(1));
        Some(name).filter(|_| !self.is_exhausted())
    }
}

/// Whether a type's name is not empty.
pub(super) fn is_named(view: View<'_>, ty: &Type<'_>) -> bool {
    view.name(ty).is_some_and(|name| !name.is_empty())
}
