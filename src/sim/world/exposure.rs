//! Exposure, size and stops of every opening, reckoned anew from the books and the quotes.
//!
//! What it is not: the engine's room; it shares no line with it.
//!
//! Invariant: it is asked after an opening, whose own volume is among the reserved ones then.

use super::{World, setup};
use crate::record::{AUX_REDUCES, Command, Record};
use crate::types::{InstrumentId, OrderKind, Price, Side};

/// The room is worked out with the mids of the last sample: prices may have moved on so much since.
const MOVED: f64 = 1.01;
/// Equity may have grown so much since the start.
const GROWN: f64 = 1.1;

impl World {
    /// All positions and orders together, and what this one loses at its stop.
    pub(super) fn check_exposure(&mut self, instrument: InstrumentId, command: &Command) {
        let limits = setup::exposure(self.venues.len()).limits;
        let engine = &self.appliance.engine;
        let (mut gross, mut waiting) = (0.0, 0.0);
        for id in self.instruments() {
            let at = usize::from(id.0);
            let (Some((bid, ask)), Some(spec)) = (self.watch.quotes[at], engine.spec(id)) else { continue };
            let step = (bid + ask) as f64 / 2.0 * spec.tick_value * spec.volume_step;
            let net = engine.positions().net(id).qty + engine.external(id);
            let [buy, sell] = Side::BOTH
                .map(|side| engine.orders().reserved(id, side) - self.reduced_after(command, id, side));
            gross += (net + buy).abs().max((net - sell).abs()) as f64 * step;
            waiting += (buy + sell) as f64 * step;
        }
        let most =
            |limit: Option<crate::types::Money>| limit.map_or(f64::MAX, |limit| limit.as_f64() * MOVED);
        if gross > most(limits.gross_max) || waiting > most(limits.unexecuted_max) {
            self.violate("exposure", || {
                format!("expected at most {limits:?}, got {gross:.2} gross and {waiting:.2} not executed")
            });
        }
        let Some(spec) = self.appliance.engine.spec(instrument) else { return };
        // A stop-limit is filled at its limit, or better.
        let limit = Price(command.stop_limit);
        let entry = if limit.is_some() { limit } else { Price(command.price) };
        let distance = entry.0.saturating_sub(command.stop_loss).abs() as f64;
        let lost = distance * spec.tick_value * spec.volume_step * command.qty as f64;
        let most = setup::risk_at_stop(instrument) * GROWN;
        if lost > most {
            self.violate("size", || format!("expected at most {most:.2} lost at the stop, got {lost:.2}"));
        }
    }

    /// The stops of an entry at the market keep the venue's distance from what it is worth at once: the far side of the quote.
    pub(super) fn check_entry_stops(&mut self, instrument: InstrumentId, side: Side, command: &Command) {
        let quote = self.watch.quotes[usize::from(instrument.0)];
        let (Some((bid, ask)), Some(spec)) = (quote, self.appliance.engine.spec(instrument)) else { return };
        let (opens_at, worth) = if side == Side::Buy { (ask, bid) } else { (bid, ask) };
        // What a requote offers is not the market that we see.
        if command.order_kind != OrderKind::market(side).code() || command.price != opens_at {
            return;
        }
        let level = spec.points_to_ticks(spec.stops_level_points);
        let is_near =
            |price: i64, sign: i64| Price(price).is_some() && (price - worth) * sign * side.sign() < level;
        if is_near(command.stop_loss, -1) || is_near(command.take_profit, 1) {
            let (stop, take) = (command.stop_loss, command.take_profit);
            self.violate("stops", || format!("expected {level} ticks from {worth}, got {stop} and {take}"));
        }
    }

    /// What the same step asked to close after an opening was decided: the opening could not count it.
    fn reduced_after(&self, command: &Command, instrument: InstrumentId, side: Side) -> i64 {
        let commands =
            self.appliance.out.records().iter().filter_map(|record| Some((record, record.payload()?)));
        let later = commands.skip_while(|(_, other): &(&Record, Command)| other.order_id != command.order_id);
        let closes = |(record, other): &(&Record, Command)| {
            let kind = OrderKind::from_code(other.order_kind).and_then(OrderKind::side);
            record.aux() == AUX_REDUCES && record.instrument() == instrument && kind == Some(side)
        };
        later.skip(1).filter(closes).map(|(_, other)| other.qty).sum()
    }
}
