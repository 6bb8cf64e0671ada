//! Rolling second moments of the instruments' returns, sampled together at even times.
//!
//! What it is not: a forecast; it says how far prices moved, and together with which, over the last samples.
//!
//! Invariant: integer arithmetic that is undone exactly, so that a sum is always that of the samples in the window, however
//! long it runs. An instrument that missed one of them has no moments. Memory is taken once.

mod state;

/// Instruments whose returns are kept: the work of a sample grows with the square.
pub const CORRELATED_MAX: usize = 32;
/// Returns are kept in thousand-millionths.
const SCALE: f64 = 1e9;
/// A larger return says the same as this one: a tenth.
const RETURN_MAX: i64 = 100_000_000;

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub struct Returns {
    instruments: usize,
    samples: usize,
    /// Row by row, oldest overwritten.
    ring: Box<[i64]>,
    next: usize,
    /// Mid sums of the last sample; zero for none.
    mids: Box<[i64]>,
    /// Samples in a row that have a return, up to `samples`.
    valid: Box<[usize]>,
    /// Sums of products, instrument by instrument.
    sums: Box<[i128]>,
}

impl Returns {
    /// For so many instruments and samples; nothing is kept for none.
    pub fn new(instruments: usize, samples: usize) -> Self {
        let instruments = if samples == 0 { 0 } else { instruments.min(CORRELATED_MAX) };
        Returns {
            instruments,
            samples,
            ring: vec![0; instruments * samples].into(),
            next: 0,
            mids: vec![0; instruments].into(),
            valid: vec![0; instruments].into(),
            sums: vec![0; instruments * instruments].into(),
        }
    }

    /// Takes a sample: the sum of bid and ask of each instrument, `None` where there is none.
    pub fn sample(&mut self, mid: impl Fn(usize) -> Option<i64>) {
        let mut row = [0i64; CORRELATED_MAX];
        for (at, own) in row.iter_mut().enumerate().take(self.instruments) {
            let (now, before) = (mid(at).filter(|sum| *sum > 0).unwrap_or(0), self.mids[at]);
            self.mids[at] = now;
            if now == 0 || before == 0 {
                self.valid[at] = 0;
                continue;
            }
            let change = (now - before) as f64 / before as f64 * SCALE;
            *own = (change.round() as i64).clamp(-RETURN_MAX, RETURN_MAX);
            self.valid[at] = (self.valid[at] + 1).min(self.samples);
        }
        self.replace_oldest(&row);
    }

    fn replace_oldest(&mut self, row: &[i64; CORRELATED_MAX]) {
        let count = self.instruments;
        let Some(oldest) = self.ring.get_mut(self.next * count..(self.next + 1) * count) else { return };
        for one in 0..count {
            for other in 0..=one {
                let gone = i128::from(oldest[one]) * i128::from(oldest[other]);
                self.sums[one * count + other] += i128::from(row[one]) * i128::from(row[other]) - gone;
            }
        }
        oldest.copy_from_slice(&row[..count]);
        self.next = (self.next + 1) % self.samples.max(1);
    }

    /// Nobody looked for too long: all begin anew.
    pub fn forget(&mut self) {
        self.mids.fill(0);
        self.valid.fill(0);
    }

    /// Mean product of two instruments' returns, as parts of one; `None` while a sample of either is missing.
    pub fn covariance(&self, one: usize, other: usize) -> Option<f64> {
        let (high, low) = (one.max(other), one.min(other));
        let is_whole = |at: usize| self.valid.get(at).is_some_and(|valid| *valid == self.samples);
        if self.samples == 0 || !is_whole(high) || !is_whole(low) {
            return None;
        }
        Some(self.sums[high * self.instruments + low] as f64 / self.samples as f64 / (SCALE * SCALE))
    }
}
