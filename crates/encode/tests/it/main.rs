//! Encoding from beginning to end, on files that are made here.

mod check;
mod dedup;
mod exercise;
mod forwards;
mod hostile;
mod kinds;
mod samples;
mod selection;
mod support;
