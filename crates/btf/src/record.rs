//! A type to write, composed of roles and values.

use crate::{Endian, Info, IntData, Kind, Member, Role, StrOff, TypeId, WriteError};

/// A type to write.
///
/// Words are given by [`Role`]. The [`Shape`](crate::Shape) of the kind determines their positions. Words that are
/// not given are 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    kind: Kind,
    kflag: bool,
    vlen: u32,
    words: Vec<u32>,
}

impl Record {
    /// A type of this kind without name and elements.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let head = kind.shape().map_or(3, crate::Shape::elements_slot);
        Self { kind, kflag: false, vlen: 0, words: vec![0; head] }
    }

    /// Sets a word before the elements. A role that the kind lacks is ignored.
    #[must_use]
    pub fn with(mut self, role: Role, value: u32) -> Self {
        let slot = self.kind.shape().and_then(|shape| shape.head_slot(role));
        if let Some(word) = slot.and_then(|slot| self.words.get_mut(slot)) {
            *word = value;
        }
        self
    }

    /// Sets the name.
    #[must_use]
    pub fn named(self, name: StrOff) -> Self {
        self.with(Role::Name, name.0)
    }

    /// Sets the kind flag.
    #[must_use]
    pub fn with_kflag(mut self, kflag: bool) -> Self {
        self.kflag = kflag;
        self
    }

    /// Sets vlen for a kind where it does not count elements, such as a function's linkage.
    #[must_use]
    pub fn with_vlen(mut self, vlen: u32) -> Self {
        self.vlen = vlen;
        self
    }

    /// Adds an element and increments vlen. Roles that the kind's elements lack are ignored.
    #[must_use]
    pub fn element(mut self, words: &[(Role, u32)]) -> Self {
        let roles = self.kind.shape().map_or(&[][..], |shape| shape.element);
        for role in roles {
            let value = words.iter().find(|(given, _)| given == role);
            self.words.push(value.map_or(0, |&(_, value)| value));
        }
        self.vlen = self.vlen.saturating_add(1);
        self
    }

    /// An integer of `size` bytes.
    #[must_use]
    pub fn int(name: StrOff, size: u32, data: IntData) -> Self {
        Self::new(Kind::Int).named(name).with(Role::Size, size).with(Role::IntData, data.0)
    }

    /// A kind that refers to one type: a pointer, a qualifier, a typedef, a tag, a function, a variable, a prototype
    /// without parameters.
    #[must_use]
    pub fn reference(kind: Kind, name: StrOff, target: TypeId) -> Self {
        Self::new(kind).named(name).with(Role::Type, target.0)
    }

    /// An array.
    #[must_use]
    pub fn array(element: TypeId, index: TypeId, count: u32) -> Self {
        let array = Self::new(Kind::Array).with(Role::Type, element.0);
        array.with(Role::IndexType, index.0).with(Role::Count, count)
    }

    /// A kind with a size in bytes: a struct or union without members, an enum without values, a data section without
    /// variables, a float.
    #[must_use]
    pub fn sized(kind: Kind, name: StrOff, size: u32) -> Self {
        Self::new(kind).named(name).with(Role::Size, size)
    }

    /// Adds a member to a struct or union. Set the kind flag first if it has bit-fields.
    #[must_use]
    pub fn member(self, member: Member) -> Self {
        let size = if self.kflag { u32::from(member.bitfield_size) << 24 } else { 0 };
        let offset = size | member.bit_offset;
        self.element(&[(Role::Name, member.name.0), (Role::Type, member.ty.0), (Role::BitOffset, offset)])
    }

    /// Adds an enumerator to an enum of either width: the lower 32 or 64 bits of `value`.
    #[must_use]
    pub fn enumerator(self, name: StrOff, value: i64) -> Self {
        let [low, high] = [value, value >> 32].map(|half| (half & 0xffff_ffff) as u32);
        let name = (Role::Name, name.0);
        self.element(&[name, (Role::Value, low), (Role::ValueLow, low), (Role::ValueHigh, high)])
    }

    /// Adds a parameter to a prototype.
    #[must_use]
    pub fn param(self, name: StrOff, ty: TypeId) -> Self {
        self.element(&[(Role::Name, name.0), (Role::Type, ty.0)])
    }

    /// Appends the encoded record.
    pub(crate) fn write(&self, endian: Endian, to: &mut Vec<u8>) -> Result<(), WriteError> {
        let Self { kind, vlen, .. } = *self;
        let info = Info::new(kind, vlen, self.kflag).ok_or(WriteError::Info { kind, vlen })?;
        let found = (self.words.len() as u64).saturating_mul(4);
        let needed = kind.shape().map_or(found, |shape| shape.len(vlen));
        if needed != found {
            return Err(WriteError::Shape { kind, vlen, needed, found });
        }
        for (place, &word) in self.words.iter().enumerate() {
            to.extend(endian.write_u32(if place == 1 { info.raw() } else { word }));
        }
        Ok(())
    }
}
