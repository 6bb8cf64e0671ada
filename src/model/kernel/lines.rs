//! Cache lines of bytes, and keeping memory warm.
//!
//! What it is not: an allocator; the lines are inside their owners.
//!
//! Invariant: reading memory to keep it warm changes nothing and returns nothing.

#![allow(unsafe_code)] // reads that the compiler must not leave out

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// A cache line of bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Bytes(pub(super) [u8; LINE_BYTES]);

/// A row's columns as a kernel wants them, and one line for what it does not read.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(in crate::model) struct Lines(pub(super) [Bytes; 2]);

impl Lines {
    /// Of kernels that work on the row itself.
    pub(in crate::model) const NONE: Lines = Lines([Bytes([0; LINE_BYTES]); 2]);
}

/// How a model is read in parts, so that no reading takes long: part `index` of `count` equal ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    index: usize,
    count: usize,
}

impl Part {
    /// All in one.
    pub const WHOLE: Part = Part { index: 0, count: 1 };

    /// Part `index`, from 0, of `count`.
    ///
    /// Panics when there is no such part.
    pub const fn new(index: usize, count: usize) -> Part {
        assert!(index < count, "a part is one of those there are");
        Part { index, count }
    }

    /// Which it is, from 0.
    pub const fn index(self) -> usize {
        self.index
    }
}

/// Reads one byte of every cache line in a part of a slice.
pub(super) fn touch<T: Copy>(slice: &[T], part: Part) {
    let (first, byte_count) = (slice.as_ptr().cast::<u8>(), std::mem::size_of_val(slice));
    let line_count = byte_count.div_ceil(LINE_BYTES);
    for line in line_count * part.index / part.count..line_count * (part.index + 1) / part.count {
        let byte = first.wrapping_add(line * LINE_BYTES);
        // SAFETY: the byte is inside the slice, because a part's index is below its count, and its values, being plain numbers, have no padding.
        unsafe { byte.read_volatile() };
    }
}
