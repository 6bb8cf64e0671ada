//! The controls that are an operator's word.
//!
//! What it is not: the console (`operator`), or what obeys it.
//!
//! Invariant: as that of the list.

use super::super::controls::Control;
use super::WHOLE;

/// What stops everything, at once.
pub(super) const KILL_SWITCH: Control = Control {
    number: 20,
    name: "kill switch for everything, a venue, a strategy or an instrument, by command line, file or signal: nothing opens even \
           while the strategy hangs; flattens if asked to; latched across restarts; ended for everything or for one scope",
    keys: &["operator.token_file", "appliance.state_dir", "appliance.kill_hung_ms"],
    codes: &[
        "KILL_SCOPE",
        "OPERATOR_KILL",
        "OPERATOR_ORDER",
        "LATCH_SET",
        "TRADING_HALTED",
        "TRADING_REDUCING",
    ],
    tests: &[
        super::GATE,
        "tests/operator_console.rs::the_operator_is_obeyed_with_the_right_token_only",
        "tests/kill_switch.rs::a_kill_by_file_flattens_outlives_the_process_and_ends_with_the_operators_word",
        "tests/kill_switch.rs::a_signal_and_a_command_kill_and_the_process_runs_on",
        "tests/kill_switch.rs::one_scope_is_activated_and_what_others_killed_stays_so_and_is_named",
        "src/engine/tests/kill.rs::a_kill_closes_its_scope_over_restarts_until_the_operator_rearms_and_reductions_pass",
        "src/engine/tests/kill.rs::of_two_kills_one_ends_and_the_other_still_closes_over_restarts",
        "src/engine/tests/kill.rs::what_is_held_is_closed_at_once_and_again_until_nothing_is_left",
        "src/agents/killed/tests.rs::what_opens_does_not_leave_though_the_engine_hangs_and_reductions_and_cancels_do",
        "src/engine/tests/requests.rs::a_kill_cancels_what_rests_and_goes_on_until_it_is_gone",
        "tests/kill_hung.rs::what_is_killed_is_closed_although_the_engine_never_wakes",
    ],
    ..WHOLE
};

/// What lets one order pass one limit.
pub(super) const OVERRIDE: Control = Control {
    number: 23,
    name: "override for one order of one instrument, beyond SIZE_ORDER, SIZE_VALUE, PRICE_DISTANCE or PRICE_JUMP alone: with who \
           and why, up to a value, for minutes; used once, and ended by every start",
    keys: &["operator.token_file"],
    counters: &["overridden"],
    tests: &[
        "src/engine/tests/overrides.rs::one_order_passes_within_the_bound_and_the_next_is_refused_again",
        "src/engine/tests/overrides.rs::the_bound_the_time_and_a_start_end_it",
        "src/engine/tests/overrides.rs::nothing_else_is_lifted_with_it_and_another_reason_not_at_all",
        "src/engine/tests/overrides.rs::an_order_that_rests_far_away_passes_the_collar_once",
        "src/risk/lift.rs::what_guards_everything_is_not_in_the_list_and_the_venues_largest_order_stays",
        "src/app/overrides.rs::a_leave_is_for_a_reason_of_the_list_within_a_bound_and_a_quarter_of_an_hour",
        "tests/limits_console.rs::one_order_may_exceed_a_limit_by_the_operators_leave_and_the_journal_says_who_gave_it",
    ],
    ..WHOLE
};

/// What an account must not do with itself.
pub(super) const SELF_TRADE: Control = Control {
    number: 18,
    name: "self-trade: no opening, and no change of one that waits, reaches a limit order of the account that rests on the other \
           side, ours or, unless they are ignored, one of others that the venue told",
    keys: &["external.policy"],
    codes: &["SELF_TRADE"],
    tests: &[
        "src/engine/tests/resting.rs::an_opening_that_would_reach_an_order_of_others_waits_until_it_is_gone",
        "src/engine/tests/resting.rs::what_a_snapshot_does_not_list_rests_no_more_and_what_is_ignored_hinders_nothing",
        "src/engine/tests/resting.rs::an_exit_leaves_whatever_rests",
        "src/engine/tests/resting.rs::our_own_orders_do_not_meet_each_other_when_placed_or_moved",
    ],
    ..WHOLE
};
