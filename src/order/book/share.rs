//! What each order adds to the sums of the book.
//!
//! What it is not: the order's state; it is looked at before and after, and nothing is changed here but sums.
//!
//! Invariant: an order that is final adds nothing; no sum is ever below zero.

use super::{NewOrder, Order, OrderBook};
use crate::order::state::OrderState;
use crate::types::{InstrumentId, Side};

/// What an order contributes to the sums.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    instrument: InstrumentId,
    side: Side,
    pub(super) state: OrderState,
    reduces: bool,
    remaining: i64,
}

impl Share {
    pub(super) fn of(order: &Order) -> Self {
        let NewOrder { instrument, side, reduces, .. } = order.new;
        Share { instrument, side, state: order.state, reduces, remaining: order.remaining() }
    }
}

impl OrderBook {
    /// Adds (`sign` 1) or takes away (-1) what an order contributes to the sums.
    pub(super) fn account(&mut self, share: &Share, sign: i64) {
        if share.state.is_final() {
            return;
        }
        let (Some(index), side) = (share.instrument.index(), share.side.index()) else { return };
        self.reserved[index][side] += sign * share.remaining;
        self.reducing[index][side] += if share.reduces { sign * share.remaining } else { 0 };
        assert!(self.reserved[index][side] >= 0, "reserved volume below zero");
        let step = |count: &mut u32| {
            *count = count.checked_add_signed(sign as i32).expect("a count of open orders below zero");
        };
        step(&mut self.open_by_side[index][side]);
        if share.state == OrderState::Unknown {
            step(&mut self.unknown_by_side[index][side]);
            self.unknown_count =
                self.unknown_count.checked_add_signed(sign as isize).expect("unknown orders below zero");
        }
    }
}
