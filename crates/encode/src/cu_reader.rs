//! Reads CUs, and merges them into the canonical types.

use crate::cu::graph::Cu;
use crate::cu::unexpected_reg;
use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::unit::Scratch;
use crate::dwarf::file::CuHeader;
use crate::dwarf::request::FileContext;
use crate::dwarf::visit::collector::Collector;
use crate::error::EncodeError;
use crate::ids::NameId;
use crate::report::Report;

/// Reads CUs of one file, one after the other, and reuses the memory of those before.
pub(crate) struct CuReader<'r> {
    context: FileContext<'r>,
    collector: Collector,
    bytes: Vec<u8>,
    /// What was and was not read.
    pub(crate) report: Report,
}

impl<'r> CuReader<'r> {
    pub(crate) fn new(context: FileContext<'r>) -> Self {
        Self { context, collector: Collector::new(context), bytes: Vec::new(), report: Report::default() }
    }

    /// Whether CUs refer to each other, as they do after link-time optimisation, so that they have to be read as one.
    pub(crate) fn refers_across(&mut self, headers: &[CuHeader]) -> Result<bool, EncodeError> {
        for header in headers {
            if self.collector.prepare(self.context.file, header)?.refers_across {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads CUs as one, which takes the place of what `cu` was: all that can be done without knowing the others.
    pub(crate) fn read(&mut self, headers: &[CuHeader], cu: &mut Cu) -> Result<(), EncodeError> {
        let Self { context, collector, bytes, report } = self;
        cu.clear();
        for header in headers {
            context.file.read_info(header.offset, header.length, bytes)?;
            report.units += 1;
            collector.collect(*context, header, bytes, cu, report)?;
        }
        unexpected_reg::share(cu);
        cu.resolve()?;
        unexpected_reg::mark(cu);
        report.dangling_references += cu.dangling;
        cu.sign();
        cu.breach.check()
    }

    /// Reads groups of CUs, each group as one, and merges them in this order. `int` is the number of that name.
    pub(crate) fn merge<'h>(
        &mut self,
        groups: impl Iterator<Item = &'h [CuHeader]>,
        int: NameId,
        types: &mut CanonicalTypes<'_>,
    ) -> Result<(), EncodeError> {
        let (mut cu, mut scratch) = (Cu::default(), Scratch::default());
        for group in groups {
            self.read(group, &mut cu)?;
            types.merge_cu(&cu, int, &mut scratch)?;
        }
        Ok(())
    }
}
