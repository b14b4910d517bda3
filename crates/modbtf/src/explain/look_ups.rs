//! The look-ups of names that led to a failure: of a module, over the running base, and beside it what was meant.

use std::path::Path;

use btf::Btf;
use cli::{Page, Table};
use kmod::Module;
use serde::Serialize;
use util::number::{grouped, of};
use verdict::{Fate, KernelVersion, Lookup, Lookups, ModuleBtf, NameOwner, Part, Rules, lookups};

use super::input::{InputError, UnknownVersion};
use super::wording;

/// The files to look into.
pub(super) struct Files<'a> {
    pub(super) base: &'a Path,
    pub(super) module: &'a Path,
    pub(super) made_with: Option<&'a Path>,
}

/// The look-ups of a module.
pub(super) struct LookUps {
    module: String,
    version: KernelVersion,
    found: Lookups,
    /// How many rows are shown.
    last: usize,
}

impl Files<'_> {
    /// Follows the kernel through the module's names.
    pub(super) fn follow(&self, version: Option<KernelVersion>, last: usize) -> anyhow::Result<LookUps> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| InputError::Binary { path, source }
        };
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| InputError::Btf { path, source }
        };
        let module = Module::open(self.module).map_err(unusable(self.module))?;
        let btf = module.btf().ok_or_else(|| InputError::NoBtf { path: self.module.to_owned() })?;
        let base = kmod::kernel_btf(self.base).map_err(unusable(self.base))?;
        let made_with = self.made_with.map(|path| kmod::kernel_btf(path).map_err(unusable(path))).transpose()?;
        let of_release = |release: &str| release.parse().ok();
        let version = version
            .or_else(|| base.release.as_deref().and_then(of_release))
            .or_else(|| module.vermagic().and_then(|magic| of_release(&magic.release)))
            .ok_or(UnknownVersion)?;
        let running = Btf::parse(&base.bytes).map_err(unreadable(self.base))?;
        let meant_over = match (&made_with, self.made_with) {
            (Some(btf), Some(path)) => Some(Btf::parse(&btf.bytes).map_err(unreadable(path))?),
            _ => None,
        };
        let sections = ModuleBtf { btf, base: module.btf_base() };
        let name = module.name().map_or_else(|| self.module.display().to_string(), |name| name.into_owned());
        let rules = Rules::new(version, false);
        let found = lookups(name.as_str().into(), sections, &running, meant_over.as_ref(), rules);
        let found = found.map_err(unreadable(self.module))?;
        Ok(LookUps { module: name, version, found, last })
    }
}

impl LookUps {
    /// Whether the kernel refuses the module's BTF over this base.
    pub(super) fn is_refused(&self) -> bool {
        !matches!(self.found.verdict.fate, Fate::Accepted { .. } | Fate::NoBtf)
    }

    /// The rows that are shown: the last ones; of accepted BTF those that read something else than was meant.
    fn rows(&self) -> Vec<&Lookup> {
        let wrong = !self.is_refused() && self.found.true_start.is_some();
        let rows: Vec<&Lookup> = self.found.rows.iter().filter(|row| !wrong || row.differs()).collect();
        let from = if wrong { 0 } else { rows.len().saturating_sub(self.last) };
        rows.into_iter().skip(from).take(self.last).collect()
    }

    /// The sentence that matters.
    pub(super) fn headline(&self) -> String {
        let Self { module, version, found, .. } = self;
        let total = of(found.rows.len(), "name");
        let differing = found.rows.iter().filter(|row| row.differs()).count();
        let read = match (found.true_start, differing) {
            (None, _) => String::new(),
            (Some(_), 0) => ", which all read as they were meant".into(),
            (Some(_), some) => format!(", {} of which read as something else than was meant", grouped(some)),
        };
        let what = if self.is_refused() { "refuses" } else { "accepts" };
        let end = match (self.is_refused(), found.last_fails) {
            (true, true) => "; the last one is not valid",
            (true, false) => "; it is not refused for a name",
            (false, _) => "",
        };
        format!("Linux {version} {what} the BTF of {module} over this base. It looks up {total}{read}{end}.")
    }

    /// Writes the look-ups.
    pub(super) fn write(&self, page: &mut Page) {
        let found = &self.found;
        page.headline(&self.headline());
        page.blank();
        let start = format!(
            "offset {}: below it a name is the base's, from there on the module's own",
            grouped(found.own_start)
        );
        let mut facts = vec![("own names start at", start)];
        if let Some(true_start) = found.true_start.filter(|&start| start != found.own_start) {
            let difference = i64::from(found.own_start) - i64::from(true_start);
            facts.push(("when it was made", format!("offset {} ({difference:+} bytes since)", grouped(true_start))));
        }
        facts.push(("all names end at", grouped(found.end)));
        page.facts("  ", &facts);
        let rows = self.rows();
        if !rows.is_empty() {
            page.blank();
            self.table(page, &rows);
        }
        if !found.verdict.lines.is_empty() {
            page.blank();
            page.line("  The kernel's lines, predicted:");
            for line in found.verdict.lines.iter().filter(|line| line.form.part() != Part::Separator) {
                page.line(&format!("    {}", wording::text_of(line)));
            }
        }
    }
}

impl LookUps {
    fn table(&self, page: &mut Page, rows: &[&Lookup]) {
        let has_meant = self.found.true_start.is_some();
        let head = ["type", "of", "offset", "side", "read"].into_iter().chain(has_meant.then_some("meant"));
        let mut table = Table::new(head);
        for row in rows {
            let [ty, owner, offset, side, text, meant] = cells(row);
            table.row([ty, owner, offset, side, text].into_iter().chain(has_meant.then_some(meant)));
        }
        page.table("  ", &table);
        let (shown, all) = (rows.len(), self.found.rows.len());
        if shown < all {
            page.paragraph("  ", "  ", &format!("{} of {} shown; --last N shows more.", grouped(shown), grouped(all)));
        }
    }
}

/// What is read where there is nothing.
const BEYOND: &str = "(beyond all names)";

fn cells(row: &Lookup) -> [String; 6] {
    let text =
        |text: &Option<btf::BString>| text.as_ref().map_or_else(|| BEYOND.to_owned(), |text| format!("“{text}”"));
    [
        format!("[{}] {}", row.id, row.kind.name()),
        owner(row.owner),
        grouped(row.offset),
        if row.own { "module" } else { "base" }.into(),
        text(&row.text),
        text(&row.meant),
    ]
}

fn owner(owner: NameOwner) -> String {
    match owner {
        NameOwner::Type => "the type".into(),
        NameOwner::Member(nth) => format!("member {nth}"),
        NameOwner::Enumerator(nth) => format!("enumerator {nth}"),
    }
}

/// The look-ups in the JSON report.
#[derive(Serialize)]
pub(super) struct Json {
    module: String,
    kernel: String,
    summary: String,
    refused: bool,
    own_start: u32,
    true_start: Option<u32>,
    end: u32,
    count: usize,
    last_fails: bool,
    rows: Vec<JsonRow>,
    lines: Vec<String>,
}

#[derive(Serialize)]
struct JsonRow {
    id: u32,
    kind: &'static str,
    owner: String,
    offset: u32,
    side: &'static str,
    read: Option<String>,
    meant: Option<String>,
}

impl From<&LookUps> for Json {
    fn from(look_ups: &LookUps) -> Self {
        let text = |text: &Option<btf::BString>| text.as_ref().map(ToString::to_string);
        let rows = look_ups.rows().into_iter().map(|row| JsonRow {
            id: row.id,
            kind: row.kind.name(),
            owner: owner(row.owner),
            offset: row.offset,
            side: if row.own { "module" } else { "base" },
            read: text(&row.text),
            meant: text(&row.meant),
        });
        let found = &look_ups.found;
        Self {
            module: look_ups.module.clone(),
            kernel: look_ups.version.to_string(),
            summary: look_ups.headline(),
            refused: look_ups.is_refused(),
            own_start: found.own_start,
            true_start: found.true_start,
            end: found.end,
            count: found.rows.len(),
            last_fails: found.last_fails,
            rows: rows.collect(),
            lines: found.verdict.lines.iter().map(wording::text_of).collect(),
        }
    }
}
