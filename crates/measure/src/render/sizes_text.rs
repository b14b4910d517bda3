//! [`Sizes`] as text.

use std::collections::HashMap;

use super::Style;
use super::text::{Text, some_of};
use crate::{KernelSizes, ModuleSizes, ORIGINAL, Sizes, Trouble};
use util::number::{bytes, grouped, of, times};

/// The number of modules in the lists of the largest ones.
pub(super) const TOP: usize = 10;

/// The number of troubles, and of names for each, that are listed. The JSON has all of them.
const NAMED: usize = 10;

pub(super) fn render(sizes: &Sizes, style: Style) -> String {
    let mut text = Text::new(style);
    sizes.kernels.iter().for_each(|kernel| one(&mut text, kernel));
    text.blank();
    let setting = &sizes.setting;
    text.paragraph(&format!(
        "Both forms were encoded by pahole {} in {}, {}; sizes are bytes of BTF.",
        setting.pahole, setting.image, setting.date
    ));
    text.finish()
}

fn one(text: &mut Text, kernel: &KernelSizes) {
    text.headline(&sentence(kernel));
    for trouble in incomplete(kernel) {
        text.paragraph(&trouble);
    }
    text.blank();
    text.facts(&facts(kernel));
    text.table(&["", "modules", "full", "split", "full/split"], &totals(kernel));
    text.blank();
    notes(kernel).iter().for_each(|note| text.paragraph(note));
    let head = ["module", "full", "split", "full/split", "shipped"];
    for (title, bytes) in tops().into_iter().filter(|_| kernel.totals().measured > 0) {
        text.blank();
        text.paragraph(title);
        let rows: Vec<_> = kernel.largest(bytes).into_iter().take(TOP).map(row).collect();
        text.table(&head, &rows);
    }
}

/// A list of the largest: its title, and the choice from (full, split) by which it is sorted.
type Top = (&'static str, fn((u64, u64)) -> u64);

fn tops() -> [Top; 2] {
    [("The largest, full:", |(full, _)| full), ("The largest, split:", |(_, split)| split)]
}

/// The main result in one sentence.
pub(super) fn sentence(kernel: &KernelSizes) -> String {
    let totals = kernel.totals();
    match totals.ratio() {
        None => format!("Nothing could be measured of {}.", kernel.release),
        Some(ratio) => format!(
            "{}: split against the kernel's, the BTF of {} takes {}; encoded alone it would take {}, {} times as much.",
            kernel.release,
            of_all(totals.measured, kernel.modules.len()),
            bytes(totals.split),
            bytes(totals.full),
            times(Some(ratio))
        ),
    }
}

fn of_all(measured: usize, modules: usize) -> String {
    match measured == modules {
        true => format!("all {}", of(modules, "module")),
        false => format!("{} of {}", grouped(measured), of(modules, "module")),
    }
}

/// The reasons why the figures are incomplete, if they are.
fn incomplete(kernel: &KernelSizes) -> Vec<String> {
    let troubles = kernel.troubles();
    if troubles.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("INCOMPLETE, {}:", of(troubles.len(), "failure"))];
    let groups = alike(&troubles);
    lines.extend(groups.iter().take(NAMED).map(|(what, paths)| match paths.as_slice() {
        [path] => format!("{path}: {what}"),
        paths => format!("{}: {what}: {}", of(paths.len(), "file"), some_of(paths, NAMED)),
    }));
    if groups.len() > NAMED {
        lines.push(format!("and {} more; the JSON has all of them", grouped(groups.len() - NAMED)));
    }
    lines
}

/// The kinds of trouble, each with its files. The kinds with the fewest files come first, so that they are not
/// overlooked.
pub(super) fn alike<'a>(troubles: &'a [Trouble<'a>]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    for Trouble { path, what } in troubles {
        let number = *at.entry(what).or_insert_with(|| {
            groups.push((what, Vec::new()));
            groups.len() - 1
        });
        groups[number].1.push(path);
    }
    groups.sort_by_key(|(_, paths)| paths.len());
    groups
}

/// The facts about the kernel.
pub(super) fn facts(kernel: &KernelSizes) -> Vec<(&'static str, String)> {
    let base = |bytes: Option<u64>| bytes.map_or_else(|| "no".to_owned(), grouped);
    vec![
        ("kernel", format!("{}, {}", kernel.origin, kernel.compiler)),
        ("encoded", format!("from the DWARF of {}", kernel.dwarf)),
        ("flags", kernel.flags.join(" ")),
        (
            "base",
            format!(
                "{} bytes of the kernel's own BTF; shipped, by pahole {}: {}",
                base(kernel.base.encoded.bytes()),
                kernel.shipped_by,
                base(kernel.base.shipped.bytes())
            ),
        ),
    ]
}

/// The totals beside those of the original claim.
pub(super) fn totals(kernel: &KernelSizes) -> Vec<Vec<String>> {
    let totals = kernel.totals();
    let row = |name: &str, modules: String, full: &str, split: u64, ratio| {
        vec![name.to_owned(), modules, full.to_owned(), grouped(split), times(ratio)]
    };
    let original = util::number::ratio(ORIGINAL.full, ORIGINAL.split);
    vec![
        row("measured", grouped(totals.measured), &grouped(totals.full), totals.split, totals.ratio()),
        row(&format!("shipped, by pahole {}", kernel.shipped_by), grouped(totals.with_btf), "–", totals.shipped, None),
        row(
            &format!("claimed for Linux {}", ORIGINAL.release),
            ORIGINAL.modules.to_owned(),
            &grouped(ORIGINAL.full),
            ORIGINAL.split,
            original,
        ),
    ]
}

/// Notes about the figures.
pub(super) fn notes(kernel: &KernelSizes) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some([least, median, most]) = kernel.ratios() {
        let [least, median, most] = [least, median, most].map(|ratio| times(Some(ratio)));
        notes.push(format!("In single modules full is {least} to {most} times split, median {median}."));
    }
    notes.push(equal_to_shipped(kernel));
    for (modules, what) in [
        (kernel.without_btf(), "shipped without BTF"),
        (kernel.not_shipped(), "not shipped, in spite of debug information"),
    ] {
        if !modules.is_empty() {
            let names: Vec<_> = modules.iter().map(|module| module.name()).collect();
            notes.push(format!("{} {what}: {}.", of(names.len(), "module"), some_of(&names, NAMED)));
        }
    }
    notes
}

/// A sentence on whether our sizes equal those of the kernel's own build.
fn equal_to_shipped(kernel: &KernelSizes) -> String {
    let equal = |module: &&ModuleSizes| module.shipped.bytes().is_some_and(|bytes| Some(bytes) == module.split.bytes());
    let (equal, all) = (kernel.modules.iter().filter(equal).count(), kernel.modules.len());
    format!("Encoded here against the base, {} are exactly as large as they were shipped.", of_all(equal, all))
}

fn row(module: &ModuleSizes) -> Vec<String> {
    let dash = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), grouped);
    vec![
        module.name().to_owned(),
        dash(module.full.bytes()),
        dash(module.split.bytes()),
        times(module.ratio()),
        dash(module.shipped.bytes()),
    ]
}
