//! What host and guest of a conformance run exchange: a plan, a template of a module, and a file of cases.
//!
//! The guest reports events of [`guest_protocol`], one [`Event::Step`](guest_protocol::Event::Step) a case.

use serde::{Deserialize, Serialize};

/// Where the template lies in the initramfs.
pub const TEMPLATE_PATH: &str = "/template.ko";

/// Where the cases lie in the initramfs.
pub const CASES_PATH: &str = "/cases";

/// What the guest has to do: load each case, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CasesPlan {
    /// [`guest_protocol::PROTOCOL`] of the host that wrote the plan.
    pub protocol: u32,
    /// The module's name as the kernel will know it.
    pub module: String,
    /// Where the template has the section header of `.BTF`, in bytes from its start.
    pub btf_header: usize,
    /// Where it has the section header of `.BTF.base`.
    pub base_header: usize,
}

/// One case: what the module's sections hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSections<'a> {
    /// `.BTF`.
    pub btf: &'a [u8],
    /// `.BTF.base`; the module has no such section if this is nothing.
    pub base: Option<&'a [u8]>,
}

/// Stands for the length of a section that is not there.
const ABSENT: u32 = u32::MAX;

/// Adds a case to a file of cases: two lengths of 32 bits, little-endian, then the bytes of both sections.
///
/// # Errors
///
/// A section is too long for its length to be written.
pub fn write_case(out: &mut Vec<u8>, case: &CaseSections<'_>) -> Result<(), std::num::TryFromIntError> {
    let base = case.base.map(|base| u32::try_from(base.len())).transpose()?;
    out.extend_from_slice(&u32::try_from(case.btf.len())?.to_le_bytes());
    out.extend_from_slice(&base.unwrap_or(ABSENT).to_le_bytes());
    out.extend_from_slice(case.btf);
    out.extend_from_slice(case.base.unwrap_or_default());
    Ok(())
}

/// Reads a file of cases, one after another. A case that is cut short ends it with `None` in its place.
pub fn read_cases(mut rest: &[u8]) -> impl Iterator<Item = Option<CaseSections<'_>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let case = take_case(rest);
        rest = case.as_ref().map_or(&[], |(_, rest)| rest);
        Some(case.map(|(case, _)| case))
    })
}

fn take_case(bytes: &[u8]) -> Option<(CaseSections<'_>, &[u8])> {
    let (lengths, rest) = bytes.split_first_chunk::<8>()?;
    let [a, b, c, d, e, f, g, h] = *lengths;
    let (btf, base) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let (btf, rest) = rest.split_at_checked(usize::try_from(btf).ok()?)?;
    let length = if base == ABSENT { 0 } else { usize::try_from(base).ok()? };
    let (there, rest) = rest.split_at_checked(length)?;
    Some((CaseSections { btf, base: (base != ABSENT).then_some(there) }, rest))
}

/// A module whose sections can be replaced.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    length: usize,
    btf_header: usize,
    base_header: usize,
    base_name: [u8; 4],
}

impl Template {
    /// Takes an ELF file of 64 bits, little-endian, and where it has the two section headers.
    ///
    /// Nothing, if a header does not lie in the file.
    #[must_use]
    pub fn new(bytes: Vec<u8>, btf_header: usize, base_header: usize) -> Option<Self> {
        bytes.get(btf_header..)?.first_chunk::<SECTION_HEADER>()?;
        let base_name = *bytes.get(base_header..)?.first_chunk::<SECTION_HEADER>()?.first_chunk::<4>()?;
        let length = bytes.len();
        Some(Self { bytes, length, btf_header, base_header, base_name })
    }

    /// The module with the sections of a case, which are put at its end. A section that is not there loses its name.
    pub fn with(&mut self, case: &CaseSections<'_>) -> &[u8] {
        self.bytes.truncate(self.length);
        self.put(self.btf_header, case.btf);
        self.put(self.base_header, case.base.unwrap_or_default());
        let name = if case.base.is_some() { self.base_name } else { [0; 4] };
        self.patch(self.base_header, &name);
        &self.bytes
    }

    fn put(&mut self, header: usize, section: &[u8]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let place = self.bytes.len() as u64;
        self.bytes.extend_from_slice(section);
        self.patch(header + SECTION_OFFSET, &place.to_le_bytes());
        self.patch(header + SECTION_SIZE, &(section.len() as u64).to_le_bytes());
    }

    fn patch(&mut self, at: usize, with: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + with.len()) {
            place.copy_from_slice(with);
        }
    }
}

/// The length of a section header in bytes (`Elf64_Shdr`), and where it has the section's offset and size.
const SECTION_HEADER: usize = 64;
const SECTION_OFFSET: usize = 24;
const SECTION_SIZE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_read_as_they_were_written() {
        let cases = [
            CaseSections { btf: b"btf", base: None },
            CaseSections { btf: b"", base: Some(b"") },
            CaseSections { btf: b"one", base: Some(b"base") },
        ];
        let mut file = Vec::new();
        for case in &cases {
            write_case(&mut file, case).unwrap();
        }
        assert_eq!(read_cases(&file).collect::<Option<Vec<_>>>().unwrap(), cases);
        assert_eq!(read_cases(&file[..file.len() - 1]).last().unwrap(), None);
    }

    #[test]
    fn a_template_gets_the_sections_of_each_case() {
        let mut template = Template::new(vec![7; 200], 64, 128).unwrap();
        let word = |bytes: &[u8], at: usize| usize::from_le_bytes(*bytes[at..].first_chunk().unwrap());
        let first = template.with(&CaseSections { btf: b"longer than", base: Some(b"base") }).to_vec();
        assert_eq!(&first[word(&first, 88)..][..word(&first, 96)], b"longer than");
        assert_eq!(&first[word(&first, 152)..][..word(&first, 160)], b"base");
        assert_eq!(first[128], 7);
        let second = template.with(&CaseSections { btf: b"b", base: None });
        assert_eq!((word(second, 88), word(second, 96), word(second, 160), second[128]), (200, 1, 0, 0));
        assert!(Template::new(vec![0; 200], 64, 137).is_none());
    }
}
