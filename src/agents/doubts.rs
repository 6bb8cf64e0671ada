//! The orders in doubt, as the control floor sees them.
//!
//! What it is not: how a doubt ends; evidence ends it, or the operator.
//!
//! Invariant: at most so many are listed, those with the lowest ids, and the count beside them says how many there are.

use crate::engine::Engine;
use crate::order::OrderState;
use crate::types::{InstrumentId, Side, TimeNs};

/// Orders in doubt that are listed.
pub const DOUBTS_MAX: usize = 32;

/// An order in doubt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// Its id.
    pub order_id: u64,
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// What it may still fill, steps.
    pub qty_open: i64,
    /// Since when.
    pub since: TimeNs,
}

/// The list.
pub type Doubts = [Option<Doubt>; DOUBTS_MAX];

/// Those of an engine.
pub(super) fn doubts_of(engine: &Engine) -> Doubts {
    let mut doubts = [None; DOUBTS_MAX];
    if engine.orders().unknown_count() == 0 {
        return doubts;
    }
    let in_doubt = engine.orders().open().filter(|order| order.state == OrderState::Unknown);
    for order in in_doubt {
        let doubt = Doubt {
            order_id: order.new.id.raw(),
            instrument: order.new.instrument,
            side: order.new.side,
            qty_open: order.remaining(),
            since: order.ts_unknown,
        };
        put(&mut doubts, doubt);
    }
    doubts
}

/// Keeps the lowest ids, in their order.
fn put(doubts: &mut Doubts, doubt: Doubt) {
    let is_after = |place: &Option<Doubt>| place.is_none_or(|other| other.order_id > doubt.order_id);
    if let Some(at) = doubts.iter().position(is_after) {
        doubts[at..].rotate_right(1);
        doubts[at] = Some(doubt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_ids_are_listed_in_their_order() {
        let doubt = |order_id| Doubt {
            order_id,
            instrument: InstrumentId(0),
            side: Side::Buy,
            qty_open: 1,
            since: TimeNs(1),
        };
        let mut doubts = [None; DOUBTS_MAX];
        for id in (1..=40).rev().chain(100..110) {
            put(&mut doubts, doubt(id));
        }
        let ids: Vec<u64> = doubts.iter().flatten().map(|doubt| doubt.order_id).collect();
        assert_eq!(ids, (1..=DOUBTS_MAX as u64).collect::<Vec<_>>());
    }
}
