//! The gate: a few integer comparisons against what was worked out beforehand.
//!
//! What it is not: it keeps no order and no position; the engine tells it what they amount to, and when that changes.
//!
//! Invariant: an intent is checked against its worst case, everything that may still fill included. A condition that was
//! never set is "no".

use super::bucket::Bucket;
use super::limits::{InstrumentLimits, Limits};
use super::reason::{Reason, Trading};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, Price, Qty, Quote, Side, TimeNs};

/// What is wanted, before anybody has judged it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Intent {
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Volume in steps.
    pub qty: Qty,
    /// The price it is meant at: the limit, or the quote it was decided on.
    pub price: Price,
    /// It only reduces a position.
    pub reduces: bool,
}

/// An intent that passed. Only [`Gate::check`] builds one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approved {
    intent: Intent,
    ts_approved: TimeNs,
}

impl Approved {
    /// What was approved.
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// When.
    pub fn ts_approved(&self) -> TimeNs {
        self.ts_approved
    }
}

/// Why an intent did not pass, with the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: limit={limit} got={got} unit={}", reason.name(), reason.unit())]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The limit, in the reason's unit.
    pub limit: i64,
    /// What was got, in the reason's unit.
    pub got: i64,
}

/// What must hold before anything opens; each starts as "no" and is set by the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// The first condition that does not hold, with limit and got; `None` when all do.
    pub closed: Option<Refusal>,
}

/// What an instrument amounts to now, in steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exposure {
    /// Net position, negative is short.
    pub position: i64,
    /// What open orders of each side may still fill.
    pub reserved: [i64; 2],
    /// Orders in doubt on each side.
    pub unknown: [u32; 2],
}

/// What was worked out for an instrument beforehand.
#[derive(Clone, Copy, Debug)]
struct Envelope {
    limits: InstrumentLimits,
    /// Closed for openings on each side, and why.
    closed: [Option<Refusal>; 2],
    /// Largest opening order of each side.
    open_max: [i64; 2],
    /// Largest reduction by each side.
    reduce_max: [i64; 2],
    worst: [i64; 2],
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Gate {
    limits: Limits,
    envelopes: Box<[Option<Envelope>]>,
    closed: Option<Refusal>,
    trading: Trading,
    bucket: Bucket,
    reserve: Bucket,
}

impl Gate {
    /// Closed until the engine says otherwise.
    pub fn new(limits: Limits) -> Self {
        Gate {
            limits,
            envelopes: vec![None; INSTRUMENTS_MAX].into(),
            closed: Some(Refusal { reason: Reason::SessionDown, limit: 1, got: 0 }),
            trading: Trading::Active,
            bucket: Bucket::new(limits.orders_per_s_max, limits.orders_burst_max),
            reserve: Bucket::new(limits.orders_per_s_max, limits.orders_burst_max),
        }
    }

    /// The operator's limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What may leave.
    pub fn trading(&self) -> Trading {
        self.trading
    }

    /// Sets what may leave.
    pub fn set_trading(&mut self, trading: Trading) {
        self.trading = trading;
    }

    /// Sets the conditions that concern all instruments.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.closed = conditions.closed;
    }

    /// The condition that closes the gate for openings, if one does.
    pub fn closed(&self) -> Option<Refusal> {
        self.closed
    }

    /// Works out an instrument's envelope. Off the decision path: after fills, sends, answers and new rules.
    pub fn prepare(
        &mut self,
        instrument: InstrumentId,
        limits: InstrumentLimits,
        mode_allows: [bool; 2],
        now: Exposure,
    ) {
        let Some(index) = instrument.index() else { return };
        let worst = [
            now.position.saturating_add(now.reserved[Side::Buy.index()]),
            now.reserved[Side::Sell.index()].saturating_sub(now.position),
        ];
        let mut envelope = Envelope {
            limits,
            closed: [None; 2],
            open_max: [0; 2],
            reduce_max: [
                (-now.position).max(0).saturating_sub(now.reserved[Side::Buy.index()]),
                now.position.max(0).saturating_sub(now.reserved[Side::Sell.index()]),
            ],
            worst,
        };
        for side in 0..2 {
            envelope.open_max[side] =
                limits.position_max.0.saturating_sub(worst[side]).min(limits.order_max.0);
            if !mode_allows[side] {
                envelope.closed[side] = Some(Refusal { reason: Reason::InstrumentMode, limit: 1, got: 0 });
            } else if now.unknown[side] > 0 {
                let got = i64::from(now.unknown[side]);
                envelope.closed[side] = Some(Refusal { reason: Reason::OrderUnknown, limit: 0, got });
            }
        }
        self.envelopes[index] = Some(envelope);
    }

    /// Judges an intent. `open_orders` are those whose fate is open, all instruments.
    #[inline]
    pub fn check(
        &mut self,
        intent: Intent,
        quote: &Quote,
        open_orders: usize,
        now: TimeNs,
    ) -> Result<Approved, Refusal> {
        let refuse = |reason, limit, got| Err(Refusal { reason, limit, got });
        let envelope = match intent.instrument.index().and_then(|index| self.envelopes[index].as_ref()) {
            Some(envelope) => envelope,
            None => return refuse(Reason::InstrumentUnknown, 1, 0),
        };
        let side = intent.side.index();
        let (limits, qty) = (&envelope.limits, intent.qty.0);
        if qty < limits.order_min.0 {
            return refuse(Reason::SizeMinimum, limits.order_min.0, qty);
        }
        if intent.reduces {
            if qty > envelope.reduce_max[side] {
                return refuse(Reason::ReduceTooLarge, envelope.reduce_max[side], qty);
            }
            if !self.reserve.take(now) {
                return refuse(Reason::RateOrders, i64::from(self.limits.orders_per_s_max), 0);
            }
            return Ok(Approved { intent, ts_approved: now });
        }
        match self.trading {
            Trading::Active => {}
            Trading::Reducing => return refuse(Reason::TradingReducing, 1, Trading::Reducing as i64),
            Trading::Halted => return refuse(Reason::TradingHalted, 1, Trading::Halted as i64),
        }
        if let Some(refusal) = self.closed.or(envelope.closed[side]) {
            return Err(refusal);
        }
        if qty > limits.order_max.0 {
            return refuse(Reason::SizeOrder, limits.order_max.0, qty);
        }
        if qty > envelope.open_max[side] {
            return refuse(
                Reason::SizePosition,
                limits.position_max.0,
                envelope.worst[side].saturating_add(qty),
            );
        }
        if open_orders >= self.limits.open_orders_max as usize {
            return refuse(
                Reason::CountOpenOrders,
                i64::from(self.limits.open_orders_max),
                open_orders as i64 + 1,
            );
        }
        let Some(spread) = quote.spread() else { return refuse(Reason::QuoteMissing, 2, 0) };
        if spread < 0 {
            return refuse(Reason::QuoteCrossed, 0, spread);
        }
        let age_ns = quote.age_ns(now);
        if age_ns > self.limits.stale_after_ns {
            return refuse(Reason::QuoteStale, self.limits.stale_after_ns, age_ns);
        }
        let reference = if intent.side == Side::Buy { quote.ask } else { quote.bid };
        let distance = intent.price.0.saturating_sub(reference.0).saturating_abs();
        if !intent.price.is_some() || distance > limits.price_distance_max {
            return refuse(Reason::PriceDistance, limits.price_distance_max, distance);
        }
        if !self.bucket.take(now) {
            return refuse(
                Reason::RateOrders,
                i64::from(self.limits.orders_per_s_max),
                self.bucket.tokens(now),
            );
        }
        Ok(Approved { intent, ts_approved: now })
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::test_limits;
    use super::*;
    use crate::types::{FixedText, InstrumentSpec, NS_PER_S, VenueId};

    const NOW: TimeNs = TimeNs(100 * NS_PER_S);

    fn open_gate(exposure: Exposure) -> Gate {
        let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        let mut gate = Gate::new(test_limits());
        gate.prepare(InstrumentId(0), test_limits().for_instrument(&spec), [true; 2], exposure);
        gate.set_conditions(Conditions { closed: None });
        gate
    }

    fn quote() -> Quote {
        Quote { bid: Price(1000), ask: Price(1002), last: Price::NONE, ts_venue: NOW, ts_recv: NOW }
    }

    fn buy(qty: i64) -> Intent {
        Intent {
            instrument: InstrumentId(0),
            side: Side::Buy,
            qty: Qty(qty),
            price: Price(1002),
            reduces: false,
        }
    }

    fn reason(gate: &mut Gate, intent: Intent) -> Result<Approved, Reason> {
        gate.check(intent, &quote(), 0, NOW).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_new_gate_is_closed() {
        assert_eq!(reason(&mut Gate::new(test_limits()), buy(1)), Err(Reason::InstrumentUnknown));
        let mut gate = open_gate(Exposure::default());
        gate.set_conditions(Conditions { closed: Gate::new(test_limits()).closed() });
        assert_eq!(reason(&mut gate, buy(1)), Err(Reason::SessionDown));
    }

    #[test]
    fn sizes_count_everything_that_may_still_fill() {
        let mut gate = open_gate(Exposure { position: 60, reserved: [80, 0], unknown: [0; 2] });
        assert_eq!(reason(&mut gate, buy(0)), Err(Reason::SizeMinimum));
        assert_eq!(reason(&mut gate, buy(101)), Err(Reason::SizeOrder));
        let refusal = gate.check(buy(61), &quote(), 0, NOW).unwrap_err();
        assert_eq!(refusal, Refusal { reason: Reason::SizePosition, limit: 200, got: 201 });
        assert_eq!(refusal.to_string(), "SIZE_POSITION: limit=200 got=201 unit=steps");
        assert!(gate.check(buy(60), &quote(), 0, NOW).is_ok());
    }

    #[test]
    fn every_condition_refuses_openings_and_lets_reductions_pass() {
        let close = Intent { side: Side::Sell, reduces: true, ..buy(50) };
        type Case = (Reason, fn(&mut Gate), Intent, Quote, usize);
        let cases: [Case; 9] = [
            (Reason::TradingHalted, |gate| gate.set_trading(Trading::Halted), buy(1), quote(), 0),
            (Reason::TradingReducing, |gate| gate.set_trading(Trading::Reducing), buy(1), quote(), 0),
            (
                Reason::LossDaily,
                |gate| {
                    let refusal = Refusal { reason: Reason::LossDaily, limit: 1, got: 2 };
                    gate.set_conditions(Conditions { closed: Some(refusal) })
                },
                buy(1),
                quote(),
                0,
            ),
            (Reason::CountOpenOrders, |_| (), buy(1), quote(), 4),
            (Reason::QuoteMissing, |_| (), buy(1), Quote { ask: Price::NONE, ..quote() }, 0),
            (Reason::QuoteCrossed, |_| (), buy(1), Quote { ask: Price(999), ..quote() }, 0),
            (
                Reason::QuoteStale,
                |_| (),
                buy(1),
                Quote { ts_recv: TimeNs(NOW.0 - NS_PER_S - 1), ..quote() },
                0,
            ),
            (Reason::PriceDistance, |_| (), Intent { price: Price(1053), ..buy(1) }, quote(), 0),
            (Reason::PriceDistance, |_| (), Intent { price: Price::NONE, ..buy(1) }, quote(), 0),
        ];
        for (expected, prepare, intent, quote, open_orders) in cases {
            let mut gate = open_gate(Exposure { position: 50, ..Exposure::default() });
            assert!(
                gate.clone().check(buy(1), &self::quote(), 0, NOW).is_ok(),
                "{expected:?}: shut without it"
            );
            prepare(&mut gate);
            let got = gate.check(intent, &quote, open_orders, NOW).map_err(|refusal| refusal.reason);
            assert_eq!(got, Err(expected));
            assert!(
                gate.check(close, &quote, open_orders, NOW).is_ok(),
                "{expected:?}: a reduction must pass"
            );
        }
    }

    #[test]
    fn an_order_in_doubt_closes_its_side_alone() {
        let mut gate = open_gate(Exposure { unknown: [1, 0], ..Exposure::default() });
        assert_eq!(reason(&mut gate, buy(1)), Err(Reason::OrderUnknown));
        let sell = Intent { side: Side::Sell, price: Price(1000), ..buy(1) };
        assert!(gate.check(sell, &quote(), 0, NOW).is_ok());
    }

    #[test]
    fn the_rate_of_openings_leaves_the_reserve_of_reductions_alone() {
        let mut gate = open_gate(Exposure { position: 200, ..Exposure::default() });
        let sell = Intent { side: Side::Sell, price: Price(1000), ..buy(1) };
        for _ in 0..5 {
            assert!(gate.check(sell, &quote(), 0, NOW).is_ok());
        }
        assert_eq!(reason(&mut gate, sell), Err(Reason::RateOrders));
        assert!(gate.check(Intent { reduces: true, ..sell }, &quote(), 0, NOW).is_ok());
    }

    #[test]
    fn a_reduction_never_reverses() {
        let mut gate = open_gate(Exposure { position: 50, reserved: [0, 20], unknown: [0; 2] });
        let close = Intent { side: Side::Sell, reduces: true, ..buy(31) };
        assert_eq!(reason(&mut gate, close), Err(Reason::ReduceTooLarge));
        assert!(gate.check(Intent { qty: Qty(30), ..close }, &quote(), 0, NOW).is_ok());
    }
}
