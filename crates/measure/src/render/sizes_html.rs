//! [`Sizes`] as an HTML page.

use maud::{Markup, html};

use super::chart::{Bar, Group, Point, bars, scatter};
use super::page::{facts, figure, legend, page, table};
use super::sizes_text::{self, TOP};
use crate::{KernelSizes, ModuleSizes, ORIGINAL, Shipped, Sizes};
use util::number::{bytes, grouped, of, times};

pub(super) fn render(sizes: &Sizes) -> Markup {
    let setting = &sizes.setting;
    let body = html! {
        h1 { "How much smaller split BTF is" }
        @for kernel in &sizes.kernels { p.lead { (sizes_text::sentence(kernel)) } }
        p {
            "A module's BTF can hold every type that it uses (" em { "full" } "), or only those that the kernel does not have, "
            "and refer to the kernel's BTF for the rest (" em { "split" } "). Linux " (ORIGINAL.release) " began to give modules "
            "split BTF. It was said then to shrink the BTF of " (ORIGINAL.modules) " modules from " (grouped(ORIGINAL.full))
            " to " (grouped(ORIGINAL.split)) " bytes. This page measures that again: both forms encoded from the same DWARF "
            "by the same pahole with the same flags, which are those of the kernel's own build."
        }
        (facts(&[
            ("measured", setting.date.clone()),
            ("pahole", format!("{}, in {}", setting.pahole, setting.image)),
            ("engine", setting.engine.clone()),
        ]))
        @if sizes.kernels.len() > 1 {
            nav { ul { @for (at, kernel) in sizes.kernels.iter().enumerate() {
                li { a href=(format!("#kernel-{at}")) { (kernel.release) } ": " (of(kernel.modules.len(), "module")) }
            } } }
        }
        @for (at, kernel) in sizes.kernels.iter().enumerate() { (one(kernel, at)) }
    };
    page("How much smaller split BTF is", &body)
}

fn one(kernel: &KernelSizes, at: usize) -> Markup {
    html! {
        section {
            h2 id=(format!("kernel-{at}")) { (kernel.release) }
            (troubles(kernel))
            (facts(&sizes_text::facts(kernel)))
            (figure("All modules together, in bytes of BTF", &totals(kernel)))
            (table(&["", "modules", "full", "split", "full/split"], &sizes_text::totals(kernel)))
            @for note in sizes_text::notes(kernel) { p.quiet { (note) } }
            (figure(
                "Each module: its BTF alone to the right, split upwards. On a dashed line, full is that many times split.",
                &scatter(&points(kernel), "full", "split"),
            ))
            (figure(&format!("The {TOP} largest without a base, and their size with one"), &largest_full(kernel)))
            (figure(&format!("The {TOP} largest when split, and how much they would have alone"), &largest_split(kernel)))
            h3 { "All modules, the largest full first" }
            (table(&["module", "full", "split", "full/split", "shipped"], &all(kernel)))
        }
    }
}

fn troubles(kernel: &KernelSizes) -> Markup {
    let troubles = kernel.troubles();
    html! {
        @if !troubles.is_empty() {
            div.warn {
                p { strong { "Incomplete." } " " (of(troubles.len(), "failure")) ":" }
                ul {
                    @for (what, paths) in sizes_text::alike(&troubles) {
                        li {
                            @if paths.len() > 1 { (of(paths.len(), "file")) ": " (what) ": " code { (paths.join(", ")) } }
                            @else { code { (paths.concat()) } ": " (what) }
                        }
                    }
                }
            }
        }
    }
}

fn totals(kernel: &KernelSizes) -> Markup {
    let totals = kernel.totals();
    let bar = |value: u64, class| Bar { value: value as f64, label: bytes(value), class, range: None };
    let group = |name: &str, bar| Group { name: name.to_owned(), bars: vec![bar] };
    bars(
        &[
            group("full", bar(totals.full, "full")),
            group("split", bar(totals.split, "split")),
            group("as shipped", bar(totals.shipped, "split")),
        ],
        [90.0, 90.0],
    )
}

fn points(kernel: &KernelSizes) -> Vec<Point> {
    let point = |module: &ModuleSizes| {
        let (full, split) = module.both()?;
        let title = format!("{}: {} full, {} split", module.name(), grouped(full), grouped(split));
        Some(Point { x: full, y: split, title })
    };
    kernel.modules.iter().filter_map(point).collect()
}

fn largest_full(kernel: &KernelSizes) -> Markup {
    let groups = kernel.largest(|(full, _)| full).into_iter().take(TOP).filter_map(|module| {
        let (full, split) = module.both()?;
        let bar = |value: u64, class| Bar { value: value as f64, label: bytes(value), class, range: None };
        Some(Group { name: module.name().to_owned(), bars: vec![bar(full, "full"), bar(split, "split")] })
    });
    html! {
        (legend([("full", "full"), ("split", "split")]))
        (bars(&groups.collect::<Vec<_>>(), [150.0, 90.0]))
    }
}

fn largest_split(kernel: &KernelSizes) -> Markup {
    let groups = kernel.largest(|(_, split)| split).into_iter().take(TOP).filter_map(|module| {
        let (full, split) = module.both()?;
        let label = format!("{} of {}", bytes(split), bytes(full));
        Some(Group {
            name: module.name().to_owned(),
            bars: vec![Bar { value: split as f64, label, class: "split", range: None }],
        })
    });
    bars(&groups.collect::<Vec<_>>(), [150.0, 150.0])
}

fn all(kernel: &KernelSizes) -> Vec<Vec<String>> {
    let mut modules: Vec<_> = kernel.modules.iter().collect();
    modules.sort_by_key(|module| (std::cmp::Reverse(module.full.bytes()), &module.path));
    let dash = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), grouped);
    let row = |module: &&ModuleSizes| {
        let shipped = match &module.shipped {
            Shipped::Bytes(bytes) => grouped(*bytes),
            Shipped::WithoutBtf => "without BTF".into(),
            Shipped::NotShipped => "not shipped".into(),
            Shipped::Unreadable(_) => "unreadable".into(),
        };
        let (full, split) = (dash(module.full.bytes()), dash(module.split.bytes()));
        vec![module.path.clone(), full, split, times(module.ratio()), shipped]
    };
    modules.iter().map(row).collect()
}
