//! Tests of valid definitions, and of the errors for invalid ones.

use super::*;

const PREBUILT: &str = r#"
title = "overlay of 56 on 55"
about = "why"

[boot]
running = "6.1.0-55-cloud-amd64"
modules-of = "6.1.0-56-cloud-amd64"
load = { named = ["overlay"] }
memory-mib = 512
"#;

const BUILT: &str = r#"
title = "grow"
about = "why"
lines = ["6.12", "6.1"]

[boot]
running = { config = "strict" }
modules-of = { config = "strict", upgrade = "grow" }
load = "all"
memory-mib = 512
abi = "compatible"
"#;

const BUILD: &str = r#"
title = "rules"
about = "why"
lines = ["6.1", "7.2"]

[build]
config = "strict"
start = "built"
tools = ["pahole-1.24"]

[[build.step]]
title = "one"
why = "why"
lines = ["6.1"]
run = ["make"]

[[build.step]]
title = "two"
why = "why"
lines = ["7.2"]
run = ["make"]
"#;

#[test]
fn a_build_needs_its_source_and_its_tools() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "a", BUILD);
    assert_eq!(read_all(root.path()).unwrap()[0].needs(), "the source of 6.1, and the tool pahole-1.24");
}

fn write(root: &Path, name: &str, text: &str) {
    fs::create_dir_all(root.join(name)).unwrap();
    fs::write(root.join(name).join(FILE), text).unwrap();
}

#[test]
fn scenarios_are_the_folders_with_a_definition_in_order_and_one_a_line() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("not-one")).unwrap();
    write(root.path(), "b", PREBUILT);
    write(root.path(), "a", BUILT);

    let scenarios = read_all(root.path()).unwrap();
    let seen: Vec<_> = scenarios
        .iter()
        .map(|it| (it.name.as_str(), it.family(), it.series.as_deref(), it.dir.as_deref().unwrap()))
        .collect();
    let dir = |path: &str| root.path().join(path);
    let (newer, older, other) = (dir("a/6.12"), dir("a/6.1"), dir("b"));
    assert_eq!(
        seen,
        [
            ("a@6.12", "a", Some("6.12"), newer.as_path()),
            ("a@6.1", "a", Some("6.1"), older.as_path()),
            ("b", "b", None, other.as_path())
        ]
    );
    assert_eq!(test_name(&scenarios[0].name), "a_6_12");

    let boot = |at: usize| scenarios[at].definition.boot().unwrap();
    assert!(boot(0).is_built() && boot(0).is_upgrade() && boot(0).load == Modules::All);
    assert!(!boot(2).is_built() && boot(2).load == Modules::Named(vec!["overlay".into()]));
    let ScenarioKernel::Built(built) = &boot(0).modules_of else { panic!("it is built") };
    assert_eq!(built.to_string(), "strict with grow");
}

#[test]
fn modules_of_a_kernel_can_be_external() {
    let text = BUILT.replace("upgrade = \"grow\"", "external = [\"fs/fuse\", \"probe\"]");
    let definition: Definition = toml::from_str(&text).unwrap();
    let boot = definition.boot().unwrap();
    assert_eq!(boot.modules_of, {
        let external = vec!["fs/fuse".to_owned(), "probe".to_owned()];
        ScenarioKernel::Built(BuiltKernel { config: "strict".into(), upgrade: None, external })
    });
    assert!(!boot.is_upgrade(), "their base is the running one");
    let control: Definition = toml::from_str(&BUILT.replace("\"grow\"", "\"none\"")).unwrap();
    assert!(!control.is_upgrade());
}

#[test]
fn modules_of_a_prebuilt_kernel_can_be_encoded_anew() {
    let encoded = "{ release = \"6.1.0-55-cloud-amd64\", encoder = \"modbtf\" }";
    let text = PREBUILT.replace("modules-of = \"6.1.0-56-cloud-amd64\"", &format!("modules-of = {encoded}"));
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "a", &text);
    let scenario = read_all(root.path()).unwrap().remove(0);
    let boot = scenario.definition.boot().unwrap();
    let release = "6.1.0-55-cloud-amd64".to_owned();
    assert_eq!(
        boot.modules_of,
        ScenarioKernel::Reencoded(ReencodedModules { release, encoder: ModuleEncoder::Modbtf })
    );
    assert!(!boot.is_upgrade() && !boot.is_built(), "their base is the running one");
    assert!(scenario.needs().contains("debug information"), "{}", scenario.needs());
    let other: Definition = toml::from_str(&text.replacen("6.1.0-55", "6.1.0-56", 1)).unwrap();
    assert!(other.is_upgrade());
}

#[test]
fn read_all_reports_the_error_with_the_file() {
    let refused = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a", &text.replacen(from, to, 1));
        let error = util::error::one_line(&read_all(root.path()).unwrap_err());
        assert!(error.contains("a/scenario.toml"), "{error}");
        error
    };
    let cases = [
        (refused(PREBUILT, "memory-mib = 512", "memory-mib = 512\nmemroy = 1"), "memroy"),
        (refused(PREBUILT, "[boot]", "[bot]"), "bot"),
        (refused("title = \"a\"\nabout = \"b\"\n", "", ""), "neither a table [boot] nor a table [build]"),
        (refused(PREBUILT, "\n\n", "\nlines = [\"6.1\"]\n"), "`lines` is for kernels that are built"),
        (refused(BUILT, "lines = [\"6.12\", \"6.1\"]", ""), "`lines` is missing"),
        (refused(BUILT, "\"6.1\"]", "\"6.12\"]"), "the line 6.12 is named twice"),
        (refused(BUILT, "\"6.1\"]", "\"..\"]"), "`..` is no kernel line"),
        (refused(BUILT, "\"6.1\"]", "\"6.1.7\"]"), "`6.1.7` is no kernel line"),
        (refused(BUILT, "abi = \"compatible\"", ""), "`abi` is missing"),
        (
            refused(PREBUILT, "memory-mib = 512", "memory-mib = 512\nabi = \"broken\""),
            "`abi` is for kernels that are built",
        ),
        (refused(BUILT, "{ config = \"strict\" }", "\"6.1\""), "must both be prebuilt kernels"),
        (refused(BUILT, "config = \"strict\" }", "config = \"strict\", external = [\"x\"] }"), "`running` cannot have"),
        (refused(BUILT, "{ config = \"strict\" }", "{ conf = \"strict\" }"), "unknown field `conf`"),
        (refused(BUILD, "lines = [\"7.2\"]", "lines = [\"7.3\"]"), "the step `two` is for 7.3"),
        (refused(BUILD, "lines = [\"7.2\"]", "lines = [\"6.1\"]"), "none is for the line 7.2"),
        (refused(BUILT, "{ config = \"strict\" }", "{ release = \"6.1\" }"), "missing field `encoder`"),
        (refused(BUILT, "{ config = \"strict\" }", "{ encoder = \"modbtf\" }"), "missing field `release`"),
        (refused(BUILT, "{ config = \"strict\" }", "{ upgrade = \"grow\" }"), "missing field `config`"),
        (refused(BUILT, "{ config = \"strict\" }", "{ release = \"6.1\", encoder = \"x\" }"), "unknown variant `x`"),
        (
            refused(BUILT, "{ config = \"strict\" }", "{ release = \"6.1\", encoder = \"modbtf\" }"),
            "`running` cannot have an `encoder`",
        ),
        (refused(BUILT, "upgrade = \"grow\"", "encoder = \"modbtf\""), "`release` and `encoder` to a prebuilt one"),
        (refused(BUILT, "{ config = \"strict\" }", "7"), "a pinned release, a table with"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}");
    }
}
