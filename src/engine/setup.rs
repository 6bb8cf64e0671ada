//! What the engine is built from.
//!
//! What it is not: configuration; `app` makes this from it.
//!
//! Invariant: everything that decides is in here or in the records, so the same setup and records make the same outputs.

use crate::features::FeatureGraph;
use crate::model::Model;
use crate::risk::Limits;
use crate::signal::Rule;
use crate::types::{FixedText, InstrumentId, MarginMode, StrategyId, VenueId};

/// How a strategy's orders look.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OrderPlan {
    /// Volume, lots.
    pub lots: f64,
    /// Distance of the stop loss, points; zero for none.
    pub stop_loss_points: u32,
    /// Distance of the take profit, points; zero for none.
    pub take_profit_points: u32,
    /// Worst accepted distance from the quote, points.
    pub deviation_points: u32,
    /// A decision older than this is not sent, nanoseconds.
    pub decision_budget_ns: i64,
    /// A position older than this is closed, nanoseconds; zero for never.
    pub hold_ns_max: i64,
}

/// One model on one instrument.
#[derive(Clone, Debug)]
pub struct StrategySetup {
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its features, in the model's order.
    pub features: FeatureGraph,
    /// Its model.
    pub model: Model,
    /// When a score becomes a wish.
    pub rule: Rule,
    /// How the wish looks.
    pub plan: OrderPlan,
    /// Asks the model on every n-th tick, n >= 1.
    pub evaluate_every_ticks: u32,
}

/// An instrument of the configuration.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct InstrumentSetup {
    /// Whose.
    pub venue: VenueId,
    /// The venue's name for it.
    pub symbol: FixedText<32>,
}

/// A venue of the configuration.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VenueSetup {
    /// Whether positions net or stand side by side; the session's word replaces it.
    pub margin_mode: MarginMode,
}

/// How much of the past may be asked of a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HistoryPlan {
    /// Ticks in one answer at most; zero asks for nothing at all, and features warm live.
    pub ticks_max: u32,
    /// Bars in one answer at most.
    pub bars_max: u32,
    /// Without a word for so long the features warm live, nanoseconds.
    pub patience_ns: i64,
}

impl HistoryPlan {
    /// Nothing is asked for: features warm live.
    pub const NEVER: HistoryPlan = HistoryPlan { ticks_max: 0, bars_max: 0, patience_ns: 0 };

    pub(super) fn asks(&self) -> bool {
        self.ticks_max > 0
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Part of every order id.
    pub strategy: StrategyId,
    /// Index is the `VenueId`.
    pub venues: Vec<VenueSetup>,
    /// Index is the `InstrumentId`.
    pub instruments: Vec<InstrumentSetup>,
    /// The operator's limits.
    pub limits: Limits,
    /// At most one an instrument.
    pub strategies: Vec<StrategySetup>,
    /// What is asked for at the start and after a gap.
    pub history: HistoryPlan,
}
