//! What limits exposure, as the configuration says it. Every part may be absent, and then limits nothing.
//!
//! What it is not: the limits that must be there (`Limits`).
//!
//! Invariant: a symbol's own limits lower the global ones and never raise them.

use crate::risk::InstrumentLimits;
use crate::types::{InstrumentSpec, Money, Qty};

/// Limits over all instruments together, in account currency.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ExposureLimits {
    /// Largest net exposure to one currency other than the account's, open orders included.
    pub currency_max: Option<Money>,
    /// Largest sum of the values of all positions, open orders included.
    pub gross_max: Option<Money>,
    /// The same as a multiple of equity, > 0.
    pub leverage_max: Option<f64>,
    /// Largest value of what is ordered and not executed.
    pub unexecuted_max: Option<Money>,
    /// Largest risk of all positions together.
    pub portfolio: Option<PortfolioLimit>,
}

/// A limit on one standard deviation of the portfolio's value, by the correlation that the last returns show.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PortfolioLimit {
    /// Largest deviation over the horizon.
    pub risk_max: Money,
    /// The horizon in samples of the returns, > 0.
    pub horizon_samples: f64,
}

/// One instrument's part.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct SymbolPlan {
    /// What is bought and what is paid with, as places in the list of currencies; `None` for the account's own.
    pub currencies: [Option<u8>; 2],
    /// Its own largest order, lots.
    pub order_lots_max: Option<f64>,
    /// Its own largest position, lots.
    pub position_lots_max: Option<f64>,
    /// Its own largest order by value.
    pub order_value_max: Option<Money>,
}

impl SymbolPlan {
    /// The global limits, lowered to the symbol's own.
    pub fn lower(&self, limits: &mut InstrumentLimits, spec: &InstrumentSpec) {
        let steps = |lots: f64| Qty((lots / spec.volume_step + 1e-9).floor() as i64);
        if let Some(lots) = self.order_lots_max {
            limits.order_max = limits.order_max.min(steps(lots));
        }
        if let Some(lots) = self.position_lots_max {
            limits.position_max = limits.position_max.min(steps(lots));
        }
        if let Some(value) = self.order_value_max {
            let worth = spec.tick_value * spec.volume_step;
            let most = if worth > 0.0 { (value.as_f64() / worth).floor() as i64 } else { 0 };
            limits.value_max = limits.value_max.min(most);
        }
    }
}

/// See the module.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExposurePlan {
    /// Over all instruments.
    pub limits: ExposureLimits,
    /// By instrument; what is not in the list has no limits of its own.
    pub symbols: Vec<SymbolPlan>,
    /// Time between two samples of the mids, nanoseconds, > 0 where anything samples.
    pub sample_ns: i64,
    /// Returns that a correlation is taken from; zero when none is needed.
    pub samples: usize,
    /// A price that stood still for so long while another moved closes its instrument, nanoseconds; zero for never.
    pub frozen_after_ns: i64,
    /// The same opening is refused for so long, nanoseconds; zero for never.
    pub duplicate_window_ns: i64,
    /// Alerts when no more than this part of the message budget is left, 0 for never.
    pub budget_warn_left: f64,
    /// A model is new for so long after its first opening, nanoseconds; zero for never.
    pub canary_ns: i64,
    /// Openings of a new model.
    pub canary_orders_max: u32,
    /// Largest opening of a new model, lots.
    pub canary_lots_max: f64,
}

impl ExposurePlan {
    /// Whether room has to be worked out.
    pub fn limits_anything(&self) -> bool {
        self.limits != ExposureLimits::default()
    }
}
