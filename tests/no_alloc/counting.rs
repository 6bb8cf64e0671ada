//! An allocator that counts what the current thread takes and gives back while it is armed.
//!
//! What it is not: a limit; everything is passed on to the system's allocator.
//!
//! Invariant: only the thread that armed it is counted, so other threads of the test program do no harm.
#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait; the calls are passed on unchanged")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Constant and without a destructor: reading them takes no memory.
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static SHOWS_MAX: Cell<u64> = const { Cell::new(0) };
    static TAKEN: Cell<u64> = const { Cell::new(0) };
    static GIVEN: Cell<u64> = const { Cell::new(0) };
}

/// Passes on and counts.
pub(super) struct Counting;

fn note(count: &'static std::thread::LocalKey<Cell<u64>>, what: &str, layout: Layout) {
    if !ARMED.get() {
        return;
    }
    count.set(count.get() + 1);
    if SHOWS_MAX.get() > 0 {
        SHOWS_MAX.set(SHOWS_MAX.get() - 1);
        ARMED.set(false);
        let bytes = layout.size();
        eprintln!("{what} of {bytes} bytes:\n{}", std::backtrace::Backtrace::force_capture());
        ARMED.set(true);
    }
}

// SAFETY: every call goes to `System` with the arguments it came with, and what `System` returns is returned.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(&TAKEN, "allocation", layout);
        // SAFETY: the caller keeps `alloc`'s contract, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(&GIVEN, "free", layout);
        // SAFETY: `place` came from `System` with this layout, as every place here did.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(&TAKEN, "allocation", layout);
        // SAFETY: the caller keeps `alloc_zeroed`'s contract, which is `System`'s.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(&TAKEN, "reallocation", layout);
        // SAFETY: `place` came from `System` with this layout, and the caller answers for the size.
        unsafe { System.realloc(place, layout, new_size) }
    }
}

/// Lets the next few show where they come from.
pub(super) fn show() {
    SHOWS_MAX.set(3);
}

/// Runs `work` and returns how often it took and gave back memory.
pub(super) fn counted<T>(work: impl FnOnce() -> T) -> (T, u64, u64) {
    let before = (TAKEN.get(), GIVEN.get());
    ARMED.set(true);
    let value = work();
    ARMED.set(false);
    (value, TAKEN.get() - before.0, GIVEN.get() - before.1)
}
