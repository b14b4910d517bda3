//! Chains of modifiers: how long, and where tags stand in them.
//!
//! Source: `btf_check_type_tags`, in 7.2 `btf_check_modifier_chain_length`, in `kernel/bpf/btf.c`.

use btf::Kind;

use super::Validator;
use crate::errno::Errno;
use crate::form::Form;

/// How many modifiers may follow each other.
const LONGEST: u32 = 32;

impl Validator<'_> {
    /// Follows each modifier of the module until it reaches a type that was seen before, or no modifier. A type that does not exist is
    /// refused without a line.
    pub(super) fn chains(&mut self) -> Result<(), Errno> {
        let start = match self.btf.base {
            Some(base) => base.count(),
            None => 1,
        };
        let function =
            if self.rules.tags_anywhere() { "btf_check_modifier_chain_length" } else { "btf_check_type_tags" };
        let mut good = start.wrapping_sub(1);
        for id in start..self.btf.count() {
            let mut head = self.btf.get(id).ok_or(Errno::EINVAL)?;
            if !head.is_modifier() {
                continue;
            }
            let mut current = id;
            let mut left = LONGEST;
            let mut in_tags = head.kind() == Kind::TypeTag;
            while head.is_modifier() {
                let Some(fewer) = left.checked_sub(1) else {
                    self.plain(function, Form::Chain, []);
                    return Err(Errno::ELOOP);
                };
                left = fewer;
                if head.kind() != Kind::TypeTag {
                    in_tags = false;
                } else if !in_tags && !self.rules.tags_anywhere() {
                    return Err(self.plain(function, Form::TagOrder, []));
                }
                if current <= good {
                    break;
                }
                current = head.word;
                head = self.btf.get(current).ok_or(Errno::EINVAL)?;
            }
            good = id;
        }
        Ok(())
    }
}
