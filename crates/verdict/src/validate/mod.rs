//! The checks that a kernel runs over BTF when a module is loaded, in their order.
//!
//! Source: `btf_parse_module` and, for a distilled base, `btf_parse_base` in `kernel/bpf/btf.c`. `btf_resolve` and the checks behind it,
//! which user space's BTF goes through, do not run. So a check fails on a mismatch only by chance, and a pass says little.

mod chain;
mod elements;
mod header;
mod log;
mod types;

#[cfg(test)]
mod tests;

use btf::Endian;

use crate::errno::Errno;
use crate::line::Line;
use crate::raw_btf::{RawBtf, RawHeader};
use crate::rules::Rules;
use crate::site::Site;

/// BTF that is being validated.
pub(crate) struct Validator<'a> {
    rules: &'a Rules,
    btf: RawBtf<'a>,
    /// The length of all bytes, header included.
    size: u32,
    /// `env->log_type_id`: the id of the type that is looked at.
    id: u32,
    lines: Vec<Line>,
    /// Which call logged the reason of a refusal.
    site: Option<Site>,
}

/// What validation came to. The lines were logged in any case.
pub(crate) struct Validated<'a> {
    pub lines: Vec<Line>,
    pub site: Option<Site>,
    pub result: Result<RawBtf<'a>, Errno>,
}

/// Validates a module's BTF over a base or, without one, a distilled base.
pub(crate) fn validate<'a>(
    bytes: &'a [u8],
    base: Option<&'a RawBtf<'a>>,
    endian: Endian,
    rules: &'a Rules,
) -> Validated<'a> {
    let btf =
        RawBtf { endian, header: RawHeader::default(), body: &[], strings: &[], types: vec![], has_void: false, base };
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut validator = Validator { rules, btf, size, id: 0, lines: vec![], site: None };
    let result = validator.run(bytes);
    Validated { lines: validator.lines, site: validator.site, result: result.map(|()| validator.btf) }
}

impl<'a> Validator<'a> {
    fn run(&mut self, bytes: &'a [u8]) -> Result<(), Errno> {
        self.header(bytes)?;
        self.strings()?;
        self.types()?;
        if self.rules.checks_chains() { self.chains() } else { Ok(()) }
    }
}
