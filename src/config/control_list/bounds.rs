//! The controls of `[bounds]`, for the list.
//!
//! What it is not: the list.
//!
//! Invariant: as the list's.

use super::{Control, WHOLE};

/// Levels before the loss limits, and what comes and goes.
pub(super) const LOSS_LEVELS: Control = Control {
    number: 37,
    name: "of 9: deposits and withdrawals told from profit and loss; a warning, a soft level that leaves only reductions, and closing \
           everything at the limit",
    keys: &[
        "bounds.flows",
        "bounds.daily_loss_soft",
        "bounds.trailing_loss_soft",
        "bounds.loss_warn_percent",
        "bounds.loss_flatten",
    ],
    codes: &["LOSS_DAILY_SOFT", "LOSS_TRAILING_SOFT", "LOSS_FLOW"],
    tests: &[
        "src/engine/tests/losses.rs::a_withdrawal_trips_no_loss_limit_and_a_deposit_hides_no_loss_over_restarts",
        "src/engine/tests/losses.rs::a_fall_that_nothing_explains_closes_openings_and_is_a_loss_by_deals",
        "src/engine/tests/losses.rs::a_soft_level_leaves_only_reductions_until_the_operator_rearms",
        "src/engine/tests/losses.rs::a_loss_near_its_limit_is_told_once_a_day",
        "src/engine/tests/losses.rs::a_loss_limit_closes_what_is_held_where_that_is_asked_for",
        "src/engine/loss/flows.rs::however_words_and_deals_are_late_the_end_is_right",
    ],
    ..WHOLE
};

/// What a value in account currency follows from.
pub(super) const TICK_VALUE: Control = Control {
    number: 38,
    name: "of 2: the age of the tick value, which the terminal is asked for again in time",
    keys: &["bounds.tick_value_age_max_ms"],
    codes: &["VALUE_STALE"],
    tests: &[
        "src/engine/tests/bounds.rs::each_bound_refuses_openings_and_lets_reductions_pass",
        "tests/bounds.rs::a_trade_connection_is_asked_for_its_rules_again",
    ],
    ..WHOLE
};

/// Stops within a collar.
pub(super) const STOPS: Control = Control {
    number: 39,
    name: "of 3: stop loss and take profit within a collar around the fresh quote; a stop that is moved nearer passes",
    keys: &["bounds.stop_distance_max_points"],
    codes: &["PRICE_STOP"],
    tests: &[
        "src/engine/tests/bounds.rs::each_bound_refuses_openings_and_lets_reductions_pass",
        "src/risk/gate/requests.rs::a_looser_stop_is_held_to_its_collar_and_a_tighter_one_passes",
    ],
    ..WHOLE
};

/// A venue's own budget.
pub(super) const VENUE_BUDGET: Control = Control {
    number: 40,
    name: "of 5: a budget of messages for each venue, whatever they are; cancels, reductions and tighter stops go beyond it",
    keys: &[
        "bounds.venue_messages_per_s_max",
        "bounds.venue_messages_burst_max",
        "bounds.venue_warn_percent",
    ],
    codes: &["RATE_VENUE"],
    tests: &[
        "src/engine/tests/bounds.rs::a_venues_budget_holds_entries_back_and_neither_reductions_nor_cancels",
        "src/risk/bucket.rs::what_is_owed_is_waited_for",
    ],
    ..WHOLE
};

/// Both directions.
pub(super) const GROSS: Control = Control {
    number: 41,
    name: "of 7: the volume of both directions of an instrument together; the value of all that the account holds, instruments that \
           are not configured included, by its margin",
    keys: &["bounds.gross_lots_max", "bounds.account_gross_max"],
    codes: &["SIZE_GROSS", "EXPOSURE_ACCOUNT"],
    tests: &[
        "src/engine/tests/bounds.rs::what_the_account_holds_of_unknown_instruments_counts_by_its_margin",
        "src/engine/tests/bounds.rs::both_directions_count_on_a_hedging_account_others_included",
    ],
    ..WHOLE
};

/// When and what.
pub(super) const TIMES: Control = Control {
    number: 42,
    name: "of 14: the venue's own trading hours, times of news in which nothing rests either, restricted instruments",
    keys: &["bounds.venue_hours", "bounds.restricted", "news.from", "news.to", "news.instrument"],
    codes: &["INSTRUMENT_HOURS", "NEWS_WINDOW", "INSTRUMENT_RESTRICTED", "INSTRUMENT_FILLING"],
    tests: &[
        "src/engine/tests/bounds.rs::each_bound_refuses_openings_and_lets_reductions_pass",
        "src/engine/tests/bounds.rs::what_rests_is_taken_back_when_a_time_of_news_begins",
        "src/engine/tests/bounds.rs::a_venue_without_a_filling_that_fits_is_sent_nothing",
        "src/engine/bounds/hours.rs::a_symbol_is_open_within_its_sessions_alone",
        "src/setup/bounds.rs::a_minute_is_read_or_refused",
    ],
    ..WHOLE
};

/// What an order itself takes.
pub(super) const ORDER_MARGIN: Control = Control {
    number: 43,
    name: "of 8: free margin after the order and all that was sent before it, estimated from what the terminal tells",
    keys: &["bounds.margin_free_min_percent"],
    codes: &["MARGIN_FREE", "MARGIN_UNKNOWN"],
    tests: &[
        "src/engine/tests/bounds.rs::an_order_leaves_enough_free_margin_after_all_that_was_sent",
        "src/risk/margin.rs::each_formula_is_the_terminals_and_what_is_not_known_is_none",
    ],
    ..WHOLE
};

/// What a model says outside of what it knows.
pub(super) const TRAINED: Control = Control {
    number: 44,
    name: "of 16: features outside of the training's range and saturated scores hold the wish back",
    keys: &["bounds.range_tolerance", "bounds.score_saturated_below", "bounds.score_saturated_above"],
    codes: &["SIGNAL_FEATURE_RANGE", "SCORE_SATURATED"],
    tests: &[
        "src/engine/tests/bounds.rs::what_a_model_was_not_trained_on_opens_nothing_and_exits_pass",
        "src/engine/unit.rs::a_value_beyond_the_range_and_its_tolerance_is_outside",
    ],
    ..WHOLE
};

/// Losers and refusals within a time.
pub(super) const STREAKS: Control = Control {
    number: 45,
    name: "of 10: losing deals, and refusals of the venue, within a time: only reductions pass until the operator re-arms",
    keys: &["bounds.losses_max", "bounds.rejects_max", "bounds.streak_window_ms"],
    codes: &["LOSS_WINDOW", "REJECT_WINDOW"],
    tests: &["src/engine/tests/losses.rs::losses_and_rejects_within_a_time_leave_only_reductions"],
    ..WHOLE
};
