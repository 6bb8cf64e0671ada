//! The row: its numbers, which of them there are, and which have changed.
//!
//! What it is not: it knows no names and computes nothing.
//!
//! Invariant: once settled, a place is ready exactly when its number is not NaN; an infinity never gets in.
//!
//! A sample's numbers are written one by one and settled together, in groups of eight: rounded, and compared with what stood
//! there, without a bit that every write has to wait for. Written numbers of one group do not lie together: a processor waits
//! for the cache before it reads in one go what was just written in two.

use crate::features::spec::FEATURES_MAX;

/// Places that are settled at once.
const GROUP: usize = 8;
/// Groups of the largest row.
const GROUPS_MAX: usize = FEATURES_MAX / GROUP;

/// The exponent bits of an `f32`, all ones in NaN and infinities alone.
const EXPONENT: u32 = 0x7f80_0000;

/// Columns of what is written. It is no power of two, so that no two rows share the low bits of their addresses.
const COLUMNS: usize = GROUPS_MAX + 1;

/// Where a number is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::features) struct Slot(u32);

impl Slot {
    /// Of what nobody wants.
    pub(in crate::features) const NOWHERE: Slot = Slot(GROUPS_MAX as u32);

    /// Of a place in the row.
    #[inline]
    pub(in crate::features) fn of(place: u32) -> Slot {
        let place = place as usize % FEATURES_MAX;
        Slot((place % GROUP * COLUMNS + place / GROUP) as u32)
    }
}

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
    /// Place p is in row p % 8, column p / 8; the last column is for what nobody wants.
    written: [[f64; COLUMNS]; GROUP],
    exact: [[f64; GROUP]; GROUPS_MAX],
    values: [[f32; GROUP]; GROUPS_MAX],
    changed: [u64; FEATURES_MAX / 64],
}

const _: () = assert!(FEATURES_MAX.is_power_of_two() && FEATURES_MAX.is_multiple_of(64) && 64 % GROUP == 0);

/// The group of a place.
pub(super) fn group_of(place: u32) -> u16 {
    (place as usize % FEATURES_MAX / GROUP) as u16
}

impl Row {
    /// Nothing ready, and everything changed, so that whoever keeps something by place begins with all of them. Places behind
    /// the row hold a number, so that their group is not taken for an unready one.
    pub(super) fn new(len: usize) -> Self {
        let (mut values, mut exact) = ([[0.0; GROUP]; GROUPS_MAX], [[0.0; GROUP]; GROUPS_MAX]);
        values.as_flattened_mut()[..len].fill(f32::NAN);
        exact.as_flattened_mut()[..len].fill(f64::NAN);
        let mut changed = [0; FEATURES_MAX / 64];
        (0..len).for_each(|at| changed[at / 64] |= 1 << (at % 64));
        let written = [[0.0; COLUMNS]; GROUP];
        let mut row =
            Row { places: Places { written, exact, values, changed }.into(), len, unready_count: len };
        (0..len).for_each(|place| row.write(Slot::of(place as u32), f64::NAN));
        row
    }

    /// Writes a number; it counts when its group is settled.
    #[inline]
    pub(in crate::features) fn write(&mut self, slot: Slot, value: f64) {
        if let Some(written) = self.places.written.as_flattened_mut().get_mut(slot.0 as usize) {
            *written = value;
        }
    }

    /// Rounds what was written in these groups and notes what changed.
    #[inline]
    pub(super) fn settle(&mut self, groups: &[u16]) {
        for group in groups {
            self.settle_group(usize::from(*group) % GROUPS_MAX);
        }
    }

    /// Every group.
    pub(super) fn settle_all(&mut self) {
        (0..self.len.div_ceil(GROUP)).for_each(|group| self.settle_group(group));
    }

    #[inline]
    fn settle_group(&mut self, group: usize) {
        let places = &mut *self.places;
        let exact: [f64; GROUP] = std::array::from_fn(|at| places.written[at][group]);
        let (old, new) = (places.values[group], exact.map(|value| value as f32));
        places.exact[group] = exact;
        let mut rare = 0;
        for at in 0..GROUP {
            // An exponent of ones for the four cases that are not ordinary: either number NaN or infinite.
            rare |= u32::from((new[at] - old[at]).to_bits() & EXPONENT == EXPONENT);
        }
        if rare != 0 {
            return self.settle_rare(group);
        }
        places.values[group] = new;
        let first = group * GROUP;
        places.changed[first / 64] |= u64::from(differing(new, old)) << (first % 64);
    }

    #[inline(never)]
    fn settle_rare(&mut self, group: usize) {
        let places = &mut *self.places;
        for at in 0..GROUP {
            let (old, new) = (places.values[group][at], places.exact[group][at] as f32);
            let new = if new.is_finite() { new } else { f32::NAN };
            if new.is_nan() {
                places.exact[group][at] = f64::NAN;
            }
            if new.to_bits() == old.to_bits() || old.is_nan() && new.is_nan() {
                continue;
            }
            let place = group * GROUP + at;
            places.values[group][at] = new;
            places.changed[place / 64] |= 1 << (place % 64);
            self.unready_count = self.unready_count + usize::from(new.is_nan()) - usize::from(old.is_nan());
        }
    }

    #[inline]
    pub(super) fn values(&self) -> &[f32] {
        &self.places.values.as_flattened()[..self.len]
    }

    pub(super) fn exact(&self) -> &[f64] {
        &self.places.exact.as_flattened()[..self.len]
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

/// Bit i for an i-th number of other bits.
#[inline]
fn differing(new: [f32; GROUP], old: [f32; GROUP]) -> u8 {
    (0..GROUP).fold(0, |bits, at| bits | u8::from(new[at].to_bits() != old[at].to_bits()) << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_ready_while_it_has_a_number() {
        let mut row = Row::new(66);
        assert_eq!((row.changed(), row.unready_count()), (&[u64::MAX, 3][..], 66));
        row.clear_changed();
        row.write(Slot::of(65), f64::NAN);
        row.write(Slot::of(65), f64::INFINITY);
        row.settle(&[group_of(65)]);
        assert_eq!((row.changed(), row.unready_count()), (&[0, 0][..], 66));
        row.write(Slot::of(65), 1.5);
        row.write(Slot::of(64), 2.0);
        row.settle(&[group_of(65)]);
        assert_eq!((row.changed(), row.unready_count()), (&[0, 3][..], 64));
        row.clear_changed();
        row.write(Slot::of(65), 1.5 + 1e-12);
        row.settle(&[group_of(65)]);
        assert_eq!((row.changed(), row.exact()[65]), (&[0, 0][..], 1.5 + 1e-12), "not in an f32");
        row.write(Slot::of(65), 1e300);
        row.settle(&[group_of(65)]);
        assert_eq!((row.changed(), row.unready_count()), (&[0, 2][..], 65));
        assert!(row.values()[65].is_nan() && row.exact()[65].is_nan());
    }
}
