//! The file of the measurements: schema, reading and writing.
//!
//! For hundreds of modules every type is true. They do not get a row of zeros each: the file has their names and
//! numbers of types, and rows only for modules with a type that differs.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::built::BuiltKernels;
use super::measurements::{AbiMeasurement, Measured, RelocatedModule, RoundTrip, TypeFidelity};

/// The version of the schema. A reader refuses another one.
pub const VERSION: u32 = 1;

/// The measurements' file in a scenario's folder.
pub const FILE: &str = "measured.json";

/// A failure to use measurements.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read the measurements {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file could not be replaced; it is unchanged.
    #[error("cannot write the measurements {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: util::atomic::Error,
    },
    /// The text is invalid.
    #[error("cannot parse the measurements")]
    Parse(#[from] serde_json::Error),
    /// The schema has another version.
    #[error(
        "cannot read measurements of schema version {found}: this program reads version {VERSION}; record them again"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// A module is measured twice.
    #[error("cannot use the measurements: they have the module {module} twice")]
    Twice {
        /// The module.
        module: String,
    },
}

/// The schema of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasuredFile {
    measured: u32,
    abi: AbiMeasurement,
    same_base: bool,
    round_trip: RoundTrip,
    /// The modules with a type that differs. Rows without a difference are also accepted.
    truth: Vec<TypeFidelity>,
    /// All other modules that were compared.
    #[serde(default, skip_serializing_if = "TypeCounts::is_empty")]
    all_true: TypeCounts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    relocated: Vec<RelocatedModule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    built: Option<BuiltKernels>,
}

/// The number of types of each module: a JSON object in load order.
#[derive(Debug, Default, PartialEq, Eq)]
struct TypeCounts(Vec<(String, usize)>);

impl TypeCounts {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for TypeCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(module, types)| (module, types)))
    }
}

impl<'de> Deserialize<'de> for TypeCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = TypeCounts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of modules and how many types each holds")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TypeCounts, A::Error> {
                let mut counts = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    counts.push(entry);
                }
                Ok(TypeCounts(counts))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

impl From<&Measured> for MeasuredFile {
    fn from(measured: &Measured) -> Self {
        let Measured { abi, same_base, round_trip, fidelity, relocated, built } = measured.clone();
        let (all_true, truth): (Vec<_>, Vec<_>) = fidelity.into_iter().partition(TypeFidelity::is_all_zero);
        let all_true = TypeCounts(all_true.into_iter().map(|it| (it.module, it.types)).collect());
        Self { measured: VERSION, abi, same_base, round_trip, truth, all_true, relocated, built }
    }
}

impl From<MeasuredFile> for Measured {
    fn from(file: MeasuredFile) -> Self {
        let MeasuredFile { measured: _, abi, same_base, round_trip, truth, all_true, relocated, built } = file;
        let all_true = all_true.0.into_iter().map(|(module, types)| TypeFidelity::all_true(module, types));
        Self { abi, same_base, round_trip, fidelity: truth.into_iter().chain(all_true).collect(), relocated, built }
    }
}

impl Measured {
    /// Parses the text of measurements.
    ///
    /// # Errors
    ///
    /// The text is not JSON of the schema, has another version, or contains a module twice.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: MeasuredFile = serde_json::from_str(text)?;
        if file.measured != VERSION {
            return Err(Error::Version { found: file.measured });
        }
        let measured = Self::from(file);
        let mut known = BTreeSet::new();
        match measured.fidelity.iter().find(|it| !known.insert(it.module.as_str())) {
            Some(twice) => Err(Error::Twice { module: twice.module.clone() }),
            None => Ok(measured),
        }
    }

    /// The text of the measurements.
    ///
    /// # Errors
    ///
    /// [`Error::Parse`] if a part cannot be written as JSON. No part of today's schema can cause this.
    pub fn to_text(&self) -> Result<String, Error> {
        let mut text = serde_json::to_string_pretty(&MeasuredFile::from(self))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads the measurements in a folder.
    ///
    /// # Errors
    ///
    /// Same as [`Measured::parse`], and a file that cannot be read.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let text = fs::read_to_string(&path).map_err(|source| Error::Read { path, source })?;
        Self::parse(&text)
    }

    /// Replaces the measurements in a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(FILE);
        util::atomic::replace(&path, self.to_text()?.as_bytes()).map_err(|source| Error::Write { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boots::measured::Example;

    fn sample() -> Measured {
        let example = Example { meant: "struct a".into(), seen: "struct b".into() };
        let wrong =
            TypeFidelity { other_closure: 1, examples: vec![example], ..TypeFidelity::all_true("wrong".into(), 7) };
        Measured {
            abi: AbiMeasurement {
                modules: 3,
                without_versions: 0,
                differing: 0,
                symbols: Vec::new(),
                differing_symbols: 0,
                undecidable: 0,
            },
            same_base: false,
            round_trip: RoundTrip { bases: 2, modules: 3, failed: Vec::new() },
            fidelity: vec![wrong, TypeFidelity::all_true("z".into(), 5), TypeFidelity::all_true("a".into(), 0)],
            relocated: Vec::new(),
            built: None,
        }
    }

    #[test]
    fn rows_of_zeros_are_left_out_and_read_back() {
        let measured = sample();
        let text = measured.to_text().unwrap();
        assert_eq!(Measured::parse(&text).unwrap(), measured);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["truth"].as_array().unwrap().len(), 1);
        assert!(text.contains("\"all_true\": {\n    \"z\": 5,\n    \"a\": 0\n  }"), "{text}");
        let dir = tempfile::tempdir().unwrap();
        measured.write(dir.path()).unwrap();
        assert_eq!(Measured::read(dir.path()).unwrap(), measured);
    }

    #[test]
    fn modules_with_a_difference_come_first_and_none_is_lost() {
        let mut measured = sample();
        measured.fidelity.rotate_left(1);
        let read = Measured::parse(&measured.to_text().unwrap()).unwrap();
        assert_eq!(read, sample());
    }

    #[test]
    fn rows_of_zeros_in_older_files_are_read() {
        let measured = sample();
        let mut json: serde_json::Value = serde_json::from_str(&measured.to_text().unwrap()).unwrap();
        json.as_object_mut().unwrap().remove("all_true");
        json["truth"] = serde_json::to_value(&measured.fidelity).unwrap();
        assert_eq!(Measured::parse(&json.to_string()).unwrap(), measured);
    }

    #[test]
    fn a_module_twice_another_version_and_an_unknown_field_are_refused() {
        let text = sample().to_text().unwrap();
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            Measured::parse(&text.replacen(from, to, 1)).unwrap_err()
        };
        assert!(matches!(refused("\"z\": 5", "\"wrong\": 5"), Error::Twice { module } if module == "wrong"));
        assert!(matches!(refused("\"z\": 5", "\"a\": 5"), Error::Twice { module } if module == "a"));
        assert!(matches!(refused("\"measured\": 1", "\"measured\": 2"), Error::Version { found: 2 }));
        assert!(matches!(refused("same_base", "same_bas"), Error::Parse(_)));
        assert!(matches!(refused("\"z\": 5", "\"z\": -5"), Error::Parse(_)));
    }
}
