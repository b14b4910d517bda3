//! `--timings`: the total time of the spans of each name, by their parents.
//!
//! A span's time is the time that threads spent in it. The times of several threads are added, so the share of a
//! parallel phase can exceed 100 %. Spans with the same name and the same parents share a row.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, span};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::table::Table;

/// Adds up the times of spans. Clones share their sums.
#[derive(Debug, Clone)]
pub struct Timings {
    sums: Arc<Mutex<Sums>>,
    begun: Instant,
}

impl Default for Timings {
    fn default() -> Self {
        Self { sums: Arc::default(), begun: Instant::now() }
    }
}

#[derive(Debug, Default)]
struct Sums {
    rows: BTreeMap<Vec<usize>, Row>,
    /// The names in the order in which they first occurred, which is the order of the table.
    order: Vec<&'static str>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Row {
    times: u64,
    busy: Duration,
}

/// The time that threads spent in a span.
#[derive(Default)]
struct Busy {
    total: Duration,
    /// The times at which the threads that are now in the span entered it. For the sum it does not matter which of
    /// them leaves.
    since: Vec<Instant>,
}

impl Timings {
    /// The table: a row for each name, below its parent and indented.
    #[must_use]
    pub fn table(&self, width: usize) -> Vec<String> {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let wall = self.begun.elapsed();
        let mut table = Table::new(["where the time went", "times", "seconds", "share"]);
        for (path, row) in &sums.rows {
            let name = path.last().and_then(|&at| sums.order.get(at)).copied().unwrap_or_default();
            // A non-breaking blank, because the table would cut off an ordinary one.
            let indent = "\u{a0}".repeat(2 * path.len().saturating_sub(1));
            table.row([format!("{indent}{name}"), row.times.to_string(), seconds(row.busy), share(row.busy, wall)]);
        }
        table.row(["all".to_owned(), String::new(), seconds(wall), share(wall, wall)]);
        table.lines(width).into_iter().map(|line| line.replace('\u{a0}', " ")).collect()
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

fn share(part: Duration, whole: Duration) -> String {
    format!("{:.1}\u{a0}%", 100.0 * part.as_secs_f64() / whole.as_secs_f64().max(1e-9))
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Timings {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn on_new_span(&self, _: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        span.extensions_mut().insert(Busy::default());
        // A row's position is determined by the start of its first span, not by its end.
        let path = span.scope().from_root().map(|span| span.name());
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let path = path.map(|name| sums.number(name)).collect();
        sums.rows.entry(path).or_default();
    }

    fn on_enter(&self, id: &span::Id, ctx: Context<'_, S>) {
        if let Some(busy) =
            ctx.span(id).as_ref().map(|span| span.extensions_mut()).as_mut().and_then(|it| it.get_mut::<Busy>())
        {
            busy.since.push(Instant::now());
        }
    }

    fn on_exit(&self, id: &span::Id, ctx: Context<'_, S>) {
        if let Some(busy) =
            ctx.span(id).as_ref().map(|span| span.extensions_mut()).as_mut().and_then(|it| it.get_mut::<Busy>())
        {
            busy.total += busy.since.pop().map(|since| since.elapsed()).unwrap_or_default();
        }
    }

    fn on_close(&self, id: span::Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(&id) else { return };
        let total = span.extensions().get::<Busy>().map(|busy| busy.total).unwrap_or_default();
        let path = span.scope().from_root().map(|span| span.name());
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let path = path.map(|name| sums.number(name)).collect();
        let row = sums.rows.entry(path).or_default();
        row.times += 1;
        row.busy += total;
    }
}

impl Sums {
    /// The index of a name among the names.
    fn number(&mut self, name: &'static str) -> usize {
        self.order.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.order.push(name);
            self.order.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use tracing::{info_span, subscriber};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn timings_are_a_row_for_each_name_below_its_parent() {
        let timings = Timings::default();
        subscriber::with_default(tracing_subscriber::registry().with(timings.clone()), || {
            let _all = info_span!("encode").entered();
            for _ in 0..2 {
                let _file = info_span!("file").entered();
                info_span!("read").in_scope(|| std::thread::sleep(Duration::from_millis(2)));
                info_span!("write").in_scope(|| ());
            }
        });
        let table = timings.table(80);
        let cells: Vec<Vec<&str>> = table.iter().map(|line| line.split_whitespace().take(2).collect()).collect();
        assert_eq!(cells[1..5], [["encode", "1"], ["file", "2"], ["read", "2"], ["write", "2"]], "{table:#?}");
        assert!(table[3].starts_with("    read"), "{table:#?}");
        let sums = timings.sums.lock().unwrap();
        let of = |path: &[usize]| sums.rows[path].busy;
        assert!(of(&[0, 1, 2]) >= Duration::from_millis(4) && of(&[0]) >= of(&[0, 1]) && of(&[0, 1]) >= of(&[0, 1, 2]));
    }
}
