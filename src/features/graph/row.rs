//! The row: its numbers, which of them there are, and which have changed.
//!
//! What it is not: it knows no names and computes nothing.
//!
//! Invariant: a place is ready exactly when its number is not NaN; an infinity never gets in.

use crate::features::spec::FEATURES_MAX;

/// One number a feature.
#[derive(Clone, Debug)]
pub(in crate::features) struct Row {
    places: Box<Places>,
    len: usize,
    unready_count: usize,
}

/// Room for every place there can be: with a fixed length, one pointer and no bounds serve a write.
#[derive(Clone, Debug)]
struct Places {
    values: [f32; FEATURES_MAX],
    exact: [f64; FEATURES_MAX],
    changed: [u64; FEATURES_MAX / 64],
}

const _: () = assert!(FEATURES_MAX.is_power_of_two() && FEATURES_MAX.is_multiple_of(64));

impl Row {
    /// Nothing ready, and everything changed, so that whoever keeps something by place begins with all of them.
    pub(super) fn new(len: usize) -> Self {
        let mut changed = [0; FEATURES_MAX / 64];
        (0..len).for_each(|at| changed[at / 64] |= 1 << (at % 64));
        let (values, exact) = ([f32::NAN; FEATURES_MAX], [f64::NAN; FEATURES_MAX]);
        Row { places: Places { values, exact, changed }.into(), len, unready_count: len }
    }

    #[inline]
    pub(in crate::features) fn write(&mut self, place: u32, value: f64) {
        let at = place as usize % FEATURES_MAX;
        let places = &mut *self.places;
        let (old, new) = (places.values[at], value as f32);
        // One test for the four cases that are not ordinary: either number NaN or infinite.
        if !(new - old).is_finite() {
            return self.write_rare(at, value);
        }
        places.values[at] = new;
        places.exact[at] = value;
        places.changed[at / 64] |= u64::from(new.to_bits() != old.to_bits()) << (at % 64);
    }

    #[inline(never)]
    fn write_rare(&mut self, at: usize, value: f64) {
        let places = &mut *self.places;
        let (old, new) = (places.values[at], value as f32);
        let (new, exact) = if new.is_finite() { (new, value) } else { (f32::NAN, f64::NAN) };
        places.exact[at] = exact;
        if old.is_nan() && new.is_nan() {
            return;
        }
        places.values[at] = new;
        places.changed[at / 64] |= 1 << (at % 64);
        self.unready_count = self.unready_count + usize::from(new.is_nan()) - usize::from(old.is_nan());
    }

    #[inline]
    pub(super) fn values(&self) -> &[f32] {
        &self.places.values[..self.len]
    }

    pub(super) fn exact(&self) -> &[f64] {
        &self.places.exact[..self.len]
    }

    #[inline]
    pub(super) fn changed(&self) -> &[u64] {
        &self.places.changed[..self.len.div_ceil(64)]
    }

    #[inline]
    pub(super) fn clear_changed(&mut self) {
        self.places.changed[..self.len.div_ceil(64)].fill(0);
    }

    #[inline]
    pub(super) fn unready_count(&self) -> usize {
        self.unready_count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_ready_while_it_has_a_number() {
        let mut row = Row::new(66);
        assert_eq!((row.changed(), row.unready_count()), (&[u64::MAX, 3][..], 66));
        row.clear_changed();
        row.write(65, f64::NAN);
        row.write(65, f64::INFINITY);
        assert_eq!((row.changed(), row.unready_count()), (&[0, 0][..], 66));
        row.write(65, 1.5);
        row.write(64, 2.0);
        assert_eq!((row.changed(), row.unready_count()), (&[0, 3][..], 64));
        row.clear_changed();
        row.write(65, 1.5 + 1e-12);
        assert_eq!((row.changed(), row.exact()[65]), (&[0, 0][..], 1.5 + 1e-12), "not in an f32");
        row.write(65, 1e300);
        assert_eq!((row.changed(), row.unready_count()), (&[0, 2][..], 65));
        assert!(row.values()[65].is_nan() && row.exact()[65].is_nan());
    }
}
