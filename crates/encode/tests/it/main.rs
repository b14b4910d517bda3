//! Encoding from beginning to end, on files that are made here.

mod dedup;
mod exercise;
mod forwards;
mod functions;
mod hostile;
mod kinds;
mod order;
mod samples;
mod selection;
mod support;
mod units;
mod variables;
