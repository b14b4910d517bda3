//! Configuration fragments, and the check that the final configuration agrees with them.
//!
//! kconfig silently drops symbols whose dependencies are off and symbols that the source does not know. A kernel
//! without them may still boot, and then behaves differently. So every symbol of the fragments is looked up in the
//! final configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use super::lost_symbol::LostSymbol;
use crate::error::Error;

/// Symbols and their values as kconfig writes them: `y`, `m`, `n`, a number, or a quoted string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symbols(BTreeMap<String, String>);

impl Symbols {
    /// Parses a fragment or a `.config`. If a symbol is set twice, the last value counts, as in kconfig.
    ///
    /// # Errors
    ///
    /// [`Error::BadFragment`] for a line that is neither a setting nor a comment. `path` is used only in the error's
    /// text.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mut symbols = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            match setting(line.trim_end()) {
                Ok(Some((symbol, value))) => drop(symbols.insert(symbol.to_owned(), value.to_owned())),
                Ok(None) => {}
                Err(NoSetting) => {
                    let text = line.chars().take(200).collect();
                    return Err(Error::BadFragment { path: path.to_owned(), line: number + 1, text });
                }
            }
        }
        Ok(Self(symbols))
    }

    /// Reads and parses a file.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`], and the errors of [`Symbols::parse`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::parse(&fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?, path)
    }

    /// Adds another fragment. If both set a symbol, `later` wins.
    pub fn merge(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// The value of a symbol (given with its `CONFIG_`), or `n` if it is not set.
    #[must_use]
    pub fn get(&self, symbol: &str) -> &str {
        self.0.get(symbol).map_or("n", String::as_str)
    }

    /// The symbols whose value differs from the one in `asked`, sorted. Symbols in `expected_off` must be `n`,
    /// whatever `asked` says.
    #[must_use]
    pub fn lost(&self, asked: &Self, expected_off: &BTreeSet<String>) -> Vec<LostSymbol> {
        let expected = expected_off.iter().filter(|symbol| !asked.0.contains_key(*symbol)).map(|symbol| (symbol, "n"));
        let asked = asked.0.iter().map(|(symbol, value)| match expected_off.contains(symbol) {
            true => (symbol, "n"),
            false => (symbol, value.as_str()),
        });
        let mut lost: Vec<LostSymbol> = asked
            .chain(expected)
            .map(|(symbol, wanted)| (symbol, wanted, self.get(symbol)))
            .filter(|(_, wanted, got)| wanted != got)
            .map(|(symbol, wanted, got)| LostSymbol { symbol: symbol.clone(), wanted: wanted.into(), got: got.into() })
            .collect();
        lost.sort_by(|left, right| left.symbol.cmp(&right.symbol));
        lost
    }
}

/// Writes a fragment that kconfig can read.
impl fmt::Display for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(symbol, value)| match value.as_str() {
            "n" => writeln!(f, "# {symbol} is not set"),
            value => writeln!(f, "{symbol}={value}"),
        })
    }
}

struct NoSetting;

/// A line's symbol and value, or `None` for an empty line or a comment.
fn setting(line: &str) -> Result<Option<(&str, &str)>, NoSetting> {
    if let Some(symbol) = line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set")) {
        return if is_symbol(symbol) { Ok(Some((symbol, "n"))) } else { Ok(None) };
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    match line.split_once('=') {
        Some((symbol, value)) if is_symbol(symbol) && !value.is_empty() => Ok(Some((symbol, value))),
        _ => Err(NoSetting),
    }
}

fn is_symbol(text: &str) -> bool {
    text.strip_prefix("CONFIG_")
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(text: &str) -> Symbols {
        Symbols::parse(text, Path::new("x.config")).unwrap()
    }

    fn lost(asked: &str, got: &str, expected_off: &[&str]) -> Vec<String> {
        let off = expected_off.iter().map(ToString::to_string).collect();
        symbols(got).lost(&symbols(asked), &off).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_later_fragment_wins_and_what_is_written_reads_the_same() {
        let mut merged = symbols("# A comment\nCONFIG_A=y\nCONFIG_B=\"a = b\"\nCONFIG_64BIT=y\n");
        merged.merge(symbols("# CONFIG_A is not set\nCONFIG_C=m\n"));
        assert_eq!(merged.to_string(), "CONFIG_64BIT=y\n# CONFIG_A is not set\nCONFIG_B=\"a = b\"\nCONFIG_C=m\n");
        assert_eq!(symbols(&merged.to_string()), merged);
    }

    #[test]
    fn lost_finds_symbols_that_differ_from_the_fragments() {
        let asked =
            "CONFIG_A=m\nCONFIG_B=y\n# CONFIG_C is not set\n# CONFIG_D is not set\nCONFIG_E=\"x\"\nCONFIG_F=7\n";
        assert!(
            lost(asked, "CONFIG_A=m\nCONFIG_B=y\n# CONFIG_C is not set\nCONFIG_E=\"x\"\nCONFIG_F=7\n", &[]).is_empty()
        );
        assert_eq!(
            lost(asked, "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D=y\nCONFIG_E=\"\"\n", &[]),
            [
                "CONFIG_A should be m and is y",
                "CONFIG_B should be y and is n",
                "CONFIG_D should be n and is y",
                "CONFIG_E should be \"x\" and is \"\"",
                "CONFIG_F should be 7 and is n",
            ]
        );
    }

    #[test]
    fn lost_requires_symbols_that_are_expected_off_to_be_off() {
        assert!(lost("CONFIG_A=y\n", "", &["CONFIG_A", "CONFIG_B"]).is_empty());
        assert_eq!(
            lost("CONFIG_A=y\n", "CONFIG_A=y\nCONFIG_B=m\n", &["CONFIG_A", "CONFIG_B"]),
            ["CONFIG_A should be n and is y", "CONFIG_B should be n and is m"]
        );
    }

    #[test]
    fn a_line_that_sets_nothing_is_named() {
        for bad in ["CONFIG_A", "A=y", "CONFIG_=y", "CONFIG_A=", " CONFIG_A=y", "CONFIG_A B=y"] {
            let error = Symbols::parse(&format!("CONFIG_OK=y\n{bad}\n"), Path::new("x.config")).unwrap_err();
            assert!(matches!(error, Error::BadFragment { line: 2, .. }), "{bad}: {error}");
        }
        assert_eq!(symbols("# the answer is not set\n#\n"), Symbols::default());
    }
}
