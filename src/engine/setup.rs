//! What the engine is built from.
//!
//! What it is not: configuration; `app` makes this from it.
//!
//! Invariant: everything that decides is in here or in the records, so the same setup and records make the same outputs.

use super::breakers::GuardPlan;
use super::external::ExternalPolicy;
use super::models::ModelSet;
use crate::features::FeatureGraph;
use crate::order::exits::ExitPlan;
use crate::risk::{ExposurePlan, Limits, Sizing};
use crate::signal::{QualityPlan, Rule};
use crate::types::{FixedText, InstrumentId, MarginMode, StrategyId, VenueId};

/// How an entry meets the market.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// At once.
    Market,
    /// Rests on the better side of the market.
    Limit,
    /// Rests on the worse side, and trades when the market reaches it.
    Stop,
    /// Rests as a stop, and becomes a limit.
    StopLimit,
}

/// Where entries rest, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryPlan {
    /// How an entry meets the market.
    pub kind: EntryKind,
    /// Distance of a resting entry from the market, points.
    pub offset_points: u32,
    /// Distance of a stop-limit's limit from its stop, points.
    pub stop_limit_offset_points: u32,
    /// A resting entry is gone after so long, nanoseconds; zero for never.
    pub expires_ns: i64,
    /// A resting entry that would now rest so much elsewhere is moved, points; zero for never.
    pub follow_points: u32,
    /// Times that an order is tried again which was refused for its price.
    pub retries_max: u32,
}

impl EntryPlan {
    /// At the market, once.
    pub const MARKET: EntryPlan = EntryPlan {
        kind: EntryKind::Market,
        offset_points: 0,
        stop_limit_offset_points: 0,
        expires_ns: 0,
        follow_points: 0,
        retries_max: 0,
    };
}

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
    /// When a position is left.
    pub exits: ExitPlan,
    /// The feature that trailing takes for the average true range, as its place in the row.
    pub atr_feature: Option<u16>,
    /// When a pending entry fills, or an exit closes the position, the instrument's other pending entries are cancelled.
    pub one_cancels_other: bool,
    /// What becomes of `lots`.
    pub sizing: Sizing,
    /// How entries meet the market.
    pub entry: EntryPlan,
}

/// What is looked at after a decision left: the models beside the live ones, and how good the live ones are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WatchPlan {
    /// Shadows are asked on every n-th decision, n >= 1.
    pub shadow_every: u32,
    /// Every n-th time they are asked is journalled, n >= 1.
    pub shadow_record_every: u32,
    /// Scores held against the price; `None` for not at all.
    pub quality: Option<QualityPlan>,
    /// A share of hits below this is told, once a window.
    pub hit_rate_min: f64,
    /// A feature whose stability index is above this is told, once a window.
    pub drift_max: f64,
}

impl Default for WatchPlan {
    fn default() -> Self {
        WatchPlan {
            shadow_every: 1,
            shadow_record_every: 1_000,
            quality: None,
            hit_rate_min: 0.0,
            drift_max: f64::MAX,
        }
    }
}

/// The models of one instrument.
#[derive(Clone, Debug)]
pub struct StrategySetup {
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its features: the row that its models read.
    pub features: FeatureGraph,
    /// Its models.
    pub models: ModelSet,
    /// When a score becomes a wish.
    pub rule: Rule,
    /// How the wish looks.
    pub plan: OrderPlan,
    /// Asks the models on every n-th tick, n >= 1.
    pub evaluate_every_ticks: u32,
    /// The feature that the regime filter looks at, as its place in the row.
    pub regime_feature: Option<u16>,
    /// What is looked at after a decision.
    pub watch: WatchPlan,
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
    /// What others' volume is to us.
    pub external: ExternalPolicy,
    /// Limits over all instruments, symbols' own limits, and what else holds an opening back.
    pub exposure: ExposurePlan,
    /// Breakers and clocks.
    pub guards: GuardPlan,
}
