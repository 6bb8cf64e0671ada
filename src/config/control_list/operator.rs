//! The controls that are an operator's word.
//!
//! What it is not: the console (`operator`), or what obeys it.
//!
//! Invariant: as that of the list.

use super::super::controls::Control;
use super::NONE;

/// What stops everything, at once.
pub(super) const KILL_SWITCH: Control = Control {
    number: 20,
    name: "kill switch for everything, a venue, a strategy or an instrument, by command line, file or signal: nothing opens even \
           while the strategy hangs; flattens if asked to; latched across restarts",
    keys: &["operator.token_file", "appliance.state_dir"],
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
        "src/engine/tests/kill.rs::a_kill_closes_its_scope_over_restarts_until_the_operator_rearms_and_reductions_pass",
        "src/engine/tests/kill.rs::what_is_held_is_closed_at_once_and_again_until_nothing_is_left",
        "src/agents/killed/tests.rs::what_opens_does_not_leave_though_the_engine_hangs_and_reductions_and_cancels_do",
        "src/engine/tests/requests.rs::a_kill_cancels_what_rests_and_goes_on_until_it_is_gone",
    ],
    missing: "flattening waits for an engine that hangs",
    ..NONE
};
