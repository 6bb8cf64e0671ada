//! What all instruments amount to together, and what is left for an opening of one.
//!
//! What it is not: a judge of one order; the gate compares.
//!
//! Invariant: a position and everything ordered count at the newest value of a step. With reserved volume the portfolio's risk
//! is taken at its worst: a deviation is a norm, so it is at most that of the positions plus each reserved volume's own.

use super::{CORRELATED_MAX, ExposureLimits, PortfolioLimit, Returns};
use crate::risk::Reason;
use crate::types::{Money, Side};

/// Currencies that are told apart, the account's aside.
pub const CURRENCIES_MAX: usize = 32;

/// One instrument, as it counts.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Holding {
    /// Net position, what others hold included, steps.
    pub position: i64,
    /// What open orders of each side may still fill, steps.
    pub reserved: [i64; 2],
    /// What a step is worth, account currency; not a number where it is not known.
    pub step_value: f64,
    /// Currencies bought and paid with.
    pub currencies: [Option<u8>; 2],
}

impl Holding {
    fn is_held(&self) -> bool {
        self.position != 0 || self.reserved != [0; 2]
    }

    fn is_valued(&self) -> bool {
        self.step_value > 0.0 && self.step_value.is_finite()
    }

    /// Largest net position that may come of it, on each side, steps; negative on the side where there is none.
    fn worst(&self) -> [i64; 2] {
        [
            self.position.saturating_add(self.reserved[Side::Buy.index()]),
            self.reserved[Side::Sell.index()].saturating_sub(self.position),
        ]
    }
}

/// The largest opening of one side, and what bounds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Steps; `i64::MAX` where nothing bounds it.
    pub steps: i64,
    /// What bounds it.
    pub reason: Reason,
    /// The limit, in the reason's unit.
    pub limit: i64,
    /// What there is already, in the reason's unit.
    pub base: i64,
    /// What a step adds to it.
    pub per_step: i64,
}

impl Room {
    /// Nothing bounds it.
    pub const OPEN: Room =
        Room { steps: i64::MAX, reason: Reason::ExposureUnknown, limit: 0, base: 0, per_step: 0 };

    /// Something that it follows from is not known: nothing may open.
    pub const UNKNOWN: Room = Room { steps: 0, ..Room::OPEN };

    /// What is left of `limit` after `base`, by steps of `per_step` account currency.
    fn of(reason: Reason, limit: f64, base: f64, per_step: f64) -> Room {
        let steps = ((limit - base) / per_step).floor();
        let micros = |amount: f64| (amount * Money::MICROS) as i64;
        Room {
            // Written so that what is not a number leaves none.
            steps: if steps > 0.0 { steps as i64 } else { 0 },
            reason,
            limit: micros(limit),
            base: micros(base),
            per_step: micros(per_step),
        }
    }

    /// What an opening of so many steps would have made of it.
    pub fn got(&self, steps: i64) -> i64 {
        self.base.saturating_add(self.per_step.saturating_mul(steps))
    }

    fn or_tighter(self, other: Room) -> Room {
        if other.steps < self.steps { other } else { self }
    }
}

/// See the module.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Totals {
    /// Something is held whose value is not known.
    is_unknown: bool,
    gross: f64,
    unexecuted: f64,
    /// Net exposure by currency, and what orders may add and take.
    net: [f64; CURRENCIES_MAX],
    up: [f64; CURRENCIES_MAX],
    down: [f64; CURRENCIES_MAX],
    /// Variance of the positions' value by sample; `None` where a return is not known.
    variance: Option<f64>,
    /// Covariance of each instrument's return with that value.
    with_held: [f64; CORRELATED_MAX],
    /// Deviation of what is reserved, each alone, by sample.
    reserved_deviation: f64,
}

impl Totals {
    /// Of these holdings. `returns` has none where no correlation is needed.
    pub fn new(holdings: &[Holding], returns: &Returns) -> Self {
        let mut totals = Totals {
            is_unknown: false,
            gross: 0.0,
            unexecuted: 0.0,
            net: [0.0; CURRENCIES_MAX],
            up: [0.0; CURRENCIES_MAX],
            down: [0.0; CURRENCIES_MAX],
            variance: None,
            with_held: [0.0; CORRELATED_MAX],
            reserved_deviation: 0.0,
        };
        for holding in holdings.iter().filter(|holding| holding.is_held()) {
            totals.add(holding);
        }
        totals.variance = totals.weigh(holdings, returns);
        totals
    }

    fn add(&mut self, holding: &Holding) {
        let value = holding.step_value;
        self.is_unknown |= !holding.is_valued();
        self.gross += holding.worst()[0].max(holding.worst()[1]) as f64 * value;
        let reserved = holding.reserved.map(|steps| steps as f64 * value);
        self.unexecuted += reserved[0] + reserved[1];
        for (currency, sign) in holding.currencies.iter().zip([1.0, -1.0]) {
            let Some(at) = currency.map(usize::from).filter(|at| *at < CURRENCIES_MAX) else { continue };
            self.net[at] += sign * holding.position as f64 * value;
            let bought = if sign > 0.0 { reserved } else { [reserved[1], reserved[0]] };
            self.up[at] += bought[0];
            self.down[at] += bought[1];
        }
    }

    fn weigh(&mut self, holdings: &[Holding], returns: &Returns) -> Option<f64> {
        let weighted = holdings.iter().enumerate().filter(|(_, holding)| holding.is_held());
        let mut variance = 0.0;
        for (one, holding) in weighted.clone() {
            let own = returns.covariance(one, one)?;
            let reserved = holding.reserved[0].max(holding.reserved[1]) as f64 * holding.step_value;
            self.reserved_deviation += reserved * own.sqrt();
            let value = holding.position as f64 * holding.step_value;
            for at in 0..holdings.len().min(CORRELATED_MAX) {
                self.with_held[at] += returns.covariance(one, at).unwrap_or(f64::NAN) * value;
            }
        }
        for (one, holding) in weighted {
            variance += self.with_held[one] * holding.position as f64 * holding.step_value;
        }
        Some(variance.max(0.0))
    }

    /// Room for an opening of one side of an instrument; `equity` is `None` where it is not known.
    pub fn room(
        &self,
        limits: &ExposureLimits,
        holdings: &[Holding],
        at: usize,
        side: Side,
        equity: Option<Money>,
        returns: &Returns,
    ) -> Room {
        if *limits == ExposureLimits::default() {
            return Room::OPEN;
        }
        let Some(holding) = holdings.get(at).filter(|holding| holding.is_valued() && !self.is_unknown) else {
            return Room::UNKNOWN;
        };
        let (value, mut room) = (holding.step_value, Room::OPEN);
        if let Some(most) = limits.unexecuted_max {
            room = room.or_tighter(Room::of(Reason::ValueUnexecuted, most.as_f64(), self.unexecuted, value));
        }
        if let Some(most) = limits.gross_max {
            room = room.or_tighter(self.gross_room(Reason::ExposureGross, most.as_f64(), holding, side));
        }
        if let Some(times) = limits.leverage_max {
            let Some(equity) = equity else { return Room::UNKNOWN };
            let most = equity.as_f64() * times;
            room = room.or_tighter(self.gross_room(Reason::ExposureLeverage, most, holding, side));
        }
        if let Some(most) = limits.currency_max {
            room = room.or_tighter(self.currency_room(most.as_f64(), holding, side));
        }
        if let Some(limit) = &limits.portfolio {
            room = room.or_tighter(self.portfolio_room(limit, holding, at, side, returns));
        }
        room
    }

    /// Gross counts an instrument's worse side, so an opening on the other one is free up to there.
    fn gross_room(&self, reason: Reason, most: f64, holding: &Holding, side: Side) -> Room {
        let worst = holding.worst();
        let counted = worst[0].max(worst[1]);
        let own = worst[side.index()];
        let free = counted.saturating_sub(own);
        let room = Room::of(reason, most, self.gross, holding.step_value);
        if self.gross > most { room } else { Room { steps: room.steps.saturating_add(free), ..room } }
    }

    fn currency_room(&self, most: f64, holding: &Holding, side: Side) -> Room {
        let mut room = Room::OPEN;
        for (currency, bought) in holding.currencies.iter().zip([Side::Buy, Side::Sell]) {
            let Some(at) = currency.map(usize::from).filter(|at| *at < CURRENCIES_MAX) else { continue };
            let base = if side == bought { self.net[at] + self.up[at] } else { self.down[at] - self.net[at] };
            room = room.or_tighter(Room::of(Reason::ExposureCurrency, most, base, holding.step_value));
        }
        room
    }

    /// The largest volume that keeps the deviation within the limit: a quadratic in the steps.
    fn portfolio_room(
        &self,
        limit: &PortfolioLimit,
        holding: &Holding,
        at: usize,
        side: Side,
        returns: &Returns,
    ) -> Room {
        let (Some(held), Some(own)) = (self.variance, returns.covariance(at, at)) else {
            return Room::UNKNOWN;
        };
        let horizon = limit.horizon_samples.sqrt();
        // Everything by sample from here on.
        let most = limit.risk_max.as_f64() / horizon - self.reserved_deviation;
        let value = holding.step_value;
        let micros = |amount: f64| (amount * Money::MICROS) as i64;
        let room = Room {
            steps: 0,
            reason: Reason::ExposurePortfolio,
            limit: limit.risk_max.0,
            base: micros((held.sqrt() + self.reserved_deviation) * horizon),
            per_step: 0,
        };
        let slope = side.sign() as f64 * self.with_held[at] * value;
        let square = own * value * value;
        let left = most * most - held;
        if !(most > 0.0 && left >= 0.0 && slope.is_finite() && square.is_finite()) {
            return room;
        }
        if square == 0.0 {
            // A price that did not move all the while says nothing of what it may do.
            return Room::UNKNOWN;
        }
        let steps = ((slope * slope + square * left).sqrt() - slope) / square;
        Room { steps: steps.max(0.0) as i64, ..room }
    }

    /// Correlation of an opening with all that is held, -1 to 1; zero when nothing is, `None` where it is not known.
    pub fn correlation(&self, at: usize, side: Side, returns: &Returns) -> Option<f64> {
        let held = self.variance.filter(|_| !self.is_unknown)?;
        if held == 0.0 {
            // Nothing is held, or what is held did not move.
            return if self.gross == 0.0 { Some(0.0) } else { None };
        }
        let own = returns.covariance(at, at)?;
        let correlation = side.sign() as f64 * self.with_held.get(at)? / (own * held).sqrt();
        correlation.is_finite().then(|| correlation.clamp(-1.0, 1.0))
    }
}
