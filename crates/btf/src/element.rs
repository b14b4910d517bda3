//! The elements that a type's vlen counts: members, values, parameters, variables.

use core::marker::PhantomData;

use crate::shape::{Role, Shape};
use crate::{Endian, StrOff, TypeId};

/// The words of an element, found by role.
pub(crate) struct Element<'a> {
    words: &'a [[u8; 4]],
    endian: Endian,
    kflag: bool,
    shape: &'static Shape,
}

impl Element<'_> {
    fn get(&self, role: Role) -> u32 {
        let slot = self.shape.element.iter().position(|&r| r == role);
        slot.and_then(|slot| self.words.get(slot)).map_or(0, |&word| self.endian.read_u32(word))
    }

    fn has(&self, role: Role) -> bool {
        self.shape.element.contains(&role)
    }
}

/// An element type that a vlen can count.
pub(crate) trait FromElement {
    fn from_element(element: &Element<'_>) -> Self;
}

/// The members, values, parameters or variables of a type, in order.
#[derive(Debug, Clone)]
pub struct Elements<'a, E> {
    words: &'a [[u8; 4]],
    endian: Endian,
    kflag: bool,
    shape: Option<&'static Shape>,
    what: PhantomData<E>,
}

impl<'a, E> Elements<'a, E> {
    /// The elements in the words of a type. Without a shape there are none.
    pub(crate) fn new(type_words: &'a [[u8; 4]], endian: Endian, kflag: bool, shape: Option<&'static Shape>) -> Self {
        let words = shape.and_then(|shape| type_words.get(shape.elements_slot()..)).unwrap_or_default();
        Self { words, endian, kflag, shape, what: PhantomData }
    }
}

impl<E: FromElement> Iterator for Elements<'_, E> {
    type Item = E;

    fn next(&mut self) -> Option<E> {
        let shape = self.shape?;
        let (words, rest) = self.words.split_at_checked(shape.element.len())?;
        self.words = rest;
        Some(E::from_element(&Element { words, endian: self.endian, kflag: self.kflag, shape }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let each = self.shape.map_or(1, |shape| shape.element.len());
        let left = self.words.len().checked_div(each).unwrap_or(0);
        (left, Some(left))
    }
}

impl<E: FromElement> ExactSizeIterator for Elements<'_, E> {}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member {
    /// Its name, or [`StrOff::NONE`] for an anonymous struct or union.
    pub name: StrOff,
    /// Its type.
    pub ty: TypeId,
    /// Its offset in bits from the start of the struct.
    pub bit_offset: u32,
    /// The size of a bit-field in bits; 0 for other members. Without kflag it is always 0: then only the encoding of
    /// the member's integer type shows a bit-field.
    pub bitfield_size: u8,
}

impl FromElement for Member {
    fn from_element(element: &Element<'_>) -> Self {
        let word = element.get(Role::BitOffset);
        let (bit_offset, bitfield_size) = match element.kflag {
            true => (word & 0x00ff_ffff, word.to_be_bytes()[0]),
            false => (word, 0),
        };
        Self { name: StrOff(element.get(Role::Name)), ty: TypeId(element.get(Role::Type)), bit_offset, bitfield_size }
    }
}

/// An enumerator of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Enumerator {
    /// Its name.
    pub name: StrOff,
    /// Its value: signed if the enum has kflag, else unsigned. It fits an `i64` or a `u64` accordingly.
    pub value: i128,
}

impl FromElement for Enumerator {
    fn from_element(element: &Element<'_>) -> Self {
        let wide = element.has(Role::ValueHigh);
        let low = element.get(if wide { Role::ValueLow } else { Role::Value });
        let both = (u64::from(element.get(Role::ValueHigh)) << 32) | u64::from(low);
        let value = match (element.kflag, wide) {
            (false, _) => i128::from(both),
            (true, false) => i128::from(low.cast_signed()),
            (true, true) => i128::from(both.cast_signed()),
        };
        Self { name: StrOff(element.get(Role::Name)), value }
    }
}

/// A parameter of a prototype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Param {
    /// Its name.
    pub name: StrOff,
    /// Its type. A last parameter of type `void` without a name stands for `...`.
    pub ty: TypeId,
}

impl FromElement for Param {
    fn from_element(element: &Element<'_>) -> Self {
        Self { name: StrOff(element.get(Role::Name)), ty: TypeId(element.get(Role::Type)) }
    }
}

/// A variable of a data section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SectionVar {
    /// The variable.
    pub ty: TypeId,
    /// Its offset in bytes from the start of the section.
    pub offset: u32,
    /// Its length in bytes.
    pub size: u32,
}

impl FromElement for SectionVar {
    fn from_element(element: &Element<'_>) -> Self {
        Self { ty: TypeId(element.get(Role::Type)), offset: element.get(Role::Offset), size: element.get(Role::Length) }
    }
}
