//! Encoding from beginning to end, on files that are made here.

mod check;
mod dedup;
mod forwards;
mod hostile;
mod kinds;
mod selection;
mod support;
