//! Reading the guest's events while it writes them.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;

use guest_protocol::{Event, PROTOCOL};
use thiserror::Error;

/// The maximum length of a line in bytes. The longest legitimate one contains every record of a boot.
const LINE_MAX: usize = 16 << 20;

/// The maximum length of all lines in bytes.
const TOTAL_MAX: u64 = 256 << 20;

const CHUNK: usize = 64 * 1024;

/// The number of bytes of a line that an error shows.
const EXCERPT: usize = 120;

/// The reason why the results are not credible.
#[derive(Debug, Error)]
pub(crate) enum ResultsError {
    /// The file could not be read.
    #[error("cannot read the results {path}")]
    Read {
        /// The results' file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A line is not an event.
    #[error("cannot parse line {line} of the results, {excerpt:?}: {why}")]
    Garbled {
        /// The line's number, from 1.
        line: usize,
        /// The beginning of the line.
        excerpt: String,
        /// The problem.
        why: String,
    },
    /// A line, or all lines together, exceed the limit.
    #[error("cannot read the results: line {line} makes them longer than {limit} bytes")]
    TooLong {
        /// The line's number, from 1.
        line: usize,
        /// The limit that was exceeded, in bytes.
        limit: u64,
    },
}

/// A reader of the events in a file that may still grow.
#[derive(Debug)]
pub(crate) struct EventReader {
    path: PathBuf,
    file: Option<File>,
    /// An incomplete line.
    partial: Vec<u8>,
    total: u64,
    line: usize,
    order: EventOrder,
    events: Vec<Event>,
}

impl EventReader {
    /// Reads `path`, which need not exist yet, as the results of a plan with `steps` steps.
    pub(crate) fn new(path: impl Into<PathBuf>, steps: usize) -> Self {
        Self {
            path: path.into(),
            file: None,
            partial: Vec::new(),
            total: 0,
            line: 0,
            order: EventOrder { steps, next: Expected::Begin },
            events: Vec::new(),
        }
    }

    /// Reads the new data and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// [`ResultsError`]. Earlier events are kept.
    pub(crate) fn poll(&mut self) -> Result<usize, ResultsError> {
        if self.file.is_none() {
            self.file = match File::open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
                Err(source) => return Err(ResultsError::Read { path: self.path.clone(), source }),
            };
        }
        let mut read = 0;
        let mut chunk = vec![0; CHUNK];
        while let Some(file) = &mut self.file {
            let length = match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(ResultsError::Read { path: self.path.clone(), source }),
            };
            read += length;
            self.take(chunk.get(..length).unwrap_or_default())?;
        }
        Ok(read)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ResultsError> {
        self.total += bytes.len() as u64;
        if self.total > TOTAL_MAX {
            return Err(ResultsError::TooLong { line: self.line + 1, limit: TOTAL_MAX });
        }
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.partial.len() + piece.len() > LINE_MAX {
                return Err(ResultsError::TooLong { line: self.line + 1, limit: LINE_MAX as u64 });
            }
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.partial);
                self.line += 1;
                let event = self.understand(&line)?;
                self.events.push(event);
            }
        }
        Ok(())
    }

    fn understand(&mut self, line: &[u8]) -> Result<Event, ResultsError> {
        let garbled = |why: String| ResultsError::Garbled { line: self.line, excerpt: excerpt(line), why };
        let event = serde_json::from_slice(line).map_err(|error| garbled(error.to_string()))?;
        self.order.next = self.order.after(&event).map_err(garbled)?;
        Ok(event)
    }

    /// The events so far. Their order has been checked.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The beginning of an incomplete line. After the end of a run, the line was cut off.
    pub(crate) fn cut_short(&self) -> Option<String> {
        (!self.partial.is_empty()).then(|| excerpt(&self.partial))
    }

    /// Returns the events.
    pub(crate) fn into_events(self) -> Vec<Event> {
        self.events
    }
}

fn excerpt(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8_lossy(line.get(..EXCERPT).unwrap_or(line)).into_owned()
}

/// The events that may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Begin,
    Boot,
    Step(usize),
    End,
    Nothing,
}

#[derive(Debug)]
struct EventOrder {
    steps: usize,
    next: Expected,
}

impl EventOrder {
    /// The events that may follow `event`, or the reason why it is not allowed here.
    fn after(&self, event: &Event) -> Result<Expected, String> {
        let from = |step| if step < self.steps { Expected::Step(step) } else { Expected::End };
        match (event, self.next) {
            (Event::Begin { protocol: PROTOCOL, .. }, Expected::Begin) => Ok(Expected::Boot),
            (Event::Begin { protocol, .. }, Expected::Begin) => {
                Err(format!("the guest speaks protocol {protocol}, this program {PROTOCOL}"))
            }
            (Event::Boot { .. }, Expected::Boot) => Ok(from(0)),
            (Event::Step { index, .. }, Expected::Step(step)) if *index == step => Ok(from(step + 1)),
            (Event::End { steps, .. }, Expected::End) if *steps == self.steps => Ok(Expected::Nothing),
            (Event::Failed { .. }, next) if next != Expected::Nothing => Ok(Expected::Nothing),
            (_, next) => Err(format!("it comes out of order, expected was {next:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use guest_protocol::Load;

    use super::*;

    fn line(event: &Event) -> String {
        format!("{}\n", serde_json::to_string(event).unwrap())
    }

    fn begin() -> Event {
        Event::Begin { protocol: PROTOCOL, release: "6.1".into(), version: "#1".into() }
    }

    fn boot() -> Event {
        Event::Boot { base: None, records: vec![] }
    }

    fn step(index: usize) -> Event {
        let load = Load { module: "m".into(), errno: 0, live: true, btf: None };
        Event::Step { index, load, records: vec![] }
    }

    fn end(steps: usize) -> Event {
        Event::End { steps, records: vec![] }
    }

    fn read(steps: usize, bytes: &[u8]) -> (Vec<Event>, Result<usize, ResultsError>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results");
        std::fs::write(&path, bytes).unwrap();
        let mut reader = EventReader::new(path, steps);
        let result = reader.poll();
        (reader.into_events(), result)
    }

    #[test]
    fn events_are_read_as_they_arrive_even_byte_by_byte() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results");
        let mut reader = EventReader::new(&path, 1);
        assert_eq!(reader.poll().unwrap(), 0, "no file is no error");
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let expected = [begin(), boot(), step(0), end(1)];
        for event in &expected {
            for byte in line(event).bytes() {
                file.write_all(&[byte]).unwrap();
                assert_eq!(reader.poll().unwrap(), 1);
            }
        }
        assert_eq!(reader.cut_short(), None);
        assert_eq!(reader.into_events(), expected);
    }

    #[test]
    fn a_line_that_was_cut_is_not_an_event_and_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results");
        std::fs::write(&path, format!("{}{}", line(&begin()), r#"{"event":"boo"#)).unwrap();
        let mut reader = EventReader::new(path, 0);
        reader.poll().unwrap();
        assert_eq!(reader.events(), [begin()]);
        assert_eq!(reader.cut_short().as_deref(), Some(r#"{"event":"boo"#));
    }

    #[test]
    fn events_out_of_order_are_garbled() {
        let other = Event::Begin { protocol: PROTOCOL + 1, release: String::new(), version: String::new() };
        let failed = Event::Failed { message: "x".into() };
        let cases: [(usize, &[Event]); 9] = [
            (1, &[boot()]),
            (1, &[other]),
            (1, &[begin(), begin()]),
            (1, &[begin(), boot(), step(1)]),
            (1, &[begin(), boot(), step(0), step(0)]),
            (1, &[begin(), boot(), end(1)]),
            (1, &[begin(), boot(), step(0), end(2)]),
            (0, &[begin(), boot(), end(0), end(0)]),
            (0, &[begin(), boot(), end(0), failed]),
        ];
        for (steps, events) in cases {
            let bytes: String = events.iter().map(line).collect();
            let (read, result) = read(steps, bytes.as_bytes());
            let error = result.unwrap_err().to_string();
            assert!(error.contains(&format!("line {}", events.len())), "{error}");
            assert_eq!(read, events[..events.len() - 1], "what came before stays");
        }
    }

    #[test]
    fn a_line_that_is_no_event_is_garbled_and_its_excerpt_is_short() {
        let mut bytes = line(&begin()).into_bytes();
        bytes.extend(vec![0xff; 1 << 20]);
        bytes.push(b'\n');
        let error = read(0, &bytes).1.unwrap_err();
        assert!(matches!(&error, ResultsError::Garbled { line: 2, excerpt, .. } if excerpt.len() < 1000), "{error}");
    }

    #[test]
    fn an_endless_line_is_refused() {
        let (_, result) = read(0, &vec![b'x'; LINE_MAX + 1]);
        assert!(matches!(result, Err(ResultsError::TooLong { line: 1, .. })), "{result:?}");
    }

    #[test]
    fn a_failure_may_come_at_any_time() {
        let failed = Event::Failed { message: "x".into() };
        for before in [vec![], vec![begin()], vec![begin(), boot()], vec![begin(), boot(), step(0)]] {
            let events: Vec<_> = before.into_iter().chain([failed.clone()]).collect();
            let bytes: String = events.iter().map(line).collect();
            let (read, result) = read(2, bytes.as_bytes());
            result.unwrap();
            assert_eq!(read, events);
        }
    }
}
