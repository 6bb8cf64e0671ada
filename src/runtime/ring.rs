//! How agents talk: bounded rings of values (copied records; boxes where the control floor hands something over), and a bounded many-to-one queue for commands.
//!
//! What it is not: a place to wait. A full ring refuses and counts; what then happens is the caller's stated policy
//! (market data may coalesce; orders, reports and commands make the sender hold back).
//!
//! Invariant: nothing is lost silently: what was not taken is handed back to the caller and counted. Order is kept.
//! No allocation after construction, no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;

/// A single-producer, single-consumer ring of `capacity` values.
pub fn ring<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    let (producer, consumer) = rtrb::RingBuffer::new(capacity.max(1));
    (Producer { inner: producer, refused_count: 0 }, Consumer { inner: consumer, high_water: 0 })
}

/// The sending end of a ring.
#[derive(Debug)]
pub struct Producer<T> {
    inner: rtrb::Producer<T>,
    refused_count: u64,
}

impl<T> Producer<T> {
    /// Puts a value in, or hands it back and counts the refusal.
    #[inline]
    pub fn try_push(&mut self, value: T) -> Result<(), T> {
        self.inner.push(value).map_err(|rtrb::PushError::Full(value)| {
            self.refused_count += 1;
            value
        })
    }

    /// How many values fit now.
    pub fn free(&self) -> usize {
        self.inner.slots()
    }

    /// How many values were handed back so far.
    pub fn refused_count(&self) -> u64 {
        self.refused_count
    }

    /// How many values the ring holds at most.
    pub fn capacity(&self) -> usize {
        self.inner.buffer().capacity()
    }

    /// Whether the receiving end is gone.
    pub fn is_abandoned(&self) -> bool {
        self.inner.is_abandoned()
    }
}

/// The receiving end of a ring.
#[derive(Debug)]
pub struct Consumer<T> {
    inner: rtrb::Consumer<T>,
    high_water: usize,
}

impl<T> Consumer<T> {
    /// Takes the oldest value.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.inner.pop().ok()
    }

    /// The oldest value, left in place.
    pub fn peek(&self) -> Option<&T> {
        self.inner.peek().ok()
    }

    /// Takes at most `count_max` values that are there now, oldest first; returns how many.
    pub fn drain(&mut self, count_max: usize, mut each: impl FnMut(T)) -> usize {
        let count = self.len().min(count_max);
        for _ in 0..count {
            if let Some(value) = self.pop() {
                each(value);
            }
        }
        count
    }

    /// How many values wait; also updates the high-water mark.
    #[inline]
    pub fn len(&mut self) -> usize {
        let count = self.inner.slots();
        self.high_water = self.high_water.max(count);
        count
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// The most values that `len` or `drain` ever found waiting: how much of the capacity was needed.
    pub fn high_water(&self) -> usize {
        self.high_water
    }

    /// Whether the sending end is gone. What waits can still be taken.
    pub fn is_abandoned(&self) -> bool {
        self.inner.is_abandoned()
    }
}

/// A bounded queue from many senders to one receiver: operator and control commands, never market data.
pub fn command_queue<T: Copy>(capacity: usize) -> (CommandSender<T>, CommandReceiver<T>) {
    let queue =
        Arc::new(CommandQueue { inner: ArrayQueue::new(capacity.max(1)), refused_count: AtomicU64::new(0) });
    (CommandSender(queue.clone()), CommandReceiver(queue))
}

#[derive(Debug)]
struct CommandQueue<T> {
    inner: ArrayQueue<T>,
    refused_count: AtomicU64,
}

/// One of many sending ends.
#[derive(Debug)]
pub struct CommandSender<T>(Arc<CommandQueue<T>>);

impl<T> Clone for CommandSender<T> {
    fn clone(&self) -> Self {
        CommandSender(self.0.clone())
    }
}

impl<T: Copy> CommandSender<T> {
    /// Puts a command in, or hands it back and counts the refusal: the sender must tell its user.
    pub fn try_push(&self, value: T) -> Result<(), T> {
        self.0.inner.push(value).inspect_err(|_| {
            self.0.refused_count.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// How many commands were handed back, over all senders.
    pub fn refused_count(&self) -> u64 {
        self.0.refused_count.load(Ordering::Relaxed)
    }
}

/// The receiving end.
#[derive(Debug)]
pub struct CommandReceiver<T>(Arc<CommandQueue<T>>);

impl<T: Copy> CommandReceiver<T> {
    /// Takes the oldest command.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.0.inner.pop()
    }

    /// How many commands wait.
    pub fn len(&self) -> usize {
        self.0.inner.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.inner.is_empty()
    }

    /// How many commands were handed back, over all senders.
    pub fn refused_count(&self) -> u64 {
        self.0.refused_count.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_hands_the_value_back_and_counts() {
        let (mut tx, mut rx) = ring::<u64>(2);
        assert_eq!((tx.try_push(1), tx.try_push(2), tx.try_push(3)), (Ok(()), Ok(()), Err(3)));
        assert_eq!((tx.refused_count(), tx.free(), tx.capacity(), rx.len()), (1, 0, 2, 2));
        assert_eq!((rx.peek().copied(), rx.pop(), rx.pop(), rx.pop()), (Some(1), Some(1), Some(2), None));
        assert_eq!(rx.high_water(), 2);
        drop(tx);
        assert!(rx.is_abandoned());
    }

    #[test]
    fn drain_takes_no_more_than_asked() {
        let (mut tx, mut rx) = ring::<u64>(8);
        for n in 0..5 {
            tx.try_push(n).unwrap();
        }
        let mut seen = Vec::new();
        assert_eq!(rx.drain(3, |n| seen.push(n)), 3);
        assert_eq!(rx.drain(9, |n| seen.push(n)), 2);
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn two_threads_pass_every_value_once_and_in_order() {
        let count = if cfg!(miri) { 300 } else { 100_000 };
        let (mut tx, mut rx) = ring::<u64>(16);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..count {
                    while tx.try_push(n).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
            for expected in 0..count {
                let got = loop {
                    match rx.pop() {
                        Some(value) => break value,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(got, expected);
            }
        });
    }

    #[test]
    fn commands_of_many_senders_arrive_once_each_and_in_each_senders_order() {
        let count = if cfg!(miri) { 50u64 } else { 5_000 };
        let (tx, mut rx) = command_queue::<(u64, u64)>(8);
        std::thread::scope(|scope| {
            for sender in 0..3 {
                let tx = tx.clone();
                scope.spawn(move || {
                    for n in 0..count {
                        while tx.try_push((sender, n)).is_err() {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            let mut next = [0u64; 3];
            while next.iter().sum::<u64>() < 3 * count {
                match rx.pop() {
                    Some((sender, n)) => {
                        assert_eq!(n, next[sender as usize]);
                        next[sender as usize] += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
            assert!(rx.is_empty());
        });
        for n in 0..8 {
            tx.try_push((9, n)).unwrap();
        }
        let refused_before = tx.refused_count();
        assert_eq!(tx.try_push((9, 8)), Err((9, 8)));
        assert_eq!(rx.refused_count(), refused_before + 1);
    }
}
