//! What is configured of exits: distances in points, times in nanoseconds, shares in ten-thousandths.
//!
//! What it is not: prices; the instrument's rules turn points into ticks when they are needed.
//!
//! Invariant: a plan that is off asks for nothing; a ladder that exists closes no more than the whole.

/// Most rungs of a ladder.
pub const RUNGS_MAX: usize = 8;
/// The whole, as a share.
const WHOLE_E4: u32 = 10_000;

/// How a stop follows the price.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Trailing {
    /// Not at all.
    #[default]
    Off,
    /// So many points behind the best price.
    Distance(u32),
    /// So many average true ranges behind the best price.
    Atr(f64),
    /// So far behind the last whole step of the best price from the entry.
    Steps {
        /// Points between two steps, > 0.
        step_points: u32,
        /// Points behind a step.
        distance_points: u32,
    },
}

/// When nothing more is to be lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakEven {
    /// Once the price was so many points better than the entry, > 0.
    pub after_points: u32,
    /// The stop stands so many points on the good side of the entry, < `after_points`.
    pub offset_points: u32,
}

/// A part that is closed once the price was so much better than the entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rung {
    /// Points from the entry, > 0.
    pub points: u32,
    /// Share of everything that was filled, ten-thousandths.
    pub share_e4: u32,
}

/// Parts that are closed one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ladder {
    rungs: [Rung; RUNGS_MAX],
}

/// Why rungs make no ladder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "expected at most {RUNGS_MAX} rungs with rising points and shares above 0, together at most 1, got rung {rung} \
     at {points} points of {share_e4} ten-thousandths, {total_e4} so far"
)]
pub struct LadderError {
    rung: usize,
    points: u32,
    share_e4: u32,
    total_e4: u32,
}

impl Ladder {
    /// A ladder of these rungs; none at all is none.
    pub fn new(rungs: &[Rung]) -> Result<Self, LadderError> {
        let (mut ladder, mut total_e4, mut before) = (Ladder::default(), 0u32, 0);
        for (at, rung) in rungs.iter().enumerate() {
            total_e4 = total_e4.saturating_add(rung.share_e4);
            let is_bad =
                at >= RUNGS_MAX || rung.points <= before || rung.share_e4 == 0 || total_e4 > WHOLE_E4;
            if is_bad {
                return Err(LadderError { rung: at, points: rung.points, share_e4: rung.share_e4, total_e4 });
            }
            (ladder.rungs[at], before) = (*rung, rung.points);
        }
        Ok(ladder)
    }

    /// The rungs, nearest first.
    pub fn rungs(&self) -> impl Iterator<Item = &Rung> {
        self.rungs.iter().take_while(|rung| rung.share_e4 > 0)
    }

    /// A part of a volume, rounded down to whole steps.
    pub(super) fn part(qty: i64, share_e4: u32) -> i64 {
        (i128::from(qty) * i128::from(share_e4.min(WHOLE_E4)) / i128::from(WHOLE_E4)) as i64
    }
}

/// See the module.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ExitPlan {
    /// A position older than this is closed, nanoseconds; zero for never.
    pub hold_ns_max: i64,
    /// A position is closed when so much or less is left of the strategy's session, nanoseconds; zero for never.
    pub session_end_ns: i64,
    /// How the stop follows the price.
    pub trailing: Trailing,
    /// The stop follows once the price was so many points better than the entry.
    pub trailing_after_points: u32,
    /// When nothing more is to be lost.
    pub break_even: Option<BreakEven>,
    /// Parts that are closed on the way.
    pub ladder: Ladder,
    /// The stop that an entry demands, points; zero for none.
    pub stop_loss_points: u32,
    /// The target that an entry demands, points; zero for none.
    pub take_profit_points: u32,
    /// A position that demands a stop and has none at the venue for so long is closed, nanoseconds; zero for never.
    pub unprotected_ns_max: i64,
    /// A stop is not moved by less, points; at least one tick.
    pub move_points_min: u32,
    /// Nor sooner after the last move, nanoseconds.
    pub move_ns_min: i64,
}

impl ExitPlan {
    /// Asks for nothing.
    pub const OFF: ExitPlan = ExitPlan {
        hold_ns_max: 0,
        session_end_ns: 0,
        trailing: Trailing::Off,
        trailing_after_points: 0,
        break_even: None,
        ladder: Ladder { rungs: [Rung { points: 0, share_e4: 0 }; RUNGS_MAX] },
        stop_loss_points: 0,
        take_profit_points: 0,
        unprotected_ns_max: 0,
        move_points_min: 0,
        move_ns_min: 0,
    };

    /// Whether a position may ever be left, or its stop be moved, by it.
    pub fn is_on(&self) -> bool {
        let quiet = ExitPlan {
            stop_loss_points: 0,
            take_profit_points: 0,
            move_points_min: 0,
            move_ns_min: 0,
            trailing_after_points: 0,
            ..*self
        };
        quiet != ExitPlan::OFF
    }

    /// Whether it moves stops.
    pub fn moves_stops(&self) -> bool {
        self.trailing != Trailing::Off || self.break_even.is_some() || self.demands_stop()
    }

    /// Whether a position must not stand without a stop.
    pub fn demands_stop(&self) -> bool {
        self.stop_loss_points > 0 && self.unprotected_ns_max > 0
    }
}
