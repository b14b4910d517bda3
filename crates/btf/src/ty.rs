//! One type: its fields, and typed access to them.

use crate::shape::{Fields, Role, Shape, TYPE_HEAD};
use crate::{Endian, Info, Kind, StrOff, TypeId};

/// One type, borrowed from the bytes it was parsed from.
///
/// Ids and string offsets in it mean something only together with a base: see [`View`](crate::View).
#[derive(Clone, Copy, Debug)]
pub struct Type<'a> {
    bytes: &'a [u8],
    endian: Endian,
    info: Info,
}

/// `void`, which has no bytes of its own anywhere.
static VOID: [u8; TYPE_HEAD] = [0; TYPE_HEAD];

impl<'a> Type<'a> {
    /// `void`.
    pub const VOID: Type<'static> = Type { bytes: &VOID, endian: Endian::NATIVE, info: Info::from_raw(0) };

    /// The type that `bytes` holds and nothing else.
    pub(crate) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        let raw = bytes.as_chunks::<4>().0.get(1).copied().unwrap_or_default();
        Self { bytes, endian, info: Info::from_raw(endian.read_u32(raw)) }
    }

    /// The bytes as they were parsed.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte order.
    #[must_use]
    pub const fn endian(&self) -> Endian {
        self.endian
    }

    /// What kind of type it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.info.kind()
    }

    /// The info word.
    #[must_use]
    pub const fn info(&self) -> Info {
        self.info
    }

    /// The kind flag: see [`Info::kflag`].
    #[must_use]
    pub const fn kflag(&self) -> bool {
        self.info.kflag()
    }

    /// The info word's vlen. It is the number of elements except where it is something else ([`Kind::Func`]) or should be
    /// 0.
    #[must_use]
    pub const fn vlen(&self) -> u32 {
        self.info.vlen()
    }

    /// All fields in the order in which they lie in memory. This is the one walk over a type.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.words(), self.endian, self.kind().shape())
    }

    /// The name: an offset of a string, [`StrOff::NONE`] if there is none.
    #[must_use]
    pub fn name(&self) -> StrOff {
        StrOff(self.head(Role::Name).unwrap_or(0))
    }

    /// The size in bytes, for kinds that carry one: integers, floats, structs, unions, enums, data sections.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        self.head(Role::Size)
    }

    /// The type that it refers to, for kinds that refer to one: pointers, qualifiers, typedefs, tags, functions,
    /// variables, what a prototype returns, what an array holds.
    #[must_use]
    pub fn target(&self) -> Option<TypeId> {
        self.head(Role::Type).map(TypeId)
    }

    /// The encoding of an integer.
    #[must_use]
    pub fn int(&self) -> Option<IntData> {
        self.head(Role::IntData).map(IntData)
    }

    /// What an array holds, what it is indexed by, and how many elements it has.
    #[must_use]
    pub fn array(&self) -> Option<Array> {
        Some(Array {
            element: self.head(Role::Type).map(TypeId)?,
            index: self.head(Role::IndexType).map(TypeId)?,
            count: self.head(Role::Count)?,
        })
    }

    /// The linkage of a variable or a function: 0 static, 1 global, 2 extern.
    #[must_use]
    pub fn linkage(&self) -> Option<u32> {
        match self.kind() {
            Kind::Func => Some(self.vlen()),
            _ => self.head(Role::Linkage),
        }
    }

    /// The member or parameter that a declaration tag belongs to, counted from 0; -1 for the declaration itself.
    #[must_use]
    pub fn component(&self) -> Option<i32> {
        self.head(Role::Component).map(u32::cast_signed)
    }

    /// The members of a struct or union, in order. Nothing for other kinds.
    #[must_use]
    pub fn members(&self) -> Elements<'a, Member> {
        self.elements(self.kind().is_composite())
    }

    /// The values of an enum of either width, in order. Nothing for other kinds.
    #[must_use]
    pub fn enumerators(&self) -> Elements<'a, Enumerator> {
        self.elements(self.kind().is_enum())
    }

    /// The parameters of a prototype, in order. Nothing for other kinds.
    #[must_use]
    pub fn params(&self) -> Elements<'a, Param> {
        self.elements(self.kind() == Kind::FuncProto)
    }

    /// The variables of a data section, in order. Nothing for other kinds.
    #[must_use]
    pub fn section_vars(&self) -> Elements<'a, SectionVar> {
        self.elements(self.kind() == Kind::Datasec)
    }

    pub(crate) fn words(&self) -> &'a [[u8; 4]] {
        self.bytes.as_chunks().0
    }

    fn head(&self, role: Role) -> Option<u32> {
        let slot = match self.kind().shape() {
            Some(shape) => shape.head_slot(role)?,
            None => (role == Role::Name).then_some(0)?,
        };
        self.words().get(slot).map(|&word| self.endian.read_u32(word))
    }

    fn elements<E>(&self, of_this_kind: bool) -> Elements<'a, E> {
        let shape = self.kind().shape().filter(|shape| of_this_kind && !shape.element.is_empty());
        let words = shape.and_then(|shape| self.words().get(shape.elements_slot()..)).unwrap_or_default();
        Elements { words, endian: self.endian, kflag: self.kflag(), shape, what: core::marker::PhantomData }
    }
}

/// What an element is made from: looks its words up by role.
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

/// Something that a type has vlen of.
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
    what: core::marker::PhantomData<E>,
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
    /// Its name; none for an anonymous struct or union.
    pub name: StrOff,
    /// Its type.
    pub ty: TypeId,
    /// Where it begins, in bits from the start of the struct.
    pub bit_offset: u32,
    /// The size of a bit-field in bits; 0 if it is none. Without kflag always 0: there a bit-field shows only in the
    /// encoding of the member's integer type.
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

/// A value of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Enumerator {
    /// Its name.
    pub name: StrOff,
    /// Its value: signed if the enum has kflag, unsigned if not. It fits an `i64` or a `u64` accordingly.
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
    /// Its type. `void` without a name, in the last place, stands for `...`.
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
    /// Where it begins, in bytes from the start of the section.
    pub offset: u32,
    /// How long it is, in bytes.
    pub size: u32,
}

impl FromElement for SectionVar {
    fn from_element(element: &Element<'_>) -> Self {
        Self { ty: TypeId(element.get(Role::Type)), offset: element.get(Role::Offset), size: element.get(Role::Length) }
    }
}

/// An array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Array {
    /// What it holds.
    pub element: TypeId,
    /// What it is indexed by.
    pub index: TypeId,
    /// How many elements it has.
    pub count: u32,
}

/// The word that describes an integer (`BTF_INT_*` in `include/uapi/linux/btf.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IntData(pub u32);

impl IntData {
    /// The encoding bit of signed integers.
    pub const SIGNED: u8 = 1;
    /// The encoding bit of characters.
    pub const CHAR: u8 = 2;
    /// The encoding bit of booleans.
    pub const BOOL: u8 = 4;

    /// Puts a word together.
    #[must_use]
    pub const fn new(encoding: u8, bit_offset: u8, bits: u8) -> Self {
        Self(((encoding as u32 & 0xf) << 24) | ((bit_offset as u32) << 16) | bits as u32)
    }

    /// The encoding: an or of [`IntData::SIGNED`], [`IntData::CHAR`] and [`IntData::BOOL`] (4 bits).
    #[must_use]
    pub const fn encoding(self) -> u8 {
        ((self.0 >> 24) & 0xf) as u8
    }

    /// Where the value begins in the integer, in bits.
    #[must_use]
    pub const fn bit_offset(self) -> u8 {
        ((self.0 >> 16) & 0xff) as u8
    }

    /// How long the value is, in bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        (self.0 & 0xff) as u8
    }
}
