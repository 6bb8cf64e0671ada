//! The control of what protects a position at the venue.
//!
//! What it is not: the exits (`order::exits`), which do it.
//!
//! Invariant: as that of the list.

use super::super::controls::Control;
use super::WHOLE;

/// No position without its stop.
pub(super) const PROTECTIVE_STOP: Control = Control {
    number: 36,
    name: "a protective stop that is missing or refused: placed again, or the position is closed at the market; no stop moves back",
    keys: &["exits.unprotected_ms_max"],
    tests: &[
        "src/engine/tests/exits.rs::a_position_without_its_stop_is_protected_or_closed",
        "src/engine/tests/exits.rs::a_stop_follows_one_request_at_a_time_and_never_back",
        "src/engine/tests/exits.rs::exits_pass_while_trading_is_halted_and_features_are_gone",
        "src/order/exits/tests.rs::a_demanded_stop_that_is_missing_is_placed_and_then_the_position_is_closed",
        "src/order/exits/tests.rs::a_stop_that_somebody_took_back_is_put_where_it_stood",
    ],
    ..WHOLE
};
