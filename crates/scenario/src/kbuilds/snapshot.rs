//! The text of a build scenario's snapshot: a pure function of its definition and its transcript.

use std::fmt::Write as _;

use textwrap::Options;

use super::run::{command, encode_command, encodings_of};
use super::transcript::{
    BtfBase, ChangeKind, CommandOutcome, EncodedBtf, EncodingDifference, EncodingOrder, EncodingResult, EncodingRun,
    FileChange, FileChanges, FoundModule, ModuleFinding, RecordedCommand, StepRecord, SymbolFinding, SymbolValue,
    Transcript,
};
use crate::definition::{BuildDefinition, BuildStep, Definition, RepeatedEncoding, ScenarioKind, StartTree};
use crate::normalise::build_log;

/// The width of prose for the user, in characters.
const WIDTH: usize = 110;

/// The normalised text of a run, as its snapshot has it.
#[must_use]
pub fn snapshot(scenario: &Definition, transcript: &Transcript) -> String {
    render(scenario, transcript, became)
}

/// The same text without the bytes of a module's file around its `.BTF`. This text can be compared with a run in
/// which another encoder made the BTF.
///
/// Each encoder adds a section in its own way. pahole calls objcopy, which replaces an existing section in another
/// way than it adds one, so writing the same BTF again gives other bytes. Another encoder may write the same ones.
#[must_use]
pub fn of_any_encoder(scenario: &Definition, transcript: &Transcript) -> String {
    render(scenario, transcript, |path, how| match how {
        ChangeKind::Same | ChangeKind::OtherBytes if is_module(path) => "the same .BTF",
        how => became(path, how),
    })
}

/// Describes the change of the file at a path.
type Became = fn(&str, ChangeKind) -> &'static str;

fn is_module(path: &str) -> bool {
    path.ends_with(".ko")
}

fn became(path: &str, how: ChangeKind) -> &'static str {
    match how {
        ChangeKind::New => "new",
        ChangeKind::Gone => "gone",
        ChangeKind::Same => "the same bytes",
        ChangeKind::OtherBytes if is_module(path) => "other bytes, the same .BTF",
        ChangeKind::OtherBytes => "other bytes",
        ChangeKind::OtherBtf => "another .BTF",
    }
}

fn render(scenario: &Definition, transcript: &Transcript, became: Became) -> String {
    let mut text = format!("{}\n\n", scenario.title);
    let ScenarioKind::Build(definition) = &scenario.subject else {
        text.push_str("This scenario boots; the transcript is one of a build.\n");
        return text;
    };
    let series = &transcript.header.provenance.series;
    head(&mut text, definition, series);
    let mut steps = definition.steps_on(series);
    for recorded in &transcript.steps {
        match steps.next() {
            Some(step) if is_of(recorded, step) => describe(&mut text, step, recorded, became),
            Some(step) => {
                let _ = writeln!(
                    text,
                    "\n{}. {}: recorded as another step; record it anew",
                    recorded.step.saturating_add(1),
                    step.title
                );
            }
            None => {
                let _ = writeln!(text, "\n{}. {}: no longer defined", recorded.step.saturating_add(1), recorded.title);
            }
        }
    }
    for step in steps {
        let _ = writeln!(text, "\n{}: not recorded", step.title);
    }
    let _ = writeln!(text, "\n{}.", summary(definition, transcript));
    text
}

/// A sentence with the number of commands that ended as expected.
#[must_use]
pub fn summary(definition: &BuildDefinition, transcript: &Transcript) -> String {
    let (mut commands, mut failed, mut odd) = (0, 0, 0);
    let steps = definition.steps_on(&transcript.header.provenance.series);
    for (step, recorded) in steps.zip(&transcript.steps) {
        for outcome in recorded.ran.iter().chain(recorded.encodings.iter().map(|encoding| &encoding.ran)) {
            commands += 1;
            failed += usize::from(outcome.status != 0);
            odd += usize::from((outcome.status != 0) != step.fails);
        }
    }
    let ended = match odd {
        0 => "all ended as they were to".to_owned(),
        odd => format!("{odd} ended otherwise than they were to"),
    };
    format!("Of {commands} commands {failed} failed; {ended}")
}

/// Unexpected results: exit statuses, modules and encodings that are unusable. Such a run is not recorded.
#[must_use]
pub fn odd(definition: &BuildDefinition, transcript: &Transcript) -> Vec<String> {
    let mut odd = Vec::new();
    let steps = definition.steps_on(&transcript.header.provenance.series);
    for (step, recorded) in steps.zip(&transcript.steps) {
        let place = format!("step {}, {}", recorded.step.saturating_add(1), recorded.title);
        for outcome in recorded.ran.iter().chain(recorded.encodings.iter().map(|encoding| &encoding.ran)) {
            if (outcome.status != 0) != step.fails {
                odd.push(format!("{place}: {}", status(outcome.status, step.fails)));
            }
        }
        for ModuleFinding { path, found } in &recorded.modules {
            if let FoundModule::Unusable(why) = found {
                odd.push(format!("{place}: {path} cannot be used: {why}"));
            }
        }
        for encoding in recorded.encodings.iter().filter(|_| !step.fails) {
            if let EncodingResult::Unusable(why) = &encoding.made {
                odd.push(format!("{place}: an encoding cannot be used: {why}"));
            }
        }
    }
    odd
}

/// Results that depend on chance and so are not in the snapshot: for each step that encodes in parallel, the number
/// of encodings whose bytes differ.
#[must_use]
pub fn chance(transcript: &Transcript) -> Vec<String> {
    transcript.steps.iter().filter_map(|step| other_bytes(&step.encodings)).collect()
}

fn other_bytes(encodings: &[EncodingRun]) -> Option<String> {
    let (serial, parallel) = (made(encodings, EncodingOrder::Serial), made(encodings, EncodingOrder::Parallel));
    let first = serial.first()?;
    let other = parallel.iter().filter(|it| !same_bytes(first, it)).count();
    (!parallel.is_empty())
        .then(|| format!("Of {} parallel encodings {other} have other bytes than the serial one.", parallel.len()))
}

/// The successful encodings of an order.
fn made(encodings: &[EncodingRun], order: EncodingOrder) -> Vec<&EncodedBtf> {
    let of_order = encodings.iter().filter(|encoding| encoding.order == order);
    of_order.filter_map(|it| if let EncodingResult::Btf(btf) = &it.made { Some(btf) } else { None }).collect()
}

fn same_bytes(one: &EncodedBtf, other: &EncodedBtf) -> bool {
    one.sha256 == other.sha256 && one.size == other.size
}

/// Whether these encodings were made by these commands. The tool's pin determines its program.
fn are_of(recorded: &[EncodingRun], encode: &RepeatedEncoding) -> bool {
    let expected: Vec<_> = encodings_of(encode).collect();
    recorded.len() == expected.len()
        && recorded.iter().zip(&expected).all(|(encoding, (order, name))| {
            let command = &encoding.ran.command;
            let program = command.argv.first().map(String::as_str).unwrap_or_default();
            encoding.order == *order && *command == encode_command(encode, program, *order, name)
        })
}

/// Whether a recorded step belongs to this definition.
fn is_of(recorded: &StepRecord, step: &BuildStep) -> bool {
    let commands = match (&recorded.ran, &step.encode) {
        (Some(outcome), None) => outcome.command == command(step),
        (None, Some(encode)) => are_of(&recorded.encodings, encode),
        _ => false,
    };
    commands
        && recorded.title == step.title
        && recorded.restored == step.restore
        && recorded.brought == step.bring
        && recorded.touched == step.touch
        && recorded.changes.is_some() != step.changed.is_empty()
        && recorded.modules.iter().map(|module| &module.path).eq(&step.modules)
        && recorded.symbols.iter().map(|symbol| &symbol.symbol).eq(&step.symbols)
}

fn head(text: &mut String, definition: &BuildDefinition, series: &str) {
    let _ = writeln!(text, "kernel   {series}, configured as {}", definition.config);
    let tree = match definition.start {
        StartTree::Built => "as a complete build left it",
        StartTree::Configured => "configured, and nothing built",
    };
    let _ = writeln!(text, "tree     {tree}");
    if let Some(patch) = &definition.patch {
        let _ = writeln!(text, "source   changed by {patch}");
    }
    text.push_str("make     is given -C /usr/src/linux O=/build ARCH=x86_64 besides\n");
}

fn describe(text: &mut String, step: &BuildStep, recorded: &StepRecord, became: Became) {
    let _ = writeln!(text, "\n{}. {}", recorded.step.saturating_add(1), step.title);
    let _ = writeln!(text, "{}\n", wrapped(&step.why));
    for (what, files) in
        [("as before the patch", &recorded.restored), ("brought", &recorded.brought), ("touched", &recorded.touched)]
    {
        for file in files {
            let _ = writeln!(text, "   {what}: {file}");
        }
    }
    if let Some(outcome) = &recorded.ran {
        run(text, outcome, step.fails);
    }
    if let Some(changes) = &recorded.changes {
        written(text, changes, became);
    }
    for ModuleFinding { path, found } in &recorded.modules {
        let _ = writeln!(text, "   {path}: {}", of_module(found));
    }
    for SymbolFinding { symbol, setting } in &recorded.symbols {
        let _ = match setting {
            SymbolValue::Is(value) => writeln!(text, "   {symbol}={value}"),
            SymbolValue::Off => writeln!(text, "   {symbol} is not set"),
            SymbolValue::Absent => writeln!(text, "   {symbol} is not in the configuration"),
        };
    }
    if !recorded.encodings.is_empty() {
        encodings(text, &recorded.encodings, step.fails);
    }
}

fn wrapped(why: &str) -> String {
    let words = why.split_whitespace().collect::<Vec<_>>().join(" ");
    textwrap::fill(&words, Options::new(WIDTH).initial_indent("   ").subsequent_indent("   "))
}

/// The command line in shell syntax, without arguments that every command has.
fn shown(command: &RecordedCommand) -> String {
    let time = (!command.reproducible).then(|| "env --unset=KBUILD_BUILD_TIMESTAMP".to_owned());
    let variables = command.env.iter().map(|(name, value)| format!("{name}={value}"));
    let words: Vec<_> = time.into_iter().chain(variables).chain(command.argv.iter().cloned()).collect();
    words.join(" ")
}

fn run(text: &mut String, outcome: &CommandOutcome, fails: bool) {
    let _ = writeln!(text, "   $ {}", shown(&outcome.command));
    for line in build_log::log(&outcome.lines) {
        let _ = writeln!(text, "     {line}");
    }
    let _ = writeln!(text, "   {}", status(outcome.status, fails));
}

fn status(status: i32, fails: bool) -> String {
    match (status != 0, fails) {
        (false, false) => "exit status 0".into(),
        (true, true) => format!("exit status {status}, a failure, as is to be shown"),
        (false, true) => "exit status 0, where a failure was to be shown".into(),
        (true, false) => format!("exit status {status}, a failure that was not to be"),
    }
}

fn written(text: &mut String, FileChanges { watched, files }: &FileChanges, became: Became) {
    let _ = writeln!(text, "   {} of {watched} watched files written", files.len());
    let width = files.iter().map(|change| change.path.len()).max().unwrap_or(0);
    for FileChange { path, how } in files {
        let _ = writeln!(text, "     {path:width$}  {}", became(path, *how));
    }
}

fn of_module(found: &FoundModule) -> String {
    let btf = match found {
        FoundModule::Nothing => return "not there".into(),
        FoundModule::NoBtf => return "no .BTF".into(),
        FoundModule::Unusable(why) => return format!("cannot be used: {why}"),
        FoundModule::Btf(btf) => btf,
    };
    let over = match btf.over {
        BtfBase::Vmlinux => "vmlinux",
        BtfBase::Distilled { types: 0 } => "a .BTF.base of its own, which is empty",
        BtfBase::Distilled { .. } => "a .BTF.base of its own",
    };
    let own = if btf.types == 0 { "no types of its own" } else { "types of its own" };
    match btf.dangling {
        0 => format!(".BTF over {over}: {own}, nothing dangling"),
        dangling => format!(".BTF over {over}: {own}, {dangling} references or names dangling"),
    }
}

fn encodings(text: &mut String, encodings: &[EncodingRun], fails: bool) {
    for (order, words) in [(EncodingOrder::Serial, "serial"), (EncodingOrder::Parallel, "parallel")] {
        let of_order = || encodings.iter().filter(|encoding| encoding.order == order);
        let Some(first) = of_order().next() else { continue };
        let _ = writeln!(text, "   {words}, {} times:", of_order().count());
        let _ = writeln!(text, "   $ {}", shown(&first.ran.command));
        for (at, encoding) in of_order().enumerate() {
            write_run(text, at + 1, &encoding.ran, fails);
            if let EncodingResult::Unusable(why) = &encoding.made {
                let _ = writeln!(text, "     {}: {why}", at + 1);
            }
        }
        let made = made(encodings, order);
        if order == EncodingOrder::Serial && made.len() > 1 {
            let same = made.windows(2).all(|two| same_bytes(two[0], two[1]));
            let _ =
                writeln!(text, "     {}", if same { "byte for byte the same" } else { "not the same bytes each time" });
        }
        let holds = made.iter().filter(|btf| same_by_meaning(&btf.against)).count();
        let what = "the named types of data, and the names of functions, of the first serial one";
        let _ = writeln!(text, "     {holds} of {} hold {what}, no more and no fewer", of_order().count());
    }
}

/// Writes the lines that an encoder's run printed, and its status if it failed or was expected to fail.
fn write_run(text: &mut String, number: usize, outcome: &CommandOutcome, fails: bool) {
    if outcome.status != 0 || fails {
        let _ = writeln!(text, "     {number}: {}", status(outcome.status, fails));
    }
    for line in &outcome.lines {
        let _ = writeln!(text, "     {number}: {line}");
    }
}

/// Whether nothing but prototypes differs, see [`super::encoding`].
const fn same_by_meaning(against: &EncodingDifference) -> bool {
    let EncodingDifference { data_lost, data_gained, functions_lost, functions_gained, other_prototypes: _ } = *against;
    data_lost == 0 && data_gained == 0 && functions_lost == 0 && functions_gained == 0
}
