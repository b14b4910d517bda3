//! One case: the sections of a module, where they come from, and the file that holds a case.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Where a case comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Written to reach one check.
    Directed {
        /// What it is to show.
        name: String,
    },
    /// Made by chance.
    Random {
        /// The seed of the run.
        seed: u64,
        /// The number of the case.
        number: u64,
    },
}

/// The sections that a module is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Where it comes from.
    pub origin: Origin,
    /// `.BTF`.
    pub btf: Vec<u8>,
    /// `.BTF.base`.
    pub base: Option<Vec<u8>>,
}

/// A case that differed, as it is written to a file: it can be run alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFile {
    /// The kernel: its series and configuration, or its release.
    pub kernel: String,
    /// Where the case comes from.
    pub origin: Origin,
    /// `.BTF`, in hexadecimal digits.
    pub btf: String,
    /// `.BTF.base`, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// What was predicted.
    pub predicted: Vec<String>,
    /// What was observed.
    pub observed: Vec<String>,
}

impl CaseFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no case.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read(path).map_err(Error::io("read", path))?;
        serde_json::from_slice(&text).map_err(|source| Error::CaseFile { path: path.to_owned(), source })
    }

    /// The case.
    ///
    /// # Errors
    /// The digits of a section are none.
    pub fn case(&self) -> Result<Case, Error> {
        let decode = |digits: &String| {
            hex::decode(digits)
                .map_err(|_| Error::Template { what: "a case whose sections are not hexadecimal".into() })
        };
        let base = self.base.as_ref().map(decode).transpose()?;
        Ok(Case { origin: self.origin.clone(), btf: decode(&self.btf)?, base })
    }
}
