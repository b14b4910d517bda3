//! The register that a parameter is in when its function begins.
//!
//! The rules are those of pahole (`parameter__reg` in `dwarf_loader.c`): the first location counts if it is a register, and any
//! location counts that is the value which a register had at the entry.

use gimli::{EndianSlice, Operation, RunTimeEndian, constants as dw};
use util::Endian;

use crate::dwarf::form::Encoding;
use crate::dwarf::reader::Reader;
use crate::error::Malformed;

/// The registers that the first parameters are in, by DWARF's numbers, for the machines that pahole knows them of
/// (`arch__set_register_params` in `dwarf_loader.c`).
pub(crate) const fn parameter_registers(machine: u16) -> &'static [u8] {
    const S390: u16 = 22;
    const ARM: u16 = 40;
    const X86_64: u16 = 62;
    const AARCH64: u16 = 183;
    match machine {
        X86_64 => &[5, 4, 1, 2, 8, 9],
        S390 => &[2, 3, 4, 5, 6],
        ARM | AARCH64 => &[0, 1, 2, 3, 4, 5, 6, 7],
        _ => &[],
    }
}

/// A search for the register of a parameter.
#[derive(Debug, Clone)]
pub(crate) struct RegisterSearch {
    expected: u8,
    encoding: Encoding,
    endian: Endian,
    /// How many locations there were.
    locations: u32,
    /// The operation that the last one found consists of.
    found: Option<u8>,
}

impl RegisterSearch {
    /// A search for the register with this number.
    pub(crate) const fn new(expected: u8, encoding: Encoding, endian: Endian) -> Self {
        Self { expected: dw::DW_OP_reg0.0.wrapping_add(expected), encoding, endian, locations: 0, found: None }
    }

    /// Whether the parameter is in a register, and in none that it was expected in.
    pub(crate) fn unexpected_reg(&self) -> bool {
        self.found.is_some_and(|found| found != self.expected)
    }

    /// Takes the next location's expression into account. Whether the search is over.
    pub(crate) fn expression(&mut self, expression: &[u8]) -> bool {
        let is_first = self.locations == 0;
        self.locations += 1;
        let mut reader = Reader::new(expression, self.endian);
        let found = match reader.u8().map(dw::DwOp) {
            Ok(op) if (dw::DW_OP_reg0.0..=dw::DW_OP_reg31.0).contains(&op.0) => Some(op.0).filter(|_| is_first),
            Ok(dw::DW_OP_entry_value | dw::DW_OP_GNU_entry_value) => {
                let length = reader.uleb().unwrap_or(u64::MAX);
                reader.take(usize::try_from(length).unwrap_or(usize::MAX)).ok().and_then(|inner| self.operation(inner))
            }
            _ => None,
        };
        let rest = reader.rest();
        // What is on the stack being the value says nothing of where it is from.
        if found.is_some() && (rest.is_empty() || rest == [dw::DW_OP_stack_value.0]) {
            self.found = found;
        }
        self.found == Some(self.expected)
    }

    /// The one operation that an expression consists of.
    fn operation(&self, expression: &[u8]) -> Option<u8> {
        let endian = match self.endian {
            Endian::Little => RunTimeEndian::Little,
            Endian::Big => RunTimeEndian::Big,
        };
        let mut rest = EndianSlice::new(expression, endian);
        let Encoding { version, address_size, offset_size } = self.encoding;
        let format = if offset_size == 8 { gimli::Format::Dwarf64 } else { gimli::Format::Dwarf32 };
        Operation::parse(&mut rest, gimli::Encoding { address_size, format, version }).ok()?;
        expression.first().copied().filter(|_| rest.is_empty())
    }

    /// Takes a list of `.debug_loclists` into account (DWARF 5, section 7.7.3). It ends early where it is damaged.
    pub(crate) fn list(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let address = usize::from(self.encoding.address_size);
        loop {
            match dw::DwLle(reader.u8()?) {
                dw::DW_LLE_base_addressx => {
                    reader.uleb()?;
                    continue;
                }
                dw::DW_LLE_base_address => {
                    reader.skip(address)?;
                    continue;
                }
                dw::DW_LLE_GNU_view_pair => {
                    reader.uleb()?;
                    reader.uleb()?;
                    continue;
                }
                dw::DW_LLE_startx_endx | dw::DW_LLE_startx_length | dw::DW_LLE_offset_pair => {
                    reader.uleb()?;
                    reader.uleb()?;
                }
                dw::DW_LLE_start_end => reader.skip(address * 2)?,
                dw::DW_LLE_start_length => {
                    reader.skip(address)?;
                    reader.uleb()?;
                }
                dw::DW_LLE_default_location => {}
                _ => return Ok(()),
            }
            let length = reader.uleb()?;
            if self.expression(reader.take(usize::try_from(length).unwrap_or(usize::MAX))?) {
                return Ok(());
            }
        }
    }

    /// Takes a list of `.debug_loc` into account (DWARF 4, section 2.6.2), of whose places `relocated` says whether a
    /// relocation changes what is there.
    pub(crate) fn old_list(
        &mut self,
        reader: &mut Reader<'_>,
        relocated: impl Fn(usize) -> bool,
    ) -> Result<(), Malformed> {
        let bytes = self.encoding.address_size;
        let base = if bytes == 8 { u64::MAX } else { u64::from(u32::MAX) };
        loop {
            let at = reader.position();
            let (begin, end) = (reader.word(bytes)?, reader.word(bytes)?);
            if begin == base {
                continue;
            }
            if begin == 0 && end == 0 && !relocated(at) {
                return Ok(());
            }
            let length = reader.u16()?;
            if self.expression(reader.take(usize::from(length))?) {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODING: Encoding = Encoding { version: 5, address_size: 8, offset_size: 4 };

    /// The first parameter, on x86-64.
    fn search(expressions: &[&[u8]]) -> (bool, Option<u8>) {
        let mut search = RegisterSearch::new(5, ENCODING, Endian::Little);
        for expression in expressions {
            if search.expression(expression) {
                break;
            }
        }
        (search.unexpected_reg(), search.found)
    }

    #[test]
    fn the_first_location_counts_and_what_a_register_had_at_the_entry() {
        assert_eq!(search(&[&[0x55], &[0x53]]), (false, Some(0x55)), "moved on later");
        assert_eq!(search(&[&[0x53], &[0x55]]), (true, Some(0x53)), "only the first place counts");
        assert_eq!(search(&[&[0x53], &[0xa3, 1, 0x55, 0x9f]]), (false, Some(0x55)), "but for the value at the entry");
        assert_eq!(search(&[&[0x55, 0x93, 8]]), (false, None), "a piece is not the parameter");
        assert_eq!(search(&[&[0x91, 0]]), (false, None), "the stack is not a register");
        assert_eq!(search(&[&[]]), (false, None));
        assert_eq!(search(&[&[0x91, 0], &[0x54]]), (false, None));
        assert_eq!(search(&[&[0xf3, 1, 0x54, 0x9f]]), (true, Some(0x54)));
        assert_eq!(search(&[&[0xa3, 2, 0x75, 0]]), (true, Some(0x75)), "what rdi points to is not rdi");
        assert_eq!(search(&[&[0xa3, 3, 0x75, 0, 0x06]]), (false, None));
        assert_eq!(search(&[&[0xa3, 9, 0x55]]), (false, None), "cut");
    }

    fn listed(bytes: &[u8]) -> (bool, Result<(), Malformed>) {
        let mut search = RegisterSearch::new(5, ENCODING, Endian::Little);
        let result = search.list(&mut Reader::new(bytes, Endian::Little));
        (search.unexpected_reg(), result)
    }

    #[test]
    fn lists_of_either_form_are_followed_to_their_end() {
        let mut list = vec![9, 1, 2, 6, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 1, 0x53, 9, 0, 0];
        list.extend([8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 0xa3, 1, 0x55, 0x9f]);
        assert_eq!(listed(&list), (false, Ok(())));
        assert_eq!(listed(&[4, 1, 2, 1, 0x53, 0]), (true, Ok(())));
        assert_eq!(listed(&[77]), (false, Ok(())));
        for length in 0..list.len() {
            assert!(listed(&list[..length]).1.is_err(), "{length} bytes");
        }
        let mut old = [[0u8; 16], [0xff; 16]].concat();
        old.extend([&[0; 16][..], &[1, 0, 0x53], &[0; 16]].concat());
        let mut search = RegisterSearch::new(5, Encoding { version: 4, ..ENCODING }, Endian::Little);
        assert_eq!(search.old_list(&mut Reader::new(&old, Endian::Little), |_| false), Ok(()));
        assert!(!search.unexpected_reg(), "what looks like the end is it");
        let from_start = old.get(16..).expect("more");
        assert_eq!(search.old_list(&mut Reader::new(from_start, Endian::Little), |at| at == 16), Ok(()));
        assert!(search.unexpected_reg(), "unless it is relocated");
    }
}
