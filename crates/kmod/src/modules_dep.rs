//! The text files beside the modules: `modules.dep` and `modules.order`.

use std::collections::HashMap;
use std::path::Path;

use crate::error::Error;
use crate::source::read_text;

const FILE: &str = "modules.dep";

/// depmod's `modules.dep`, in the order of its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModulesDep {
    entries: Vec<(String, Vec<String>)>,
    by_path: HashMap<String, usize>,
}

impl ModulesDep {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::File`] around the errors of [`ModulesDep::parse`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&read_text(path)?).map_err(Error::reading(path, "modules.dep"))
    }

    /// Parses lines of the form `path: path path …`. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] with the line's number if there is no colon, no path before it, or a path that occurred
    /// before.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut modules = Self::default();
        for (index, line) in text.lines().enumerate() {
            let failed = |reason| Error::Line { file: FILE, line: index + 1, reason };
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (path, needs) = line.split_once(':').ok_or_else(|| failed(format!("there is no colon in {line:?}")))?;
            if path.trim().is_empty() {
                return Err(failed(format!("there is no path before the colon in {line:?}")));
            }
            let needs = needs.split_whitespace().map(str::to_owned).collect();
            if modules.by_path.insert(path.to_owned(), modules.entries.len()).is_some() {
                return Err(failed(format!("{path} has an earlier line")));
            }
            modules.entries.push((path.to_owned(), needs));
        }
        Ok(modules)
    }

    /// Every module's path with its direct and indirect dependencies, in the order of the file: the last one is
    /// loaded first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.entries.iter().map(|(path, needs)| (path.as_str(), needs.as_slice()))
    }

    /// The modules to load for `path`, in load order, `path` last. `None` if the file does not list it.
    #[must_use]
    pub fn closure(&self, path: &str) -> Option<Vec<&str>> {
        let (path, needs) = &self.entries[*self.by_path.get(path)?];
        Some(needs.iter().rev().chain([path]).map(String::as_str).collect())
    }
}

/// The paths of a `modules.order`, in its order: the order in which the build linked the modules.
#[must_use]
pub fn parse_modules_order(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_lines_and_words_is_kept() {
        let text = "# comment\n\nkernel/z.ko: kernel/b.ko kernel/a.ko\nkernel/b.ko: kernel/a.ko\nkernel/a.ko:\n";
        let modules = ModulesDep::parse(text).unwrap();
        let paths: Vec<_> = modules.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["kernel/z.ko", "kernel/b.ko", "kernel/a.ko"]);
        assert_eq!(modules.closure("kernel/z.ko").unwrap(), ["kernel/a.ko", "kernel/b.ko", "kernel/z.ko"]);
        assert_eq!(modules.closure("kernel/a.ko").unwrap(), ["kernel/a.ko"]);
        assert_eq!(modules.closure("kernel/x.ko"), None);
    }

    #[test]
    fn a_bad_line_is_named() {
        for bad in ["kernel/b.ko", ": kernel/b.ko", "kernel/a.ko: again"] {
            let error = ModulesDep::parse(&format!("kernel/a.ko:\n{bad}\n")).unwrap_err();
            assert!(matches!(error, Error::Line { line: 2, .. }), "{bad:?}: {error:?}");
        }
    }

    #[test]
    fn modules_order_is_a_list() {
        assert_eq!(parse_modules_order("kernel/b.ko\n\nkernel/a.ko\n"), ["kernel/b.ko", "kernel/a.ko"]);
    }
}
