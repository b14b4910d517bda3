//! `Module.symvers`: every exported symbol of a kernel build with its CRC.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Error;
use crate::source::read_text;

const FILE: &str = "Module.symvers";

/// A `Module.symvers`, sorted by symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symvers {
    entries: BTreeMap<String, SymversEntry>,
}

/// The entry of one symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SymversEntry {
    /// Its CRC, or 0 if the kernel was built without CONFIG_MODVERSIONS.
    pub crc: u32,
    /// The exporter: `vmlinux`, or a module's path without suffix.
    pub module: String,
    /// The kind of export: `EXPORT_SYMBOL`, `EXPORT_SYMBOL_GPL`, …; `None` in files of 2.6.17 and older.
    pub export: Option<String>,
    /// Its namespace, if it has one.
    pub namespace: Option<String>,
}

/// The differences between two `Module.symvers`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SymversDiff {
    /// Symbols that are only in the second.
    pub added: Vec<String>,
    /// Symbols that are only in the first.
    pub removed: Vec<String>,
    /// Symbols with another CRC: the symbol, its CRC in the first and in the second.
    pub changed: Vec<(String, u32, u32)>,
}

impl SymversDiff {
    /// Whether every module built for the first finds its imports in the second: nothing was removed or changed.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        self.removed.is_empty() && self.changed.is_empty()
    }
}

impl Symvers {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::File`] around the errors of [`Symvers::parse`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&read_text(path)?).map_err(Error::reading(path, "Module.symvers"))
    }

    /// Parses lines with columns separated by tabs:
    ///
    /// - CRC, symbol, module: up to 2.6.17;
    /// - CRC, symbol, module, export: up to 5.3;
    /// - CRC, symbol, namespace, module, export: 5.4 and some of its successors;
    /// - CRC, symbol, module, export, namespace: the newer ones; the last column may be empty or missing.
    ///
    /// The position of the column that begins with `EXPORT_` shows the form (`scripts/mod/modpost.c`, `write_dump`).
    ///
    /// # Errors
    ///
    /// [`Error::Line`] with the line's number if a line has other columns, if its CRC is not a hexadecimal number, or
    /// if its symbol occurred before.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut entries = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let failed = |reason| Error::Line { file: FILE, line: index + 1, reason };
            if line.is_empty() {
                continue;
            }
            let (symbol, entry) = parse_line(line).map_err(failed)?;
            if entries.insert(symbol.to_owned(), entry).is_some() {
                return Err(failed(format!("symbol {symbol} was exported by an earlier line")));
            }
        }
        Ok(Self { entries })
    }

    /// The entry of `symbol`.
    #[must_use]
    pub fn get(&self, symbol: &str) -> Option<&SymversEntry> {
        self.entries.get(symbol)
    }

    /// Every symbol, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SymversEntry)> {
        self.entries.iter().map(|(symbol, entry)| (symbol.as_str(), entry))
    }

    /// The number of symbols.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no symbols.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The differences from `self` to `newer`, each list sorted by symbol.
    #[must_use]
    pub fn diff(&self, newer: &Self) -> SymversDiff {
        let mut diff = SymversDiff::default();
        for (symbol, old) in &self.entries {
            match newer.entries.get(symbol) {
                None => diff.removed.push(symbol.clone()),
                Some(new) if new.crc != old.crc => diff.changed.push((symbol.clone(), old.crc, new.crc)),
                Some(_) => {}
            }
        }
        diff.added = newer.entries.keys().filter(|symbol| !self.entries.contains_key(*symbol)).cloned().collect();
        diff
    }
}

fn parse_line(line: &str) -> Result<(&str, SymversEntry), String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let (&[crc, symbol], rest) = columns.split_first_chunk().ok_or_else(|| too_few(line))?;
    let is_export = |column: &str| column.starts_with("EXPORT_") || column == "(unknown)";
    let (module, export, namespace) = match *rest {
        [module] => (module, None, ""),
        [module, export] if is_export(export) => (module, Some(export), ""),
        [module, export, namespace] if is_export(export) => (module, Some(export), namespace),
        [namespace, module, export] if is_export(export) => (module, Some(export), namespace),
        [] => return Err(too_few(line)),
        _ => return Err(format!("no column of {line:?} says how the symbol is exported (EXPORT_SYMBOL…)")),
    };
    if symbol.is_empty() || module.is_empty() {
        return Err(format!("symbol or module is empty in {line:?}"));
    }
    let digits = crc.strip_prefix("0x").or_else(|| crc.strip_prefix("0X"));
    let number =
        digits.filter(|digits| !digits.starts_with('+')).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let crc = number.ok_or_else(|| format!("the CRC {crc:?} is no hexadecimal number of 32 bits"))?;
    let namespace = (!namespace.is_empty()).then(|| namespace.to_owned());
    Ok((symbol, SymversEntry { crc, module: module.to_owned(), export: export.map(str::to_owned), namespace }))
}

fn too_few(line: &str) -> String {
    format!("{line:?} has fewer than three columns; they are separated by tabs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(line: &str) -> (String, SymversEntry) {
        let symvers = Symvers::parse(line).unwrap();
        assert_eq!(symvers.len(), 1);
        let (symbol, entry) = symvers.iter().next().unwrap();
        (symbol.to_owned(), entry.clone())
    }

    fn entry(export: Option<&str>, namespace: Option<&str>) -> (String, SymversEntry) {
        let (export, namespace) = (export.map(str::to_owned), namespace.map(str::to_owned));
        ("f".to_owned(), SymversEntry { crc: 0xfe01_0203, module: "drivers/usb/m".to_owned(), export, namespace })
    }

    #[test]
    fn every_variant_of_columns_is_read() {
        let gpl = Some("EXPORT_SYMBOL_GPL");
        assert_eq!(only("0xfe010203\tf\tdrivers/usb/m"), entry(None, None));
        assert_eq!(only("0xfe010203\tf\tdrivers/usb/m\tEXPORT_SYMBOL\n"), entry(Some("EXPORT_SYMBOL"), None));
        assert_eq!(only("0xfe010203\tf\tdrivers/usb/m\tEXPORT_SYMBOL_GPL\t\n"), entry(gpl, None));
        assert_eq!(only("0xfe010203\tf\tdrivers/usb/m\tEXPORT_SYMBOL_GPL\tNS\r\n"), entry(gpl, Some("NS")));
        assert_eq!(only("0xfe010203\tf\tNS\tdrivers/usb/m\tEXPORT_SYMBOL_GPL"), entry(gpl, Some("NS")));
        assert_eq!(only("0xfe010203\tf\t\tdrivers/usb/m\tEXPORT_SYMBOL_GPL"), entry(gpl, None));
        let unused = Some("EXPORT_UNUSED_SYMBOL");
        assert_eq!(only("0xfe010203\tf\tdrivers/usb/m\tEXPORT_UNUSED_SYMBOL"), entry(unused, None));
    }

    #[test]
    fn a_namespace_that_looks_like_an_export_stays_a_namespace() {
        let (_, entry) = only("0x1\tf\tm\tEXPORT_SYMBOL\tEXPORT_NS");
        assert_eq!((entry.module.as_str(), entry.namespace.as_deref()), ("m", Some("EXPORT_NS")));
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = "0x1\tg\tvmlinux\tEXPORT_SYMBOL\t\n";
        for bad in [
            "0x1",
            "0x1\tf",
            "0x1 f vmlinux EXPORT_SYMBOL",
            "1\tf\tvmlinux\tEXPORT_SYMBOL",
            "0x123456789\tf\tvmlinux\tEXPORT_SYMBOL",
            "0x+1\tf\tvmlinux\tEXPORT_SYMBOL",
            "0x\tf\tvmlinux\tEXPORT_SYMBOL",
            "0x1\t\tvmlinux\tEXPORT_SYMBOL",
            "0x1\tf\t\tEXPORT_SYMBOL",
            "0x1\tf\tvmlinux\tEXPORTED",
            "0x1\tf\ta\tb\tc",
            "0x1\tf\tvmlinux\tEXPORT_SYMBOL\tNS\tmore",
            "0x1\tg\tvmlinux\tEXPORT_SYMBOL",
        ] {
            let error = Symvers::parse(&format!("{good}{bad}\n")).unwrap_err();
            assert!(matches!(error, Error::Line { line: 2, .. }), "{bad:?}: {error:?}");
        }
    }

    #[test]
    fn two_files_are_compared() {
        let parse = |text: &str| Symvers::parse(text).unwrap();
        let old = parse("0x1\ta\tm\tEXPORT_SYMBOL\n0x2\tb\tm\tEXPORT_SYMBOL\n0x3\tc\tm\tEXPORT_SYMBOL\n");
        let new = parse("0x9\tb\tm\tEXPORT_SYMBOL\t\n0x3\tc\tm\tEXPORT_SYMBOL\t\n0x4\td\tm\tEXPORT_SYMBOL\t\n");
        let diff = old.diff(&new);
        assert_eq!(diff.added, ["d"]);
        assert_eq!(diff.removed, ["a"]);
        assert_eq!(diff.changed, [("b".to_owned(), 2, 9)]);
        assert!(!diff.is_compatible());
        assert_eq!(old.diff(&old), SymversDiff::default());
    }
}
