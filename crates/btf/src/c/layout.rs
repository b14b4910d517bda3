//! Where a C compiler would put things.

use std::collections::HashMap;

use crate::{Kind, Member, Type, TypeId, View};

/// The deepest that types lie in one another by value.
const DEPTH: usize = 64;

/// Size and alignment of a type, in bytes, as it is written by [`dump`](fn@super::dump).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) size: u64,
    pub(super) align: u64,
    /// Whether a struct or union is laid out more tightly than its members ask for.
    pub(super) packed: bool,
}

impl Layout {
    const fn plain(size: u64, align: u64) -> Self {
        Self { size, align, packed: false }
    }
}

/// The layouts of the types of a view: worked out when asked for, and kept.
#[derive(Debug)]
pub(super) struct Layouts<'v> {
    view: View<'v>,
    pointer: Option<u64>,
    known: HashMap<TypeId, Layout>,
}

impl<'v> Layouts<'v> {
    pub(super) fn new(view: View<'v>) -> Self {
        Self { view, pointer: None, known: HashMap::new() }
    }

    pub(super) fn of(&mut self, id: TypeId) -> Layout {
        self.at_depth(id, 0)
    }

    fn at_depth(&mut self, id: TypeId, depth: usize) -> Layout {
        if let Some(&known) = self.known.get(&id) {
            return known;
        }
        let Some(ty) = self.view.get(id).filter(|_| depth < DEPTH) else { return Layout::plain(1, 1) };
        let layout = self.work_out(&ty, depth.saturating_add(1));
        self.known.insert(id, layout);
        layout
    }

    fn work_out(&mut self, ty: &Type<'v>, depth: usize) -> Layout {
        let size = u64::from(ty.size().unwrap_or(1));
        match ty.kind() {
            Kind::Ptr => {
                let size = self.pointer_size();
                Layout::plain(size, size)
            }
            Kind::Array => {
                let Some(array) = ty.array() else { return Layout::plain(1, 1) };
                let element = self.at_depth(array.element, depth);
                Layout::plain(element.size.saturating_mul(array.count.into()), element.align)
            }
            Kind::Struct | Kind::Union => self.composite(ty, size, depth),
            // The 12 bytes of an x87 number on 32 bits.
            Kind::Float if size == 12 => Layout::plain(size, 4),
            Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 => {
                Layout::plain(size, size.checked_next_power_of_two().unwrap_or(1).clamp(1, 16))
            }
            _ => match ty.target() {
                Some(target) => self.at_depth(target, depth),
                None => Layout::plain(1, 1),
            },
        }
    }

    fn composite(&mut self, ty: &Type<'v>, size: u64, depth: usize) -> Layout {
        let (mut align, mut misplaced) = (1u64, false);
        for member in ty.members() {
            let own = self.at_depth(member.ty, depth);
            align = align.max(own.align);
            let bits = own.align.saturating_mul(8);
            let offset = u64::from(member.bit_offset);
            misplaced |= match self.bitfield(&member) {
                Some(width) => !fits(offset, width, own.size),
                None => !offset.is_multiple_of(bits),
            };
        }
        let packed = misplaced || !size.is_multiple_of(align);
        Layout { size, align: if packed { 1 } else { align }, packed }
    }

    /// The width of a bit-field in bits: from the member, or, in the older form, from its integer type.
    pub(super) fn bitfield(&self, member: &Member) -> Option<u64> {
        if member.bitfield_size > 0 {
            return Some(member.bitfield_size.into());
        }
        let ty = self.view.get(member.ty)?;
        let bits = u64::from(ty.int()?.bits());
        (bits < u64::from(ty.size()?).saturating_mul(8)).then_some(bits)
    }

    /// The size of a pointer: that of `long`.
    fn pointer_size(&mut self) -> u64 {
        let view = self.view;
        *self.pointer.get_or_insert_with(|| {
            let names = ["long", "long int", "unsigned long", "long unsigned int"];
            let long = |ty: &Type<'_>| {
                ty.kind() == Kind::Int && view.name(ty).is_some_and(|name| names.iter().any(|long| name == long))
            };
            let found = view.types().map(|(_, ty)| ty).find(long).and_then(|ty| ty.size());
            found.map_or(8, u64::from)
        })
    }
}

/// Whether a bit-field lies within one unit of its type.
pub(super) fn fits(offset: u64, width: u64, size: u64) -> bool {
    let unit = size.saturating_mul(8).max(1);
    offset.checked_rem(unit).is_some_and(|start| start.saturating_add(width) <= unit)
}
