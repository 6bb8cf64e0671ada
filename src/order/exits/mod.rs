//! Exits as rules: when a position is left, in part or whole, and where its stop should stand.
//!
//! What it is not: it sends nothing and judges no limit; it says what should be, from a position's facts, a quote and a time.
//! It knows no model, no features (an average true range comes in as a number) and no calendar (the session's rest does).
//!
//! Invariant: what it remembers follows from fills, quotes, reports and our own requests, so what a journal rebuilds asks for
//! the same next step; a stop never moves against its position; a ladder never closes more than was filled.
//!
//! `plan.rs` has what is configured, `holding.rs` the facts of one position, `watch.rs` all of them, `stops.rs` and
//! `ladder.rs` the rules, and [`decide`] what should be.

mod holding;
mod ladder;
mod plan;
mod stops;
#[cfg(test)]
mod tests;
mod watch;

pub use holding::{Holding, Stops};
pub use plan::{BreakEven, ExitPlan, Ladder, LadderError, RUNGS_MAX, Rung, Trailing};
pub use watch::{Watch, Work};

use crate::types::{InstrumentSpec, NS_PER_MS, Price, Quote, Side, TimeNs};

/// After a refusal a close is asked for again this much later: a market that is closed is not asked on every tick.
const LEAVE_AGAIN_NS: i64 = 250 * NS_PER_MS;

macro_rules! exit_reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal);+ $(;)?) => {
        /// Why a position is left or its stop is moved. Codes share their numbers with the gate's reasons and are never given twice.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u32)]
        pub enum ExitReason { $($(#[$doc])* $variant = $code),+ }

        impl ExitReason {
            /// Every reason.
            pub const ALL: &'static [ExitReason] = &[$(ExitReason::$variant),+];

            /// The reason with this code.
            pub fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(ExitReason::$variant),)+ _ => None }
            }

            /// `CATEGORY_CONDITION`.
            pub fn name(self) -> &'static str {
                match self { $(ExitReason::$variant => $name),+ }
            }
        }
    };
}
exit_reasons!(
    /// Held for as long as the plan allows.
    HoldTime = 50, "EXIT_HOLD_TIME";
    /// The strategy's session ends, or is over.
    SessionEnd = 51, "EXIT_SESSION_END";
    /// It stands without the stop that is demanded, for too long or because the venue refused one.
    Unprotected = 52, "EXIT_UNPROTECTED";
    /// A rung of the ladder was reached.
    Ladder = 53, "EXIT_LADDER";
    /// The stop follows the price.
    Trailing = 54, "EXIT_TRAILING";
    /// The stop moves to where nothing is lost.
    BreakEven = 55, "EXIT_BREAK_EVEN";
    /// The demanded stop is placed where none stands.
    Protect = 56, "EXIT_PROTECT";
    /// A stop that somebody took back is put where it stood.
    Restore = 57, "EXIT_RESTORE";
);

/// What a position is held against.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moment {
    /// The newest quote of its instrument.
    pub quote: Quote,
    /// Average true range in ticks; not a number while it is not known.
    pub atr_ticks: f64,
    /// Engine time.
    pub now: TimeNs,
    /// What is left of the strategy's session, nanoseconds; zero outside of every window, `None` where nothing is asked or known.
    pub session_left_ns: Option<i64>,
}

/// How much of a position should go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    /// All of it.
    Close(ExitReason),
    /// So many steps of it, above zero.
    Reduce {
        /// Steps.
        qty: i64,
        /// Why.
        reason: ExitReason,
    },
}

/// Where stop and target should stand. Both always go together: a level that is left out is deleted at the venue
/// (`facts`: requests, SLTP).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MoveStop {
    /// The new stop loss.
    pub stop: Price,
    /// The take profit as it stands, or [`Price::NONE`].
    pub take: Price,
    /// Why.
    pub reason: ExitReason,
}

/// What should be. The two do not wait for each other: a reduction that is held up keeps no stop from moving.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// What should go.
    pub leave: Option<Leave>,
    /// Where the stop should stand.
    pub stops: Option<MoveStop>,
}

/// What should be of one position now.
///
/// `under_way` is what open orders may still close of it, steps. Without a sound quote only time, session and a missing stop
/// speak.
pub fn decide(
    plan: &ExitPlan,
    holding: &Holding,
    spec: &InstrumentSpec,
    moment: &Moment,
    under_way: i64,
) -> Wish {
    if holding.qty <= 0 {
        return Wish::default();
    }
    let refused = holding.leave_refused;
    let may_leave = refused == TimeNs::NEVER || moment.now.since(refused) >= LEAVE_AGAIN_NS;
    if let Some(reason) = close_reason(plan, holding, moment) {
        return Wish { leave: may_leave.then_some(Leave::Close(reason)), stops: None };
    }
    if !is_sound(&moment.quote) {
        return Wish::default();
    }
    let market = exit_price(&moment.quote, holding.side);
    let qty = ladder::due(&plan.ladder, holding, spec, under_way);
    let leave = (qty > 0 && may_leave).then_some(Leave::Reduce { qty, reason: ExitReason::Ladder });
    Wish { leave, stops: stops::due(plan, holding, spec, moment, market) }
}

/// The first reason to be out of the market, if there is one.
fn close_reason(plan: &ExitPlan, holding: &Holding, moment: &Moment) -> Option<ExitReason> {
    if plan.unprotected_ns_max > 0 && plan.stop_loss_points > 0 && holding.bare_since != TimeNs::NEVER {
        let is_late = moment.now.since(holding.bare_since) >= plan.unprotected_ns_max;
        if is_late || holding.is_stop_refused {
            return Some(ExitReason::Unprotected);
        }
    }
    if plan.hold_ns_max > 0 && moment.now.since(holding.since) >= plan.hold_ns_max {
        return Some(ExitReason::HoldTime);
    }
    let ends =
        plan.session_end_ns > 0 && moment.session_left_ns.is_some_and(|left| left <= plan.session_end_ns);
    ends.then_some(ExitReason::SessionEnd)
}

/// Whether a quote has both sides and is not crossed.
#[inline]
fn is_sound(quote: &Quote) -> bool {
    quote.spread().is_some_and(|spread| spread >= 0)
}

/// The price at which a position of this side can be left, of a sound quote.
#[inline]
fn exit_price(quote: &Quote, side: Side) -> Price {
    if side == Side::Buy { quote.bid } else { quote.ask }
}
