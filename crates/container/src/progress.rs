//! What is going on, as plain data: whoever shows it decides how.

use std::time::Duration;

/// One stage of getting ready, in the order in which they run from nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Installing packages on the host.
    HostPackages,
    /// Finding out which container engine runs.
    Engine,
    /// Pulling or making the base image.
    Base,
    /// Building an image on top of the base.
    Image,
    /// Reading the archive's index.
    Index,
    /// Downloading kernel packages.
    Download,
    /// Unpacking kernel packages into the cache.
    Unpack,
    /// Making a source tree in the cache.
    Source,
    /// Making and checking a kernel's configuration.
    Configure,
    /// Building a kernel and its modules.
    Build,
    /// Taking from a finished build what is booted and loaded.
    Collect,
    /// Measuring what was built or fetched.
    Measure,
}

impl Stage {
    /// A short name, for plain lines: `host packages`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HostPackages => "host packages",
            Self::Engine => "container engine",
            Self::Base => "base image",
            Self::Image => "image",
            Self::Index => "archive index",
            Self::Download => "download",
            Self::Unpack => "unpack",
            Self::Source => "kernel source",
            Self::Configure => "configuration",
            Self::Build => "kernel build",
            Self::Collect => "collect",
            Self::Measure => "measure",
        }
    }
}

/// One message about a stage. A stage that has started either finishes or ends in the error that the call returns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A stage begins.
    Started {
        /// Which.
        stage: Stage,
        /// What it does, for people: `installing podman and runc with apt`.
        what: String,
    },
    /// How far a stage is.
    Amount {
        /// Which.
        stage: Stage,
        /// Done so far: bytes for [`Stage::Download`], packages for [`Stage::Unpack`], steps of kbuild for
        /// [`Stage::Build`].
        done: u64,
        /// In all, in the same unit.
        total: u64,
    },
    /// A line that a tool printed; worth showing only where there is room.
    Line {
        /// The stage that runs the tool.
        stage: Stage,
        /// The line, without its end.
        text: String,
    },
    /// Something that a person should see, whatever the display: a fallback that was taken, say.
    Note {
        /// The stage that it belongs to.
        stage: Stage,
        /// The text, one line.
        text: String,
    },
    /// Another run holds the cache's lock; this one waits for it. Told again when the other does something else.
    Waiting {
        /// Its process id, if the lock file says.
        pid: Option<u32>,
        /// What it does that takes long, if it says so: `building 6.1-strict-0123abcd`.
        doing: Option<String>,
        /// How long it has been doing that.
        since: Option<Duration>,
    },
    /// A stage ended well.
    Finished {
        /// Which.
        stage: Stage,
        /// How long it took.
        elapsed: Duration,
    },
}
