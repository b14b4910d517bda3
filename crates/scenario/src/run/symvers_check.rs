//! Checks, before anything boots, whether an upgrade keeps the module ABI.

use std::path::Path;

use kmod::Symvers;

use super::Error;
use crate::boots::measured::SymversCheck;

/// The number of differing or missing symbols that are listed.
const NAMED: usize = 10;

/// Compares the exports of the modules' kernel with those of the running one, by their Module.symvers.
///
/// # Errors
///
/// A file cannot be read or parsed, or is empty.
pub(super) fn compare_symvers(running: &Path, modules_of: &Path) -> Result<SymversCheck, Error> {
    let (running, modules_of) = (open(running)?, open(modules_of)?);
    let difference = modules_of.diff(&running);
    let changed = difference.changed.iter().map(|(symbol, ..)| symbol);
    Ok(SymversCheck {
        symbols: modules_of.len(),
        differing: difference.changed.len(),
        missing: difference.removed.len(),
        unversioned: modules_of.iter().filter(|(_, entry)| entry.crc == 0).count(),
        names: changed.chain(&difference.removed).take(NAMED).cloned().collect(),
    })
}

fn open(path: &Path) -> Result<Symvers, Error> {
    let symvers = Symvers::open(path)?;
    if symvers.is_empty() { Err(Error::NoSymbols { path: path.to_owned() }) } else { Ok(symvers) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn proof(running: &str, modules_of: &str) -> SymversCheck {
        tried(running, modules_of).unwrap()
    }

    fn tried(running: &str, modules_of: &str) -> Result<SymversCheck, Error> {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, symbols: &str| {
            let line = |symbol: &str| {
                let (name, crc) = symbol.split_once('=').unwrap();
                format!("0x{crc}\t{name}\tvmlinux\tEXPORT_SYMBOL\t\n")
            };
            let path = dir.path().join(name);
            fs::write(&path, symbols.split_whitespace().map(line).collect::<String>()).unwrap();
            path
        };
        compare_symvers(&file("running", running), &file("modules", modules_of))
    }

    #[test]
    fn compare_symvers_wants_all_exports_of_the_modules_kernel_in_the_running_one() {
        let compatible = SymversCheck { symbols: 2, differing: 0, missing: 0, unversioned: 0, names: Vec::new() };
        assert_eq!(proof("a=1 b=2", "a=1 b=2"), compatible);
        assert_eq!(proof("a=1 b=2 c=3", "a=1 b=2"), compatible, "what only the running one exports does no harm");
        let missing = proof("a=1", "a=1 b=2");
        assert_eq!(missing, SymversCheck { missing: 1, names: vec!["b".into()], ..compatible.clone() });
        let unversioned = proof("a=0 b=0", "a=0 b=0");
        assert_eq!(unversioned, SymversCheck { unversioned: 2, ..compatible.clone() });
        assert!(!unversioned.compatible() && !unversioned.broken(), "two kernels without CRCs prove nothing");
        let partly = proof("a=0 b=1", "a=0 b=1");
        assert!(!partly.compatible() && !partly.broken(), "{partly}");
        assert!(tried("", "a=1").is_err() && tried("a=1", "").is_err(), "nothing to compare");
        let broken = proof("a=1 c=3", "a=7 b=2 c=4");
        assert_eq!(broken.names, ["a", "c", "b"]);
        assert!(compatible.compatible() && missing.broken() && broken.broken());
    }

    #[test]
    fn compare_symvers_names_ten_symbols_at_most() {
        let many = |crc: u32| (0..20).map(|at| format!("s{at:02}={crc}")).collect::<Vec<_>>().join(" ");
        let proof = proof(&many(1), &many(2));
        assert_eq!((proof.differing, proof.names.len()), (20, 10));
    }
}
