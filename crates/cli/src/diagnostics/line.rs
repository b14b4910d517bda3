//! Spans and events as lines of text: `INFO repro scenario=crc-break: booting accel="tcg"`.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Stores the fields of each span as text, for the lines of events inside it.
pub(super) struct Fields;

/// The fields of a span: ` file="a.ko" types=3`.
struct FieldText(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Fields {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            let mut text = Text::default();
            attributes.record(&mut text);
            span.extensions_mut().insert(FieldText(text.fields));
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            let mut text = Text::default();
            values.record(&mut text);
            if let Some(fields) = span.extensions_mut().get_mut::<FieldText>() {
                fields.0.push_str(&text.fields);
            }
        }
    }
}

/// The message and the other fields of an event or span.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        let plain = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name if plain && !value.is_empty() => write!(self.fields, " {name}={value}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// A line for an event, preceded by its spans.
pub(super) fn of_event<S: Subscriber + for<'a> LookupSpan<'a>>(event: &Event<'_>, ctx: &Context<'_, S>) -> String {
    let mut text = Text::default();
    event.record(&mut text);
    let mut line = format!("{:5}", event.metadata().level().as_str());
    for span in ctx.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
        push_span(&mut line, &span);
        line.push(':');
    }
    let _ = write!(line, " {}{}", text.message, text.fields);
    line
}

/// A line for the beginning of a span, preceded by its parents.
pub(super) fn of_span<S: Subscriber + for<'a> LookupSpan<'a>>(id: &span::Id, ctx: &Context<'_, S>) -> Option<String> {
    let span = ctx.span(id)?;
    let mut line = format!("{:5}", span.metadata().level().as_str());
    for (at, span) in span.scope().from_root().enumerate() {
        if at > 0 {
            line.push(':');
        }
        push_span(&mut line, &span);
    }
    Some(line)
}

fn push_span<S: for<'a> LookupSpan<'a>>(line: &mut String, span: &SpanRef<'_, S>) {
    let _ = write!(line, " {}", span.name());
    if let Some(FieldText(fields)) = span.extensions().get::<FieldText>() {
        line.push_str(fields);
    }
}
