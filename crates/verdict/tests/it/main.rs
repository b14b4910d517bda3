//! Logs that people pasted, and logs of recorded boots, each with its right answer beside it.

mod logs;
