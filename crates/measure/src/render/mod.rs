//! Rendering measurements for people and programs: pure functions of the data.

mod bench_html;
mod bench_text;
mod chart;
mod overhead_html;
mod overhead_text;
mod page;
mod sizes_html;
mod sizes_text;
mod text;

pub use cli::Style;

use crate::{Bench, KernelSizes, Measurement, Overhead, Sizes};

/// Measurements that can be reported.
pub trait Report {
    /// Whether every intended measurement was made, and there was at least one.
    fn complete(&self) -> bool;

    /// As text for a terminal, beginning with the main result.
    fn text(&self, style: Style) -> String;

    /// All data as JSON.
    ///
    /// # Errors
    ///
    /// A number that JSON cannot express.
    fn json(&self) -> Result<String, serde_json::Error>;

    /// As one self-contained HTML page.
    fn html(&self) -> String;
}

impl Report for Sizes {
    fn complete(&self) -> bool {
        let whole = |kernel: &KernelSizes| kernel.troubles().is_empty() && kernel.totals().measured > 0;
        !self.kernels.is_empty() && self.kernels.iter().all(whole)
    }

    fn text(&self, style: Style) -> String {
        sizes_text::render(self, style)
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    fn html(&self) -> String {
        sizes_html::render(self).into_string()
    }
}

impl Report for Overhead {
    fn complete(&self) -> bool {
        let (pairs, ran) = (self.pairs(), |it: &Measurement| !it.runs.is_empty());
        self.modules > 0 && !pairs.is_empty() && pairs.iter().all(|(before, after)| ran(before) && ran(after))
    }

    fn text(&self, style: Style) -> String {
        overhead_text::render(self, style)
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    fn html(&self) -> String {
        overhead_html::render(self).into_string()
    }
}

impl Report for Bench {
    fn complete(&self) -> bool {
        let ran = self.tasks.iter().all(|task| !task.ours.is_empty() && !task.pahole.is_empty());
        !self.tasks.is_empty() && ran && self.checked.files > 0 && self.checked.wrong.is_empty()
    }

    fn text(&self, style: Style) -> String {
        bench_text::render(self, style)
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    fn html(&self) -> String {
        bench_html::render(self).into_string()
    }
}

#[cfg(test)]
mod tests;
