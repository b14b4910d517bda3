//! What a scenario is: one `scenario.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

/// The file, in a scenario's folder, that defines it.
pub const FILE: &str = "scenario.toml";

/// A scenario as it was written down: which kernel runs, whose modules it is given, and which of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Definition {
    /// One line for tables.
    pub title: String,
    /// What the scenario shows, for a person who reads its snapshot.
    pub about: String,
    /// The kernel that boots: a release pinned in `kernel-configs/`.
    pub running: String,
    /// The kernel whose modules are loaded.
    pub modules_of: String,
    /// Which of its modules.
    pub load: Modules,
    /// The virtual machine's memory in MiB. All modules of a kernel want 4096.
    pub memory_mib: u32,
}

/// Which modules of a kernel a scenario loads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modules {
    /// Every one, in dependency order.
    All,
    /// These, each preceded by what it depends on.
    Named(Vec<String>),
}

impl Definition {
    /// Whether the modules come from another kernel than the one that runs. A scenario that loads a kernel's own modules
    /// is a control.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        self.running != self.modules_of
    }
}

/// A scenario and the folder that holds its definition, its transcript and its snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The folder's name: `debian-upgrade`.
    pub name: String,
    /// What it does.
    pub definition: Definition,
    /// The folder, or nothing for a pair given on the command line, which records nothing.
    pub dir: Option<PathBuf>,
}

/// Why the scenarios could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder or a definition could not be read.
    #[error("failed to read the scenario definition {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A definition is not what it should be.
    #[error("failed to understand the scenario definition {}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: toml::de::Error,
    },
}

/// Reads every scenario below `root`: each folder that holds a [`FILE`], sorted by name.
///
/// # Errors
///
/// A folder that cannot be listed, or a definition that cannot be read or understood.
pub fn read_all(root: &Path) -> Result<Vec<Scenario>, Error> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Read { path, source }
    };
    let mut scenarios = Vec::new();
    for entry in fs::read_dir(root).map_err(at(root))? {
        let dir = entry.map_err(at(root))?.path();
        let path = dir.join(FILE);
        if !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let definition = toml::from_str(&text).map_err(|source| Error::Parse { path, source })?;
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        scenarios.push(Scenario { name, definition, dir: Some(dir) });
    }
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scenarios)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        title = "overlay of 56 on 55"
        about = "why"
        running = "6.1.0-55-cloud-amd64"
        modules-of = "6.1.0-56-cloud-amd64"
        load = { named = ["overlay"] }
        memory-mib = 512
    "#;

    #[test]
    fn scenarios_are_the_folders_with_a_definition_in_order() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b", "a", "not-one"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        fs::write(root.path().join("b").join(FILE), TEXT).unwrap();
        fs::write(root.path().join("a").join(FILE), TEXT.replace("{ named = [\"overlay\"] }", "\"all\"")).unwrap();

        let scenarios = read_all(root.path()).unwrap();
        assert_eq!(scenarios.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(scenarios[0].definition.load, Modules::All);
        assert_eq!(scenarios[1].definition.load, Modules::Named(vec!["overlay".into()]));
        assert!(scenarios[1].definition.is_upgrade());
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_file() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a").join(FILE), format!("{TEXT}\nmemroy = 1")).unwrap();
        let error = read_all(root.path()).unwrap_err().to_string();
        assert!(error.contains("a/scenario.toml") && error.contains("memroy"), "{error}");
    }
}
