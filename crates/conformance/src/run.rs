//! A conformance run: cases are made, predicted, loaded and compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use btf::{Btf, Endian};
use container::scratch::LockedTempDir;
use rayon::prelude::*;
use scenario::run::RunContext;
use verdict::{BootState, Fate, Kernel, ModuleBtf, RawBtf, Undefined, Verdict};
use vm::BootEnding;

use crate::batch::{self, BatchOutcome, ModuleTemplate};
use crate::case::{Case, CaseFile};
use crate::compare::{Deviation, predicted};
use crate::coverage::Reached;
use crate::directed::directed;
use crate::error::Error;
use crate::material::Material;
use crate::mutate::random;
use crate::report::{Finding, Shares, SubjectReport};
use crate::subject::Subject;

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of random cases.
    pub cases: u64,
    /// What they are made from, besides their number.
    pub seed: u64,
    /// How many machines run side by side.
    pub jobs: usize,
    /// Where cases that differ are written.
    pub failures: PathBuf,
    /// The guest's program.
    pub guest: PathBuf,
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// Cases of a kernel have been loaded and compared.
    Loaded {
        /// The kernel.
        kernel: &'a str,
        /// How many so far.
        done: usize,
        /// Of how many.
        all: usize,
    },
}

/// How many cases one machine loads.
const BATCH: usize = 2_000;

/// How many cases are loaded, each in a machine of its own, although the model says that the kernel leaves its own rules.
const DARING: usize = 1;

/// Makes the cases of a kernel, directed ones first, loads them, and compares.
///
/// # Errors
/// What keeps the cases from being loaded. That kernel and model differ is part of the report.
pub fn run(
    context: &RunContext<'_>,
    subject: &Subject,
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<SubjectReport, Error> {
    let material = Material::of(subject)?;
    let mut cases = directed(&material);
    let made: Vec<Case> =
        (0..options.cases).into_par_iter().map(|number| random(&material, options.seed, number)).collect();
    cases.extend(made);
    run_cases(context, subject, &cases, options, progress)
}

/// Loads cases of a kernel and compares.
///
/// # Errors
/// As [`run()`].
pub fn run_cases(
    context: &RunContext<'_>,
    subject: &Subject,
    cases: &[Case],
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<SubjectReport, Error> {
    let verdicts = predict_all(subject, cases)?;
    let template = ModuleTemplate::of(subject)?;
    let numbered = || cases.iter().zip(&verdicts).enumerate();
    let undefined = |verdict: &Verdict| match verdict.fate {
        Fate::Undefined(undefined) => Some(undefined),
        _ => None,
    };
    let loaded: Vec<usize> = numbered().filter(|(_, (_, it))| undefined(it).is_none()).map(|(nth, _)| nth).collect();
    let mut daring: BTreeMap<Undefined, Vec<usize>> = BTreeMap::new();
    for (nth, (_, verdict)) in numbered() {
        if let Some(undefined) = undefined(verdict) {
            daring.entry(undefined).or_default().push(nth);
        }
    }
    let done = AtomicUsize::new(0);
    let collected = Mutex::new(Collected::default());
    let take = |numbers: &[usize]| -> Result<(), Error> {
        let mut rest = numbers;
        while !rest.is_empty() {
            let folder = LockedTempDir::make(context.runs, "conformance").map_err(scenario::run::Error::from)?;
            let batch: Vec<&Case> = rest.iter().filter_map(|&nth| cases.get(nth)).collect();
            let mut before = 0;
            let mut on_step = |count: usize| {
                let sum = done.fetch_add(count - before, Ordering::Relaxed) + count - before;
                before = count;
                progress(Progress::Loaded { kernel: &subject.name, done: sum, all: loaded.len() });
            };
            let outcome =
                batch::load(context, &options.guest, subject, &template, &batch, folder.path(), &mut on_step)?;
            let count = outcome.observed.len();
            let stopped = compare(subject, cases, &verdicts, rest, &outcome, &collected)?;
            rest = rest.get(count + usize::from(stopped)..).unwrap_or_default();
        }
        Ok(())
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.jobs).build();
    let pool = pool.map_err(|error| Error::Machine { what: error.to_string() })?;
    pool.install(|| loaded.par_chunks(BATCH).try_for_each(take))?;
    let one_each: Vec<usize> = daring.values().flat_map(|numbers| numbers.iter().take(DARING)).copied().collect();
    for &nth in &one_each {
        take(&[nth])?;
    }
    let Collected { mut deviations, findings, reached } =
        collected.into_inner().unwrap_or_else(PoisonError::into_inner);
    deviations.sort_by_key(|deviation| deviation.number);
    let files = write_failures(subject, &deviations, options)?;
    Ok(SubjectReport {
        kernel: subject.name.clone(),
        seed: options.seed,
        cases: cases.len(),
        loaded: loaded.len() + one_each.len(),
        undefined: daring.iter().map(|(what, numbers)| (*what, numbers.len())).collect(),
        shares: Shares::of(cases, &verdicts),
        deviations,
        findings,
        reached,
        files,
    })
}

/// What the model says of each case: as if each were the first that is loaded after the boot.
///
/// # Errors
/// The base cannot be parsed.
pub fn predict_all(subject: &Subject, cases: &[Case]) -> Result<Vec<Verdict>, Error> {
    let base = Btf::parse(&subject.base).map_err(|source| Error::Btf { what: subject.name.clone(), source })?;
    let running = RawBtf::running(&base);
    let kernel = Kernel { base: Some(&running), rules: subject.rules, endian: Endian::Little };
    let name = subject.template.0.as_str();
    let predict = |case: &Case| {
        let sections = ModuleBtf { btf: &case.btf, base: case.base.as_deref() };
        kernel.module_btf(name.into(), sections, &mut BootState::default())
    };
    Ok(cases.par_iter().map(predict).collect())
}

#[derive(Default)]
struct Collected {
    deviations: Vec<Deviation>,
    findings: Vec<Finding>,
    reached: Reached,
}

/// Compares what a boot observed. Whether a case stopped the machine.
fn compare(
    subject: &Subject,
    cases: &[Case],
    verdicts: &[Verdict],
    numbers: &[usize],
    outcome: &BatchOutcome,
    collected: &Mutex<Collected>,
) -> Result<bool, Error> {
    let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
    let mut reported = false;
    let mut late = None;
    for (observation, &number) in outcome.observed.iter().zip(numbers) {
        let (Some(case), Some(verdict)) = (cases.get(number), verdicts.get(number)) else { continue };
        let mut verdict = verdict.clone();
        // The line that is printed once a boot was predicted for each case.
        let once = verdict.lines.iter().position(|line| line.form == verdict::Form::MismatchOnce);
        if let Some(place) = once {
            if reported {
                verdict.lines.remove(place);
            }
            reported = true;
        }
        collected.reached.add(&verdict, observation.parsed());
        let (predicted, observed) = (predicted(&verdict, case, &subject.rules, &mut late), observation.lines());
        if let Fate::Undefined(undefined) = verdict.fate {
            collected.findings.push(Finding {
                number,
                what: undefined.to_string(),
                ending: "the machine went on".into(),
                observed,
            });
        } else if predicted != observed {
            collected.deviations.push(Deviation { number, case: case.clone(), predicted, observed });
        }
    }
    let ending = match &outcome.ending {
        BootEnding::Completed => return Ok(false),
        BootEnding::Interrupted => return Err(Error::Interrupted),
        BootEnding::Panic { line } => line.clone(),
        BootEnding::Hang { stalled: vm::Stalled::Step(_), after } => format!("nothing came for {} s", after.as_secs()),
        other => return Err(Error::Machine { what: format!("{other:?}") }),
    };
    let Some(&number) = numbers.get(outcome.observed.len()) else {
        return Err(Error::Machine { what: format!("{ending}, after the last case") });
    };
    let what = match verdicts.get(number).map(|verdict| &verdict.fate) {
        Some(Fate::Undefined(undefined)) => undefined.to_string(),
        _ => "the model expected nothing of the kind".into(),
    };
    let console = fs::read_to_string(outcome.folder.join("boot/console.log")).unwrap_or_default();
    let tail: Vec<String> = console.lines().rev().take(40).map(str::to_owned).collect();
    collected.findings.push(Finding { number, what, ending, observed: tail.into_iter().rev().collect() });
    Ok(true)
}

/// Writes each case that differed to a file.
fn write_failures(subject: &Subject, deviations: &[Deviation], options: &Options) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    if deviations.is_empty() {
        return Ok(files);
    }
    fs::create_dir_all(&options.failures).map_err(Error::io("create", &options.failures))?;
    for deviation in deviations.iter().take(100) {
        let file = CaseFile {
            kernel: subject.name.clone(),
            origin: deviation.case.origin.clone(),
            btf: hex::encode(&deviation.case.btf),
            base: deviation.case.base.as_ref().map(hex::encode),
            predicted: deviation.predicted.clone(),
            observed: deviation.observed.clone(),
        };
        files.push(write_case(&options.failures, deviation.number, &file)?);
    }
    Ok(files)
}

fn write_case(folder: &Path, number: usize, file: &CaseFile) -> Result<PathBuf, Error> {
    let path = folder.join(format!("{}-case-{number}.json", file.kernel));
    let text = serde_json::to_vec_pretty(file).map_err(|source| Error::CaseFile { path: path.clone(), source })?;
    fs::write(&path, text).map_err(Error::io("write", &path))?;
    Ok(path)
}
