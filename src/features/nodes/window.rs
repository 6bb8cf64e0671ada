//! Rings of fixed length: the samples of a window, the largest of a window, and a feature's own past.
//!
//! What it is not: the stream's history of its input, which all its nodes share.
//!
//! Invariant: nothing allocates after `new`.

/// The newest so many values.
#[derive(Clone, Debug)]
pub(in crate::features) struct Window<T> {
    ring: Box<[T]>,
    at: usize,
    count: usize,
}

impl<T: Copy + Default> Window<T> {
    pub(super) fn new(period: u32) -> Self {
        Window { ring: vec![T::default(); period as usize].into(), at: 0, count: 0 }
    }

    /// Takes a value; returns the one that it drives out.
    #[inline]
    pub(super) fn push(&mut self, value: T) -> Option<T> {
        let old = std::mem::replace(&mut self.ring[self.at], value);
        self.at = if self.at + 1 == self.ring.len() { 0 } else { self.at + 1 };
        if self.count == self.ring.len() {
            return Some(old);
        }
        self.count += 1;
        None
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.count == self.ring.len()
    }

    pub(super) fn reset(&mut self) {
        (self.at, self.count) = (0, 0);
    }
}

/// The largest of the newest so many values, O(1) amortised, with nothing that a processor would have to guess.
///
/// The samples are cut into blocks as long as the window. A window is then the end of one block and the beginning of the next:
/// the largest of the beginning is carried along, those of every end are worked out when a block is complete. Source: van
/// Herk, and Gil and Werman, Computing 2-D Min, Median and Max Filters (1993).
#[derive(Clone, Debug)]
pub(super) struct Largest {
    /// Up to `at` the newest block's values, behind it the largest from there to the end of the block before; one more for the
    /// end without anything.
    block: Box<[i64]>,
    at: usize,
    /// Of the newest block.
    largest: i64,
}

impl Largest {
    pub(super) fn new(period: u32) -> Self {
        Largest { block: vec![i64::MIN; period as usize + 1].into(), at: 0, largest: i64::MIN }
    }

    /// Takes a value; returns the largest of the window.
    #[inline]
    pub(super) fn push(&mut self, value: i64) -> i64 {
        self.largest = self.largest.max(value);
        let [place, behind, ..] = &mut self.block[self.at..] else { return self.largest };
        *place = value;
        let largest = self.largest.max(*behind);
        self.at += 1;
        if self.at + 1 == self.block.len() {
            self.turn();
        }
        largest
    }

    /// The newest block is complete.
    #[inline(never)]
    fn turn(&mut self) {
        let mut largest = i64::MIN;
        for value in self.block.iter_mut().rev() {
            largest = largest.max(*value);
            *value = largest;
        }
        (self.at, self.largest) = (0, i64::MIN);
    }

    pub(super) fn reset(&mut self) {
        self.block.fill(i64::MIN);
        (self.at, self.largest) = (0, i64::MIN);
    }
}

/// A feature's own past: what [`super::super::Kind::LagOf`] and `ChangeOf` read.
#[derive(Clone, Debug)]
pub(in crate::features) struct Delay {
    window: Window<f64>,
    change: bool,
}

impl Delay {
    /// The value `lag` samples ago.
    pub(in crate::features) fn lag(lag: u32) -> Self {
        Delay { window: Window::new(lag), change: false }
    }

    /// The newest value minus the value `lag` samples ago.
    pub(in crate::features) fn change(lag: u32) -> Self {
        Delay { window: Window::new(lag), change: true }
    }

    #[inline]
    pub(super) fn pass(&mut self, value: f64) -> f64 {
        match self.window.push(value) {
            Some(old) if self.change => value - old,
            Some(old) => old,
            None => f64::NAN,
        }
    }

    pub(super) fn reset(&mut self) {
        self.window.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_largest_of_a_window_is_what_a_scan_finds(
            period in 1u32..40,
            values in prop::collection::vec(-20i64..20, 1..300),
        ) {
            let mut largest = Largest::new(period);
            for round in 0..2 {
                for (at, value) in values.iter().enumerate() {
                    let from = (at + 1).saturating_sub(period as usize);
                    let scan = values[from..=at].iter().max().unwrap();
                    prop_assert_eq!(largest.push(*value), *scan, "round {} at {}", round, at);
                }
                largest.reset();
            }
        }
    }

    #[test]
    fn a_delay_gives_back_what_came_so_many_samples_ago() {
        let mut lag = Delay::lag(2);
        let got: Vec<f64> = (1..6).map(|x| lag.pass(f64::from(x))).collect();
        assert!(got[0].is_nan() && got[1].is_nan());
        assert_eq!(got[2..], [1.0, 2.0, 3.0]);
        let mut change = Delay::change(1);
        assert!(change.pass(4.0).is_nan());
        assert_eq!((change.pass(9.0), change.pass(7.0)), (5.0, -2.0));
        change.reset();
        assert!(change.pass(1.0).is_nan());
    }
}
