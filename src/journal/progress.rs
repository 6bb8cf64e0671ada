//! How far the disk is, for those who wait for it or watch it.
//!
//! What it is not: a lock or a queue; reading it never delays the persister.
//!
//! Invariant: `durable_seq <= copied_seq <= ` the last appended record; both only grow, except that a failed sync takes
//! `copied_seq` back to `durable_seq`, because the kernel may have thrown away what it could not write.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Why the disk does not take records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FailureKind {
    /// No space, or a quota is used up.
    DiskFull = 1,
    /// The file system turned read-only, or the rights are gone.
    ReadOnly = 2,
    /// Anything else the device reported.
    Device = 3,
}

impl FailureKind {
    /// Sorts an operating system's error.
    pub fn of(error: &io::Error) -> FailureKind {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                FailureKind::DiskFull
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => FailureKind::ReadOnly,
            _ => FailureKind::Device,
        }
    }

    /// For alarms and metrics.
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::DiskFull => "disk_full",
            FailureKind::ReadOnly => "read_only",
            FailureKind::Device => "device",
        }
    }
}

/// Whether records reach the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PersistState {
    /// They do.
    Healthy,
    /// The last try failed; it is being repeated, nothing is lost. Trading must halt until it is healthy again.
    Failed(FailureKind),
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Shared {
    durable_seq: AtomicU64,
    copied_seq: AtomicU64,
    error_count: AtomicU64,
    state: AtomicU8,
}

/// A reader's handle; clone freely.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Shared>);

impl Progress {
    pub(super) fn new(last_seq: u64) -> Progress {
        let shared = Shared::default();
        shared.durable_seq.store(last_seq, Ordering::Relaxed);
        shared.copied_seq.store(last_seq, Ordering::Relaxed);
        Progress(Arc::new(shared))
    }

    /// The last record that a power cut cannot take.
    #[inline]
    pub fn durable_seq(&self) -> u64 {
        self.0.durable_seq.load(Ordering::Acquire)
    }

    /// The last record given to the kernel.
    pub fn copied_seq(&self) -> u64 {
        self.0.copied_seq.load(Ordering::Acquire)
    }

    /// Whether records reach the disk.
    #[inline]
    pub fn state(&self) -> PersistState {
        match self.0.state.load(Ordering::Acquire) {
            0 => PersistState::Healthy,
            1 => PersistState::Failed(FailureKind::DiskFull),
            2 => PersistState::Failed(FailureKind::ReadOnly),
            _ => PersistState::Failed(FailureKind::Device),
        }
    }

    /// Failed tries since the start.
    pub fn error_count(&self) -> u64 {
        self.0.error_count.load(Ordering::Relaxed)
    }

    pub(super) fn set_copied(&self, seq: u64) {
        self.0.copied_seq.store(seq, Ordering::Release);
    }

    pub(super) fn set_durable(&self, seq: u64) {
        self.0.durable_seq.store(seq, Ordering::Release);
    }

    pub(super) fn set_healthy(&self) {
        self.0.state.store(0, Ordering::Release);
    }

    pub(super) fn set_failed(&self, kind: FailureKind) {
        self.0.error_count.fetch_add(1, Ordering::Relaxed);
        self.0.state.store(kind as u8, Ordering::Release);
    }
}
