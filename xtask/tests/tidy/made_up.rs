//! Tests of the checks themselves, on small generated trees.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::modules::Crate;
use crate::{cycles, dependencies, files, shared_names};

/// A folder with these files.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }
    folder
}

/// The groups of files in cycles, for a crate with these files in `src`.
fn cycles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let folder = tree(files);
    let krate = Crate::read(folder.path(), &folder.path().join("lib.rs"));
    cycles::cycles(&krate).iter().map(|cycle| cycle.members().to_vec()).collect()
}

#[test]
fn cycles_are_none_in_a_clean_tree() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A; pub use c::low::Low;"),
        ("a.rs", "use crate::b::B; pub struct A(B, crate::Low);"),
        ("b.rs", "use std::fmt; pub struct B; #[cfg(test)] mod tests { use crate::a::A; fn f(_: A) {} }"),
        ("c/mod.rs", "pub mod low; mod high; pub use other::Style; fn f(_: high::High) {}"),
        ("c/low.rs", "use super::super::b; pub struct Low(b::B);"),
        ("c/high.rs", "use super::{Style, low::Low}; pub struct High(Low, Style);"),
    ];
    assert_eq!(cycles_of(&files), [[""; 0]; 0]);
}

#[test]
fn cycles_are_found_by_imports_paths_and_macros() {
    let mentions = [
        "use crate::a::A; fn f(_: A) {}",
        "use crate::{a}; fn f(_: a::A) {}",
        "use super::a::*;",
        "fn f(_: crate::a::A) {}",
        "fn f() { println!(\"{}\", crate::a::NUMBER); }",
        "use crate::A; fn f(_: A) {}",
        "fn f() -> usize { use crate::a::A; 1 }",
        "impl From<crate::a::A> for B { fn from(_: crate::a::A) -> Self { Self } }",
        "mod inner { use super::super::a::A; fn f(_: A) {} }",
    ];
    for mention in mentions {
        let b = format!("pub struct B; {mention}");
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A;"),
            ("a.rs", "pub struct A; pub const NUMBER: u8 = 1; fn f(_: crate::b::B) {}"),
            ("b.rs", b.as_str()),
        ];
        assert_eq!(cycles_of(&files), [["a.rs", "b.rs"]], "{mention}");
    }
}

#[test]
fn cycles_of_a_parent_need_more_than_a_declaration() {
    let child = ("a/child.rs", "use super::Parent; pub struct Child(Parent); pub fn work() {}");
    for (code, is_cycle) in [
        ("", false),
        ("pub use child::Child;", false),
        ("pub use std::fmt::Debug; pub use child::work;", false),
        ("pub use child::Child; fn f(work: u8) -> u8 { work.work() }", false),
        ("pub use child::Child; fn f(_: Child) {}", true),
        ("pub use child::work; fn f() { work() }", true),
        ("use child::Child; impl Parent { fn f(_: Child) {} }", true),
        ("fn f() { child::work() }", true),
        ("#[cfg(test)] fn f() { child::work() }", false),
        ("impl Parent { #[cfg(test)] fn f() { child::work() } }", false),
    ] {
        let parent = format!("mod child; pub struct Parent; {code}");
        let files = [("lib.rs", "mod a;"), ("a.rs", parent.as_str()), child];
        assert_eq!(!cycles_of(&files).is_empty(), is_cycle, "{code}");
    }
}

#[test]
fn cycles_name_a_shortest_way_and_all_members() {
    let folder = tree(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "pub struct A;\nfn f(_: crate::b::B) {}"),
        ("b.rs", "pub struct B;\nfn f(_: crate::a::A, _: crate::c::C) {}"),
        ("c.rs", "pub struct C;\nfn f(_: crate::a::A) {}"),
    ]);
    let found = cycles::cycles(&Crate::read(folder.path(), &folder.path().join("lib.rs")));
    let [cycle] = &found[..] else { panic!("{found:?}") };
    let expected = "modules form a cycle: a.rs:2 (crate::b::B) → b.rs:2 (crate::a::A) → a.rs; in cycles with each other are \
                    a.rs, b.rs, c.rs";
    assert_eq!(cycle.to_string(), expected);
}

/// A workspace in which `top` uses `low`, and `low` has this dependency.
fn workspace(low: &str) -> TempDir {
    let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}");
    let (low, top) = (manifest("low", low), manifest("top", "[dependencies]\nlow.workspace = true\nserde = \"1\"\n"));
    tree(&[("crates/low/Cargo.toml", low.as_str()), ("crates/top/Cargo.toml", top.as_str())])
}

fn complaints_about(folder: &Path, list: &str) -> Vec<String> {
    let text = format!("# A\n\n## Dependencies\n\nWords.\n\n```text\n{list}```\n\n## Next\n\n```text\nmore\n```\n");
    dependencies::complaints(&text, &dependencies::crates(folder))
}

#[test]
fn dependencies_as_listed_are_none_to_complain_about() {
    assert_eq!(complaints_about(workspace("").path(), "low →\ntop → low\n"), [""; 0]);
}

#[test]
fn dependencies_that_are_not_as_listed_are_found() {
    let complaints = |low: &str, list: &str| complaints_about(workspace(low).path(), list).join("\n");
    let back = "[dependencies]\ntop.workspace = true\n";
    assert!(
        complaints(back, "low → top\ntop → low\n")
            .contains("low depends on top, which ARCHITECTURE.md does not list above it")
    );
    let back = "[dev-dependencies]\ntop.workspace = true\n";
    assert!(complaints(back, "low →\ntop → low\n").contains("low depends on top, which"));
    assert!(complaints("", "low →\ntop →\n").contains("top depends on low; ARCHITECTURE.md does not list that"));
    assert!(complaints("", "low →\n").contains("does not list top"));
    assert!(complaints("", "low →\nlow →\ntop → low\n").contains("low twice"));
    assert!(complaints("", "other →\nlow →\ntop → low\n").contains("other, which is no crate"));
    assert!(complaints("", "low →\ntop → low other\n").contains("lists top → other; its Cargo.toml does not"));
    let none = dependencies::complaints("# Nothing\n", &dependencies::crates(workspace("").path()));
    assert!(none[0].contains("no list"));
}

#[test]
fn lock_files_of_fuzz_crates_are_found_stale() {
    let folder = workspace("");
    let fuzz = folder.path().join("crates/top/fuzz");
    fs::create_dir(&fuzz).expect("writable");
    fs::write(fuzz.join("Cargo.toml"), "").expect("writable");
    assert_eq!(dependencies::fuzz_folders(folder.path()), std::slice::from_ref(&fuzz));
    let crates = dependencies::crates(folder.path());
    for (dependencies, expected) in
        [("\"low\", \"serde 1.0.0\"", 0), ("\"low\"", 1), ("\"low\", \"serde\", \"bstr\"", 1)]
    {
        let lock =
            format!("[[package]]\nname = \"top\"\ndependencies = [{dependencies}]\n\n[[package]]\nname = \"low\"\n");
        fs::write(fuzz.join("Cargo.lock"), lock).expect("writable");
        assert_eq!(dependencies::stale(&fuzz, &crates).len(), expected, "{dependencies}");
    }
    fs::remove_file(fuzz.join("Cargo.lock")).expect("there");
    assert_eq!(dependencies::stale(&fuzz, &crates).len(), 1);
}

#[test]
fn files_without_a_head_and_long_ones_are_found() {
    let folder = workspace("");
    let src = folder.path().join("crates/low/src");
    fs::create_dir(&src).expect("writable");
    fs::write(src.join("lib.rs"), "//! A crate.\n\nmod b;\n").expect("writable");
    fs::write(src.join("b.rs"), "\n//! Too late.\n\n\n").expect("writable");
    let root = folder.path();
    let named = |complaints: Vec<String>| {
        complaints.iter().all(|it| it.starts_with("crates/low/src/b.rs")) && complaints.len() == 1
    };
    assert!(named(files::without_head(root, &files::sources(root))));
    assert!(named(files::too_long(root, 3)));
    assert!(files::too_long(root, 4).is_empty());
}

#[test]
fn names_of_types_in_several_places_are_counted() {
    let folder = workspace("");
    let src = folder.path().join("crates/low/src");
    fs::create_dir(&src).expect("writable");
    let text = "struct Part; struct Error; mod inner { enum Part { A } } #[cfg(test)] mod tests { struct Only; }";
    fs::write(src.join("lib.rs"), text).expect("writable");
    fs::write(src.join("b.rs"), "type Part = u8; struct Error; struct Only; struct Own;").expect("writable");
    let shared = shared_names::shared(folder.path());
    assert_eq!(shared.keys().collect::<Vec<_>>(), ["Part"]);
    assert_eq!(shared["Part"].len(), 3);
}
