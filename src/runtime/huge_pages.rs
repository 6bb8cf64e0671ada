//! Puts what a process has allocated on huge pages: one translation for two megabytes instead of 512.
//!
//! What it is not: a condition. A kernel without it (before 6.1, or with `transparent_hugepage=never`) runs all the same, and
//! the start says so.
//!
//! Invariant: the content of memory is never changed; called once, before lanes run; a failure costs time, nothing else.
//!
//! Why: the hot path touches a little of much (model, features, books, histograms, buffers), and under a hypervisor each
//! translation that is missed walks two page tables. Measured with `benches/tick_to_order`: 0.4 to 0.5 us of an order.

#![allow(unsafe_code)]

/// Size and alignment of a huge page on x86-64 and most ARM hosts.
const HUGE_BYTES: usize = 2 << 20;
/// `MADV_COLLAPSE` of `linux/mman.h`, since Linux 6.1: now, and not when the kernel gets to it.
const MADV_COLLAPSE: libc::c_int = 25;

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HugePages {
    /// So many bytes are on huge pages; so many were refused.
    Collapsed {
        /// Done.
        bytes: usize,
        /// Left as they were.
        refused_bytes: usize,
    },
    /// The process's mappings cannot be read.
    Unknown {
        /// The system's words.
        reason: String,
    },
}

impl std::fmt::Display for HugePages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HugePages::Collapsed { bytes, refused_bytes } => write!(
                f,
                "huge pages: {} MiB of the heap, {} MiB refused by the kernel",
                bytes >> 20,
                refused_bytes >> 20
            ),
            HugePages::Unknown { reason } => write!(f, "huge pages: none, {reason}"),
        }
    }
}

/// Asks the kernel to put every whole, aligned two megabytes of private, anonymous, writable memory on a huge page.
pub fn collapse_heap() -> HugePages {
    let maps = match std::fs::read_to_string("/proc/self/maps") {
        Ok(maps) => maps,
        Err(error) => return HugePages::Unknown { reason: format!("/proc/self/maps: {error}") },
    };
    let (mut bytes, mut refused_bytes) = (0, 0);
    for (start, end) in maps.lines().filter_map(heap_range) {
        for at in (start..end).step_by(HUGE_BYTES) {
            // SAFETY: the advice moves the pages of our own mapping and keeps their content; a range that is gone by now
            // makes it fail and nothing else.
            let result = unsafe { libc::madvise(at as *mut libc::c_void, HUGE_BYTES, MADV_COLLAPSE) };
            *(if result == 0 { &mut bytes } else { &mut refused_bytes }) += HUGE_BYTES;
        }
    }
    HugePages::Collapsed { bytes, refused_bytes }
}

/// The whole huge pages of a line of `/proc/self/maps`, if it is heap.
fn heap_range(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_whitespace();
    let (range, mode) = (fields.next()?, fields.next()?);
    let (_offset, _device, inode) = (fields.next()?, fields.next()?, fields.next()?);
    let is_heap = mode == "rw-p" && inode == "0" && matches!(fields.next(), None | Some("[heap]"));
    let (start, end) = range.split_once('-')?;
    let hex = |text| usize::from_str_radix(text, 16).ok();
    let (start, end) = (hex(start)?.next_multiple_of(HUGE_BYTES), hex(end)? / HUGE_BYTES * HUGE_BYTES);
    (is_heap && start < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pages_of_the_heap_are_meant() {
        let line = |range: &str, rest: &str| heap_range(&format!("{range} {rest}"));
        assert_eq!(line("00100000-00700000", "rw-p 00000000 00:00 0 [heap]"), Some((0x20_0000, 0x60_0000)));
        assert_eq!(line("00200000-00400000", "rw-p 00000000 00:00 0"), Some((0x20_0000, 0x40_0000)));
        assert_eq!(line("00100000-00300000", "rw-p 00000000 00:00 0"), None);
        assert_eq!(line("00200000-00600000", "---p 00000000 00:00 0"), None);
        assert_eq!(line("00200000-00600000", "rw-p 00000000 00:00 0 [stack]"), None);
        assert_eq!(line("00200000-00600000", "rw-s 00000000 00:01 77 /dev/shm/ring"), None);
    }

    #[test]
    fn content_stays() {
        let bytes: Vec<u8> = (0..8 << 20).map(|index: u32| index as u8).collect();
        let outcome = collapse_heap();
        assert!(outcome.to_string().starts_with("huge pages"), "{outcome}");
        assert!(bytes.iter().enumerate().all(|(index, byte)| *byte == index as u8));
    }
}
