//! The transcript of a boot: the guest's report, unchanged.
//!
//! The first line is a [`BootHeader`]: the origin of the kernels and the modules that the guest was given. Every
//! further line is an event exactly as the guest reported it. A parsed transcript has been checked: it is complete,
//! its steps are those of its header in order, the expected kernel answered, and none of its records is missing.

use std::path::Path;

use guest_protocol::{Event, Load, Record, SysfsBtf};

pub use super::header::{BootHeader, BootProvenance, BuildId, GivenModule, KernelId, OWN_SOURCE, VERSION};

use super::check;
use crate::transcript::{self, Error};

/// The complete run of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The header.
    pub header: BootHeader,
    /// What the guest reported, in order.
    pub events: Vec<Event>,
}

/// One step of a transcript.
#[derive(Debug, Clone, Copy)]
pub struct LoadStep<'a> {
    /// The module.
    pub given: &'a GivenModule,
    /// The result.
    pub load: &'a Load,
    /// The kernel's log during the step.
    pub records: &'a [Record],
    /// [`BootHeader::allows_btf_mismatch`].
    pub allows_btf_mismatch: bool,
}

impl Transcript {
    /// Joins a header and the events of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Version`], or [`Error::Sequence`] if the events are not a complete run of the given modules on the
    /// expected kernel, with all of its numbered records.
    pub fn new(header: BootHeader, events: Vec<Event>) -> Result<Self, Error> {
        if header.transcript != VERSION {
            return Err(Error::Version { found: header.transcript, known: VERSION });
        }
        check::check(&header, &events).map_err(|what| Error::Sequence { what })?;
        Ok(Self { header, events })
    }

    /// Parses the text of a transcript.
    ///
    /// # Errors
    ///
    /// A line is not JSON of the schema, the version differs, or the run is incomplete.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (header, events) = transcript::parse(text)?;
        Self::new(header, events)
    }

    /// Reads the transcript of a folder of records, or of a file, compressed or not.
    ///
    /// # Errors
    ///
    /// Same as [`Transcript::parse`], and a file that cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&transcript::read_text(path)?)
    }

    /// The transcript's text: a header and its events, one JSON document a line.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] if a part cannot be written as JSON. No part of today's schema can cause this.
    pub fn to_text(&self) -> Result<String, Error> {
        transcript::to_text(&self.header, &self.events)
    }

    /// Replaces the transcript in a folder of records.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        transcript::write(dir, &self.to_text()?)
    }

    /// Whether the kernels were built from source.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.header.provenance.running.build.is_some()
    }

    /// The steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = LoadStep<'_>> {
        let loads = self.events.iter().filter_map(|event| match event {
            Event::Step { load, records, .. } => Some((load, records.as_slice())),
            _ => None,
        });
        let allows_btf_mismatch = self.header.allows_btf_mismatch;
        let step = move |(given, (load, records))| LoadStep { given, load, records, allows_btf_mismatch };
        self.header.given.iter().zip(loads).map(step)
    }

    /// The kernel's log before the first step, and its own BTF in sysfs.
    #[must_use]
    pub fn boot(&self) -> (Option<&SysfsBtf>, &[Record]) {
        self.events
            .iter()
            .find_map(|event| match event {
                Event::Boot { base, records } => Some((base.as_ref(), records.as_slice())),
                _ => None,
            })
            .unwrap_or((None, &[]))
    }

    /// The kernel's log after the last step.
    #[must_use]
    pub fn tail(&self) -> &[Record] {
        match self.events.last() {
            Some(Event::End { records, .. }) => records,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Transcript {
        let kernel = KernelId {
            release: "6.1".into(),
            package: "p".into(),
            version: "1".into(),
            sha256: "0".repeat(64),
            build: None,
            encoder: None,
        };
        let btf = SysfsBtf { size: 24, sha256: "a".repeat(64) };
        let given = ["exportfs", "overlay"].map(|name| GivenModule {
            module: name.into(),
            path: format!("{name}.ko"),
            btf: Some(btf.clone()),
        });
        let step = |index: usize| Event::Step {
            index,
            load: Load { module: given[index].module.clone(), errno: 0, live: true, btf: None },
            records: vec![Record { seq: 9 + index as u64, us: 1, level: 3, text: r"BPF: \x09".into() }],
        };
        let events = vec![
            Event::Begin { protocol: 1, release: "6.1".into(), version: "#1".into() },
            Event::Boot { base: Some(btf.clone()), records: Vec::new() },
            step(0),
            step(1),
            Event::End { steps: 2, records: Vec::new() },
        ];
        let header = BootHeader {
            transcript: VERSION,
            scenario: "s".into(),
            provenance: BootProvenance {
                running: kernel.clone(),
                modules_of: kernel,
                qemu: "QEMU".into(),
                accelerator: "TCG".into(),
                image: "image".into(),
            },
            base: btf,
            allows_btf_mismatch: true,
            given: given.to_vec(),
        };
        Transcript::new(header, events).unwrap()
    }

    #[test]
    fn a_transcript_survives_its_text_and_its_file() {
        let transcript = sample();
        let text = transcript.to_text().unwrap();
        assert_eq!(Transcript::parse(&text).unwrap(), transcript);
        let dir = tempfile::tempdir().unwrap();
        transcript.write(dir.path()).unwrap();
        assert_eq!(Transcript::read(dir.path()).unwrap(), transcript);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn steps_go_with_what_was_given() {
        let transcript = sample();
        let names: Vec<_> = transcript.steps().map(|step| (&step.given.module, &step.load.module)).collect();
        assert!(names.len() == 2 && names.iter().all(|(given, loaded)| given == loaded));
    }

    #[test]
    fn another_version_and_a_broken_line_are_refused() {
        let text = sample().to_text().unwrap();
        let other = text.replacen(r#""transcript":1"#, r#""transcript":2"#, 1);
        assert!(matches!(Transcript::parse(&other), Err(Error::Version { found: 2, .. })));
        let broken = text.replacen(r#"{"event":"boot""#, r#"{"event":"boo""#, 1);
        assert!(matches!(Transcript::parse(&broken), Err(Error::Line(error)) if error.line == 3));
        let cut = &text[..text.len() - 10];
        assert!(matches!(Transcript::parse(cut), Err(Error::Line(error)) if error.line == 6));
    }

    #[test]
    fn new_refuses_missing_surplus_and_misplaced_events() {
        let Transcript { header, events } = sample();
        let refused = |change: &dyn Fn(&mut Vec<Event>)| {
            let mut events = events.clone();
            change(&mut events);
            matches!(Transcript::new(header.clone(), events), Err(Error::Sequence { .. }))
        };
        assert!(!refused(&|_| {}));
        assert!(refused(&|events| drop(events.pop())));
        assert!(refused(&|events| drop(events.remove(2))));
        assert!(refused(&|events| events.swap(2, 3)));
        assert!(refused(&|events| events.swap(0, 1)));
        assert!(refused(&|events| events.insert(2, events[2].clone())));
        assert!(refused(&|events| events.clear()));
    }
    #[test]
    fn another_kernel_a_lost_record_and_one_of_two_lines_are_refused() {
        let Transcript { header, events } = sample();
        let refused = |change: &dyn Fn(&mut Vec<Event>)| {
            let mut events = events.clone();
            change(&mut events);
            match Transcript::new(header.clone(), events) {
                Err(Error::Sequence { what }) => what,
                other => panic!("it was not refused: {other:?}"),
            }
        };
        let begin = |protocol, release: &str| Event::Begin { protocol, release: release.into(), version: "#1".into() };
        let record = |events: &mut Vec<Event>, change: &dyn Fn(&mut Record)| match &mut events[3] {
            Event::Step { records, .. } => change(&mut records[0]),
            other => panic!("no step: {other:?}"),
        };
        assert_eq!(refused(&|it| it[0] = begin(1, "6.2")), "the kernel that ran reports the release 6.2, not 6.1");
        assert_eq!(refused(&|it| it[0] = begin(2, "6.1")), "the guest did not use protocol 1");
        for seq in [0, 9, 11, u64::MAX] {
            let what = refused(&|it| record(it, &|record| record.seq = seq));
            assert_eq!(what, format!("the kernel's record 9 is followed by {seq}"));
        }
        for text in ["two\nlines", "\x1b[2J", "ä"] {
            let what = refused(&|it| record(it, &|record| record.text = text.into()));
            assert!(what.starts_with("the kernel's record 10 is not escaped"), "{what}");
        }
    }
}
