//! What must hold beside the score before a wish to enter passes: edge against cost, regime, session, agreement, age.
//!
//! What it is not: a word on leaving a position; exits pass every filter.
//!
//! Invariant: a number that is missing passes no filter that asks for it; a filter that is not set asks for nothing.

use super::{Agreement, Veto};
use crate::types::Side;

/// Most windows of a day.
pub const WINDOWS_MAX: usize = 8;
const MINUTES_A_DAY: u16 = 1_440;
const SECONDS_A_DAY: i64 = 86_400;
/// Every day of the week.
pub const EVERY_DAY: u8 = 0x7f;

/// The move that a score promises must pay for what a trade costs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Edge {
    /// The score that promises nothing: 0.5 for a probability, 0 for a forecast.
    pub middle: f64,
    /// Ticks of expected move for each unit of score beyond the middle.
    pub ticks_per_unit: f64,
    /// Commission of the round trip, ticks.
    pub commission_ticks: f64,
    /// What must be left, ticks.
    pub margin_ticks: f64,
}

impl Edge {
    /// Expected move towards `side`, ticks.
    #[inline]
    pub fn expected_ticks(&self, score: f64, side: Side) -> f64 {
        (score - self.middle) * side.sign() as f64 * self.ticks_per_unit
    }

    #[inline]
    fn pays(&self, score: f64, side: Side, spread_ticks: i64) -> bool {
        let cost = spread_ticks as f64 + self.commission_ticks + self.margin_ticks;
        self.expected_ticks(score, side) > cost
    }
}

/// A band that a value must lie in, bounds included.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Band {
    /// Lowest.
    pub min: f64,
    /// Highest.
    pub max: f64,
}

/// Windows of the server's day, on some days of its week.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sessions {
    /// Start, included, and end, excluded, in minutes of the day; an end before its start lies in the next day.
    windows: [(u16, u16); WINDOWS_MAX],
    window_count: u8,
    /// Bit 0 is Sunday. A window belongs to the day it begins in.
    days: u8,
}

/// Why windows make no sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "sessions: expected at most {WINDOWS_MAX} windows within the day and a day of the week, got {windows} and days {days:#04x}"
)]
pub struct SessionsError {
    windows: usize,
    days: u8,
}

impl Sessions {
    /// Windows in minutes of the day. None at all is the whole day.
    pub fn new(windows: &[(u16, u16)], days: u8) -> Result<Self, SessionsError> {
        let wrong = SessionsError { windows: windows.len(), days };
        let bad = |&(from, to): &(u16, u16)| from >= MINUTES_A_DAY || to > MINUTES_A_DAY || from == to;
        if windows.len() > WINDOWS_MAX || days & EVERY_DAY == 0 || windows.iter().any(bad) {
            return Err(wrong);
        }
        let mut sessions =
            Sessions { windows: [(0, 0); WINDOWS_MAX], window_count: windows.len() as u8, days };
        sessions.windows[..windows.len()].copy_from_slice(windows);
        if windows.is_empty() {
            (sessions.windows[0], sessions.window_count) = ((0, MINUTES_A_DAY), 1);
        }
        Ok(sessions)
    }

    /// Whether a second of the server's calendar (seconds since 1970-01-01 00:00 there) is in a window.
    #[inline]
    pub fn contains(&self, server_s: i64) -> bool {
        let minute = (server_s.rem_euclid(SECONDS_A_DAY) / 60) as u16;
        let day = server_s.div_euclid(SECONDS_A_DAY);
        self.windows[..usize::from(self.window_count)].iter().any(|&(from, to)| {
            if from < to {
                minute >= from && minute < to && self.has_day(day)
            } else {
                minute >= from && self.has_day(day) || minute < to && self.has_day(day - 1)
            }
        })
    }

    /// Seconds until no window is open any more; zero outside of every window, and more than a week for one that never ends.
    pub fn left_s(&self, server_s: i64) -> i64 {
        let mut at = server_s;
        while at - server_s <= 8 * SECONDS_A_DAY
            && let Some(end) = self.end_of(at)
        {
            at = end;
        }
        at - server_s
    }

    /// The end of the window that is open longest at a second, if one is.
    fn end_of(&self, server_s: i64) -> Option<i64> {
        let (minute, day) = (server_s.rem_euclid(SECONDS_A_DAY) / 60, server_s.div_euclid(SECONDS_A_DAY));
        let windows = self.windows[..usize::from(self.window_count)].iter();
        let end = |&(from, to): &(u16, u16)| {
            let (from, to) = (i64::from(from), i64::from(to));
            if from < to {
                return (minute >= from && minute < to && self.has_day(day)).then_some(to);
            }
            let from_today = (minute >= from && self.has_day(day)).then_some(to + i64::from(MINUTES_A_DAY));
            from_today.or((minute < to && self.has_day(day - 1)).then_some(to))
        };
        windows.filter_map(end).max().map(|end| day * SECONDS_A_DAY + end * 60)
    }

    fn has_day(&self, day: i64) -> bool {
        // The first of January 1970 was a Thursday.
        self.days >> (day + 4).rem_euclid(7) & 1 == 1
    }
}

/// What the filters look at beside score, position and quote.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Context {
    /// The regime's feature; not a number when it is not ready.
    pub regime: f64,
    /// Seconds of the server's calendar; `None` before the server told its offset.
    pub server_s: Option<i64>,
    /// How the members lean.
    pub agreement: Agreement,
    /// Age of the oldest quote that a feature reads, nanoseconds.
    pub feature_age_ns: i64,
    /// A feature lies outside of what a model was trained on, or that is not known; where nothing asks, it is not looked at.
    pub is_outside: bool,
}

impl Context {
    /// Nothing is known: passes where nothing is asked.
    pub const UNKNOWN: Context = Context {
        regime: f64::NAN,
        server_s: None,
        agreement: Agreement { long_count: 0, short_count: 0, member_count: 0 },
        feature_age_ns: i64::MAX,
        is_outside: true,
    };
}

/// The filters of a rule; unset ones pass everything.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Filters {
    /// Expected move against cost.
    pub edge: Option<Edge>,
    /// The band of the regime's feature.
    pub regime: Option<Band>,
    /// When entries are made.
    pub sessions: Option<Sessions>,
    /// Smallest share of members that lean to the side, 0 to 1.
    pub agreement_min: f64,
    /// Oldest quote that a feature may have read, nanoseconds.
    pub feature_age_max_ns: Option<i64>,
    /// Between these a score says something; at an end it is saturated.
    pub scores: Option<Band>,
    /// How far beyond its training's range a feature may lie, as a part of that range, >= 0.
    pub range_tolerance: Option<f64>,
}

impl Filters {
    /// Whether all numbers are usable; the name of the first that is not.
    pub fn validate(&self) -> Result<(), (&'static str, f64)> {
        if let Some(edge) = &self.edge {
            for (key, value, min) in [
                ("edge_ticks_per_unit", edge.ticks_per_unit, 0.0),
                ("commission_ticks", edge.commission_ticks, 0.0),
                ("edge_margin_ticks", edge.margin_ticks, f64::MIN),
                ("middle", edge.middle, f64::MIN),
            ] {
                if !value.is_finite() || value < min {
                    return Err((key, value));
                }
            }
        }
        if let Some(band) = &self.regime
            && (band.min.is_nan() || band.max.is_nan() || band.min > band.max)
        {
            return Err(("regime_min", band.min));
        }
        if !(0.0..=1.0).contains(&self.agreement_min) {
            return Err(("agreement_min", self.agreement_min));
        }
        if let Some(band) = &self.scores
            && (band.min.is_nan() || band.max.is_nan() || band.min >= band.max)
        {
            return Err(("score_saturated_below", band.min));
        }
        if let Some(tolerance) = self.range_tolerance
            && !(tolerance.is_finite() && tolerance >= 0.0)
        {
            return Err(("range_tolerance", tolerance));
        }
        Ok(())
    }

    /// The first filter that a wish for `side` does not pass.
    #[inline]
    pub(super) fn veto(&self, score: f64, side: Side, spread_ticks: i64, context: &Context) -> Option<Veto> {
        if let Some(max) = self.feature_age_max_ns
            && context.feature_age_ns > max
        {
            return Some(Veto::FeatureAge);
        }
        if let Some(edge) = &self.edge
            && !edge.pays(score, side, spread_ticks)
        {
            return Some(Veto::Edge);
        }
        if self.agreement_min > 0.0 && context.agreement.share(side) < self.agreement_min {
            return Some(Veto::Agreement);
        }
        if let Some(band) = &self.regime
            && !(context.regime >= band.min && context.regime <= band.max)
        {
            return Some(Veto::Regime);
        }
        if let Some(sessions) = &self.sessions
            && !context.server_s.is_some_and(|server_s| sessions.contains(server_s))
        {
            return Some(Veto::Session);
        }
        if let Some(band) = &self.scores
            && !(score > band.min && score < band.max)
        {
            return Some(Veto::ScoreSaturated);
        }
        (self.range_tolerance.is_some() && context.is_outside).then_some(Veto::FeatureRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Seconds of a weekday (0 Sunday) and minute in the first full week of 1970.
    fn at(weekday: i64, minute: i64) -> i64 {
        (3 + weekday) * SECONDS_A_DAY + minute * 60
    }

    #[test]
    fn windows_have_their_bounds_days_and_may_cross_midnight() {
        let weekdays = Sessions::new(&[(7 * 60, 17 * 60)], 0b011_1110).unwrap();
        assert!(weekdays.contains(at(1, 7 * 60)) && weekdays.contains(at(5, 17 * 60 - 1)));
        assert!(!weekdays.contains(at(1, 7 * 60 - 1)) && !weekdays.contains(at(1, 17 * 60)));
        assert!(!weekdays.contains(at(0, 8 * 60)) && !weekdays.contains(at(6, 8 * 60)));
        let night = Sessions::new(&[(22 * 60, 2 * 60)], 1 << 5).unwrap();
        assert!(night.contains(at(5, 23 * 60)) && night.contains(at(6, 60)), "it began on Friday");
        assert!(!night.contains(at(5, 60)) && !night.contains(at(6, 23 * 60)));
        let whole = Sessions::new(&[], EVERY_DAY).unwrap();
        assert!(whole.contains(at(3, 0)) && whole.contains(at(3, 1_439)));
        for wrong in [&[(0, 0)][..], &[(1_440, 5)], &[(0, 1_441)], &[(1, 2); 9]] {
            assert!(Sessions::new(wrong, EVERY_DAY).is_err(), "{wrong:?}");
        }
        assert!(Sessions::new(&[], 0).is_err());
    }

    #[test]
    fn what_is_left_of_a_session_runs_over_windows_that_touch() {
        let day = Sessions::new(&[(7 * 60, 12 * 60), (12 * 60, 17 * 60)], 0b011_1110).unwrap();
        assert_eq!(day.left_s(at(1, 7 * 60) + 1), 10 * 3_600 - 1);
        assert_eq!((day.left_s(at(1, 17 * 60)), day.left_s(at(6, 8 * 60))), (0, 0));
        let night = Sessions::new(&[(22 * 60, 2 * 60)], 1 << 5).unwrap();
        assert_eq!((night.left_s(at(5, 23 * 60)), night.left_s(at(6, 60))), (3 * 3_600, 3_600));
        assert_eq!(night.left_s(at(5, 60)), 0);
        assert!(Sessions::new(&[], EVERY_DAY).unwrap().left_s(at(3, 5)) > 7 * SECONDS_A_DAY);
        let weekdays = Sessions::new(&[], 0b011_1110).unwrap();
        assert_eq!(weekdays.left_s(at(5, 23 * 60)), 3_600, "over on Saturday");
    }

    #[test]
    fn an_edge_must_be_more_than_its_cost() {
        let edge = Edge { middle: 0.5, ticks_per_unit: 100.0, commission_ticks: 2.0, margin_ticks: 1.0 };
        let filters = Filters { edge: Some(edge), ..Filters::default() };
        let veto = |score, side, spread| filters.veto(score, side, spread, &Context::UNKNOWN);
        assert_eq!(veto(0.75, Side::Buy, 21), None);
        assert_eq!(veto(0.75, Side::Buy, 22), Some(Veto::Edge), "25 expected, 25 to pay");
        assert_eq!(veto(0.75, Side::Sell, 0), Some(Veto::Edge));
        assert_eq!(veto(0.25, Side::Sell, 21), None);
        assert_eq!(veto(f64::NAN, Side::Buy, 0), Some(Veto::Edge));
    }

    #[test]
    fn what_is_missing_passes_no_filter_that_asks() {
        let unknown = Context::UNKNOWN;
        let veto = |filters: Filters| filters.veto(0.9, Side::Buy, 1, &unknown);
        assert_eq!(veto(Filters::default()), None);
        assert_eq!(
            veto(Filters { regime: Some(Band { min: 0.0, max: 1.0 }), ..Filters::default() }),
            Some(Veto::Regime)
        );
        let sessions = Sessions::new(&[], EVERY_DAY).ok();
        assert_eq!(veto(Filters { sessions, ..Filters::default() }), Some(Veto::Session));
        assert_eq!(veto(Filters { agreement_min: 0.1, ..Filters::default() }), Some(Veto::Agreement));
        assert_eq!(
            veto(Filters { feature_age_max_ns: Some(1), ..Filters::default() }),
            Some(Veto::FeatureAge)
        );
    }

    proptest! {
        #[test]
        fn a_wider_spread_never_turns_a_veto_into_a_pass(
            score in 0.0f64..1.0, per_unit in 0.0f64..500.0, commission in 0.0f64..50.0, spread in 0i64..200, more in 0i64..200,
        ) {
            let edge = Edge { middle: 0.5, ticks_per_unit: per_unit, commission_ticks: commission, margin_ticks: 0.0 };
            let filters = Filters { edge: Some(edge), ..Filters::default() };
            let side = if score > 0.5 { Side::Buy } else { Side::Sell };
            if filters.veto(score, side, spread, &Context::UNKNOWN).is_some() {
                prop_assert!(filters.veto(score, side, spread + more, &Context::UNKNOWN).is_some());
            }
        }

        #[test]
        fn a_day_is_split_by_a_window_and_its_complement(from in 0u16..1440, to in 0u16..1440, minute in 0i64..10_080) {
            prop_assume!(from != to);
            let inside = Sessions::new(&[(from, to)], EVERY_DAY).unwrap();
            let outside = Sessions::new(&[(to, from)], EVERY_DAY).unwrap();
            prop_assert!(inside.contains(minute * 60) != outside.contains(minute * 60));
            prop_assert_eq!(inside.contains(minute * 60), inside.left_s(minute * 60) > 0);
        }
    }
}
