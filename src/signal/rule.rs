//! The rule between a score and a wish: thresholds, a cooldown, and vetoes that are counted.
//!
//! What it is not: it knows no orders, no sizes and no models; a score and a quote go in, a wish comes out.
//!
//! Invariant: a score that is not a number wishes nothing; every wish that was held back has a reason with a counter.

use super::{Context, Filters, VETO_COUNT, Veto, VetoCounts};
use crate::types::{Quote, Side, TimeNs};

/// Thresholds in the score's own unit, times in nanoseconds, spreads in ticks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Thresholds {
    /// Buy at this score or above.
    pub enter_long_above: f64,
    /// Sell at this score or below.
    pub enter_short_below: f64,
    /// Leave a long position at this score or below.
    pub exit_long_below: f64,
    /// Leave a short position at this score or above.
    pub exit_short_above: f64,
    /// No two entries closer than this.
    pub cooldown_ns: i64,
    /// No entry on a wider spread.
    pub spread_max_ticks: i64,
    /// No entry on an older quote.
    pub quote_age_max_ns: i64,
}

/// Why thresholds make no rule.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("signal.{key}: expected {expected}, got {got}")]
pub struct RuleError {
    /// The key.
    pub key: &'static str,
    /// What would be accepted.
    pub expected: &'static str,
    /// What came.
    pub got: f64,
}

/// What the rule looks at beside the score.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// Sign of the position: -1, 0 or 1.
    pub position: i64,
    /// The quote the score was made on.
    pub quote: Quote,
    /// Engine time.
    pub now: TimeNs,
}

/// A wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Nothing.
    None,
    /// Be in the market on this side.
    Enter(Side),
    /// Be out of the market.
    Exit,
}

/// A rule that runs.
#[derive(Clone, Debug)]
pub struct Rule {
    thresholds: Thresholds,
    filters: Filters,
    last_entry: Option<TimeNs>,
    vetoes: VetoCounts,
}

impl Rule {
    /// Checks the thresholds; no filter is set.
    pub fn new(thresholds: Thresholds) -> Result<Self, RuleError> {
        Self::with_filters(thresholds, Filters::default())
    }

    /// Checks thresholds and filters.
    pub fn with_filters(thresholds: Thresholds, filters: Filters) -> Result<Self, RuleError> {
        check(&thresholds)?;
        filters.validate().map_err(|(key, got)| RuleError {
            key,
            expected: "a finite number in its range",
            got,
        })?;
        Ok(Rule { thresholds, filters, last_entry: None, vetoes: [0; VETO_COUNT] })
    }

    /// As [`Rule::decide_in`], where nothing but the quote is known.
    #[inline]
    pub fn decide(&mut self, score: f64, state: &State) -> Signal {
        self.decide_in(score, state, &Context::UNKNOWN)
    }

    /// Turns a score into a wish.
    #[inline]
    pub fn decide_in(&mut self, score: f64, state: &State, context: &Context) -> Signal {
        let t = &self.thresholds;
        if score.is_nan() {
            return self.veto(Veto::ScoreMissing);
        }
        let side = if score >= t.enter_long_above {
            Side::Buy
        } else if score <= t.enter_short_below {
            Side::Sell
        } else if state.position > 0 && score <= t.exit_long_below
            || state.position < 0 && score >= t.exit_short_above
        {
            return Signal::Exit;
        } else {
            return Signal::None;
        };
        if state.position == side.sign() {
            return self.veto(Veto::Held);
        }
        if state.position != 0 {
            return Signal::Exit;
        }
        if let Some(last) = self.last_entry
            && state.now.since(last) < t.cooldown_ns
        {
            return self.veto(Veto::Cooldown);
        }
        let spread = match state.quote.spread() {
            None => return self.veto(Veto::QuoteMissing),
            Some(spread) if spread > t.spread_max_ticks => return self.veto(Veto::Spread),
            Some(spread) => spread,
        };
        if state.quote.age_ns(state.now) > t.quote_age_max_ns {
            return self.veto(Veto::QuoteAge);
        }
        if let Some(veto) = self.filters.veto(score, side, spread, context) {
            return self.veto(veto);
        }
        self.last_entry = Some(state.now);
        Signal::Enter(side)
    }

    /// How far beyond its training's range a feature may lie, as a part of it; `None` where nothing asks.
    pub fn range_tolerance(&self) -> Option<f64> {
        self.filters.range_tolerance
    }

    /// Whether a score no longer speaks for a side: what waits to be opened on it need not wait any more.
    pub fn has_left(&self, score: f64, side: Side) -> bool {
        let t = &self.thresholds;
        match side {
            Side::Buy => !(score > t.exit_long_below && score > t.enter_short_below),
            Side::Sell => !(score < t.exit_short_above && score < t.enter_long_above),
        }
    }

    fn veto(&mut self, veto: Veto) -> Signal {
        self.vetoes[veto as usize] += 1;
        Signal::None
    }

    /// How often each veto held a wish back.
    pub fn vetoes(&self) -> impl Iterator<Item = (Veto, u64)> + '_ {
        Veto::ALL.iter().map(|veto| (*veto, self.vetoes[*veto as usize]))
    }

    /// The same as plain counts, in the order of [`Veto::ALL`].
    pub fn veto_counts(&self) -> &VetoCounts {
        &self.vetoes
    }

    /// Seconds left of the session at a second of the server's calendar, zero outside; `None` where no sessions are set.
    pub fn session_left_s(&self, server_s: i64) -> Option<i64> {
        self.filters.sessions.map(|sessions| sessions.left_s(server_s))
    }

    /// The same thresholds and filters with nothing counted and no entry made: for a model that is only watched.
    pub fn fresh(&self) -> Rule {
        Rule { last_entry: None, vetoes: [0; VETO_COUNT], ..self.clone() }
    }
}

fn check(thresholds: &Thresholds) -> Result<(), RuleError> {
    let t = thresholds;
    let numbers = [
        ("enter_long_above", t.enter_long_above),
        ("enter_short_below", t.enter_short_below),
        ("exit_long_below", t.exit_long_below),
        ("exit_short_above", t.exit_short_above),
    ];
    if let Some((key, got)) = numbers.into_iter().find(|(_, value)| !value.is_finite()) {
        return Err(RuleError { key, expected: "a finite number", got });
    }
    if t.enter_long_above <= t.enter_short_below {
        let got = t.enter_long_above;
        return Err(RuleError { key: "enter_long_above", expected: "above enter_short_below", got });
    }
    if t.exit_long_below >= t.enter_long_above {
        let got = t.exit_long_below;
        return Err(RuleError { key: "exit_long_below", expected: "below enter_long_above", got });
    }
    if t.exit_short_above <= t.enter_short_below {
        let got = t.exit_short_above;
        return Err(RuleError { key: "exit_short_above", expected: "above enter_short_below", got });
    }
    for (key, got) in [
        ("cooldown_ms", t.cooldown_ns),
        ("spread_max_ticks", t.spread_max_ticks),
        ("quote_age_max_ms", t.quote_age_max_ns),
    ] {
        if got < 0 {
            return Err(RuleError { key, expected: "0 or more", got: got as f64 });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Price;

    fn rule() -> Rule {
        Rule::new(thresholds()).unwrap()
    }

    fn thresholds() -> Thresholds {
        Thresholds {
            enter_long_above: 0.6,
            enter_short_below: 0.4,
            exit_long_below: 0.5,
            exit_short_above: 0.5,
            cooldown_ns: 100,
            spread_max_ticks: 3,
            quote_age_max_ns: 50,
        }
    }

    fn state(now: i64, position: i64) -> State {
        let quote = Quote {
            bid: Price(10),
            ask: Price(12),
            last: Price::NONE,
            ts_venue: TimeNs(now),
            ts_recv: TimeNs(now),
        };
        State { position, quote, now: TimeNs(now) }
    }

    #[test]
    fn thresholds_are_inclusive_and_the_cooldown_holds() {
        let mut rule = rule();
        assert_eq!(rule.decide(0.599, &state(1, 0)), Signal::None);
        assert_eq!(rule.decide(0.6, &state(1, 0)), Signal::Enter(Side::Buy));
        assert_eq!(rule.decide(0.3, &state(100, 0)), Signal::None);
        assert_eq!(rule.decide(0.3, &state(101, 0)), Signal::Enter(Side::Sell));
        assert_eq!(rule.vetoes().find(|(veto, _)| *veto == Veto::Cooldown), Some((Veto::Cooldown, 1)));
    }

    #[test]
    fn a_side_is_left_at_its_exit_by_the_other_side_and_without_a_score() {
        let rule = rule();
        for (score, buy, sell) in
            [(0.7, false, true), (0.55, false, true), (0.5, true, true), (0.45, true, false)]
        {
            assert_eq!(
                (rule.has_left(score, Side::Buy), rule.has_left(score, Side::Sell)),
                (buy, sell),
                "{score}"
            );
        }
        assert!(rule.has_left(f64::NAN, Side::Buy) && rule.has_left(f64::NAN, Side::Sell));
    }

    #[test]
    fn a_position_is_left_by_its_exit_or_by_the_other_side() {
        let mut rule = rule();
        assert_eq!(rule.decide(0.7, &state(1, 1)), Signal::None);
        assert_eq!(rule.decide(0.5, &state(1, 1)), Signal::Exit);
        assert_eq!(rule.decide(0.3, &state(1, 1)), Signal::Exit);
        assert_eq!(rule.decide(0.55, &state(1, 1)), Signal::None);
        assert_eq!(rule.decide(0.5, &state(1, -1)), Signal::Exit);
    }

    #[test]
    fn wide_old_missing_and_nan_are_vetoed() {
        let mut rule = rule();
        let wide = State { quote: Quote { ask: Price(14), ..state(9, 0).quote }, ..state(9, 0) };
        let missing = State { quote: Quote { ask: Price::NONE, ..state(9, 0).quote }, ..state(9, 0) };
        let old = State { now: TimeNs(60), ..state(9, 0) };
        for (score, state) in [(0.9, wide), (0.9, missing), (0.9, old), (f64::NAN, state(9, 0))] {
            assert_eq!(rule.decide(score, &state), Signal::None);
        }
        let counted: Vec<u64> = rule.vetoes().map(|(_, count)| count).collect();
        assert_eq!(counted, [1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn thresholds_without_sense_are_named() {
        let bad = Thresholds { enter_long_above: 0.3, ..thresholds() };
        assert_eq!(Rule::new(bad).unwrap_err().key, "enter_long_above");
        let bad = Thresholds { exit_long_below: 0.6, ..thresholds() };
        assert_eq!(Rule::new(bad).unwrap_err().key, "exit_long_below");
        let bad = Thresholds { exit_short_above: f64::NAN, ..thresholds() };
        assert_eq!(Rule::new(bad).unwrap_err().key, "exit_short_above");
    }
}
