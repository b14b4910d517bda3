//! `modbtf-pahole`: encodes BTF with pahole's arguments as kbuild passes them.
//!
//! It reports the version of pahole 1.30, which kernels read before they choose arguments. An argument that 1.30
//! supports and this program does not is an error, because otherwise the build would silently lack something. Unknown
//! features are ignored, as by pahole, for newer kernels. The arguments of a kernel are in its
//! `scripts/Makefile.btf`, `scripts/pahole-flags.sh`, `scripts/link-vmlinux.sh` and `scripts/gen-btf.sh`.

mod arguments;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use clap::Parser as _;
use encode::{Encoder, Features};

pub use arguments::Arguments;

use crate::encode::{check_spared, prepare, sections, side_files};
use crate::files::claims::{Overlap, PathClaims, Role};
use crate::files::output::write_side_files;
use cli::terminal::say;
use cli::{Diagnostics, Exit, interrupt};
use tracing::info_span;

/// The reported version, in pahole's format. Linux compares it as the number 130.
const VERSION: &str = "v1.30";

/// Executes the arguments, of which the first is the program's name. Returns the exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments::unglued(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Usage goes to standard error, help to standard output. Failures to write them are ignored.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let session = match diagnostics() {
        Ok(diagnostics) => diagnostics.start(),
        Err(error) => {
            let _ = error.print();
            return Exit::Usage.code();
        }
    };
    let result = run(&arguments);
    session.finish();
    match result {
        Ok(()) => Exit::Success.code(),
        Err(_) if interrupt::asked() => Exit::Interrupted.code(),
        Err(error) => {
            say(&format!("modbtf-pahole: {}", util::error::one_cause_a_line(error.as_ref())));
            1
        }
    }
}

/// The environment variable for options that pahole does not have.
const DIAGNOSTICS: &str = "MODBTF_DIAGNOSTICS";

/// `-v`, `-vv` and `--timings` from the environment, because the arguments are pahole's.
fn diagnostics() -> Result<Diagnostics, clap::Error> {
    #[derive(clap::Parser)]
    #[command(name = "MODBTF_DIAGNOSTICS", no_binary_name = true, disable_help_flag = true)]
    struct Words {
        #[command(flatten)]
        diagnostics: Diagnostics,
    }
    let words = std::env::var(DIAGNOSTICS).unwrap_or_default();
    Words::try_parse_from(words.split_whitespace()).map(|words| words.diagnostics)
}

fn run(arguments: &Arguments) -> Result<()> {
    let answer = if arguments.version {
        VERSION.to_owned()
    } else if arguments.numeric_version {
        VERSION.replace(['v', '.'], "")
    } else if arguments.supported_btf_features {
        Features::NAMES.join(",")
    } else {
        return encode(arguments);
    };
    Ok(writeln!(std::io::stdout(), "{answer}")?)
}

/// Checks the outputs: the input may be replaced unless it is the base, and a separate file for BTF must be neither.
fn spare_what_is_read(arguments: &Arguments, file: &Path) -> Result<(), Overlap> {
    let mut claims = PathClaims::default();
    arguments.btf_base.iter().for_each(|base| claims.read(base, Role::Base));
    match &arguments.btf_encode_detached {
        None => claims.check_spared(file),
        Some(detached) => {
            claims.read(file, Role::Input);
            check_spared(&claims, detached)
        }
    }
}

fn encode(arguments: &Arguments) -> Result<()> {
    if !arguments.btf_encode && arguments.btf_encode_detached.is_none() {
        bail!("cannot do anything but encode BTF: give -J; for the rest there is pahole");
    }
    let [file] = arguments.files.as_slice() else {
        bail!("cannot encode {} files: give exactly one", arguments.files.len());
    };
    let options = arguments.options()?;
    spare_what_is_read(arguments, file)?;
    interrupt::watch()?;
    let base = arguments.btf_base.as_deref().map(prepare).transpose()?;
    let encoder = match &base {
        Some(base) => Encoder::over(base, options),
        None => Encoder::new(options),
    };
    let span = info_span!("encoding", file = %file.display());
    let encoded = span.in_scope(|| encoder.with_threads(arguments.threads()).encode(file))?;
    if interrupt::asked() {
        bail!("interrupted");
    }
    if arguments.verbose {
        say(&format!("{}: {}", file.display(), encoded.report));
    }
    match &arguments.btf_encode_detached {
        Some(detached) => write_side_files(detached, &side_files(&encoded))?,
        None => sections(&encoded).apply_to_file(file)?,
    }
    Ok(())
}
