//! The gate: a few integer comparisons against what was worked out beforehand.
//!
//! What it is not: it keeps no order and no position; the engine tells it what they amount to, and when that changes.
//!
//! Invariant: an intent is checked against its worst case, everything that may still fill included. A condition that was
//! never set is "no".

mod reductions;
mod requests;

pub use requests::{Ask, Levels, RequestIntent};
mod state;

use super::bucket::Bucket;
use super::exposure::Room;
use super::jump::Jump;
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

/// An intent that passed. Only [`Gate::check`] and [`Gate::check_request`] build one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approved<T = Intent> {
    intent: T,
    ts_approved: TimeNs,
}

impl<T> Approved<T> {
    /// What was approved.
    pub fn intent(&self) -> &T {
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
    /// Of that, what reduces.
    pub reducing: [i64; 2],
    /// Orders in doubt on each side.
    pub unknown: [u32; 2],
    /// What else closes the instrument for openings.
    pub barred: Option<Refusal>,
}

/// What was worked out for an instrument beforehand.
#[derive(Clone, Copy, Debug)]
struct Envelope {
    limits: InstrumentLimits,
    /// Closed for openings on each side, and why.
    closed: [Option<Refusal>; 2],
    /// Largest opening order of each side.
    open_max: [i64; 2],
    /// Largest reduction by each side, where an instrument has one position.
    reduce_max: [i64; 2],
    worst: [i64; 2],
    /// Largest opening of each side that exposure over all instruments leaves.
    room_max: [i64; 2],
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Gate {
    limits: Limits,
    envelopes: Box<[Option<Envelope>]>,
    jumps: Box<[Jump]>,
    /// What bounds `room_max`, for the words of a refusal.
    rooms: Box<[[Room; 2]]>,
    closed: Option<Refusal>,
    trading: Trading,
    bucket: Bucket,
    reserve: Bucket,
    cancels: Bucket,
    changes: Bucket,
    moves: Bucket,
}

impl Gate {
    /// Closed until the engine says otherwise.
    pub fn new(limits: Limits) -> Self {
        Gate {
            limits,
            envelopes: vec![None; INSTRUMENTS_MAX].into(),
            jumps: vec![Jump::default(); INSTRUMENTS_MAX].into(),
            rooms: vec![[Room::OPEN; 2]; INSTRUMENTS_MAX].into(),
            closed: Some(Refusal { reason: Reason::SessionDown, limit: 1, got: 0 }),
            trading: Trading::Active,
            bucket: Bucket::new(limits.orders_per_s_max, limits.orders_burst_max),
            reserve: Bucket::new(limits.orders_per_s_max, limits.orders_burst_max),
            cancels: Bucket::new(limits.orders_per_s_max, limits.orders_burst_max),
            changes: Bucket::new(limits.orders_per_s_max, limits.orders_burst_max),
            moves: Bucket::new(limits.orders_per_s_max, limits.orders_burst_max),
        }
    }

    /// The operator's limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Limits that hold from now on; every envelope is to be prepared anew. A new rate grants no tokens; the reserves of reductions, of
    /// cancels and of moves that do not worsen a stop keep the rate that they began with.
    pub fn set_limits(&mut self, limits: Limits, now: TimeNs) {
        let is_rate_same = limits.orders_per_s_max == self.limits.orders_per_s_max
            && limits.orders_burst_max == self.limits.orders_burst_max;
        if !is_rate_same {
            let bucket = Bucket::empty(limits.orders_per_s_max, limits.orders_burst_max, now);
            (self.bucket, self.changes) = (bucket, bucket);
        }
        self.limits = limits;
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

    /// Looks how far an instrument's price moved. To be told of every quote.
    #[inline]
    pub fn on_quote(&mut self, instrument: InstrumentId, quote: &Quote) {
        if let Some(index) = instrument.index() {
            self.jumps[index].observe(quote, self.limits.jump_window_ns);
        }
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
                (-now.position).max(0).saturating_sub(now.reducing[Side::Buy.index()]),
                now.position.max(0).saturating_sub(now.reducing[Side::Sell.index()]),
            ],
            worst,
            room_max: self.rooms[index].map(|room| room.steps),
        };
        for side in 0..2 {
            envelope.open_max[side] =
                limits.position_max.0.saturating_sub(worst[side]).min(limits.order_max.0);
            if !mode_allows[side] {
                envelope.closed[side] = Some(Refusal { reason: Reason::InstrumentMode, limit: 1, got: 0 });
            } else if now.unknown[side] > 0 {
                let got = i64::from(now.unknown[side]);
                envelope.closed[side] = Some(Refusal { reason: Reason::OrderUnknown, limit: 0, got });
            } else {
                envelope.closed[side] = now.barred;
            }
        }
        self.envelopes[index] = Some(envelope);
    }

    /// Sets what exposure over all instruments leaves for openings of each side.
    pub fn set_room(&mut self, instrument: InstrumentId, rooms: [Room; 2]) {
        let Some(index) = instrument.index() else { return };
        self.rooms[index] = rooms;
        if let Some(envelope) = &mut self.envelopes[index] {
            envelope.room_max = rooms.map(|room| room.steps);
        }
    }

    /// Openings that may leave at once.
    pub fn tokens(&self, now: TimeNs) -> i64 {
        self.bucket.tokens(now)
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
        let known = intent.instrument.index().and_then(|at| Some((at, self.envelopes[at].as_ref()?)));
        let Some((at, envelope)) = known else { return refuse(Reason::InstrumentUnknown, 1, 0) };
        let side = intent.side.index();
        let (limits, qty) = (&envelope.limits, intent.qty.0);
        if qty < limits.order_min.0 {
            return refuse(Reason::SizeMinimum, limits.order_min.0, qty);
        }
        if intent.reduces {
            let most = envelope.reduce_max[side];
            return self.approve_reduction(intent, most, now);
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
        if qty > envelope.room_max[side] {
            let room = &self.rooms[at][side];
            return refuse(room.reason, room.limit, room.got(qty));
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
        let moved = self.jumps[at].ticks();
        if moved > limits.jump_max {
            return refuse(Reason::PriceJump, limits.jump_max, moved);
        }
        let value = qty.saturating_mul(intent.price.0.saturating_abs());
        if value > limits.value_max {
            return refuse(Reason::SizeValue, limits.value_max, value);
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
mod tests;
