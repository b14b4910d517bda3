//! The host's measurements for a boot: the module ABI over all modules, the round trip of BTF, and the fidelity of
//! accepted BTF.

use std::collections::BTreeMap;

use btf::compare::Bases;
use btf::{Btf, Builder};
use rayon::prelude::*;
use util::error::one_line;

use super::Error;
use super::kernel_files::KernelFiles;
use super::module_file::{ModuleFile, fingerprint};
use crate::boots::measured::{
    AbiMeasurement, BaseSize, BuiltKernels, DifferingSymbol, Measured, RelocatedModule, RoundTrip, SymversCheck,
    TypeFidelity,
};
use crate::boots::transcript::Transcript;
use crate::fidelity;
use crate::load_outcome::LoadOutcome;

/// The number of differing symbols that are listed.
const SYMBOLS_SHOWN: usize = 10;

/// Measures everything about a run.
///
/// # Errors
///
/// The BTF of a base or of an accepted module cannot be parsed.
pub fn measure(
    running: &KernelFiles,
    upgraded: &KernelFiles,
    proof: Option<SymversCheck>,
    transcript: &Transcript,
) -> Result<Measured, Error> {
    let (built, runs) = (upgraded.parsed_base()?, running.parsed_base()?);
    let (fidelity, relocated) = fidelity_of_accepted(&Bases::new(&built, &runs), upgraded, transcript)?;
    let size = |base: &Btf<'_>| BaseSize { types: base.len(), strings: base.strings().len() };
    let (running_base, modules_base) = (size(&runs), size(&built));
    Ok(Measured {
        abi: abi(running, upgraded),
        same_base: running.base == upgraded.base,
        round_trip: round_trip(running, upgraded),
        fidelity,
        relocated,
        built: proof.map(|proof| BuiltKernels { symvers: proof, running_base, modules_base }),
    })
}

fn abi(running: &KernelFiles, upgraded: &KernelFiles) -> AbiMeasurement {
    let report = kmod::abi::compare(&running.crcs, upgraded.modules.iter().map(|module| &module.versions));
    let mut symbols: BTreeMap<&str, usize> = BTreeMap::new();
    for differing in &report.differing {
        *symbols.entry(&differing.symbol).or_default() += 1;
    }
    let mut by_count: Vec<_> = symbols.iter().collect();
    by_count.sort_by_key(|&(symbol, count)| (std::cmp::Reverse(*count), *symbol));
    AbiMeasurement {
        modules: report.modules,
        without_versions: report.modules_without_versions,
        differing: report.modules_with_differing_crc,
        differing_symbols: symbols.len(),
        symbols: by_count
            .into_iter()
            .take(SYMBOLS_SHOWN)
            .map(|(symbol, count)| DifferingSymbol { symbol: (*symbol).to_owned(), modules: *count })
            .collect(),
        undecidable: report.unknown_symbols.len(),
    }
}

fn round_trip(running: &KernelFiles, upgraded: &KernelFiles) -> RoundTrip {
    let same = running.id == upgraded.id;
    let bases: Vec<_> = if same { vec![upgraded] } else { vec![running, upgraded] };
    let sections: Vec<_> = bases
        .iter()
        .map(|kernel| (format!("the base of {}", kernel.id.release), &kernel.base))
        .chain(upgraded.modules.iter().filter_map(|module| Some((module.name.clone(), module.btf.as_ref()?))))
        .collect();
    let failed = sections.par_iter().filter_map(|(name, bytes)| Some(format!("{name}: {}", differs(bytes)?))).collect();
    RoundTrip { bases: bases.len(), modules: sections.len() - bases.len(), failed }
}

/// The difference between BTF and its round trip; `None` if there is none.
fn differs(bytes: &[u8]) -> Option<String> {
    let written = match Btf::parse(bytes) {
        Ok(btf) => Builder::copy_of(btf.alone()).and_then(|copy| copy.to_bytes()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match written {
        Ok(written) if written == bytes => None,
        Ok(written) => {
            let common = written.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            Some(format!("{} bytes became {}, the first difference at byte {common}", bytes.len(), written.len()))
        }
        Err(error) => Some(error),
    }
}

/// The fidelity of accepted BTF, module by module in load order, and the expected BTF of the modules that the kernel
/// relocated.
fn fidelity_of_accepted(
    bases: &Bases<'_>,
    upgraded: &KernelFiles,
    transcript: &Transcript,
) -> Result<(Vec<TypeFidelity>, Vec<RelocatedModule>), Error> {
    let accepted: Vec<_> = transcript
        .steps()
        .filter(|step| LoadOutcome::of(step).accepted())
        .filter_map(|step| upgraded.modules.iter().find(|module| module.name == step.given.module))
        .collect();
    let plain: Vec<_> = accepted
        .iter()
        .filter(|module| module.btf_base.is_none())
        .filter_map(|module| Some(parsed(module, module.btf.as_ref()?).map(|btf| (module.name.clone(), btf))))
        .collect::<Result<_, _>>()?;
    let mut plain = fidelity::measure_all(bases, &plain).into_iter();

    let (mut all, mut relocated) = (Vec::new(), Vec::new());
    for module in accepted {
        match (&module.btf, &module.btf_base) {
            (Some(split), Some(base)) => {
                let (base, split) = (parsed(module, base)?, parsed(module, split)?);
                let (expected, unknown) = match fidelity::measure_distilled(bases, &module.name, &base, &split) {
                    Ok(measured) => {
                        all.push(measured.fidelity);
                        (Some(fingerprint(&measured.relocated)), None)
                    }
                    Err(error) => (None, Some(one_line(&error))),
                };
                relocated.push(RelocatedModule { module: module.name.clone(), expected, unknown });
            }
            _ => all.extend(plain.next()),
        }
    }
    Ok((all, relocated))
}

fn parsed<'a>(module: &ModuleFile, bytes: &'a [u8]) -> Result<Btf<'a>, Error> {
    let what = || format!("the BTF of {}", module.path.display());
    Btf::parse(bytes).map_err(|source| Error::Btf { what: what(), source })
}
