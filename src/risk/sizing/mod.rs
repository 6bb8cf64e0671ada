//! How large an entry is: fixed, by what its stop costs, by the market's volatility, or by the strategy's own record; less in
//! a drawdown, and less of what moves with what is held.
//!
//! What it is not: a limit. What it says is judged by the gate as any other volume; it knows no order and no position.
//!
//! Invariant: a size is rounded down to the volume grid, never up, and never above `lots_max` or the order limit. Below the
//! venue's smallest volume, and where a number it needs is missing or makes no sense, there is no size but a reason.

mod record;
mod scale;
#[cfg(test)]
mod tests;

pub use record::TradeRecord;
pub use scale::Drawdown;

use super::{Reason, Refusal};
use crate::types::{InstrumentSpec, Money, Qty};

/// What a double's noise may take from a whole step.
const STEP_NOISE: f64 = 1e-9;
const PERCENT: f64 = 100.0;

/// A size from the strategy's own record: see [`Kelly::percent`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Kelly {
    /// Part of the full Kelly fraction that is used, above 0 to 1.
    pub fraction: f64,
    /// Closed trades before the record counts, >= 1; until then the fixed volume is used, within `percent_max`.
    pub trades_min: u32,
    /// Imagined trades without an edge that the record is mixed with.
    pub shrink_trades: u32,
    /// Most of the equity that one entry may lose at its stop, per cent, above 0.
    pub percent_max: f64,
}

/// From what an entry's size follows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Method {
    /// The configured volume.
    Fixed,
    /// The stop costs so much of the equity.
    StopRisk {
        /// Per cent of the equity, above 0.
        percent: f64,
    },
    /// A move by a feature's value, in ticks, costs so much of the equity.
    Volatility {
        /// Per cent of the equity, above 0.
        percent: f64,
        /// The feature's place in the row.
        feature: u16,
    },
    /// The stop costs what the strategy's own record allows.
    Kelly(Kelly),
}

/// How large entries are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sizing {
    /// From what the size follows.
    pub method: Method,
    /// Largest entry, lots; infinity where the order limit alone bounds it.
    pub lots_max: f64,
    /// How it shrinks while equity is below its highest.
    pub drawdown: Option<Drawdown>,
    /// Part of the size that a full correlation with what is held takes away, 0 to 1.
    pub correlation_cut: f64,
}

/// What a size follows from, as it is known now. What is not known is not a number, or zero.
#[derive(Clone, Copy, Debug)]
pub struct SizingInputs<'a> {
    /// The configured volume, lots.
    pub lots: f64,
    /// The symbol's rules.
    pub spec: &'a InstrumentSpec,
    /// Largest order.
    pub order_max: Qty,
    /// Equity now.
    pub equity: Money,
    /// Its highest.
    pub equity_highest: Money,
    /// Distance of the protective stop, ticks; zero for none.
    pub stop_ticks: i64,
    /// The volatility feature, ticks.
    pub volatility_ticks: f64,
    /// What the strategy's trades came to.
    pub record: &'a TradeRecord,
    /// Correlation of the entry with all that is held, -1 to 1.
    pub correlation: f64,
}

impl Default for Sizing {
    fn default() -> Self {
        Sizing::FIXED
    }
}

impl Sizing {
    /// The configured volume, whatever happens.
    pub const FIXED: Sizing =
        Sizing { method: Method::Fixed, lots_max: f64::INFINITY, drawdown: None, correlation_cut: 0.0 };

    /// Whether it follows from the account's equity.
    pub fn needs_account(&self) -> bool {
        self.method != Method::Fixed || self.drawdown.is_some()
    }

    /// The volume of an entry, or why there is none.
    pub fn qty(&self, inputs: &SizingInputs<'_>) -> Result<Qty, Refusal> {
        let wanted = self.wanted_steps(inputs)?;
        if *self == Sizing::FIXED {
            // What the operator wrote is not bent to the limits: the gate says what is wrong with it.
            return Ok(Qty(floor(wanted)));
        }
        let share =
            self.drawdown.map_or(Ok(1.0), |scale| scale.share(inputs.equity, inputs.equity_highest))?;
        let share = share * scale::uncorrelated(self.correlation_cut, inputs.correlation)?;
        let most = floor(self.lots_max / inputs.spec.volume_step).min(inputs.order_max.0);
        let qty = floor(wanted * share).min(most);
        let least = inputs.spec.volume_min.0;
        if qty < least {
            return Err(Refusal { reason: Reason::SizeTooSmall, limit: least, got: qty });
        }
        Ok(Qty(qty))
    }

    /// Before any scale, in steps; finite and not negative.
    fn wanted_steps(&self, inputs: &SizingInputs<'_>) -> Result<f64, Refusal> {
        let fixed = inputs.lots / inputs.spec.volume_step;
        let stop = inputs.stop_ticks as f64;
        let steps = match self.method {
            Method::Fixed => fixed,
            Method::StopRisk { percent } => inputs.steps_that_lose(percent, stop)?,
            Method::Volatility { percent, .. } => inputs.steps_that_lose(percent, inputs.volatility_ticks)?,
            Method::Kelly(kelly) => match kelly.percent(inputs.record)? {
                Some(percent) => inputs.steps_that_lose(percent, stop)?,
                None => inputs.steps_that_lose(kelly.percent_max, stop)?.min(fixed),
            },
        };
        if steps.is_finite() && steps >= 0.0 { Ok(steps) } else { unknown(Input::Volume) }
    }
}

/// What a size could not do without, as the number in its refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
pub enum Input {
    /// The volume itself came out as no number.
    Volume = 1,
    /// Equity, or its highest.
    Equity = 2,
    /// The distance of the stop, or the volatility feature.
    Distance = 3,
    /// What a tick is worth.
    TickValue = 4,
    /// Correlation with what is held.
    Correlation = 5,
}

fn unknown<T>(input: Input) -> Result<T, Refusal> {
    Err(Refusal { reason: Reason::SizeUnknown, limit: 0, got: input as i64 })
}

impl SizingInputs<'_> {
    /// The steps on which a move of `ticks` costs this part of the equity.
    fn steps_that_lose(&self, percent: f64, ticks: f64) -> Result<f64, Refusal> {
        let amount = self.equity.as_f64() * percent / PERCENT;
        let worth = self.spec.tick_value * self.spec.volume_step;
        // Written so that what is not a number is refused.
        if !(amount > 0.0 && amount.is_finite()) {
            return unknown(Input::Equity);
        }
        if !(ticks > 0.0 && ticks.is_finite()) {
            return unknown(Input::Distance);
        }
        if !(worth > 0.0 && worth.is_finite()) {
            return unknown(Input::TickValue);
        }
        Ok(amount / (ticks * worth))
    }
}

impl Kelly {
    /// Per cent of the equity to lose at the stop; `None` while the record is too short. With a share `p` of winners, and a
    /// mean win that is `b` mean losses, the full fraction is `p - (1 - p) / b`; of it `fraction` is used, shrunk to none as if
    /// `shrink_trades` more trades had brought nothing.
    pub fn percent(&self, record: &TradeRecord) -> Result<Option<f64>, Refusal> {
        let trades = record.trades();
        if trades < self.trades_min.max(1) {
            return Ok(None);
        }
        let edge = record.kelly_fraction();
        let percent = self.fraction * edge * f64::from(trades) * PERCENT
            / (f64::from(trades) + f64::from(self.shrink_trades));
        if percent > 0.0 && percent.is_finite() {
            return Ok(Some(percent.min(self.percent_max)));
        }
        Err(Refusal { reason: Reason::SizeNoEdge, limit: 0, got: (edge * 10_000.0) as i64 })
    }
}

/// Rounded down to whole steps; what does not fit saturates.
fn floor(steps: f64) -> i64 {
    (steps + STEP_NOISE).floor() as i64
}
