//! Reading a log of 100 MB: a journal with few failures, as people have it, and one of nothing but failures.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use verdict::log::read_log;

/// How long the logs are in bytes.
const LENGTH: usize = 100_000_000;

fn main() {
    println!("demanded: a log of 100 MB in at most 1 s");
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("log of 100 MB");
    group.sample_size(10).measurement_time(Duration::from_secs(5)).throughput(Throughput::Bytes(LENGTH as u64));
    for (name, failures_every) in [("few failures", 10_000), ("only failures", 1)] {
        let log = journal(failures_every);
        group.bench_function(name, |b| b.iter(|| read_log(black_box(log.as_slice())).expect("bytes are read")));
    }
    group.finish();
    criterion.final_summary();
}

/// A journal: lines of other subsystems, and after so many of them a failure.
fn journal(failures_every: u64) -> Vec<u8> {
    const OTHERS: [&str; 6] = [
        "audit: type=1400 audit(1764324000.123:45): apparmor=\"STATUS\" operation=\"profile_load\" profile=\"unconfined\"",
        "usb 1-2: new high-speed USB device number 5 using xhci_hcd",
        "e1000e 0000:00:1f.6 eno1: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx",
        "systemd[1]: Started Daily apt download activities.",
        "EXT4-fs (nvme0n1p2): mounted filesystem with ordered data mode. Quota mode: none.",
        "bpfilter: Loaded bpfilter_umh pid 512",
    ];
    let mut log = Vec::with_capacity(LENGTH + 1024);
    let mut nth = 0_u64;
    while log.len() < LENGTH {
        let (seconds, micros) = (nth / 1000, nth % 1_000_000);
        if nth.is_multiple_of(failures_every) {
            let module = nth % 500;
            for text in ["BPF: [94156] ENUM task_fair ", "BPF: size=4 vlen=5", "BPF:  ", "BPF: Invalid name", "BPF: "] {
                log.extend_from_slice(format!("[{seconds:5}.{micros:06}] {text}\n").as_bytes());
            }
            log.extend_from_slice(
                format!("[{seconds:5}.{micros:06}] failed to validate module [m{module}] BTF: -22\n").as_bytes(),
            );
        } else if let Some(text) = OTHERS.get(usize::try_from(nth % 6).unwrap_or(0)) {
            log.extend_from_slice(format!("[{seconds:5}.{micros:06}] {text}\n").as_bytes());
        }
        nth += 1;
    }
    log.truncate(LENGTH);
    log
}
