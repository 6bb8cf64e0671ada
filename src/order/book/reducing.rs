//! What open orders may still take away: the reductions among what is reserved.
//!
//! What it is not: a bound; whoever reduces holds it against what there is.
//!
//! Invariant: what opens is not in it, whatever its side and state: an entry that rests or is in doubt hinders no reduction.

use super::{Order, OrderBook};
use crate::types::{InstrumentId, Side};

impl OrderBook {
    /// What open reductions of a side may still fill, steps.
    #[inline]
    pub fn reducing(&self, instrument: InstrumentId, side: Side) -> i64 {
        instrument.index().map_or(0, |index| self.reducing[index][side.index()])
    }

    /// What open orders of a side may still open, steps.
    #[inline]
    pub fn opening(&self, instrument: InstrumentId, side: Side) -> i64 {
        self.reserved(instrument, side) - self.reducing(instrument, side)
    }

    /// What open orders may still close of an instrument's position, by its identifier, steps. Walks over all orders where any
    /// of the instrument reduces.
    pub fn closing(&self, instrument: InstrumentId, identifier: u64) -> i64 {
        if Side::BOTH.iter().all(|side| self.reducing(instrument, *side) == 0) {
            return 0;
        }
        let closes = |order: &&Order| order.new.position == identifier && order.new.instrument == instrument;
        self.open().filter(closes).map(Order::remaining).sum()
    }
}
