//! The layout of a type, and the walk over its fields.
//!
//! Every field of every kind is a word of 32 bits. A type consists of three words (name, info, size or type), a few
//! more words that depend on the kind, and vlen elements of a few words each. [`Kind::shape`](crate::Kind::shape)
//! holds this description, the only one in this crate. Length, typed access, hashing, equality, remapping, printing,
//! checking and the change of byte order all derive from it.

use crate::{Endian, StrOff, TypeId};

/// The length of the words that every type begins with: name, info, size or type.
pub const TYPE_HEAD: usize = 12;

/// The meaning of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A name: a string offset.
    Name,
    /// The info word: vlen, kind, kflag.
    Info,
    /// The size of the type, in bytes.
    Size,
    /// A reference to another type: an id.
    Type,
    /// The type of an array's index: an id.
    IndexType,
    /// A word without meaning, 0 in valid BTF.
    Unused,
    /// An integer's encoding, bit offset and number of bits: see [`IntData`](crate::IntData).
    IntData,
    /// The number of elements of an array.
    Count,
    /// A member's offset in bits; with kflag its upper 8 bits hold the size of a bit-field.
    BitOffset,
    /// A value of an enum.
    Value,
    /// The lower 32 bits of a value of an enum.
    ValueLow,
    /// The upper 32 bits of a value of an enum.
    ValueHigh,
    /// A variable's linkage.
    Linkage,
    /// The offset of a variable in its section, in bytes.
    Offset,
    /// The size of a variable in its section, in bytes.
    Length,
    /// The member or parameter to which a declaration tag belongs; -1 for the declaration itself.
    Component,
    /// A word of an unknown kind.
    Opaque,
}

/// The layout of the types of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The third word.
    pub word: Role,
    /// The words after it.
    pub fixed: &'static [Role],
    /// The words of each element. Empty if vlen does not count elements.
    pub element: &'static [Role],
}

impl Shape {
    /// The length of a type with this vlen, in bytes.
    #[must_use]
    pub fn len(&self, vlen: u32) -> u64 {
        let elements = u64::from(vlen).saturating_mul(self.element.len() as u64);
        elements.saturating_add(self.fixed.len() as u64).saturating_mul(4).saturating_add(TYPE_HEAD as u64)
    }

    /// The index of the word with this role before the elements.
    pub(crate) fn head_slot(&self, role: Role) -> Option<usize> {
        let head = [Role::Name, Role::Info, self.word];
        head.iter().chain(self.fixed).position(|&r| r == role)
    }

    /// The index of the first word of the elements.
    pub(crate) const fn elements_slot(&self) -> usize {
        self.fixed.len().saturating_add(TYPE_HEAD / 4)
    }
}

/// A field of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its meaning.
    pub role: Role,
    /// The element to which it belongs, if any.
    pub element: Option<u32>,
    /// Its offset from the start of the type, in bytes. Its length is 4 bytes.
    pub offset: u32,
    /// Its value.
    pub raw: u32,
}

/// A field's value, classified by its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Value {
    /// A name, to be resolved in the strings.
    Name(StrOff),
    /// A reference, to be resolved in the types.
    Type(TypeId),
    /// A plain number.
    Number(u32),
}

impl Field {
    /// The field's value as a name, a reference or a number.
    #[must_use]
    pub const fn value(&self) -> Value {
        match self.role {
            Role::Name => Value::Name(StrOff(self.raw)),
            Role::Type | Role::IndexType => Value::Type(TypeId(self.raw)),
            _ => Value::Number(self.raw),
        }
    }
}

/// The fields of a type in memory order: see [`Type::fields`](crate::Type::fields).
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    words: core::slice::Iter<'a, [u8; 4]>,
    endian: Endian,
    shape: &'static Shape,
    next: usize,
    element: Option<u32>,
    slot: usize,
}

/// The shape of an unknown kind: only the first three words.
const OPAQUE: Shape = Shape { word: Role::Opaque, fixed: &[], element: &[] };

impl<'a> Fields<'a> {
    pub(crate) fn new(words: &'a [[u8; 4]], endian: Endian, shape: Option<&'static Shape>) -> Self {
        Self { words: words.iter(), endian, shape: shape.unwrap_or(&OPAQUE), next: 0, element: None, slot: 0 }
    }

    /// The role of the next word, and the element to which it belongs.
    fn step(&mut self) -> (Role, Option<u32>) {
        match self.next {
            0 => return (Role::Name, None),
            1 => return (Role::Info, None),
            2 => return (self.shape.word, None),
            next => {
                if let Some(&role) = self.shape.fixed.get(next.saturating_sub(3)) {
                    return (role, None);
                }
            }
        }
        let Some(&first) = self.shape.element.first() else { return (Role::Opaque, None) };
        let (element, role) = match (self.element, self.shape.element.get(self.slot)) {
            (Some(element), Some(&role)) => (element, role),
            (element, _) => {
                self.slot = 0;
                (element.map_or(0, |e| e.saturating_add(1)), first)
            }
        };
        self.slot = self.slot.saturating_add(1);
        self.element = Some(element);
        (role, Some(element))
    }
}

impl Iterator for Fields<'_> {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        let raw = self.endian.read_u32(*self.words.next()?);
        let (role, element) = self.step();
        let offset = u32::try_from(self.next).unwrap_or(u32::MAX).saturating_mul(4);
        self.next = self.next.saturating_add(1);
        Some(Field { role, element, offset, raw })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.words.size_hint()
    }
}

impl ExactSizeIterator for Fields<'_> {}
