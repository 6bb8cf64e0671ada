//! The gate's part in requests: cancels, changes of stops and of pending orders, closing by an opposite position.
//!
//! What it is not: a judge of orders (`gate.rs`), or of whether the venue will take it.
//!
//! Invariant: a cancel passes whatever is closed, out of a reserve that nothing else draws on; so does a tighter stop, whatever
//! entries follow the market. What cannot worsen the worst case
//! passes whatever closes openings; what can is judged as an opening is.

use super::{Approved, Gate, Refusal};
use crate::risk::reason::{Reason, Trading};
use crate::types::{InstrumentId, Price, Quote, Side, TimeNs};

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// That an order goes.
    Cancel,
    /// That two opposite positions close each other.
    CloseBy,
    /// That a position's stops stand elsewhere.
    Stops,
    /// That an order rests elsewhere.
    Modify,
}

/// The levels that decide what the worst case is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Levels {
    /// Price of the order; `Price::NONE` of a position.
    pub price: Price,
    /// Its stop loss, or none.
    pub stop_loss: Price,
}

/// A request, before anybody has judged it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestIntent {
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// What is asked for.
    pub ask: Ask,
    /// Side of the order or of the position.
    pub side: Side,
    /// As it stands.
    pub from: Levels,
    /// As it is to stand.
    pub to: Levels,
}

impl RequestIntent {
    /// Whether the worst case may be worse afterwards: a fill is nearer, or less is between it and its stop.
    pub fn worsens(&self, quote: &Quote) -> bool {
        match self.ask {
            Ask::Cancel | Ask::CloseBy => false,
            Ask::Stops => self.stop_is_looser(self.from.stop_loss, self.to.stop_loss),
            Ask::Modify => self.is_nearer(quote) || self.loses_more(),
        }
    }

    fn stop_is_looser(&self, from: Price, to: Price) -> bool {
        match (from.is_some(), to.is_some()) {
            (false, _) => false,
            (true, false) => true,
            (true, true) => (to.0 - from.0) * self.side.sign() < 0,
        }
    }

    /// Without a market nobody knows, and what nobody knows is the worse.
    fn is_nearer(&self, quote: &Quote) -> bool {
        let market = reference(quote, self.side);
        if !market.is_some() {
            return true;
        }
        let distance = |price: Price| price.0.saturating_sub(market.0).saturating_abs();
        distance(self.to.price) < distance(self.from.price)
    }

    fn loses_more(&self) -> bool {
        let at_risk = |levels: Levels| (levels.price.0 - levels.stop_loss.0) * self.side.sign();
        match (self.from.stop_loss.is_some(), self.to.stop_loss.is_some()) {
            (false, _) => false,
            (true, false) => true,
            (true, true) => at_risk(self.to) > at_risk(self.from),
        }
    }
}

/// What the side is traded at.
fn reference(quote: &Quote, side: Side) -> Price {
    if side == Side::Buy { quote.ask } else { quote.bid }
}

impl Gate {
    /// Judges a request.
    pub fn check_request(
        &mut self,
        intent: RequestIntent,
        quote: &Quote,
        now: TimeNs,
    ) -> Result<Approved<RequestIntent>, Refusal> {
        let known = intent.instrument.index().is_some_and(|at| self.envelopes[at].is_some());
        if !known && intent.ask != Ask::Cancel {
            return Err(Refusal { reason: Reason::InstrumentUnknown, limit: 1, got: 0 });
        }
        let is_opening = intent.worsens(quote);
        if is_opening {
            self.check_worse(&intent, quote, now)?;
        }
        let bucket = match intent.ask {
            Ask::Cancel => &mut self.cancels,
            Ask::CloseBy => &mut self.reserve,
            Ask::Stops | Ask::Modify if is_opening => &mut self.bucket,
            Ask::Modify => &mut self.changes,
            Ask::Stops => &mut self.moves,
        };
        if !bucket.take(now) {
            let limit = i64::from(self.limits.orders_per_s_max);
            return Err(Refusal { reason: Reason::RateRequests, limit, got: 0 });
        }
        Ok(Approved { intent, ts_approved: now })
    }

    /// As an opening is judged, but for its size: that was judged when it was made.
    fn check_worse(&self, intent: &RequestIntent, quote: &Quote, now: TimeNs) -> Result<(), Refusal> {
        let refuse = |reason, limit, got| Err(Refusal { reason, limit, got });
        match self.trading {
            Trading::Active => {}
            Trading::Reducing => return refuse(Reason::TradingReducing, 1, Trading::Reducing as i64),
            Trading::Halted => return refuse(Reason::TradingHalted, 1, Trading::Halted as i64),
        }
        let at = intent.instrument.index();
        let envelope = at.and_then(|at| self.envelopes[at].as_ref());
        let of_side = envelope.and_then(|envelope| envelope.closed[intent.side.index()]);
        if let Some(refusal) = self.closed.or(of_side) {
            return Err(refusal);
        }
        let Some(spread) = quote.spread() else { return refuse(Reason::QuoteMissing, 2, 0) };
        if spread < 0 {
            return refuse(Reason::QuoteCrossed, 0, spread);
        }
        let age_ns = quote.age_ns(now);
        if age_ns > self.limits.stale_after_ns {
            return refuse(Reason::QuoteStale, self.limits.stale_after_ns, age_ns);
        }
        if let (Ask::Modify, Some(envelope)) = (intent.ask, envelope) {
            let market = reference(quote, intent.side);
            let distance = intent.to.price.0.saturating_sub(market.0).saturating_abs();
            let most = envelope.limits.price_distance_max;
            if !intent.to.price.is_some() || distance > most {
                return refuse(Reason::PriceDistance, most, distance);
            }
        }
        if let (Ask::Stops, Some(envelope), true) = (intent.ask, envelope, intent.to.stop_loss.is_some()) {
            let market = reference(quote, intent.side.opposite());
            let distance = intent.to.stop_loss.0.saturating_sub(market.0).saturating_abs();
            let most = envelope.limits.stop_distance_max;
            if distance > most {
                return refuse(Reason::PriceStop, most, distance);
            }
        }
        if let (Some(at), Some(envelope)) = (at, envelope) {
            let (moved, most) = (self.jumps[at].ticks(), envelope.limits.jump_max);
            if moved > most {
                return refuse(Reason::PriceJump, most, moved);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::limits::test_limits;
    use super::super::{Conditions, Exposure};
    use super::*;
    use crate::risk::Limits;
    use crate::types::{FixedText, InstrumentSpec, NS_PER_S, VenueId};

    const NOW: TimeNs = TimeNs(100 * NS_PER_S);

    fn gate_with(limits: Limits) -> Gate {
        let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        let mut gate = Gate::new(limits);
        gate.prepare(InstrumentId(0), limits.for_instrument(&spec), [true; 2], Exposure::default());
        gate.set_conditions(Conditions { closed: None });
        gate
    }

    fn quote() -> Quote {
        Quote { bid: Price(1000), ask: Price(1002), last: Price::NONE, ts_venue: NOW, ts_recv: NOW }
    }

    fn stops(side: Side, from: i64, to: Option<i64>) -> RequestIntent {
        let level = |stop_loss| Levels { price: Price::NONE, stop_loss };
        let (from, to) = (level(Price(from)), level(to.map_or(Price::NONE, Price)));
        RequestIntent { instrument: InstrumentId(0), ask: Ask::Stops, side, from, to }
    }

    /// A buy limit, below the market.
    fn modify(from: [i64; 2], to: [i64; 2]) -> RequestIntent {
        let [from, to] =
            [from, to].map(|[price, stop_loss]| Levels { price: Price(price), stop_loss: Price(stop_loss) });
        RequestIntent { instrument: InstrumentId(0), ask: Ask::Modify, side: Side::Buy, from, to }
    }

    fn cancel() -> RequestIntent {
        RequestIntent { ask: Ask::Cancel, ..modify([990, 980], [990, 980]) }
    }

    fn reason(gate: &mut Gate, intent: RequestIntent) -> Result<(), Reason> {
        gate.check_request(intent, &quote(), NOW).map(|_| ()).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn what_may_worsen_the_worst_case_is_told_from_what_may_not() {
        let worse = [
            stops(Side::Buy, 900, Some(899)),
            stops(Side::Buy, 900, None),
            stops(Side::Sell, 1100, Some(1101)),
            modify([990, 980], [991, 981]),
            modify([990, 980], [990, 979]),
            modify([990, 980], [989, 978]),
        ];
        let fine = [
            stops(Side::Buy, 900, Some(901)),
            stops(Side::Sell, 1100, Some(1099)),
            RequestIntent {
                from: Levels { price: Price::NONE, stop_loss: Price::NONE },
                ..stops(Side::Buy, 900, Some(901))
            },
            modify([990, 980], [989, 980]),
            cancel(),
            RequestIntent { ask: Ask::CloseBy, ..cancel() },
        ];
        for trading in [Trading::Halted, Trading::Reducing] {
            for intent in worse {
                let mut gate = gate_with(test_limits());
                assert_eq!(reason(&mut gate, intent), Ok(()), "{intent:?}");
                gate.set_trading(trading);
                assert!(reason(&mut gate, intent).is_err(), "{intent:?}");
            }
            for intent in fine {
                let mut gate = gate_with(test_limits());
                gate.set_trading(trading);
                gate.set_conditions(Conditions { closed: Gate::new(test_limits()).closed() });
                assert_eq!(reason(&mut gate, intent), Ok(()), "{intent:?}");
            }
        }
    }

    #[test]
    fn a_change_for_the_worse_is_held_to_a_fresh_price() {
        let wish = modify([990, 980], [991, 981]);
        let stale = Quote { ts_recv: TimeNs(NOW.0 - 60 * NS_PER_S), ..quote() };
        let missing = Quote { ask: Price::NONE, ..quote() };
        let crossed = Quote { ask: Price(999), ..quote() };
        for (quote, expected) in
            [(stale, Reason::QuoteStale), (missing, Reason::QuoteMissing), (crossed, Reason::QuoteCrossed)]
        {
            let mut gate = gate_with(test_limits());
            let got = gate.check_request(wish, &quote, NOW).map_err(|refusal| refusal.reason);
            assert_eq!(got.err(), Some(expected));
            assert!(gate.check_request(cancel(), &quote, NOW).is_ok(), "a cancel needs no quote");
        }
        let far = modify([100, 90], [200, 190]);
        assert_eq!(reason(&mut gate_with(test_limits()), far), Err(Reason::PriceDistance));
    }

    #[test]
    fn a_looser_stop_is_held_to_its_collar_and_a_tighter_one_passes() {
        let mut gate = gate_with(test_limits());
        let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        let limits =
            crate::risk::InstrumentLimits { stop_distance_max: 200, ..test_limits().for_instrument(&spec) };
        gate.prepare(InstrumentId(0), limits, [true; 2], Exposure::default());
        // A long position is closed at the bid of 1000, a short one at the ask of 1002.
        assert_eq!(reason(&mut gate, stops(Side::Buy, 900, Some(800))), Ok(()));
        assert_eq!(reason(&mut gate, stops(Side::Buy, 900, Some(799))), Err(Reason::PriceStop));
        assert_eq!(reason(&mut gate, stops(Side::Sell, 1100, Some(1202))), Ok(()));
        assert_eq!(reason(&mut gate, stops(Side::Sell, 1100, Some(1203))), Err(Reason::PriceStop));
        assert_eq!(reason(&mut gate, stops(Side::Buy, 100, Some(300))), Ok(()), "nearer than it stood");
        assert_eq!(reason(&mut gate, cancel()), Ok(()));
    }

    #[test]
    fn cancels_draw_on_a_reserve_of_their_own() {
        let limits = Limits { orders_per_s_max: 1, orders_burst_max: 2, ..test_limits() };
        let mut gate = gate_with(limits);
        let tighter = stops(Side::Buy, 900, Some(901));
        let looser = stops(Side::Buy, 900, Some(899));
        let follows = modify([990, 980], [989, 980]);
        // Everything else is spent: budget of openings, of reductions, of changes.
        let close_by = RequestIntent { ask: Ask::CloseBy, ..cancel() };
        for wish in [follows, tighter, looser, close_by] {
            assert_eq!((0..5).filter(|_| reason(&mut gate, wish).is_ok()).count(), 2, "{wish:?}");
            assert_eq!(reason(&mut gate, wish), Err(Reason::RateRequests));
        }
        assert_eq!((0..5).filter(|_| reason(&mut gate, cancel()).is_ok()).count(), 2);
        let later = TimeNs(NOW.0 + NS_PER_S);
        assert!(gate.check_request(cancel(), &quote(), later).is_ok());
    }

    #[test]
    fn a_rate_that_was_lowered_binds_changes_of_entries_and_no_reserve() {
        let mut gate = gate_with(Limits { orders_per_s_max: 50, orders_burst_max: 5, ..test_limits() });
        gate.set_limits(Limits { orders_per_s_max: 1, orders_burst_max: 1, ..test_limits() }, NOW);
        let passed = |gate: &mut Gate, wish, now| {
            (0..20).filter(|_| gate.check_request(wish, &quote(), now).is_ok()).count()
        };
        let (follows, tighter) = (modify([990, 980], [989, 980]), stops(Side::Buy, 900, Some(901)));
        assert_eq!(passed(&mut gate, follows, NOW), 0, "a new rate grants no tokens");
        assert_eq!(passed(&mut gate, tighter, NOW), 5);
        assert_eq!(passed(&mut gate, cancel(), NOW), 5);
        assert_eq!(passed(&mut gate, follows, TimeNs(NOW.0 + 10 * NS_PER_S)), 1);
    }

    #[test]
    fn a_cancel_needs_no_rules_of_the_symbol() {
        let mut gate = Gate::new(test_limits());
        assert_eq!(reason(&mut gate, cancel()), Ok(()));
        let wish = stops(Side::Buy, 900, Some(901));
        assert_eq!(reason(&mut gate, wish), Err(Reason::InstrumentUnknown));
    }
}
