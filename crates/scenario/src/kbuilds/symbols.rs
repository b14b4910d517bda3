//! The values of configuration symbols: set, off, or absent.

use super::transcript::{SymbolFinding, SymbolValue};

/// The values of some symbols in the text of a `.config`.
pub(super) fn look(config: &str, symbols: &[String]) -> Vec<SymbolFinding> {
    symbols.iter().map(|symbol| SymbolFinding { symbol: symbol.clone(), setting: setting(config, symbol) }).collect()
}

fn setting(config: &str, symbol: &str) -> SymbolValue {
    let value = |line: &str| {
        let off = line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set"));
        if off == Some(symbol) {
            return Some(SymbolValue::Off);
        }
        let (name, value) = line.split_once('=')?;
        (name == symbol).then(|| SymbolValue::Is(value.to_owned()))
    };
    config.lines().find_map(value).unwrap_or(SymbolValue::Absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_and_absent_are_not_the_same() {
        let config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_AB=118\n# a comment\n";
        let settings = ["CONFIG_A", "CONFIG_B", "CONFIG_AB", "CONFIG_C"].map(|symbol| setting(config, symbol));
        let is = |value: &str| SymbolValue::Is(value.into());
        assert_eq!(settings, [is("y"), SymbolValue::Off, is("118"), SymbolValue::Absent]);
    }
}
