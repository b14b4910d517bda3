//! The model applied to the modules of a run.

use std::collections::HashMap;

use btf::Endian;
use rayon::prelude::*;
use verdict::loader::{self, ImportedSymbol, ModuleHead, Offer};
use verdict::{BootState, Errno, Fate, Kernel, Line, ModuleBtf, RawBtf, Rules};

use super::Error;
use super::kernel_files::KernelFiles;
use super::module_file::{ModuleFile, fingerprint};
use crate::prediction::{
    BtfFate, BtfPrediction, ImportPrediction, ModulePrediction, PredictedLine, Prediction, Refusal, VERSION,
};

/// What a run is held against: a prediction that is made before each boot.
pub trait Predictor: Sync {
    /// Predicts what the running kernel does with modules, in the order of loading.
    ///
    /// # Errors
    /// Nothing can be predicted for this kernel.
    fn predict(&self, scenario: &str, running: &KernelFiles, modules: &[&ModuleFile]) -> Result<Prediction, Error>;
}

/// The model of the crate `verdict`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Model;

impl Predictor for Model {
    fn predict(&self, _: &str, running: &KernelFiles, modules: &[&ModuleFile]) -> Result<Prediction, Error> {
        predict(running, modules)
    }
}

/// The symbol that stands for the layout of `struct module`.
const LAYOUT: &str = "module_layout";

fn predict(running: &KernelFiles, modules: &[&ModuleFile]) -> Result<Prediction, Error> {
    let version = running.id.version.parse().map_err(|source| Error::Version { source })?;
    let mut rules = Rules::new(version, running.allows_btf_mismatch);
    rules.printk_caller = running.printk_caller;
    let base = running.parsed_base()?;
    let base = RawBtf::running(&base);
    let kernel = Kernel { base: Some(&base), rules, endian: Endian::Little };
    let providers = providers(modules);
    let predict = |module: &&ModuleFile| ModulePrediction {
        module: module.name.clone(),
        head: head(running, module, &rules),
        imports: imports(running, module, &providers, &rules),
        btf: btf_of(&kernel, module),
    };
    Ok(Prediction {
        prediction: VERSION,
        kernel: version.to_string(),
        verified: rules.verified(),
        modules: modules.par_iter().map(predict).collect(),
    })
}

/// Which module exports a symbol, and with which CRC.
fn providers<'a>(modules: &[&'a ModuleFile]) -> HashMap<&'a str, (&'a str, Option<u32>)> {
    let exports = |module: &&'a ModuleFile| {
        let name = module.name.as_str();
        module.exports.iter().map(move |(symbol, crc)| (symbol.as_str(), (name, *crc)))
    };
    modules.iter().flat_map(exports).collect()
}

fn module_head(module: &ModuleFile) -> ModuleHead<'_> {
    let has_crcs = !module.versions.versions.is_empty();
    ModuleHead { name: &module.name, vermagic: module.vermagic.as_deref(), has_crcs }
}

fn asked(module: &ModuleFile, symbol: &str) -> Option<u32> {
    module.versions.versions.iter().find(|(known, _)| known == symbol).map(|(_, crc)| *crc)
}

/// What the running kernel itself offers. Without CONFIG_MODVERSIONS, exports cannot be read from an image; a symbol then counts as there.
fn offered(exports: &HashMap<String, Option<u32>>, symbol: &str) -> Offer {
    match exports.get(symbol) {
        Some(Some(crc)) => Offer::Crc(*crc),
        Some(None) => Offer::Plain,
        None if exports.is_empty() => Offer::Plain,
        None => Offer::Absent,
    }
}

fn head(running: &KernelFiles, module: &ModuleFile, rules: &Rules) -> Option<Refusal> {
    let wanted = running.modules.iter().find_map(|known| known.vermagic.as_deref())?;
    let asked = asked(module, LAYOUT);
    let layout = ImportedSymbol { symbol: LAYOUT, weak: false, asked, offer: offered(&running.exports, LAYOUT) };
    let (lines, errno) = loader::check_head(&module_head(module), &layout, wanted, running.modversions);
    Some(refusal(&lines, errno?, rules))
}

fn imports(
    running: &KernelFiles,
    module: &ModuleFile,
    providers: &HashMap<&str, (&str, Option<u32>)>,
    rules: &Rules,
) -> Vec<ImportPrediction> {
    let head = module_head(module);
    let check = |import: &ImportedSymbol<'_>| {
        let (lines, errno) = loader::check_import(&head, import, running.modversions);
        errno.map(|errno| refusal(&lines, errno, rules))
    };
    let predict = |(symbol, weak): &(String, bool)| {
        let import = ImportedSymbol {
            symbol,
            weak: *weak,
            asked: asked(module, symbol),
            offer: offered(&running.exports, symbol),
        };
        let Some((provider, crc)) = providers.get(symbol.as_str()).filter(|_| !running.exports.contains_key(symbol))
        else {
            return check(&import).map(ImportPrediction::Refused);
        };
        let present = ImportedSymbol { offer: crc.map_or(Offer::Plain, Offer::Crc), ..import };
        if let Some(refused) = check(&present) {
            return Some(ImportPrediction::Refused(refused));
        }
        let otherwise = check(&ImportedSymbol { offer: Offer::Absent, ..import });
        Some(ImportPrediction::From { module: (*provider).to_owned(), otherwise })
    };
    module.imports.iter().filter_map(predict).collect()
}

fn btf_of(kernel: &Kernel<'_>, module: &ModuleFile) -> BtfPrediction {
    let own = module.btf.as_deref().unwrap_or_default();
    let sections = ModuleBtf { btf: own, base: module.btf_base.as_deref() };
    let verdict = kernel.module_btf(module.name.as_str().into(), sections, &mut BootState::default());
    let fate = match verdict.fate {
        Fate::NoBtf => BtfFate::None,
        Fate::Accepted { relocated } => BtfFate::Accepted(fingerprint(relocated.as_deref().unwrap_or(own))),
        Fate::Refused { errno, loads } => BtfFate::Refused { errno: errno.0, loads },
        Fate::Undefined(undefined) => BtfFate::Undefined(undefined.to_string()),
    };
    BtfPrediction { lines: written(&verdict.lines, &kernel.rules), fate }
}

fn refusal(lines: &[Line], errno: Errno, rules: &Rules) -> Refusal {
    Refusal { lines: written(lines, rules), errno: errno.0 }
}

fn written(lines: &[Line], rules: &Rules) -> Vec<PredictedLine> {
    lines.iter().map(|line| PredictedLine { level: line.level(), text: escaped(&line.record(rules)) }).collect()
}

/// Escapes as `/dev/kmsg` does ([`guest_protocol::Record::unescaped`] undoes it).
fn escaped(text: &[u8]) -> String {
    let escape = |&byte: &u8| match byte {
        b'\\' | ..b' ' | 127.. => format!("\\x{byte:02x}"),
        _ => char::from(byte).to_string(),
    };
    text.iter().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offered_symbols_are_those_that_the_image_exports() {
        let exports = HashMap::from([("a".to_owned(), Some(7)), ("b".to_owned(), None)]);
        assert_eq!(offered(&exports, "a"), Offer::Crc(7));
        assert_eq!(offered(&exports, "b"), Offer::Plain);
        assert_eq!(offered(&exports, "new_symbol"), Offer::Absent);
        assert_eq!(offered(&HashMap::new(), "a"), Offer::Plain, "an image without CRCs tells nothing");
    }

    #[test]
    fn escaped_text_is_what_the_guest_reads() {
        let text = b"\t\\ a\x7f\xe9\n~";
        let record = guest_protocol::Record { seq: 0, us: 0, level: 3, text: escaped(text) };
        assert_eq!(record.text, r"\x09\x5c a\x7f\xe9\x0a~");
        assert_eq!(record.unescaped(), text);
    }
}
