//! Tests of the load order: dependencies, soft dependencies, cycles.

use super::*;

fn module(path: &str, depends: &[&str]) -> ModuleInfo {
    ModuleInfo {
        name: module_name_from_path(Path::new(path)).unwrap(),
        path: path.into(),
        depends: depends.iter().map(|&name| name.to_owned()).collect(),
        soft_pre: Vec::new(),
        aliases: Vec::new(),
    }
}

fn soft(mut module: ModuleInfo, pre: &[&str]) -> ModuleInfo {
    module.soft_pre = pre.iter().map(|&name| name.to_owned()).collect();
    module
}

fn alias(mut module: ModuleInfo, alias: &str) -> ModuleInfo {
    module.aliases.push(alias.to_owned());
    module
}

fn names<'a>(modules: impl IntoIterator<Item = &'a ModuleInfo>) -> Vec<&'a str> {
    modules.into_iter().map(|module| module.name.as_str()).collect()
}

#[test]
fn dependencies_come_first_and_paths_decide_the_rest() {
    let modules =
        vec![module("fs/z.ko", &[]), module("fs/a.ko", &["m", "z"]), module("lib/m.ko", &[]), module("fs/b.ko", &[])];
    for turn in 0..modules.len() {
        let mut turned = modules.clone();
        turned.rotate_left(turn);
        let graph = LoadGraph::new(turned).unwrap();
        assert_eq!(names(graph.order()), ["b", "z", "m", "a"]);
        assert!(graph.notes().is_empty());
    }
}

#[test]
fn a_closure_is_everything_below_and_nothing_else() {
    let graph = LoadGraph::new(vec![
        module("a.ko", &["c", "b"]),
        module("b.ko", &["d"]),
        module("c.ko", &["d"]),
        module("d-d.ko", &[]),
        module("d.ko", &[]),
        module("e.ko", &["a"]),
    ])
    .unwrap();
    assert_eq!(names(graph.closure("a").unwrap()), ["d", "b", "c", "a"]);
    assert_eq!(names(graph.closure("d-d").unwrap()), ["d_d"]);
    assert!(matches!(graph.closure("x"), Err(Error::NoSuchModule { modules: 6, .. })));
}

#[test]
fn a_cycle_is_named() {
    let modules = vec![module("a.ko", &["b"]), module("b.ko", &["c"]), module("c.ko", &["d"]), module("d.ko", &["b"])];
    let error = LoadGraph::new(modules).unwrap_err();
    assert_eq!(error.to_string(), "cannot order the modules: they need each other: b -> c -> d -> b");
    assert!(matches!(LoadGraph::new(vec![module("a.ko", &["a"])]), Err(Error::Cycle { .. })));
}

#[test]
fn soft_dependencies_count_by_name_and_by_alias() {
    let modules = vec![
        soft(module("a.ko", &[]), &["crypto-x", "y", "not-there"]),
        alias(module("m.ko", &[]), "crypto-x"),
        alias(module("n.ko", &["a"]), "crypto_x"),
        module("y.ko", &[]),
    ];
    let graph = LoadGraph::new(modules).unwrap();
    assert_eq!(names(graph.order()), ["m", "y", "a", "n"]);
    assert_eq!(names(graph.closure("a").unwrap()), ["m", "y", "a"]);
    assert_eq!(graph.notes(), [OrderNote::SoftCycle { module: "a".to_owned(), before: "n".to_owned() }]);
}

#[test]
fn first_of_two_contradicting_soft_dependencies_counts() {
    let modules = vec![soft(module("a.ko", &[]), &["b"]), soft(module("b.ko", &[]), &["a"])];
    let graph = LoadGraph::new(modules).unwrap();
    assert_eq!(names(graph.order()), ["b", "a"]);
    assert_eq!(graph.notes(), [OrderNote::SoftCycle { module: "b".to_owned(), before: "a".to_owned() }]);
}

#[test]
fn missing_and_duplicate_modules_are_noted() {
    let modules = vec![
        module("kernel/a.ko", &["gone"]),
        module("kernel/b.ko", &[]),
        module("updates/dkms/b.ko", &[]),
        module("extra/b.ko", &[]),
    ];
    let graph = LoadGraph::new(modules).unwrap();
    let paths: Vec<_> = graph.order().map(|module| module.path.to_str().unwrap()).collect();
    assert_eq!(paths, ["kernel/a.ko", "updates/dkms/b.ko"]);
    let notes: Vec<_> = graph.notes().iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "b is both in updates/dkms/b.ko and in extra/b.ko, which is ignored",
            "b is both in updates/dkms/b.ko and in kernel/b.ko, which is ignored",
            "a depends on gone, which does not exist: a cannot be loaded",
        ]
    );
}
