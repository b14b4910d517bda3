//! Checks that the events of a transcript are a complete run: no event is missing, surplus or misplaced, and all come
//! from the kernel that the header names.

use guest_protocol::{Event, PROTOCOL, Record};

use super::header::{BootHeader, GivenModule};

/// Checks the events of a run against its header.
pub(super) fn check(header: &BootHeader, events: &[Event]) -> Result<(), String> {
    sequence(&header.given, events).and_then(|()| speaker(header, events)).and_then(|()| records(events))
}

/// The events must be: Begin, Boot, a Step for each given module in that order, End.
fn sequence(given: &[GivenModule], events: &[Event]) -> Result<(), String> {
    let [Event::Begin { .. }, Event::Boot { .. }, steps @ .., Event::End { steps: count, .. }] = events else {
        return Err("it does not run from Begin and Boot to End".into());
    };
    if *count != given.len() || steps.len() != given.len() {
        return Err(format!("{} modules were given, {} steps reported, {count} counted", given.len(), steps.len()));
    }
    for (at, (given, step)) in given.iter().zip(steps).enumerate() {
        match step {
            Event::Step { index, load, .. } if *index == at && load.module == given.module => {}
            Event::Step { index, load, .. } => {
                return Err(format!("step {at} should load {}, not be step {index}, {}", given.module, load.module));
            }
            _ => return Err(format!("event {} is not a step", at + 2)),
        }
    }
    Ok(())
}

/// The kernel that answered must be the expected one, and use the expected version of the protocol.
fn speaker(header: &BootHeader, events: &[Event]) -> Result<(), String> {
    let wanted = &header.provenance.running.release;
    match events.first() {
        Some(Event::Begin { protocol: PROTOCOL, release, .. }) if release == wanted => Ok(()),
        Some(Event::Begin { protocol: PROTOCOL, release, .. }) => {
            Err(format!("the kernel that ran reports the release {release}, not {wanted}"))
        }
        _ => Err(format!("the guest did not use protocol {PROTOCOL}")),
    }
}

/// The kernel numbers its records consecutively, so a lost record is noticed. It escapes control characters, so a
/// record is always one line.
///
/// Source: `kernel/printk/printk.c`, `devkmsg_read` and `append_char`.
fn records(events: &[Event]) -> Result<(), String> {
    let mut last: Option<u64> = None;
    for Record { seq, text, .. } in events.iter().flat_map(records_of) {
        if let Some(last) = last.filter(|last| last.checked_add(1) != Some(*seq)) {
            return Err(format!("the kernel's record {last} is followed by {seq}"));
        }
        last = Some(*seq);
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(format!("the kernel's record {seq} is not escaped: {text:?}"));
        }
    }
    Ok(())
}

fn records_of(event: &Event) -> &[Record] {
    match event {
        Event::Boot { records, .. } | Event::Step { records, .. } | Event::End { records, .. } => records,
        Event::Begin { .. } | Event::Failed { .. } => &[],
    }
}
