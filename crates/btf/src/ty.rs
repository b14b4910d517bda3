//! One type: its fields, and typed access to them.

use crate::element::{Elements, Enumerator, Member, Param, SectionVar};
use crate::shape::{Fields, Role, TYPE_HEAD};
use crate::{Endian, Info, Kind, StrOff, TypeId};

/// One type, borrowed from the parsed bytes.
///
/// Its ids and string offsets have a meaning only in a [`View`](crate::View).
#[derive(Clone, Copy, Debug)]
pub struct Type<'a> {
    bytes: &'a [u8],
    endian: Endian,
    info: Info,
}

/// The bytes of `void`, which is not stored in any BTF.
static VOID: [u8; TYPE_HEAD] = [0; TYPE_HEAD];

impl<'a> Type<'a> {
    /// `void`.
    pub const VOID: Type<'static> = Type { bytes: &VOID, endian: Endian::NATIVE, info: Info::from_raw(0) };

    /// The type in `bytes`, which contain nothing else.
    pub(crate) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        let raw = bytes.as_chunks::<4>().0.get(1).copied().unwrap_or_default();
        Self { bytes, endian, info: Info::from_raw(endian.read_u32(raw)) }
    }

    /// The bytes as parsed.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte order.
    #[must_use]
    pub const fn endian(&self) -> Endian {
        self.endian
    }

    /// The kind of type.
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

    /// The info word's vlen. It is the number of elements, except for kinds where it has another meaning
    /// ([`Kind::Func`]) or should be 0.
    #[must_use]
    pub const fn vlen(&self) -> u32 {
        self.info.vlen()
    }

    /// All fields in memory order. This is the only walk over a type.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.words(), self.endian, self.kind().shape())
    }

    /// The name: a string offset, or [`StrOff::NONE`].
    #[must_use]
    pub fn name(&self) -> StrOff {
        StrOff(self.head(Role::Name).unwrap_or(0))
    }

    /// The size in bytes, for kinds that have one: integers, floats, structs, unions, enums, data sections.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        self.head(Role::Size)
    }

    /// The referenced type, for kinds that have one: the target of pointers, qualifiers, typedefs, tags, functions
    /// and variables, a prototype's return type, an array's element type.
    #[must_use]
    pub fn target(&self) -> Option<TypeId> {
        self.head(Role::Type).map(TypeId)
    }

    /// The encoding of an integer.
    #[must_use]
    pub fn int(&self) -> Option<IntData> {
        self.head(Role::IntData).map(IntData)
    }

    /// The element type, the index type and the number of elements of an array.
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

    /// The member or parameter to which a declaration tag belongs, counted from 0; -1 for the declaration itself.
    #[must_use]
    pub fn component(&self) -> Option<i32> {
        self.head(Role::Component).map(u32::cast_signed)
    }

    /// The members of a struct or union, in order. Empty for other kinds.
    #[must_use]
    pub fn members(&self) -> Elements<'a, Member> {
        self.elements(self.kind().is_composite())
    }

    /// The enumerators of an enum of either width, in order. Empty for other kinds.
    #[must_use]
    pub fn enumerators(&self) -> Elements<'a, Enumerator> {
        self.elements(self.kind().is_enum())
    }

    /// The parameters of a prototype, in order. Empty for other kinds.
    #[must_use]
    pub fn params(&self) -> Elements<'a, Param> {
        self.elements(self.kind() == Kind::FuncProto)
    }

    /// The variables of a data section, in order. Empty for other kinds.
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
        Elements::new(self.words(), self.endian, self.kflag(), shape)
    }
}

/// An array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Array {
    /// The element type.
    pub element: TypeId,
    /// The index type.
    pub index: TypeId,
    /// The number of elements.
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

    /// Composes the word.
    #[must_use]
    pub const fn new(encoding: u8, bit_offset: u8, bits: u8) -> Self {
        Self(((encoding as u32 & 0xf) << 24) | ((bit_offset as u32) << 16) | bits as u32)
    }

    /// The encoding: an or of [`IntData::SIGNED`], [`IntData::CHAR`] and [`IntData::BOOL`] (4 bits).
    #[must_use]
    pub const fn encoding(self) -> u8 {
        ((self.0 >> 24) & 0xf) as u8
    }

    /// The offset of the value in the integer, in bits.
    #[must_use]
    pub const fn bit_offset(self) -> u8 {
        ((self.0 >> 16) & 0xff) as u8
    }

    /// The length of the value, in bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        (self.0 & 0xff) as u8
    }
}
