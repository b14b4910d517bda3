//! Passing over a DIE of which nothing is wanted.

use gimli::constants as dw;

use super::super::form::{self, Malformed};
use super::super::shape::{Shape, Step};
use super::{Result, Walk};

impl Walk<'_, '_> {
    /// Passes over a DIE, to its next sibling if it says where that is, else with all its children.
    pub(super) fn pass(&mut self, shape: &Shape) -> Result<()> {
        let mut depth = 0usize;
        let mut shape = shape;
        loop {
            let sibling = self.pass_one(shape).map_err(|error| self.malformed(error))?;
            if shape.has_children {
                match sibling {
                    Some(sibling) => self.reader.jump(sibling).map_err(|error| self.malformed(error))?,
                    None => depth = depth.saturating_add(1),
                }
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                match self.next_die()? {
                    None => depth = depth.wrapping_sub(1),
                    Some((_, next)) => {
                        shape = next;
                        break;
                    }
                }
            }
        }
    }

    /// Passes over a DIE's attributes. Where its next sibling is, if it says so.
    #[inline]
    pub(super) fn pass_one(&mut self, shape: &Shape) -> Result<Option<usize>, Malformed> {
        let mut sibling = None;
        for step in self.shapes.passing(shape) {
            match *step {
                Step::Bytes(bytes) => self.reader.skip(bytes as usize)?,
                Step::Value(form) => form::skip(&mut self.reader, form, self.head.encoding)?,
                Step::Read(_, form @ (dw::DW_FORM_ref4 | dw::DW_FORM_ref1 | dw::DW_FORM_ref2 | dw::DW_FORM_ref8)) => {
                    let size = form::fixed_size(form, self.head.encoding).unwrap_or(0);
                    let target = self.reader.word(u8::try_from(size).unwrap_or(0))?;
                    sibling = usize::try_from(target).ok();
                }
                Step::Read(_, dw::DW_FORM_ref_udata) => sibling = usize::try_from(self.reader.uleb()?).ok(),
                Step::Read(_, form) => form::skip(&mut self.reader, form, self.head.encoding)?,
                Step::Implicit(..) => {}
            }
        }
        Ok(sibling)
    }
}
