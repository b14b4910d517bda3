//! Writes what the fuzz targets begin with: `fuzz_seeds ELF-FOLDER DWARF-FOLDER [MODULES…]`.
//!
//! Small files that are made here, and the modules that are given: whole, cut, and their DWARF alone.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../tests/it/exercise.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod exercise;
#[path = "../tests/it/samples.rs"]
mod samples;
#[path = "../tests/it/support.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod support;

/// How long a seed may be, in bytes: what is longer is mutated too seldom where it matters.
const MAX: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(elf), Some(dwarf)) = (arguments.next(), arguments.next()) else {
        return Err("two folders are needed".into());
    };
    let made = samples::all().into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    let given =
        arguments.map(|path| Ok((name(&path), fs::read(&path)?))).collect::<Result<Vec<_>, std::io::Error>>()?;
    for (name, bytes) in made.chain(given) {
        if let Some(sections) = exercise::split(&bytes).filter(|sections| sections.len() <= MAX) {
            fs::write(dwarf.join(&name), sections)?;
        }
        if bytes.len() <= MAX {
            fs::write(elf.join(&name), &bytes)?;
            for part in 1..4 {
                fs::write(elf.join(format!("{name}-{part}-of-4")), &bytes[..bytes.len() / 4 * part])?;
            }
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
