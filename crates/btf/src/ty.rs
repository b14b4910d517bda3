//! One type: its fields, and typed access to them.

use crate::element::{Elements, Enumerator, Member, Param, SectionVar};
use crate::shape::{Fields, Role, TYPE_HEAD};
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
        Elements::new(self.words(), self.endian, self.kflag(), shape)
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
