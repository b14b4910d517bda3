//! Reading, encoding and writing one file.

use ::encode::{EncodeError, Encoder, Options, PreparedBase};
use kmod::ElfFile;
use tracing::{debug, debug_span};

use super::product::{sections, side_files};
use crate::files::find::Input;
use crate::files::output::Output;
use crate::files::report::{self, is_signed};

/// The work on each file.
pub(super) struct Work<'a> {
    pub(super) base: Option<&'a PreparedBase>,
    /// Whether modules are encoded without a base.
    pub(super) standalone: bool,
    pub(super) options: Options,
    /// The number of threads for one file.
    pub(super) threads: usize,
    pub(super) output: &'a Output,
}

/// The result that was written for a file.
#[derive(Debug)]
pub(super) struct Written {
    /// The length of `.BTF` and `.BTF.base` together, in bytes.
    pub(super) bytes: usize,
    pub(super) report: ::encode::Report,
}

/// The reason why a file was not encoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Its BTF could not be written.
    #[error(transparent)]
    Write(kmod::Error),
    /// It is signed.
    #[error("cannot put BTF into a signed module; give --drop-signature, and sign it again")]
    Signed(#[source] kmod::Error),
    /// It is a module, and there is no base.
    #[error("cannot encode a module without a base; give --base, or --standalone for types that no kernel takes")]
    NoBase,
    /// It is a kernel, and there is a base.
    #[error("cannot encode a kernel over a base: its BTF has none; encode it without --base")]
    NotAModule,
}

impl From<kmod::Error> for Failure {
    fn from(error: kmod::Error) -> Self {
        if is_signed(&error) { Self::Signed(error) } else { Self::Write(error) }
    }
}

impl report::Failure for Failure {
    fn is_environment(&self) -> bool {
        match self {
            Self::Encode(EncodeError::Elf(error)) | Self::Write(error) => error.is_environment(),
            _ => false,
        }
    }
}

impl Work<'_> {
    /// Encodes a file and writes the result.
    ///
    /// # Errors
    ///
    /// After an error the file is unchanged.
    pub(super) fn one(&self, input: &Input) -> Result<Written, Failure> {
        let elf = debug_span!("open").in_scope(|| ElfFile::open(&input.path)).map_err(EncodeError::Elf)?;
        let base = match (elf.is_relocatable(), self.base) {
            (true, None) if !self.standalone => return Err(Failure::NoBase),
            (false, Some(_)) => return Err(Failure::NotAModule),
            (_, base) => base,
        };
        let options = self.options.clone();
        let encoder = base.map_or_else(|| Encoder::new(options.clone()), |base| Encoder::over(base, options.clone()));
        let encoded = debug_span!("encode file").in_scope(|| encoder.with_threads(self.threads).encode_elf(&elf))?;
        drop(elf);
        debug!(types = encoded.report.types, bytes = encoded.btf.len(), "encoded");
        debug_span!("write").in_scope(|| self.output.write(input, sections(&encoded), &side_files(&encoded)))?;
        let bytes = encoded.btf.len() + encoded.base.as_ref().map_or(0, Vec::len);
        Ok(Written { bytes, report: encoded.report })
    }
}
