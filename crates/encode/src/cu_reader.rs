//! Reads the CUs of a file, and merges them into the canonical types.

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

/// What all CUs of a file are read with.
pub(crate) struct CuReader<'r> {
    pub(crate) context: FileContext<'r>,
    /// The number of the name `int`.
    pub(crate) int: NameId,
}

impl CuReader<'_> {
    /// Adds what a CU declares.
    fn collect(
        &self,
        header: &CuHeader,
        collector: &mut Collector,
        bytes: &mut Vec<u8>,
        cu: &mut Cu,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        self.context.file.read_info(header.offset, header.length, bytes)?;
        report.units += 1;
        collector.collect(self.context, header, bytes, cu, report)
    }

    /// Reads a CU as far as it can be done without knowing the others.
    pub(crate) fn read(
        &self,
        header: &CuHeader,
        collector: &mut Collector,
        bytes: &mut Vec<u8>,
        cu: &mut Cu,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        cu.clear();
        self.collect(header, collector, bytes, cu, report)?;
        finish(cu, report)
    }

    pub(crate) fn one_by_one(
        &self,
        headers: &[CuHeader],
        collector: &mut Collector,
        types: &mut CanonicalTypes<'_>,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        let (mut cu, mut scratch, mut bytes) = (Cu::default(), Scratch::default(), Vec::new());
        for header in headers {
            self.read(header, collector, &mut bytes, &mut cu, report)?;
            types.merge_cu(&cu, self.int, &mut scratch)?;
        }
        Ok(())
    }

    pub(crate) fn as_one(
        &self,
        headers: &[CuHeader],
        collector: &mut Collector,
        types: &mut CanonicalTypes<'_>,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        let (mut cu, mut bytes) = (Cu::default(), Vec::new());
        for header in headers {
            self.collect(header, collector, &mut bytes, &mut cu, report)?;
        }
        finish(&mut cu, report)?;
        types.merge_cu(&cu, self.int, &mut Scratch::default())
    }
}

/// Resolves what a CU's types refer to.
fn finish(cu: &mut Cu, report: &mut Report) -> Result<(), EncodeError> {
    unexpected_reg::share(cu);
    cu.resolve()?;
    unexpected_reg::mark(cu);
    report.dangling_references += cu.dangling;
    cu.sign();
    cu.breach.check()
}
