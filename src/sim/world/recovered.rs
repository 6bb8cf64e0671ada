//! What a start rebuilt, held against what was when the process died.
//!
//! What it is not: the rebuilding; `replay` has that.
//!
//! Invariant: whatever decides about orders is the same before and after.

use super::World;
use crate::engine::Engine;
use crate::types::Side;

impl World {
    /// What the journal makes is what the process had.
    pub(super) fn check_recovered(&mut self, recovered: &Engine) {
        let live = &self.appliance.engine;
        let mut wrong = None;
        for instrument in self.instruments() {
            let state = |engine: &Engine| {
                let position = *engine.positions().net(instrument);
                (
                    position.qty,
                    position.open_value,
                    engine.external(instrument),
                    engine.orders().open_of(instrument),
                    engine.orders().reserved(instrument, Side::Buy),
                    engine.orders().reserved(instrument, Side::Sell),
                )
            };
            if state(live) != state(recovered) {
                wrong = Some(format!("expected {:?}, got {:?}", state(live), state(recovered)));
            }
        }
        for (id, _) in self.truth.fates() {
            let state = |engine: &Engine| {
                let order = engine.orders().order(id);
                order.map(|order| (order.state, order.ticket, order.qty_filled, order.fill_value))
            };
            if state(live) != state(recovered) {
                wrong = Some(format!("order {id:x}: expected {:?}, got {:?}", state(live), state(recovered)));
            }
        }
        let requests = |engine: &Engine| engine.requests().open().to_vec();
        let stops = |engine: &Engine| engine.stops().iter().copied().collect::<Vec<_>>();
        if requests(live) != requests(recovered) || stops(live) != stops(recovered) {
            let (live, recovered) = (requests(live), requests(recovered));
            wrong = Some(format!("requests or stops: expected {live:?}, got {recovered:?}"));
        }
        if live.trading() != recovered.trading() {
            wrong = Some(format!("expected {:?}, got {:?}", live.trading(), recovered.trading()));
        }
        if let Some(words) = wrong {
            self.violate("recovery", || words);
        }
    }
}
