//! A small file system of our own. Needs root.

use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use xshell::{Shell, cmd};

/// A small file system in memory, gone when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    /// Nothing once it has been unmounted.
    dir: Option<TempDir>,
    sh: Shell,
}

impl SmallDisk {
    /// Mounts one of this size, as `mount -o size=` takes it.
    pub fn mount(size: &str) -> Result<Self> {
        let (dir, sh) = (TempDir::new()?, Shell::new()?);
        let path = dir.path();
        cmd!(sh, "mount -t tmpfs -o size={size},mode=755 tmpfs {path}")
            .quiet()
            .run()
            .context("a small file system can only be mounted by root")?;
        Ok(Self { dir: Some(dir), sh })
    }

    pub fn path(&self) -> &Path {
        self.dir.as_ref().map_or(Path::new("/nonexistent"), TempDir::path)
    }

    /// Shows a directory from elsewhere in it, only to be read, at a path below its own.
    pub fn show(&self, directory: &Path, at: &str) -> Result<()> {
        let (sh, at) = (&self.sh, self.path().join(at));
        sh.create_dir(&at)?;
        cmd!(sh, "mount --bind {directory} {at}").quiet().run()?;
        cmd!(sh, "mount -o remount,bind,ro {at}").quiet().run()?;
        Ok(())
    }

    /// Makes it as large as this.
    pub fn resize(&self, size: &str) -> Result<()> {
        let (sh, path) = (&self.sh, self.path());
        Ok(cmd!(sh, "mount -o remount,size={size} {path}").quiet().run()?)
    }

    /// Leaves so many bytes free on it; more where somebody writes so fast that it is full before it is made smaller.
    pub fn leave_free(&self, bytes: u64) -> Result<()> {
        let (sh, path) = (&self.sh, self.path());
        let mut last = Ok(());
        for attempt in 0..5 {
            let used = cmd!(sh, "df --block-size=1 --output=used {path}").quiet().read()?;
            let used: u64 = used.lines().last().unwrap_or_default().trim().parse().context("df gave no figure")?;
            let size = (used + (bytes << (2 * attempt))).to_string();
            // It cannot become smaller than what is on it.
            last = cmd!(sh, "mount -o remount,size={size} {path}").quiet().ignore_stderr().run();
            if last.is_ok() {
                break;
            }
        }
        Ok(last?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let Some(dir) = self.dir.take() else { return };
        let (sh, path) = (&self.sh, dir.path());
        // Lazily takes what is shown in it along.
        if let Err(error) = cmd!(sh, "umount --lazy {path}").quiet().run() {
            // Removing it would remove what is shown in it.
            cli::terminal::say(&format!("cannot unmount {}: {error}", dir.keep().display()));
        }
    }
}
