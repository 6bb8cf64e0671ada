//! Keys of limits beside `[risk]`.
//!
//! What it is not: the limits that must be set (`keys`, `[risk]`), or what these mean (`risk/bounds.rs`, `engine/`).
//!
//! Invariant: every key here switches something on that is off without it.

use super::keys::{DAY_MS, keys};
use super::schema::{Key, Kind::*, Presence::*, Section, Shape};

const AMOUNT_MAX: f64 = 1e12;

/// `[bounds]`.
pub(super) const BOUNDS_SECTION: Section = Section {
    name: "bounds",
    shape: Shape::One,
    include: "",
    keys: BOUNDS,
    doc: "Limits beside [risk], each off unless it is set. What reduces a position passes all of them.",
};

const BOUNDS: &[Key] = keys! {
    "flows" Choice(&["off", "deals", "balance"]), "", Default("\"off\""),
        "How deposits and withdrawals are told from profit and loss. off: they are not; deals: by the venue's own deals, and a fall of the balance that none explains within 5 s is a loss; balance: what no deal explains within 5 s came or went. Until it is known nothing opens.";
    "daily_loss_soft" Real(0.0, AMOUNT_MAX), "account currency, 0 off", Default("0.0"), "A day's loss, floating included, after which only reductions pass until the operator re-arms; at most risk.daily_loss_max.";
    "trailing_loss_soft" Real(0.0, AMOUNT_MAX), "account currency, 0 off", Default("0.0"), "The same for the fall of equity from its highest; at most risk.trailing_loss_max.";
    "loss_warn_percent" Int(0, 99), "per cent, 0 off", Default("0"), "An alert, once a day, when a loss reaches this part of risk.daily_loss_max or risk.trailing_loss_max.";
    "loss_flatten" Bool, "", Default("false"), "At risk.daily_loss_max and risk.trailing_loss_max everything held is closed, too, as by the kill switch; that ends when the operator re-arms.";
    "losses_max" Int(0, 1_000), "deals, 0 off", Default("0"), "So many losing deals within streak_window_ms, whatever was between them, and only reductions pass until the operator re-arms.";
    "rejects_max" Int(0, 1_000), "orders, 0 off", Default("0"), "The same of orders that the venue refused.";
    "streak_window_ms" Int(1, DAY_MS), "ms", Default("3600000"), "The time in which both are counted.";
    "tick_value_age_max_ms" Int(0, DAY_MS), "ms, 0 off, else 1000 or more", Default("0"), "No entry when the terminal told the symbol's tick value, and so what anything is worth, longer ago; it is asked again three times within this.";
    "stop_distance_max_points" Int(0, 10_000_000), "points, 0 off", Default("0"), "Farthest a stop loss or take profit may stand from the fresh quote. A stop that is moved nearer passes.";
    "venue_messages_per_s_max" Int(0, 1_000_000), "messages/s, 0 off", Default("0"), "What a venue is sent, whatever it is. Cancels, reductions and tighter stops are sent beyond it, and entries and looser stops wait.";
    "venue_messages_burst_max" Int(1, 1_000_000), "messages", Default("20"), "And at once.";
    "venue_warn_percent" Int(0, 99), "per cent, 0 off", Default("0"), "An alert when so much of that burst is used up.";
    "gross_lots_max" Real(0.0, 1e6), "lots, 0 off", Default("0.0"), "Largest sum of both directions of an instrument: open positions, others' included, and what may still fill. On a hedging account the net says little.";
    "account_gross_max" Real(0.0, AMOUNT_MAX), "account currency, 0 off", Default("0.0"), "Largest value of everything that the account holds, instruments that are not configured included: its margin in use times its leverage, and what was sent since.";
    "margin_free_min_percent" Real(0.0, 100.0), "per cent of equity, 0 off", Default("0.0"), "Least free margin that is left after an entry and all that was sent before it, by an estimate from leverage, price and the symbol's margin rate; where the terminal tells too little for that, no entry.";
    "venue_hours" Bool, "", Default("false"), "No entry outside of the trading sessions that the terminal tells of the symbol, or while it told none.";
    "range_tolerance" Real(0.0, 100.0), "part of the range", Optional("0.1"), "No entry while a feature of a live model lies beyond the lowest or highest value of its training table by more than this part of the two's distance; the model's manifest has them when it was added with --rows by this version. Unset: not looked at.";
    "score_saturated_below" Real(-1e9, 1e9), "score", Optional("0.01"), "No entry on a score that is no higher: it says nothing any more.";
    "score_saturated_above" Real(-1e9, 1e9), "score", Optional("0.99"), "No entry on a score that is no lower.";
    "restricted" Text(8_191), "", Optional("\"EURUSD, GBPUSD\""), "Instruments by name that nothing opens on.";
};

/// `[[news]]`.
pub(super) const NEWS_SECTION: Section = Section {
    name: "news",
    shape: Shape::ManyOrNone(1_024),
    include: "news",
    keys: NEWS,
    doc: "Times in which nothing opens and no entry rests. May live in a file of its own, read at the start: news = \"news.toml\" at the top.",
};

const NEWS: &[Key] = keys! {
    "from" Text(16), "UTC", Required("\"2026-01-09 13:25\""), "First minute.";
    "to" Text(16), "UTC", Required("\"2026-01-09 13:45\""), "First minute after it.";
    "instrument" Name, "", Optional("\"EURUSD\""), "On which instrument. Unset: on all.";
};
