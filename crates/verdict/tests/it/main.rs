//! Logs that people pasted, and logs of recorded boots, each with its right answer beside it; and logs of any bytes.

mod exercise;
mod hostile;
mod logs;
