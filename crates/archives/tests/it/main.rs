//! Tests on archives that are made here, and on a few small ones that tools of distributions made.

mod exercise;
mod hostile;
mod initramfs;
mod make;
mod packages;
mod samples;
