//! Every control there is or should be: the one list that the table of controls is written from.
//!
//! What it is not: the table (`controls`), or the controls.
//!
//! Invariant: a number is never given twice; a control without a test has no key and says what is missing.

mod bounds;
mod exits;
mod operator;

use super::controls::{Control, NONE, WHOLE};

const GATE: &str = "src/risk/gate/tests.rs::every_control_refuses_openings_and_lets_reductions_pass";

/// Every control.
pub const CONTROLS: &[Control] = &[
    Control {
        number: 1,
        name: "order volume",
        keys: &[
            "risk.order_lots_max",
            "sizing.kind",
            "sizing.risk_percent",
            "sizing.lots_max",
            "sizing.drawdown_stop_percent",
            "sizing.kelly_percent_max",
            "sizing.correlation_cut",
            "instruments.order_lots_max",
        ],
        codes: &[
            "SIZE_ORDER",
            "SIZE_MINIMUM",
            "SIZE_UNKNOWN",
            "SIZE_TOO_SMALL",
            "SIZE_NO_EDGE",
            "SIZE_DRAWDOWN",
        ],
        tests: &[
            GATE,
            "src/risk/limits.rs::limits_land_on_the_grid_rounded_down",
            "src/risk/sizing/tests.rs::a_size_is_on_the_grid_and_within_every_bound",
            "src/engine/tests/exposure.rs::a_symbols_own_limits_lower_the_global_ones",
            "src/engine/tests/exposure.rs::a_size_shrinks_with_its_correlation_with_what_is_held",
            "src/engine/tests/sizing.rs::an_account_that_is_not_known_gives_no_size_and_lets_exits_pass",
            "src/engine/tests/sizing.rs::a_drawdown_from_the_highest_equity_makes_entries_smaller",
            "src/engine/tests/sizing.rs::kelly_counts_the_closed_trades_over_a_restart_and_begins_anew_when_rearmed",
        ],
        ..WHOLE
    },
    Control {
        number: 2,
        name: "order value in account currency, by the venue's tick value; without one nothing passes",
        keys: &["risk.order_value_max", "instruments.order_value_max"],
        codes: &["SIZE_VALUE"],
        tests: &[
            GATE,
            "src/engine/tests/guards.rs::an_order_of_too_much_value_is_refused",
            "src/risk/limits.rs::a_value_is_counted_in_ticks_and_steps_and_is_nothing_without_a_tick_value",
        ],
        ..WHOLE
    },
    Control {
        number: 3,
        name: "price collar of an order, against the fresh quote",
        keys: &["risk.price_distance_max_points"],
        codes: &["PRICE_DISTANCE"],
        tests: &[GATE],
        ..WHOLE
    },
    Control {
        number: 4,
        name: "price collar over a period: a jump closes the instrument until it is calm",
        keys: &["risk.jump_max_points", "risk.jump_window_ms"],
        codes: &["PRICE_JUMP"],
        tests: &[
            GATE,
            "src/engine/tests/guards.rs::a_jump_of_the_price_closes_openings_until_it_is_calm_and_reductions_pass",
            "src/risk/jump.rs::a_move_is_seen_for_a_window_and_forgotten_after_two",
            "src/risk/jump.rs::it_lies_between_one_window_and_two",
        ],
        ..WHOLE
    },
    Control {
        number: 5,
        name: "message limits, with reserves for reductions, for changes, and for cancels alone",
        keys: &["risk.orders_per_s_max", "risk.orders_burst_max", "exposure.budget_warn_percent"],
        codes: &["RATE_ORDERS", "RATE_REQUESTS", "VENUE_BUSY"],
        tests: &[
            "src/risk/gate/requests.rs::cancels_draw_on_a_reserve_of_their_own",
            "src/risk/gate/tests.rs::the_rate_of_openings_leaves_the_reserve_of_reductions_alone",
            "src/risk/bucket.rs::burst_then_rate",
            "src/engine/tests/tickets.rs::a_venue_that_is_asked_too_often_is_asked_less",
            "src/engine/tests/exposure.rs::a_message_budget_that_runs_low_is_told_once",
        ],
        ..WHOLE
    },
    Control {
        number: 6,
        name: "open orders, in flight and Unknown ones counted",
        keys: &["risk.open_orders_max", "exposure.unexecuted_max"],
        codes: &["COUNT_OPEN_ORDERS", "VALUE_UNEXECUTED"],
        tests: &[
            GATE,
            "src/engine/tests/exposure.rs::what_is_ordered_and_not_executed_has_a_limit_of_its_own",
        ],
        ..WHOLE
    },
    Control {
        number: 7,
        name: "net position and everything that may still fill, what others hold on the account counted; over all \
               instruments by currency, gross, and by correlation",
        keys: &[
            "risk.position_lots_max",
            "instruments.position_lots_max",
            "exposure.currency_max",
            "exposure.gross_max",
            "exposure.portfolio_risk_max",
            "exposure.samples",
        ],
        codes: &[
            "SIZE_POSITION",
            "EXPOSURE_CURRENCY",
            "EXPOSURE_GROSS",
            "EXPOSURE_PORTFOLIO",
            "EXPOSURE_UNKNOWN",
        ],
        tests: &[
            GATE,
            "src/risk/gate/tests.rs::sizes_count_everything_that_may_still_fill",
            "src/engine/tests.rs::what_the_venue_held_before_us_is_exposure_not_ours",
            "src/engine/tests/exposure.rs::exposure_over_a_limit_refuses_openings_and_lets_reductions_pass",
            "src/engine/tests/exposure.rs::portfolio_risk_waits_for_its_samples_and_is_bounded",
            "src/risk/exposure/tests.rs::what_the_room_allows_keeps_the_limit_and_falls_as_orders_are_added",
            "src/risk/exposure/tests.rs::what_is_not_known_leaves_no_room",
        ],
        ..WHOLE
    },
    Control {
        number: 8,
        name: "margin level, leverage, and the age of the account's last word",
        keys: &["risk.margin_level_min_percent", "risk.account_age_max_ms", "exposure.leverage_max"],
        codes: &["MARGIN_LEVEL", "ACCOUNT_STALE", "EXPOSURE_LEVERAGE"],
        tests: &[
            "src/engine/tests/guards.rs::too_little_margin_closes_openings_until_the_account_has_enough",
            "src/engine/tests/guards.rs::an_account_that_says_nothing_any_more_closes_openings",
            "src/engine/tests/exposure.rs::exposure_over_a_limit_refuses_openings_and_lets_reductions_pass",
        ],
        ..WHOLE
    },
    Control {
        number: 9,
        name: "daily loss at the broker's day boundary, and trailing loss from the highest equity; both on equity, \
               floating and costs included, kept across restarts",
        keys: &["risk.daily_loss_max", "risk.day_starts_at", "risk.trailing_loss_max"],
        codes: &["LOSS_DAILY", "LOSS_TRAILING", "LOSS_UNKNOWN"],
        tests: &[
            GATE,
            "src/engine/tests.rs::the_daily_loss_halts_until_the_operator_says_otherwise",
            "src/engine/tests.rs::the_daily_loss_counts_what_floats_between_two_accounts",
            "src/risk/limits.rs::the_day_starts_when_the_operator_says",
            "src/engine/tests/guards.rs::the_trailing_loss_counts_from_the_highest_equity_over_days_and_restarts",
            "src/engine/tests/guards.rs::the_trailing_loss_counts_what_floats",
        ],
        ..WHOLE
    },
    Control {
        number: 10,
        name: "rejects in a row, losing deals in a row: only reductions pass until the operator re-arms",
        keys: &["risk.rejects_in_row_max", "risk.losses_in_row_max"],
        codes: &["REJECT_STREAK", "LOSS_STREAK"],
        tests: &[
            "src/engine/tests.rs::refusals_in_a_row_reduce_trading",
            "src/engine/tests/guards.rs::losses_in_a_row_leave_only_reductions_until_the_operator_rearms",
        ],
        ..WHOLE
    },
    Control {
        number: 11,
        name: "repeated automated execution: an instrument opened too often is disabled until the operator re-arms, restarts or not",
        keys: &["risk.executions_max", "risk.executions_window_ms"],
        codes: &["EXECUTIONS_REPEATED"],
        tests: &[
            GATE,
            "src/engine/tests/guards.rs::repeated_execution_disables_an_instrument_until_the_operator_rearms",
            "src/engine/tests/guards.rs::a_scope_rearms_what_was_opened_too_often_within_it_and_neither_halts_nor_losses",
            "tests/kill_switch.rs::what_was_opened_too_often_opens_again_within_the_scope_alone",
            "src/engine/executions.rs::it_disables_as_counting_would",
        ],
        ..WHOLE
    },
    Control {
        number: 12,
        name: "duplicate order: one opening of an instrument at a time, ids unique for ever, deals counted once; the same opening \
               again only after a time",
        keys: &["exposure.duplicate_window_ms"],
        codes: &["ORDER_UNKNOWN", "ORDER_DUPLICATE"],
        counters: &["deals_repeated"],
        tests: &[
            "src/engine/tests.rs::a_tick_becomes_an_order_a_fill_a_position_and_an_exit",
            "src/engine/tests.rs::an_order_without_an_answer_is_unknown_and_its_side_closed_until_evidence",
            "src/engine/tests.rs::a_fill_found_in_a_snapshot_ends_the_doubt_and_counts_once",
            "src/engine/tests/requests.rs::a_cancel_without_an_answer_is_in_doubt_and_proves_nothing",
            "src/engine/tests/asked.rs::every_order_of_arrival_converges_for_orders_and_requests",
            "src/risk/gate/tests.rs::an_order_in_doubt_closes_its_side_alone",
            "src/engine/tests/exposure.rs::the_same_opening_is_refused_for_a_while",
        ],
        ..WHOLE
    },
    Control {
        number: 13,
        name: "account, symbol and strategy that are not named are refused; real money unless allowed",
        keys: &["venues.login", "venues.server", "instruments.symbol", "appliance.allow_live"],
        codes: &["INSTRUMENT_UNKNOWN", "ACCOUNT_REAL", "ACCOUNT_DISABLED"],
        tests: &[
            GATE,
            "src/engine/tests.rs::a_real_account_is_refused_by_default",
            "src/engine/tests.rs::nothing_opens_before_everything_is_known_and_reconciled",
        ],
        ..WHOLE
    },
    Control {
        number: 14,
        name: "trading hours, the venue's trade mode and filling modes; where it takes no filling mode at all, no reduction leaves either",
        keys: &["signal.sessions"],
        codes: &[
            "INSTRUMENT_MODE",
            "INSTRUMENT_FILLING",
            "INSTRUMENT_ORDER_KIND",
            "INSTRUMENT_EXPIRATION",
            "PRICE_LEVEL",
            "SIGNAL_SESSION",
        ],
        tests: &[
            GATE,
            "src/engine/tests/pending.rs::what_the_venue_does_not_take_is_refused_with_the_reason",
            "src/engine/tests/requests.rs::a_tighter_stop_passes_whatever_closes_openings_and_a_looser_one_does_not",
            "src/signal/filters.rs::windows_have_their_bounds_days_and_may_cross_midnight",
        ],
        ..WHOLE
    },
    Control {
        number: 15,
        name: "stale or implausible market data: age, missing side, crossed, wide, standing still while another moves",
        keys: &[
            "risk.stale_after_ms",
            "signal.quote_age_max_ms",
            "signal.spread_max_ticks",
            "exposure.frozen_after_ms",
        ],
        codes: &["QUOTE_MISSING", "QUOTE_STALE", "QUOTE_CROSSED", "QUOTE_FROZEN", "SIGNAL_SPREAD"],
        counters: &["gaps", "refilled"],
        tests: &[
            GATE,
            "src/signal/rule.rs::wide_old_missing_and_nan_are_vetoed",
            "src/engine/tests/exposure.rs::a_price_that_stands_still_while_another_moves_closes_its_instrument",
        ],
        missing: "",
    },
    Control {
        number: 16,
        name: "stale model input: features not ready, old, or not a number",
        keys: &["signal.feature_age_max_ms"],
        codes: &["FEATURES_NOT_READY", "FEATURES_STALE", "FEATURES_NAN", "SCORE_MISSING"],
        tests: &[
            "src/engine/tests/history.rs::a_row_with_a_hole_or_an_old_feature_is_not_shown_and_each_is_counted",
        ],
        ..WHOLE
    },
    Control {
        number: 17,
        name: "finite numbers first: prices are whole ticks, volumes whole steps; a missing reference means no",
        codes: &["QUOTE_MISSING", "PRICE_DISTANCE"],
        tests: &[
            GATE,
            "src/types/instrument.rs::what_is_not_on_the_grid_is_refused",
            "src/risk/limits.rs::a_limit_without_sense_is_named",
        ],
        ..WHOLE
    },
    operator::SELF_TRADE,
    Control {
        number: 19,
        name: "a reduction never reverses, and is never larger than what the venue holds; a request is about what is ours and there",
        codes: &["REDUCE_TOO_LARGE", "REQUEST_SUBJECT", "ACCOUNT_NETTING"],
        tests: &[
            "src/risk/gate/tests.rs::a_reduction_never_reverses",
            "src/engine/tests/continuity.rs::a_stop_over_more_than_ours_closes_ours_and_no_more",
            "src/engine/tests/requests.rs::netting_accounts_close_nothing_by_its_opposite",
        ],
        ..WHOLE
    },
    operator::KILL_SWITCH,
    Control {
        number: 21,
        name: "dead man: a silent terminal closes openings, a silent appliance is acted on by the terminal",
        keys: &["link.silent_after_ms", "link.heartbeat_ms"],
        codes: &["SESSION_DOWN"],
        tests: &["src/engine/tests.rs::nothing_opens_before_everything_is_known_and_reconciled"],
        missing: "the terminal's program; its policy is in the protocol",
        ..NONE
    },
    Control {
        number: 22,
        name: "limits count an order from its sending, and release it on evidence alone",
        tests: &[
            "src/engine/tests/controls/claims.rs::a_limit_counts_an_order_from_its_sending_and_releases_it_on_evidence_alone",
            "src/order/book/tests.rs::an_unknown_order_stays_reserved_until_evidence",
            "src/engine/tests/continuity.rs::a_restart_doubts_what_was_under_way_and_never_sends_it_again",
        ],
        ..WHOLE
    },
    operator::OVERRIDE,
    Control {
        number: 24,
        name: "a new model first runs as a shadow that cannot trade; promotion is journalled with who and why; one that never \
               opened anything begins with few and small orders",
        keys: &[
            "registry.dir",
            "operator.token_file",
            "exposure.canary_hours",
            "exposure.canary_orders_max",
            "exposure.canary_lots_max",
        ],
        codes: &["CANARY_ORDERS", "CANARY_LOTS"],
        counters: &["models"],
        tests: &[
            "src/engine/tests/models.rs::a_shadow_is_asked_after_the_decision_and_trades_on_paper_alone",
            "src/engine/tests/exposure.rs::a_new_model_opens_little_and_seldom_and_a_restart_knows_it",
        ],
        ..WHOLE
    },
    Control {
        number: 25,
        name: "alerts within seconds: each is a line in a file and a command's input, and how late is measured against a budget",
        keys: &["alerts.file", "alerts.command", "alerts.budget_ms"],
        tests: &[
            "src/cli/alerts.rs::each_alert_is_a_line_and_a_late_one_is_counted",
            "src/cli/alerts.rs::what_cannot_be_written_or_started_is_said",
            "src/cli/alerts.rs::many_at_once_are_all_passed_on_and_a_pipe_that_nobody_reads_holds_nobody_up",
            "tests/limits_console.rs::a_limit_is_lowered_at_once_raised_when_confirmed_and_kept_over_restarts",
        ],
        ..WHOLE
    },
    Control {
        number: 26,
        name: "reconciliation with the venue, at every start, reconnection and half minute; until the trade session's first answer a \
               reduction waits too, so that nothing is closed twice; reported at the end of each trading day where that is asked for",
        keys: &["appliance.day_report"],
        codes: &["SESSION_UNRECONCILED", "POSITION_MISMATCH", "DEALS_NUMBERS_BEGAN_AGAIN"],
        counters: &["reconciliations", "mismatches"],
        tests: &[
            "src/app/day_report.rs::a_day_ends_once_and_none_that_was_not_seen_beginning",
            "src/engine/tests.rs::a_position_difference_that_stays_closes_the_gate_and_alerts_once",
            "src/engine/tests/other_numbers.rs::a_known_number_with_another_deal_is_told_and_nothing_opens_until_the_operators_word",
            "src/engine/tests/other_numbers.rs::reductions_pass_meanwhile",
            "tests/limits_console.rs::what_is_not_in_doubt_is_not_resolved_and_the_status_says_why_nothing_opens",
        ],
        ..WHOLE
    },
    Control {
        number: 27,
        name: "every order names strategy, start and number in its id, and its decision names the models",
        keys: &["appliance.strategy_id"],
        tests: &[
            "src/engine/tests/controls/claims.rs::an_orders_id_names_strategy_start_and_number_and_its_decision_comes_before_it",
            "src/engine/tests/models.rs::several_members_make_one_decision_that_names_them_all",
        ],
        ..WHOLE
    },
    Control {
        number: 28,
        name: "limits changed while it runs, with who, when, old and new: tighter at once, looser when confirmed and never beyond the \
               configuration; kept across restarts",
        keys: &["operator.token_file"],
        tests: &[
            "src/engine/tests/limits.rs::a_lowered_limit_holds_at_once_and_after_a_restart_and_reductions_pass",
            "src/engine/tests/limits.rs::no_word_allows_more_than_the_configuration_and_a_word_taken_back_leaves_it",
            "src/app/limits.rs::tighter_is_taken_looser_is_confirmed_and_never_goes_beyond_the_configuration",
            "tests/limits_console.rs::a_limit_is_lowered_at_once_raised_when_confirmed_and_kept_over_restarts",
        ],
        ..WHOLE
    },
    Control {
        number: 29,
        name: "report of every limit as configured and as it holds, with its trips and the last one (report controls)",
        tests: &[
            "tests/limits_console.rs::what_is_not_in_doubt_is_not_resolved_and_the_status_says_why_nothing_opens",
            "src/replay/controls.rs::trips_are_counted_by_reason_with_the_last_one",
        ],
        missing: "when each control was tested last; what the signal vetoes is in a run's report alone",
        ..NONE
    },
    Control {
        number: 30,
        name: "conformance and stress evidence",
        tests: &[
            "tests/simulate.rs::many_seeds_with_every_fault_break_no_rule",
            "tests/simulate.rs::every_planted_bug_is_found",
        ],
        missing: "a run against a broker's demo account",
        ..NONE
    },
    Control {
        number: 31,
        name: "clock quality: the system's clock against ours, the venue's stamps against their arrival, an engine that stood still",
        keys: &["clock.step_max_ms", "clock.offset_max_ms", "clock.stall_max_ms"],
        codes: &["CLOCK_STEP", "CLOCK_OFFSET"],
        tests: &[
            "src/engine/tests/breakers.rs::a_clock_that_stepped_closes_openings_until_it_is_right_again",
            "src/engine/tests/breakers.rs::a_venue_whose_stamps_are_too_far_off_closes_openings",
            "src/engine/tests/breakers.rs::a_lane_that_stood_still_is_a_failure_and_a_start_is_none",
            "src/app/incidents.rs::the_engine_is_told_when_the_limit_is_crossed_and_again_until_it_took_it",
        ],
        ..WHOLE
    },
    Control {
        number: 32,
        name: "deployment integrity: protocol, account, epoch and models are checked before anything trades",
        tests: &[
            "tests/bad_input.rs::a_model_of_unknown_features_is_refused",
            "tests/bad_input.rs::bad_peers_are_refused_and_counted_while_the_good_one_trades",
        ],
        missing: "versions of the terminal's program",
        ..NONE
    },
    Control {
        number: 33,
        name: "an order in the journal before it leaves; a journal that cannot be written halts trading",
        keys: &["journal.before_send", "journal.memory_mib"],
        codes: &["JOURNAL_FAULT"],
        tests: &[
            "tests/bad_input.rs::a_full_disk_halts_trading_and_nothing_is_lost",
            "tests/simulate.rs::every_planted_bug_is_found",
            "src/engine/tests/continuity.rs::the_operator_cannot_open_what_the_journal_cannot_keep",
        ],
        ..WHOLE
    },
    Control {
        number: 34,
        name: "an order without an answer is in doubt, and pages the operator",
        keys: &["risk.unknown_after_ms", "risk.page_after_ms", "alerts.file", "alerts.command"],
        codes: &["ORDER_UNKNOWN"],
        counters: &["unknown"],
        tests: &[
            "src/engine/tests/controls/claims.rs::an_order_in_doubt_pages_the_operator_each_period_and_stays_in_doubt",
            "src/engine/tests.rs::an_order_without_an_answer_is_unknown_and_its_side_closed_until_evidence",
            "src/cli/alerts.rs::many_at_once_are_all_passed_on_and_a_pipe_that_nobody_reads_holds_nobody_up",
        ],
        ..WHOLE
    },
    Control {
        number: 35,
        name: "breakers: after so many failures of a link or component nothing opens, and after a cool-down one order tries",
        keys: &["breakers.on", "breakers.failures", "breakers.window_ms", "breakers.cool_down_ms"],
        codes: &[
            "BREAKER_LINK",
            "BREAKER_HANDSHAKE",
            "BREAKER_REJECTS",
            "BREAKER_REQUOTES",
            "BREAKER_TIME_OUTS",
            "BREAKER_DISK",
            "BREAKER_CLOCK",
            "BREAKER_STALLS",
        ],
        tests: &[
            "src/risk/breaker.rs::every_pair_of_state_and_fact_is_in_the_table",
            "src/risk/breaker.rs::it_does_as_counting_would",
            "src/engine/tests/breakers.rs::refusals_open_a_breaker_that_one_order_may_try_after_its_cool_down",
            "src/engine/tests/breakers.rs::each_component_has_its_own_failures",
        ],
        ..WHOLE
    },
    exits::PROTECTIVE_STOP,
    bounds::LOSS_LEVELS,
    bounds::TICK_VALUE,
    bounds::STOPS,
    bounds::VENUE_BUDGET,
    bounds::GROSS,
    bounds::TIMES,
    bounds::ORDER_MARGIN,
    bounds::TRAINED,
    bounds::STREAKS,
];
