//! Keeps a process's memory from being paged out, and touches a lane's stack before it matters.
//!
//! What it is not: a condition. A host that does not allow it runs all the same, and the start says so.
//!
//! Invariant: never fails the start; never lets a later allocation fail because of a small lock limit.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, getrlimit};

/// What became of the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MemoryLock {
    /// Everything mapped now and later stays in memory once touched.
    Locked,
    /// Everything mapped now stays; the limit is too small to promise it for later mappings.
    LockedCurrent {
        /// `RLIMIT_MEMLOCK`, bytes.
        limit_bytes: u64,
    },
    /// The system refused.
    Refused {
        /// Its words.
        reason: String,
    },
    /// Not asked for.
    Off,
}

impl std::fmt::Display for MemoryLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MemoryLock::Locked => f.write_str("memory locked"),
            MemoryLock::LockedCurrent { limit_bytes } => {
                write!(
                    f,
                    "memory locked as of now (RLIMIT_MEMLOCK is {limit_bytes} bytes, so not for what is mapped later)"
                )
            }
            MemoryLock::Refused { reason } => {
                write!(
                    f,
                    "memory not locked: {reason}; raise RLIMIT_MEMLOCK (LimitMEMLOCK=infinity in the service)"
                )
            }
            MemoryLock::Off => f.write_str("memory lock off"),
        }
    }
}

/// Locks the process's memory as far as allowed. To be called after rings and buffers are made.
///
/// Pages are locked as they are touched (`MCL_ONFAULT`), so that reserved but unused stacks cost nothing.
pub fn lock_memory() -> MemoryLock {
    let limit = getrlimit(Resource::Memlock).current;
    let flags = match limit {
        None => MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT,
        Some(_) => MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT,
    };
    match (mlockall(flags), limit) {
        (Ok(()), None) => MemoryLock::Locked,
        (Ok(()), Some(limit_bytes)) => MemoryLock::LockedCurrent { limit_bytes },
        (Err(error), _) => MemoryLock::Refused { reason: error.to_string() },
    }
}

/// Touches the calling thread's next 64 KiB of stack, so that the first deep call of the hot path takes no page fault.
#[inline(never)]
pub fn prefault_stack() {
    let mut pages = [0u8; 64 * 1024];
    for page in pages.iter_mut().step_by(4096) {
        *page = 1;
    }
    std::hint::black_box(&mut pages);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_as_a_sentence() {
        let refused = MemoryLock::Refused { reason: "no".into() };
        for outcome in
            [MemoryLock::Locked, MemoryLock::LockedCurrent { limit_bytes: 8 }, refused, MemoryLock::Off]
        {
            assert!(outcome.to_string().starts_with("memory"), "{outcome}");
        }
        prefault_stack();
    }
}
