//! What was not encoded, and why.

use std::collections::BTreeMap;
use std::fmt;

use gimli::{DwForm, DwTag};

/// What was seen and what was left out while one file was encoded. Functions and variables that
/// pahole's rules pass over, those of one name that disagree for instance, are not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many CUs were encoded.
    pub units: u32,
    /// How many CUs were left out, by the reason.
    pub skipped_units: BTreeMap<&'static str, u32>,
    /// How many DIEs of a tag that means something were passed over because nothing in BTF corresponds to them: the number
    /// of the tag, and how many.
    pub unsupported_tags: BTreeMap<u16, u32>,
    /// How many attributes had a form that their value cannot be read from: the number of the form, and how many.
    pub unsupported_forms: BTreeMap<u16, u32>,
    /// How many references led to no type; they became `void`.
    pub dangling_references: u32,
    /// How many references closed a cycle of types that no struct or union is part of; they were taken for `void`. pahole
    /// encodes nothing of a file that has one.
    pub cycles: u32,
    /// How many bit-fields begin too far into their struct for BTF.
    pub too_far_bit_fields: u32,
    /// How many types were written.
    pub types: u32,
    /// How many functions were written.
    pub functions: u32,
    /// How many variables were written.
    pub variables: u32,
}

impl Report {
    #[cold]
    pub(crate) fn unsupported(&mut self, tag: DwTag) {
        add(&mut self.unsupported_tags, tag.0, 1);
    }

    #[cold]
    pub(crate) fn unsupported_form(&mut self, form: DwForm) {
        add(&mut self.unsupported_forms, form.0, 1);
    }

    /// Counts a CU that was thought to be encoded as one that is left out.
    pub(crate) fn leave_out_cu(&mut self, reason: &'static str) {
        self.units -= 1;
        self.skip_cu(reason);
    }

    pub(crate) fn skip_cu(&mut self, reason: &'static str) {
        add(&mut self.skipped_units, reason, 1);
    }

    /// Adds what another part of the same file reported.
    pub(crate) fn add(&mut self, other: &Self) {
        self.units += other.units;
        other.skipped_units.iter().for_each(|(&reason, &more)| add(&mut self.skipped_units, reason, more));
        other.unsupported_tags.iter().for_each(|(&tag, &more)| add(&mut self.unsupported_tags, tag, more));
        other.unsupported_forms.iter().for_each(|(&form, &more)| add(&mut self.unsupported_forms, form, more));
        self.dangling_references += other.dangling_references;
        self.too_far_bit_fields += other.too_far_bit_fields;
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K, more: u32) {
    *counts.entry(key).or_default() += more;
}

impl Report {
    /// What was left out or could not be taken as it is: in words, and how many times.
    #[must_use]
    pub fn left_out(&self) -> Vec<(String, u32)> {
        let units = self.skipped_units.iter().map(|(reason, &count)| (format!("unit left out: {reason}"), count));
        let tags = self.unsupported_tags.iter().map(|(&tag, &count)| (format!("{} left out", DwTag(tag)), count));
        let forms = self.unsupported_forms.iter();
        let forms = forms.map(|(&form, &count)| (format!("value of {} not read", DwForm(form)), count));
        let others = [
            ("reference to nothing, taken for void", self.dangling_references),
            ("reference that closes a cycle of types, taken for void", self.cycles),
            ("bit-field too far into its struct", self.too_far_bit_fields),
        ];
        let others = others.map(|(what, count)| (what.to_owned(), count)).into_iter().filter(|&(_, count)| count > 0);
        units.chain(tags).chain(forms).chain(others).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { units, types, functions, variables, .. } = self;
        write!(f, "{units} units, {types} types, {functions} functions, {variables} variables")?;
        self.left_out().iter().try_for_each(|(what, count)| write!(f, "; {count} × {what}"))
    }
}
