//! Collects CUs one after the other, and keeps the memory of the ones before.

use crate::cu::die::DieOffset;
use crate::cu::graph::Cu;
use crate::cu::reference::LocalId;
use crate::dwarf::abbrev::AbbrevPlans;
use crate::dwarf::file::{CuHeader, DwarfFile};
use crate::dwarf::form;
use crate::dwarf::location_window::LocationWindow;
use crate::dwarf::reader::Reader;
use crate::dwarf::request::FileContext;
use crate::dwarf::visit::attr_values::Values;
use crate::dwarf::visit::visitor::{DieVisitor, Frame, Result};
use crate::error::{EncodeError, Malformed};
use crate::report::Report;
use crate::strings::cache::NameCache;
use crate::symbols::endian_of;

/// Collects CUs, one after the other, with the memory of the ones before.
#[derive(Debug)]
pub(crate) struct Collector {
    plans: AbbrevPlans,
    plans_of: Option<(u64, form::Encoding)>,
    frames: Vec<Frame>,
    elements: Vec<u32>,
    /// Enums of 64 bits whose signedness is that of another DIE.
    enums: Vec<(LocalId, DieOffset)>,
    window: LocationWindow,
    name_cache: NameCache,
}

impl Collector {
    /// For the CUs of a file.
    pub(crate) fn new(FileContext { file, names, .. }: FileContext<'_>) -> Self {
        Self {
            plans: AbbrevPlans::default(),
            plans_of: None,
            frames: Vec::new(),
            elements: Vec::new(),
            enums: Vec::new(),
            window: LocationWindow::default(),
            name_cache: NameCache::new(names, file.strings.len()),
        }
    }

    /// Reads the abbreviations of a CU, unless they are those of the CU before.
    pub(crate) fn prepare(&mut self, file: &DwarfFile<'_>, head: &CuHeader) -> Result<&AbbrevPlans, EncodeError> {
        if self.plans_of != Some((head.abbreviations, head.encoding)) {
            self.plans_of = None;
            let rest = usize::try_from(head.abbreviations).ok().and_then(|start| file.abbreviations.get(start..));
            let fail = |source| EncodeError::Dwarf { cu: head.offset, source };
            let rest = rest.ok_or(fail(Malformed::Short { at: file.abbreviations.len() }))?;
            let endian = endian_of(file.elf);
            self.plans.read(rest, endian, head.encoding, file.wants_locations).map_err(fail)?;
            self.plans_of = Some((head.abbreviations, head.encoding));
        }
        Ok(&self.plans)
    }

    /// Adds what the CU in `bytes` declares to `cu`.
    pub(crate) fn collect(
        &mut self,
        context: FileContext<'_>,
        head: &CuHeader,
        bytes: &[u8],
        cu: &mut Cu,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        let FileContext { file, names, wanted } = context;
        self.prepare(file, head)?;
        self.frames.clear();
        self.elements.clear();
        self.enums.clear();
        let too_large = EncodeError::TooLarge { what: "bytes of .debug_info" };
        let end = head.offset.checked_add(head.length).and_then(DieOffset::new);
        let Some(base) = end.and(DieOffset::new(head.offset)) else { return Err(too_large) };
        let mut visitor = DieVisitor {
            file,
            names,
            wanted,
            head,
            reader: Reader::new(bytes, endian_of(file.elf)).at(head.header_length),
            plans: &self.plans,
            cursor: 0,
            base,
            is_rust: false,
            string_offsets: 0,
            addresses: 0,
            lists: 0,
            frames: &mut self.frames,
            elements: &mut self.elements,
            enums: &mut self.enums,
            window: &mut self.window,
            name_cache: &mut self.name_cache,
            cu,
            report,
            values: Values::NONE,
        };
        visitor.run().map_err(|error| *error)?;
        for &(index, ty) in &self.enums {
            cu.enum_signedness(index, ty);
        }
        self.plans.breach.check()
    }
}
