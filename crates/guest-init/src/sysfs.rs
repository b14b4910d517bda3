//! What the kernel shows of a module below `/sys`. The root is a parameter so that tests can lay one out.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use guest_protocol::SysfsBtf;
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// The size and SHA-256 of `kernel/btf/<name>`, if it is there.
pub fn btf(sys: &Path, name: &str) -> Result<Option<SysfsBtf>, Failure> {
    let path = sys.join("kernel/btf").join(name);
    let digest = match File::open(&path) {
        Ok(file) => digest(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => Err(error),
    };
    digest.map(Some).map_err(|error| format!("failed to read {}: {error}", path.display()).into())
}

fn digest(mut file: File) -> io::Result<SysfsBtf> {
    let mut hasher = Hasher(Sha256::new());
    let size = io::copy(&mut file, &mut hasher)?;
    let sha256 = hasher.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(SysfsBtf { size, sha256 })
}

struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether `module/<name>/initstate` says `live`.
pub fn is_live(sys: &Path, name: &str) -> Result<bool, Failure> {
    let path = sys.join("module").join(name).join("initstate");
    match fs::read(&path) {
        Ok(state) => Ok(state.trim_ascii() == b"live"),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("failed to read {}: {error}", path.display()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn btf_is_measured_and_its_absence_is_no_error() {
        let sys = tempfile::tempdir().unwrap();
        fs::create_dir_all(sys.path().join("kernel/btf")).unwrap();
        fs::write(sys.path().join("kernel/btf/overlay"), b"abc").unwrap();
        let found = btf(sys.path(), "overlay").unwrap().unwrap();
        assert_eq!(found.size, 3);
        assert_eq!(found.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(btf(sys.path(), "dummy").unwrap(), None);
    }

    #[test]
    fn only_a_live_module_is_live() {
        let sys = tempfile::tempdir().unwrap();
        for (name, state) in [("overlay", "live\n"), ("dummy", "coming\n")] {
            let directory = sys.path().join("module").join(name);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("initstate"), state).unwrap();
        }
        assert!(is_live(sys.path(), "overlay").unwrap());
        assert!(!is_live(sys.path(), "dummy").unwrap());
        assert!(!is_live(sys.path(), "absent").unwrap());
    }
}
