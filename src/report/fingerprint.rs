//! The host a number was measured on.
//!
//! What it is not: an identity; two equal hosts have equal fingerprints.
//!
//! Invariant: what the host does not tell is "unknown", never a guess.

use std::fs;

use serde::Serialize;

/// Processor, cores, kernel and clock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fingerprint {
    /// Processor model.
    pub cpu: String,
    /// Logical cores this process may use.
    pub cores: usize,
    /// Kernel release.
    pub kernel: String,
    /// Kernel clock source.
    pub clock_source: String,
}

impl Fingerprint {
    /// Reads `/proc` and `/sys`.
    pub fn read() -> Self {
        let line = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_string());
        let unknown = || "unknown".to_string();
        let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let model = text.lines().find(|line| line.starts_with("model name"))?;
            model.split_once(':').map(|(_, name)| name.trim().to_string())
        });
        Fingerprint {
            cpu: cpu.unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            clock_source: line("/sys/devices/system/clocksource/clocksource0/current_clocksource")
                .unwrap_or_else(unknown),
        }
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} cores, kernel {}, clock {}", self.cpu, self.cores, self.kernel, self.clock_source)
    }
}
