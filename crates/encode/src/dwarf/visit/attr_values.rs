//! The attribute values of one DIE.

use gimli::{DwForm, constants as dw};

use crate::dwarf::abbrev::{ATTRS, Attr};

/// The values that were read of a DIE.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values {
    /// The attributes that were read, a bit each.
    pub(super) seen: u32,
    values: [u64; ATTRS],
    forms: [DwForm; ATTRS],
}

impl Values {
    /// Nothing read.
    pub(super) const NONE: Self = Self { seen: 0, values: [0; ATTRS], forms: [dw::DW_FORM_null; ATTRS] };

    #[inline]
    pub(super) fn get(&self, attr: Attr) -> Option<u64> {
        (self.seen >> attr as u32 & 1 == 1).then(|| self.values.get(attr as usize).copied().unwrap_or(0))
    }

    #[inline]
    pub(super) fn flag(&self, attr: Attr) -> bool {
        self.get(attr).is_some_and(|value| value != 0)
    }

    pub(super) fn form(&self, attr: Attr) -> DwForm {
        self.forms.get(attr as usize).copied().unwrap_or(dw::DW_FORM_null)
    }

    #[inline]
    pub(super) fn set(&mut self, attr: Attr, value: u64, form: DwForm) {
        self.seen |= 1 << attr as u32;
        if let (Some(slot), Some(slot_form)) = (self.values.get_mut(attr as usize), self.forms.get_mut(attr as usize)) {
            (*slot, *slot_form) = (value, form);
        }
    }
}
