//! Limits that need not be set, as the configuration says them: each is off unless it is.
//!
//! What it is not: the limits that must be there (`Limits`), or those over all instruments (`ExposurePlan`).
//!
//! Invariant: what is zero, empty or `Off` here limits nothing.

use crate::types::{InstrumentId, Money, TimeNs};

/// What tells deposits and withdrawals from profit and loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FlowPolicy {
    /// Nothing: every change of equity is profit or loss.
    #[default]
    Off,
    /// The venue's own deals; a fall of the balance that none explains in time is a loss.
    Deals,
    /// What no deal explains in time is money that came or went.
    Balance,
}

/// Levels before the loss limits, and what follows the limits themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LossPlan {
    /// How deposits and withdrawals are told.
    pub flows: FlowPolicy,
    /// A day's loss after which only reductions pass.
    pub daily_soft: Money,
    /// A fall from the highest equity after which only reductions pass.
    pub trailing_soft: Money,
    /// The operator is told at this part of either limit, per cent.
    pub warn_percent: u32,
    /// At a limit everything held is closed.
    pub flattens: bool,
}

/// A time in which nothing opens, on every instrument or on some.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewsWindow {
    /// First moment.
    pub from: TimeNs,
    /// First moment after it.
    pub to: TimeNs,
    /// Whose; `None` for all.
    pub instrument: Option<InstrumentId>,
}

/// How many messages of any kind a venue takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VenueBudget {
    /// A second; zero for no limit.
    pub per_s: u32,
    /// At once.
    pub burst: u32,
    /// The operator is told when so much of it is used up, per cent; zero for never.
    pub warn_percent: u32,
}

/// How many losing deals, and refusals of the venue, within a time leave only reductions; zero for no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreakPlan {
    /// Losing deals.
    pub losses_max: u32,
    /// Refusals.
    pub rejects_max: u32,
    /// The time, nanoseconds.
    pub window_ns: i64,
}

/// See the module.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BoundsPlan {
    /// Losses.
    pub loss: LossPlan,
    /// Losing deals and refusals.
    pub streaks: StreakPlan,
    /// Oldest tick value to open on, nanoseconds.
    pub tick_value_age_max_ns: i64,
    /// Furthest that a stop loss or take profit may stand from the quote, points.
    pub stop_distance_max_points: u32,
    /// Messages to a venue.
    pub venue: VenueBudget,
    /// Largest sum of both directions of an instrument, lots.
    pub gross_lots_max: f64,
    /// Least free margin that an opening leaves, per cent of equity.
    pub margin_free_min_percent: f64,
    /// Largest value of everything that the account holds, by its margin.
    pub account_gross_max: Money,
    /// Openings keep to the hours that the venue tells.
    pub keeps_venue_hours: bool,
    /// Times in which nothing opens.
    pub news: Vec<NewsWindow>,
    /// Instruments that nothing opens on.
    pub restricted: Vec<InstrumentId>,
}

impl BoundsPlan {
    /// Whether margins and values of orders are to be known.
    pub fn asks_for_margin(&self) -> bool {
        self.margin_free_min_percent > 0.0 || self.account_gross_max > Money::ZERO
    }

    /// Whether openings are looked at beside the gate.
    pub fn holds_openings(&self) -> bool {
        BoundsPlan { loss: self.loss, streaks: self.streaks, ..BoundsPlan::default() } != *self
    }
}
