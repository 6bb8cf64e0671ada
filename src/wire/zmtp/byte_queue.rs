//! The memory of one direction of a connection: bytes in at the tail, out at the head, always contiguous.
//!
//! What it is not: a ring that wraps, because a message is handed out as one slice.
//!
//! Invariant: the ordinary path neither allocates nor moves bytes; the capacity never exceeds the larger of the base,
//! the one frame that is being received, and twice the limit of what may be queued; it falls back to the base when the
//! queue runs empty.

use std::ops::Range;

pub(super) struct ByteQueue {
    bytes: Vec<u8>,
    head: usize,
    tail: usize,
    base_bytes: usize,
}

impl ByteQueue {
    pub(super) fn new(base_bytes: usize) -> Self {
        ByteQueue { bytes: vec![0; base_bytes], head: 0, tail: 0, base_bytes }
    }

    pub(super) fn clear(&mut self) {
        self.head = 0;
        self.tail = 0;
        self.release();
    }

    pub(super) fn len(&self) -> usize {
        self.tail - self.head
    }

    pub(super) fn capacity_bytes(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.head..self.tail]
    }

    /// Takes `count` bytes from the head; the range stays readable through [`Self::at`] until the next write.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Range<usize> {
        let range = self.head..self.head + count;
        assert!(range.end <= self.tail, "taken no more than there is");
        self.head = range.end;
        range
    }

    #[inline]
    pub(super) fn at(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Room to receive into, never empty unless a whole frame waits: `frame_bytes` is the size of the frame at the
    /// head as far as it is known, 0 when it is not.
    pub(super) fn spare(&mut self, frame_bytes: usize) -> &mut [u8] {
        if self.head == self.tail {
            self.clear();
        } else if self.head > 0 && self.bytes.len() - self.tail < self.bytes.len() / 2 {
            self.compact();
        }
        let bytes_count = self.bytes.len();
        if self.tail == bytes_count && frame_bytes > bytes_count {
            self.bytes.resize(frame_bytes.min(bytes_count * 2), 0);
        }
        &mut self.bytes[self.tail..]
    }

    pub(super) fn filled(&mut self, count: usize) {
        assert!(count <= self.bytes.len() - self.tail, "filled no more than the room");
        self.tail += count;
    }

    /// Appends `count` bytes for the caller to fill in, unless more than `queued_bytes_max` would wait.
    #[inline]
    pub(super) fn append(&mut self, count: usize, queued_bytes_max: usize) -> Option<&mut [u8]> {
        if self.head == self.tail {
            self.clear();
        }
        if self.len() + count > queued_bytes_max {
            return None;
        }
        if self.tail + count > self.bytes.len() {
            self.make_room(count, queued_bytes_max);
        }
        let range = self.tail..self.tail + count;
        self.tail = range.end;
        Some(&mut self.bytes[range])
    }

    /// Moving waits until half of the memory is free, so that a peer that reads in small bites costs a constant
    /// time a byte; that is why the capacity may be twice the limit.
    #[cold]
    fn make_room(&mut self, count: usize, queued_bytes_max: usize) {
        if self.head >= self.bytes.len() / 2 {
            self.compact();
        }
        let need = self.tail + count;
        if need > self.bytes.len() {
            self.bytes.resize(need.max((self.bytes.len() * 2).min(queued_bytes_max * 2)), 0);
        }
    }

    fn compact(&mut self) {
        self.bytes.copy_within(self.head..self.tail, 0);
        self.tail -= self.head;
        self.head = 0;
    }

    fn release(&mut self) {
        if self.bytes.len() > self.base_bytes {
            self.bytes.truncate(self.base_bytes);
            self.bytes.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_for_one_frame_with_the_bytes_that_come_and_falls_back() {
        let mut queue = ByteQueue::new(16);
        assert_eq!(queue.spare(100).len(), 16);
        queue.filled(16);
        assert_eq!(queue.spare(100).len(), 16, "doubled, not the whole frame at once");
        queue.filled(16);
        queue.spare(100);
        queue.filled(32);
        assert_eq!(queue.spare(100).len(), 36);
        queue.filled(36);
        assert_eq!((queue.len(), queue.capacity_bytes()), (100, 100));
        queue.take(100);
        assert_eq!(queue.spare(0).len(), 16);
    }

    #[test]
    fn the_queue_is_bounded_however_the_peer_reads() {
        let mut queue = ByteQueue::new(16);
        let mut written = 0u8;
        let mut read = 0u8;
        for step in 0..10_000usize {
            if let Some(room) = queue.append(1 + step % 7, 50) {
                for byte in room {
                    *byte = written;
                    written = written.wrapping_add(1);
                }
            }
            if step % 3 == 0 {
                let count = queue.len().min(1 + step % 11);
                for &byte in &queue.unread()[..count] {
                    assert_eq!(byte, read);
                    read = read.wrapping_add(1);
                }
                queue.take(count);
            }
            assert!(queue.len() <= 50 && queue.capacity_bytes() <= 100);
        }
        assert!(queue.append(51, 50).is_none());
    }
}
