//! Keys of exits, and of what others have on the account.
//!
//! What it is not: the other sections' keys (`keys`), or what they mean (`order/exits/`, `engine/external.rs`).
//!
//! Invariant: every key here switches something on that is off without it, but for the policy about others, which is to count.

use super::keys::{DAY_MS, HOUR_MS, keys};
use super::schema::{Key, Kind::*, Presence::*};

pub(super) const EXITS: &[Key] = keys! {
    "hold_ms_max" Int(0, 365 * DAY_MS), "ms, 0 none", Default("0"), "A position older than this is closed.";
    "session_end_s" Int(0, 86_400), "s, 0 off", Default("0"), "A position is closed when so much or less is left of signal.sessions, and outside of them.";
    "trailing" Choice(&["off", "distance", "atr", "steps"]), "", Default("\"off\""),
        "How the stop loss follows the best price: at trailing_points; at trailing_atr_multiple times trailing_atr_feature; at trailing_points behind whole trailing_step_points from the entry.";
    "trailing_points" Int(0, 10_000_000), "points", Default("0"), "Distance for distance and steps.";
    "trailing_step_points" Int(0, 10_000_000), "points", Default("0"), "Length of a step.";
    "trailing_atr_feature" FeatureName, "", Optional("\"atr_14\""), "A feature of kind atr on model.instrument. While it is not ready the stop stays.";
    "trailing_atr_multiple" Real(0.01, 1000.0), "true ranges", Default("2.0"), "Distance for atr.";
    "trailing_after_points" Int(0, 10_000_000), "points", Default("0"), "The stop follows once the price was so much better than the entry.";
    "break_even_after_points" Int(0, 10_000_000), "points, 0 off", Default("0"), "Once the price was so much better than the entry the stop stands at it.";
    "break_even_offset_points" Int(0, 10_000_000), "points", Default("0"), "And so much on the good side of it; less than break_even_after_points.";
    "ladder" Text(255), "points:share", Optional("\"100:0.5, 200:0.25\""), "Parts that are closed once the price was so many points better than the entry; shares of everything that was filled. At most 8.";
    "unprotected_ms_max" Int(0, HOUR_MS), "ms, 0 off", Default("0"), "A position that signal.stop_loss_points demands a stop for is closed when the venue shows none for so long, or refuses one.";
    "move_points_min" Int(0, 1_000_000), "points", Default("1"), "A stop is not moved by less.";
    "move_ms_min" Int(0, HOUR_MS), "ms", Default("1000"), "Nor sooner after the last move.";
    "one_cancels_other" Bool, "", Default("false"), "When a pending entry fills, or an exit closes the position, other pending entries of the instrument are cancelled.";
};

pub(super) const EXTERNAL: &[Key] = keys! {
    "policy" Choice(&["ignore", "count", "adopt"]), "", Default("\"count\""),
        "ignore: no part of our exposure; count: part of it in every limit; adopt: taken over where a strategy trades the instrument, exits included.";
};
