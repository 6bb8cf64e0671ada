//! The row: its numbers, which of them there are, and which have changed.
//!
//! What it is not: it knows no names and computes nothing.
//!
//! Invariant: a place is ready exactly when its number is not NaN; an infinity never gets in.

/// One number a feature.
#[derive(Clone, Debug)]
pub(in crate::features) struct Row {
    values: Box<[f32]>,
    exact: Box<[f64]>,
    changed: Box<[u64]>,
    unready_count: usize,
}

impl Row {
    /// Nothing ready, and everything changed, so that whoever keeps something by place begins with all of them.
    pub(super) fn new(len: usize) -> Self {
        let mut changed = vec![u64::MAX; len.div_ceil(64)];
        if let Some(last) = changed.last_mut()
            && !len.is_multiple_of(64)
        {
            *last = (1 << (len % 64)) - 1;
        }
        Row {
            values: vec![f32::NAN; len].into(),
            exact: vec![f64::NAN; len].into(),
            changed: changed.into(),
            unready_count: len,
        }
    }

    #[inline]
    pub(in crate::features) fn write(&mut self, place: u32, value: f64) {
        let at = place as usize;
        let new = value as f32;
        self.exact[at] = value;
        if new.to_bits() != self.values[at].to_bits() {
            self.change(at, new);
        }
    }

    #[inline]
    fn change(&mut self, at: usize, new: f32) {
        let old = self.values[at];
        if !new.is_finite() {
            self.exact[at] = f64::NAN;
            if old.is_nan() {
                return;
            }
        }
        let new = if new.is_finite() { new } else { f32::NAN };
        self.values[at] = new;
        self.changed[at / 64] |= 1 << (at % 64);
        self.unready_count = self.unready_count + usize::from(new.is_nan()) - usize::from(old.is_nan());
    }

    #[inline]
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    pub(super) fn exact(&self) -> &[f64] {
        &self.exact
    }

    #[inline]
    pub(super) fn changed(&self) -> &[u64] {
        &self.changed
    }

    #[inline]
    pub(super) fn clear_changed(&mut self) {
        self.changed.fill(0);
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
