//! Running the steps of a build scenario in a sandbox: a private copy of an output tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kernels::Availability;
use kernels::kbuild::sandbox::{self, File, Place, Setup};
use kernels::kbuild::{Config, Encoder, KernelConfigs, Request};
use kernels::source::Source;
use kernels::tools::{Tool, ToolPins};
use util::atomic::{AtomicFile, Durability};

use super::error::Error;
use super::files::TreeState;
use super::transcript::{
    BuildHeader, BuildProvenance, CommandOutcome, EncodingOrder, EncodingResult, EncodingRun, ModuleFinding,
    RecordedCommand, StepRecord, SymbolFinding, Transcript, VERSION,
};
use super::{encoding, module, symbols};
use crate::definition::{BuildDefinition, BuildStep, Pahole, RepeatedEncoding, StartTree, place};
use crate::kernel_source::{KernelSource, Sandbox};
use crate::transcript::EncoderId;

/// Packages whose versions affect kbuild's output.
const TOOLCHAIN: [&str; 5] = ["binutils", "gcc", "libbpf1", "make", "pahole"];

/// The inputs of a run.
#[derive(Clone, Copy)]
pub struct BuildRun<'a> {
    /// The scenario's name, with its series.
    pub scenario: &'a str,
    /// The source. Its series selects the steps.
    pub source: &'a Source,
    /// The configurations, patches and our own modules.
    pub configs: &'a KernelConfigs,
    /// The tools that the definition uses, from [`find_tools`].
    pub tools: &'a [Tool],
    /// The encoder that replaces the build image's pahole, if any.
    pub encoder: Option<&'a Encoder>,
    /// Receives progress.
    pub show: &'a dyn Fn(BuildEvent<'_>),
}

/// Progress of a run.
#[derive(Debug, Clone, Copy)]
pub enum BuildEvent<'a> {
    /// A step with this title begins.
    Step(&'a str),
    /// Its command wrote this line.
    Line(&'a str),
}

/// Acquires the tools that a definition uses.
///
/// # Errors
///
/// [`Error::NoTool`] for a tool without a pin, and the errors of [`KernelSource::tool`].
pub fn find_tools(kernels: &dyn KernelSource, definition: &BuildDefinition) -> Result<Availability<Vec<Tool>>, Error> {
    let pins = ToolPins::builtin()?;
    let mut found = Vec::new();
    for name in &definition.tools {
        let pin = pins.tools.iter().find(|pin| pin.name == *name);
        match kernels.tool(pin.ok_or_else(|| Error::NoTool { tool: name.clone() })?)? {
            Availability::Available(tool) => found.push(tool),
            Availability::Unavailable(why) => return Ok(Availability::Unavailable(why)),
        }
    }
    Ok(Availability::Available(found))
}

/// Runs the steps of a definition that apply to the source's series, on a private copy of an output tree. If the
/// cache lacks the tree, it is built first.
///
/// A failing command is not an error, because the scenario may be about that: its status is recorded.
///
/// # Errors
///
/// The tree could not be made, a command could not run, or a file could not be read.
pub fn run(kernels: &dyn KernelSource, definition: &BuildDefinition, job: &BuildRun<'_>) -> Result<Transcript, Error> {
    let fragments: Vec<&str> = definition.config.split('+').collect();
    let config = Config::new(&fragments);
    let request = Request { source: job.source, configs: job.configs, config: &config, upgrade: None };
    let setup = Setup {
        start: match definition.start {
            StartTree::Built => sandbox::Start::Built,
            StartTree::Configured => sandbox::Start::Configured,
        },
        patch: definition.patch.as_deref(),
        writable: definition.writable.clone(),
        files: paholes(definition, job.tools)?,
        tools: definition.tools.iter().map(|name| tool(job.tools, name)).collect::<Result<_, _>>()?,
        ..Setup::new(request)
    };
    let sandbox = kernels.sandbox(&setup)?;
    let runner = StepRunner { kernels, request, tools: job.tools, sandbox: &*sandbox, show: job.show };
    let steps = definition.steps_on(&job.source.identity.series).enumerate();
    let steps: Vec<_> = steps.map(|(at, step)| runner.step(at, step)).collect::<Result<_, _>>()?;
    let header = BuildHeader {
        build_transcript: VERSION,
        scenario: job.scenario.to_owned(),
        provenance: provenance(kernels, job)?,
        steps: steps.len(),
    };
    Ok(Transcript::new(header, steps)?)
}

fn provenance(kernels: &dyn KernelSource, job: &BuildRun<'_>) -> Result<BuildProvenance, Error> {
    let (image, source) = (kernels.build_image()?, &job.source.identity);
    let version = |name: &str| Some((name.to_owned(), image.manifest.packages.get(name)?.clone()));
    Ok(BuildProvenance {
        series: source.series.clone(),
        version: source.version.clone(),
        sha256: source.sha256.to_string(),
        image: image.name.clone(),
        toolchain: TOOLCHAIN.iter().filter_map(|name| version(name)).collect(),
        encoder: job.encoder.map(|encoder| EncoderId {
            name: encoder.name.clone(),
            debug: None,
            sha256: encoder.sha256.to_string(),
        }),
    })
}

fn tool<'a>(tools: &'a [Tool], name: &str) -> Result<&'a Tool, Error> {
    tools.iter().find(|tool| tool.name == name).ok_or_else(|| Error::NoTool { tool: name.to_owned() })
}

/// The scripts that stand for `PAHOLE`, each once.
fn paholes(definition: &BuildDefinition, tools: &[Tool]) -> Result<Vec<File>, Error> {
    let mut files = BTreeMap::new();
    for pahole in definition.steps.iter().filter_map(|step| step.pahole.as_ref()) {
        let (version, program) = match pahole {
            Pahole::Reports(version) => (format!("echo {version}"), "pahole".to_owned()),
            Pahole::Tool(name) => {
                let program = tool(tools, name)?.program.clone();
                (format!("exec {program} --version"), program)
            }
        };
        let tells = format!("echo \"asked of pahole: $*\" >&2\n    exec {program} \"$@\"");
        let text = format!("#!/bin/sh\ncase $1 in\n--version) {version} ;;\n*)\n    {tells}\n    ;;\nesac\n");
        files.insert(pahole.file_name(), text);
    }
    Ok(files.into_iter().map(|(name, text)| File { name, text, mode: 0o755 }).collect())
}

/// A sandbox and the inputs of the run.
struct StepRunner<'a> {
    kernels: &'a dyn KernelSource,
    request: Request<'a>,
    tools: &'a [Tool],
    sandbox: &'a dyn Sandbox,
    show: &'a dyn Fn(BuildEvent<'_>),
}

impl StepRunner<'_> {
    fn step(&self, at: usize, step: &BuildStep) -> Result<StepRecord, Error> {
        (self.show)(BuildEvent::Step(&step.title));
        step.restore.iter().try_for_each(|path| self.restore(path))?;
        self.bring(&step.bring)?;
        for (place, path) in step.touch.iter().filter_map(|path| place(path)) {
            self.sandbox.touch(place, path)?;
        }
        let watched = |patterns: &[String]| TreeState::of(&self.sandbox.dir(Place::Tree), patterns);
        let before = if step.changed.is_empty() { None } else { Some(watched(&step.changed)?) };
        let ran = if step.run.is_empty() { None } else { Some(self.run(command(step))?) };
        let changes = before.map(|before| watched(&step.changed).map(|after| before.changes(&after))).transpose()?;
        Ok(StepRecord {
            step: at,
            title: step.title.clone(),
            restored: step.restore.clone(),
            brought: step.bring.clone(),
            touched: step.touch.clone(),
            ran,
            changes,
            modules: step.modules.iter().map(|path| self.module(path)).collect(),
            symbols: self.symbols(&step.symbols)?,
            encodings: step.encode.as_ref().map_or(Ok(Vec::new()), |encode| self.encode(encode))?,
        })
    }

    fn run(&self, command: RecordedCommand) -> Result<CommandOutcome, Error> {
        let mut show = |line: &str| (self.show)(BuildEvent::Line(line));
        let given = sandbox::Command {
            argv: command.argv.clone(),
            env: command.env.clone().into_iter().collect(),
            reproducible: command.reproducible,
        };
        let ran = self.sandbox.run(&given, &mut show)?;
        Ok(CommandOutcome::new(command, ran.status, ran.lines))
    }

    /// The path on the host for a path in the container.
    fn outside(&self, path: &str) -> PathBuf {
        match place(path) {
            Some((place, path)) => self.sandbox.dir(place).join(path),
            // No definition has such a path.
            None => PathBuf::from(path),
        }
    }

    /// Replaces the sandbox's file by a copy of the one in the cached source. The time stamp is kept.
    fn restore(&self, path: &str) -> Result<(), Error> {
        let original = self.request.source.tree.join(path);
        copy(&original, &self.sandbox.dir(Place::Source).join(path), true)
    }

    fn bring(&self, paths: &[String]) -> Result<(), Error> {
        if paths.is_empty() {
            return Ok(());
        }
        let tree = self.kernels.output_tree(&self.request)?;
        paths.iter().try_for_each(|path| copy(&tree.join(path), &self.sandbox.dir(Place::Tree).join(path), false))
    }

    fn module(&self, path: &str) -> ModuleFinding {
        let found = module::look(&self.outside(path), &self.sandbox.dir(Place::Tree).join("vmlinux"));
        ModuleFinding { path: path.to_owned(), found }
    }

    fn symbols(&self, symbols: &[String]) -> Result<Vec<SymbolFinding>, Error> {
        if symbols.is_empty() {
            return Ok(Vec::new());
        }
        let path = self.sandbox.dir(Place::Tree).join(".config");
        let config = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        Ok(symbols::look(&config, symbols))
    }

    fn encode(&self, encode: &RepeatedEncoding) -> Result<Vec<EncodingRun>, Error> {
        let program = &tool(self.tools, &encode.tool)?.program;
        let mut first: Option<Vec<u8>> = None;
        let mut encodings = Vec::new();
        for (order, name) in encodings_of(encode) {
            let ran = self.run(encode_command(encode, program, order, &name))?;
            let made = fs::read(self.sandbox.out().join(&name)).map_err(|error| format!("there is none: {error}"));
            let made = made.and_then(|bytes| {
                let encoded = encoding::compare(first.as_ref().unwrap_or(&bytes), &bytes)?;
                first.get_or_insert(bytes);
                Ok(encoded)
            });
            encodings.push(EncodingRun {
                order,
                ran,
                made: made.map_or_else(EncodingResult::Unusable, EncodingResult::Btf),
            });
        }
        Ok(encodings)
    }
}

/// The encodings of a step in order, each with its file's name.
pub(super) fn encodings_of(encode: &RepeatedEncoding) -> impl Iterator<Item = (EncodingOrder, String)> {
    let serial = (1..=encode.serial).map(|at| (EncodingOrder::Serial, format!("serial-{at}")));
    let parallel = (1..=encode.parallel).map(|at| (EncodingOrder::Parallel, format!("parallel-{at}")));
    serial.chain(parallel)
}

/// The command of one encoding, run with the tool's program.
pub(super) fn encode_command(
    encode: &RepeatedEncoding,
    program: &str,
    order: EncodingOrder,
    name: &str,
) -> RecordedCommand {
    let mut argv = vec![program.to_owned(), "-J".into(), format!("--btf_encode_detached=/out/{name}")];
    if order == EncodingOrder::Parallel {
        argv.push("-j".into());
    }
    argv.extend(encode.flags.iter().chain([&encode.file]).cloned());
    RecordedCommand { argv, env: BTreeMap::new(), reproducible: true }
}

/// The command of a step.
pub(super) fn command(step: &BuildStep) -> RecordedCommand {
    let mut argv = step.run.clone();
    argv.extend(step.pahole.iter().map(|pahole| format!("PAHOLE=/recipe/{}", pahole.file_name())));
    RecordedCommand { argv, env: step.env.clone(), reproducible: step.reproducible }
}

/// Replaces a file by a copy of another. The old one may be a hard link to a shared file.
fn copy(from: &Path, to: &Path, keep_time: bool) -> Result<(), Error> {
    let file = AtomicFile::create(to)?;
    fs::copy(from, file.temporary_path()).map_err(Error::io("copy", from))?;
    if keep_time {
        let modified = fs::metadata(from).and_then(|metadata| metadata.modified());
        let set = modified.and_then(|modified| file.file().set_modified(modified));
        set.map_err(Error::io("set the time of a copy of", from))?;
    }
    Ok(file.commit(Durability::Renamed)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process;

    fn definition(text: &str) -> BuildDefinition {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_pahole_reports_its_version_and_tells_what_it_is_asked() {
        let definition = definition(
            r#"
            config = "strict"
            start = "built"
            [[step]]
            title = "a"
            why = "b"
            run = ["make", "olddefconfig"]
            pahole = { reports = "v1.18" }
            "#,
        );
        assert_eq!(command(&definition.steps[0]).argv, ["make", "olddefconfig", "PAHOLE=/recipe/pahole-v1.18"]);
        let files = paholes(&definition, &[]).unwrap();
        let [File { name, text, mode: 0o755 }] = files.as_slice() else { panic!("{files:?}") };
        assert_eq!(name, "pahole-v1.18");

        // The script runs the image's pahole, which is replaced here by one that prints its arguments.
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        write("pahole", "#!/bin/sh\necho ran \"$#\"\nexit 7\n");
        let script = write("script", text);
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        let run = |arguments: &[&str]| {
            let output = process::Command::new("sh").arg(&script).args(arguments).env("PATH", &path).output().unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (output.status.code(), text(&output.stdout), text(&output.stderr))
        };
        assert_eq!(run(&["--version"]), (Some(0), "v1.18\n".into(), String::new()));
        assert_eq!(run(&["-J", "a b"]), (Some(7), "ran 2\n".into(), "asked of pahole: -J a b\n".into()));
    }

    #[test]
    fn a_tool_that_was_not_given_is_named() {
        let error = tool(&[], "pahole-1.24").unwrap_err().to_string();
        assert!(error.contains("pahole-1.24"), "{error}");
    }

    #[test]
    fn a_copy_takes_a_file_s_place_and_leaves_its_links_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("original"), "new").unwrap();
        fs::write(path("cached"), "old").unwrap();
        fs::hard_link(path("cached"), path("linked")).unwrap();
        copy(&path("original"), &path("linked"), true).unwrap();
        let text = |name: &str| fs::read_to_string(path(name)).unwrap();
        assert_eq!((text("linked"), text("cached")), ("new".into(), "old".into()));
        let time = |name: &str| fs::metadata(path(name)).unwrap().modified().unwrap();
        assert_eq!(time("linked"), time("original"));
    }
}
