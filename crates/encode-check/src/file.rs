//! One file: encoded, and compared with what was shipped.

use std::sync::OnceLock;

use btf::compare::{Comparison, Strength};
use btf::{Btf, TypeId, View};
use encode::check::{BaseTypes, Differences, differences};
use encode::{Encoded, Encoder, Functions, Options, PreparedBase};
use kmod::ElfFile;

use crate::case::{Case, Meant, Side};
use crate::meaning::Meanings;
use crate::{Compared, Difference, FileReport, Outcome, rules};

/// What files are encoded and compared with: the base that they share, if they have one, and how their BTF was made.
#[derive(Debug)]
pub struct Reference<'a> {
    base: Option<(&'a Btf<'a>, &'a PreparedBase)>,
    options: Options,
    by_chance: bool,
    threads: usize,
    /// Made when the first file differs.
    meanings: OnceLock<Meanings<'a>>,
    /// The types of the base, to be looked for in what is over it.
    types: OnceLock<BaseTypes<'a>>,
}

impl<'a> Reference<'a> {
    /// Files without a base, or with this one.
    #[must_use]
    pub const fn new(base: Option<(&'a Btf<'a>, &'a PreparedBase)>, options: Options) -> Self {
        Self { base, options, by_chance: false, threads: 1, meanings: OnceLock::new(), types: OnceLock::new() }
    }

    /// The shipped BTF was made by a pahole that lets its threads decide, see [`crate::Rule::chance`].
    #[must_use]
    pub const fn by_chance(mut self, by_chance: bool) -> Self {
        self.by_chance = by_chance;
        self
    }

    /// Reads the units of each file with so many threads.
    #[must_use]
    pub const fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Encodes a file and compares it with what was shipped for it.
    #[must_use]
    pub fn check(&self, name: &str, elf: &ElfFile, shipped: &[u8]) -> FileReport {
        let outcome = match self.compare(elf, shipped) {
            Ok(compared) => Outcome::Compared(compared),
            Err(why) => Outcome::Failed(why),
        };
        FileReport { file: name.to_owned(), outcome }
    }

    /// Compares what somebody encoded of a file with what was shipped for it. `every` encodes every function that the file
    /// defines, should that be needed.
    ///
    /// # Errors
    ///
    /// What keeps the two from being compared.
    pub fn compare_bytes(
        &self,
        ours: &[u8],
        shipped: &[u8],
        every: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Compared, String> {
        let of = |what: &str, bytes: &'_ [u8]| {
            Btf::parse(bytes).map(drop).map_err(|error| format!("{what} BTF cannot be read: {error}"))
        };
        of("our", ours)?;
        of("the shipped", shipped)?;
        let (Ok(ours_btf), Ok(shipped_btf)) = (Btf::parse(ours), Btf::parse(shipped)) else {
            return Err("BTF that was read cannot be read again".into());
        };
        let views = [self.over(&ours_btf), self.over(&shipped_btf)];
        let found = differences(views[0], views[1]);
        let differences = if found.is_empty() { Vec::new() } else { self.explain(views, &found, every)? };
        Ok(Compared {
            ours: ours_btf.len(),
            shipped: shipped_btf.len(),
            common: u32::try_from(found.common).unwrap_or(u32::MAX),
            our_bytes: ours.len() as u64,
            shipped_bytes: shipped.len() as u64,
            redundant: self.redundant(&ours_btf),
            left_out: None,
            differences,
        })
    }

    /// The types that should not be there, since the base has them, and nothing that it only declares was a reason to write them
    /// again.
    fn redundant(&self, ours: &Btf<'_>) -> Vec<String> {
        let Some((base, _)) = self.base else { return Vec::new() };
        let view = self.over(ours);
        let describe = |id| {
            let ty = view.get(id)?;
            let name = view.name(&ty)?.escape_ascii();
            Some(format!("{} {name}", ty.kind()).trim_end().to_owned())
        };
        let repeated = self.types.get_or_init(|| BaseTypes::new(base)).repeated_in(ours);
        let without_reason = repeated.iter().filter(|repeated| repeated.forward.is_none());
        without_reason.map(|repeated| describe(repeated.own).unwrap_or_default()).collect()
    }

    fn compare(&self, elf: &ElfFile, shipped: &[u8]) -> Result<Compared, String> {
        let ours = self.encode(elf, self.options.clone())?;
        let every = || {
            let options = Options { functions: Functions::Every, ..self.options.clone() };
            Ok(self.encode(elf, options)?.btf)
        };
        let compared = self.compare_bytes(&ours.btf, shipped, every)?;
        Ok(Compared { left_out: left_out(&ours), ..compared })
    }

    fn encode(&self, elf: &ElfFile, options: Options) -> Result<Encoded, String> {
        let encoder = match self.base {
            Some((_, prepared)) => Encoder::over(prepared, options),
            None => Encoder::new(options),
        };
        encoder.with_threads(self.threads).encode_elf(elf).map_err(|error| in_one_line(&error))
    }

    fn over<'v>(&'v self, own: &'v Btf<'v>) -> View<'v> {
        self.base.map_or_else(|| View::alone(own), |(base, _)| View::over(own, base))
    }

    /// Every type that only one side has, with the rule that predicts it.
    fn explain(
        &self,
        views: [View<'_>; 2],
        found: &Differences,
        every: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Vec<Difference>, String> {
        let every = if self.by_chance { Some(every()?) } else { None };
        let every = every.as_deref().map(Btf::parse).transpose().map_err(|error| error.to_string())?;
        let base = self.meanings.get_or_init(|| Meanings::of(self.base.map(|(base, _)| base)));
        let all: Vec<View<'_>> = views.into_iter().chain(every.as_ref().map(|every| self.over(every))).collect();
        let mut meant = all.iter().zip(base.classes(&all)).map(|(view, meanings)| Meant::new(*view, meanings));
        let (Some(ours), Some(shipped)) = (meant.next(), meant.next()) else { return Ok(Vec::new()) };
        let mut case = Case::new(base, [ours, shipped], meant.next(), found);
        let mut differences = rules::take(&mut case);
        differences.extend(unexplained(&case, views));
        differences.sort_by_key(|it| (it.rule.is_some(), it.ours.or(it.shipped)));
        Ok(differences)
    }
}

/// What no rule predicts, those of one kind and name together.
fn unexplained(case: &Case<'_>, views: [View<'_>; 2]) -> Vec<Difference> {
    let mut theirs: Vec<TypeId> = case.open(Side::Shipped).iter().copied().collect();
    let mut comparison = None;
    let mut differences = Vec::new();
    for &id in case.open(Side::Ours) {
        let ours = case.of(Side::Ours);
        let (kind, name) = (ours.kind(id), ours.name(id));
        let shipped = case.of(Side::Shipped);
        let is_alike =
            |other: &TypeId| !name.is_empty() && shipped.kind(*other) == kind && shipped.name(*other) == name;
        let Some(place) = theirs.iter().position(is_alike) else {
            differences.push(case.alone(Side::Ours, id, "only ours has it".into(), None));
            continue;
        };
        let other = theirs.remove(place);
        let comparison = comparison.get_or_insert_with(|| Comparison::new(views[0], views[1]));
        let difference = comparison.difference(id, other, Strength::Closure);
        let what = difference.map_or_else(|| "refers to another copy".to_owned(), |found| found.to_string());
        differences.push(case.pair([id, other], what, None));
    }
    let rest = theirs.into_iter().map(|id| case.alone(Side::Shipped, id, "only the shipped has it".into(), None));
    differences.extend(rest);
    differences
}

/// What the encoder left out and counted: the part of its report behind the counts of what it wrote.
fn left_out(encoded: &Encoded) -> Option<String> {
    let text = encoded.report.to_string();
    text.split_once("; ").map(|(_, left_out)| left_out.to_owned())
}

/// An error and its causes.
pub(crate) fn in_one_line(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
