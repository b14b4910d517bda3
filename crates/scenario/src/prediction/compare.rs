//! A prediction against what was observed.

use std::collections::HashSet;

use guest_protocol::SysfsBtf;
use verdict::{Form, Line};

use super::{BtfFate, ImportPrediction, ModulePrediction, PredictedLine, Prediction};
use crate::boots::transcript::{LoadStep, Transcript};

/// What is expected of one module, given which modules are live.
struct Expected<'p> {
    lines: Vec<&'p PredictedLine>,
    /// The errno, where the model knows it; a module's own init may fail for reasons of its own.
    errno: Option<i32>,
    /// What sysfs shows if the module is live.
    btf: Option<&'p SysfsBtf>,
}

/// Every difference between a prediction and a boot, one text a module; empty if there is none.
#[must_use]
pub fn compare(prediction: &Prediction, transcript: &Transcript) -> Vec<String> {
    let mut live: HashSet<&str> = HashSet::new();
    let mut reported = false;
    let mut differences = Vec::new();
    let steps: Vec<_> = transcript.steps().collect();
    if steps.len() != prediction.modules.len() {
        let (predicted, loaded) = (prediction.modules.len(), steps.len());
        differences.push(format!("{predicted} modules were predicted, and {loaded} were loaded"));
    }
    for (module, step) in prediction.modules.iter().zip(&steps) {
        if module.module != step.load.module {
            differences.push(format!("{} was predicted, and {} was loaded", module.module, step.load.module));
            continue;
        }
        let expected = expected(module, &live, &mut reported);
        if let Some(difference) = difference(&expected, step) {
            differences.push(format!("{}:\n{difference}", module.module));
        }
        if step.load.live {
            live.insert(&module.module);
        }
    }
    differences
}

fn expected<'p>(module: &'p ModulePrediction, live: &HashSet<&str>, reported: &mut bool) -> Expected<'p> {
    if let Some(head) = &module.head {
        return Expected { lines: head.lines.iter().collect(), errno: Some(head.errno), btf: None };
    }
    let refused = module.imports.iter().filter_map(|import| match import {
        ImportPrediction::Refused(refusal) => Some(refusal),
        ImportPrediction::From { module, otherwise } if !live.contains(module.as_str()) => otherwise.as_ref(),
        ImportPrediction::From { .. } => None,
    });
    let refused: Vec<_> = refused.collect();
    if let Some(last) = refused.last() {
        let lines = refused.iter().flat_map(|refusal| &refusal.lines).collect();
        return Expected { lines, errno: Some(last.errno), btf: None };
    }
    let mut lines: Vec<_> = module.btf.lines.iter().collect();
    let once = lines.iter().position(|line| form(line.text.as_bytes()) == Some(Form::MismatchOnce));
    if let Some(place) = once {
        if *reported {
            lines.remove(place);
        }
        *reported = true;
    }
    match &module.btf.fate {
        BtfFate::Accepted(btf) => Expected { lines, errno: None, btf: Some(btf) },
        BtfFate::Refused { errno, loads: false } => Expected { lines, errno: Some(*errno), btf: None },
        BtfFate::None | BtfFate::Refused { .. } | BtfFate::Undefined(_) => Expected { lines, errno: None, btf: None },
    }
}

fn form(text: &[u8]) -> Option<Form> {
    Line::parse(text).map(|line| line.form)
}

/// What differs, a line each.
fn difference(expected: &Expected<'_>, step: &LoadStep<'_>) -> Option<String> {
    let mut text = Vec::new();
    let observed = step.records.iter().filter(|record| form(&record.unescaped()).is_some());
    let observed: Vec<_> = observed.map(|record| format!("<{}> {}", record.level, record.text)).collect();
    let predicted: Vec<_> = expected.lines.iter().map(|line| format!("<{}> {}", line.level, line.text)).collect();
    if observed != predicted {
        text.extend(predicted.iter().map(|line| format!("  predicted {line}")));
        text.extend(observed.iter().map(|line| format!("  observed  {line}")));
    }
    if let Some(errno) = expected.errno
        && errno != step.load.errno
    {
        text.push(format!("  errno {errno} was predicted, and it was {}", step.load.errno));
    }
    let shown = expected.btf.filter(|_| step.load.live);
    if shown != step.load.btf.as_ref() {
        let words = |btf: Option<&SysfsBtf>| {
            btf.map_or("no BTF".to_owned(), |btf| format!("{} bytes with SHA-256 {:.12}", btf.size, btf.sha256))
        };
        text.push(format!("  sysfs: {} was predicted, and it shows {}", words(shown), words(step.load.btf.as_ref())));
    }
    (!text.is_empty()).then(|| text.join("\n"))
}
