//! Where the stop should stand: the tightest of what trailing, break-even and the entry's demand say.
//!
//! What it is not: the placing; whoever calls sends one move at a time and says what became of it.
//!
//! Invariant: a stop never moves against its position, not even against one that stood before and is gone. One that would stand
//! nearer to the price than the venue takes (`facts`: TRADE_STOPS_LEVEL) is clamped to the nearest that it takes, as long as
//! that is still an improvement; within the freeze level (TRADE_FREEZE_LEVEL) everything waits.

use super::{ExitPlan, ExitReason, Holding, Moment, MoveStop, Stops, Trailing};
use crate::types::{InstrumentSpec, Price};

/// The move that is due; `None` while the stop may stay or has to wait.
pub(super) fn due(
    plan: &ExitPlan,
    holding: &Holding,
    spec: &InstrumentSpec,
    moment: &Moment,
    market: Price,
) -> Option<MoveStop> {
    // What stands must be known: the request names both levels, and one left out is deleted.
    let stands = holding.stops?;
    if !plan.moves_stops() {
        return None;
    }
    let is_paced = holding.last_move == crate::types::TimeNs::NEVER
        || moment.now.since(holding.last_move) >= plan.move_ns_min;
    if !is_paced || is_frozen(holding, spec, market, stands) {
        return None;
    }
    let (wanted, reason) = wanted(plan, holding, spec, moment, stands)?;
    let nearest = holding.favour(market).saturating_sub(spec.points_to_ticks(spec.stops_level_points).max(1));
    let favour = wanted.min(nearest);
    if stands.stop.is_some() {
        let least = spec.points_to_ticks(plan.move_points_min).max(1);
        if favour.saturating_sub(holding.favour(stands.stop)) < least {
            return None;
        }
    }
    if holding.tightest.is_some() && favour < holding.favour(holding.tightest) {
        return None;
    }
    let take = take(plan, holding, spec, stands);
    let is_take_far = !take.is_some()
        || holding.favour(take).saturating_sub(holding.favour(market))
            >= spec.points_to_ticks(spec.stops_level_points).max(1);
    is_take_far.then_some(MoveStop { stop: holding.price(favour), take, reason })
}

/// The tightest stop that any rule wants, in favour.
fn wanted(
    plan: &ExitPlan,
    holding: &Holding,
    spec: &InstrumentSpec,
    moment: &Moment,
    stands: Stops,
) -> Option<(i64, ExitReason)> {
    let entry = holding.entry_favour();
    let advance = holding.advance_ticks()?;
    let is_bare = !stands.stop.is_some();
    let demanded = (is_bare && plan.demands_stop())
        .then(|| (entry.saturating_sub(spec.points_to_ticks(plan.stop_loss_points)), ExitReason::Protect));
    let before = holding
        .tightest
        .is_some()
        .then(|| (holding.favour(holding.tightest), ExitReason::Restore))
        .filter(|_| stands.stop != holding.tightest);
    let even = plan
        .break_even
        .filter(|even| advance >= spec.points_to_ticks(even.after_points))
        .map(|even| (entry.saturating_add(spec.points_to_ticks(even.offset_points)), ExitReason::BreakEven));
    let trailed = (advance >= spec.points_to_ticks(plan.trailing_after_points))
        .then(|| trailed(plan.trailing, holding, spec, moment.atr_ticks, advance))
        .flatten()
        .map(|favour| (favour, ExitReason::Trailing));
    // Of two that are equal, the first names the reason.
    [before, demanded, even, trailed]
        .into_iter()
        .flatten()
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// Where trailing wants the stop, in favour.
fn trailed(
    trailing: Trailing,
    holding: &Holding,
    spec: &InstrumentSpec,
    atr_ticks: f64,
    advance: i64,
) -> Option<i64> {
    let best = holding.favour(holding.best);
    match trailing {
        Trailing::Off => None,
        Trailing::Distance(points) => Some(best.saturating_sub(spec.points_to_ticks(points))),
        Trailing::Atr(multiple) => {
            let distance = atr_ticks * multiple;
            // A range that is missing or nothing says nothing of where a stop should stand.
            (distance.is_finite() && distance >= 1.0).then(|| best.saturating_sub(distance.ceil() as i64))
        }
        Trailing::Steps { step_points, distance_points } => {
            let step = spec.points_to_ticks(step_points).max(1);
            let whole = advance.div_euclid(step) * step;
            (whole > 0).then(|| {
                holding
                    .entry_favour()
                    .saturating_add(whole)
                    .saturating_sub(spec.points_to_ticks(distance_points))
            })
        }
    }
}

/// The target that goes with the stop: as it stands; where nothing at all stands, the one that was demanded.
fn take(plan: &ExitPlan, holding: &Holding, spec: &InstrumentSpec, stands: Stops) -> Price {
    if stands != Stops::NONE || plan.take_profit_points == 0 {
        return stands.take;
    }
    let distance = spec.points_to_ticks(plan.take_profit_points);
    holding.price(holding.entry_favour().saturating_add(distance))
}

/// Whether the price is so near to a level that the venue changes nothing.
fn is_frozen(holding: &Holding, spec: &InstrumentSpec, market: Price, stands: Stops) -> bool {
    let freeze = spec.points_to_ticks(spec.freeze_level_points);
    let near = |level: Price| {
        level.is_some() && holding.favour(level).saturating_sub(holding.favour(market)).abs() <= freeze
    };
    freeze > 0 && (near(stands.stop) || near(stands.take))
}
