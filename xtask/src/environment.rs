//! The options for the environment, shared by every command that boots something.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use container::apt_config::AptSettings;
use container::engine::EngineChoice;
use container::{Context, Programs, Progress, Stage};
use kernels::cache;
use kernels::pins::Pins;
use scenario::run;

/// The options for the environment.
#[derive(Debug, Clone, clap::Args)]
pub struct Environment {
    /// The container engine that runs QEMU; `host` runs it without a container
    #[arg(long, default_value = "auto", value_name = "auto|podman|docker|host")]
    pub engine: EngineChoice,
    /// Never install host packages
    #[arg(long)]
    pub no_install: bool,
    /// Use only what the cache has
    #[arg(long)]
    pub offline: bool,
    /// The Debian mirror (default: the environment's MODBTF_DEBIAN_MIRROR, otherwise the mirror of this machine's apt)
    #[arg(long, value_name = "URI")]
    pub mirror: Option<String>,
    /// The mirror of Debian's security archive (default: MODBTF_DEBIAN_SECURITY_MIRROR, otherwise the mirror of
    /// this machine's apt)
    #[arg(long, value_name = "URI")]
    pub security_mirror: Option<String>,
    /// Use these pinned kernels in place of those built into this program
    #[arg(long, value_name = "FILE")]
    pub pins: Option<PathBuf>,
}

impl Environment {
    /// The options that describe this machine, as arguments: the engine, whether to install packages, the mirrors.
    pub fn of_machine(&self) -> Vec<String> {
        let mut arguments = vec![format!("--engine={}", self.engine)];
        arguments.extend(self.no_install.then(|| "--no-install".into()));
        arguments.extend(self.mirror.as_ref().map(|uri| format!("--mirror={uri}")));
        arguments.extend(self.security_mirror.as_ref().map(|uri| format!("--security-mirror={uri}")));
        arguments
    }

    /// The pinned kernels.
    ///
    /// # Errors
    ///
    /// The file cannot be read or parsed.
    pub fn pins(&self) -> Result<Pins, run::Error> {
        Ok(match &self.pins {
            Some(path) => Pins::load(path)?,
            None => Pins::builtin()?,
        })
    }

    /// The mirrors, and how to reach them.
    ///
    /// # Errors
    ///
    /// A mirror is invalid.
    pub fn apt(&self) -> Result<AptSettings, run::Error> {
        Ok(AptSettings::of_machine(&Programs::from_env(), self.mirror.as_deref(), self.security_mirror.as_deref())?)
    }

    /// The context for every step of the preparation.
    ///
    /// # Errors
    ///
    /// There is no directory for the cache, or it cannot be created.
    pub fn context<'a>(
        &self,
        apt: &'a AptSettings,
        cancel: &'a AtomicBool,
        progress: &'a (dyn Fn(Progress) + Sync),
    ) -> Result<Context<'a>, run::Error> {
        let context = Context {
            cache: cache::from_env()?,
            apt,
            programs: Programs::from_env(),
            install: !self.no_install,
            offline: self.offline,
            cancel,
            progress,
        };
        apt.dropped().iter().for_each(|text| context.note(Stage::HOST_PACKAGES, text));
        Ok(context)
    }
}
