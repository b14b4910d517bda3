//! The definition of a build scenario: the table `[build]`.

use std::collections::BTreeMap;

use globset::Glob;
use kernels::kbuild::sandbox::{EXTERNAL, Place};
use serde::Deserialize;

/// The source's path in the container.
pub const SOURCE: &str = "/usr/src/linux";

/// The output tree's path in the container.
pub const TREE: &str = "/build";

/// Steps on a tree, each continuing where the previous one ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TomlBuild")]
pub struct BuildDefinition {
    /// The configuration: fragments of `kernel-configs/fragments/`, joined by `+`.
    pub config: String,
    /// The files of the output tree that are present at the start.
    pub start: StartTree,
    /// A patch in `kernel-configs/upgrades/` that is applied to the source.
    pub patch: Option<String>,
    /// Directories of the source that are writable, as newer series require for `M=`.
    pub writable: Vec<String>,
    /// Pinned programs to mount in `/tools`.
    pub tools: Vec<String>,
    /// The steps, including those for other series.
    pub steps: Vec<BuildStep>,
}

/// The files of the output tree that are present at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartTree {
    /// All files of a finished build.
    Built,
    /// Only the final `.config`.
    Configured,
}

/// A command, the changes to the tree before it, and the observations after it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BuildStep {
    /// A short title.
    pub title: String,
    /// The purpose of the step, for readers of the snapshot.
    pub why: String,
    /// The series to which it applies; empty for all series of the scenario.
    #[serde(default, rename = "lines")]
    pub series: Vec<String>,
    /// Files of the source, by their paths in it, that are restored to their content before the patch.
    #[serde(default)]
    pub restore: Vec<String>,
    /// Files of the finished build's output tree, by their paths in it, that are copied into this one.
    #[serde(default)]
    pub bring: Vec<String>,
    /// Files whose time stamps are set to now, by their paths in the container.
    #[serde(default)]
    pub touch: Vec<String>,
    /// The command and its arguments. `make` also gets the paths of source and output tree.
    #[serde(default)]
    pub run: Vec<String>,
    /// Variables of the command's environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The value of `PAHOLE` for `make`; by default the image's own.
    pub pahole: Option<Pahole>,
    /// Whether the command has a pinned `KBUILD_BUILD_TIMESTAMP`.
    #[serde(default = "yes")]
    pub reproducible: bool,
    /// Whether the command is expected to fail.
    #[serde(default)]
    pub fails: bool,
    /// Patterns of files of the output tree, by their paths in it. The step records which of them the command writes.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Modules, by their paths in the container. The step records their BTF afterwards.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Symbols of the configuration, with their `CONFIG_`. The step records their values afterwards.
    #[serde(default)]
    pub symbols: Vec<String>,
    /// Encodes a file several times and compares the results.
    pub encode: Option<RepeatedEncoding>,
}

const fn yes() -> bool {
    true
}

/// A `PAHOLE` that logs its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pahole {
    /// The image's own, reporting this version: `v1.18`.
    Reports(String),
    /// A pinned tool.
    Tool(String),
}

impl Pahole {
    /// The name of its file among the sandbox's files.
    #[must_use]
    pub fn file_name(&self) -> String {
        match self {
            Self::Reports(version) => format!("pahole-{version}"),
            Self::Tool(tool) => tool.clone(),
        }
    }
}

/// Encoding the BTF of one file repeatedly.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatedEncoding {
    /// The file, by its path in the container.
    pub file: String,
    /// The pinned tool to encode with.
    pub tool: String,
    /// Its arguments besides `-J` and `-j`.
    pub flags: Vec<String>,
    /// The number of runs without `-j`. All others are compared with the first of them.
    pub serial: usize,
    /// The number of runs with `-j`.
    pub parallel: usize,
}

impl BuildDefinition {
    /// The steps for one series, in order.
    pub fn steps_on<'a>(&'a self, series: &'a str) -> impl Iterator<Item = &'a BuildStep> {
        self.steps.iter().filter(move |step| step.series.is_empty() || step.series.iter().any(|it| it == series))
    }
}

impl BuildStep {
    /// Whether it chooses its own encoder, independently of the encoder for kernels.
    #[must_use]
    pub const fn names_its_encoder(&self) -> bool {
        self.pahole.is_some() || self.encode.is_some()
    }
}

/// Splits a path in the container: the part of the sandbox, and the path in it.
#[must_use]
pub fn place(path: &str) -> Option<(Place, &str)> {
    let places = [(SOURCE, Place::Source), (TREE, Place::Tree), (EXTERNAL, Place::External)];
    places.into_iter().find_map(|(root, place)| Some((place, path.strip_prefix(root)?.strip_prefix('/')?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlBuild {
    config: String,
    start: StartTree,
    patch: Option<String>,
    #[serde(default)]
    writable: Vec<String>,
    #[serde(default)]
    tools: Vec<String>,
    #[serde(rename = "step")]
    steps: Vec<BuildStep>,
}

impl TryFrom<TomlBuild> for BuildDefinition {
    type Error = String;

    fn try_from(written: TomlBuild) -> Result<Self, String> {
        let TomlBuild { config, start, patch, writable, tools, steps } = written;
        if steps.is_empty() {
            return Err("it has no [[build.step]]".into());
        }
        for step in &steps {
            if let Some(wrong) = fault(step, patch.is_some(), &tools) {
                return Err(format!("the step `{}` {wrong}", step.title));
            }
        }
        Ok(Self { config, start, patch, writable, tools, steps })
    }
}

/// The error in a step, phrased to follow its title.
fn fault(step: &BuildStep, patched: bool, tools: &[String]) -> Option<String> {
    let known = |tool: &String| tools.contains(tool);
    if step.run.is_empty() == step.encode.is_none() {
        return Some("needs either `run` or `encode`".into());
    }
    if step.pahole.is_some() && step.run.first().is_none_or(|program| program != "make") {
        return Some("has a `pahole`, which only `make` asks for".into());
    }
    if !step.restore.is_empty() && !patched {
        return Some("restores a file of a source that no `patch` changes".into());
    }
    let tool = match (&step.pahole, &step.encode) {
        (Some(Pahole::Tool(tool)), _) => Some(tool),
        (_, Some(encode)) => Some(&encode.tool),
        _ => None,
    };
    if let Some(tool) = tool.filter(|tool| !known(tool)) {
        return Some(format!("uses {tool}, which `tools` does not name"));
    }
    if step.encode.as_ref().is_some_and(|encode| encode.serial == 0) {
        return Some("encodes nothing to compare with: `serial` is 0".into());
    }
    let encoded = step.encode.as_ref().map(|encode| &encode.file);
    if let Some(path) = step.touch.iter().chain(&step.modules).chain(encoded).find(|path| place(path).is_none()) {
        return Some(format!("names {path}, which is neither below {SOURCE} nor {TREE} nor {EXTERNAL}"));
    }
    step.changed.iter().find_map(|pattern| Glob::new(pattern).err()).map(|error| format!("has a bad pattern: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        config = "strict"
        start = "built"
        tools = ["pahole-1.24"]
        [[step]]
        title = "a"
        why = "b"
        run = ["make", "modules"]
        touch = ["/build/vmlinux", "/usr/src/linux/fs/fuse/dev.c"]
        changed = ["**/*.ko"]
        [[step]]
        title = "c"
        why = "d"
        lines = ["7.2"]
        encode = { file = "/build/vmlinux", tool = "pahole-1.24", flags = [], serial = 2, parallel = 3 }
    "#;

    #[test]
    fn a_line_has_the_steps_for_all_and_its_own() {
        let definition: BuildDefinition = toml::from_str(TEXT).unwrap();
        let titles = |line| definition.steps_on(line).map(|step| step.title.as_str()).collect::<Vec<_>>();
        assert_eq!(titles("6.1"), ["a"]);
        assert_eq!(titles("7.2"), ["a", "c"]);
        assert!(definition.steps[0].reproducible && !definition.steps[0].fails);
    }

    #[test]
    fn impossible_steps_are_refused_by_title() {
        for (from, to, words) in [
            ("run = [\"make\", \"modules\"]", "", "`a` needs either"),
            ("serial = 2", "serial = 0", "`c` encodes nothing"),
            ("tool = \"pahole-1.24\"", "tool = \"pahole-9\"", "`c` uses pahole-9"),
            ("/build/vmlinux\", \"", "/etc/passwd\", \"", "`a` names /etc/passwd"),
            ("[\"**/*.ko\"]", "[\"[\"]", "`a` has a bad pattern"),
            ("changed =", "restore = [\"x\"]\nchanged =", "`a` restores"),
            ("[\"make\", \"modules\"]", "[\"true\"]\npahole = { reports = \"v1.18\" }", "`a` has a `pahole`"),
            ("changed =", "chnaged =", "unknown field"),
        ] {
            let text = TEXT.replacen(from, to, 1);
            assert_ne!(text, TEXT, "{from}");
            let error = toml::from_str::<BuildDefinition>(&text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn paths_inside_have_a_place() {
        assert_eq!(place("/build/fs/fuse/fuse.ko"), Some((Place::Tree, "fs/fuse/fuse.ko")));
        assert_eq!(place("/usr/src/linux/fs"), Some((Place::Source, "fs")));
        assert_eq!(place("/usr/src/external/x/x.c"), Some((Place::External, "x/x.c")));
        assert_eq!(place("/builds/x"), None);
        assert_eq!(place("/build"), None);
    }
}
