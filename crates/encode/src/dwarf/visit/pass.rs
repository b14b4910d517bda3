//! Skips a DIE of which nothing is wanted.

use gimli::constants as dw;

use crate::dwarf::abbrev::{AbbrevPlan, AttrStep};
use crate::dwarf::form;
use crate::dwarf::visit::visitor::{DieVisitor, Result};
use crate::error::Malformed;

impl DieVisitor<'_, '_> {
    /// Passes over a DIE, to its next sibling if it says where that is, else with all its children.
    pub(super) fn pass(&mut self, plan: &AbbrevPlan) -> Result<()> {
        let mut depth = 0usize;
        let mut plan = plan;
        loop {
            let sibling = self.pass_one(plan).map_err(|error| self.malformed(error))?;
            if plan.has_children {
                match sibling {
                    Some(sibling) => self.reader.jump(sibling).map_err(|error| self.malformed(error))?,
                    None => depth += 1,
                }
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                match self.next_die()? {
                    None => depth -= 1,
                    Some((_, next)) => {
                        plan = next;
                        break;
                    }
                }
            }
        }
    }

    /// Passes over a DIE's attributes. The place of its next sibling, if it has that attribute.
    #[inline]
    pub(super) fn pass_one(&mut self, plan: &AbbrevPlan) -> Result<Option<usize>, Malformed> {
        let mut sibling = None;
        for step in self.plans.passing(plan) {
            match *step {
                AttrStep::Bytes(bytes) => self.reader.skip(bytes as usize)?,
                AttrStep::Value(form) => form::skip(&mut self.reader, form, self.head.encoding)?,
                AttrStep::Read(
                    _,
                    form @ (dw::DW_FORM_ref4 | dw::DW_FORM_ref1 | dw::DW_FORM_ref2 | dw::DW_FORM_ref8),
                ) => {
                    let size = form::fixed_size(form, self.head.encoding).unwrap_or(0);
                    let target = self.reader.word(u8::try_from(size).unwrap_or(0))?;
                    sibling = usize::try_from(target).ok();
                }
                AttrStep::Read(_, dw::DW_FORM_ref_udata) => sibling = usize::try_from(self.reader.uleb()?).ok(),
                AttrStep::Read(_, form) => form::skip(&mut self.reader, form, self.head.encoding)?,
                AttrStep::Implicit(..) => {}
            }
        }
        Ok(sibling)
    }
}
