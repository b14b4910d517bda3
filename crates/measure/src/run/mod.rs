//! Measuring: the only part of this crate that runs programs.

mod bench;
mod encode;
mod flags;
mod overhead;
mod shipped;
mod sizes;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use container::{Context, Progress};
use kernels::kbuild::{BuildEnv, Symbols};
use kernels::stage;

pub use bench::{Plan, bench};
pub use overhead::overhead;
pub use sizes::{Subject, sizes};

use crate::{Error, Setting};

/// The circumstances of a measurement that starts now.
#[must_use]
pub fn setting(build_env: &BuildEnv<'_>) -> Setting {
    let packages = &build_env.image.manifest.packages;
    let pahole = packages.get("pahole").or_else(|| packages.get("dwarves"));
    Setting {
        date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        pahole: pahole.cloned().unwrap_or_else(|| "unknown".into()),
        image: build_env.image.name.clone(),
        engine: build_env.engine.to_string(),
        processor: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| processor(&text)).unwrap_or_default(),
        cores: cores(),
        load: fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next()?.parse().ok()),
    }
}

fn processor(cpuinfo: &str) -> Option<String> {
    let (name, value) =
        cpuinfo.lines().find_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == "model name"))?;
    let words: Vec<&str> = value.split_whitespace().collect();
    (!name.is_empty() && !words.is_empty()).then(|| words.join(" "))
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs one stage and reports its start and its end.
fn stage<T>(context: &Context<'_>, what: String, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let (stage, start) = (stage::MEASURE, Instant::now());
    (context.progress)(Progress::Started { stage, what });
    let value = work()?;
    (context.progress)(Progress::Finished { stage, elapsed: start.elapsed() });
    Ok(value)
}

/// The compiler and pahole in a kernel's configuration.
struct Tools {
    compiler: String,
    pahole: String,
}

fn tools(config: &Path) -> Result<Tools, Error> {
    let symbols = Symbols::load(config)?;
    let compiler = symbols.get("CONFIG_CC_VERSION_TEXT").trim_matches('"').to_owned();
    Ok(Tools { compiler, pahole: pahole_version(symbols.get("CONFIG_PAHOLE_VERSION")) })
}

/// The version of pahole. A configuration writes `124` for 1.24, and 0 for none.
fn pahole_version(number: &str) -> String {
    match number.parse::<u32>() {
        Ok(number) if number > 0 => format!("{}.{:02}", number / 100, number % 100),
        _ => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_says_the_tools() {
        assert_eq!(["124", "130", "0", "n"].map(pahole_version), ["1.24", "1.30", "unknown", "unknown"]);
    }

    #[test]
    fn the_processor_is_named_once_and_without_padding() {
        let text = "processor\t: 0\nmodel name\t: A  Processor   v2 \nmodel name : B\n";
        assert_eq!(processor(text).as_deref(), Some("A Processor v2"));
        assert_eq!(processor("processor : 0\n"), None);
    }
}
