//! What of a type counts for which comparison.

use crate::{BStr, Kind, Role, StrOff, Type, TypeId, Value, View};

/// What of a type is looked at. Of [`Facet::Designation`], [`Facet::Layout`] and [`Facet::Closure`] the types form a graph
/// each, by the references that are [`Reach::Deep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Facet {
    /// How a type is written where it is referred to: kind and name, and without a name what it is made of.
    Designation,
    /// The names in a type and how what it refers to is written.
    Names,
    /// Names and numbers, and how what pointers point to is written.
    Layout,
    /// Everything.
    Closure,
}

/// How far a reference is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What it lands on has to be equal in the same facet.
    Deep,
    /// What it lands on has to be equal in [`Facet::Designation`].
    Shallow,
    /// It does not matter.
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

    /// What counts of a number in a type of this kind; `None` if nothing does.
    ///
    /// Of the info word the kind always counts, and of a forward declaration the flag that tells struct from union.
    pub(super) const fn number(self, kind: Kind, role: Role, raw: u32) -> Option<u32> {
        match (self, role, kind) {
            (Self::Layout | Self::Closure, ..) => Some(raw),
            (_, Role::Info, Kind::Fwd) => Some(raw & 0xff00_0000),
            (_, Role::Info, _) => Some(raw & 0x7f00_0000),
            _ => None,
        }
    }
}

/// What a type shows in a facet: all that counts of the type itself, in a form to compare byte by byte, and what it refers
/// to deeply, in order.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) label: Vec<u8>,
    pub(super) targets: Vec<TypeId>,
    names: NameBudget,
}

impl Described {
    /// For types of this view.
    pub(super) fn in_view(view: View<'_>) -> Self {
        Self { label: Vec::new(), targets: Vec::new(), names: NameBudget::of(view) }
    }

    /// Describes a type anew. `shallow` gives the block of a type in [`Facet::Designation`]. False if the type can be equal
    /// to nothing: a name or a reference that counts dangles, nothing is known of its kind, or its names and those before are
    /// too long.
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

/// How many times longer than the BTF the names that are compared may be in all. Those of a kernel are about as long as
/// its BTF.
const MOST: usize = 32;
/// How long they may be even if the BTF is short, in bytes.
const LEAST: usize = 64 << 10;

/// Resolves names as long as they are not absurdly long in all: any number of fields may name one string of any length.
#[derive(Debug)]
pub(super) struct NameBudget {
    /// How many bytes they may still have.
    left: usize,
}

impl NameBudget {
    pub(super) const fn of(view: View<'_>) -> Self {
        Self { left: view.byte_len().saturating_mul(MOST).saturating_add(LEAST) }
    }

    /// Whether names are not resolved any more.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// A name; `None` if it dangles, or is too much.
    pub(super) fn get<'a>(&mut self, view: View<'a>, name: StrOff) -> Option<&'a BStr> {
        if self.is_exhausted() {
            return None;
        }
        let name = view.string(name)?;
        self.left = self.left.saturating_sub(name.len().saturating_add(1));
        Some(name).filter(|_| !self.is_exhausted())
    }
}

/// Whether a type has a name that is not empty.
pub(super) fn is_named(view: View<'_>, ty: &Type<'_>) -> bool {
    view.name(ty).is_some_and(|name| !name.is_empty())
}
