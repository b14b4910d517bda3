//! The definition of a scenario: one `scenario.toml`.
//!
//! A scenario on kernels that are built from source lists the kernel series that it runs on, and counts as one
//! scenario for each. `upgrade-grow` with `lines = ["6.1", "6.12"]` gives `upgrade-grow@6.1` and `upgrade-grow@6.12`,
//! with records in the folders `6.1` and `6.12` beside the definition.

mod boot;
mod kbuild;
mod kernel;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

pub use boot::{AbiClaim, BootDefinition, Modules};
pub use kbuild::{BuildDefinition, BuildStep, Pahole, RepeatedEncoding, SOURCE, StartTree, TREE, place};
pub use kernel::{BuiltKernel, ModuleEncoder, ReencodedModules, ScenarioKernel};

/// The file in a scenario's folder that defines it.
pub const FILE: &str = "scenario.toml";

/// The content of a `scenario.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TomlDefinition")]
pub struct Definition {
    /// One line for tables.
    pub title: String,
    /// The purpose of the scenario, for readers of its snapshot.
    pub about: String,
    /// The kernel series that it runs on, each separately; empty if no kernel is built from source.
    pub series: Vec<String>,
    /// What the scenario does.
    pub subject: ScenarioKind,
}

/// What a scenario does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScenarioKind {
    /// Boots a kernel, loads modules, and records what the kernel reports: the table `[boot]`.
    Boot(BootDefinition),
    /// Runs kbuild, and records its output and the files it changes: the table `[build]`.
    Build(BuildDefinition),
}

impl Definition {
    /// The boot, unless this is a build scenario.
    #[must_use]
    pub fn boot(&self) -> Option<&BootDefinition> {
        match &self.subject {
            ScenarioKind::Boot(boot) => Some(boot),
            ScenarioKind::Build(_) => None,
        }
    }

    /// Whether it loads modules on a kernel other than their own.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        self.boot().is_some_and(BootDefinition::is_upgrade)
    }
}

/// A definition in the form of its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlDefinition {
    title: String,
    about: String,
    #[serde(default, rename = "lines")]
    series: Vec<String>,
    boot: Option<BootDefinition>,
    build: Option<BuildDefinition>,
}

impl TryFrom<TomlDefinition> for Definition {
    type Error = String;

    fn try_from(toml: TomlDefinition) -> Result<Self, String> {
        let TomlDefinition { title, about, series, boot, build } = toml;
        let subject = match (boot, build) {
            (Some(boot), None) => ScenarioKind::Boot(boot),
            (None, Some(build)) => ScenarioKind::Build(build),
            (Some(_), Some(_)) => return Err("it has both a table [boot] and a table [build]: one is wanted".into()),
            (None, None) => return Err("it has neither a table [boot] nor a table [build]: one is wanted".into()),
        };
        let needs_source = match &subject {
            ScenarioKind::Boot(boot) => match boot.inconsistency() {
                Some(why) => return Err(why.into()),
                None => boot.is_built(),
            },
            ScenarioKind::Build(_) => true,
        };
        match (needs_source, series.is_empty()) {
            (true, true) => return Err("`lines` is missing: the kernel lines that are built, such as [\"6.1\"]".into()),
            (false, false) => return Err("`lines` is for kernels that are built from source".into()),
            _ => {}
        }
        if let Some(one) = series.iter().find(|one| !is_series(one)) {
            return Err(format!("`{one}` is no kernel line: two numbers are wanted, such as 6.12"));
        }
        if let Some(one) = series.iter().enumerate().find_map(|(at, one)| series[..at].contains(one).then_some(one)) {
            return Err(format!("the line {one} is named twice"));
        }
        if let ScenarioKind::Build(build) = &subject {
            for step in &build.steps {
                if let Some(one) = step.series.iter().find(|one| !series.contains(one)) {
                    return Err(format!("the step `{}` is for {one}, which `lines` does not name", step.title));
                }
            }
            if let Some(one) = series.iter().find(|one| build.steps_on(one).next().is_none()) {
                return Err(format!("of its steps none is for the line {one}"));
            }
        }
        Ok(Self { title, about, series, subject })
    }
}

/// A series is two numbers. Nothing else is accepted, because its name is also the name of a folder.
fn is_series(text: &str) -> bool {
    let is_number = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(version, patch_level)| is_number(version) && is_number(patch_level))
}

/// A scenario (for one kernel series if it is built from source) and the folder of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The folder's name, followed by the series: `debian-upgrade`, `upgrade-grow@6.1`.
    pub name: String,
    /// The series of its kernels, if they are built from source.
    pub series: Option<String>,
    /// What it does.
    pub definition: Definition,
    /// The folder of its records. A pair from the command line is not recorded and has none.
    pub dir: Option<PathBuf>,
}

impl Scenario {
    /// The name without the series: `upgrade-grow`.
    #[must_use]
    pub fn family(&self) -> &str {
        self.name.split('@').next().unwrap_or_default()
    }

    /// What it needs, for a list of scenarios.
    #[must_use]
    pub fn needs(&self) -> String {
        let source = self.series.as_ref().map(|one| format!("the source of {one}"));
        match (&self.definition.subject, source) {
            (ScenarioKind::Boot(boot), None) if boot.running == boot.modules_of => boot.running.to_string(),
            (ScenarioKind::Boot(boot), None) => format!("{} and {}", boot.running, boot.modules_of),
            (ScenarioKind::Boot(boot), Some(source)) => {
                format!("{source}, built as {}, and as {}", boot.running, boot.modules_of)
            }
            (ScenarioKind::Build(build), source) => {
                let tools = build.tools.iter().map(|tool| format!(", and the tool {tool}"));
                source.into_iter().chain(tools).collect()
            }
        }
    }

    /// The reason why it says nothing about an encoder other than pahole, if there is one: its own steps choose the
    /// encoder.
    #[must_use]
    pub fn about_pahole(&self) -> Option<&'static str> {
        let (ScenarioKind::Build(build), Some(one)) = (&self.definition.subject, &self.series) else { return None };
        let about = build.steps_on(one).any(BuildStep::names_its_encoder);
        about.then_some("it is about pahole: its steps say which pahole encodes, whatever --encoder says")
    }

    /// Whether it needs a kernel that is built from source.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.series.is_some()
    }
}

/// The name of the test that replays the scenario of this name: `upgrade_grow_6_1`.
#[must_use]
pub fn test_name(scenario: &str) -> String {
    scenario.replace(['-', '@', '.'], "_")
}

/// A failure to read the scenarios.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder or a definition could not be read.
    #[error("cannot read the scenario definition {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A definition is invalid.
    #[error("cannot parse the scenario definition {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: toml::de::Error,
    },
}

/// Reads every scenario below `root`: each folder that contains a [`FILE`], sorted by name, and one scenario for each
/// series, in the order of the definition.
///
/// # Errors
///
/// A folder cannot be listed, or a definition cannot be read or parsed.
pub fn read_all(root: &Path) -> Result<Vec<Scenario>, Error> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Read { path, source }
    };
    let mut families = Vec::new();
    for entry in fs::read_dir(root).map_err(at(root))? {
        let dir = entry.map_err(at(root))?.path();
        let path = dir.join(FILE);
        if !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let definition: Definition = toml::from_str(&text).map_err(|source| Error::Parse { path, source })?;
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        families.push((name, definition, dir));
    }
    families.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    Ok(families.into_iter().flat_map(|(name, definition, dir)| on_each_series(&name, &definition, &dir)).collect())
}

fn on_each_series(name: &str, definition: &Definition, dir: &Path) -> Vec<Scenario> {
    let scenario = |name: String, series: Option<String>, dir: PathBuf| Scenario {
        name,
        series,
        definition: definition.clone(),
        dir: Some(dir),
    };
    if definition.series.is_empty() {
        return vec![scenario(name.to_owned(), None, dir.to_owned())];
    }
    let on = |one: &String| scenario(format!("{name}@{one}"), Some(one.clone()), dir.join(one));
    definition.series.iter().map(on).collect()
}
