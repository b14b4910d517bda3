//! Encodes one file and compares it with what was shipped.

use std::sync::OnceLock;

use btf::compare::{Comparison, Strength};
use btf::{Btf, Kind, TypeId, View};
use encode::{Encoder, Options, PreparedBase};
use kmod::ElfFile;
use util::error::one_line;

use crate::meaning::{BaseTypes, Differences, differences};
use crate::rules::{repeated, threads};
use crate::{Compared, Difference, FileOutcome, FileReport};

/// What files are encoded and compared with: the base that they share, if they have one, and how their BTF was made.
#[derive(Debug)]
pub struct FileChecker<'a> {
    base: Option<(&'a Btf<'a>, &'a PreparedBase)>,
    options: Options,
    by_chance: bool,
    threads: usize,
    /// The types of the base, to be looked for in what is over it.
    types: OnceLock<BaseTypes<'a>>,
}

impl<'a> FileChecker<'a> {
    /// Files without a base, or with this one.
    #[must_use]
    pub const fn new(base: Option<(&'a Btf<'a>, &'a PreparedBase)>, options: Options) -> Self {
        Self { base, options, by_chance: false, threads: 1, types: OnceLock::new() }
    }

    /// The shipped BTF was made by a pahole whose threads decide by chance what it writes: where it differs, the file is encoded
    /// again as these threads took its units, which counts if it leaves no difference that no rule predicts.
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
            Ok(compared) => FileOutcome::Compared(compared),
            Err(why) => FileOutcome::Failed(why),
        };
        FileReport { file: name.to_owned(), outcome }
    }

    /// Compares what somebody encoded of a file with what was shipped for it.
    ///
    /// # Errors
    ///
    /// What keeps the two from being compared.
    pub fn compare_bytes(&self, ours: &[u8], shipped: &[u8]) -> Result<Compared, String> {
        let (ours_btf, shipped_btf) = (parse("our", ours)?, parse("the shipped", shipped)?);
        let views = [self.over(&ours_btf), self.over(&shipped_btf)];
        let found = differences(views[0], views[1]);
        Ok(Compared {
            ours: ours_btf.len(),
            shipped: shipped_btf.len(),
            common: u32::try_from(found.common).unwrap_or(u32::MAX),
            our_bytes: ours.len() as u64,
            shipped_bytes: shipped.len() as u64,
            identical: ours == shipped,
            redundant: self.redundant(&ours_btf),
            left_out: None,
            threads: 0,
            differences: self.explain([&ours_btf, &shipped_btf], &found),
        })
    }

    fn compare(&self, elf: &ElfFile, shipped: &[u8]) -> Result<Compared, String> {
        let encoded = self.encoder().encode_elf(elf).map_err(|error| one_line(&error))?;
        let mut compared = self.compare_bytes(&encoded.btf, shipped)?;
        // The part of the report behind the counts of what was written.
        compared.left_out = encoded.report.to_string().split_once("; ").map(|(_, left_out)| left_out.to_owned());
        if self.by_chance && !compared.differences.is_empty() {
            let parsed = parse("the shipped", shipped)?;
            let again = threads::encode(self.encoder(), elf, self.over(&parsed)).map_err(|error| one_line(&error))?;
            compared.take_threads(self.compare_bytes(&again.btf, shipped)?.differences);
        }
        Ok(compared)
    }

    fn encoder(&self) -> Encoder<'a> {
        let encoder = match self.base {
            Some((_, prepared)) => Encoder::over(prepared, self.options.clone()),
            None => Encoder::new(self.options.clone()),
        };
        encoder.with_threads(self.threads)
    }

    fn over<'v>(&'v self, own: &'v Btf<'v>) -> View<'v> {
        self.base.map_or_else(|| View::alone(own), |(base, _)| View::over(own, base))
    }

    /// The types of the base, if there is one.
    fn types(&self) -> Option<&BaseTypes<'a>> {
        self.base.map(|(base, _)| self.types.get_or_init(|| BaseTypes::new(base)))
    }

    /// The types that should not be there, since the base has them, and nothing that it only declares was a reason to write them
    /// again.
    fn redundant(&self, ours: &Btf<'_>) -> Vec<String> {
        let Some(types) = self.types() else { return Vec::new() };
        let view = self.over(ours);
        let describe = |id| {
            let (kind, name) = called(view, id);
            format!("{kind} {name}").trim_end().to_owned()
        };
        let repeated = types.repeated_in(ours);
        let without_reason = repeated.iter().filter(|repeated| repeated.forward.is_none());
        without_reason.map(|repeated| describe(repeated.own)).collect()
    }

    /// Every type that only one side has, with the rule that predicts it; those of one kind and name together.
    fn explain(&self, [ours, shipped]: [&Btf<'_>; 2], found: &Differences) -> Vec<Difference> {
        if found.is_empty() {
            return Vec::new();
        }
        let is_repeated = self.types().is_some_and(|types| repeated::explains(types, ours, shipped));
        let [ours, shipped] = [self.over(ours), self.over(shipped)];
        let rule = is_repeated.then(|| repeated::RULE.name.to_owned());
        let mut theirs = found.right.clone();
        let comparison = Comparison::new(ours, shipped);
        let mut differences = Vec::new();
        for &id in &found.left {
            let (kind, name) = called(ours, id);
            let is_alike = |other: &TypeId| !name.is_empty() && called(shipped, *other) == (kind, name.clone());
            let place = theirs.iter().position(is_alike);
            let other = place.map(|place| theirs.remove(place));
            let what = other.map_or_else(
                || "only ours has it".to_owned(),
                |other| match comparison.difference(id, other, Strength::Closure) {
                    Some(difference) => difference.to_string(),
                    None => "refers to another copy".to_owned(),
                },
            );
            let shipped = other.map(|other| other.0);
            let (kind, rule) = (kind.name().into(), rule.clone());
            differences.push(Difference { ours: Some(id.0), shipped, kind, name, what, rule });
        }
        differences.extend(theirs.into_iter().map(|id| {
            let (kind, name) = called(shipped, id);
            let (kind, what) = (kind.name().into(), "only the shipped has it".to_owned());
            Difference { ours: None, shipped: Some(id.0), kind, name, what, rule: rule.clone() }
        }));
        differences
    }
}

fn parse<'b>(whose: &str, bytes: &'b [u8]) -> Result<Btf<'b>, String> {
    Btf::parse(bytes).map_err(|error| format!("cannot read {whose} BTF: {error}"))
}

/// A type's kind and its name, escaped.
fn called(view: View<'_>, id: TypeId) -> (Kind, String) {
    let ty = view.get(id);
    let name = ty.and_then(|ty| view.name(&ty)).map(|name| name.escape_ascii().to_string());
    (ty.map_or(Kind::Void, |ty| ty.kind()), name.unwrap_or_default())
}
