//! Running a program to its end: passing on its lines, stopping it, and keeping the end of its output for the error.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::Error;

/// The interval between calls of [`Watch::on_tick`].
const TICK: Duration = Duration::from_millis(50);

/// The interval at which a silent program is checked.
const LOOK: Duration = Duration::from_millis(5);

/// How long to wait for the end of the output after a program has ended. A child that it left behind may hold the
/// pipe open.
const PIPE_GRACE: Duration = Duration::from_secs(1);

/// The time for a program that cleans up when it is stopped, see [`Watch::grace`].
pub const GRACE: Duration = Duration::from_secs(5);

/// Longer lines are cut into several.
const LONGEST_LINE: u64 = 1 << 16;

/// The number of lines that may wait for processing. A program that prints faster is blocked.
const BACKLOG: usize = 1000;

/// The number of bytes at the end of a program's output that an error shows.
const TAIL: usize = 4000;

/// The stream of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// The purpose of a run, and the callbacks that watch it.
pub struct Watch<'a> {
    /// The purpose; completes "cannot …".
    pub doing: String,
    /// Set it to end the run, for instance on Ctrl-C.
    pub cancel: &'a AtomicBool,
    /// Called for each line.
    pub on_line: &'a mut dyn FnMut(Stream, &str),
    /// Called about twenty times a second with the time since the start. If it returns `false`, the program is ended.
    pub on_tick: &'a mut dyn FnMut(Duration) -> bool,
    /// How long the program may take to clean up when it is stopped.
    pub grace: Duration,
}

/// Runs a program in its own process group, so that a Ctrl-C on the terminal reaches only this process, which then
/// ends the program properly. The program's standard input is empty unless `command` sets one.
///
/// # Errors
///
/// [`Error::Start`], [`Error::Failed`] for any exit code except 0, [`Error::DiskFull`] if its output says so,
/// [`Error::Cancelled`], [`Error::TimedOut`].
pub fn run(mut command: Command, watch: Watch<'_>) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| Error::Start { program: program.clone(), source })?;
    let (sender, lines) = mpsc::sync_channel(BACKLOG);
    let readers = [
        child.stdout.take().map(|pipe| forward(pipe, Stream::Out, sender.clone())),
        child.stderr.take().map(|pipe| forward(pipe, Stream::Err, sender)),
    ];
    let mut tail = String::new();
    let ended = attend(&mut child, &lines, watch.cancel, watch.on_tick, &mut |stream, line| {
        keep_tail(&mut tail, line);
        (watch.on_line)(stream, line);
    });
    let doing = watch.doing;
    let status = match ended {
        Ok(status) => status,
        Err(stopped) => {
            end(&mut child, watch.grace);
            return Err(match stopped {
                Stopped::Cancelled => Error::Cancelled { doing },
                Stopped::TimedOut(after) => Error::TimedOut { doing, seconds: after.as_secs() },
                Stopped::Io(source) => Error::Start { program, source },
            });
        }
    };
    drop(readers);
    match status.success() {
        true => Ok(()),
        false => Err(Error::Failed { doing, program, status: status.to_string(), output: tail }),
    }
}

/// Runs a program that prints little, and returns its standard output.
///
/// # Errors
///
/// Same as [`run`]; [`Error::TimedOut`] after `limit`.
pub fn capture(command: Command, doing: &str, limit: Duration, cancel: &AtomicBool) -> Result<String, Error> {
    let mut text = String::new();
    let mut on_line = |stream, line: &str| {
        if stream == Stream::Out {
            text.push_str(line);
            text.push('\n');
        }
    };
    let watch = Watch {
        doing: doing.to_owned(),
        cancel,
        on_line: &mut on_line,
        on_tick: &mut |elapsed| elapsed < limit,
        grace: GRACE,
    };
    run(command, watch)?;
    Ok(text)
}

enum Stopped {
    Cancelled,
    TimedOut(Duration),
    Io(io::Error),
}

fn attend(
    child: &mut Child,
    lines: &mpsc::Receiver<(Stream, String)>,
    cancel: &AtomicBool,
    on_tick: &mut dyn FnMut(Duration) -> bool,
    on_line: &mut dyn FnMut(Stream, &str),
) -> Result<ExitStatus, Stopped> {
    let start = Instant::now();
    let mut last_tick = start;
    let mut exited: Option<(ExitStatus, Instant)> = None;
    loop {
        let closed = match lines.recv_timeout(if exited.is_some() { TICK } else { LOOK }) {
            Ok((stream, line)) => {
                on_line(stream, &line);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(LOOK);
                true
            }
        };
        continue_unless_stopped(cancel)?;
        if last_tick.elapsed() >= TICK {
            last_tick = Instant::now();
            if !on_tick(start.elapsed()) {
                return Err(Stopped::TimedOut(start.elapsed()));
            }
        }
        if exited.is_none() {
            exited = child.try_wait().map_err(Stopped::Io)?.map(|status| (status, Instant::now()));
        }
        match exited {
            Some((status, since)) if closed || since.elapsed() >= PIPE_GRACE => return Ok(status),
            _ => {}
        }
    }
}

fn continue_unless_stopped(cancel: &AtomicBool) -> Result<(), Stopped> {
    if cancel.load(Ordering::Relaxed) { Err(Stopped::Cancelled) } else { Ok(()) }
}

fn forward(
    pipe: impl Read + Send + 'static,
    stream: Stream,
    to: mpsc::SyncSender<(Stream, String)>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line);
            if to.send((stream, text.trim_end_matches(['\n', '\r']).to_owned())).is_err() {
                break;
            }
            line.clear();
        }
    })
}

fn keep_tail(tail: &mut String, line: &str) {
    tail.push_str(line);
    tail.push('\n');
    if tail.len() > 2 * TAIL {
        let mut cut = tail.len() - TAIL;
        while !tail.is_char_boundary(cut) {
            cut += 1;
        }
        tail.drain(..cut);
    }
}

/// Ends a program and everything in its process group: by SIGTERM first if it has a grace period, then by SIGKILL.
fn end(child: &mut Child, grace: Duration) {
    let group = Pid::from_child(child);
    if !grace.is_zero() {
        let _ = kill_process_group(group, Signal::TERM);
    }
    let deadline = Instant::now() + grace;
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

/// Turns a failure whose output mentions a full disk into [`Error::DiskFull`].
pub fn disk_full_in(error: Error, doing: &'static str, path: &std::path::Path) -> Error {
    match error {
        Error::Failed { output, .. } if says_disk_full(&output) => {
            Error::DiskFull { doing, path: path.to_owned(), needed: None, free: None }
        }
        other => other,
    }
}

/// Whether a tool's output mentions a full disk or an exceeded quota.
pub fn says_disk_full(output: &str) -> bool {
    ["No space left on device", "Disk quota exceeded", "don't have enough free space"]
        .iter()
        .any(|text| output.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    fn run_shell(script: &str, cancel: &AtomicBool, limit: Duration) -> (Result<(), Error>, Vec<(Stream, String)>) {
        let mut seen = Vec::new();
        let mut on_line = |stream, line: &str| seen.push((stream, line.to_owned()));
        let mut on_tick = |elapsed| elapsed < limit;
        let watch = Watch { doing: "test".into(), cancel, on_line: &mut on_line, on_tick: &mut on_tick, grace: GRACE };
        (run(shell(script), watch), seen)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_of_both_streams_arrive_and_an_exit_code_fails() {
        let (result, mut seen) = run_shell("echo a; echo b >&2; printf c; exit 3", &AtomicBool::new(false), LONG);
        let Err(Error::Failed { status, output, .. }) = result else { panic!("{result:?}") };
        assert!(status.contains('3'), "{status}");
        assert!(output.contains('b'), "{output}");
        seen.sort_by(|left, right| left.1.cmp(&right.1));
        assert_eq!(seen, [(Stream::Out, "a".into()), (Stream::Err, "b".into()), (Stream::Out, "c".into())]);
    }

    #[test]
    fn a_run_can_be_stopped_and_takes_its_children_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let cancel = AtomicBool::new(false);
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", pid_file.display());
        let result = std::thread::scope(|scope| {
            let run = scope.spawn(|| run_shell(&script, &cancel, LONG).0);
            while !pid_file.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            cancel.store(true, Ordering::Relaxed);
            run.join().unwrap()
        });
        assert!(matches!(result, Err(Error::Cancelled { .. })), "{result:?}");
        let pid: i32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A killed process dies the next time it is scheduled.
        let begun = Instant::now();
        while !(stat().is_empty() || stat().contains(") Z")) {
            assert!(begun.elapsed() < Duration::from_secs(10), "the child still runs: {}", stat());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_run_that_takes_too_long_is_ended() {
        let (result, _) = run_shell("sleep 1000", &AtomicBool::new(false), Duration::from_millis(60));
        assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let mut on_line = |_, _: &str| {};
        let cancel = AtomicBool::new(false);
        let watch =
            Watch { doing: "x".into(), cancel: &cancel, on_line: &mut on_line, on_tick: &mut |_| true, grace: GRACE };
        let error = run(Command::new("no-such-program-here"), watch).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }

    #[test]
    fn output_is_captured_and_its_tail_is_bounded() {
        let cancel = AtomicBool::new(false);
        let text = capture(shell("echo x; echo y >&2; echo z"), "test", LONG, &cancel).unwrap();
        assert_eq!(text, "x\nz\n");
        let mut tail = String::new();
        (0..5000).for_each(|at| keep_tail(&mut tail, &format!("line {at} é")));
        assert!(tail.len() <= 2 * TAIL + 20 && tail.ends_with("line 4999 é\n"));
    }

    #[test]
    fn a_tool_that_says_the_disk_is_full_gives_that_error() {
        let failed = |output: &str| Error::Failed {
            doing: "unpack x".into(),
            program: "tar".into(),
            status: "exit status: 2".into(),
            output: output.into(),
        };
        let path = std::path::Path::new("/c");
        let full = disk_full_in(failed("tar: boot/x: Cannot write: No space left on device\n"), "unpack into", path);
        assert!(matches!(full, Error::DiskFull { .. }), "{full}");
        assert!(matches!(disk_full_in(failed("tar: broken"), "unpack into", path), Error::Failed { .. }));
    }
}
