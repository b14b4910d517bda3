//! A small file system for tests. Needs root.

use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use xshell::{Shell, cmd};

/// A small file system in memory, unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    /// `None` after it was unmounted.
    dir: Option<TempDir>,
    sh: Shell,
}

impl SmallDisk {
    /// Mounts a file system of this size, in the syntax of `mount -o size=`.
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

    /// Bind-mounts a directory read-only at a path below the file system's own.
    pub fn show(&self, directory: &Path, at: &str) -> Result<()> {
        let (sh, at) = (&self.sh, self.path().join(at));
        sh.create_dir(&at)?;
        cmd!(sh, "mount --bind {directory} {at}").quiet().run()?;
        cmd!(sh, "mount -o remount,bind,ro {at}").quiet().run()?;
        Ok(())
    }

    /// Changes its size.
    pub fn resize(&self, size: &str) -> Result<()> {
        let (sh, path) = (&self.sh, self.path());
        Ok(cmd!(sh, "mount -o remount,size={size} {path}").quiet().run()?)
    }

    /// Shrinks it so that this many bytes are free. If another process writes so fast that it fills up first, more
    /// bytes stay free.
    pub fn leave_free(&self, bytes: u64) -> Result<()> {
        let (sh, path) = (&self.sh, self.path());
        let mut last = Ok(());
        for attempt in 0..5 {
            let used = cmd!(sh, "df --block-size=1 --output=used {path}").quiet().read()?;
            let used: u64 = used.lines().last().unwrap_or_default().trim().parse().context("df gave no figure")?;
            let size = (used + (bytes << (2 * attempt))).to_string();
            // It cannot become smaller than its content.
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
        // A lazy unmount includes the directories mounted in it.
        if let Err(error) = cmd!(sh, "umount --lazy {path}").quiet().run() {
            // Removing it would remove the content of the directories mounted in it.
            cli::terminal::say(&format!("cannot unmount {}: {error}", dir.keep().display()));
        }
    }
}
