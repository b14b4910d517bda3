//! `modbtf-pahole`: encodes as pahole does, with pahole's arguments as kbuild gives them.
//!
//! It answers to the name of pahole 1.30, by which kernels decide what they ask for. What 1.30 knows and this does not is
//! refused by name, since the build would not get what it asked for; unknown features are ignored, as pahole does, for
//! kernels that are newer. Which arguments a kernel gives is in its `scripts/Makefile.btf`, `scripts/pahole-flags.sh`,
//! `scripts/link-vmlinux.sh` and `scripts/gen-btf.sh`.

mod arguments;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use clap::Parser as _;
use encode::{Encoder, Features};

pub use arguments::Arguments;

use crate::encode::{Overlap, prepare, sections, spare, write_files};
use crate::overlap::{Role, Sources};
use cli::terminal::say;

/// The version that is reported, as pahole reports it. Linux compares it as the number 130.
const VERSION: &str = "v1.30";

/// Does what the arguments say, of which the first is the program's name; gives the exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments::unglued(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Usage goes to standard error, help to standard output; that neither can be written to changes nothing.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    match run(&arguments) {
        Ok(()) => 0,
        Err(_) if cli::interrupt::asked() => 130,
        Err(error) => {
            say(&format!("modbtf-pahole: {}", util::error::one_cause_a_line(error.as_ref())));
            1
        }
    }
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

/// The file to encode may be replaced, unless it is the base; a file of its own for BTF may be neither.
fn spare_what_is_read(arguments: &Arguments, file: &Path) -> Result<(), Overlap> {
    let mut sources = Sources::default();
    arguments.btf_base.iter().for_each(|base| sources.add(base, Role::Base));
    match &arguments.btf_encode_detached {
        None => sources.spare(file),
        Some(detached) => {
            sources.add(file, Role::Input);
            spare(&sources, detached)
        }
    }
}

fn encode(arguments: &Arguments) -> Result<()> {
    if !arguments.btf_encode && arguments.btf_encode_detached.is_none() {
        bail!("failed to do anything but encode BTF: give -J; for the rest there is pahole");
    }
    let [file] = arguments.files.as_slice() else {
        bail!("failed to choose a file: give exactly one, not {}", arguments.files.len());
    };
    let options = arguments.options()?;
    spare_what_is_read(arguments, file)?;
    cli::interrupt::watch()?;
    let base = arguments.btf_base.as_deref().map(prepare).transpose()?;
    let encoder = match &base {
        Some(base) => Encoder::over(base, options),
        None => Encoder::new(options),
    };
    let encoded = encoder.with_threads(arguments.threads()).encode(file)?;
    if cli::interrupt::asked() {
        bail!("interrupted");
    }
    if arguments.verbose {
        say(&format!("{}: {}", file.display(), encoded.report));
    }
    match &arguments.btf_encode_detached {
        Some(detached) => write_files(detached, &encoded)?,
        None => sections(&encoded).apply_to_file(file)?,
    }
    Ok(())
}
