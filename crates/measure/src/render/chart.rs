//! Charts as inline SVG. The page's style defines colours and fonts, so charts adapt to light, dark and paper.

use maud::{Markup, html};

/// The width of every chart, in SVG units.
const WIDTH: f64 = 760.0;

/// The height of a row of bars.
const ROW: f64 = 16.0;

/// A bar.
pub(super) struct Bar {
    /// Its length.
    pub value: f64,
    /// The label after it.
    pub label: String,
    /// Its colour: `full` or `split`.
    pub class: &'static str,
    /// The range within which it varies.
    pub range: Option<(f64, f64)>,
}

/// A group of bars.
pub(super) struct Group {
    /// The name before them.
    pub name: String,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// Horizontal bars in groups, on a common scale. The array gives the room for the names on the left and for the
/// labels on the right.
pub(super) fn bars(groups: &[Group], [names, labels]: [f64; 2]) -> Markup {
    let longest = groups.iter().flat_map(|group| &group.bars);
    let longest = longest.map(|bar| bar.range.map_or(bar.value, |(_, most)| most.max(bar.value))).fold(0.0, f64::max);
    let scale = if longest > 0.0 { (WIDTH - names - labels) / longest } else { 0.0 };
    let gap = 8.0;
    let rows = groups.iter().map(|group| group.bars.len()).sum::<usize>() as f64;
    let height = rows * ROW + groups.len() as f64 * gap;
    let mut y = 0.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height:.0}")) role="img" {
            @for group in groups {
                @let top = y;
                @let middle = top + group.bars.len() as f64 * ROW / 2.0;
                text x=(names - 8.0) y=(n(middle)) text-anchor="end" dominant-baseline="central" { (group.name) }
                @for (at, bar) in group.bars.iter().enumerate() {
                    (one(bar, names, top + at as f64 * ROW, scale))
                }
                ({ y = top + group.bars.len() as f64 * ROW + gap; html! {} })
            }
        }
    }
}

fn one(bar: &Bar, x: f64, y: f64, scale: f64) -> Markup {
    let end = bar.range.map_or(bar.value, |(_, most)| most.max(bar.value));
    let middle = y + ROW / 2.0;
    html! {
        rect class=(bar.class) x=(n(x)) y=(n(y + 2.0)) width=(n((bar.value * scale).max(1.0))) height=(ROW - 4.0) {}
        @if let Some((least, most)) = bar.range {
            line.whisker x1=(n(x + least * scale)) x2=(n(x + most * scale)) y1=(n(middle)) y2=(n(middle)) {}
        }
        text x=(n(x + end * scale + 6.0)) y=(n(middle)) dominant-baseline="central" { (bar.label) }
    }
}

/// A point with its coordinates and its tooltip.
pub(super) struct Point {
    pub x: u64,
    pub y: u64,
    pub title: String,
}

/// Points on two logarithmic axes of bytes, with lines where x is 1, 10, 100 and 1000 times y.
pub(super) fn scatter(points: &[Point], x_title: &str, y_title: &str) -> Markup {
    let (left, right, top, bottom, height) = (60.0, WIDTH - 20.0, 26.0, 376.0, 420.0);
    let x = Axis::of(points.iter().map(|point| point.x), left, right);
    let y = Axis::of(points.iter().map(|point| point.y), bottom, top);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height:.0}")) role="img" {
            @for (at, label) in x.ticks() {
                line.axis x1=(n(at)) x2=(n(at)) y1=(n(top)) y2=(n(bottom)) {}
                text.quiet x=(n(at)) y=(n(bottom + 16.0)) text-anchor="middle" { (label) }
            }
            @for (at, label) in y.ticks() {
                line.axis x1=(n(left)) x2=(n(right)) y1=(n(at)) y2=(n(at)) {}
                text.quiet x=(n(left - 8.0)) y=(n(at)) text-anchor="end" dominant-baseline="central" { (label) }
            }
            @for power in 0..=3 { (guide(&x, &y, power)) }
            @for point in points {
                circle.split cx=(n(x.at(point.x))) cy=(n(y.at(point.y))) r="3" { title { (point.title) } }
            }
            text x=(n((left + right) / 2.0)) y=(n(height - 6.0)) text-anchor="middle" { (x_title) }
            text x=(n(left)) y=(n(top - 12.0)) { (y_title) }
        }
    }
}

/// The part inside the chart of the line where x is a power of ten times y.
fn guide(x: &Axis, y: &Axis, power: u8) -> Markup {
    let shift = f64::from(power);
    let (from, to) = (x.from.max(y.from + shift), x.to.min(y.to + shift));
    let place = |at: f64| (n(x.place(at)), n(y.place(at - shift)));
    let [(x1, y1), (x2, y2), (x, y)] = [from, to, from + (to - from) * 0.93].map(place);
    html! {
        @if from < to {
            line.guide x1=(x1) x2=(x2) y1=(y1) y2=(y2) {}
            text.quiet.over x=(x) y=(y) text-anchor="middle" dominant-baseline="central" {
                (10_u32.pow(power.into())) "×"
            }
        }
    }
}

/// A logarithmic axis with base ten.
struct Axis {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
}

impl Axis {
    /// An axis that includes all values, and begins and ends at a tick.
    fn of(values: impl Iterator<Item = u64>, begin: f64, end: f64) -> Self {
        let (mut least, mut most) = (u64::MAX, 1);
        for value in values {
            (least, most) = (least.min(value.max(1)), most.max(value));
        }
        let (least, most) = (least.min(most) as f64, most as f64);
        let from = steps().rfind(|step| *step <= least).unwrap_or(1.0).log10();
        let to = steps().find(|step| *step >= most && step.log10() > from).unwrap_or(1e20).log10();
        Self { from, to, begin, end }
    }

    fn place(&self, power: f64) -> f64 {
        self.begin + (power - self.from) / (self.to - self.from) * (self.end - self.begin)
    }

    fn at(&self, value: u64) -> f64 {
        self.place((value.max(1) as f64).log10())
    }

    /// The ticks: every step on a short axis, the powers of ten on a long one.
    fn ticks(&self) -> Vec<(f64, String)> {
        let inside = steps().filter(|step| (self.from - 1e-9..=self.to + 1e-9).contains(&step.log10()));
        let power = |step: &f64| step.log10().fract().abs() < 1e-9;
        let shown = inside.filter(|step| self.to - self.from < 2.5 || power(step));
        shown.map(|step| (self.place(step.log10()), label(step))).collect()
    }
}

/// 1, 2, 5, 10, 20, 50 and so on.
fn steps() -> impl DoubleEndedIterator<Item = f64> {
    (0..20).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
}

fn label(value: f64) -> String {
    match value {
        ..1e3 => format!("{value:.0} B"),
        ..1e6 => format!("{:.0} kB", value / 1e3),
        ..1e9 => format!("{:.0} MB", value / 1e6),
        _ => format!("{:.0} GB", value / 1e9),
    }
}

/// A coordinate in short form.
fn n(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_steps_and_has_length_whatever_it_is_of() {
        let axis = Axis::of([600, 90_000].into_iter(), 0.0, 300.0);
        assert_eq!((axis.from, axis.to), (500_f64.log10(), 5.0));
        let labels = |axis: &Axis| axis.ticks().into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(&axis)[..3], ["500 B", "1 kB", "2 kB"]);
        assert_eq!(labels(&Axis::of([20, 90_000].into_iter(), 0.0, 1.0)), ["100 B", "1 kB", "10 kB", "100 kB"]);
        assert_eq!((axis.at(100_000), axis.ticks().last().unwrap().0), (300.0, 300.0));
        for values in [vec![], vec![0], vec![100], vec![u64::MAX]] {
            let axis = Axis::of(values.into_iter(), 0.0, 1.0);
            assert!(axis.to > axis.from && axis.at(0).is_finite() && axis.ticks().len() < 25);
        }
    }

    #[test]
    fn bars_are_on_one_scale_and_text_is_escaped() {
        let bar = |value| Bar { value, label: "<1>".into(), class: "full", range: None };
        let groups = [Group { name: "a & b".into(), bars: vec![bar(100.0), bar(50.0)] }];
        let svg = bars(&groups, [110.0, 150.0]).into_string();
        assert!(svg.contains("width=\"500.0\"") && svg.contains("width=\"250.0\""), "{svg}");
        assert!(svg.contains("a &amp; b") && svg.contains("&lt;1&gt;"), "{svg}");
        assert!(!bars(&[], [110.0, 150.0]).into_string().contains("NaN"));
        assert!(
            !bars(&[Group { name: String::new(), bars: vec![bar(0.0)] }], [110.0, 150.0]).into_string().contains("NaN")
        );
    }
}
